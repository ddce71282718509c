//! `modelSearch`: which models there are.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Extra;
use super::field::{Field, TASK, at_least, integer, text, word};
use super::read::{Documented, NeighbourTask};
use crate::task::DefaultValue;

/// Words of `category`.
const CATEGORIES: &[&str] = &["checkpoint", "lora", "lycoris", "controlnet", "vae", "embeddings"];

/// Words of `type`.
const TYPES: &[&str] = &["base", "inpainting", "refiner"];

/// Words of `visibility`, of both generations of the API.
const VISIBILITIES: &[&str] = &["public", "private", "all", "favorite", "owned"];

/// Words of `source`.
const SOURCES: &[&str] = &["official", "featured", "community"];

/// `modelSearch`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelSearch {
    /// Names the task.
    #[serde(rename = "taskUUID")]
    pub task_uuid: Uuid,

    /// Words that stand in name, AIR or tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,

    /// All of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,

    /// `checkpoint`, `lora`, `lycoris`, `controlnet`, `vae` or `embeddings`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,

    /// Of checkpoints: `base`, `inpainting` or `refiner`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,

    /// The family, such as `sd1x`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,

    /// Of `ControlNet`s: what the guide shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conditioning: Option<String>,

    /// Whose models; `all` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visibility: Option<String>,

    /// Newer: `official` or `community`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,

    /// Newer: what the models can do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<String>>,

    /// Newer: the order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort: Option<String>,

    /// At most so many, 1–100; 20 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,

    /// From here on; 0 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u32>,
}

impl NeighbourTask for ModelSearch {
    const NAME: &'static str = "modelSearch";
}

impl Documented for ModelSearch {
    const FIELDS: &'static [&'static [Field]] = &[
        TASK,
        &[
            text("search", 0, 300),
            Field::List("tags", "string[]"),
            word("category", CATEGORIES),
            word("type", TYPES),
            text("architecture", 1, 60),
            text("conditioning", 1, 60),
            word("visibility", VISIBILITIES).default(DefaultValue::Word("all")),
            word("source", SOURCES),
            Field::List("capabilities", "string[]"),
            text("sort", 1, 60),
            integer("limit", 1, 100).default(DefaultValue::Integer(20)),
            at_least("offset", 0).default(DefaultValue::Integer(0)),
        ],
    ];
}

/// The answer to [`ModelSearch`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelSearchResult {
    /// The task it belongs to.
    #[serde(rename = "taskUUID")]
    pub task_uuid: Uuid,

    /// How many models there are in all.
    pub total_results: u64,

    /// Those that were asked for.
    #[serde(default)]
    pub results: Vec<FoundModel>,

    /// What is not documented.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A model that was found. Only its AIR is always there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FoundModel {
    /// What tasks call it.
    pub air: String,

    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,

    /// What people call this version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,

    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,

    /// Its family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,

    /// Of checkpoints: what they are for.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,

    /// Words that go with it.
    #[serde(default)]
    pub tags: Vec<String>,

    /// Whether only its owner can use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private: Option<bool>,

    /// Pixels from left to right that suit it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_width: Option<u32>,

    /// Pixels from top to bottom that suit it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_height: Option<u32>,

    /// Steps that suit it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_steps: Option<u32>,

    /// The scheduler that suits it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_scheduler: Option<String>,

    /// The guidance that suits it.
    #[serde(rename = "defaultCFG", default, skip_serializing_if = "Option::is_none")]
    pub default_cfg: Option<f64>,

    /// Words of a prompt that call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positive_trigger_words: Option<String>,

    /// What is not documented, and what is not looked at here.
    #[serde(flatten)]
    pub extra: Extra,
}
