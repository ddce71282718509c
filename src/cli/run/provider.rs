//! Who makes the pictures of a run: the local engine, or the service.

use std::io;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::RunArgs;
use crate::cli::EngineArgs;
use crate::cli::key::remote_key;
use crate::engine::{LocalEngine, Settings};
use crate::jobs::{Journal, Keeper, PictureSource, Provider, Worker};
use crate::library::{Home, Library, UploadNotes};
use crate::remote::{Asked, Endpoint, RemoteEngine, RemoteSettings};
use crate::task::{EngineKind, Problem};

/// The parts of a run that every engine works with.
pub(super) struct Surroundings<'a> {
    pub(super) args: &'a RunArgs,
    pub(super) engine: &'a EngineArgs,
    pub(super) home: &'a Home,
    pub(super) library: &'a Library,
    pub(super) keeper: Arc<dyn Keeper>,
    pub(super) pictures: Arc<dyn PictureSource>,
    pub(super) journal: Option<Arc<dyn Journal>>,
}

/// An engine that has been started.
pub(super) enum Maker {
    Local(Worker),
    Remote(RemoteEngine),
}

impl Maker {
    /// Starts an engine; what keeps the service from being asked comes back as a problem.
    pub(super) fn start(
        kind: EngineKind,
        with: &Surroundings<'_>,
    ) -> io::Result<Result<Self, Problem>> {
        if kind == EngineKind::Remote {
            let settings = match remote_settings(with) {
                Ok(settings) => settings,
                Err(problem) => return Ok(Err(*problem)),
            };
            return Ok(Ok(Self::Remote(RemoteEngine::start(settings)?)));
        }
        let (keeper, pictures) = (Arc::clone(&with.keeper), Arc::clone(&with.pictures));
        let folders = with.library.folders();
        let settings = Settings {
            models: Arc::new(move || folders.clone()),
            ..with.engine.settings(with.home, keeper, pictures, false)
        };
        Ok(Ok(Self::Local(Worker::start("local", move || LocalEngine::new(settings))?)))
    }

    pub(super) fn provider(&self) -> &dyn Provider {
        match self {
            Self::Local(worker) => worker,
            Self::Remote(engine) => engine,
        }
    }

    /// Whether several jobs are on their way at once.
    pub(super) const fn is_remote(&self) -> bool {
        matches!(self, Self::Remote(_))
    }

    /// Sends a task of another type than `imageInference`; `None` where nobody takes one.
    pub(super) fn ask(&self, task: Map<String, Value>) -> Option<Asked> {
        match self {
            Self::Local(_) => None,
            Self::Remote(engine) => Some(engine.ask(task).recv().unwrap_or_default()),
        }
    }
}

fn remote_settings(with: &Surroundings<'_>) -> Result<RemoteSettings, Box<Problem>> {
    let url = with.args.remote_url.as_deref().unwrap_or(Endpoint::SERVICE);
    let endpoint = Endpoint::parse(url, with.args.insecure).map_err(|error| {
        let message = format!("--remote-url cannot be used: {error}.");
        Box::new(Problem::new("invalidRequest", message))
    })?;
    let key = remote_key(with.home).ok_or_else(|| {
        let message = "The remote engine needs a key; put it into RUNWARE_API_KEY, or run the task with \
                       --engine local.";
        Box::new(Problem::new("missingApiKey", message))
    })?;
    Ok(RemoteSettings {
        endpoint,
        key,
        keeper: Arc::clone(&with.keeper),
        pictures: Arc::clone(&with.pictures),
        journal: with.journal.clone(),
        receipts: None,
        uploads: Some(Arc::new(UploadNotes::of(with.home))),
    })
}
