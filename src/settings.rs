//! What survives a restart: the form and how the user looks at things.
//!
//! One JSON file, replaced whole, so that a crash leaves the old one or the new one. No key is kept here.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::library::write_atomically;
use crate::state::{Draft, Preferences, View};

/// What survives a restart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Settings {
    /// The form.
    pub draft: Draft,

    /// Folds and theme.
    pub view: View,

    /// What the user decided once.
    pub preferences: Preferences,
}

/// Why settings could not be read.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file is there but cannot be read.
    #[error("the settings cannot be read: {0}")]
    Read(#[from] io::Error),

    /// The file is no settings file of this program.
    #[error("the settings are damaged: {0}")]
    Damaged(#[from] serde_json::Error),
}

impl Settings {
    /// Reads `file`; `None` when there is none yet. A size without pixels is left out.
    ///
    /// # Errors
    /// When the file is there and cannot be understood.
    pub fn read(file: &Path) -> Result<Option<Self>, SettingsError> {
        match std::fs::read(file) {
            Ok(bytes) => {
                let mut settings: Self = serde_json::from_slice(&bytes)?;
                settings.draft.extension.forget_empty_source();
                Ok(Some(settings))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Moves a `file` that cannot be understood out of the way, beside itself and never over another; returns
    /// where it lies now.
    ///
    /// # Errors
    /// When it cannot be moved; it is then where it was.
    pub fn set_aside(file: &Path) -> io::Result<PathBuf> {
        let beside = |number: u32| {
            let mut name = file.as_os_str().to_owned();
            name.push(".damaged");
            if number > 1 {
                name.push(format!("-{number}"));
            }
            PathBuf::from(name)
        };
        let free = (1..=u32::MAX).map(beside).find(|place| place.symlink_metadata().is_err());
        let place = free.ok_or(io::ErrorKind::AlreadyExists)?;
        std::fs::rename(file, &place)?;
        Ok(place)
    }

    /// Replaces `file` as a whole.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write(&self, file: &Path) -> io::Result<()> {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        write_atomically(file, &serde_json::to_vec_pretty(self)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_come_back_and_a_missing_file_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("deep").join("settings.json");
        assert!(Settings::read(&file).unwrap().is_none());
        let mut settings = Settings::default();
        settings.draft.prompt = "a fox".to_owned();
        settings.view.gallery_open = false;
        settings.write(&file).unwrap();
        assert_eq!(Settings::read(&file).unwrap(), Some(settings));
    }

    #[test]
    fn a_stored_size_without_pixels_is_measured_anew() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("settings.json");
        let text = r#"{"draft":{"extension":{
            "top":64,"source":{"width":0,"height":128},"sourceIsSet":true}}}"#;
        std::fs::write(&file, text).unwrap();
        let read = Settings::read(&file).unwrap().unwrap().draft.extension;
        assert_eq!((read.source, read.source_is_set, read.top), (None, false, Some(64)));
    }

    #[test]
    fn a_damaged_file_is_named_damaged_and_fields_of_the_future_are_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("settings.json");
        std::fs::write(&file, "{").unwrap();
        assert!(matches!(Settings::read(&file), Err(SettingsError::Damaged(_))));
        for name in ["settings.json.damaged", "settings.json.damaged-2"] {
            assert_eq!(Settings::set_aside(&file).unwrap(), folder.path().join(name));
            assert!(Settings::read(&file).unwrap().is_none());
            assert_eq!(std::fs::read_to_string(folder.path().join(name)).unwrap(), "{");
            std::fs::write(&file, "{").unwrap();
        }
        std::fs::write(&file, r#"{"draft":{"steps":9,"hat":1},"unknown":2}"#).unwrap();
        assert_eq!(Settings::read(&file).unwrap().unwrap().draft.steps, Some(9));
    }
}
