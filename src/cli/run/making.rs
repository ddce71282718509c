//! Jobs of a run on their way to the answer: written down, given to an engine, followed to their ends.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use indicatif::{ProgressBar, ProgressStyle};

use super::answer::{Made, Printed, result, unreadable};
use super::provider::Maker;
use crate::cli::{DONE, FAILED};
use crate::jobs::{Event, EventSink, Failure, FailureKind, Job, JobId, Journal as _, Progress};
use crate::library::JournalFolder;
use crate::task::{EngineKind, Problem, Request};

/// Events that may wait; the reader only waits for events, so this is generous.
const EVENTS: usize = 256;

/// Jobs on their way to the answer.
pub(super) struct Run<'a> {
    journal: Option<&'a JournalFolder>,
    pub(super) answer: Printed,
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
    pub(super) fn new(journal: Option<&'a JournalFolder>) -> Self {
        Self { journal, answer: Printed::default(), failed: Vec::new() }
    }

    /// Writes the job down; what is wrong with it goes into the answer.
    pub(super) fn accept(
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
    pub(super) fn make(&mut self, jobs: Vec<Job>, maker: &Maker) {
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
    pub(super) fn finish(self) -> anyhow::Result<u8> {
        self.answer.print()?;
        self.failed.iter().for_each(|id| self.strike(*id));
        Ok(if self.answer.errors.is_empty() { DONE } else { FAILED })
    }
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
            Progress::OutOfReach(None) => bar.set_message("connected again"),
            Progress::OutOfReach(Some(_)) => bar.set_message("no connection, trying again"),
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
