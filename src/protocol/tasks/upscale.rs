//! `upscale`: a larger version of a picture.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::delivery::{Delivery, INPUT, Inputs, PICTURE, TEXT};
use super::field::{Field, TASK, float, integer, model, object, switch, text};
use super::read::{Documented, NeighbourTask, exactly_one};
use crate::task::{Air, ImageRef, Problem};

/// Seeds are signed 64-bit numbers on the service's side.
const GREATEST_SEED: u64 = i64::MAX as u64;

/// `upscale`. The result has at most 4096 × 4096 pixels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Upscale {
    /// Names the task.
    #[serde(rename = "taskUUID")]
    pub task_uuid: Uuid,

    /// The picture, in the older form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_image: Option<ImageRef>,

    /// The picture, in the newer form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Inputs>,

    /// How many times as wide and high: 2 to 4.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upscale_factor: Option<u32>,

    /// How large instead, in millions of pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_megapixels: Option<f64>,

    /// What does it: `runware:500@1` to `runware:504@1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<Air>,

    /// What the model takes besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<UpscaleSettings>,

    /// How the result is delivered.
    #[serde(flatten)]
    pub delivery: Delivery,
}

/// The parameters of diffusion upscalers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpscaleSettings {
    /// What the picture shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub positive_prompt: Option<String>,

    /// What to avoid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub negative_prompt: Option<String>,

    /// How far the result may leave the picture, 0–1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strength: Option<f64>,

    /// How closely the picture guides, 0–1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_net_weight: Option<f64>,

    /// Denoising steps, 1–100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<u32>,

    /// A scheduler by its documented name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduler: Option<String>,

    /// Seed, 1 … 2⁶³−1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,

    /// Guidance scale, 0–50.
    #[serde(rename = "CFGScale", skip_serializing_if = "Option::is_none")]
    pub cfg_scale: Option<f64>,

    /// Last text encoder layers to leave out, 0–2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_skip: Option<u32>,

    /// Keeps the colours of the picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub color_fix: Option<bool>,

    /// Works in tiles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tile_diffusion: Option<bool>,
}

impl NeighbourTask for Upscale {
    const NAME: &'static str = "upscale";
    const OLD_NAMES: &'static [&'static str] = &["imageUpscale"];
}

impl Documented for Upscale {
    const FIELDS: &'static [&'static [Field]] = &[
        TASK,
        INPUT,
        PICTURE,
        TEXT,
        &[
            integer("upscaleFactor", 2, 4),
            float("targetMegapixels", 0.01, 64.0),
            model(),
            object("settings"),
            text("settings.positivePrompt", 1, 3000),
            text("settings.negativePrompt", 1, 3000),
            float("settings.strength", 0.0, 1.0),
            float("settings.controlNetWeight", 0.0, 1.0),
            integer("settings.steps", 1, 100),
            text("settings.scheduler", 1, 60),
            integer("settings.seed", 1, GREATEST_SEED),
            float("settings.CFGScale", 0.0, 50.0),
            integer("settings.clipSkip", 0, 2),
            switch("settings.colorFix"),
            switch("settings.tileDiffusion"),
        ],
    ];

    fn conflicts(&self) -> Vec<Problem> {
        let inputs = self.inputs.as_ref().is_some_and(|inputs| inputs.image.is_some());
        let image = exactly_one(
            ["inputImage", "inputs.image"],
            [self.input_image.is_some(), inputs],
            "a picture",
        );
        let size = exactly_one(
            ["upscaleFactor", "targetMegapixels"],
            [self.upscale_factor.is_some(), self.target_megapixels.is_some()],
            "how many times as large the result is",
        );
        [image, size].into_iter().flatten().collect()
    }
}
