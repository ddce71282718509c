//! Facts: jobs, pictures, models, what the provider can do, what went wrong. Panels read them only.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use uuid::Uuid;

use super::action::Action;
use super::engines::EngineFacts;
use super::gallery::{Gallery, GalleryAction};
use super::meter::Meter;
use super::offer::Offer;
use super::queue::Queue;
use super::refusals::Refusals;
use super::shelf::ShelfFacts;
use super::stacks::GuideSlot;
use super::start::StartPicture;
use crate::jobs::{Event, Progress, Status, Waiting};
use crate::prompt::Wildcards;
use crate::task::{Air, Catalog, EngineKind, ModelCard, ModelKind, Preprocessor, Problem};

/// How loud a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Something was done.
    Done,
    /// Something could not be done.
    Failed,
}

/// A sentence that passes.
#[derive(Clone, Debug)]
pub struct Notice {
    /// Names the notice.
    pub id: u64,
    /// How loud it is.
    pub tone: Tone,
    /// What to say.
    pub text: String,
    /// Since when it is there.
    pub since: Instant,
    /// What can be done about it: the words of a button, and what it does.
    pub button: Option<(&'static str, Action)>,
}

/// Everything the window shows and does not change itself.
#[derive(Debug)]
pub struct World {
    /// Jobs in the order of their making.
    pub queue: Queue,

    /// Jobs that were waiting when Latelier stopped, until the user has decided about them.
    pub waiting: Vec<Waiting>,

    /// Finished pictures.
    pub gallery: Gallery,

    /// Models of the library.
    pub models: Arc<Vec<Arc<ModelCard>>>,

    /// Whether [`Self::models`] is known yet: at start the folders are still looked through.
    pub models_read: bool,

    /// Whether the chosen engine can work, and on what.
    pub status: Status,

    /// What is known of the engines.
    pub engines: EngineFacts,

    /// What is known of models beside their cards.
    pub shelf: ShelfFacts,

    /// Sentences that pass, the oldest first.
    pub notices: Vec<Notice>,

    /// What keeps the form from being a request; empty when it is one.
    pub problems: Vec<Problem>,

    /// How many pictures to start from are being brought into the library.
    pub opening: u32,

    /// Settings that came with a picture from elsewhere, with the number of the offer.
    pub offered: Option<(u64, Offer)>,

    /// The prompts as they were counted last.
    pub meter: Option<Meter>,

    /// Where guides of the form lie, as far as they were looked for.
    pub(super) guides: HashMap<Uuid, Option<PathBuf>>,

    /// Why guides of these types cannot be drawn: their network is missing.
    pub annotators_missing: Vec<(Preprocessor, String)>,

    /// Guides that are being drawn.
    pub(super) guides_coming: Vec<GuideSlot>,

    /// Lists that stand for words of prompts.
    pub wildcards: Arc<Wildcards>,

    /// Where those lists lie.
    pub wildcards_folder: Option<PathBuf>,

    /// What the local engine and the service refuse for the form's model.
    refusals: [Refusals; 2],

    pub(super) start: Option<(Uuid, StartPicture)>,
    pub(super) mask: Option<(Uuid, StartPicture)>,
    next_notice: u64,
    next_offer: u64,
}

impl Default for World {
    fn default() -> Self {
        Self {
            queue: Queue::default(),
            waiting: Vec::new(),
            gallery: Gallery::default(),
            models: Arc::default(),
            models_read: false,
            status: Status::Starting,
            engines: EngineFacts::default(),
            shelf: ShelfFacts::default(),
            notices: Vec::new(),
            problems: Vec::new(),
            opening: 0,
            offered: None,
            meter: None,
            guides: HashMap::new(),
            annotators_missing: Vec::new(),
            guides_coming: Vec::new(),
            wildcards: Arc::default(),
            wildcards_folder: None,
            refusals: Default::default(),
            start: None,
            mask: None,
            next_notice: 0,
            next_offer: 0,
        }
    }
}

impl Catalog for World {
    fn model(&self, air: &Air) -> Option<Arc<ModelCard>> {
        self.models.iter().find(|card| card.air == *air).map(Arc::clone)
    }
}

impl World {
    /// Checkpoints of the library, also those that cannot be used.
    pub fn checkpoints(&self) -> impl Iterator<Item = &Arc<ModelCard>> {
        self.models.iter().filter(|card| card.kind == ModelKind::Checkpoint)
    }

    /// The checkpoint of that AIR.
    #[must_use]
    pub fn checkpoint(&self, air: &str) -> Option<&Arc<ModelCard>> {
        self.checkpoints().find(|card| card.air.to_string() == air)
    }

    /// The model of that identifier, whatever its kind, if the library has it.
    #[must_use]
    pub fn card(&self, air: &str) -> Option<&Arc<ModelCard>> {
        let air: Air = air.parse().ok()?;
        self.models.iter().find(|card| card.air == air)
    }

    /// Whether a guide is being drawn for that place.
    #[must_use]
    pub fn is_guide_coming(&self, slot: GuideSlot) -> bool {
        self.guides_coming.contains(&slot)
    }

    /// Why guides of that type cannot be drawn.
    #[must_use]
    pub fn annotator_missing(&self, preprocessor: Preprocessor) -> Option<&str> {
        let missing = self.annotators_missing.iter().find(|(one, _)| *one == preprocessor);
        missing.map(|(_, why)| why.as_str())
    }

    /// Changes when models or wildcards are read anew.
    pub(super) fn known(&self) -> [usize; 2] {
        [Arc::as_ptr(&self.models) as usize, Arc::as_ptr(&self.wildcards) as usize]
    }

    /// What that engine refuses for the form's model.
    #[must_use]
    pub const fn refusals(&self, engine: EngineKind) -> &Refusals {
        let [local, remote] = &self.refusals;
        match engine {
            EngineKind::Local => local,
            EngineKind::Remote => remote,
        }
    }

    /// Takes in what the local engine and the service refuse.
    pub(super) fn set_refusals(&mut self, refusals: [Refusals; 2]) {
        self.refusals = refusals;
    }

    /// The file of a guide, once it was found.
    #[must_use]
    pub fn guide_file(&self, image_uuid: Uuid) -> Option<&Path> {
        self.guides.get(&image_uuid)?.as_deref()
    }

    /// Takes in where a guide lies.
    pub fn set_guide_file(&mut self, image_uuid: Uuid, path: Option<PathBuf>) {
        self.guides.insert(image_uuid, path);
    }

    /// How many pictures the waiting jobs owe.
    #[must_use]
    pub fn waiting_pictures(&self) -> usize {
        self.waiting.iter().map(|waiting| waiting.owed.len()).sum()
    }

    /// Says something that passes.
    pub fn notify(&mut self, tone: Tone, text: impl Into<String>) {
        self.say(tone, text.into(), None);
    }

    /// Says something that passes, with a button.
    pub fn offer(&mut self, tone: Tone, text: impl Into<String>, button: (&'static str, Action)) {
        self.say(tone, text.into(), Some(button));
    }

    fn say(&mut self, tone: Tone, text: String, button: Option<(&'static str, Action)>) {
        const AT_ONCE: usize = 4;
        self.notices.push(Notice {
            id: self.next_notice,
            tone,
            text,
            since: Instant::now(),
            button,
        });
        self.next_notice += 1;
        if self.notices.len() > AT_ONCE {
            self.notices.remove(0);
        }
    }

    /// Takes notices away whose button has nothing left to do.
    pub(super) fn drop_idle_notices(&mut self) {
        let (gallery, offered) = (&self.gallery, self.offered.as_ref().map(|(number, _)| *number));
        self.notices.retain(|notice| match notice.button {
            Some((_, Action::Gallery(GalleryAction::UndoDelete(Some(number))))) => {
                gallery.can_undo_number(number)
            }
            Some((_, Action::Gallery(GalleryAction::RestoreOffered(number)))) => {
                offered == Some(number)
            }
            _ => true,
        });
    }

    /// Takes in settings that came with a picture, and offers them in place of earlier ones.
    pub fn offer_settings(&mut self, offer: Offer) {
        let text =
            format!("{} was made with {} and carries its settings", offer.name, offer.origin);
        let number = self.next_offer;
        self.next_offer += 1;
        self.offered = Some((number, offer));
        self.drop_idle_notices();
        let restore = Action::Gallery(GalleryAction::RestoreOffered(number));
        let button = ("Restore its settings", restore);
        self.offer(Tone::Done, text, button);
    }

    /// Takes in one event of a provider; returns the picture it brought.
    pub(super) fn receive(&mut self, event: &Event) -> Option<Uuid> {
        self.queue.receive(event.job, &event.progress, Instant::now());
        if event.progress.is_end() || matches!(event.progress, Progress::Image(_)) {
            self.engines.rounds += 1;
        }
        let Progress::Image(record) = &event.progress else { return None };
        self.gallery.add(record, SystemTime::now());
        Some(record.image_uuid)
    }
}
