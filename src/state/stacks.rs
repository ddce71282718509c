//! The stacks of the form: further models with their weights and guides.
//!
//! Kept as the task writes them, so that reusing a picture's settings loses nothing.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{StartPicture, State, Tone};
use crate::task::{
    AcceleratorOptions, ControlNet, Embedding, ImageRef, IpAdapter, Lora, ModelCard, ModelKind,
    Task,
};

/// What the form's stacks hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct StackDraft {
    /// Changes of the model's weights.
    pub loras: Vec<Lora>,
    /// Words the model learned later.
    pub embeddings: Vec<Embedding>,
    /// Networks that follow guide pictures.
    pub controls: Vec<ControlNet>,
    /// Pictures used like prompts.
    pub image_prompts: Vec<IpAdapter>,
    /// What leaves out work between steps.
    pub accelerator: Option<AcceleratorOptions>,
}

/// A row that takes a guide picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuideSlot {
    /// Of that `ControlNet`.
    Control(usize),
    /// Of that IP-Adapter.
    ImagePrompt(usize),
}

impl StackDraft {
    /// Puts a model at the end of its stack, with the documented defaults.
    pub fn add(&mut self, card: &ModelCard) {
        let model = Some(card.air.to_string());
        match card.kind {
            ModelKind::Lora => self.loras.push(Lora { model, ..Lora::default() }),
            ModelKind::Embedding => {
                self.embeddings.push(Embedding { model, ..Embedding::default() });
            }
            ModelKind::ControlNet => {
                self.controls.push(ControlNet { model, ..ControlNet::default() });
            }
            ModelKind::IpAdapter => {
                self.image_prompts.push(IpAdapter { model, ..IpAdapter::default() });
            }
            ModelKind::Checkpoint | ModelKind::Vae => {}
        }
    }

    /// Puts a picture of the library into a row; one that is gone meanwhile is left alone.
    pub fn set_guide(&mut self, slot: GuideSlot, image_uuid: Uuid) {
        let place = match slot {
            GuideSlot::Control(index) => {
                self.controls.get_mut(index).map(|control| &mut control.guide_image)
            }
            GuideSlot::ImagePrompt(index) => {
                self.image_prompts.get_mut(index).map(|adapter| &mut adapter.guide_image)
            }
        };
        if let Some(place) = place {
            *place = Some(ImageRef::Uuid(image_uuid));
        }
    }

    /// Whether deep features are kept between steps.
    #[must_use]
    pub fn deep_cache(&self) -> bool {
        self.accelerator.as_ref().is_some_and(|options| options.deep_cache == Some(true))
    }

    /// Switches that on or off; the interval and branch of a reused task stay.
    pub fn set_deep_cache(&mut self, on: bool) {
        let options = self.accelerator.get_or_insert_default();
        options.deep_cache = on.then_some(true);
        if *options == AcceleratorOptions::default() {
            self.accelerator = None;
        }
    }

    /// Writes the stacks into `task`; empty ones are not mentioned.
    pub(super) fn write(&self, task: &mut Task) {
        let Self { loras, embeddings, controls, image_prompts, accelerator } = self;
        task.lora = filled(loras);
        task.embeddings = filled(embeddings);
        task.control_net = filled(controls);
        task.ip_adapters = filled(image_prompts);
        task.accelerator_options.clone_from(accelerator);
    }
}

impl State {
    /// The file of the picture that the canvas shows; says so when there is none.
    pub(super) fn shown_file(&mut self) -> Option<PathBuf> {
        let start = match self.world.start_picture(&self.draft) {
            Some(StartPicture::Here { path, .. }) => Some(path.clone()),
            _ => None,
        };
        let selected = self.view.selected.and_then(|shown| self.world.gallery.get(shown));
        let selected = selected.and_then(|entry| entry.path.clone());
        let shown = if self.view.start_shown { start } else { selected.or(start) };
        if shown.is_none() {
            let text = "There is no picture on the canvas: make or open one first";
            self.world.notify(Tone::Failed, text);
        }
        shown
    }

    /// Takes in a guide that is in the library now.
    pub fn guide_brought(&mut self, slot: GuideSlot, image_uuid: Uuid) {
        self.draft.stacks.set_guide(slot, image_uuid);
    }
}

fn filled<T: Clone>(stack: &[T]) -> Option<Vec<T>> {
    (!stack.is_empty()).then(|| stack.to_vec())
}

impl From<&Task> for StackDraft {
    fn from(task: &Task) -> Self {
        Self {
            loras: task.lora.clone().unwrap_or_default(),
            embeddings: task.embeddings.clone().unwrap_or_default(),
            controls: task.control_net.clone().unwrap_or_default(),
            image_prompts: task.ip_adapters.clone().unwrap_or_default(),
            accelerator: task.accelerator_options.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_task_stacks_comes_back_the_same() {
        let json = serde_json::json!({
            "taskType": "imageInference", "taskUUID": "a770f077-f413-47de-9dac-be0b26a35da6",
            "lora": [{ "model": "local:a@1", "weight": -0.5 }],
            "embeddings": [{ "model": "local:b@1" }],
            "controlNet": [{ "model": "local:c@1", "guideImage": "https://example.org/a.png", "startStep": 2, "controlMode": "prompt" }],
            "ipAdapters": [{ "model": "local:d@1", "weight": 0.25 }],
            "acceleratorOptions": { "deepCache": true, "deepCacheInterval": 5 },
        });
        let task = Task::from_json(&json).unwrap();
        let mut written = Task::new(Uuid::nil());
        StackDraft::from(&task).write(&mut written);
        let stacks = |task: &Task| {
            let Task { lora, embeddings, control_net, ip_adapters, accelerator_options, .. } = task;
            serde_json::json!([lora, embeddings, control_net, ip_adapters, accelerator_options])
        };
        assert_eq!(stacks(&written), stacks(&task));
    }

    #[test]
    fn nothing_is_said_of_empty_stacks() {
        let mut stacks = StackDraft::default();
        stacks.set_deep_cache(true);
        assert!(stacks.deep_cache());
        stacks.set_deep_cache(false);
        assert_eq!(stacks, StackDraft::default());
        let mut task = Task::new(Uuid::nil());
        stacks.write(&mut task);
        assert_eq!(task, Task::new(Uuid::nil()));
    }

    #[test]
    fn a_guide_for_a_row_that_is_gone_is_left_alone() {
        let mut stacks = StackDraft::default();
        stacks.set_guide(GuideSlot::Control(0), Uuid::nil());
        stacks.image_prompts.push(IpAdapter::default());
        stacks.set_guide(GuideSlot::ImagePrompt(0), Uuid::from_u128(7));
        let guide = stacks.image_prompts[0].guide_image.clone();
        assert_eq!(guide, Some(ImageRef::Uuid(Uuid::from_u128(7))));
        assert!(stacks.controls.is_empty());
    }
}
