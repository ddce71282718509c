//! A model's `scheduler_config.json`, as written.
//!
//! Unknown keys are ignored. What a missing key means is not known here but in the rules of the
//! sampler that reads it.

use std::borrow::Cow;

use serde::Deserialize;

use super::{RefusedSettings, Sampler, SigmaSpacing};

/// A scheduler configuration as written in the file; a missing key means the default of the class
/// that reads it. `Default` is Stable Diffusion 1.x.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct SchedulerConfig {
    /// Steps of the noising process the network was trained on.
    pub num_train_timesteps: Option<usize>,

    /// First β.
    pub beta_start: Option<f64>,

    /// Last β.
    pub beta_end: Option<f64>,

    /// `linear`, `scaled_linear` or `squaredcos_cap_v2`.
    pub beta_schedule: Option<String>,

    /// Every β, instead of a curve.
    pub trained_betas: Option<Vec<f32>>,

    /// `epsilon`, `v_prediction` or `sample`.
    pub prediction_type: Option<String>,

    /// `linspace`, `leading` or `trailing`.
    pub timestep_spacing: Option<String>,

    /// Added to `leading` timesteps.
    pub steps_offset: Option<usize>,

    /// Whether DDIM ends without noise rather than at the first training level.
    pub set_alpha_to_one: Option<bool>,

    /// Whether the noisiest training level is pure noise (Lin et al., 2023).
    pub rescale_betas_zero_snr: Option<bool>,

    /// `zero` or `sigma_min`: where Euler, DPM++ and `UniPC` end.
    pub final_sigmas_type: Option<String>,

    /// Whether DDIM, LCM and Heun clip the predicted latent.
    pub clip_sample: Option<bool>,

    /// The limit `clip_sample` clips to.
    pub clip_sample_range: Option<f32>,

    /// Whether the model's own spacing is Karras'.
    pub use_karras_sigmas: Option<bool>,

    /// Whether DPM++ takes a first-order last step below 15 steps; `UniPC` only knows `true`.
    pub lower_order_final: Option<bool>,

    /// Whether DPM++ always takes a first-order last step.
    pub euler_at_final: Option<bool>,

    /// Steps an LCM was distilled over; its steps are chosen among them.
    pub original_inference_steps: Option<usize>,

    /// Factor on the timestep in LCM's boundary conditions.
    pub timestep_scaling: Option<f64>,

    /// Settings with one supported value each.
    #[serde(flatten)]
    pub refused: RefusedSettings,
}

impl Default for SchedulerConfig {
    fn default() -> Self {
        Self {
            num_train_timesteps: Some(1000),
            beta_start: Some(0.00085),
            beta_end: Some(0.012),
            beta_schedule: Some("scaled_linear".to_owned()),
            trained_betas: None,
            prediction_type: Some("epsilon".to_owned()),
            timestep_spacing: None,
            steps_offset: Some(1),
            set_alpha_to_one: Some(false),
            rescale_betas_zero_snr: None,
            final_sigmas_type: None,
            clip_sample: Some(false),
            clip_sample_range: None,
            use_karras_sigmas: None,
            lower_order_final: None,
            euler_at_final: None,
            original_inference_steps: None,
            timestep_scaling: None,
            refused: RefusedSettings::default(),
        }
    }
}

/// Why a schedule cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// The file is not a scheduler configuration.
    #[error("the scheduler configuration cannot be read: {0}")]
    Unreadable(#[from] serde_json::Error),

    /// A setting has a value this program cannot honour.
    #[error("scheduler setting `{key}` has the unsupported value `{value}`")]
    Unsupported {
        /// The key in `scheduler_config.json`.
        key: &'static str,
        /// Its value.
        value: String,
    },

    /// The sampler has no such spacing.
    #[error("{sampler:?} cannot space its steps as {spacing:?}")]
    Spacing {
        /// The sampler asked for.
        sampler: Sampler,
        /// The spacing asked for.
        spacing: SigmaSpacing,
    },

    /// Too few or too many steps for this sampler and model.
    #[error("{sampler:?} takes 1 to {most} steps with this model, not {steps}")]
    Steps {
        /// The sampler asked for.
        sampler: Sampler,
        /// The steps asked for.
        steps: usize,
        /// The most it can take.
        most: usize,
    },
}

impl ScheduleError {
    /// Names a setting and the value that cannot be honoured.
    pub(super) fn unsupported(key: &'static str, value: &impl ToString) -> Self {
        Self::Unsupported { key, value: value.to_string() }
    }
}

impl SchedulerConfig {
    /// Reads the text of a `scheduler_config.json`.
    ///
    /// Python writes `-Infinity` into some of these files (`lambda_min_clipped`), which JSON does
    /// not have; such values are read as missing.
    pub fn from_json(text: &str) -> Result<Self, ScheduleError> {
        Ok(serde_json::from_str(&without_infinities(text))?)
    }
}

/// `text` with the number words of Python's `json` module, outside strings, replaced by `null`.
fn without_infinities(text: &str) -> Cow<'_, str> {
    const WORDS: [&str; 3] = ["-Infinity", "Infinity", "NaN"];
    if !WORDS.iter().any(|word| text.contains(word)) {
        return Cow::Borrowed(text);
    }
    // Every second piece between quotes is a string; escaped quotes belong to the string.
    let mut cleaned = String::with_capacity(text.len());
    let mut in_string = false;
    for piece in text.split_inclusive('"') {
        if in_string {
            cleaned.push_str(piece);
            let body = piece.strip_suffix('"').unwrap_or(piece);
            let backslashes = body.len() - body.trim_end_matches('\\').len();
            in_string = backslashes % 2 == 1;
        } else {
            cleaned
                .push_str(&WORDS.iter().fold(piece.to_owned(), |p, word| p.replace(word, "null")));
            in_string = true;
        }
    }
    Cow::Owned(cleaned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampling::goldens;

    #[test]
    fn the_default_is_stable_diffusion_1() {
        let demo = goldens::configs().remove("demo").unwrap();
        let refused = RefusedSettings::default();
        assert_eq!(SchedulerConfig { refused, ..demo }, SchedulerConfig::default());
    }

    #[test]
    fn number_words_of_python_are_read_as_missing() {
        let json = r#"{"lambda_min_clipped": -Infinity, "beta_end": NaN, "note": "a \"NaN\" b",
            "prediction_type": "Infinity"}"#;
        let config = SchedulerConfig::from_json(json).unwrap();
        assert_eq!(config.refused.lambda_min_clipped, None);
        assert_eq!(config.beta_end, None);
        assert_eq!(config.prediction_type.as_deref(), Some("Infinity"));
    }

    #[test]
    fn what_is_no_configuration_is_unreadable() {
        for text in ["", "[]", "{\"beta_start\": \"a lot\"}", "{\"steps_offset\": -1}"] {
            let error = SchedulerConfig::from_json(text).unwrap_err();
            assert!(matches!(error, ScheduleError::Unreadable(_)), "{text}: {error}");
        }
    }
}
