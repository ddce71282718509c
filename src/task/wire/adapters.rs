//! The parts of a task that name a second model: refiner, embeddings, `ControlNet`, `LoRA`, IP-Adapter.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ControlMode, ImageRef};

/// `refiner`: an SDXL model that finishes the picture.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refiner {
    /// The refiner's AIR; required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,

    /// The step at which it takes over, 2 … `steps`. Excludes `start_step_percentage`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_step: Option<u32>,

    /// The same in percent of all steps, 1–99.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_step_percentage: Option<u32>,

    /// What the document does not name.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// `embeddings[]`: a textual inversion.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Embedding {
    /// The embedding's AIR; required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,

    /// Strength, −4…4; 1 when absent.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "super::number::serialize")]
    pub weight: Option<f64>,

    /// What the document does not name.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// `controlNet[]`: a network that follows a guide picture.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ControlNet {
    /// The `ControlNet`'s AIR; required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,

    /// The preprocessed guide picture; required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guide_image: Option<ImageRef>,

    /// Strength, 0–1; 1 when absent.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "super::number::serialize")]
    pub weight: Option<f64>,

    /// First guided step, 1 … `steps`. Excludes `start_step_percentage`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_step: Option<u32>,

    /// The same in percent of all steps, 0–99.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_step_percentage: Option<u32>,

    /// Last guided step, `start_step` + 1 … `steps`. Excludes `end_step_percentage`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_step: Option<u32>,

    /// The same in percent of all steps, `start_step_percentage` + 1 … 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_step_percentage: Option<u32>,

    /// Which guide wins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_mode: Option<ControlMode>,

    /// What the document does not name.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// `lora[]`: low-rank changes of the model's weights.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lora {
    /// The `LoRA`'s AIR; required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,

    /// Strength, −4…4; 1 when absent.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "super::number::serialize")]
    pub weight: Option<f64>,

    /// What the document does not name.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// `ipAdapters[]`: a picture used like a prompt.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IpAdapter {
    /// The IP-Adapter's AIR; required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,

    /// The picture to follow; required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guide_image: Option<ImageRef>,

    /// Strength, 0–1; 1 when absent.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "super::number::serialize")]
    pub weight: Option<f64>,

    /// What the document does not name.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}
