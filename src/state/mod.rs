//! Everything the window shows and the one place where it changes.
//!
//! Knows jobs, tasks and the library's words; no window and no engine.

mod action;
mod apply;
mod canvas;
mod days;
mod draft;
mod engines;
mod extension;
mod gallery;
mod mask;
mod meter;
mod preferences;
mod queue;
mod sheets;
mod shelf;
mod stacks;
mod start;
mod view;
mod world;

pub use action::{Action, Effect, MaskOrder};
pub use canvas::OnCanvas;
pub use days::Day;
pub use draft::{Draft, Mode};
pub use engines::{BudgetQuestion, EngineFacts, KeyStatus, ModelsFound, Outlook, OutlookQuestion};
pub use extension::Extension;
pub use gallery::{Gallery, GalleryEntry, Settings};
pub use mask::{DrawnMask, MAX_FEATHER, MaskDraft, MaskHistory, MaskShape};
pub use meter::{Length, Meter, Texts};
pub use preferences::Preferences;
pub use queue::{JobEntry, JobStatus, Plan, Queue};
pub use sheets::{Recording, Secret, SettingsPage, Sheets};
pub use shelf::{ModelFile, ShelfFacts};
pub use stacks::{GuideSlot, Guided, StackDraft, StackWork};
pub use start::StartPicture;
pub use view::{ThemeChoice, Tool, View, Zoom};
pub use world::{Notice, Tone, World};

use std::sync::Arc;
use std::time::SystemTime;

use uuid::Uuid;

use crate::jobs::{Event, Progress};
use crate::task::{EngineKind, ImageRef, ModelCard, ModelDefaults, Task, resolve};

/// All that a running window holds.
#[derive(Debug, Default)]
pub struct State {
    /// The form.
    pub draft: Draft,

    /// How the user looks at things.
    pub view: View,

    /// What the user decided once.
    pub preferences: Preferences,

    /// Facts.
    pub world: World,

    checked: Option<Checked>,
}

/// What was checked: the form, which models there were, for whom.
#[derive(Debug, PartialEq)]
struct Checked {
    draft: Draft,
    models: usize,
    engine: EngineKind,
}

impl State {
    /// A window that goes on where the last one ended.
    #[must_use]
    pub fn new(draft: Draft, view: View) -> Self {
        Self { draft, view, ..Self::default() }
    }

    /// Takes in one event of a provider.
    pub fn receive(&mut self, event: &Event) {
        if let Progress::Failed(failure) = &event.progress
            && let Some(job) = self.world.queue.get(event.job)
        {
            let engine = job.engine();
            self.hear_of_key(engine, failure);
        }
        let Some(image_uuid) = self.world.receive(event) else { return };
        if self.view.following {
            self.view.selected = Some(image_uuid);
            self.view.reveal_selected = true;
        }
    }

    /// Takes in the models of the library. At first start the form gets a model and a prompt that work.
    pub fn set_models(&mut self, models: Arc<Vec<Arc<ModelCard>>>) {
        self.world.models = models;
        self.world.models_read = true;
        if self.preferences.engine == EngineKind::Local {
            self.choose_a_model();
        }
    }

    /// Gives the form a model that works, unless it has one.
    fn choose_a_model(&mut self) {
        if self.draft.model.is_some() {
            return;
        }
        let usable = || self.world.checkpoints().filter(|card| card.fault.is_none());
        let with_examples = usable().find(|card| !card.examples.is_empty());
        let Some(card) = with_examples.or_else(|| usable().next()) else { return };
        self.draft.model = Some(card.air.to_string());
        if self.draft.prompt.is_empty() {
            self.draft.prompt = card.examples.first().cloned().unwrap_or_default();
        }
    }

    /// The chosen picture whose task the index has and the window has not.
    #[must_use]
    pub fn wanted_task(&self) -> Option<Uuid> {
        let entry = self.world.gallery.get(self.view.selected?)?;
        matches!(entry.settings, Settings::Stored).then_some(entry.image_uuid)
    }

    /// Brings everything derived up to date; cheap when nothing changed. Call once a frame.
    pub fn refresh(&mut self, now: SystemTime) {
        self.refresh_engines();
        self.world.gallery.refresh(&self.view.search, now);
        self.world.forget_count(&self.draft);
        if self.draft.extends()
            && let Some(StartPicture::Here { extent, .. }) = self.world.start_picture(&self.draft)
        {
            self.draft.extension.fit(*extent);
        }
        let models = Arc::as_ptr(&self.world.models) as usize;
        if !self.world.models_read {
            return;
        }
        let engine = self.preferences.engine;
        let current = self.checked.as_ref().is_some_and(|seen| {
            (seen.models, seen.engine) == (models, engine) && seen.draft == self.draft
        });
        if !current {
            self.checked = Some(Checked { draft: self.draft.clone(), models, engine });
            self.check();
        }
    }

    fn check(&mut self) {
        // A fixed name and seed: neither can be wrong, and nothing is kept of this request.
        let task = self.task_to_check();
        self.report(&task);
        let resolved = resolve(&task, &self.world, self.preferences.engine, 1);
        let (request, problems) = match resolved {
            Ok(request) => (Some(Arc::new(request)), Vec::new()),
            Err(problems) => (None, problems),
        };
        self.world.problems = problems;
        self.world.engines.request = request;
    }

    /// The task of the form; a mask that is yet to be drawn has some name in it.
    fn task_to_check(&self) -> Task {
        let uuid = Uuid::from_u128(CHECK_UUID);
        let mut task = self.world.complete(self.draft.to_task(uuid), &self.draft);
        if self.draft.repaints() {
            task.mask_image.get_or_insert(ImageRef::Uuid(uuid));
        }
        task
    }
}

/// A well-formed UUID v4 for tasks that are only looked at.
const CHECK_UUID: u128 = 0x0000_0000_0000_4000_8000_0000_0000_0000;

impl World {
    /// The checkpoint the form names, if the library has it.
    #[must_use]
    pub fn chosen_model(&self, draft: &Draft) -> Option<&Arc<ModelCard>> {
        self.checkpoint(draft.model.as_deref()?)
    }

    /// The task with what the API requires and the form leaves to the model: the size.
    fn complete(&self, mut task: Task, draft: &Draft) -> Task {
        // The service is told the size that the form shows, whatever it would take itself.
        let needs = |card: &ModelCard| {
            card.architecture.needs_extent() || self.engines.kind == EngineKind::Remote
        };
        if let Some(card) = self.model_of_form(draft).filter(|card| needs(card)) {
            let extent = card.defaults.extent;
            task.width.get_or_insert(extent.width);
            task.height.get_or_insert(extent.height);
        }
        task
    }

    /// Defaults of the chosen model; those of a common model while there is none.
    #[must_use]
    pub fn defaults(&self, draft: &Draft) -> ModelDefaults {
        self.model_of_form(draft).map_or_else(common_defaults, |card| card.defaults.clone())
    }
}

fn common_defaults() -> ModelDefaults {
    ModelDefaults {
        extent: crate::pixels::Extent::new(512, 512),
        steps: 20,
        cfg_scale: 7.0,
        scheduler: "Euler".to_owned(),
    }
}
