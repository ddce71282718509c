//! One thread that runs jobs one after another and ends each of them exactly once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::{io, thread};

use super::{Device, EventSink, Failure, FailureKind, Job, Progress};

/// Jobs that may wait; more is refused with a message rather than kept without bound.
const QUEUE_LENGTH: usize = 1024;

/// Whether a provider can work at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Still looking.
    Starting,

    /// It can, on this device.
    Ready(Device),

    /// It cannot, and this says what to do.
    Unavailable(Failure),
}

/// Something that makes pictures: the local engine, the remote service.
pub trait Provider: Send {
    /// `local` or `remote`.
    fn name(&self) -> &'static str;

    /// Whether it can work; cheap, asked once a frame.
    fn status(&self) -> Status;

    /// Takes the job and returns at once; everything further comes as events.
    fn submit(&self, job: Job, events: EventSink);
}

/// Does one job from beginning to end on the worker's thread.
pub trait Runner {
    /// Gets ready for the first job; called once, before any.
    ///
    /// # Errors
    /// Why no job can run; jobs are tried all the same and fail with their own words.
    fn prepare(&mut self) -> Result<Device, Failure>;

    /// Runs the job, reporting everything but its end.
    ///
    /// # Errors
    /// What went wrong, for the user. An error after a cancel counts as cancelled.
    fn run(&mut self, job: &Job, events: &EventSink) -> Result<(), Failure>;
}

/// A [`Provider`] over one thread and one [`Runner`].
pub struct Worker {
    name: &'static str,
    queue: SyncSender<(Job, EventSink)>,
    status: Arc<Mutex<Status>>,
}

impl Worker {
    /// Starts the thread; `make_runner` is called on it, so the runner need not be `Send`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start<R: Runner>(
        name: &'static str,
        make_runner: impl FnOnce() -> R + Send + 'static,
    ) -> io::Result<Self> {
        let (queue, jobs) = sync_channel(QUEUE_LENGTH);
        let status = Arc::new(Mutex::new(Status::Starting));
        let on_thread = Arc::clone(&status);
        thread::Builder::new().name(format!("{name} engine")).spawn(move || {
            let mut runner = make_runner();
            let ready = match runner.prepare() {
                Ok(device) => Status::Ready(device),
                Err(failure) => Status::Unavailable(failure),
            };
            *on_thread.lock().unwrap_or_else(PoisonError::into_inner) = ready;
            work_through(&jobs, &mut runner);
        })?;
        Ok(Self { name, queue, status })
    }
}

impl Provider for Worker {
    fn name(&self) -> &'static str {
        self.name
    }

    fn status(&self) -> Status {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn submit(&self, job: Job, events: EventSink) {
        events.send(job.id, Progress::Queued);
        if let Err(error) = self.queue.try_send((job, events)) {
            let (why, (job, events)) = match error {
                TrySendError::Full(sent) => {
                    ("The queue is full: wait until some jobs are done", sent)
                }
                TrySendError::Disconnected(sent) => {
                    ("The engine has stopped: restart Latelier", sent)
                }
            };
            let failure = Failure {
                kind: FailureKind::Other,
                headline: why.to_owned(),
                details: format!("{QUEUE_LENGTH} jobs may wait"),
            };
            events.send(job.id, Progress::Failed(failure));
        }
    }
}

fn work_through<R: Runner>(jobs: &Receiver<(Job, EventSink)>, runner: &mut R) {
    while let Ok((job, events)) = jobs.recv() {
        let end = run_guarded(runner, &job, &events);
        events.send(job.id, end);
    }
}

/// Runs one job and says how it ended, whatever happens inside.
fn run_guarded<R: Runner>(runner: &mut R, job: &Job, events: &EventSink) -> Progress {
    if job.cancel.is_cancelled() {
        return Progress::Cancelled;
    }
    match catch_unwind(AssertUnwindSafe(|| runner.run(job, events))) {
        Ok(Ok(())) => Progress::Finished,
        Ok(Err(_)) | Err(_) if job.cancel.is_cancelled() => Progress::Cancelled,
        Ok(Err(failure)) => Progress::Failed(failure),
        Err(panic) => Progress::Failed(Failure {
            kind: FailureKind::Other,
            headline:
                "The engine met a fault in Latelier itself; the job is lost, the next one will run"
                    .to_owned(),
            details: panic_text(panic.as_ref()),
        }),
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "no message".to_owned())
}
