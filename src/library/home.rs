//! The folder in which the program keeps everything.

use std::path::{Path, PathBuf};

/// Where models, results and settings lie. `LATELIER_HOME` moves all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    root: PathBuf,
    portable: bool,
}

impl Home {
    /// `LATELIER_HOME`, else the user's data folder (`~/.local/share/latelier` and its like).
    #[must_use]
    pub fn locate() -> Self {
        if let Some(root) = std::env::var_os("LATELIER_HOME").filter(|root| !root.is_empty()) {
            return Self::at(root);
        }
        match directories::ProjectDirs::from("", "", "latelier") {
            Some(folders) => Self { root: folders.data_dir().to_owned(), portable: false },
            // No home folder at all: stay beside where the program was started.
            None => Self::at("latelier-data"),
        }
    }

    /// A home in `root`; nothing is created yet.
    #[must_use]
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), portable: true }
    }

    /// Whether it was named rather than being the user's own, and so keeps everything inside itself.
    #[must_use]
    pub const fn is_portable(&self) -> bool {
        self.portable
    }

    /// The folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Finished pictures.
    #[must_use]
    pub fn results_dir(&self) -> PathBuf {
        self.root.join("results")
    }

    /// Results that were deleted, until they are gone for good, a folder a day.
    #[must_use]
    pub fn trash_dir(&self) -> PathBuf {
        self.root.join("trash")
    }

    /// Tasks of results that were saved without their settings: no other file knows them.
    #[must_use]
    pub fn tasks_dir(&self) -> PathBuf {
        self.root.join("tasks")
    }

    /// Pictures that tasks started from, kept once by content.
    #[must_use]
    pub fn inputs_dir(&self) -> PathBuf {
        self.root.join("inputs")
    }

    /// Masks that are being painted, by the picture they lie on.
    #[must_use]
    pub fn painting_dir(&self) -> PathBuf {
        self.root.join("painting")
    }

    /// Small versions of the results, each made again when it is missing.
    #[must_use]
    pub fn thumbnails_dir(&self) -> PathBuf {
        self.root.join("thumbnails")
    }

    /// What is known of the results; built again from their files when it is missing.
    #[must_use]
    pub fn index_file(&self) -> PathBuf {
        self.root.join("index.sqlite")
    }

    /// Jobs that have not ended.
    #[must_use]
    pub fn journal_dir(&self) -> PathBuf {
        self.root.join("journal")
    }

    /// Tasks of other types that were sent to a service and whose answers were not printed yet.
    #[must_use]
    pub fn sent_dir(&self) -> PathBuf {
        self.root.join("sent")
    }

    /// Which pictures were uploaded where; uploaded again when it is missing.
    #[must_use]
    pub fn uploads_file(&self) -> PathBuf {
        self.root.join("uploads.json")
    }

    /// What `latelier serve` has promised and answered.
    #[must_use]
    pub fn served_dir(&self) -> PathBuf {
        self.root.join("served")
    }

    /// Pictures that clients of `latelier serve` brought, kept for a while.
    #[must_use]
    pub fn served_pictures_dir(&self) -> PathBuf {
        self.served_dir().join("pictures")
    }

    /// Checkpoints and what goes with them.
    #[must_use]
    pub fn models_dir(&self) -> PathBuf {
        self.root.join("models")
    }

    /// Lists of words for prompts, put there by the user.
    #[must_use]
    pub fn wildcards_dir(&self) -> PathBuf {
        self.root.join("wildcards")
    }

    /// Networks that draw guides, put there by the user.
    #[must_use]
    pub fn annotators_dir(&self) -> PathBuf {
        self.root.join("annotators")
    }

    /// Folders and models that were added from elsewhere.
    #[must_use]
    pub fn places_file(&self) -> PathBuf {
        self.root.join("models.json")
    }

    /// What model files were when they were looked at last; made again when it is missing.
    #[must_use]
    pub fn natures_file(&self) -> PathBuf {
        self.root.join("models-seen.json")
    }

    /// The key of the remote service, where no keyring keeps it.
    #[must_use]
    pub fn key_file(&self) -> PathBuf {
        self.root.join("key")
    }

    /// What the remote service was paid.
    #[must_use]
    pub fn ledger_file(&self) -> PathBuf {
        self.root.join("ledger.sqlite")
    }

    /// A copy of ONNX Runtime, if the user put one there.
    #[must_use]
    pub fn runtime_dir(&self) -> PathBuf {
        self.root.join("runtime")
    }

    /// What the window remembers.
    #[must_use]
    pub fn settings_file(&self) -> PathBuf {
        self.root.join("settings.json")
    }
}
