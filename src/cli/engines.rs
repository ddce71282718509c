//! The engines that the window can be given: made when they are first needed.

use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use serde::Deserialize as _;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::engine::{
    Forecast, LocalEngine, Mode, Runtime, Settings, companion_missing, offered_devices,
};
use crate::jobs::{
    EngineMaker, EngineOrder, Failure, FailureKind, Journal, Keeper, LocalWish, MadeEngine,
    MemoryAdvice, MemoryMode, MemoryNeed, ModelSearcher, OfferedDevice, PictureSource, Receipts,
    RemoteWish, Worker,
};
use crate::library::{Home, KEY_VARIABLE, KeyStore, Ledger, UploadNotes};
use crate::pixels::Extent;
use crate::protocol::FoundModel;
use crate::remote::{Endpoint, Question, RemoteEngine, RemoteSettings};
use crate::task::{Air, ModelCard, Request};

/// Jobs that a service is given at a time; it advises two to four.
const REMOTE_AT_ONCE: usize = 4;

/// How long a search may take.
const SEARCH: Duration = Duration::from_secs(30);

/// Models that a search brings.
const FOUND: u32 = 20;

/// Both engines over one home folder.
pub struct Engines {
    /// Where key, ledger and notes lie.
    pub home: Home,
    /// The local engine as the command line wishes for it.
    pub local: Settings,
    /// Where finished pictures go.
    pub keeper: Arc<dyn Keeper>,
    /// Where the pictures come from that tasks name.
    pub pictures: Arc<dyn PictureSource>,
    /// Who is told the names of the service's pictures. Not kept alive by this: the window lets go of its
    /// journal when it is closed, whoever else still asks something.
    pub journal: Option<Weak<dyn Journal>>,
}

impl Engines {
    fn settings(&self, wish: &LocalWish) -> Settings {
        let mut settings = self.local.clone();
        // What was said at the start of the program goes before what was chosen once.
        settings.device = settings.device.or_else(|| wish.device.clone());
        settings.mode = settings.mode.or(wish.memory.map(mode));
        settings
    }

    fn remote(&self, wish: &RemoteWish) -> Result<RemoteEngine, Failure> {
        let url = wish.address.as_deref().unwrap_or(Endpoint::SERVICE);
        let endpoint = Endpoint::parse(url, wish.in_clear).map_err(|error| {
            let headline = format!("The remote engine's address cannot be used: {error}");
            Failure::new(FailureKind::Unreachable, headline)
        })?;
        let no_key = |headline: String| Failure::new(FailureKind::KeyRefused, headline);
        let found = KeyStore::of(&self.home).find().map_err(|error| no_key(error.to_string()))?;
        let (key, _) = found.ok_or_else(|| {
            no_key(format!("The remote engine needs a key: enter one, or set {KEY_VARIABLE}"))
        })?;
        // What was sent is paid for in any case; without books it is only not counted.
        let ledger = Ledger::open(&self.home).inspect_err(|error| tracing::warn!("{error}"));
        let settings = RemoteSettings {
            endpoint,
            key,
            keeper: Arc::clone(&self.keeper),
            pictures: Arc::clone(&self.pictures),
            journal: self.journal.as_ref().and_then(Weak::upgrade),
            receipts: ledger.ok().map(|ledger| Arc::new(ledger) as Arc<dyn Receipts>),
            uploads: Some(Arc::new(UploadNotes::of(&self.home))),
        };
        RemoteEngine::start(settings).map_err(|error| no_thread(&error))
    }
}

impl EngineMaker for Engines {
    fn make(&self, order: &EngineOrder) -> Result<MadeEngine, Failure> {
        match order {
            EngineOrder::Local(wish) => {
                let settings = self.settings(wish);
                let worker = Worker::start("local", move || LocalEngine::new(settings));
                let provider = Box::new(worker.map_err(|error| no_thread(&error))?);
                Ok(MadeEngine { provider, at_once: 1, search: None })
            }
            EngineOrder::Remote(wish) => {
                let engine = Arc::new(self.remote(wish)?);
                let asked = Arc::clone(&engine);
                let search: ModelSearcher = Arc::new(move |words| search(&asked, words));
                let provider = Box::new(engine);
                Ok(MadeEngine { provider, at_once: REMOTE_AT_ONCE, search: Some(search) })
            }
        }
    }

    fn memory(&self, request: &Request, wish: &LocalWish) -> Option<MemoryNeed> {
        let folders = (self.local.models)();
        let wanted = self.settings(wish).mode;
        let forecast = Forecast::of(request, wanted, &folders).ok()?;
        let Forecast { mode, peak, available, .. } = forecast;
        let mut need = MemoryNeed { mode: word(mode), peak, available, advice: Vec::new() };
        if let Some(available) = available.filter(|_| !need.fits()) {
            need.advice = advice(request, (mode, available), &folders);
        }
        Some(need)
    }

    fn devices(&self) -> Vec<OfferedDevice> {
        let Ok(runtime) = Runtime::find(&self.local.search) else { return Vec::new() };
        let devices = offered_devices(&runtime).into_iter();
        devices.map(|(key, name)| OfferedDevice { key: key.to_owned(), name }).collect()
    }

    fn lacks(&self, card: &ModelCard, folders: &[PathBuf]) -> Option<String> {
        companion_missing(card, folders)
    }
}

/// What would make `request` fit into `available` bytes.
fn advice(
    request: &Request,
    (mode, available): (Mode, u64),
    folders: &[PathBuf],
) -> Vec<MemoryAdvice> {
    let peak = |request: &Request, mode| {
        let forecast = Forecast::of(request, Some(mode), folders).ok()?;
        (forecast.peak <= available).then_some(forecast.peak)
    };
    let low = (mode == Mode::Fast).then(|| peak(request, Mode::LowMemory)).flatten();
    let low = low.map(MemoryAdvice::LowMemory);
    let smaller = smaller_sizes(request.extent).find_map(|extent| {
        let mut request = request.clone();
        request.extent = extent;
        Some(MemoryAdvice::Size(extent, peak(&request, Mode::LowMemory)?))
    });
    low.into_iter().chain(smaller).collect()
}

/// Sizes of about the same shape on the API's grid, the largest first.
fn smaller_sizes(own: Extent) -> impl Iterator<Item = Extent> {
    const GRID: u32 = 64;
    const LEAST: u32 = 128;
    let long = own.width.max(own.height);
    (1..long.div_ceil(GRID)).rev().map(move |steps| {
        let side = |side: u32| (side * steps * GRID / long / GRID * GRID).max(LEAST);
        Extent::new(side(own.width), side(own.height))
    })
}

const fn mode(mode: MemoryMode) -> Mode {
    match mode {
        MemoryMode::Fast => Mode::Fast,
        MemoryMode::LowMemory => Mode::LowMemory,
    }
}

const fn word(mode: Mode) -> MemoryMode {
    match mode {
        Mode::Fast => MemoryMode::Fast,
        Mode::LowMemory => MemoryMode::LowMemory,
    }
}

fn no_thread(error: &std::io::Error) -> Failure {
    let headline =
        "The engine could not start, since the system gives no thread: close some programs";
    Failure::new(FailureKind::Other, headline).with_details(error.to_string())
}

/// Asks the service for checkpoints.
fn search(engine: &RemoteEngine, words: &str) -> Result<Vec<ModelCard>, Failure> {
    let id = Uuid::new_v4();
    let task = json!({
        "taskType": "modelSearch", "taskUUID": id.to_string(), "search": words, "category": "checkpoint", "limit": FOUND,
    });
    let task: Map<String, Value> = task.as_object().cloned().unwrap_or_default();
    let answer = engine.ask(Question { id, task, resumed: false });
    let asked = answer.recv_timeout(SEARCH).map_err(|error| {
        let headline = "The service did not answer the search; try again in a moment";
        Failure::new(FailureKind::Busy, headline).with_details(error.to_string())
    })?;
    if let Some(failure) = asked.failure {
        return Err(failure);
    }
    let lists = asked.results.iter().filter_map(|result| result.get("results")?.as_array());
    let models = lists.flatten().filter_map(|model| FoundModel::deserialize(model).ok());
    Ok(models.filter_map(card).collect())
}

/// A model of the service as a card; `None` for an identifier of another kind.
fn card(found: FoundModel) -> Option<ModelCard> {
    let air: Air = found.air.parse().ok()?;
    let mut card = ModelCard::of_service(air);
    card.name = found.name.unwrap_or(card.name);
    let defaults = &mut card.defaults;
    if let (Some(width), Some(height)) = (found.default_width, found.default_height) {
        defaults.extent = Extent::new(width, height);
    }
    defaults.steps = found.default_steps.unwrap_or(defaults.steps);
    defaults.cfg_scale = found.default_cfg.map_or(defaults.cfg_scale, |scale| scale as f32);
    defaults.scheduler = found.default_scheduler.unwrap_or_else(|| defaults.scheduler.clone());
    Some(card)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smaller_sizes_keep_the_shape_and_the_grid() {
        let sizes: Vec<Extent> = smaller_sizes(Extent::new(768, 512)).collect();
        assert_eq!(sizes[0], Extent::new(704, 448));
        assert_eq!(sizes.last(), Some(&Extent::new(128, 128)));
        assert!(sizes.iter().all(|size| size.width % 64 == 0 && size.height % 64 == 0));
    }
}
