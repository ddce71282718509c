//! Adding models from elsewhere to the library, and taking them off again. No model is copied.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Library;
use super::layouts::Layout;
use super::models::Found;
use super::nature::{Nature, Natures, NoNature};
use super::places::{AddedModel, Places};
use super::record::ModelRecord;
use super::scan::Scan;
use crate::task::{Air, ModelCard, ModelKind};

/// What is to be added.
#[derive(Clone, Debug)]
pub struct Addition {
    /// A model, or a folder of them; also the folder of ComfyUI, A1111 or Forge.
    pub path: PathBuf,
    /// What tasks are to call it; for a single model.
    pub air: Option<Air>,
    /// What it is, where the file does not tell; for a single model.
    pub kind: Option<ModelKind>,
}

/// What was added.
#[derive(Clone, Debug)]
pub enum Added {
    /// One model.
    Model(Arc<ModelCard>),
    /// A folder.
    Folder {
        /// The folder without symbolic links.
        path: PathBuf,
        /// The program whose folder it is.
        program: Option<&'static str>,
        /// What can be used in it now.
        models: Vec<Arc<ModelCard>>,
    },
}

/// Why something is not added.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// It is not there.
    #[error("it cannot be read ({source}): {}", path.display())]
    Read {
        /// What was to be added.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// It is no model that can be used.
    #[error("{0}")]
    NoModel(String),

    /// A folder without any.
    #[error("no model that can be used lies in this folder: {}", path.display())]
    Empty {
        /// The folder.
        path: PathBuf,
    },

    /// It is there already.
    #[error("it is in the library already{air}: {}", path.display())]
    Known {
        /// What was to be added.
        path: PathBuf,
        /// `, as local:x@1`, or nothing.
        air: String,
    },

    /// Another model is called that.
    #[error("{air} is another model of the library; choose another AIR: {}", path.display())]
    AirTaken {
        /// The AIR.
        air: Air,
        /// The other model.
        path: PathBuf,
    },

    /// The file says what it is, and it is not what was said.
    #[error("this is a {found}, not a {given}: {}", path.display())]
    OtherKind {
        /// The file.
        path: PathBuf,
        /// By its header.
        found: ModelKind,
        /// As was said.
        given: ModelKind,
    },

    /// Many models cannot have one name.
    #[error("an AIR and a kind go with a single model; this is a folder of them: {}", path.display())]
    ForOne {
        /// The folder.
        path: PathBuf,
    },

    /// What was added before cannot be read.
    #[error("{0}")]
    List(String),

    /// The list cannot be written.
    #[error("the list of added models cannot be written ({source}): {}", path.display())]
    Write {
        /// The list.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Library {
    /// Adds a model or a folder for good, and looks through the folders again.
    ///
    /// # Errors
    /// When it is no model, is known already, or the list cannot be written.
    pub fn add(&self, addition: &Addition) -> Result<Added, AddError> {
        let Addition { path, air, kind } = addition;
        let read = |source| AddError::Read { path: path.clone(), source };
        let path = path.canonicalize().map_err(read)?;
        if path.is_file() || Nature::of_folder(&path).is_some() {
            self.check_model(&path, air.as_ref(), *kind)?;
            self.change(|places| {
                if let Some(air) = air {
                    check_reserved(air, &path, places)?;
                }
                if places.models.iter().any(|model| model.path == path) {
                    return Err(known(&path));
                }
                let model = AddedModel { path: path.clone(), air: air.clone(), kind: *kind };
                places.models.push(model);
                Ok(())
            })?;
            self.rescan();
            let card = self.models().iter().find(|card| card.path == path).cloned();
            let card = card.ok_or(AddError::Empty { path })?;
            self.keep_name(&card)?;
            return Ok(Added::Model(card));
        }
        if air.is_some() || kind.is_some() {
            return Err(AddError::ForOne { path });
        }
        let is_known = |places: &Places| places.folders.contains(&path);
        if is_known(&Places::read(&self.home).map_err(AddError::List)?) {
            return Err(known(&path));
        }
        let models = usable(&path)?;
        let program = Layout::of(&path).map(|layout| layout.program);
        self.change(|places| {
            // The search took its time.
            if is_known(places) {
                return Err(known(&path));
            }
            places.folders.push(path.clone());
            Ok(())
        })?;
        self.rescan();
        Ok(Added::Folder { path, program, models })
    }

    /// Writes down what the model is called now, so that it stays so whatever is added later. A record
    /// beside it says so by itself.
    fn keep_name(&self, card: &ModelCard) -> Result<(), AddError> {
        let recorded = ModelRecord::of(&card.path).ok().and_then(|record| record.air);
        if recorded.as_ref() == Some(&card.air) {
            return Ok(());
        }
        self.change(|places| {
            let model = places.models.iter_mut().find(|model| model.path == card.path);
            if let Some(model) = model.filter(|model| model.air.is_none()) {
                model.air = Some(card.air.clone());
            }
            Ok(())
        })
    }

    /// Takes what was added at `path` off the list; no file is touched. Whether it was on it.
    ///
    /// # Errors
    /// When the list cannot be read or written.
    pub fn remove(&self, path: &Path) -> Result<bool, AddError> {
        let removed = self.change(|places| Ok(places.remove(&real(path)) | places.remove(path)))?;
        if removed {
            self.rescan();
        }
        Ok(removed)
    }

    /// Changes the list of what was added, which nobody else changes meanwhile.
    pub(super) fn change<T>(
        &self,
        change: impl FnOnce(&mut Places) -> Result<T, AddError>,
    ) -> Result<T, AddError> {
        let failed = |source| AddError::Write { path: self.home.places_file(), source };
        let _locked = Places::lock(&self.home).map_err(failed)?;
        let mut places = Places::read(&self.home).map_err(AddError::List)?;
        let before = places.clone();
        let changed = change(&mut places)?;
        if places != before {
            places.write(&self.home).map_err(failed)?;
        }
        Ok(changed)
    }

    fn check_model(
        &self,
        path: &Path,
        air: Option<&Air>,
        kind: Option<ModelKind>,
    ) -> Result<(), AddError> {
        let models = self.models();
        let same = |card: &&Arc<ModelCard>| card.path.canonicalize().is_ok_and(|real| real == path);
        if let Some(card) = models.iter().find(same) {
            let air = format!(", as {}", card.air);
            return Err(AddError::Known { path: path.to_owned(), air });
        }
        let told = Nature::of_folder(path)
            .map_or_else(|| Natures::default().tell(path, &Natures::default()), |(_, told)| told);
        match (told, kind) {
            (Ok(nature), Some(given)) if nature.kind != given => {
                let path = path.to_owned();
                return Err(AddError::OtherKind { path, found: nature.kind, given });
            }
            (Ok(_), _) | (Err(NoNature::Unknown(_)), Some(_)) => {}
            (Err(none), _) => return Err(AddError::NoModel(none.why())),
        }
        match air.and_then(|air| models.iter().find(|card| card.air == *air)) {
            Some(card) => {
                Err(AddError::AirTaken { air: card.air.clone(), path: card.path.clone() })
            }
            None => Ok(()),
        }
    }
}

fn known(path: &Path) -> AddError {
    AddError::Known { path: path.to_owned(), air: String::new() }
}

/// Refuses the AIR of another model than that at `path` which was added before, also when that one is gone at
/// the moment.
pub(super) fn check_reserved(air: &Air, path: &Path, places: &Places) -> Result<(), AddError> {
    let reserved = |model: &&AddedModel| model.air.as_ref() == Some(air) && model.path != path;
    match places.models.iter().find(reserved) {
        Some(model) => Err(AddError::AirTaken { air: air.clone(), path: model.path.clone() }),
        None => Ok(()),
    }
}

/// `path` as it was written down when it was added. Of what is gone the folder may still be there.
fn real(path: &Path) -> PathBuf {
    let whole = std::path::absolute(path).unwrap_or_else(|_error| path.to_owned());
    path.canonicalize().unwrap_or_else(|_gone| match (whole.parent(), whole.file_name()) {
        (Some(folder), Some(name)) => {
            folder.canonicalize().map_or_else(|_gone| whole.clone(), |folder| folder.join(name))
        }
        _ => whole,
    })
}

/// The models in `folder` that can be used.
fn usable(folder: &Path) -> Result<Vec<Arc<ModelCard>>, AddError> {
    let nothing = Natures::default();
    let mut scan = Scan::new(&nothing);
    scan.root(folder);
    let (Found { models, faults, .. }, _) = scan.finish();
    let faulty: BTreeSet<&PathBuf> = faults.iter().map(|fault| &fault.path).collect();
    let usable: Vec<_> =
        models.iter().filter(|card| !faulty.contains(&card.path)).cloned().collect();
    match (usable.is_empty(), faults.into_iter().next()) {
        (false, _) => Ok(usable),
        (true, Some(fault)) => Err(AddError::NoModel(fault.why)),
        (true, None) => Err(AddError::Empty { path: folder.to_owned() }),
    }
}
