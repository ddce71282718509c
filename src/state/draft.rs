//! The form as the user left it: possibly wrong, saved between runs.
//!
//! A value is `None` until the user sets it; the model's own default is used and shown then.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::task::{ImageRef, ModelDefaults, OutputFormat, Task};

/// What the form holds. Knows no engine: [`crate::task::resolve`] says whether it can be done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Draft {
    /// What to draw.
    pub prompt: String,

    /// What to avoid.
    pub negative_prompt: String,

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
}

/// The documented default of `strength`.
const DEFAULT_STRENGTH: f64 = 0.8;

impl Draft {
    /// The task this form asks for. Without a locked seed it carries none.
    #[must_use]
    pub fn to_task(&self, task_uuid: Uuid) -> Task {
        let Self {
            prompt,
            negative_prompt,
            model,
            width,
            height,
            steps,
            cfg_scale,
            scheduler,
            seed,
            seed_locked,
            number_results,
            seed_image,
            strength,
            check_nsfw,
        } = self;
        Task {
            output_format: Some(OutputFormat::Png),
            positive_prompt: written(prompt),
            negative_prompt: written(negative_prompt),
            model: model.clone(),
            width: *width,
            height: *height,
            steps: *steps,
            cfg_scale: *cfg_scale,
            scheduler: scheduler.clone(),
            seed: seed.filter(|_| *seed_locked),
            number_results: *number_results,
            seed_image: seed_image.map(ImageRef::Uuid),
            strength: strength.filter(|_| seed_image.is_some()),
            check_nsfw: *check_nsfw,
            ..Task::new(task_uuid)
        }
    }

    /// Width in effect: the user's or the model's.
    #[must_use]
    pub fn width(&self, defaults: &ModelDefaults) -> u32 {
        self.width.unwrap_or(defaults.extent.width)
    }

    /// Height in effect: the user's or the model's.
    #[must_use]
    pub fn height(&self, defaults: &ModelDefaults) -> u32 {
        self.height.unwrap_or(defaults.extent.height)
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
        match self.seed_image {
            Some(_) => (f64::from(steps) * self.strength()) as u32,
            None => steps,
        }
    }
}

impl From<&Task> for Draft {
    /// Takes what the form can express; the rest of the task is not kept, nor a picture to start
    /// from that is not in the library.
    fn from(task: &Task) -> Self {
        Self {
            prompt: task.positive_prompt.clone().unwrap_or_default(),
            negative_prompt: task.negative_prompt.clone().unwrap_or_default(),
            model: task.model.clone(),
            width: task.width,
            height: task.height,
            steps: task.steps,
            cfg_scale: task.cfg_scale,
            scheduler: task.scheduler.clone(),
            seed: task.seed,
            seed_locked: task.seed.is_some(),
            number_results: task.number_results,
            seed_image: match task.seed_image {
                Some(ImageRef::Uuid(image_uuid)) => Some(image_uuid),
                _ => None,
            },
            strength: task.strength,
            check_nsfw: task.check_nsfw,
        }
    }
}

fn written(text: &str) -> Option<String> {
    (!text.trim().is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> ImageRef {
        ImageRef::Uuid(Uuid::from_u128(9))
    }

    /// Each line sets one more thing than nothing; the last sets all.
    fn expressible() -> Vec<Task> {
        let base =
            || Task { output_format: Some(OutputFormat::Png), ..Task::new(Uuid::from_u128(7)) };
        let mut tasks = vec![
            base(),
            Task { positive_prompt: Some("a fox, noto style".to_owned()), ..base() },
            Task { negative_prompt: Some("blurry".to_owned()), ..base() },
            Task { model: Some("latelier:demo@1".to_owned()), ..base() },
            Task { width: Some(192), ..base() },
            Task { height: Some(256), ..base() },
            Task { steps: Some(24), ..base() },
            Task { cfg_scale: Some(4.5), ..base() },
            Task { scheduler: Some("Euler a".to_owned()), ..base() },
            Task { seed: Some(i64::MAX as u64), ..base() },
            Task { number_results: Some(4), ..base() },
            Task { seed_image: Some(picture()), ..base() },
            Task { seed_image: Some(picture()), strength: Some(0.35), ..base() },
            Task { check_nsfw: Some(true), ..base() },
        ];
        let mut all = base();
        for task in &tasks {
            all.positive_prompt = all.positive_prompt.or_else(|| task.positive_prompt.clone());
            all.negative_prompt = all.negative_prompt.or_else(|| task.negative_prompt.clone());
            all.model = all.model.or_else(|| task.model.clone());
            all.width = all.width.or(task.width);
            all.height = all.height.or(task.height);
            all.steps = all.steps.or(task.steps);
            all.cfg_scale = all.cfg_scale.or(task.cfg_scale);
            all.scheduler = all.scheduler.or_else(|| task.scheduler.clone());
            all.seed = all.seed.or(task.seed);
            all.number_results = all.number_results.or(task.number_results);
            all.seed_image = all.seed_image.or_else(|| task.seed_image.clone());
            all.strength = all.strength.or(task.strength);
            all.check_nsfw = all.check_nsfw.or(task.check_nsfw);
        }
        tasks.push(all);
        tasks
    }

    #[test]
    fn a_task_the_form_can_express_comes_back_unchanged() {
        for task in expressible() {
            assert_eq!(Draft::from(&task).to_task(Uuid::from_u128(7)), task);
        }
    }

    #[test]
    fn what_the_user_did_not_set_is_not_sent() {
        let task = Draft::default().to_task(Uuid::from_u128(7));
        assert_eq!(
            task,
            Task { output_format: Some(OutputFormat::Png), ..Task::new(Uuid::from_u128(7)) }
        );
    }

    #[test]
    fn an_unlocked_seed_is_shown_but_not_sent() {
        let draft = Draft { seed: Some(41), ..Draft::default() };
        assert_eq!(draft.to_task(Uuid::from_u128(7)).seed, None);
        assert_eq!(Draft { seed_locked: true, ..draft }.to_task(Uuid::from_u128(7)).seed, Some(41));
    }

    #[test]
    fn strength_goes_with_a_picture_only_and_waits_for_one() {
        let draft = Draft { strength: Some(0.35), ..Draft::default() };
        assert_eq!(draft.to_task(Uuid::from_u128(7)).strength, None);
        let draft = Draft { seed_image: Some(Uuid::from_u128(9)), ..draft };
        let task = draft.to_task(Uuid::from_u128(7));
        assert_eq!((task.seed_image, task.strength), (Some(picture()), Some(0.35)));
    }

    #[test]
    fn of_a_task_with_a_picture_from_elsewhere_everything_else_is_kept() {
        let elsewhere = [
            ImageRef::Url("https://example.org/a.png".to_owned()),
            ImageRef::data_uri("image/png", b"bytes"),
            ImageRef::Base64("iVBORw0KGgo=".to_owned()),
        ];
        for task in expressible() {
            let without = Draft { seed_image: None, ..Draft::from(&task) };
            for picture in elsewhere.clone() {
                let task = Task { seed_image: Some(picture), ..task.clone() };
                assert_eq!(Draft::from(&task), without);
            }
        }
    }

    #[test]
    fn a_picture_to_start_from_saves_steps() {
        let defaults = crate::state::common_defaults();
        let draft = Draft { steps: Some(10), strength: Some(0.35), ..Draft::default() };
        assert_eq!(draft.steps_taken(&defaults), 10);
        let draft = Draft { seed_image: Some(Uuid::from_u128(9)), ..draft };
        assert_eq!(draft.steps_taken(&defaults), 3);
        assert_eq!(Draft { strength: None, ..draft }.steps_taken(&defaults), 8);
    }

    #[test]
    fn the_draft_survives_a_restart() {
        for task in expressible() {
            let draft = Draft::from(&task);
            let text = serde_json::to_string(&draft).unwrap();
            assert_eq!(serde_json::from_str::<Draft>(&text).unwrap(), draft);
        }
    }
}
