//! Sheets over the window: which are open, and what is being typed in them. Nothing of it is saved.

use std::fmt;

use super::Preferences;

/// A page of the settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SettingsPage {
    /// The local and the remote engine.
    #[default]
    Engines,
    /// Where models and results lie.
    Folders,
    /// Theme and scale.
    Look,
}

/// What is typed and must not show: never in logs, never in files.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        // As far as that goes: the field that it is typed in has its own copy for a moment.
        let length = self.0.len();
        self.0.clear();
        self.0.extend(std::iter::repeat_n('\0', length));
    }
}

/// A shortcut that is being given other keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// What it does.
    pub label: String,
    /// Why the keys that were pressed cannot be taken.
    pub trouble: Option<String>,
}

/// What is open, and what is being typed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sheets {
    /// The settings, at this page.
    pub settings: Option<SettingsPage>,
    /// A key of the service that is being typed.
    pub key: Secret,
    /// An address of the service that is being typed.
    pub remote_address: Option<String>,
    /// A daily limit that is being typed.
    pub limit: Option<String>,
    /// Set for one frame: the key's field takes the keyboard.
    pub focus_key: bool,
    /// The library of models.
    pub models: bool,
    /// Words that models are searched for, here and on the service.
    pub model_words: String,
    /// The kind of models that the list is narrowed to.
    pub model_kind: Option<crate::task::ModelKind>,
    /// The model that is looked at.
    pub model: Option<std::path::PathBuf>,
    /// An AIR that is being typed for it.
    pub air: String,
    /// A path that is being typed, of a model or a folder to add.
    pub path: String,
    /// An address that is being typed, to download a model from.
    pub address: String,
    /// Its checksum.
    pub checksum: String,
    /// The list of all jobs.
    pub queue: bool,
    /// The shortcut that is given other keys.
    pub recording: Option<Recording>,
}

impl Sheets {
    /// Opens the settings where the key is entered.
    pub fn enter_key(&mut self) {
        self.settings = Some(SettingsPage::Engines);
        self.focus_key = true;
    }

    /// Closes the settings: what is typed of the address counts, what is typed of a key is forgotten.
    pub fn close_settings(&mut self, preferences: &mut Preferences) {
        self.settings = None;
        if let Some(address) = self.remote_address.take() {
            address.trim().clone_into(&mut preferences.remote_address);
        }
        self.key = Secret::default();
    }

    /// Whether something lies over the window.
    #[must_use]
    pub const fn cover(&self) -> bool {
        self.settings.is_some() || self.models
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_as_a_key_does_not_show() {
        let sheets = Sheets { key: Secret("secret-1".to_owned()), ..Sheets::default() };
        assert!(!format!("{sheets:?}").contains("secret-1"));
    }
}
