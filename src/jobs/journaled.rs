//! A provider whose jobs are in the journal before it hears of them, and until their end was heard.
//!
//! Writing has a thread of its own: whoever submits a job never waits for the disk.

use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use super::worker::{QUEUE_LENGTH, refuse};
use super::{Cancel, EventSink, Job, JobId, Journal, Progress, Provider, Status};

/// A [`Provider`] over another one and a [`Journal`].
///
/// A job is struck out when its end was heard. Dropping the value ends what is left unheard, once
/// nobody listens any more: those jobs stay in the journal for the next start.
pub struct Journaled {
    queue: Option<SyncSender<(Job, EventSink)>>,
    thread: Option<JoinHandle<()>>,
    inner: Arc<dyn Provider>,
    shared: Arc<Shared>,
}

struct Shared {
    journal: Arc<dyn Journal>,
    /// Jobs whose end was not heard yet.
    open: Mutex<BTreeMap<JobId, Cancel>>,
}

impl Shared {
    fn open(&self) -> MutexGuard<'_, BTreeMap<JobId, Cancel>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journaled {
    /// Starts the thread that writes.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(inner: Box<dyn Provider>, journal: Arc<dyn Journal>) -> io::Result<Self> {
        let (queue, jobs) = sync_channel(QUEUE_LENGTH);
        let inner: Arc<dyn Provider> = inner.into();
        let shared = Arc::new(Shared { journal, open: Mutex::default() });
        let (provider, on_thread) = (Arc::clone(&inner), Arc::clone(&shared));
        let thread = thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || write_down(&jobs, provider.as_ref(), &on_thread))?;
        Ok(Self { queue: Some(queue), thread: Some(thread), inner, shared })
    }
}

fn write_down(jobs: &Receiver<(Job, EventSink)>, inner: &dyn Provider, shared: &Arc<Shared>) {
    for (job, events) in jobs {
        if let Err(failure) = shared.journal.enter(&job) {
            events.send(job.id, Progress::Failed(failure));
            continue;
        }
        shared.open().insert(job.id, job.cancel.clone());
        let at_end = Arc::clone(shared);
        let events = events.when_end_is_heard(Arc::new(move |id| {
            at_end.open().remove(&id);
            at_end.journal.strike(id);
        }));
        inner.submit(job, events);
    }
}

impl Provider for Journaled {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn status(&self) -> Status {
        self.inner.status()
    }

    fn submit(&self, job: Job, events: EventSink) {
        let sent = match &self.queue {
            Some(queue) => queue.try_send((job, events)),
            None => Err(TrySendError::Disconnected((job, events))),
        };
        sent.unwrap_or_else(refuse);
    }
}

impl Drop for Journaled {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
        // What the user has cancelled is not to be offered again, even when its end is not heard.
        for (id, cancel) in self.shared.open().iter() {
            if cancel.is_cancelled() {
                self.shared.journal.strike(*id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::Receiver;
    use std::time::Duration;

    use super::*;
    use crate::jobs::{Device, Event, Failure, FailureKind, Runner, Worker, test_job};

    /// Entries in memory.
    #[derive(Default)]
    struct Notes {
        entered: Mutex<Vec<JobId>>,
        full: bool,
    }

    impl Journal for Notes {
        fn enter(&self, job: &Job) -> Result<(), Failure> {
            if self.full {
                return Err(failure("the disk is full"));
            }
            self.entered.lock().unwrap().push(job.id);
            Ok(())
        }

        fn strike(&self, id: JobId) {
            self.entered.lock().unwrap().retain(|entered| *entered != id);
        }
    }

    fn failure(headline: &str) -> Failure {
        Failure { kind: FailureKind::Other, headline: headline.to_owned(), details: String::new() }
    }

    /// Looks whether the job is in the journal, then ends it as its prompt says.
    struct AsThePromptSays(Arc<Notes>);

    impl Runner for AsThePromptSays {
        fn prepare(&mut self) -> Result<Device, Failure> {
            Ok(Device { name: "test".to_owned(), fallback: None })
        }

        fn run(&mut self, job: &Job, _events: &EventSink) -> Result<(), Failure> {
            assert!(self.0.entered.lock().unwrap().contains(&job.id));
            match job.request.positive_prompt.as_str() {
                "fails" => Err(failure("it fails")),
                "lasts" => {
                    while !job.cancel.is_cancelled() {
                        thread::sleep(Duration::from_millis(1));
                    }
                    Err(failure("cancelled"))
                }
                _ => Ok(()),
            }
        }
    }

    struct Bench {
        notes: Arc<Notes>,
        provider: Journaled,
        sink: EventSink,
        events: Receiver<Event>,
    }

    impl Bench {
        fn new(notes: Notes) -> Self {
            let notes = Arc::new(notes);
            let (for_runner, journal) = (Arc::clone(&notes), Arc::clone(&notes));
            let worker = Worker::start("test", move || AsThePromptSays(for_runner)).unwrap();
            let provider = Journaled::start(Box::new(worker), journal).unwrap();
            let (sender, events) = sync_channel(64);
            Self { notes, provider, sink: EventSink::new(sender, Arc::new(|| {})), events }
        }

        fn submit(&self, prompt: &str) -> Job {
            let job = test_job(prompt);
            self.provider.submit(job.clone(), self.sink.clone());
            job
        }

        fn wait_for(&self, job: &Job, what: impl Fn(&Progress) -> bool) {
            loop {
                let event = self.events.recv_timeout(Duration::from_mins(1)).unwrap();
                if event.job == job.id && what(&event.progress) {
                    return;
                }
            }
        }

        /// Drops the provider after its listener, as the window does; returns what is left.
        fn close(self) -> Vec<JobId> {
            drop(self.events);
            drop(self.provider);
            self.notes.entered.lock().unwrap().clone()
        }
    }

    #[test]
    fn a_job_is_in_the_journal_until_its_end_is_heard() {
        let bench = Bench::new(Notes::default());
        for prompt in ["ends", "fails"] {
            let job = bench.submit(prompt);
            bench.wait_for(&job, Progress::is_end);
        }
        let cancelled = bench.submit("lasts");
        bench.wait_for(&cancelled, |progress| matches!(progress, Progress::Queued));
        cancelled.cancel.cancel();
        bench.wait_for(&cancelled, |progress| matches!(progress, Progress::Cancelled));
        assert_eq!(bench.close(), Vec::<JobId>::new());
    }

    #[test]
    fn what_is_left_at_closing_stays_but_for_what_was_cancelled() {
        let bench = Bench::new(Notes::default());
        let running = bench.submit("lasts");
        let [waiting, unwanted] = ["ends", "ends"].map(|prompt| bench.submit(prompt));
        bench.wait_for(&unwanted, |progress| matches!(progress, Progress::Queued));
        unwanted.cancel.cancel();
        assert_eq!(bench.close(), [running.id, waiting.id]);
    }

    #[test]
    fn a_job_that_cannot_be_written_down_is_not_started() {
        let bench = Bench::new(Notes { full: true, ..Notes::default() });
        let job = bench.submit("ends");
        bench.wait_for(&job, |progress| {
            matches!(progress, Progress::Failed(failure) if failure.headline.contains("disk"))
        });
    }
}
