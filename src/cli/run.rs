//! `latelier run`: tasks in, pictures and the API's answer out.

mod answer;
mod other_tasks;
mod provider;
mod purse;
mod resume;

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use uuid::Uuid;

use self::answer::{Made, Printed, result, unreadable};
use self::provider::{Maker, Surroundings};
use self::purse::Purse;
use super::explain::explain;
use super::show::printable;
use super::{BAD_USAGE, DONE, EngineArg, EngineArgs, FAILED, ModelFolders};
use crate::engine::Mode;
use crate::jobs::{
    Event, EventSink, Failure, FailureKind, Job, JobId, Journal, Progress, Receipts, fresh_seed,
};
use crate::library::{Home, JournalFolder, Ledger, LedgerError, Library, Pictures, Results};
use crate::metadata::{self, Carried};
use crate::pixels::{probe, read_task_text};
use crate::task::{EngineKind, Problem, Request, Task, TaskType, read_tasks, resolve};

/// Events that may wait; the reader only waits for events, so this is generous.
const EVENTS: usize = 256;

/// Arguments of `latelier run`.
///
/// Exit code 0: every picture was made. 1: some task failed; the others are in the answer. 2: the
/// command or the file could not be understood at all.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    /// A JSON array of imageInference tasks (for the remote engine of any), or a picture that says how it
    /// was made (see `show`); `-` reads standard input
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

    /// Where the remote engine is: wss:// or ws:// for the WebSocket, https:// or http:// for single
    /// requests [default: the Runware service]. The key comes from `RUNWARE_API_KEY`
    #[arg(long, value_name = "URL")]
    remote_url: Option<String>,

    /// Let the key travel to another machine without encryption
    #[arg(long)]
    insecure: bool,

    /// Stop before the remote engine is paid more than so many US dollars in a day; asks on a terminal
    #[arg(long, value_name = "USD", value_parser = dollars_a_day)]
    daily_limit: Option<f64>,

    /// Write nothing about their making into the pictures
    #[arg(long)]
    no_metadata: bool,

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
    let kind = EngineKind::from(args.engine);
    let (text, others) = match &input {
        Input::Tasks(text) if !args.explain => other_tasks::taken_out(text, kind),
        Input::Tasks(text) => (text.clone(), Vec::new()),
        Input::Picture(_) => ("[]".to_owned(), Vec::new()),
    };
    let tasks = match read_tasks(&text) {
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
    let journal = match open_journal(kind, args, home)? {
        Ok(journal) => journal,
        Err(problem) => return refuse(problem),
    };
    hint(journal.as_deref())?;
    let ledger = match open_ledger(kind, home) {
        Ok(ledger) => ledger,
        Err(error) => return refuse(Problem::new("ledgerUnavailable", format!("{error}."))),
    };
    let maker = Maker::start(
        kind,
        None,
        &Surroundings {
            args,
            engine,
            home,
            library: &library,
            keeper: Arc::new(
                Results::in_folder(home, &args.out, pictures.clone())
                    .with_bare(&args.no_metadata.into()),
            ),
            pictures: Arc::new(pictures.clone()),
            journal: journal.clone().map(|journal| journal as Arc<dyn Journal>),
            receipts: ledger.clone().map(|ledger| ledger as Arc<dyn Receipts>),
        },
    )?;
    let maker = match maker {
        Ok(maker) => maker,
        Err(problem) => return refuse(problem),
    };
    let mut run = Run::new(journal.as_deref());
    // All are written down before the first is started: a crash loses none of them.
    let mut requests: Vec<Result<Request, Vec<Problem>>> = (tasks.into_iter())
        .map(|task| task.and_then(|task| requested(&task, &library, kind)))
        .collect();
    if let Input::Picture(carried) = input {
        requests.push(remade(*carried, &library, kind)?);
    }
    if let Some(ledger) = &ledger {
        let mut purse = Purse::new(ledger, args.daily_limit);
        let weighed = |request: Result<Request, _>| request.and_then(|it| purse.let_through(it));
        requests = requests.into_iter().map(weighed).collect();
    }
    let jobs: Vec<Job> =
        (requests.into_iter()).filter_map(|request| run.accept(request, maker.service())).collect();
    run.make(jobs, &maker);
    for task in others {
        other_tasks::ask(task, &maker, &pictures, &mut run.answer);
    }
    run.finish()
}

fn dollars_a_day(text: &str) -> Result<f64, String> {
    let usd = text.trim_start_matches('$').parse::<f64>().ok();
    usd.filter(|usd| usd.is_finite() && *usd >= 0.0)
        .ok_or_else(|| "an amount in US dollars, such as 2.50".to_owned())
}

/// The journal; the local engine works without one, too.
fn open_journal(
    kind: EngineKind,
    args: &RunArgs,
    home: &Home,
) -> io::Result<Result<Option<Arc<JournalFolder>>, Problem>> {
    Ok(match JournalFolder::open(home, &args.out) {
        Ok(journal) => Ok(Some(Arc::new(journal))),
        // What is paid for must be found again after a crash.
        Err(error) if kind == EngineKind::Remote => {
            Err(Problem::new("journalUnavailable", format!("Nothing was sent: {error}.")))
        }
        Err(error) => {
            writeln!(io::stderr(), "{error}")?;
            Ok(None)
        }
    })
}

/// The books of what costs money.
fn open_ledger(kind: EngineKind, home: &Home) -> Result<Option<Arc<Ledger>>, LedgerError> {
    match kind {
        EngineKind::Remote => Ledger::open(home).map(Arc::new).map(Some),
        EngineKind::Local => Ok(None),
    }
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
    journal: Option<&'a JournalFolder>,
    answer: Printed,
    /// Jobs that failed: they stay in the journal until their answer is printed.
    failed: Vec<JobId>,
}

/// A job that an engine has.
struct Begun {
    id: JobId,
    request: Arc<Request>,
    events: Receiver<Event>,
}

impl<'a> Run<'a> {
    fn new(journal: Option<&'a JournalFolder>) -> Self {
        Self { journal, answer: Printed::default(), failed: Vec::new() }
    }

    /// Writes the job down; what is wrong with it goes into the answer.
    fn accept(
        &mut self,
        request: Result<Request, Vec<Problem>>,
        service: Option<String>,
    ) -> Option<Job> {
        let job = match request {
            Ok(request) => Job { service, ..Job::new(Arc::new(request)) },
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

    /// Runs jobs to their ends and adds what came of them to the answer: the service has several at
    /// once, the local engine one after the other.
    fn make(&mut self, jobs: Vec<Job>, maker: &Maker) {
        let begin = |job: Job| {
            let (sender, events) = sync_channel(EVENTS);
            let begun = Begun { id: job.id, request: Arc::clone(&job.request), events };
            maker.provider().submit(job, EventSink::new(sender, Arc::new(|| {})));
            begun
        };
        if maker.is_remote() {
            let begun: Vec<Begun> = jobs.into_iter().map(begin).collect();
            for begun in begun {
                self.see_through(begun);
            }
        } else {
            for job in jobs {
                self.see_through(begin(job));
            }
        }
    }

    fn see_through(&mut self, Begun { id, request, events }: Begun) {
        let bar = progress_bar(&request);
        let failure = follow(&events, &request, &bar, &mut self.answer);
        bar.finish_and_clear();
        match failure {
            Some(failure) => {
                self.answer.errors.push(failure.to_problem(&request));
                // What the service may still have made waits to be asked for.
                if failure.kind != FailureKind::Interrupted {
                    self.failed.push(id);
                }
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
        self.answer.print()?;
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
    Printed::of(problem).print()?;
    Ok(BAD_USAGE)
}

fn requested(task: &Task, library: &Library, engine: EngineKind) -> Result<Request, Vec<Problem>> {
    resolve(task, library, engine, fresh_seed())
}

/// The bar counts steps on the local engine, and pictures of the service, which tells of no steps.
fn progress_bar(request: &Request) -> ProgressBar {
    let (length, template) = match request.engine {
        EngineKind::Local => (
            u64::from(request.steps * request.number_results),
            "{bar:32} step {pos}/{len}  {eta}  {msg}",
        ),
        EngineKind::Remote => {
            (u64::from(request.number_results), "{bar:32} picture {pos}/{len}  {elapsed}  {msg}")
        }
    };
    let bar = ProgressBar::new(length);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

/// Takes events in until the job ends; a failure comes back.
fn follow(
    events: &Receiver<Event>,
    request: &Request,
    bar: &ProgressBar,
    answer: &mut Printed,
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
                if request.engine == EngineKind::Remote {
                    bar.inc(1);
                }
                match result(Made::of(&record), path, request) {
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
