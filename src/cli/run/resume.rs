//! `latelier run --resume`: what was waiting when a Latelier was stopped.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use uuid::Uuid;

use super::{Run, RunArgs, open_library, print, refuse, requested, result};
use crate::cli::{DONE, EngineArgs};
use crate::engine::{LocalEngine, Settings};
use crate::jobs::{Cancel, Failure, FailureKind, ImageRecord, Job, Keeper, Waiting, Worker};
use crate::library::{Claim, Claimed, Home, Index, JournalFolder, Library, Pictures, Results};
use crate::task::{Answer, Problem};

pub(super) fn resume(args: &RunArgs, engine: &EngineArgs, home: &Home) -> anyhow::Result<u8> {
    let journal = match JournalFolder::open(home, &home.results_dir()) {
        Ok(journal) => journal,
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
        print(&Answer::default())?;
        return Ok(DONE);
    }
    let library = match open_library(args, home)? {
        Ok(library) => library,
        Err(problem) => return refuse(problem),
    };
    let folders: Vec<PathBuf> = waiting.iter().map(|waiting| waiting.results.clone()).collect();
    let pictures = Pictures::new(home, &folders);
    let keeper = Arc::new(ByTask::new(home, &waiting, &pictures));
    let folders = library.folders();
    let settings = Settings {
        models: Arc::new(move || folders.clone()),
        ..engine.settings(home, keeper, Arc::new(pictures), false)
    };
    let provider = Worker::start("local", move || LocalEngine::new(settings))?;
    let mut run = Run::new(&provider, Some(&journal));
    for waiting in waiting {
        if let Some(job) = run.take_up(waiting, &library, args) {
            run.make(job);
        }
    }
    run.finish()
}

impl Run<'_> {
    /// Makes a job of what was left; what is finished goes into the answer at once. What cannot be
    /// resumed, such as a task whose model is gone, keeps waiting.
    fn take_up(&mut self, waiting: Waiting, library: &Library, args: &RunArgs) -> Option<Job> {
        let request = match requested(&waiting.task, library, args.engine.into()) {
            Ok(request) => Arc::new(request),
            Err(problems) => {
                self.answer.errors.extend(problems);
                return None;
            }
        };
        for (picture, path) in &waiting.finished {
            match result(*picture, path, &request) {
                Ok(image) => self.answer.data.push(image),
                Err(error) => tracing::warn!("{error}: {}", path.display()),
            }
        }
        Some(Job::resume(request, waiting.owed))
    }
}

/// Keeps each task's pictures where they were to be written.
struct ByTask(HashMap<Uuid, Results>);

impl ByTask {
    fn new(home: &Home, waiting: &[Waiting], pictures: &Pictures) -> Self {
        let mut folders: HashMap<&PathBuf, Results> = HashMap::new();
        let mut results = |folder| {
            folders
                .entry(folder)
                .or_insert_with(|| Results::in_folder(home, folder, pictures.clone()))
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
