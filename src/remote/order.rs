//! A task to be carried out, and how that ends.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::protocol::ServiceError;

/// A task to be carried out.
#[derive(Clone, Debug)]
pub(super) struct Order {
    /// The task's UUID.
    pub(super) id: Uuid,

    /// The task object as it is sent.
    pub(super) task: Map<String, Value>,

    /// How many results make it complete.
    pub(super) expected: usize,

    /// Results that arrived before a restart.
    pub(super) had: Vec<Uuid>,

    /// Whether it may have been sent before a restart.
    pub(super) resumed: bool,
}

/// What to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Say {
    /// The task.
    Task,
    /// The question what came of it.
    GetResponse,
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    /// Everything arrived.
    Complete,
    /// The service refused it, failed at it or failed at some of its pictures.
    Failed(ServiceError),
    /// The service had it and does not give the rest.
    Forgotten,
    /// Some of it failed, and the service, which was never lost, does not tell what became of the rest;
    /// the first failure, when it said one.
    Unsettled(Option<ServiceError>),
    /// The time is up; whether the service ever had it.
    TooLate { sent: bool },
    /// The service cannot be reached; whether it ever had the task.
    Unreachable { sent: bool, why: String },
    /// The connection was closed because a message was too large.
    TooLarge,
}
