//! Work that outlives a frame: who can do it, how it reports, how it is stopped.

mod cancel;
mod event;
mod worker;

pub use cancel::Cancel;
pub use event::{
    Device, Event, EventSink, Failure, FailureKind, ImageRecord, Keeper, NsfwScore, PictureSource,
    Progress,
};
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

    /// Ends the job when asked.
    pub cancel: Cancel,
}

impl Job {
    /// A job for `request`.
    #[must_use]
    pub fn new(request: Arc<Request>) -> Self {
        Self { id: request.task_uuid, request, cancel: Cancel::default() }
    }
}

/// A random seed of 32 bits, as the API draws them; never 0.
#[must_use]
pub fn fresh_seed() -> u64 {
    u64::from(Uuid::new_v4().as_fields().0).max(1)
}
