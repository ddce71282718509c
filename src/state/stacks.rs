//! The stacks of the form: further models with their weights and guides.
//!
//! Kept as the task writes them, so that reusing a picture's settings loses nothing.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::stack_row::{rows, said, with_those_off};
use super::{Effect, StackRow, State, Tone};
use crate::task::{
    AcceleratorOptions, AcePlusPlus, ControlNet, DeepCache, Embedding, ImageRef, IpAdapter, Lora,
    ModelKind, Preprocess, Preprocessor, PuLid, Refiner, Request, Task,
};

/// What the form's stacks hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct StackDraft {
    /// Changes of the model's weights.
    pub loras: Vec<StackRow<Lora>>,
    /// Words the model learned later.
    pub embeddings: Vec<StackRow<Embedding>>,
    /// Networks that follow guide pictures.
    pub controls: Vec<StackRow<ControlNet>>,
    /// Pictures used like prompts.
    pub image_prompts: Vec<StackRow<IpAdapter>>,
    /// A model that finishes the picture.
    pub refiner: Option<StackRow<Refiner>>,
    /// Keeps the identity of a face.
    pub pu_lid: Option<StackRow<PuLid>>,
    /// Stays true to a reference.
    pub ace: Option<StackRow<AcePlusPlus>>,
    /// What leaves out work between steps.
    pub accelerator: Option<AcceleratorOptions>,
}

/// A place that takes a guide picture; rows by their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GuideSlot {
    /// Of that `ControlNet`.
    Control(Uuid),
    /// Of that IP-Adapter.
    ImagePrompt(Uuid),
    /// The face of `PuLID`.
    Face,
    /// What ACE++ edits.
    AcePicture,
    /// Where it does.
    AceMask,
    /// What edit models look at.
    Reference,
}

/// How a guide is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuideTool {
    /// What it shows.
    pub preprocessor: Preprocessor,
    /// Canny's thresholds, low and high, 0–255.
    pub thresholds: Option<[u8; 2]>,
    /// Whether a pose has fingers and a face.
    pub hands: bool,
}

impl From<GuideTool> for Preprocess {
    fn from(tool: GuideTool) -> Self {
        Self {
            low_threshold: tool.thresholds.map(|[low, _]| low),
            high_threshold: tool.thresholds.map(|[_, high]| high),
            hands_and_face: tool.hands,
            ..Self::new(tool.preprocessor)
        }
    }
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
    /// Puts a model of that kind at the end of its stack, with the documented defaults. A checkpoint is a
    /// refiner there.
    pub fn add(&mut self, kind: ModelKind, air: &str) {
        let model = Some(air.to_owned());
        match kind {
            ModelKind::Lora => self.loras.push(Lora { model, ..Lora::default() }.into()),
            ModelKind::Embedding => {
                self.embeddings.push(Embedding { model, ..Embedding::default() }.into());
            }
            ModelKind::ControlNet => {
                self.controls.push(ControlNet { model, ..ControlNet::default() }.into());
            }
            ModelKind::IpAdapter => {
                self.image_prompts.push(IpAdapter { model, ..IpAdapter::default() }.into());
            }
            ModelKind::Checkpoint => {
                // It finishes the last fifth, as the SDXL report has it.
                let start_step_percentage = Some(80);
                let refiner = Refiner { model, start_step_percentage, ..Refiner::default() };
                self.refiner = Some(refiner.into());
            }
            ModelKind::Vae => {}
        }
    }

    /// Where a guide goes, if its row is still there.
    fn guide_mut(&mut self, slot: GuideSlot) -> Option<&mut Option<ImageRef>> {
        match slot {
            GuideSlot::Control(id) => {
                let row = self.controls.iter_mut().find(|row| row.id() == id);
                row.map(|row| &mut row.says.guide_image)
            }
            GuideSlot::ImagePrompt(id) => {
                let row = self.image_prompts.iter_mut().find(|row| row.id() == id);
                row.map(|row| &mut row.says.guide_image)
            }
            GuideSlot::Face | GuideSlot::AcePicture | GuideSlot::AceMask | GuideSlot::Reference => {
                None
            }
        }
    }

    /// Where a list of one picture stands, if its feature is there.
    fn pictures_mut(&mut self, slot: GuideSlot) -> Option<&mut Option<Vec<ImageRef>>> {
        match slot {
            GuideSlot::Face => self.pu_lid.as_mut().map(|row| &mut row.says.input_images),
            GuideSlot::AcePicture => self.ace.as_mut().map(|row| &mut row.says.input_images),
            GuideSlot::AceMask => self.ace.as_mut().map(|row| &mut row.says.input_masks),
            GuideSlot::Control(_) | GuideSlot::ImagePrompt(_) | GuideSlot::Reference => None,
        }
    }

    /// Puts a picture into a row; whether the row is still there.
    pub fn set_guide(&mut self, slot: GuideSlot, image: ImageRef) -> bool {
        if let Some(place) = self.guide_mut(slot) {
            *place = Some(image);
        } else if let Some(place) = self.pictures_mut(slot) {
            *place = Some(vec![image]);
        } else {
            return false;
        }
        true
    }

    /// The pictures that rows name, those that are off as well.
    fn guides(&self) -> impl Iterator<Item = &ImageRef> {
        let controls = self.controls.iter().filter_map(|row| row.says.guide_image.as_ref());
        let adapters = self.image_prompts.iter().filter_map(|row| row.says.guide_image.as_ref());
        let face = self.pu_lid.iter().filter_map(|row| row.says.input_images.as_ref()).flatten();
        let ace = self.ace.iter().flat_map(|row| [&row.says.input_images, &row.says.input_masks]);
        controls.chain(adapters).chain(face).chain(ace.flatten().flatten())
    }

    /// These stacks as another task leaves them: rows that are off stay, wherever `self` has them.
    #[must_use]
    pub(super) fn edited(&self, new: Self) -> Self {
        let Self { loras, embeddings, controls, image_prompts, refiner, pu_lid, ace, accelerator } =
            new;
        Self {
            loras: with_those_off(loras, &self.loras),
            embeddings: with_those_off(embeddings, &self.embeddings),
            controls: with_those_off(controls, &self.controls),
            image_prompts: with_those_off(image_prompts, &self.image_prompts),
            refiner: refiner.or_else(|| self.refiner.clone().filter(|row| row.off)),
            pu_lid: pu_lid.or_else(|| self.pu_lid.clone().filter(|row| row.off)),
            ace: ace.or_else(|| self.ace.clone().filter(|row| row.off)),
            accelerator,
        }
    }

    /// What the stacks change about the time that a step takes.
    #[must_use]
    pub fn work(&self) -> StackWork {
        StackWork {
            controls: self.controls.iter().filter(|row| !row.off).count(),
            image_prompts: self.image_prompts.iter().filter(|row| !row.off).count(),
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
        let mut options = self.accelerator.clone().unwrap_or_default();
        options.deep_cache = on.then_some(true);
        self.set_accelerator(options);
    }

    /// Says what is left out between steps, or nothing where that is nothing.
    pub fn set_accelerator(&mut self, options: AcceleratorOptions) {
        let empty = options == AcceleratorOptions::default();
        self.accelerator = (!empty).then_some(options);
    }

    /// Writes the stacks into `task`; empty ones are not mentioned.
    pub(super) fn write(&self, task: &mut Task) {
        let Self { loras, embeddings, controls, image_prompts, refiner, pu_lid, ace, accelerator } =
            self;
        task.lora = said(loras);
        task.embeddings = said(embeddings);
        task.control_net = said(controls);
        task.ip_adapters = said(image_prompts);
        task.refiner = on(refiner.as_ref());
        task.pu_lid = on(pu_lid.as_ref());
        task.ace_plus_plus = on(ace.as_ref());
        task.accelerator_options.clone_from(accelerator);
    }
}

/// What the row says, if it is there and on.
fn on<T: Clone>(row: Option<&StackRow<T>>) -> Option<T> {
    row.filter(|row| !row.off).map(|row| row.says.clone())
}

impl State {
    /// A guide of the form whose file nobody looked for yet; it is looked for once.
    pub fn guide_to_find(&mut self) -> Option<Uuid> {
        let references = self.draft.more.reference_images.iter().flatten();
        let mut named =
            self.draft.stacks.guides().chain(references).filter_map(|guide| match guide {
                ImageRef::Uuid(image_uuid) => Some(*image_uuid),
                _ => None,
            });
        let unknown = named.find(|guide| !self.world.guides.contains_key(guide))?;
        drop(named);
        self.world.guides.insert(unknown, None);
        Some(unknown)
    }

    /// Guides by a picture of the gallery.
    pub(super) fn guide_by_picture(&mut self, slot: GuideSlot, picture: Uuid) -> Option<Effect> {
        let Some(path) = self.world.gallery.get(picture)?.path.clone() else {
            self.world
                .notify(Tone::Failed, "This picture could not be saved, so there is no file of it");
            return None;
        };
        Some(Effect::BringGuide(slot, path))
    }

    /// Draws a guide from what the canvas shows.
    pub(super) fn draw_guide(&mut self, slot: GuideSlot, tool: GuideTool) -> Option<Effect> {
        let path = self.shown_file()?;
        self.world.guides_coming.push(slot);
        Some(Effect::DrawGuide(slot, path, tool.into()))
    }

    /// Takes in that the guide of that place is made, or could not be.
    pub fn guide_made(&mut self, slot: GuideSlot) {
        if let Some(place) = self.world.guides_coming.iter().position(|coming| *coming == slot) {
            self.world.guides_coming.remove(place);
        }
    }

    /// Takes in a guide that is in the library now.
    pub fn guide_brought(&mut self, slot: GuideSlot, image_uuid: Uuid) {
        // It is there now, whatever was found before.
        self.world.guides.remove(&image_uuid);
        let image = ImageRef::Uuid(image_uuid);
        if slot == GuideSlot::Reference {
            self.draft.more.reference_images = Some(vec![image]);
        } else if !self.draft.stacks.set_guide(slot, image) {
            let text =
                "The row that this guide was for was taken off meanwhile: nothing follows it";
            self.world.notify(Tone::Failed, text);
        }
    }
}

impl From<&Task> for StackDraft {
    fn from(task: &Task) -> Self {
        Self {
            loras: rows(task.lora.as_ref()),
            embeddings: rows(task.embeddings.as_ref()),
            controls: rows(task.control_net.as_ref()),
            image_prompts: rows(task.ip_adapters.as_ref()),
            refiner: task.refiner.clone().map(StackRow::from),
            pu_lid: task.pu_lid.clone().map(StackRow::from),
            ace: task.ace_plus_plus.clone().map(StackRow::from),
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
            [0, 1].map(|place: usize| GuideSlot::Control(stacks.controls[place].id()));
        let adapter = GuideSlot::ImagePrompt(stacks.image_prompts[0].id());
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
