//! Facts about the library of models: what their files are, what is being downloaded, which folders
//! are looked through.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::{Action, Effect, State};
use crate::library::DownloadState;
use crate::task::Air;

/// What is known of a model besides its card.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelFile {
    /// Bytes on disk, all files of a folder together.
    pub bytes: u64,
    /// Whether the user added it by itself, so that it can be taken off the list.
    pub added: bool,
    /// What it needs besides and is not there.
    pub lacks: Option<String>,
}

/// Everything that is known of models beside their cards.
#[derive(Debug, Default)]
pub struct ShelfFacts {
    /// By the model's path.
    pub files: HashMap<PathBuf, ModelFile>,
    /// Folders that are looked through, the home folder's own first.
    pub folders: Vec<PathBuf>,
    /// Where pictures go.
    pub results: PathBuf,
    /// Downloads, the oldest first.
    pub downloads: Vec<DownloadState>,
}

impl State {
    /// What actions about models and downloads do.
    pub(super) fn apply_to_shelf(&mut self, action: Action) -> Option<Effect> {
        let sheets = &mut self.view.sheets;
        match action {
            Action::LookAtModels => Some(Effect::LookAtModels),
            Action::AddModel => {
                let path = path(&sheets.path);
                (!path.as_os_str().is_empty()).then(|| Effect::AddModel(path.to_owned()))
            }
            Action::AddFolder => Some(Effect::AddFolder),
            Action::ForgetModel => sheets.model.take().map(Effect::ForgetModel),
            Action::NameModel => self.name_model(),
            Action::Download => {
                let [address, checksum] =
                    [&sheets.address, &sheets.checksum].map(|text| text.trim().to_owned());
                (!address.is_empty()).then_some(Effect::Download { address, checksum })
            }
            Action::PauseDownload(id) => Some(Effect::PauseDownload(id)),
            Action::ResumeDownload(id) => Some(Effect::ResumeDownload(id)),
            Action::DropDownload(id) => Some(Effect::DropDownload(id)),
            _ => None,
        }
    }

    /// Empties the fields of the download that began.
    pub fn download_began(&mut self) {
        self.view.sheets.address.clear();
        self.view.sheets.checksum.clear();
    }

    /// Empties the field with the path that was added, unless something else was typed since.
    pub fn path_was_added(&mut self, added: &Path) {
        let typed = &mut self.view.sheets.path;
        if path(typed) == added {
            typed.clear();
        }
    }

    fn name_model(&mut self) -> Option<Effect> {
        let path = self.view.sheets.model.clone()?;
        match self.view.sheets.air.trim().parse::<Air>() {
            Ok(air) => Some(Effect::NameModel(path, air)),
            Err(error) => {
                self.world.notify(super::Tone::Failed, format!("This is no AIR: {error}"));
                None
            }
        }
    }
}

/// What was typed, as file managers copy paths too.
fn path(typed: &str) -> &Path {
    Path::new(typed.trim().trim_matches('"'))
}
