//! The single objects inside a task: outpaint, advanced features, accelerators, `PuLID`, ACE++.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{AceType, ImageRef};

/// `outpaint`: how far the picture grows on each side, in pixels, multiples of 64.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outpaint {
    /// New rows above.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top: Option<u32>,

    /// New columns to the right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub right: Option<u32>,

    /// New rows below.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bottom: Option<u32>,

    /// New columns to the left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left: Option<u32>,

    /// Blur of the seam, 0–32 pixels; 0 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blur: Option<u32>,

    /// What the document does not name.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// `advancedFeatures`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AdvancedFeatures {
    /// Pictures with an alpha channel (FLUX).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer_diffuse: Option<bool>,

    /// What the document does not name.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// `acceleratorOptions`: leaving out work that changes little between steps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AcceleratorOptions {
    /// `TeaCache` (transformers).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tea_cache: Option<bool>,

    /// How much change may be skipped, 0–1; 0.5 when absent.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "super::number::serialize")]
    pub tea_cache_distance: Option<f64>,

    /// `DeepCache` (`UNet`s).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deep_cache: Option<bool>,

    /// Steps between two full passes, at least 1; 3 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deep_cache_interval: Option<u32>,

    /// The branch that is always computed, from 0 (shallowest); 0 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deep_cache_branch_id: Option<u32>,

    /// What the document does not name.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// `puLID`: keeps the identity of a face (FLUX).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PuLid {
    /// Exactly one picture of the face; required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_images: Option<Vec<ImageRef>>,

    /// Strength of the identity, 0–3; 1 when absent. The document types it as an integer and speaks of decimals.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "super::number::serialize")]
    pub id_weight: Option<f64>,

    /// Guidance scale of the identity, 0–10.
    #[serde(
        rename = "trueCFGScale",
        skip_serializing_if = "Option::is_none",
        serialize_with = "super::number::serialize"
    )]
    pub true_cfg_scale: Option<f64>,

    /// First step with the identity, 0–10. Excludes `cfg_start_step_percentage`.
    #[serde(rename = "CFGStartStep", skip_serializing_if = "Option::is_none")]
    pub cfg_start_step: Option<u32>,

    /// The same in percent of all steps, 0–100.
    #[serde(rename = "CFGStartStepPercentage", skip_serializing_if = "Option::is_none")]
    pub cfg_start_step_percentage: Option<u32>,

    /// What the document does not name.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// `acePlusPlus`: pictures that stay true to a reference (FLUX Fill).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AcePlusPlus {
    /// What is kept of the reference; portrait when absent.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<AceType>,

    /// The picture to edit, at most one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_images: Option<Vec<ImageRef>>,

    /// White where to edit, at most one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_masks: Option<Vec<ImageRef>>,

    /// 0 keeps the identity, 1 follows the prompt; 0 when absent.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "super::number::serialize")]
    pub repainting_scale: Option<f64>,

    /// What the document does not name.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}
