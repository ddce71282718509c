//! The [`Provider`] over the service: a thread with its own runtime, several jobs at once.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, Semaphore, mpsc};
use uuid::Uuid;

use super::download::Downloads;
use super::failure::{self, Again};
use super::line::{Line, News};
use super::order::{Order, Outcome};
use super::picture::Arrivals;
use super::question::{Asked, Question};
use super::upload::Uploader;
use super::{Endpoint, outgoing};
use crate::jobs::{
    Cancel, Device, EventSink, Failure, FailureKind, Job, Journal, Keeper, PictureSource, Progress,
    Provider, Receipts, Status, Uploads,
};
use crate::protocol::Key;

/// Tasks on their way at once: the service's advice is two to four.
const AT_ONCE: usize = 4;

/// Jobs that may wait; more is refused with a message rather than kept without bound.
const QUEUE_LENGTH: usize = 1024;

/// For the file that is just being written when the engine is dropped.
const CLOSING: Duration = Duration::from_secs(5);

/// What the engine works with.
#[derive(Clone)]
pub struct RemoteSettings {
    /// Where the service is.
    pub endpoint: Endpoint,

    /// Whose account pays.
    pub key: Key,

    /// Where finished pictures go.
    pub keeper: Arc<dyn Keeper>,

    /// Where the pictures come from that tasks name.
    pub pictures: Arc<dyn PictureSource>,

    /// The journal that jobs are entered in: it is told the pictures' names.
    pub journal: Option<Arc<dyn Journal>>,

    /// Who keeps the books.
    pub receipts: Option<Arc<dyn Receipts>>,

    /// Which pictures the service has already.
    pub uploads: Option<Arc<dyn Uploads>>,
}

enum Work {
    Job(Box<Job>, EventSink),
    Ask(Question, SyncSender<Asked>),
}

/// The service as a provider. Dropping it lets go of what is left: jobs whose end was not heard stay
/// in the journal, and resuming them asks for what they have become.
pub struct RemoteEngine {
    device: Device,
    work: Option<mpsc::Sender<Work>>,
    thread: Option<JoinHandle<()>>,
    broken: Arc<Mutex<Option<Failure>>>,
}

impl RemoteEngine {
    /// Starts the thread. Nothing is connected before the first job comes.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(settings: RemoteSettings) -> io::Result<Self> {
        let (work, orders) = mpsc::channel(QUEUE_LENGTH);
        let device = Device { name: settings.endpoint.host().to_owned(), fallback: None };
        let broken = Arc::new(Mutex::new(None));
        let on_thread = Arc::clone(&broken);
        let thread = thread::Builder::new().name("remote engine".to_owned()).spawn(move || {
            if let Err(why) = run(settings, orders) {
                let headline = format!("The network cannot be used ({why}); restart Latelier");
                let failure = Failure::new(FailureKind::Unreachable, headline);
                *on_thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
            }
        })?;
        Ok(Self { device, work: Some(work), thread: Some(thread), broken })
    }

    /// Carries out a task of another type than `imageInference`. What came of it comes through the
    /// channel, once; the channel ends without it when the engine is dropped.
    pub fn ask(&self, question: Question) -> Receiver<Asked> {
        let (sender, answer) = sync_channel(1);
        let refused = match &self.work {
            Some(work) => {
                work.try_send(Work::Ask(question, sender)).err().map(TrySendError::into_inner)
            }
            None => None,
        };
        if let Some(Work::Ask(_, sender)) = refused {
            let asked = Asked { results: Vec::new(), failure: Some(self.full()) };
            sender.try_send(asked).ok();
        }
        answer
    }

    fn full(&self) -> Failure {
        let broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner).clone();
        broken.unwrap_or_else(|| {
            let headline = "The queue is full: wait until some jobs are done";
            Failure::new(FailureKind::Busy, headline)
        })
    }
}

impl Provider for RemoteEngine {
    fn name(&self) -> &'static str {
        "remote"
    }

    fn status(&self) -> Status {
        let broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner).clone();
        broken.map_or_else(|| Status::Ready(self.device.clone()), Status::Unavailable)
    }

    fn submit(&self, job: Job, events: EventSink) {
        events.send(job.id, Progress::Queued);
        let Some(work) = &self.work else { return };
        if let Err(error) = work.try_send(Work::Job(Box::new(job), events))
            && let Work::Job(job, events) = error.into_inner()
        {
            events.send(job.id, Progress::Failed(self.full()));
        }
    }
}

impl Drop for RemoteEngine {
    fn drop(&mut self) {
        self.work = None;
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// What all jobs share.
struct Shared {
    settings: RemoteSettings,
    line: Arc<Line>,
    uploader: Uploader,
    downloads: Downloads,
    turns: Semaphore,
}

/// Takes work in until nobody gives any more.
fn run(settings: RemoteSettings, mut orders: mpsc::Receiver<Work>) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("remote")
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let result = runtime.block_on(async {
        let line = Arc::new(Line::open(&settings)?);
        let shared = Arc::new(Shared {
            uploader: Uploader::new(settings.clone(), Arc::clone(&line)),
            downloads: Downloads::new()?,
            turns: Semaphore::new(AT_ONCE),
            settings,
            line,
        });
        while let Some(work) = orders.recv().await {
            let shared = Arc::clone(&shared);
            match work {
                Work::Job(job, events) => {
                    tokio::spawn(see_through(shared, *job, events));
                }
                Work::Ask(question, answer) => {
                    tokio::spawn(async move {
                        let asked = match shared.turns.acquire().await {
                            Ok(_turn) => question.carry(&shared.line, &shared.settings).await,
                            Err(_) => Asked::default(),
                        };
                        answer.try_send(asked).ok();
                    });
                }
            }
        }
        Ok(())
    });
    runtime.shutdown_timeout(CLOSING);
    result
}

/// Runs one job and tells how it ended, whatever happens inside.
async fn see_through(shared: Arc<Shared>, job: Job, events: EventSink) {
    let (id, cancel) = (job.id, job.cancel.clone());
    let host = shared.settings.endpoint.host().to_owned();
    let voice = Voice(Arc::new(Mutex::new(Some((id, events)))));
    let of_work = voice.clone();
    let mut work = tokio::spawn(async move { shared.carry_out(job, &of_work).await });
    let end = tokio::select! {
        biased;
        () = cancelled(&cancel) => {
            work.abort();
            tracing::info!("task {id} is not waited for any more; what was sent {host} still bills");
            Progress::Cancelled
        }
        ended = &mut work => match ended {
            Ok(None) => Progress::Finished,
            Ok(Some(failure)) => Progress::Failed(failure),
            Err(panic) => {
                let headline = "The job ended because of a fault in Latelier itself; the log says more";
                let failure = Failure::new(FailureKind::Other, headline);
                Progress::Failed(failure.with_details(panic.to_string()))
            }
        },
    };
    voice.tell(end).await;
}

/// Tells of one job, until it has told of its end.
#[derive(Clone)]
struct Voice(Arc<Mutex<Option<(Uuid, EventSink)>>>);

impl Voice {
    /// Leaves an event; the listener may make the thread wait, which is not one of the runtime's own
    /// then.
    async fn tell(&self, news: Progress) {
        let Self(voice) = self.clone();
        let tell = move || {
            let mut voice = voice.lock().unwrap_or_else(PoisonError::into_inner);
            let ended = news.is_end();
            if let Some((id, events)) = &*voice {
                events.send(*id, news);
            }
            if ended {
                *voice = None;
            }
        };
        tokio::task::spawn_blocking(tell).await.ok();
    }
}

async fn cancelled(cancel: &Cancel) {
    let asked = Arc::new(Notify::new());
    let heard = Arc::clone(&asked);
    cancel.on_cancel(move || heard.notify_one());
    asked.notified().await;
}

/// What is told of a job with a picture that did not arrive and an outcome: the picture can still be
/// had, so that the job must stay in the journal whatever else went wrong.
fn both(lost: Option<Failure>, outcome: Option<Failure>) -> Option<Failure> {
    match (lost, outcome) {
        (Some(lost), Some(outcome)) => {
            let details = format!("{}; {}; {}", lost.details, outcome.headline, outcome.details);
            Some(lost.with_details(details))
        }
        (lost, outcome) => lost.or(outcome),
    }
}

impl Shared {
    /// Carries a job out; what went wrong comes back.
    async fn carry_out(&self, job: Job, voice: &Voice) -> Option<Failure> {
        let Ok(_turn) = self.turns.acquire().await else {
            return Some(Failure::new(
                FailureKind::Other,
                "The engine has stopped: restart Latelier",
            ));
        };
        let host = self.settings.endpoint.host();
        let device = Device { name: host.to_owned(), fallback: None };
        voice.tell(Progress::Started { device }).await;
        let mut resumed = job.resumed;
        let mut arrivals =
            Arrivals::new(job.clone(), self.settings.clone(), self.downloads.clone());
        let mut tries = 0;
        loop {
            let brought = match self.uploader.bring(&job.request.task, &job.cancel).await {
                Ok(brought) => brought,
                // What was sent before a restart may be paid for: it must stay to be asked for.
                Err(failure) if resumed => {
                    return Some(Failure { kind: FailureKind::Interrupted, ..failure });
                }
                Err(failure) => return Some(failure),
            };
            let task = outgoing::task(&job.request, brought.task, self.line.is_socket());
            let task = match task {
                Ok(task) => task,
                Err(error) => {
                    let headline = format!("The task cannot be written as JSON: {error}");
                    return Some(Failure::new(FailureKind::Other, headline));
                }
            };
            let order = Order {
                id: job.id,
                task,
                expected: job.request.number_results as usize,
                had: job.finished.iter().map(|owed| owed.image_uuid).collect(),
                resumed,
            };
            tries += 1;
            let (outcome, lost) = self.follow(order, &mut arrivals, voice).await;
            match &outcome {
                // An upload lives for a while only; the task was refused and made nothing.
                Outcome::Failed(error)
                    if error.is_missing_picture()
                        && !error.is_outcome
                        && !brought.uploaded.is_empty()
                        && tries == 1 =>
                {
                    tracing::info!("{host} lacks a picture: it is uploaded again");
                    self.uploader.forget(&brought.uploaded);
                    resumed = false;
                }
                outcome => return both(lost, failure::of_outcome(outcome, host, Again::Resume)),
            }
        }
    }

    /// Has the journal note that the job is being sent, so that it is not weighed once more.
    async fn note_sent(&self, id: Uuid) {
        let Some(journal) = self.settings.journal.clone() else { return };
        tokio::task::spawn_blocking(move || journal.sent(id)).await.ok();
    }

    /// Sends an order and takes in what comes of it; how it ended, and the first picture's trouble.
    async fn follow(
        &self,
        order: Order,
        arrivals: &mut Arrivals,
        voice: &Voice,
    ) -> (Outcome, Option<Failure>) {
        let (mut lost, id) = (None, order.id);
        let mut awaited = self.line.carry(order).await;
        while let Some(news) = awaited.next().await {
            match news {
                News::Result(item) => {
                    let arrived = arrivals.take(item).await;
                    if let Some(news) = arrived.news {
                        voice.tell(news).await;
                    }
                    lost = lost.or(arrived.failure);
                }
                News::Sent => self.note_sent(id).await,
                News::OutOfReach(why) => voice.tell(Progress::OutOfReach(why)).await,
                News::End(outcome) => return (outcome, lost),
            }
        }
        let why = "the engine was stopped".to_owned();
        (Outcome::Unreachable { sent: true, why }, lost)
    }
}
