//! What a provider tells about a job.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use uuid::Uuid;

use super::{Cancel, JobId};
use crate::pixels::Picture;
use crate::task::{ImageRef, Problem, Request, Task, TaskType};

/// What the work really runs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// For people: `CPU, 8 threads`, `WebGPU`.
    pub name: String,

    /// Why a faster device was not used, if one was asked for.
    pub fallback: Option<String>,
}

/// News of a job. Every job ends in exactly one of the last three.
#[derive(Clone, Debug)]
pub enum Progress {
    /// Accepted, waiting for its turn.
    Queued,

    /// Its turn has come; the model is being loaded.
    Started {
        /// What it runs on.
        device: Device,
    },

    /// Denoising step `done` of `total` of picture `image` (from 0).
    Step {
        /// Which of the job's pictures, from 0.
        image: u32,
        /// Steps finished.
        done: u32,
        /// Steps in all.
        total: u32,
        /// A rough picture of the present state, one pixel a latent.
        preview: Option<Picture>,
    },

    /// The service is out of reach for a while, and why; `None` when it answers again. The engine goes
    /// on trying until it gives the job up.
    OutOfReach(Option<String>),

    /// One picture is finished and on disk.
    Image(Arc<ImageRecord>),

    /// All pictures are there.
    Finished,

    /// Ended because somebody asked.
    Cancelled,

    /// Ended with an error.
    Failed(Failure),
}

impl Progress {
    /// Whether the job ended here without having ended on the service.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        matches!(self, Self::Failed(failure) if failure.kind == FailureKind::Interrupted)
    }

    /// Whether this is the last news of a job.
    #[must_use]
    pub const fn is_end(&self) -> bool {
        matches!(self, Self::Finished | Self::Cancelled | Self::Failed(_))
    }
}

/// A finished picture and how it came to be.
#[derive(Clone, Debug)]
pub struct ImageRecord {
    /// Names the picture for ever; the file's name too.
    pub image_uuid: Uuid,

    /// The request it answers.
    pub request: Arc<Request>,

    /// Which of the request's pictures, from 0.
    pub index: u32,

    /// The seed that makes exactly this picture; `None` when the service did not say.
    pub seed: Option<u64>,

    /// The pixels.
    pub picture: Picture,

    /// The picture's file as it was delivered: it is kept as it is, with our texts in it. `None` when
    /// the picture has no file yet.
    pub file: Option<Arc<[u8]>>,

    /// What it cost in US dollars, when somebody asks for money.
    pub cost: Option<f64>,

    /// Whether it may show adult content; only when the request asks.
    pub nsfw: Option<NsfwScore>,

    /// Where it lies; `None` when it could not be saved (the job then ends as failed).
    pub path: Option<PathBuf>,

    /// Time from the first step to the saved file; of steps that several pictures took together
    /// its share.
    pub elapsed: Duration,

    /// How many times as fast the network's calls were as whole ones would have been, as measured in
    /// this run; only with `DeepCache`.
    pub speed_up: Option<f32>,
}

impl ImageRecord {
    /// The task that makes exactly this picture again: the asked one with its own seed, alone. Its
    /// pictures are as they were given.
    #[must_use]
    pub fn made_by(&self) -> Task {
        Task {
            seed: self.seed.or(self.request.task.seed),
            number_results: None,
            // Who makes it again does not send it again, and these addresses may hold keys.
            upload_endpoint: None,
            webhook_url: None,
            ..Task::clone(&self.request.task)
        }
    }
}

/// How much a picture looks like adult content, and from where on it counts as that.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct NsfwScore {
    /// 0–1, as the classifier says; higher is more likely.
    pub score: f32,

    /// The score from which on it counts, 0–1.
    pub threshold: f32,
}

impl NsfwScore {
    /// The threshold of the local engine's classifier.
    pub const THRESHOLD: f32 = 0.5;

    /// What a bare yes or no says.
    #[must_use]
    pub fn of_verdict(is_adult: bool) -> Self {
        Self { score: if is_adult { 1.0 } else { 0.0 }, threshold: Self::THRESHOLD }
    }

    /// Whether the picture counts as adult content: `NSFWContent` of the answer.
    #[must_use]
    pub fn is_adult(self) -> bool {
        self.score >= self.threshold
    }
}

/// Puts finished pictures where they last. The library implements it; providers are given one.
pub trait Keeper: Send + Sync {
    /// Writes the picture with its task; `record.path` is not looked at.
    ///
    /// # Errors
    /// Why it is not on disk, for the user.
    fn keep(&self, record: &ImageRecord) -> Result<PathBuf, Failure>;

    /// Sends the kept picture to the task's `uploadEndpoint`, if it has one. The file stays
    /// whatever becomes of that.
    ///
    /// # Errors
    /// Why it did not arrive, for the user.
    fn deliver(&self, record: &ImageRecord, cancel: &Cancel) -> Result<(), Failure>;
}

/// Finds the pictures that tasks name. The library implements it; providers are given one.
pub trait PictureSource: Send + Sync {
    /// The pixels of `image`: an earlier result, a picture brought in, one inside the task, or one
    /// at an address, which may take a while unless `cancel` ends it.
    ///
    /// # Errors
    /// A sentence that says why it cannot be had.
    fn open(&self, image: &ImageRef, cancel: &Cancel) -> Result<Picture, String>;

    /// The file of `image` as it lies on this machine; `None` when it is not here: inside the task, at
    /// an address, or known to the service alone. Only engines that send pictures elsewhere ask for it.
    ///
    /// # Errors
    /// A sentence that says why it is here and cannot be read.
    fn file(&self, image: &ImageRef) -> Result<Option<Vec<u8>>, String> {
        let _ = image;
        Ok(None)
    }

    /// The file of `image` as it lies at an `http:` or `https:` address; `None` for any other, and where
    /// nothing is fetched. It is kept by content, so that what a finished picture says of itself names
    /// the very picture that it was made from. May take a while unless `cancel` ends it.
    ///
    /// # Errors
    /// A sentence that says why it cannot be had.
    fn fetched(&self, image: &ImageRef, cancel: &Cancel) -> Result<Option<Vec<u8>>, String> {
        let _ = (image, cancel);
        Ok(None)
    }
}

/// What the window can offer when a job fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// ONNX Runtime is not there: settings, `latelier doctor`.
    RuntimeMissing,
    /// The model is gone, damaged or of an unknown kind: the model library.
    Model,
    /// Not enough memory: a smaller size.
    OutOfMemory,
    /// The result could not be written: the results folder.
    Save,
    /// The result lies on disk and could not be sent to `uploadEndpoint`: try the upload again.
    Upload,
    /// A picture or prompt of the task cannot be used: choose another. Names its place.
    Input(Cow<'static, str>),
    /// What a parameter needs is not on this machine: leave the parameter out. Names it.
    Missing(&'static str),
    /// The service does not take the key: settings.
    KeyRefused,
    /// The account has no credits left: its page.
    NoCredits,
    /// The service will not draw this: another prompt or picture.
    Content,
    /// The service is too busy: try again later, or the local engine.
    Busy,
    /// The service cannot be reached and has not got the task: settings, or try again.
    Unreachable,
    /// The service has the task, and what became of it could not be learned in time. The job stays in
    /// the journal: resuming it asks again, and costs nothing twice.
    Interrupted,
    /// The service refuses the task or failed at it, and this is its error.
    Refused(Box<Problem>),
    /// Anything else: the log.
    Other,
}

/// A failure in words for the user, with the technical rest behind it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{headline}")]
pub struct Failure {
    /// What the window can offer.
    pub kind: FailureKind,

    /// One sentence that says what happened and what to do.
    pub headline: String,

    /// For the log.
    pub details: String,
}

impl Failure {
    /// A failure of that kind without anything for the log.
    #[must_use]
    pub fn new(kind: FailureKind, headline: impl Into<String>) -> Self {
        Self { kind, headline: headline.into(), details: String::new() }
    }

    /// The API's error object for it, as one of that request's task.
    #[must_use]
    pub fn to_problem(&self, request: &Request) -> Problem {
        Problem {
            task_uuid: Some(request.task_uuid.to_string()),
            task_type: Some(TaskType::ImageInference.as_str().to_owned()),
            ..self.problem()
        }
    }

    /// The API's error object for it, of no task.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let message = self.headline.clone();
        match &self.kind {
            FailureKind::RuntimeMissing => Problem::new("runtimeMissing", message),
            FailureKind::Model => Problem::new("modelLoadFailed", message),
            FailureKind::OutOfMemory => Problem::new("outOfMemory", message),
            FailureKind::Save => Problem::new("saveFailed", message),
            FailureKind::Upload => Problem::new("uploadFailed", message),
            FailureKind::Input(parameter) => Problem::at("invalid", parameter, message),
            FailureKind::Missing(parameter) => Problem::at("unsupportedLocal", parameter, message),
            FailureKind::KeyRefused => Problem::new("invalidApiKey", message),
            FailureKind::NoCredits => Problem::new("insufficientCredits", message),
            FailureKind::Content => Problem::new("contentPolicyViolation", message),
            FailureKind::Busy => Problem::new("rateLimitExceeded", message),
            FailureKind::Unreachable => Problem::new("connection", message),
            FailureKind::Interrupted => Problem::new("connectionLost", message),
            FailureKind::Refused(problem) => Problem { message, ..Problem::clone(problem) },
            FailureKind::Other => Problem::new("inferenceError", message),
        }
    }

    /// The same with `details` for the log.
    #[must_use]
    pub fn with_details(self, details: impl Into<String>) -> Self {
        Self { details: details.into(), ..self }
    }
}

/// News of one job.
#[derive(Clone, Debug)]
pub struct Event {
    /// Which job.
    pub job: JobId,

    /// What is new.
    pub progress: Progress,
}

/// Where a provider leaves its events; wakes the reader after each.
#[derive(Clone)]
pub struct EventSink {
    sender: SyncSender<Event>,
    wake: Arc<dyn Fn() + Send + Sync>,
    end_heard: Option<Arc<dyn Fn(JobId) + Send + Sync>>,
    ended: Option<Arc<dyn Fn(JobId) + Send + Sync>>,
}

impl EventSink {
    /// A sink into `sender` that calls `wake` after each event.
    #[must_use]
    pub fn new(sender: SyncSender<Event>, wake: Arc<dyn Fn() + Send + Sync>) -> Self {
        Self { sender, wake, end_heard: None, ended: None }
    }

    /// The same sink, which calls `heard` after the last news of a job, unless nobody listens.
    #[must_use]
    pub fn when_end_is_heard(self, heard: Arc<dyn Fn(JobId) + Send + Sync>) -> Self {
        Self { end_heard: Some(heard), ..self }
    }

    /// The same sink, which calls `ended` after the last news of a job, whether anybody listens or not;
    /// after what it called before.
    #[must_use]
    pub fn when_ended(mut self, ended: Arc<dyn Fn(JobId) + Send + Sync>) -> Self {
        let before = self.ended.take();
        self.ended = Some(Arc::new(move |id| {
            if let Some(before) = &before {
                before(id);
            }
            ended(id);
        }));
        self
    }

    /// Leaves one event.
    pub fn send(&self, job: JobId, progress: Progress) {
        // What is only interrupted waits in the journal.
        let is_last = progress.is_end();
        let end = is_last && !progress.is_interrupted();
        // The reader may be gone; then nobody is left to tell.
        let heard = self.sender.send(Event { job, progress }).is_ok();
        if let Some(end_heard) = self.end_heard.as_ref().filter(|_| end && heard) {
            end_heard(job);
        }
        if let Some(ended) = self.ended.as_ref().filter(|_| is_last) {
            ended(job);
        }
        (self.wake)();
    }
}
