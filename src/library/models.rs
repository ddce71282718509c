//! The models that the program can use, found by walking folders.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Instant;

use super::Home;
use super::demo;
use super::layouts::Layout;
use super::nature::Natures;
use super::places::Places;
use super::scan::Scan;
use crate::task::{Air, Catalog, ModelCard};

/// Why the library cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// A models folder that was asked for is not there.
    #[error("cannot read the models folder {}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Something that belongs to the library and cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelFault {
    /// The file or folder.
    pub path: PathBuf,
    /// A sentence that says why.
    pub why: String,
}

/// The models of the home folder, of what was added to it, and of further folders.
#[derive(Debug)]
pub struct Library {
    pub(super) home: Home,
    further: Vec<PathBuf>,
    found: RwLock<Found>,
    /// What files were at the last look; held through a look, so that two do not meet.
    natures: Mutex<Natures>,
    trouble: RwLock<Option<String>>,
    /// Whether the demo model was found complete, or made so.
    unpacked: AtomicBool,
}

/// What one walk found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) models: Arc<Vec<Arc<ModelCard>>>,
    pub(super) faults: Vec<ModelFault>,
    /// Whether there was a walk at all.
    pub(super) read: bool,
}

impl Library {
    /// A library that knows no model until [`rescan`](Self::rescan).
    ///
    /// # Errors
    /// When one of `further` cannot be read.
    pub fn unread(home: &Home, further: &[PathBuf]) -> Result<Self, LibraryError> {
        for path in further {
            fs::read_dir(path)
                .map_err(|source| LibraryError::Folder { path: path.clone(), source })?;
        }
        Ok(Self {
            home: home.clone(),
            further: further.to_vec(),
            found: RwLock::default(),
            natures: Mutex::default(),
            trouble: RwLock::default(),
            unpacked: AtomicBool::new(false),
        })
    }

    /// The same after its first look.
    ///
    /// # Errors
    /// When one of `further` cannot be read.
    pub fn open(home: &Home, further: &[PathBuf]) -> Result<Self, LibraryError> {
        let library = Self::unread(home, further)?;
        library.rescan();
        Ok(library)
    }

    /// Unpacks the demo model unless that was done before, and looks through the folders. A demo
    /// model that cannot be written is only [`trouble`](Self::trouble): the other models are still
    /// there. Reads headers of files that are new or have changed; still, not for the UI thread.
    pub fn rescan(&self) {
        let started = Instant::now();
        self.unpack_demo();
        let mut natures = self.natures.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.is_read() {
            *natures = Natures::read(&self.home.natures_file());
        }
        let mut scan = Scan::new(&natures);
        let places = Places::read(&self.home).unwrap_or_else(|why| {
            scan.fault(&self.home.places_file(), why);
            Places::default()
        });
        scan.reserve(&places.models);
        scan.root(&self.home.models_dir());
        places.models.iter().for_each(|model| scan.added(model));
        for folder in places.folders.iter().chain(&self.further) {
            scan.root(folder);
        }
        let (mut found, told) = scan.finish();
        if *natures != told {
            told.write(&self.home.natures_file());
            *natures = told;
        }
        drop(natures);

        let mut known = self.found.write().unwrap_or_else(PoisonError::into_inner);
        // The same list stays the same, so that nobody takes it for news.
        if known.models == found.models {
            found.models = Arc::clone(&known.models);
        }
        *known = found;
        tracing::debug!(
            models = known.models.len(),
            seconds = started.elapsed().as_secs_f64(),
            "looked for models"
        );
    }

    /// Once is enough: who changes a file of it while the program runs means it.
    fn unpack_demo(&self) {
        if self.unpacked.load(Ordering::Relaxed) {
            return;
        }
        let unpacked = demo::unpack(&self.home);
        self.unpacked.store(unpacked.is_ok(), Ordering::Relaxed);
        let trouble = unpacked.err().map(|error| {
            format!(
                "The demo model could not be written to {} ({error}). Free some space, or move \
                 Latelier's files with LATELIER_HOME",
                self.home.models_dir().display()
            )
        });
        *self.trouble.write().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// Whether the folders were looked through at least once.
    #[must_use]
    pub fn is_read(&self) -> bool {
        self.found.read().unwrap_or_else(PoisonError::into_inner).read
    }

    /// The folders that models are looked for in, the home folder's first; of a program's folder also
    /// the one that holds its folders of models. Reads a small file.
    #[must_use]
    pub fn folders(&self) -> Vec<PathBuf> {
        let added = Places::read(&self.home).unwrap_or_default().folders;
        let mut folders = vec![self.home.models_dir()];
        for folder in self.further.iter().chain(&added) {
            folders.push(folder.clone());
            folders.extend(Layout::of(folder).map(|_program| folder.join("models")));
        }
        folders
    }

    /// Every model, in order of name; also those that cannot be used, which say why in their
    /// [`fault`](ModelCard::fault).
    #[must_use]
    pub fn models(&self) -> Arc<Vec<Arc<ModelCard>>> {
        Arc::clone(&self.found.read().unwrap_or_else(PoisonError::into_inner).models)
    }

    /// Why the demo model is not there, if it is not.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.trouble.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What cannot be used: files that look like models, records, places that were added.
    #[must_use]
    pub fn faults(&self) -> Vec<ModelFault> {
        self.found.read().unwrap_or_else(PoisonError::into_inner).faults.clone()
    }
}

/// The folder of the tokenizer that the model's text encoder knows; `None` for CLIP ViT-L/14's own.
/// Asks the disk.
#[must_use]
pub fn tokenizer_folder(card: &ModelCard) -> Option<PathBuf> {
    let folder = if card.path.is_dir() { Some(&card.path) } else { card.config.as_ref() };
    folder.map(|folder| folder.join("tokenizer"))
}

impl Catalog for Library {
    fn model(&self, air: &Air) -> Option<Arc<ModelCard>> {
        self.models().iter().find(|card| card.air == *air).map(Arc::clone)
    }
}
