//! A task that is complete, in range and resolved against the library.

use std::sync::Arc;

use uuid::Uuid;

use super::{ImageRef, ModelCard, OutputFormat, OutputType, PromptWeighting, SchedulerRow, Task};
use crate::pixels::Extent;

/// Everything one job needs, checked. Only [`super::resolve()`] makes one.
#[derive(Clone, Debug)]
#[expect(
    clippy::manual_non_exhaustive,
    reason = "the attribute would bind other crates only, not other rooms"
)]
pub struct Request {
    /// The task this was made from, with nothing added; saved beside every picture.
    pub task: Arc<Task>,

    /// Identifies the task on both engines (UUID v4).
    pub task_uuid: Uuid,

    /// The checkpoint to use.
    pub model: Arc<ModelCard>,

    /// What to draw; empty for `__BLANK__`.
    pub positive_prompt: String,

    /// What to avoid; empty when the task says nothing.
    pub negative_prompt: String,

    /// Size of the result in pixels, each side 128–2048 and a multiple of 64.
    pub extent: Extent,

    /// The picture to start from instead of noise alone.
    pub seed_image: Option<ImageRef>,

    /// White is repainted, black stays; only with a seed image.
    pub mask_image: Option<ImageRef>,

    /// How far the result may leave the seed image, 0–1: the share of the steps that are taken.
    pub strength: f64,

    /// How the prompts write emphasis; `None` takes every character as text.
    pub prompt_weighting: Option<PromptWeighting>,

    /// Last layers of the text encoder to leave out, 0–2.
    pub clip_skip: u32,

    /// Denoising steps, 1–100.
    pub steps: u32,

    /// Guidance scale, 0–50; guidance is off at 1 and below.
    pub cfg_scale: f32,

    /// Sampler and sigma schedule.
    pub scheduler: &'static SchedulerRow,

    /// Seed of the first picture, 1 … 2⁶³−1; picture `k` uses `seed + k`.
    pub seed: u64,

    /// How many pictures, 1–20.
    pub number_results: u32,

    /// How the answer carries the picture.
    pub output_type: OutputType,

    /// File format of the picture.
    pub output_format: OutputFormat,

    /// JPG and WEBP quality, 20–99.
    pub output_quality: u8,

    /// Whether the answer carries `cost` (0 on the local engine).
    pub include_cost: bool,

    /// Keeps every other room from building one by hand.
    pub(super) _checked: (),
}
