//! `latelier run --resume`: what was waiting when a Latelier was stopped.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use uuid::Uuid;

use super::answer::{Made, Printed, result};
use super::provider::{Maker, Surroundings};
use super::purse::Purse;
use super::{Run, RunArgs, open_library, refuse, requested};
use crate::cli::{DONE, EngineArgs};
use crate::jobs::{Cancel, Failure, FailureKind, ImageRecord, Job, Keeper, Receipts, Waiting};
use crate::library::{
    Bare, Claim, Claimed, Home, Index, JournalFolder, Ledger, Library, Pictures, Results,
};
use crate::task::{EngineKind, Problem, Request};

pub(super) fn resume(args: &RunArgs, engine: &EngineArgs, home: &Home) -> anyhow::Result<u8> {
    let journal = match JournalFolder::open(home, &home.results_dir()) {
        Ok(journal) => Arc::new(journal),
        Err(error) => return refuse(Problem::new("journalUnavailable", error.to_string())),
    };
    let Claimed { waiting, set_aside } = match journal.claim(Claim::All) {
        Ok(claimed) => claimed,
        Err(error) => return refuse(Problem::new("journalUnavailable", error.to_string())),
    };
    for text in set_aside {
        writeln!(io::stderr(), "{text}")?;
    }
    // A picture may have been finished without being in the index yet.
    if let Err(error) = Index::open(home).and_then(|index| index.refresh()) {
        writeln!(io::stderr(), "{error}")?;
    }
    if waiting.is_empty() {
        writeln!(io::stderr(), "No job is waiting. Those of a Latelier that runs are its own.")?;
        Printed::default().print()?;
        return Ok(DONE);
    }
    let library = match open_library(args, home)? {
        Ok(library) => library,
        Err(problem) => return refuse(problem),
    };
    let folders: Vec<PathBuf> = waiting.iter().map(|waiting| waiting.results.clone()).collect();
    let pictures = Pictures::new(home, &folders);
    let is_remote = |waiting: &Waiting| waiting.engine == EngineKind::Remote;
    let ledger = match waiting.iter().any(is_remote).then(|| Ledger::open(home)).transpose() {
        Ok(ledger) => ledger.map(Arc::new),
        Err(error) if args.daily_limit.is_some() => {
            let message = format!("Nothing was sent: {error}.");
            return refuse(Problem::new("ledgerUnavailable", message));
        }
        // What was sent is paid for in any case.
        Err(error) => writeln!(io::stderr(), "{error}").map(|()| None)?,
    };
    let mut purse = ledger.as_deref().map(|ledger| Purse::new(ledger, args.daily_limit));
    let with = Surroundings {
        args,
        engine,
        home,
        library: &library,
        keeper: Arc::new(ByTask::new(home, &waiting, &pictures, &args.no_metadata.into())),
        pictures: Arc::new(pictures),
        journal: Some(Arc::<JournalFolder>::clone(&journal)),
        receipts: ledger.clone().map(|ledger| ledger as Arc<dyn Receipts>),
    };
    let mut run = Run::new(Some(&journal));
    let mut groups: BTreeMap<_, Vec<Waiting>> = BTreeMap::new();
    for waiting in waiting {
        let is_remote = waiting.engine == EngineKind::Remote;
        groups.entry((is_remote, waiting.service.clone())).or_default().push(waiting);
    }
    for ((is_remote, service), waiting) in groups {
        let kind = if is_remote { EngineKind::Remote } else { EngineKind::Local };
        run.resume((kind, service.as_deref()), waiting, &with, &mut purse)?;
    }
    run.finish()
}

impl Run<'_> {
    /// Goes on with the jobs of one engine, those of a service at its own address. Without that engine
    /// they keep waiting.
    fn resume(
        &mut self,
        (kind, service): (EngineKind, Option<&str>),
        waiting: Vec<Waiting>,
        with: &Surroundings<'_>,
        purse: &mut Option<Purse<'_>>,
    ) -> io::Result<()> {
        match Maker::start(kind, service, with)? {
            Ok(maker) => {
                let service = maker.service();
                let take_up = |waiting| {
                    let job = self.take_up(waiting, with.library, purse)?;
                    Some(Job { service: service.clone(), ..job })
                };
                let jobs = waiting.into_iter().filter_map(take_up).collect();
                self.make(jobs, &maker);
            }
            Err(problem) => self.answer.errors.push(problem),
        }
        Ok(())
    }

    /// Makes a job of what was left; what is finished goes into the answer at once. What cannot be
    /// resumed, such as a task whose model is gone or that would pass the day's limit, keeps waiting.
    fn take_up(
        &mut self,
        waiting: Waiting,
        library: &Library,
        purse: &mut Option<Purse<'_>>,
    ) -> Option<Job> {
        let request = requested(&waiting.task, library, waiting.engine);
        let request = match request.and_then(|request| weighed(request, &waiting, purse)) {
            Ok(request) => Arc::new(request),
            Err(problems) => {
                self.answer.errors.extend(problems);
                return None;
            }
        };
        for (picture, path) in &waiting.finished {
            match result(Made::before(*picture, path), path, &request) {
                Ok(image) => self.answer.data.push(image),
                Err(error) => tracing::warn!("{error}: {}", path.display()),
            }
        }
        let finished = waiting.made();
        Some(Job { finished, ..Job::resume(request, waiting.owed) })
    }
}

/// What was never sent is weighed as if it were new; what was sent is paid for in any case.
fn weighed(
    request: Request,
    waiting: &Waiting,
    purse: &mut Option<Purse<'_>>,
) -> Result<Request, Vec<Problem>> {
    let is_new = waiting.engine == EngineKind::Remote && !waiting.sent && waiting.made().is_empty();
    match purse {
        Some(purse) if is_new => purse.let_through(request),
        _ => Ok(request),
    }
}

/// Keeps each task's pictures where they were to be written.
struct ByTask(HashMap<Uuid, Results>);

impl ByTask {
    fn new(home: &Home, waiting: &[Waiting], pictures: &Pictures, bare: &Bare) -> Self {
        let mut folders: HashMap<&PathBuf, Results> = HashMap::new();
        let mut results = |folder| {
            folders
                .entry(folder)
                .or_insert_with(|| {
                    Results::in_folder(home, folder, pictures.clone()).with_bare(bare)
                })
                .clone()
        };
        Self(waiting.iter().map(|waiting| (waiting.id, results(&waiting.results))).collect())
    }
}

impl ByTask {
    fn results(&self, record: &ImageRecord) -> Result<&Results, Failure> {
        let task_uuid = record.request.task_uuid;
        self.0.get(&task_uuid).ok_or_else(|| Failure {
            kind: FailureKind::Save,
            headline: format!("The picture answers a task that was not waiting: {task_uuid}"),
            details: String::new(),
        })
    }
}

impl Keeper for ByTask {
    fn keep(&self, record: &ImageRecord) -> Result<PathBuf, Failure> {
        self.results(record)?.keep(record)
    }

    fn deliver(&self, record: &ImageRecord, cancel: &Cancel) -> Result<(), Failure> {
        self.results(record)?.deliver(record, cancel)
    }
}
