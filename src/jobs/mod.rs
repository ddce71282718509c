//! Work that outlives a frame: who can do it, how it reports, how it is stopped.

mod cancel;
mod engines;
mod event;
mod guide;
mod journal;
mod journaled;
mod receipt;
mod switchboard;
mod turn;
mod turns;
mod uploads;
mod worker;

pub use cancel::Cancel;
pub use engines::{
    EngineMaker, EngineOrder, LocalWish, MadeEngine, MemoryAdvice, MemoryMode, MemoryNeed,
    ModelSearcher, OfferedDevice, RemoteWish,
};
pub use event::{
    Device, Event, EventSink, Failure, FailureKind, ImageRecord, Keeper, NsfwScore, PictureSource,
    Progress,
};
pub use guide::{GuideMaker, GuideOrder};
pub use journal::{EntryError, Journal, JournalEntry, Owed, Waiting};
pub use journaled::Journaled;
pub use receipt::{Paid, Receipt, Receipts};
pub use switchboard::Switchboard;
pub use turn::Turn;
pub use turns::Turns;
pub use uploads::Uploads;
pub use worker::{Provider, Runner, Status, Worker};

use std::sync::Arc;

use uuid::Uuid;

use crate::task::Request;

/// Names a job for as long as the program runs; the task's UUID.
pub type JobId = Uuid;

/// A request on its way to a provider.
#[derive(Clone, Debug)]
pub struct Job {
    /// The task's UUID.
    pub id: JobId,

    /// What to make.
    pub request: Arc<Request>,

    /// Its pictures in order, but for those that were finished before a restart or a failure.
    pub owed: Vec<Owed>,

    /// The pictures that were finished before a restart or a failure.
    pub finished: Vec<Owed>,

    /// Whether it may have been begun before a restart.
    pub resumed: bool,

    /// Whether its service was sent it, and may be paid for it.
    pub sent: bool,

    /// The address of the service that it goes to, as [`RemoteWish::service`] writes it; `None` for the
    /// local engine.
    pub service: Option<String>,

    /// When its turn comes, where several wait.
    pub turn: Turn,

    /// Ends the job when asked.
    pub cancel: Cancel,
}

impl Job {
    /// A job for `request`, its pictures under fresh names.
    #[must_use]
    pub fn new(request: Arc<Request>) -> Self {
        let fresh = |index| Owed { index, image_uuid: Uuid::new_v4() };
        let owed = (0..request.number_results).map(fresh).collect();
        Self { resumed: false, ..Self::resume(request, owed) }
    }

    /// A job for what is left to do of `request`.
    #[must_use]
    pub fn resume(request: Arc<Request>, owed: Vec<Owed>) -> Self {
        Self {
            id: request.task_uuid,
            request,
            owed,
            finished: Vec::new(),
            resumed: true,
            sent: false,
            service: None,
            turn: Turn::default(),
            cancel: Cancel::default(),
        }
    }
}

/// A random seed of 32 bits, as the API draws them; never 0.
#[must_use]
pub fn fresh_seed() -> u64 {
    u64::from(Uuid::new_v4().as_fields().0).max(1)
}

/// A job of a task that only says this prompt.
#[cfg(test)]
pub(crate) fn test_job(prompt: &str) -> Job {
    test_job_of(prompt, |_| {})
}

/// The same with a changed task.
#[cfg(test)]
pub(crate) fn test_job_of(prompt: &str, change: impl FnOnce(&mut crate::task::Task)) -> Job {
    use crate::pixels::Extent;
    use crate::task::{
        Air, Architecture, Catalog, EngineKind, ModelCard, ModelDefaults, ModelKind, Task, resolve,
    };

    struct One(Arc<ModelCard>);

    impl Catalog for One {
        fn model(&self, _air: &Air) -> Option<Arc<ModelCard>> {
            Some(Arc::clone(&self.0))
        }
    }

    let card = ModelCard {
        air: Air::local("test", 1),
        name: "test".to_owned(),
        kind: ModelKind::Checkpoint,
        architecture: Architecture::Sd1,
        defaults: ModelDefaults {
            extent: Extent::new(128, 128),
            steps: 1,
            cfg_scale: 1.0,
            scheduler: "Euler".to_owned(),
        },
        examples: Vec::new(),
        trigger_words: Vec::new(),
        vectors: 0,
        fault: None,
        path: "test".into(),
        config: None,
    };
    let mut task = Task::new(Uuid::new_v4());
    task.model = Some(card.air.to_string());
    task.positive_prompt = Some(prompt.to_owned());
    (task.width, task.height) = (Some(128), Some(128));
    change(&mut task);
    let catalog = One(Arc::new(card));
    Job::new(Arc::new(resolve(&task, &catalog, EngineKind::Local, 7).unwrap()))
}
