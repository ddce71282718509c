//! Everything the window shows and the one place where it changes.
//!
//! Knows jobs, tasks and the library's words; no window and no engine.

mod action;
mod apply;
mod canvas;
mod draft;
mod engines;
mod extension;
mod gallery;
mod mask;
mod meter;
mod more;
mod offer;
mod painting;
mod preferences;
mod prompt_book;
mod queue;
mod refusals;
mod sending;
mod sheets;
mod shelf;
mod stack_row;
mod stacks;
mod start;
mod task_sheet;
mod view;
mod wildcards;
mod world;

pub use action::{Action, Effect, MaskOrder};
pub use apply::{MaskAction, MaskChange, MaskWork};
pub use canvas::OnCanvas;
pub use draft::{Draft, Mode};
pub use engines::{EngineFacts, KeyStatus, ModelSearch, ModelsFound, Outlook, OutlookQuestion};
pub use extension::{Extension, Pull};
pub use gallery::{
    Compare, Day, Difference, ExportTexts, Fact, Gallery, GalleryAction, GalleryEntry,
    GalleryOrder, GalleryView, Listing, Marks, Settings, differences, facts,
};
pub use mask::{MaskDraft, MaskShape};
pub use meter::{Length, Meter, Texts};
pub use more::More;
pub use offer::Offer;
pub use painting::{MaskSource, MaskTicket, Painting, ToolSettings};
pub use preferences::Preferences;
pub use prompt_book::{PromptBook, WrittenPrompt};
pub use queue::{JobEntry, JobStatus, Plan, Queue};
pub use refusals::{Refusal, Refusals};
pub use sending::{BudgetQuestion, Parcel};
pub use sheets::{Recording, Secret, SettingsPage, Sheets};
pub use shelf::{ModelFile, ShelfFacts};
pub use stack_row::{RowEdit, StackRow, edit_rows};
pub use stacks::{GuideSlot, GuideTool, StackDraft, StackWork};
pub use start::StartPicture;
pub use task_sheet::{Place, SheetProblem, TaskSheet, Token, TokenKind, tokens};
pub use view::{ThemeChoice, Tool, View, Zoom};
pub use world::{Notice, Tone, World};

use gallery::Filter;
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

    /// The mask while it is painted on.
    pub painting: Painting,

    /// What the user decided once.
    pub preferences: Preferences,

    /// Facts.
    pub world: World,

    checked: Option<Checked>,
    wanted_mask: Option<(MaskTicket, MaskSource)>,
}

/// What was checked: the form, which models and words there were, for whom.
#[derive(Debug, PartialEq)]
struct Checked {
    draft: Draft,
    known: [usize; 2],
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
            && let Some(service) = self.world.queue.get(event.job).and_then(JobEntry::service)
        {
            let service = service.to_owned();
            self.hear_of_key(&service, failure);
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

    /// The chosen or compared picture whose task the index has and the window has not.
    #[must_use]
    pub fn wanted_task(&self) -> Option<Uuid> {
        let compared = self.view.compares().into_iter().flat_map(|compare| compare.pictures);
        let mut looked_at = self.view.selected.into_iter().chain(compared);
        looked_at.find(|image_uuid| {
            let entry = self.world.gallery.get(*image_uuid);
            entry.is_some_and(|entry| matches!(entry.settings, Settings::Stored))
        })
    }

    /// Brings everything derived up to date; cheap when nothing changed. Call once a frame.
    pub fn refresh(&mut self, now: SystemTime) {
        self.settle_mask();
        self.refresh_engines();
        let filter = Filter {
            search: &self.view.search,
            only_starred: self.view.gallery.only_starred,
            models: &self.world.models,
        };
        if self.world.gallery.refresh(&filter, now) {
            // Nobody deletes what they do not see.
            let gallery = &self.world.gallery;
            self.view.gallery.marks.keep(|image_uuid| gallery.shown_place(image_uuid).is_some());
        }
        self.world.forget_count(&self.draft);
        if self.draft.extends()
            && let Some(StartPicture::Here { extent, .. }) = self.world.start_picture(&self.draft)
        {
            self.draft.extension.fit(*extent);
        }
        let known = self.world.known();
        if !self.world.models_read {
            return;
        }
        let engine = self.preferences.engine;
        let current = self.checked.as_ref().is_some_and(|seen| {
            (seen.known, seen.engine) == (known, engine) && seen.draft == self.draft
        });
        if !current {
            // What is refused depends on the model alone, not on each number that is dragged.
            let same_model = self
                .checked
                .as_ref()
                .is_some_and(|seen| seen.known == known && seen.draft.model == self.draft.model);
            if !same_model {
                let model = self.draft.model.as_deref();
                let refusals = [EngineKind::Local, EngineKind::Remote]
                    .map(|engine| Refusals::of(model, &self.world, engine));
                self.world.set_refusals(refusals);
            }
            self.checked = Some(Checked { draft: self.draft.clone(), known, engine });
            self.check();
        }
    }

    /// Brings the form's mask and its pixels together.
    fn settle_mask(&mut self) {
        if !self.view.tool.paints() {
            self.painting.end();
        }
        let start = self.world.start_extent(&self.draft);
        if let Some(wanted) = self.painting.settle(&mut self.draft, start) {
            self.wanted_mask = Some(wanted);
        }
    }

    /// The pixels of a mask that have to be read, told once.
    pub const fn take_wanted_mask(&mut self) -> Option<(MaskTicket, MaskSource)> {
        self.wanted_mask.take()
    }

    fn check(&mut self) {
        // A fixed name and seed: neither can be wrong, and nothing is kept of this request.
        let task = self.task_to_check();
        self.report(&task);
        let mut problems = self.world.wildcard_problems(&self.draft);
        let filled = self.world.filled(task);
        let request = match resolve(&filled, &self.world, self.preferences.engine, 1) {
            Ok(request) => Some(Arc::new(request)),
            Err(others) => {
                problems.extend(others);
                None
            }
        };
        self.world.engines.request = request.filter(|_| problems.is_empty());
        self.world.problems = problems;
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

    /// The task that `draft` stands for, as it is sent; a mask that is yet to be drawn is missing.
    #[must_use]
    pub fn task_of(&self, draft: &Draft, task_uuid: Uuid) -> Task {
        self.complete(draft.to_task(task_uuid), draft)
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
