//! The `imageInference` object exactly as the API documents it.
//!
//! Plain data: what is absent stays absent, what is unknown is kept. Whether it makes sense is asked elsewhere.

mod adapters;
mod features;
pub(super) mod image_ref;
pub(super) mod number;
mod words;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

pub use adapters::{ControlNet, Embedding, IpAdapter, Lora, Refiner};
pub use features::{AcceleratorOptions, AcePlusPlus, AdvancedFeatures, Outpaint, PuLid};
pub use image_ref::{ImageRef, ImageRefError};
pub use words::{
    AceType, ControlMode, DeliveryMethod, OutputFormat, OutputType, Preprocessor, PromptWeighting,
    TaskType,
};

/// One task. Fields in the order of the API document; ranges and defaults are in [`super::PARAMETERS`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// What is asked for; required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_type: Option<TaskType>,

    /// A UUID v4 that names the task for ever; required.
    #[serde(rename = "taskUUID", skip_serializing_if = "Option::is_none")]
    pub task_uuid: Option<String>,

    /// How the answer carries the picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_type: Option<OutputType>,

    /// File format of the picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_format: Option<OutputFormat>,

    /// JPG and WEBP quality, 20–99.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_quality: Option<u32>,

    /// Address that gets the picture by HTTP PUT.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upload_endpoint: Option<String>,

    /// Whether to look for adult content.
    #[serde(rename = "checkNSFW", skip_serializing_if = "Option::is_none")]
    pub check_nsfw: Option<bool>,

    /// Whether the answer says what it cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_cost: Option<bool>,

    /// What to draw, 2–3000 characters, or `__BLANK__`; required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub positive_prompt: Option<String>,

    /// What to avoid, 2–3000 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub negative_prompt: Option<String>,

    /// The picture to start from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed_image: Option<ImageRef>,

    /// White where to repaint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mask_image: Option<ImageRef>,

    /// Zooms into the masked area with this many pixels around it, 32–128.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mask_margin: Option<u32>,

    /// How far the result may leave the seed image, 0–1.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "number::serialize")]
    pub strength: Option<f64>,

    /// Pictures that edit models look at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference_images: Option<Vec<ImageRef>>,

    /// How far the picture grows on each side.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outpaint: Option<Outpaint>,

    /// Height of the result, 128–2048, a multiple of 64; required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,

    /// Width of the result, 128–2048, a multiple of 64; required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,

    /// The checkpoint's AIR; required.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,

    /// AIR of an autoencoder to use instead of the model's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vae: Option<String>,

    /// Denoising steps, 1–100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<u32>,

    /// A name of [`super::SCHEDULERS`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduler: Option<String>,

    /// Seed of the first picture, 1 … 2⁶³−1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,

    /// Guidance scale, 0–50.
    #[serde(
        rename = "CFGScale",
        skip_serializing_if = "Option::is_none",
        serialize_with = "number::serialize"
    )]
    pub cfg_scale: Option<f64>,

    /// Last text encoder layers to leave out, 0–2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_skip: Option<u32>,

    /// The notation for emphasis inside the prompts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_weighting: Option<PromptWeighting>,

    /// How many pictures, 1–20.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number_results: Option<u32>,

    /// Switches for special abilities.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advanced_features: Option<AdvancedFeatures>,

    /// Switches for speed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accelerator_options: Option<AcceleratorOptions>,

    /// Keeps the identity of a face.
    #[serde(rename = "puLID", skip_serializing_if = "Option::is_none")]
    pub pu_lid: Option<PuLid>,

    /// Stays true to a reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ace_plus_plus: Option<AcePlusPlus>,

    /// A model that finishes the picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refiner: Option<Refiner>,

    /// Textual inversions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub embeddings: Option<Vec<Embedding>>,

    /// Guide pictures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_net: Option<Vec<ControlNet>>,

    /// Low-rank changes of the weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lora: Option<Vec<Lora>>,

    /// Pictures used like prompts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_adapters: Option<Vec<IpAdapter>>,

    /// Whether the connection waits for the pictures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_method: Option<DeliveryMethod>,

    /// Seconds the result's address lives, at least 60.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u32>,

    /// Address that is told when a picture is ready.
    #[serde(rename = "webhookURL", skip_serializing_if = "Option::is_none")]
    pub webhook_url: Option<String>,

    /// What the document does not name.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Task {
    /// A task of that name with nothing asked for yet.
    #[must_use]
    pub fn new(task_uuid: Uuid) -> Self {
        Self {
            task_type: Some(TaskType::ImageInference),
            task_uuid: Some(task_uuid.to_string()),
            ..Self::default()
        }
    }

    /// Every picture that the task names, wherever.
    pub fn images_mut(&mut self) -> Vec<&mut ImageRef> {
        let mut images: Vec<&mut ImageRef> = Vec::new();
        images.extend(&mut self.seed_image);
        images.extend(&mut self.mask_image);
        images.extend(self.reference_images.iter_mut().flatten());
        let guides = self.control_net.iter_mut().flatten();
        images.extend(guides.filter_map(|control| control.guide_image.as_mut()));
        let guides = self.ip_adapters.iter_mut().flatten();
        images.extend(guides.filter_map(|adapter| adapter.guide_image.as_mut()));
        if let Some(pu_lid) = &mut self.pu_lid {
            images.extend(pu_lid.input_images.iter_mut().flatten());
        }
        if let Some(ace) = &mut self.ace_plus_plus {
            images.extend(ace.input_images.iter_mut().flatten());
            images.extend(ace.input_masks.iter_mut().flatten());
        }
        images
    }
}
