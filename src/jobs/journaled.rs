//! A provider whose jobs are in the journal before it hears of them, and until their end was heard.
//!
//! Submitting has a thread of its own, also without a journal: whoever submits a job never waits, neither
//! for the disk nor for whoever hears of the job.

use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use super::worker::{QUEUE_LENGTH, refusal};
use super::{Cancel, EventSink, Failure, Job, JobId, Journal, Progress, Provider};

/// A [`Provider`] behind a [`Journal`], if there is one.
///
/// A job is struck out when its end was heard. Dropping the value ends what is left unheard, once
/// nobody listens any more: those jobs stay in the journal for the next start.
pub struct Journaled {
    queue: Option<SyncSender<(Job, EventSink)>>,
    /// Gives the provider back at its end.
    thread: Option<JoinHandle<Box<dyn Provider>>>,
    shared: Arc<Shared>,
}

struct Shared {
    journal: Option<Arc<dyn Journal>>,
    /// Jobs whose end was not heard yet.
    open: Mutex<BTreeMap<JobId, Cancel>>,
}

impl Shared {
    fn open(&self) -> MutexGuard<'_, BTreeMap<JobId, Cancel>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, job: &Job) -> Result<(), Failure> {
        self.journal.as_ref().map_or(Ok(()), |journal| journal.enter(job))
    }

    fn strike(&self, id: JobId) {
        if let Some(journal) = &self.journal {
            journal.strike(id);
        }
    }
}

impl Journaled {
    /// Starts the thread that writes and submits.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(inner: Box<dyn Provider>, journal: Option<Arc<dyn Journal>>) -> io::Result<Self> {
        let (queue, jobs) = sync_channel(QUEUE_LENGTH);
        let shared = Arc::new(Shared { journal, open: Mutex::default() });
        let on_thread = Arc::clone(&shared);
        let thread = thread::Builder::new().name("journal".to_owned()).spawn(move || {
            write_down(&jobs, inner.as_ref(), &on_thread);
            inner
        })?;
        Ok(Self { queue: Some(queue), thread: Some(thread), shared })
    }

    /// Takes the job and returns at once; everything further comes as events.
    ///
    /// # Errors
    /// Why it is not taken; nothing comes as an event then.
    pub fn submit(&self, job: Job, events: EventSink) -> Result<(), Failure> {
        let sent = match &self.queue {
            Some(queue) => queue.try_send((job, events)),
            None => Err(TrySendError::Disconnected((job, events))),
        };
        sent.map_err(|error| refusal(&error))
    }
}

fn write_down(jobs: &Receiver<(Job, EventSink)>, inner: &dyn Provider, shared: &Arc<Shared>) {
    for (job, events) in jobs {
        if let Err(failure) = shared.enter(&job) {
            events.send(job.id, Progress::Failed(failure));
            continue;
        }
        shared.open().insert(job.id, job.cancel.clone());
        let at_end = Arc::clone(shared);
        let events = events.when_end_is_heard(Arc::new(move |id| {
            at_end.open().remove(&id);
            at_end.strike(id);
        }));
        inner.submit(job, events);
    }
}

impl Drop for Journaled {
    fn drop(&mut self) {
        self.queue = None;
        // Ending the provider cancels what runs: not before it is known what the user has cancelled.
        let provider = self.thread.take().map(JoinHandle::join);
        // What the user has cancelled is not to be offered again, even when its end is not heard.
        for (id, cancel) in self.shared.open().iter() {
            if cancel.is_cancelled() {
                self.shared.strike(*id);
            }
        }
        drop(provider);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::Receiver;
    use std::time::Duration;

    use super::*;
    use crate::jobs::{Device, Event, FailureKind, Runner, Worker, test_job};

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
            let provider = Journaled::start(Box::new(worker), Some(journal)).unwrap();
            let (sender, events) = sync_channel(64);
            Self { notes, provider, sink: EventSink::new(sender, Arc::new(|| {})), events }
        }

        fn submit(&self, prompt: &str) -> Job {
            let job = test_job(prompt);
            self.provider.submit(job.clone(), self.sink.clone()).unwrap();
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

    #[test]
    fn whoever_submits_never_waits_and_what_is_not_taken_is_not_lost() {
        for journal in [None, Some(Arc::new(Notes::default()))] {
            let inner = Worker::start("test", || AsThePromptSays(Arc::default())).unwrap();
            let notes = journal.clone().map(|notes| notes as Arc<dyn Journal>);
            let provider = Journaled::start(Box::new(inner), notes).unwrap();
            // Nobody hears of the jobs while they are submitted.
            let (sender, events) = sync_channel(1);
            let sink = EventSink::new(sender, Arc::new(|| {}));
            let submit = |job: Job| provider.submit(job, sink.clone()).err();
            let job = test_job("ends");
            let refused: Vec<Failure> =
                (0..QUEUE_LENGTH + 8).filter_map(|_| submit(job.clone())).collect();
            assert!(refused.iter().all(|failure| failure.kind == FailureKind::Other));
            assert!(!refused.is_empty());
            let refused = submit(Job { resumed: true, ..job }).unwrap();
            assert_eq!(refused.kind, FailureKind::Interrupted, "it stays in the journal");
            drop(events);
        }
    }
}
