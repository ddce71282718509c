//! The stacks of the form: further models with their weights and guides.
//!
//! Kept as the task writes them, so that reusing a picture's settings loses nothing.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{State, Tone};
use crate::task::{
    AcceleratorOptions, ControlNet, DeepCache, Embedding, ImageRef, IpAdapter, Lora, ModelCard,
    ModelKind, Request, Task,
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
    pub controls: Vec<Guided<ControlNet>>,
    /// Pictures used like prompts.
    pub image_prompts: Vec<Guided<IpAdapter>>,
    /// What leaves out work between steps.
    pub accelerator: Option<AcceleratorOptions>,
}

/// A row that takes a guide picture. It has a name of its own, by which a guide that comes late finds it
/// wherever it stands then; rows that say the same are equal all the same.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Guided<T> {
    #[serde(skip, default = "Uuid::new_v4")]
    id: Uuid,
    /// What stands in the task.
    #[serde(flatten)]
    pub says: T,
}

impl<T> Guided<T> {
    /// Names the row for as long as it is there.
    #[must_use]
    pub const fn id(&self) -> Uuid {
        self.id
    }
}

impl<T> From<T> for Guided<T> {
    fn from(says: T) -> Self {
        Self { id: Uuid::new_v4(), says }
    }
}

impl<T: PartialEq> PartialEq for Guided<T> {
    fn eq(&self, other: &Self) -> bool {
        self.says == other.says
    }
}

/// A row that takes a guide picture, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GuideSlot {
    /// Of that `ControlNet`.
    Control(Uuid),
    /// Of that IP-Adapter.
    ImagePrompt(Uuid),
}

/// What stacks change about the time that a step takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct StackWork {
    /// `ControlNets`.
    pub controls: usize,
    /// IP-Adapters.
    pub image_prompts: usize,
    /// What is left out.
    pub deep_cache: Option<DeepCache>,
}

impl From<&Request> for StackWork {
    fn from(request: &Request) -> Self {
        Self {
            controls: request.controls.len(),
            image_prompts: request.image_prompts.len(),
            deep_cache: request.deep_cache,
        }
    }
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
                self.controls.push(ControlNet { model, ..ControlNet::default() }.into());
            }
            ModelKind::IpAdapter => {
                self.image_prompts.push(IpAdapter { model, ..IpAdapter::default() }.into());
            }
            ModelKind::Checkpoint | ModelKind::Vae => {}
        }
    }

    /// Puts a picture of the library into a row; whether the row is still there.
    pub fn set_guide(&mut self, slot: GuideSlot, image_uuid: Uuid) -> bool {
        let place = match slot {
            GuideSlot::Control(id) => {
                let row = self.controls.iter_mut().find(|row| row.id == id);
                row.map(|row| &mut row.says.guide_image)
            }
            GuideSlot::ImagePrompt(id) => {
                let row = self.image_prompts.iter_mut().find(|row| row.id == id);
                row.map(|row| &mut row.says.guide_image)
            }
        };
        let Some(place) = place else { return false };
        *place = Some(ImageRef::Uuid(image_uuid));
        true
    }

    /// What the stacks change about the time that a step takes.
    #[must_use]
    pub fn work(&self) -> StackWork {
        StackWork {
            controls: self.controls.len(),
            image_prompts: self.image_prompts.len(),
            deep_cache: DeepCache::of(self.accelerator.as_ref()),
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
        task.control_net = filled(&said(controls));
        task.ip_adapters = filled(&said(image_prompts));
        task.accelerator_options.clone_from(accelerator);
    }
}

impl State {
    /// A guide of the form whose file nobody looked for yet; it is looked for once.
    pub fn guide_to_find(&mut self) -> Option<Uuid> {
        let StackDraft { controls, image_prompts, .. } = &self.draft.stacks;
        let controls = controls.iter().map(|row| &row.says.guide_image);
        let adapters = image_prompts.iter().map(|row| &row.says.guide_image);
        let named = controls.chain(adapters).filter_map(|guide| match guide {
            Some(ImageRef::Uuid(image_uuid)) => Some(*image_uuid),
            _ => None,
        });
        let unknown = named.into_iter().find(|guide| !self.world.guides.contains_key(guide))?;
        self.world.guides.insert(unknown, None);
        Some(unknown)
    }

    /// Takes in a guide that is in the library now.
    pub fn guide_brought(&mut self, slot: GuideSlot, image_uuid: Uuid) {
        // It is there now, whatever was found before.
        self.world.guides.remove(&image_uuid);
        if !self.draft.stacks.set_guide(slot, image_uuid) {
            let text =
                "The row that this guide was for was taken off meanwhile: nothing follows it";
            self.world.notify(Tone::Failed, text);
        }
    }
}

/// What rows say.
fn said<T: Clone>(rows: &[Guided<T>]) -> Vec<T> {
    rows.iter().map(|row| row.says.clone()).collect()
}

fn rows<T: Clone>(stack: Option<&Vec<T>>) -> Vec<Guided<T>> {
    stack.into_iter().flatten().cloned().map(Guided::from).collect()
}

fn filled<T: Clone>(stack: &[T]) -> Option<Vec<T>> {
    (!stack.is_empty()).then(|| stack.to_vec())
}

impl From<&Task> for StackDraft {
    fn from(task: &Task) -> Self {
        Self {
            loras: task.lora.clone().unwrap_or_default(),
            embeddings: task.embeddings.clone().unwrap_or_default(),
            controls: rows(task.control_net.as_ref()),
            image_prompts: rows(task.ip_adapters.as_ref()),
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
    fn a_late_guide_finds_its_row_wherever_it_stands_and_none_when_it_is_gone() {
        let mut state = State::default();
        let stacks = &mut state.draft.stacks;
        stacks.controls = vec![ControlNet::default().into(), ControlNet::default().into()];
        stacks.image_prompts.push(IpAdapter::default().into());
        let [first, second] =
            [0, 1].map(|place: usize| GuideSlot::Control(stacks.controls[place].id));
        let adapter = GuideSlot::ImagePrompt(stacks.image_prompts[0].id);
        stacks.controls.remove(0);
        let guide = |number| Some(ImageRef::Uuid(Uuid::from_u128(number)));
        state.guide_brought(second, Uuid::from_u128(2));
        state.guide_brought(adapter, Uuid::from_u128(3));
        assert!(state.world.notices.is_empty());
        state.guide_brought(first, Uuid::from_u128(1));
        assert!(state.world.notices[0].text.contains("taken off"));
        assert_eq!(state.draft.stacks.controls[0].says.guide_image, guide(2));
        assert_eq!(state.draft.stacks.image_prompts[0].says.guide_image, guide(3));

        // Settings that say the same are the same, also when they come back from their file.
        let stacks = &state.draft.stacks;
        let saved = serde_json::to_string(stacks).unwrap();
        let back: StackDraft = serde_json::from_str(&saved).unwrap();
        assert_eq!(&back, stacks);
        assert_ne!(back.controls[0].id(), stacks.controls[0].id());
    }
}
