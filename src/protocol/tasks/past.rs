//! `getResponse` and `getTaskDetails`: what came of an earlier task. Their `taskUUID` is that task's.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::Extra;
use super::field::{Field, TASK};
use super::read::{Documented, NeighbourTask};

/// `getResponse`: what there is of the answer so far; the answer repeats what was given before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GetResponse {
    /// The earlier task.
    #[serde(rename = "taskUUID")]
    pub task_uuid: Uuid,
}

impl NeighbourTask for GetResponse {
    const NAME: &'static str = "getResponse";
}

impl Documented for GetResponse {
    const FIELDS: &'static [&'static [Field]] = &[TASK];
}

/// `getTaskDetails`: request and response of an earlier task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GetTaskDetails {
    /// The earlier task.
    #[serde(rename = "taskUUID")]
    pub task_uuid: Uuid,
}

impl NeighbourTask for GetTaskDetails {
    const NAME: &'static str = "getTaskDetails";
}

impl Documented for GetTaskDetails {
    const FIELDS: &'static [&'static [Field]] = &[TASK];
}

/// The answer to [`GetTaskDetails`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskDetails {
    /// The earlier task.
    #[serde(rename = "taskUUID")]
    pub task_uuid: Uuid,

    /// The task as it was sent.
    pub request: Value,

    /// What came of it so far: `data` and `errors`.
    pub response: Value,

    /// What is not documented.
    #[serde(flatten)]
    pub extra: Extra,
}
