//! The answer side: what the API says about finished pictures and failed tasks.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{ImageRef, OutputFormat, Problem, TaskType};

/// The body of an answer: finished pictures and problems side by side.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Finished pictures, in the order they were finished.
    #[serde(default)]
    pub data: Vec<ImageResult>,

    /// What went wrong; absent when nothing did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Problem>,
}

/// One finished picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageResult {
    /// The task's type.
    pub task_type: TaskType,

    /// The task it belongs to.
    #[serde(rename = "taskUUID")]
    pub task_uuid: Uuid,

    /// Names the picture for ever.
    #[serde(rename = "imageUUID")]
    pub image_uuid: Uuid,

    /// The picture, in the form `outputType` asked for.
    #[serde(flatten)]
    pub image: DeliveredImage,

    /// The seed that makes exactly this picture; older answers lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,

    /// Whether it may show adult content; only when that was asked.
    #[serde(rename = "NSFWContent", default, skip_serializing_if = "Option::is_none")]
    pub nsfw_content: Option<bool>,

    /// US dollars; only when that was asked.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "super::wire::number::serialize"
    )]
    pub cost: Option<f64>,
}

/// A picture on its way out: exactly one of three fields.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeliveredImage {
    /// Where it can be fetched.
    #[serde(rename = "imageURL")]
    Url(String),

    /// The file's bytes as base64.
    #[serde(rename = "imageBase64Data")]
    Base64Data(String),

    /// The file's bytes as a data URI.
    #[serde(rename = "imageDataURI")]
    DataUri(String),
}

impl DeliveredImage {
    /// The picture file `bytes` as base64.
    #[must_use]
    pub fn base64(bytes: &[u8]) -> Self {
        Self::Base64Data(STANDARD.encode(bytes))
    }

    /// The picture file `bytes` as a data URI.
    #[must_use]
    pub fn data_uri(format: OutputFormat, bytes: &[u8]) -> Self {
        Self::DataUri(ImageRef::data_uri(format.media_type(), bytes).to_string())
    }
}

impl fmt::Debug for DeliveredImage {
    /// Sizes instead of the megabytes themselves.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => write!(f, "Url({url})"),
            Self::Base64Data(text) => write!(f, "Base64Data({} characters)", text.len()),
            Self::DataUri(text) => write!(f, "DataUri({} characters)", text.len()),
        }
    }
}
