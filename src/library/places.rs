//! What a person added to the library: folders, and single models that lie elsewhere.
//!
//! One small file; the models themselves stay where they are.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::Home;
use super::results::write_atomically;
use crate::task::{Air, ModelKind};

/// The file that a process locks which changes the list.
const LOCK: &str = ".models.lock";

/// How long others may keep us from changing the list; they take hundredths of a second.
const PATIENCE: Duration = Duration::from_secs(10);

/// The right to change the list, as long as it lives.
pub(super) struct Locked {
    _file: File,
    _here: MutexGuard<'static, ()>,
}

/// What was added.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Places {
    /// Folders to look through.
    pub(super) folders: Vec<PathBuf>,
    /// Single models.
    pub(super) models: Vec<AddedModel>,
}

/// A model that lies in none of the folders.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AddedModel {
    /// The file or the diffusers folder.
    pub(super) path: PathBuf,
    /// What tasks call it; else as in the record beside it, or by its file's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) air: Option<Air>,
    /// What it is, where the file does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kind: Option<ModelKind>,
}

impl Places {
    /// What was added to `home`; nothing when nothing was yet.
    ///
    /// # Errors
    /// A sentence that names the file when it cannot be read.
    pub(super) fn read(home: &Home) -> Result<Self, String> {
        let file = home.places_file();
        match std::fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                format!(
                    "the list of added models is damaged ({error}); correct it, or delete it and \
                     add them again: {}",
                    file.display()
                )
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(format!(
                "the list of added models cannot be read ({error}): {}",
                file.display()
            )),
        }
    }

    /// Keeps everybody else from changing what was added to `home` for as long as the value lives; reading
    /// goes on.
    ///
    /// # Errors
    /// When another process keeps us from it for [`PATIENCE`], or the folder cannot be written.
    pub(super) fn lock(home: &Home) -> io::Result<Locked> {
        static CHANGING: Mutex<()> = Mutex::new(());
        let here = CHANGING.lock().unwrap_or_else(PoisonError::into_inner);
        std::fs::create_dir_all(home.root())?;
        let file = home.root().join(LOCK);
        let file = File::options().create(true).append(true).open(file)?;
        let end = Instant::now() + PATIENCE;
        loop {
            match file.try_lock() {
                Err(TryLockError::WouldBlock) if Instant::now() < end => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::TimedOut.into()),
                // Where the file system knows no locks, this process at least does not meet itself.
                Ok(()) | Err(TryLockError::Error(_)) => break,
            }
        }
        Ok(Locked { _file: file, _here: here })
    }

    /// Replaces what was added to `home`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn write(&self, home: &Home) -> io::Result<()> {
        std::fs::create_dir_all(home.root())?;
        write_atomically(&home.places_file(), &serde_json::to_vec_pretty(self)?)
    }

    /// Takes `path` off the list; whether it was on it.
    pub(super) fn remove(&mut self, path: &Path) -> bool {
        let before = self.folders.len() + self.models.len();
        self.folders.retain(|folder| folder != path);
        self.models.retain(|model| model.path != path);
        before > self.folders.len() + self.models.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_comes_back_and_a_damaged_list_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path().join("deep"));
        assert_eq!(Places::read(&home), Ok(Places::default()));
        let air = Some(Air::local("mine", 3));
        let model = |name: &str, air| AddedModel { path: name.into(), air, kind: None };
        let mut places = Places {
            folders: vec!["/models".into()],
            models: vec![model("/a.safetensors", air), model("/b.safetensors", None)],
        };
        places.write(&home).unwrap();
        assert_eq!(Places::read(&home), Ok(places.clone()));
        assert!(places.remove(Path::new("/a.safetensors")) && places.remove(Path::new("/models")));
        assert!(!places.remove(Path::new("/c")));
        assert_eq!(places.models.len(), 1);
        std::fs::write(home.places_file(), "{").unwrap();
        let why = Places::read(&home).unwrap_err();
        assert!(why.contains("damaged") && why.ends_with("models.json"), "{why}");
    }
}
