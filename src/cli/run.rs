//! `latelier run`: tasks in, pictures and the API's answer out.

mod answer;
mod input;
mod making;
mod other_tasks;
mod provider;
mod purse;
mod resume;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use self::answer::Printed;
use self::input::{Input, read_input, remade};
use self::making::Run;
use self::other_tasks::Others;
use self::provider::{Maker, Surroundings};
use self::purse::Purse;
use super::explain::explain;
use super::{BAD_USAGE, EngineArg, EngineArgs, ModelFolders};
use crate::engine::Mode;
use crate::jobs::{Job, Journal, Receipts, fresh_seed};
use crate::library::{Home, JournalFolder, Ledger, LedgerError, Library, Pictures, Results};
use crate::task::{EngineKind, Problem, Request, Task, read_tasks, resolve};

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
        Err(problem) => return refuse(*problem),
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
    let mut purse = ledger.as_ref().map(|ledger| Purse::new(ledger, args.daily_limit));
    if let Some(purse) = &mut purse {
        let weighed = |request: Result<Request, _>| request.and_then(|it| purse.let_through(it));
        requests = requests.into_iter().map(weighed).collect();
    }
    let mut asking = Others::new(home, &maker, &pictures);
    let others = asking.prepare_all(others, purse.as_mut(), &mut run.answer);
    let jobs: Vec<Job> =
        (requests.into_iter()).filter_map(|request| run.accept(request, maker.service())).collect();
    run.make(jobs, &maker);
    for other in others {
        asking.ask(other, &mut run.answer);
    }
    let code = run.finish()?;
    asking.printed();
    Ok(code)
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

/// Answers with one problem for the whole input.
fn refuse(problem: Problem) -> anyhow::Result<u8> {
    Printed::of(problem).print()?;
    Ok(BAD_USAGE)
}

fn requested(task: &Task, library: &Library, engine: EngineKind) -> Result<Request, Vec<Problem>> {
    resolve(task, library, engine, fresh_seed())
}
