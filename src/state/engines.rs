//! Facts about the engines: which one is chosen, whether it has a key, what the form's request would
//! take of memory or money, and what each engine makes of each field.

use std::sync::Arc;

use super::{BudgetQuestion, Draft, Parcel, State, World};
use crate::jobs::{Failure, FailureKind, MemoryNeed, OfferedDevice, Status};
use crate::library::Estimate;
use crate::task::{
    EngineKind, FieldReport, ImageRef, ModelCard, Request, Surroundings, Task, Verdict, portability,
};

/// What is known of the key of the remote service. It is never held here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum KeyStatus {
    /// Nobody has looked yet.
    #[default]
    Unknown,
    /// There is none.
    Absent,
    /// There is one; where, for people.
    Present(String),
    /// It cannot be looked for, or what was found is none.
    Trouble(String),
}

/// What is asked of whoever foresees: the form's request, and what changes the answer besides.
#[derive(Clone, Debug)]
pub struct OutlookQuestion {
    /// The request.
    pub request: Arc<Request>,
    /// Its task without what changes neither memory nor price.
    pub of: Box<Task>,
    /// Jobs that have ended: each changes what is left of memory and money.
    pub rounds: u64,
}

impl PartialEq for OutlookQuestion {
    fn eq(&self, other: &Self) -> bool {
        self.of == other.of
            && self.rounds == other.rounds
            && self.request.engine == other.request.engine
    }
}

/// What the form's request will take.
#[derive(Clone, Debug, PartialEq)]
pub struct Outlook {
    /// Of which task, without its prompts.
    pub of: Box<Task>,
    /// On which engine.
    pub engine: EngineKind,
    /// On this machine: its memory.
    pub memory: Option<MemoryNeed>,
    /// On the service: US dollars; `None` before the first receipt of its model.
    pub estimate: Option<Estimate>,
    /// US dollars spent today; `None` where the books cannot be read.
    pub spent: Option<f64>,
}

/// A search of a service's models.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelSearch {
    /// The address of the service, as jobs have it.
    pub service: String,
    /// What was typed.
    pub words: String,
}

/// Models of the service that a search found.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ModelsFound {
    /// Nobody has searched.
    #[default]
    Nothing,
    /// A service is being asked.
    Searching(ModelSearch),
    /// What it has.
    Found(Vec<Arc<ModelCard>>),
    /// Why it did not answer.
    Failed(String),
}

/// Everything that is known of engines.
#[derive(Debug)]
pub struct EngineFacts {
    /// The chosen one.
    pub kind: EngineKind,
    /// The host of the service, for people.
    pub service: String,
    /// Whether there is a key.
    pub key: KeyStatus,
    /// The address of the service that did not take the key that is there, and what it said.
    pub refused: Option<(String, Failure)>,
    /// What the form asks for, when it is whole and right.
    pub request: Option<Arc<Request>>,
    /// What that takes.
    pub outlook: Option<Outlook>,
    /// What becomes of each field on each engine.
    pub report: Vec<FieldReport>,
    /// Whether tasks may pass the day's limit.
    pub question: Option<BudgetQuestion>,
    /// Devices of this machine, once they were looked for.
    pub devices: Option<Vec<OfferedDevice>>,
    /// Models of the service.
    pub found: ModelsFound,
    /// Models of the service that were found before, for names and defaults.
    pub known: Vec<Arc<ModelCard>>,
    /// What is being weighed or waits for it, the first one's turn being now.
    pub(super) to_weigh: Vec<Parcel>,
    /// Jobs that have ended.
    pub(super) rounds: u64,
}

impl Default for EngineFacts {
    fn default() -> Self {
        Self {
            kind: EngineKind::Local,
            service: String::new(),
            key: KeyStatus::Unknown,
            refused: None,
            request: None,
            outlook: None,
            report: Vec::new(),
            question: None,
            devices: None,
            found: ModelsFound::Nothing,
            known: Vec::new(),
            to_weigh: Vec::new(),
            rounds: 0,
        }
    }
}

impl EngineFacts {
    /// Why the service at that address did not take the key that is there.
    #[must_use]
    pub fn refusal_at(&self, service: &str) -> Option<&Failure> {
        let (refusing, failure) = self.refused.as_ref()?;
        (refusing == service).then_some(failure)
    }

    /// What the chosen engine, and what the other one, makes of the field at `place`. `None` where both
    /// take it as it is.
    #[must_use]
    pub fn verdicts(&self, place: &str) -> Option<(&Verdict, &Verdict)> {
        let report = self.report.iter().find(|report| report.field == place)?;
        let (local, remote) = (&report.local, &report.remote);
        Some(match self.kind {
            EngineKind::Local => (local, remote),
            EngineKind::Remote => (remote, local),
        })
    }

    /// Fields that this engine would refuse, each with its reason.
    #[must_use]
    pub fn refused_by(&self, kind: EngineKind) -> Vec<(&str, &str)> {
        let refusal = |report: &'_ FieldReport| match kind {
            EngineKind::Local => matches!(&report.local, Verdict::Unsupported(_)),
            EngineKind::Remote => matches!(&report.remote, Verdict::Unsupported(_)),
        };
        let refused = self.report.iter().filter(|report| refusal(report));
        refused
            .filter_map(|report| {
                let verdict =
                    if kind == EngineKind::Local { &report.local } else { &report.remote };
                let Verdict::Unsupported(why) = verdict else { return None };
                Some((report.field.as_str(), why.as_str()))
            })
            .collect()
    }

    /// What the form's request takes, when that was foreseen for what the form says now.
    #[must_use]
    pub fn outlook(&self) -> Option<&Outlook> {
        let request = self.request.as_ref()?;
        let outlook = self.outlook.as_ref()?;
        (outlook.engine == request.engine && *outlook.of == bare(&request.task)).then_some(outlook)
    }

    /// What is to be foreseen.
    #[must_use]
    pub fn outlook_question(&self) -> Option<OutlookQuestion> {
        let request = self.request.clone()?;
        let of = Box::new(bare(&request.task));
        Some(OutlookQuestion { request, of, rounds: self.rounds })
    }
}

/// The task without what changes neither memory nor price.
fn bare(task: &Task) -> Task {
    let mut task = task.clone();
    (task.positive_prompt, task.negative_prompt) = (None, None);
    (task.seed, task.task_uuid) = (None, None);
    task
}

impl State {
    /// Brings what follows from the chosen engine up to date with the preferences; cheap.
    pub(super) fn refresh_engines(&mut self) {
        let facts = &mut self.world.engines;
        facts.kind = self.preferences.engine;
        let host = self.preferences.remote().host();
        if facts.service != host {
            facts.service = host;
        }
    }

    /// What becomes of the form's fields on either engine.
    pub(super) fn report(&mut self, task: &Task) {
        let start = self.world.start_extent(&self.draft);
        let own = self.draft.seed_image;
        let size_of = |image: &ImageRef| match image {
            ImageRef::Uuid(uuid) if Some(*uuid) == own => start,
            _ => None,
        };
        let surroundings = Surroundings { catalog: &self.world, size_of: &size_of };
        self.world.engines.report = portability(task, &surroundings);
    }

    /// Takes in whether the chosen engine can work.
    pub fn set_status(&mut self, status: Status) {
        let service = self.preferences.remote().service();
        let refused = self.world.engines.refusal_at(&service);
        let refused = refused.filter(|_| self.preferences.engine == EngineKind::Remote);
        self.world.status = refused.cloned().map_or(status, Status::Unavailable);
    }

    /// Makes the form one for that engine; each remembers its own model.
    pub(super) fn use_engine(&mut self, kind: EngineKind) {
        if self.preferences.engine == kind {
            return;
        }
        self.preferences.engine = kind;
        self.refresh_engines();
        let left = self.draft.model.take();
        let remembered = std::mem::replace(&mut self.preferences.other_model, left.clone());
        self.draft.model = remembered.or_else(|| left.filter(|air| self.world.has(kind, air)));
        if kind == EngineKind::Local {
            self.choose_a_model();
        }
        // Asked again: the state of the other engine says nothing of this one.
        self.world.status = Status::Starting;
    }

    /// Takes in what is known of the key. Another key may be taken.
    pub fn set_key(&mut self, key: KeyStatus) {
        self.world.engines.key = key;
        self.world.engines.refused = None;
    }

    /// Remembers that the service at that address does not take the key.
    pub(super) fn hear_of_key(&mut self, service: &str, failure: &Failure) {
        if failure.kind == FailureKind::KeyRefused {
            self.world.engines.refused = Some((service.to_owned(), failure.clone()));
        }
    }

    /// Takes in what a search brought, unless another one was begun since or the service is another.
    pub fn set_found(&mut self, search: &ModelSearch, found: Result<Vec<ModelCard>, Failure>) {
        let facts = &mut self.world.engines;
        if !matches!(&facts.found, ModelsFound::Searching(now) if now == search) {
            return;
        }
        if search.service != self.preferences.remote().service() {
            facts.found = ModelsFound::Nothing;
            return;
        }
        facts.found = match found {
            Ok(cards) => {
                let cards: Vec<Arc<ModelCard>> = cards.into_iter().map(Arc::new).collect();
                for card in &cards {
                    facts.known.retain(|known| known.air != card.air);
                    facts.known.push(Arc::clone(card));
                }
                ModelsFound::Found(cards)
            }
            Err(failure) => ModelsFound::Failed(failure.headline),
        };
        self.checked = None;
    }
}

impl World {
    /// Whether that engine can be asked for the model: the library has it, or anybody may.
    fn has(&self, kind: EngineKind, air: &str) -> bool {
        match kind {
            EngineKind::Local => self.checkpoint(air).is_some(),
            EngineKind::Remote => !air.starts_with("local:"),
        }
    }

    /// What is known of the checkpoint that the form names, on the chosen engine; of one that only the
    /// service has, its identifier with the documented defaults.
    #[must_use]
    pub fn model_of_form(&self, draft: &Draft) -> Option<Arc<ModelCard>> {
        let air = draft.model.as_deref()?;
        if let Some(card) = self.checkpoint(air) {
            return Some(Arc::clone(card));
        }
        if self.engines.kind == EngineKind::Local {
            return None;
        }
        let known = self.engines.known.iter().find(|card| card.air.to_string() == air);
        known.cloned().or_else(|| Some(Arc::new(ModelCard::of_service(air.parse().ok()?))))
    }
}
