//! `latelier run`: tasks in, pictures and the API's answer out.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use url::Url;
use uuid::Uuid;

use super::explain::explain;
use super::show::printable;
use super::{BAD_USAGE, DONE, EngineArg, EngineArgs, FAILED, ModelFolders};
use crate::engine::{LocalEngine, Mode};
use crate::jobs::{
    Event, EventSink, Failure, FailureKind, ImageRecord, Job, NsfwScore, Progress, Provider,
    Worker, fresh_seed,
};
use crate::library::{Home, Library, Pictures, Results};
use crate::metadata::{self, Carried};
use crate::pixels::{probe, read_task_text};
use crate::task::{
    Answer, DeliveredImage, EngineKind, ImageResult, OutputType, Problem, Request, Task, TaskType,
    read_tasks, resolve,
};

/// Events that may wait; the reader only waits for events, so this is generous.
const EVENTS: usize = 256;

/// Arguments of `latelier run`.
///
/// Exit code 0: every picture was made. 1: some task failed; the others are in the answer. 2: the
/// command or the file could not be understood at all.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// A JSON array of imageInference tasks, or a picture that says how it was made (see `show`); `-`
    /// reads standard input
    #[arg(value_name = "TASK.json")]
    tasks: PathBuf,

    /// Where pictures are written, as `<imageUUID>.<ext>`
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,

    /// Which engine makes the pictures
    #[arg(long, value_enum, default_value = "local")]
    engine: EngineArg,

    /// Print what would become of each field on each engine and how much memory the local one
    /// would take, and make nothing
    #[arg(long)]
    explain: bool,

    #[command(flatten)]
    models: ModelFolders,
}

pub(super) fn run(args: &RunArgs, engine: &EngineArgs, home: &Home) -> anyhow::Result<u8> {
    let input = match read_input(&args.tasks) {
        Ok(input) => input,
        Err(error) => {
            return refuse(Problem::new(
                "invalidRequest",
                format!("Cannot read {}: {error}.", args.tasks.display()),
            ));
        }
    };
    let tasks = match &input {
        Input::Tasks(text) => read_tasks(text),
        Input::Picture(_) => Ok(Vec::new()),
    };
    let tasks = match tasks {
        Ok(tasks) => tasks,
        Err(problem) => return refuse(*problem),
    };
    let library = match Library::open(home, &args.models.folders) {
        Ok(library) => library,
        Err(error) => return refuse(Problem::new("invalidRequest", error.to_string())),
    };
    if let Some(trouble) = library.trouble() {
        writeln!(io::stderr(), "{trouble}")?;
    }
    let pictures = Pictures::new(home, std::slice::from_ref(&args.out));
    if args.explain {
        return explain(&tasks, &library, &pictures, engine.mode.map(Mode::from));
    }
    let keeper = Arc::new(Results::new(args.out.clone(), pictures.clone()));
    let settings = engine.settings(home, keeper, Arc::new(pictures), false);
    let provider = Worker::start("local", move || LocalEngine::new(settings))?;

    let mut answer = Answer::default();
    let mut requests: Vec<Result<Request, Vec<Problem>>> = (tasks.into_iter())
        .map(|task| task.and_then(|task| requested(&task, &library, args.engine.into())))
        .collect();
    if let Input::Picture(carried) = input {
        requests.push(remade(*carried, &library, args.engine.into())?);
    }
    for request in requests {
        match request {
            Ok(request) => make(&Arc::new(request), &provider, &mut answer),
            Err(problems) => answer.errors.extend(problems),
        }
    }
    print(&answer)?;
    Ok(if answer.errors.is_empty() { DONE } else { FAILED })
}

/// What `latelier run` is given.
enum Input {
    /// Tasks as text, also that of a picture made here.
    Tasks(String),
    /// What a picture of another program carries.
    Picture(Box<Carried>),
}

/// Reads a file or standard input: tasks, or a picture.
fn read_input(path: &Path) -> io::Result<Input> {
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        io::stdin().read_to_end(&mut bytes)?;
    } else {
        bytes = fs::read(path)?;
    }
    if let Some(task) = read_task_text(&bytes).filter(|task| !task.is_empty()) {
        return Ok(Input::Tasks(format!("[{task}]")));
    }
    if let Some(carried) = metadata::read(&bytes) {
        return Ok(Input::Picture(Box::new(carried)));
    }
    if probe(&bytes).is_ok() {
        return Err(io::Error::other("the picture does not say how it was made"));
    }
    String::from_utf8(bytes)
        .map(Input::Tasks)
        .map_err(|_ignored| io::Error::other("it holds neither text nor a picture"))
}

/// The request of a picture of another program, if its settings are enough for one. What could not
/// be taken over is told on standard error.
fn remade(
    mut carried: Carried,
    library: &Library,
    engine: EngineKind,
) -> io::Result<Result<Request, Vec<Problem>>> {
    carried.take_models(&library.models());
    for note in &carried.notes {
        writeln!(io::stderr(), "note ({}): {}", carried.origin, printable(note))?;
    }
    carried.task.task_uuid = Some(Uuid::new_v4().to_string());
    let request = requested(&carried.task, library, engine);
    if !carried.from_picture {
        return Ok(request);
    }
    let message = "seedImage is missing; the picture was made from another one, which the file does \
                   not hold. Write the task with latelier show --json and give it that picture.";
    let missing = Problem {
        task_uuid: carried.task.task_uuid.clone(),
        task_type: Some(TaskType::ImageInference.as_str().to_owned()),
        ..Problem::at("missing", "seedImage", message)
    };
    let problems = request.err().unwrap_or_default();
    Ok(Err([vec![missing], problems].concat()))
}

/// Answers with one problem for the whole input.
fn refuse(problem: Problem) -> anyhow::Result<u8> {
    print(&Answer { data: Vec::new(), errors: vec![problem] })?;
    Ok(BAD_USAGE)
}

fn print(answer: &Answer) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, answer)?;
    writeln!(out)?;
    Ok(())
}

fn requested(task: &Task, library: &Library, engine: EngineKind) -> Result<Request, Vec<Problem>> {
    if engine == EngineKind::Remote {
        let message = "The remote engine is not in this version; run the task with --engine local.";
        let problem = Problem::new("remoteUnavailable", message);
        return Err(vec![Problem { task_uuid: task.task_uuid.clone(), ..problem }]);
    }
    resolve(task, library, engine, fresh_seed())
}

/// Runs one request to its end and adds what came of it to the answer.
fn make(request: &Arc<Request>, provider: &dyn Provider, answer: &mut Answer) {
    let (sender, events) = sync_channel(EVENTS);
    let sink = EventSink::new(sender, Arc::new(|| {}));
    let bar = progress_bar(request);
    provider.submit(Job::new(Arc::clone(request)), sink);
    let failure = follow(&events, request, &bar, answer);
    bar.finish_and_clear();
    if let Some(failure) = failure {
        answer.errors.push(problem_of(&failure, request));
    }
}

fn progress_bar(request: &Request) -> ProgressBar {
    let bar = ProgressBar::new(u64::from(request.steps * request.number_results));
    if let Ok(style) = ProgressStyle::with_template("{bar:32} step {pos}/{len}  {eta}  {msg}") {
        bar.set_style(style);
    }
    bar
}

/// Takes events in until the job ends; a failure comes back.
fn follow(
    events: &Receiver<Event>,
    request: &Request,
    bar: &ProgressBar,
    answer: &mut Answer,
) -> Option<Failure> {
    for event in events {
        match event.progress {
            Progress::Queued => {}
            Progress::Started { device } => bar.set_message(device.name),
            // Pictures that take their steps together tell of each.
            Progress::Step { .. } => bar.inc(1),
            Progress::Image(record) => match delivered(&record) {
                Ok(Some(image)) => answer.data.push(result(&record, request, image)),
                // Not on disk; the failure that follows says why.
                Ok(None) => {}
                Err(error) => return Some(unreadable(&record, &error)),
            },
            Progress::Finished | Progress::Cancelled => return None,
            Progress::Failed(failure) => {
                tracing::info!("{}", failure.details);
                return Some(failure);
            }
        }
    }
    None
}

fn result(record: &ImageRecord, request: &Request, image: DeliveredImage) -> ImageResult {
    ImageResult {
        task_type: TaskType::ImageInference,
        task_uuid: request.task_uuid,
        image_uuid: record.image_uuid,
        image,
        seed: Some(record.seed),
        nsfw_content: record.nsfw.map(NsfwScore::is_adult),
        cost: request.include_cost.then_some(0.0),
    }
}

/// The saved picture in the form the task asked for.
fn delivered(record: &ImageRecord) -> io::Result<Option<DeliveredImage>> {
    let Some(path) = &record.path else { return Ok(None) };
    let request = &record.request;
    Ok(Some(match request.output_type {
        OutputType::Url => {
            let path = path.canonicalize()?;
            let url = Url::from_file_path(&path)
                .map_or_else(|()| path.display().to_string(), |url| url.to_string());
            DeliveredImage::Url(url)
        }
        OutputType::Base64Data => DeliveredImage::base64(&fs::read(path)?),
        OutputType::DataUri => DeliveredImage::data_uri(request.output_format, &fs::read(path)?),
    }))
}

fn unreadable(record: &ImageRecord, error: &io::Error) -> Failure {
    let path = record.path.clone().unwrap_or_default();
    Failure {
        kind: FailureKind::Save,
        headline: format!(
            "The picture was made and cannot be read back from {}: {error}",
            path.display()
        ),
        details: error.to_string(),
    }
}

fn problem_of(failure: &Failure, request: &Request) -> Problem {
    let message = failure.headline.clone();
    let problem = match failure.kind {
        FailureKind::RuntimeMissing => Problem::new("runtimeMissing", message),
        FailureKind::Model => Problem::new("modelLoadFailed", message),
        FailureKind::OutOfMemory => Problem::new("outOfMemory", message),
        FailureKind::Save => Problem::new("saveFailed", message),
        FailureKind::Upload => Problem::new("uploadFailed", message),
        FailureKind::Input(parameter) => Problem::at("invalid", parameter, message),
        FailureKind::Missing(parameter) => Problem::at("unsupportedLocal", parameter, message),
        FailureKind::Other => Problem::new("inferenceError", message),
    };
    Problem {
        task_uuid: Some(request.task_uuid.to_string()),
        task_type: Some(TaskType::ImageInference.as_str().to_owned()),
        ..problem
    }
}
