//! `promptEnhance`: a prompt in more words.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Extra;
use super::delivery::{TEXT, TextDelivery};
use super::field::{Field, TASK, integer, model, text};
use super::read::{Documented, NeighbourTask};
use crate::task::Air;

/// `promptEnhance`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PromptEnhance {
    /// Names the task.
    #[serde(rename = "taskUUID")]
    pub task_uuid: Uuid,

    /// The prompt, 1–300 characters.
    pub prompt: String,

    /// At most so many tokens, 12–400.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_max_length: Option<u32>,

    /// How many versions, 1–5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_versions: Option<u32>,

    /// Who writes, in the newer form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<Air>,

    /// How the results are delivered.
    #[serde(flatten)]
    pub delivery: TextDelivery,
}

impl NeighbourTask for PromptEnhance {
    const NAME: &'static str = "promptEnhance";
}

impl Documented for PromptEnhance {
    const FIELDS: &'static [&'static [Field]] = &[
        TASK,
        TEXT,
        &[
            text("prompt", 1, 300).required(),
            integer("promptMaxLength", 12, 400),
            integer("promptVersions", 1, 5),
            model(),
        ],
    ];
}

/// One version, of as many as were asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EnhancedPrompt {
    /// The task it belongs to.
    #[serde(rename = "taskUUID")]
    pub task_uuid: Uuid,

    /// The prompt.
    pub text: String,

    /// US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,

    /// What is not documented.
    #[serde(flatten)]
    pub extra: Extra,
}
