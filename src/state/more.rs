//! What of a task the form's main controls do not say: rarely used parameters, and what is not known.
//!
//! Kept as the task writes it, so that nothing is lost on the way through the form.

use std::ops::{Deref, DerefMut};

use serde::{Deserialize, Serialize, Serializer};

use super::draft::in_library;
use crate::task::{ImageRef, OutputFormat, Task};

/// The rest of a task. What the form has fields of its own for is absent here.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct More(Task);

impl Default for More {
    /// A new form keeps every pixel.
    fn default() -> Self {
        Self(Task { output_format: Some(OutputFormat::Png), ..Task::default() })
    }
}

impl Deref for More {
    type Target = Task;

    fn deref(&self) -> &Task {
        &self.0
    }
}

impl DerefMut for More {
    fn deref_mut(&mut self) -> &mut Task {
        &mut self.0
    }
}

impl Serialize for More {
    /// Without addresses that may hold a key: they are not kept between runs.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let kept = Task { upload_endpoint: None, webhook_url: None, ..self.0.clone() };
        kept.serialize(serializer)
    }
}

impl From<&Task> for More {
    fn from(task: &Task) -> Self {
        let elsewhere = |image: &Option<ImageRef>| {
            image.clone().filter(|image| in_library(Some(image)).is_none())
        };
        Self(Task {
            task_type: None,
            task_uuid: None,
            check_nsfw: None,
            positive_prompt: None,
            negative_prompt: None,
            seed_image: elsewhere(&task.seed_image),
            mask_image: elsewhere(&task.mask_image),
            mask_margin: None,
            strength: None,
            outpaint: None,
            height: None,
            width: None,
            model: None,
            steps: None,
            scheduler: None,
            seed: None,
            cfg_scale: None,
            prompt_weighting: None,
            number_results: None,
            accelerator_options: None,
            pu_lid: None,
            ace_plus_plus: None,
            refiner: None,
            embeddings: None,
            control_net: None,
            lora: None,
            ip_adapters: None,
            ..task.clone()
        })
    }
}

impl More {
    /// How many rarely used parameters say something else than nothing.
    #[must_use]
    pub fn count(&self) -> usize {
        let task = &self.0;
        let set = [
            task.vae.is_some(),
            task.clip_skip.is_some(),
            task.reference_images.is_some(),
            task.advanced_features.is_some(),
            task.output_type.is_some(),
            task.output_format != Some(OutputFormat::Png),
            task.output_quality.is_some(),
            task.upload_endpoint.is_some(),
            task.include_cost.is_some(),
            task.delivery_method.is_some(),
            task.ttl.is_some(),
            task.webhook_url.is_some(),
        ];
        set.into_iter().filter(|set| *set).count() + task.extra.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_may_hold_a_key_are_not_kept_between_runs() {
        let mut more = More::default();
        let address = "https://example.org/put?signature=secret".to_owned();
        (more.upload_endpoint, more.clip_skip) = (Some(address), Some(2));
        let saved = serde_json::to_string(&more).unwrap();
        assert!(!saved.contains("secret"), "{saved}");
        let back: More = serde_json::from_str(&saved).unwrap();
        assert_eq!((back.clip_skip, back.output_format), (Some(2), Some(OutputFormat::Png)));
        assert_eq!((more.count(), back.count(), More::default().count()), (2, 1, 0));
    }
}
