//! A task that is complete, in range and resolved against the library.

use std::sync::Arc;

use uuid::Uuid;

use super::{
    Control, DeepCache, EngineKind, ImagePrompt, ImageRef, ModelCard, OutputFormat, OutputType,
    PromptWeighting, SchedulerRow, Task, Weighted,
};
use crate::pixels::{Extent, Growth};

/// Everything one job needs, checked. Only [`super::resolve()`] makes one.
#[derive(Clone, Debug)]
#[expect(
    clippy::manual_non_exhaustive,
    reason = "the attribute would bind other crates only, not other rooms"
)]
pub struct Request {
    /// The task this was made from, with nothing added; saved beside every picture.
    pub task: Arc<Task>,

    /// Who is to draw: what was checked is checked for this engine only.
    pub engine: EngineKind,

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
    pub start: Option<StartFrom>,

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

    /// Changes of the model's weights. Like the other stacks, without what the library does not
    /// have; on the local engine nothing is missing.
    pub loras: Vec<Weighted>,

    /// Words the model learned later.
    pub embeddings: Vec<Weighted>,

    /// Networks that follow guide pictures.
    pub controls: Vec<Control>,

    /// Pictures used like prompts.
    pub image_prompts: Vec<ImagePrompt>,

    /// Leaves out work that changes little from step to step.
    pub deep_cache: Option<DeepCache>,

    /// How the answer carries the picture.
    pub output_type: OutputType,

    /// File format of the picture.
    pub output_format: OutputFormat,

    /// JPG and WEBP quality, 20–99.
    pub output_quality: u8,

    /// Whether the answer carries `NSFWContent`.
    pub check_nsfw: bool,

    /// Whether the answer carries `cost` (0 on the local engine).
    pub include_cost: bool,

    /// Keeps every other room from building one by hand.
    pub(super) _checked: (),
}

/// The documented default of `strength`.
pub const DEFAULT_STRENGTH: f64 = 0.8;

/// The steps of a run of `steps` that `strength` leaves, rounded down as diffusers does.
#[must_use]
pub fn steps_at_strength(steps: u32, strength: f64) -> u32 {
    ((f64::from(steps) * strength) as u32).min(steps)
}

/// A picture to start from, and what of it is painted anew.
#[derive(Clone, Debug, PartialEq)]
pub struct StartFrom {
    /// The picture.
    pub image: ImageRef,

    /// White is repainted, black stays; everything is when there is none.
    pub mask: Option<ImageRef>,

    /// Zooms into the mask and this many pixels around it, 32–128.
    pub mask_margin: Option<u32>,

    /// How far the result may leave the picture, 0–1: the share of the steps that are taken.
    pub strength: f64,

    /// Sides at which the picture grows to the request's extent.
    pub growth: Option<Growth>,
}

impl StartFrom {
    /// The steps of a run of `steps` that are taken.
    #[must_use]
    pub fn steps_taken(&self, steps: u32) -> u32 {
        steps_at_strength(steps, self.strength)
    }

    /// What `task` says about its picture; `None` without one.
    pub(super) fn of(task: &Task) -> Option<Self> {
        let side = |pixels: Option<u32>| pixels.unwrap_or(0);
        Some(Self {
            image: task.seed_image.clone()?,
            mask: task.mask_image.clone(),
            mask_margin: task.mask_margin,
            strength: task.strength.unwrap_or(DEFAULT_STRENGTH),
            growth: task.outpaint.as_ref().map(|outpaint| Growth {
                top: side(outpaint.top),
                right: side(outpaint.right),
                bottom: side(outpaint.bottom),
                left: side(outpaint.left),
                blur: side(outpaint.blur),
            }),
        })
    }
}
