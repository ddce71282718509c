//! The small file beside a model that names it and says which settings suit it.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::task::{Air, ModelDefaults};

/// `latelier.json` inside a model folder, `<name>.latelier.json` beside a single file.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct ModelRecord {
    /// The model's identifier.
    pub(super) air: Option<Air>,
    /// The name people read.
    pub(super) name: Option<String>,
    /// Size, steps, guidance and scheduler to use where a task says nothing.
    pub(super) defaults: Option<ModelDefaults>,
    /// Prompts that the model does well.
    pub(super) examples: Vec<String>,
    /// Words of a prompt that call it.
    pub(super) trigger_words: Vec<String>,
    /// A diffusers folder, relative to the record, that lends configs and tokenizer.
    pub(super) config: Option<PathBuf>,
}

impl ModelRecord {
    /// Where the record of the model at `path` would be.
    pub(super) fn place(path: &Path) -> PathBuf {
        if path.is_dir() {
            path.join("latelier.json")
        } else {
            path.with_extension("latelier.json")
        }
    }

    /// Reads the record of the model at `path`; an empty one when there is none.
    ///
    /// # Errors
    /// A sentence that names the record when it cannot be read.
    pub(super) fn of(path: &Path) -> Result<Self, String> {
        let place = Self::place(path);
        let text = match std::fs::read_to_string(&place) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => return Err(format!("cannot read {}: {error}", place.display())),
        };
        let mut record: Self = serde_json::from_str(&text)
            .map_err(|error| format!("{} is not a model record: {error}", place.display()))?;
        if let (Some(config), Some(folder)) = (&record.config, place.parent()) {
            record.config = Some(folder.join(config));
        }
        Ok(record)
    }
}
