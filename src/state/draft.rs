//! The form as the user left it: possibly wrong, saved between runs.
//!
//! A value is `None` until the user sets it; the model's own default is used and shown then.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Extension, MaskDraft, MaskShape, More, StackDraft};
use crate::pixels::Extent;
use crate::task::{
    DEFAULT_STRENGTH, ImageRef, ModelDefaults, PromptWeighting, Task, TaskType, steps_at_strength,
};

/// What the form holds. Knows no engine: [`crate::task::resolve`] says whether it can be done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Draft {
    /// What to draw.
    pub prompt: String,

    /// What to avoid.
    pub negative_prompt: String,

    /// How both prompts write emphasis; without, every sign is a word's.
    pub prompt_weighting: Option<PromptWeighting>,

    /// AIR of the checkpoint.
    pub model: Option<String>,

    /// Pixels from left to right, 128–2048 in steps of 64.
    pub width: Option<u32>,

    /// Pixels from top to bottom, 128–2048 in steps of 64.
    pub height: Option<u32>,

    /// Denoising steps, 1–100.
    pub steps: Option<u32>,

    /// Guidance scale, 0–50.
    pub cfg_scale: Option<f64>,

    /// Scheduler by its documented name.
    pub scheduler: Option<String>,

    /// The seed of the first picture, 1 … 2⁶³−1; when not locked, the one drawn last.
    pub seed: Option<u64>,

    /// Whether the next task uses [`Self::seed`]; otherwise one is drawn for each.
    pub seed_locked: bool,

    /// How many pictures, 1–20; one when not set.
    pub number_results: Option<u32>,

    /// The picture of the library to start from.
    pub seed_image: Option<Uuid>,

    /// How far to leave [`Self::seed_image`], 0–1; kept while there is none.
    pub strength: Option<f64>,

    /// Whether results are checked for adult content.
    pub check_nsfw: Option<bool>,

    /// Which part of [`Self::seed_image`] is repainted; not sent without it.
    pub mask: MaskDraft,

    /// How far [`Self::seed_image`] grows; kept while there is none.
    pub extension: Extension,

    /// Further models: LoRAs, embeddings, guides.
    pub stacks: StackDraft,

    /// Everything else of a task: rarely used, or without a control.
    pub more: More,
}

/// What the form asks for, by what it starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A picture out of nothing.
    Generate,
    /// Another picture like the one to start from.
    Vary,
    /// A part of it anew.
    Fill,
    /// More of it on some side.
    Extend,
}

impl Draft {
    /// The task this form asks for. Without a locked seed it carries none.
    #[must_use]
    pub fn to_task(&self, task_uuid: Uuid) -> Task {
        let Self {
            prompt,
            negative_prompt,
            prompt_weighting,
            model,
            width: _,
            height: _,
            steps,
            cfg_scale,
            scheduler,
            seed,
            seed_locked,
            number_results,
            seed_image,
            strength,
            check_nsfw,
            mask,
            extension,
            stacks,
            more,
        } = self;
        let more: &Task = more;
        let kept_mask = mask.kept().map(ImageRef::Uuid).or_else(|| more.mask_image.clone());
        let mut task = Task {
            task_type: Some(TaskType::ImageInference),
            task_uuid: Some(task_uuid.to_string()),
            positive_prompt: written(prompt),
            negative_prompt: written(negative_prompt),
            prompt_weighting: *prompt_weighting,
            model: model.clone(),
            width: self.chosen_extent().0,
            height: self.chosen_extent().1,
            steps: *steps,
            cfg_scale: *cfg_scale,
            scheduler: scheduler.clone(),
            seed: seed.filter(|_| *seed_locked),
            number_results: *number_results,
            seed_image: seed_image.map(ImageRef::Uuid).or_else(|| more.seed_image.clone()),
            strength: strength.filter(|_| self.has_start()),
            check_nsfw: *check_nsfw,
            mask_image: kept_mask.filter(|_| self.repaints()),
            mask_margin: mask.margin.filter(|_| self.repaints()),
            outpaint: extension.to_outpaint().filter(|_| self.extends()),
            ..more.clone()
        };
        stacks.write(&mut task);
        task
    }

    /// This form after its task was edited from `sent` to `task`: what the task does not say, such as rows that
    /// are off, a mask that is yet to be drawn, or the seed drawn last, stays.
    #[must_use]
    pub fn edited(&self, sent: &Task, task: &Task) -> Self {
        let mut new = Self::from(task);
        let same_picture = task.seed_image == sent.seed_image;
        let same_size = (task.width, task.height) == (sent.width, sent.height);
        if same_size {
            (new.width, new.height) = (self.width, self.height);
        }
        if same_picture && same_size && task.outpaint == sent.outpaint {
            new.extension = self.extension.clone();
        }
        if same_picture && task.mask_image == sent.mask_image {
            new.mask.shape = self.mask.shape;
        }
        if task.mask_margin == sent.mask_margin {
            new.mask.margin = self.mask.margin;
        }
        if task.strength == sent.strength {
            new.strength = self.strength;
        }
        if task.seed.is_none() {
            new.seed = self.seed;
        }
        if task.positive_prompt == sent.positive_prompt {
            new.prompt.clone_from(&self.prompt);
        }
        if task.negative_prompt == sent.negative_prompt {
            new.negative_prompt.clone_from(&self.negative_prompt);
        }
        new.stacks = self.stacks.edited(new.stacks);
        new
    }

    /// What is asked for.
    #[must_use]
    pub fn mode(&self) -> Mode {
        match self.has_start() {
            false => Mode::Generate,
            true if self.extends() => Mode::Extend,
            true if self.repaints() => Mode::Fill,
            true => Mode::Vary,
        }
    }

    /// Whether there is a picture to start from: of the library, or one that a task brought along.
    #[must_use]
    pub fn has_start(&self) -> bool {
        self.seed_image.is_some() || self.more.seed_image.is_some()
    }

    /// Whether a part of a picture is repainted.
    #[must_use]
    pub fn repaints(&self) -> bool {
        self.has_start() && (self.mask.is_there() || self.more.mask_image.is_some())
    }

    /// Whether a picture grows.
    #[must_use]
    pub fn extends(&self) -> bool {
        self.has_start() && self.extension.grows()
    }

    /// Whether only what lies around the mask is painted, in the size of the form: the start picture
    /// is used whole, and the result has its size.
    #[must_use]
    pub fn zooms(&self) -> bool {
        self.repaints() && !self.extends() && self.mask.margin.is_some()
    }

    /// Width and height that the user, or the picture that grows, decides.
    fn chosen_extent(&self) -> (Option<u32>, Option<u32>) {
        match self.extension.result().filter(|_| self.extends()) {
            Some(Extent { width, height }) => (Some(width), Some(height)),
            None => (self.width, self.height),
        }
    }

    /// Size in effect: the user's, the model's, or that of the picture that grows.
    #[must_use]
    pub fn extent(&self, defaults: &ModelDefaults) -> Extent {
        let (width, height) = self.chosen_extent();
        Extent::new(
            width.unwrap_or(defaults.extent.width),
            height.unwrap_or(defaults.extent.height),
        )
    }

    /// The size that a start picture of the size `own` is scaled and cut to: the result's, without
    /// what it grows by; its own where the engine zooms into the mask.
    #[must_use]
    pub fn start_extent(&self, defaults: &ModelDefaults, own: Option<Extent>) -> Extent {
        if let Some(own) = own.filter(|_| self.zooms()) {
            return own;
        }
        let source = self.extension.source.filter(|_| self.extends());
        source.unwrap_or_else(|| self.extent(defaults))
    }

    /// Sets the size of the result.
    pub fn set_extent(&mut self, extent: Extent) {
        if self.extends() {
            self.extension.set_result(extent);
        } else {
            (self.width, self.height) = (Some(extent.width), Some(extent.height));
        }
    }

    /// Goes back to the size that the model, or the picture that grows, decides.
    pub fn reset_extent(&mut self) {
        if self.extends() {
            self.extension.reset_source();
        } else {
            (self.width, self.height) = (None, None);
        }
    }

    /// Starts from that picture. A mask drawn on another one is of no use on it.
    pub fn start_from(&mut self, image_uuid: Option<Uuid>) {
        if self.seed_image != image_uuid || self.more.seed_image.is_some() {
            self.mask.shape = MaskShape::Nowhere;
            self.extension.reset_source();
            (self.more.seed_image, self.more.mask_image) = (None, None);
        }
        self.seed_image = image_uuid;
    }

    /// Steps in effect: the user's or the model's.
    #[must_use]
    pub fn steps(&self, defaults: &ModelDefaults) -> u32 {
        self.steps.unwrap_or(defaults.steps)
    }

    /// Guidance in effect: the user's or the model's.
    #[must_use]
    pub fn cfg_scale(&self, defaults: &ModelDefaults) -> f64 {
        self.cfg_scale.unwrap_or_else(|| f64::from(defaults.cfg_scale))
    }

    /// Scheduler in effect: the user's or the model's.
    #[must_use]
    pub fn scheduler<'a>(&'a self, defaults: &'a ModelDefaults) -> &'a str {
        self.scheduler.as_deref().unwrap_or(&defaults.scheduler)
    }

    /// How many pictures one press makes.
    #[must_use]
    pub fn number_results(&self) -> u32 {
        self.number_results.unwrap_or(1)
    }

    /// Strength in effect: the user's or the documented default.
    #[must_use]
    pub fn strength(&self) -> f64 {
        self.strength.unwrap_or(DEFAULT_STRENGTH)
    }

    /// Steps that are really done: with a picture to start from, only the share `strength`.
    #[must_use]
    pub fn steps_taken(&self, defaults: &ModelDefaults) -> u32 {
        let steps = self.steps(defaults);
        if self.has_start() { steps_at_strength(steps, self.strength()) } else { steps }
    }
}

impl From<&Task> for Draft {
    /// Takes everything: what no control shows is kept as the task writes it.
    fn from(task: &Task) -> Self {
        let extension = Extension::from(task);
        let seed_image = in_library(task.seed_image.as_ref());
        // Where the picture grows, the final size is part of how.
        let grows = task.seed_image.is_some() && extension.source.is_some();
        let (width, height) = if grows { (None, None) } else { (task.width, task.height) };
        Self {
            prompt: task.positive_prompt.clone().unwrap_or_default(),
            negative_prompt: task.negative_prompt.clone().unwrap_or_default(),
            prompt_weighting: task.prompt_weighting,
            model: task.model.clone(),
            width,
            height,
            steps: task.steps,
            cfg_scale: task.cfg_scale,
            scheduler: task.scheduler.clone(),
            seed: task.seed,
            seed_locked: task.seed.is_some(),
            number_results: task.number_results,
            seed_image,
            strength: task.strength,
            check_nsfw: task.check_nsfw,
            mask: MaskDraft {
                shape: in_library(task.mask_image.as_ref())
                    .map_or(MaskShape::Nowhere, MaskShape::Kept),
                margin: task.mask_margin,
            },
            extension,
            stacks: StackDraft::from(task),
            more: More::from(task),
        }
    }
}

/// The picture's name, if it is one of the library.
pub(super) fn in_library(image: Option<&ImageRef>) -> Option<Uuid> {
    match image {
        Some(ImageRef::Uuid(image_uuid)) => Some(*image_uuid),
        _ => None,
    }
}

fn written(text: &str) -> Option<String> {
    (!text.trim().is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests;
