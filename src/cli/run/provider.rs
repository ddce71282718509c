//! Who makes the pictures of a run: the local engine, or the service.

use std::io;
use std::sync::Arc;

use super::RunArgs;
use crate::cli::EngineArgs;
use crate::engine::{LocalEngine, Settings};
use crate::jobs::{Journal, Keeper, PictureSource, Provider, Receipts, Worker};
use crate::library::{Home, KEY_VARIABLE, KeyStore, Library, UploadNotes};
use crate::remote::{Asked, Endpoint, Question, RemoteEngine, RemoteSettings};
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
    pub(super) receipts: Option<Arc<dyn Receipts>>,
}

/// An engine that has been started.
pub(super) enum Maker {
    Local(Worker),
    /// And the address of the service.
    Remote(RemoteEngine, String),
}

impl Maker {
    /// Starts an engine; what keeps the service from being asked comes back as a problem.
    ///
    /// A service is the one that the arguments name, else that at `service`, else Runware.
    pub(super) fn start(
        kind: EngineKind,
        service: Option<&str>,
        with: &Surroundings<'_>,
    ) -> io::Result<Result<Self, Problem>> {
        if kind == EngineKind::Remote {
            let settings = match remote_settings(service, with) {
                Ok(settings) => settings,
                Err(problem) => return Ok(Err(*problem)),
            };
            let address = settings.endpoint.address();
            return Ok(Ok(Self::Remote(RemoteEngine::start(settings)?, address)));
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
            Self::Remote(engine, _) => engine,
        }
    }

    /// The address of the service, for the journal.
    pub(super) fn service(&self) -> Option<String> {
        match self {
            Self::Local(_) => None,
            Self::Remote(_, address) => Some(address.clone()),
        }
    }

    /// Whether several jobs are on their way at once.
    pub(super) const fn is_remote(&self) -> bool {
        matches!(self, Self::Remote(..))
    }

    /// Carries out a task of another type than `imageInference`; `None` where nobody takes one.
    pub(super) fn ask(&self, question: Question) -> Option<Asked> {
        match self {
            Self::Local(_) => None,
            Self::Remote(engine, _) => Some(engine.ask(question).recv().unwrap_or_default()),
        }
    }
}

fn remote_settings(
    service: Option<&str>,
    with: &Surroundings<'_>,
) -> Result<RemoteSettings, Box<Problem>> {
    let url = with.args.remote_url.as_deref().or(service).unwrap_or(Endpoint::SERVICE);
    let endpoint = Endpoint::parse(url, with.args.insecure).map_err(|error| {
        let message = format!("The remote engine's address cannot be used: {error}.");
        Box::new(Problem::new("invalidRequest", message))
    })?;
    let no_key = |message: String| Box::new(Problem::new("missingApiKey", message));
    let found = KeyStore::of(with.home).find().map_err(|error| no_key(format!("{error}.")))?;
    let (key, _) = found.ok_or_else(|| {
        no_key(format!(
            "The remote engine needs a key; keep one with latelier key set, put it into {KEY_VARIABLE}, \
             or run the task with --engine local."
        ))
    })?;
    Ok(RemoteSettings {
        endpoint,
        key,
        keeper: Arc::clone(&with.keeper),
        pictures: Arc::clone(&with.pictures),
        journal: with.journal.clone(),
        receipts: with.receipts.clone(),
        uploads: Some(Arc::new(UploadNotes::of(with.home))),
    })
}
