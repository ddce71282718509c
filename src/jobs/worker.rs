//! One thread that runs jobs one after another and ends each of them exactly once.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use super::{Cancel, Device, EventSink, Failure, FailureKind, Job, Progress};

/// Jobs that may wait; more is refused with a message rather than kept without bound.
pub(super) const QUEUE_LENGTH: usize = 1024;

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
pub trait Provider: Send + Sync {
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

/// A [`Provider`] over one thread and one [`Runner`]. Dropping it cancels what is left and waits
/// for the thread, which takes as long as the running operator.
pub struct Worker {
    name: &'static str,
    queue: Option<SyncSender<(Job, EventSink)>>,
    thread: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
}

/// What the worker's thread and its owner both see.
struct Shared {
    status: Mutex<Status>,
    /// Ends the job that runs now.
    running: Mutex<Option<Cancel>>,
    stopping: AtomicBool,
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
        let shared = Arc::new(Shared {
            status: Mutex::new(Status::Starting),
            running: Mutex::default(),
            stopping: AtomicBool::new(false),
        });
        let on_thread = Arc::clone(&shared);
        let thread = thread::Builder::new().name(format!("{name} engine")).spawn(move || {
            let made = catch_unwind(AssertUnwindSafe(|| {
                let mut runner = make_runner();
                let ready = runner.prepare();
                (runner, ready)
            }));
            match made {
                Ok((mut runner, ready)) => {
                    *locked(&on_thread.status) =
                        ready.map_or_else(Status::Unavailable, Status::Ready);
                    work_through(&jobs, &mut runner, &on_thread);
                }
                Err(panic) => {
                    let failure = fault("The engine could not start because of", panic.as_ref());
                    *locked(&on_thread.status) = Status::Unavailable(failure.clone());
                    refuse_all(&jobs, &failure);
                }
            }
        })?;
        Ok(Self { name, queue: Some(queue), thread: Some(thread), shared })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        self.queue = None;
        if let Some(cancel) = &*locked(&self.shared.running) {
            cancel.cancel();
        }
        // ONNX Runtime must not be inside a call when the process takes it down.
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

impl Provider for Worker {
    fn name(&self) -> &'static str {
        self.name
    }

    fn status(&self) -> Status {
        locked(&self.shared.status).clone()
    }

    fn submit(&self, job: Job, events: EventSink) {
        events.send(job.id, Progress::Queued);
        let sent = match &self.queue {
            Some(queue) => queue.try_send((job, events)),
            None => Err(TrySendError::Disconnected((job, events))),
        };
        sent.unwrap_or_else(refuse);
    }
}

/// Why a job could not be handed over. One that was begun before stays in the journal: a service may have
/// it, and its pictures are paid for.
pub(super) fn refusal(error: &TrySendError<(Job, EventSink)>) -> Failure {
    let (why, job) = match error {
        TrySendError::Full((job, _)) => ("The queue is full: wait until some jobs are done", job),
        TrySendError::Disconnected((job, _)) => ("The engine has stopped: restart Latelier", job),
    };
    let kind = if job.resumed { FailureKind::Interrupted } else { FailureKind::Other };
    Failure::new(kind, why).with_details(format!("{QUEUE_LENGTH} jobs may wait"))
}

/// Ends a job that could not be handed over.
pub(super) fn refuse(error: TrySendError<(Job, EventSink)>) {
    let failure = refusal(&error);
    let (TrySendError::Full((job, events)) | TrySendError::Disconnected((job, events))) = error;
    events.send(job.id, Progress::Failed(failure));
}

/// A value behind a lock; a panic elsewhere does not make it unusable.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn work_through<R: Runner>(jobs: &Receiver<(Job, EventSink)>, runner: &mut R, shared: &Shared) {
    while let Ok((job, events)) = jobs.recv() {
        *locked(&shared.running) = Some(job.cancel.clone());
        // Looked at after the job can be seen from outside: one of the two sides cancels it.
        if shared.stopping.load(Ordering::SeqCst) {
            job.cancel.cancel();
        }
        let end = run_guarded(runner, &job, &events);
        *locked(&shared.running) = None;
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
        Err(panic) => Progress::Failed(fault("The job ended because of", panic.as_ref())),
    }
}

/// Ends every job that comes in with `failure`.
fn refuse_all(jobs: &Receiver<(Job, EventSink)>, failure: &Failure) {
    while let Ok((job, events)) = jobs.recv() {
        events.send(job.id, Progress::Failed(failure.clone()));
    }
}

/// A panic as a failure; `what` says what it ended.
fn fault(what: &str, panic: &(dyn std::any::Any + Send)) -> Failure {
    Failure {
        kind: FailureKind::Other,
        headline: format!("{what} a fault in Latelier itself; the log says more"),
        details: panic_text(panic),
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;
    use crate::jobs::test_job;

    /// What a fault in the engine's start would be.
    struct Broken;

    impl Runner for Broken {
        fn prepare(&mut self) -> Result<Device, Failure> {
            panic!("no engine today")
        }

        fn run(&mut self, _job: &Job, _events: &EventSink) -> Result<(), Failure> {
            Ok(())
        }
    }

    #[test]
    fn a_fault_at_the_start_fails_every_job_in_words() {
        let worker = Worker::start("local", || Broken).unwrap();
        let (sender, events) = sync_channel(8);
        worker.submit(test_job("a fox"), EventSink::new(sender, Arc::new(|| {})));
        let last = events.iter().map(|event| event.progress).find(Progress::is_end);
        let Some(Progress::Failed(failure)) = last else { panic!("{last:?}") };
        assert!(failure.details.contains("no engine today"), "{failure:?}");
        assert!(matches!(worker.status(), Status::Unavailable(_)));
    }
}
