//! What the window shows of models beside their cards: their sizes, who added them, another AIR.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::adding::check_reserved;
use super::places::Places;
use super::record::ModelRecord;
use super::results::write_atomically;
use super::{AddError, Library};
use crate::task::Air;

/// Why a model is not called otherwise.
#[derive(Debug, thiserror::Error)]
pub enum NameError {
    /// Another model is called that.
    #[error("{air} is another model of the library; choose another AIR: {}", path.display())]
    Taken {
        /// The AIR.
        air: Air,
        /// The other model.
        path: PathBuf,
    },

    /// The list of added models.
    #[error("{0}")]
    List(#[from] AddError),

    /// The small file beside the model.
    #[error("the record beside the model cannot be written ({source}): {}", path.display())]
    Record {
        /// The record.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl Library {
    /// Bytes of the model at `path` on disk, all files of a folder together. Walks folders.
    #[must_use]
    pub fn size_of(path: &Path) -> u64 {
        let Ok(entries) = fs::read_dir(path) else {
            return fs::metadata(path).map_or(0, |file| file.len());
        };
        entries.flatten().map(|entry| Self::size_of(&entry.path())).sum()
    }

    /// Models that were added by themselves.
    #[must_use]
    pub fn added_models(&self) -> Vec<PathBuf> {
        let places = Places::read(&self.home).unwrap_or_default();
        places.models.into_iter().map(|model| model.path).collect()
    }

    /// Folders that are looked through: the home folder's, and those that were added.
    #[must_use]
    pub fn added_folders(&self) -> Vec<PathBuf> {
        let places = Places::read(&self.home).unwrap_or_default();
        std::iter::once(self.home.models_dir()).chain(places.folders).collect()
    }

    /// Calls the model at `path` by that AIR from now on: in the list of added models where it stands
    /// there, else in the record beside it. Looks through the folders again.
    ///
    /// # Errors
    /// When another model is called that, or nothing can be written.
    pub fn call(&self, path: &Path, air: &Air) -> Result<(), NameError> {
        let models = self.models();
        if let Some(other) = models.iter().find(|card| card.air == *air && card.path != path) {
            return Err(NameError::Taken { air: air.clone(), path: other.path.clone() });
        }
        let is_added = self.change(|places| {
            check_reserved(air, path, places)?;
            let model = places.models.iter_mut().find(|model| model.path == path);
            Ok(model.map(|model| model.air = Some(air.clone())).is_some())
        })?;
        if !is_added {
            note_air(path, air)?;
        }
        self.rescan();
        Ok(())
    }
}

/// Puts the AIR into the record beside the model; what else it says stays.
fn note_air(path: &Path, air: &Air) -> Result<(), NameError> {
    let place = ModelRecord::place(path);
    let failed = |source| NameError::Record { path: place.clone(), source };
    let mut record = match fs::read(&place) {
        Ok(json) => {
            let read = serde_json::from_slice::<Map<String, Value>>(&json);
            read.map_err(|error| failed(error.into()))?
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Map::new(),
        Err(error) => return Err(failed(error)),
    };
    record.insert("air".to_owned(), air.to_string().into());
    let json = serde_json::to_vec_pretty(&record).map_err(|error| failed(error.into()))?;
    write_atomically(&place, &json).map_err(failed)
}
