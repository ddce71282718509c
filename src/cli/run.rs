//! `latelier run`: tasks in, pictures and the API's answer out.

mod resume;

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
use crate::engine::{LocalEngine, Mode, Settings};
use crate::jobs::{
    Event, EventSink, Failure, FailureKind, Job, JobId, Journal as _, NsfwScore, Owed, Progress,
    Provider, Worker, fresh_seed,
};
use crate::library::{Home, JournalFolder, Library, Pictures, Results, read_verdict};
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
    #[arg(value_name = "TASK.json", required_unless_present = "resume")]
    tasks: Option<PathBuf>,

    /// Make the pictures that were waiting when Latelier was stopped, where they were to be written
    #[arg(long, conflicts_with_all = ["tasks", "out", "explain"])]
    resume: bool,

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
    let Some(tasks) = args.tasks.as_deref() else {
        return resume::resume(args, engine, home);
    };
    let input = match read_input(tasks) {
        Ok(input) => input,
        Err(error) => {
            return refuse(Problem::new(
                "invalidRequest",
                format!("Cannot read {}: {error}.", tasks.display()),
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
    let library = match open_library(args, home)? {
        Ok(library) => library,
        Err(problem) => return refuse(problem),
    };
    let pictures = Pictures::new(home, std::slice::from_ref(&args.out));
    if args.explain {
        return explain(&tasks, &library, &pictures, engine.mode.map(Mode::from));
    }
    let journal = match JournalFolder::open(home, &args.out) {
        Ok(journal) => Some(journal),
        Err(error) => {
            writeln!(io::stderr(), "{error}")?;
            None
        }
    };
    hint(journal.as_ref())?;
    let keeper = Arc::new(Results::in_folder(home, &args.out, pictures.clone()));
    let settings = Settings {
        models: library.folders(),
        ..engine.settings(home, keeper, Arc::new(pictures), false)
    };
    let provider = Worker::start("local", move || LocalEngine::new(settings))?;
    let mut run = Run::new(&provider, journal.as_ref());
    // All are written down before the first is started: a crash loses none of them.
    let mut requests: Vec<Result<Request, Vec<Problem>>> = (tasks.into_iter())
        .map(|task| task.and_then(|task| requested(&task, &library, args.engine.into())))
        .collect();
    if let Input::Picture(carried) = input {
        requests.push(remade(*carried, &library, args.engine.into())?);
    }
    let jobs: Vec<Job> = (requests.into_iter()).filter_map(|request| run.accept(request)).collect();
    for job in jobs {
        run.make(job);
    }
    run.finish()
}

/// The library with the models that the arguments name, or why not.
fn open_library(args: &RunArgs, home: &Home) -> io::Result<Result<Library, Problem>> {
    let library = match Library::open(home, &args.models.folders) {
        Ok(library) => library,
        Err(error) => return Ok(Err(Problem::new("invalidRequest", error.to_string()))),
    };
    if let Some(trouble) = library.trouble() {
        writeln!(io::stderr(), "{trouble}")?;
    }
    Ok(Ok(library))
}

/// Says that pictures are waiting, if there are any.
fn hint(journal: Option<&JournalFolder>) -> io::Result<()> {
    let count = journal.and_then(|journal| journal.count_left_behind().ok()).unwrap_or(0);
    let (pictures, verb) = if count == 1 { ("picture", "was") } else { ("pictures", "were") };
    if count > 0 {
        writeln!(
            io::stderr(),
            "{count} {pictures} {verb} waiting when Latelier stopped; `latelier run --resume` \
             makes them"
        )?;
    }
    Ok(())
}

/// Jobs on their way to the answer.
struct Run<'a> {
    provider: &'a dyn Provider,
    journal: Option<&'a JournalFolder>,
    answer: Answer,
    /// Jobs that failed: they stay in the journal until their answer is printed.
    failed: Vec<JobId>,
}

impl<'a> Run<'a> {
    fn new(provider: &'a dyn Provider, journal: Option<&'a JournalFolder>) -> Self {
        Self { provider, journal, answer: Answer::default(), failed: Vec::new() }
    }

    /// Writes the job down; what is wrong with it goes into the answer.
    fn accept(&mut self, request: Result<Request, Vec<Problem>>) -> Option<Job> {
        let job = match request {
            Ok(request) => Job::new(Arc::new(request)),
            Err(problems) => {
                self.answer.errors.extend(problems);
                return None;
            }
        };
        if let Some(Err(failure)) = self.journal.map(|journal| journal.enter(&job)) {
            self.answer.errors.push(failure.to_problem(&job.request));
            return None;
        }
        Some(job)
    }

    /// Runs one job to its end and adds what came of it to the answer.
    fn make(&mut self, job: Job) {
        let (sender, events) = sync_channel(EVENTS);
        let sink = EventSink::new(sender, Arc::new(|| {}));
        let (id, request) = (job.id, Arc::clone(&job.request));
        let bar = progress_bar(&request);
        self.provider.submit(job, sink);
        let failure = follow(&events, &request, &bar, &mut self.answer);
        bar.finish_and_clear();
        match failure {
            Some(failure) => {
                self.answer.errors.push(failure.to_problem(&request));
                self.failed.push(id);
            }
            None => self.strike(id),
        }
    }

    fn strike(&self, id: JobId) {
        if let Some(journal) = self.journal {
            journal.strike(id);
        }
    }

    /// Prints the answer; what failed has then been told and is not offered again.
    fn finish(self) -> anyhow::Result<u8> {
        print(&self.answer)?;
        self.failed.iter().for_each(|id| self.strike(*id));
        Ok(if self.answer.errors.is_empty() { DONE } else { FAILED })
    }
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
        return Ok(Input::Tasks(format!("[{}]", sending_nothing(&task))));
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

/// The task of a picture without the addresses that its result would be sent to: pictures made here
/// carry none, and one from a stranger must not have files of this machine sent to them.
fn sending_nothing(task: &str) -> String {
    let Ok(mut json) = serde_json::from_str::<serde_json::Value>(task) else {
        return task.to_owned();
    };
    if let Some(members) = json.as_object_mut() {
        members.retain(|name, _| name != "uploadEndpoint" && name != "webhookURL");
    }
    json.to_string()
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
    let mut unread = None;
    let mut speed_up = None;
    for event in events {
        match event.progress {
            Progress::Queued => {}
            Progress::Started { device } => bar.set_message(device.name),
            // Pictures that take their steps together tell of each.
            Progress::Step { .. } => bar.inc(1),
            Progress::Image(record) => {
                speed_up = speed_up.or(record.speed_up);
                // One that is not on disk is followed by the failure that says why.
                let Some(path) = &record.path else { continue };
                let owed = Owed { index: record.index, image_uuid: record.image_uuid };
                match result(owed, path, request) {
                    Ok(image) => answer.data.push(image),
                    // The others still come.
                    Err(error) => unread = Some(unreadable(path, &error)),
                }
            }
            Progress::Finished | Progress::Cancelled => {
                if let Some(times) = speed_up {
                    let told =
                        || writeln!(io::stderr(), "DeepCache: steps {times:.1} times as fast");
                    // A closed standard error is no reason to lose the answer.
                    bar.suspend(told).ok();
                }
                return unread;
            }
            Progress::Failed(failure) => {
                tracing::info!("{}", failure.details);
                return Some(failure);
            }
        }
    }
    Some(Failure {
        kind: FailureKind::Other,
        headline: "The engine stopped without a word; run the task again".to_owned(),
        details: "the channel of its events was closed".to_owned(),
    })
}

/// What the answer says of the picture at `path`.
fn result(picture: Owed, path: &Path, request: &Request) -> io::Result<ImageResult> {
    let is_adult = || read_verdict(path).is_some_and(NsfwScore::is_adult);
    Ok(ImageResult {
        task_type: TaskType::ImageInference,
        task_uuid: request.task_uuid,
        image_uuid: picture.image_uuid,
        image: delivered(path, request)?,
        seed: Some(request.seed + u64::from(picture.index)),
        nsfw_content: request.check_nsfw.then(is_adult),
        cost: request.include_cost.then_some(0.0),
    })
}

/// The saved picture in the form the task asked for.
fn delivered(path: &Path, request: &Request) -> io::Result<DeliveredImage> {
    Ok(match request.output_type {
        OutputType::Url => {
            let path = path.canonicalize()?;
            let url = Url::from_file_path(&path)
                .map_or_else(|()| path.display().to_string(), |url| url.to_string());
            DeliveredImage::Url(url)
        }
        OutputType::Base64Data => DeliveredImage::base64(&fs::read(path)?),
        OutputType::DataUri => DeliveredImage::data_uri(request.output_format, &fs::read(path)?),
    })
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure {
        kind: FailureKind::Save,
        headline: format!(
            "The picture was made and cannot be read back from {}: {error}",
            path.display()
        ),
        details: error.to_string(),
    }
}
