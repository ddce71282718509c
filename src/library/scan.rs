//! A walk through folders that makes a card of each model.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::layouts::{Layout, holds_embeddings};
use super::models::{Found, ModelFault};
use super::nature::{Nature, Natures, NoNature, TORCH, has_ending, presumed};
use super::places::AddedModel;
use super::record::ModelRecord;
use crate::pixels::Extent;
use crate::task::{Air, Architecture, ModelCard, ModelDefaults, ModelKind};

/// How deep below a models folder a model may lie.
const DEPTH: usize = 4;

/// A walk in progress.
pub(super) struct Scan<'a> {
    /// What files were when they were looked at last.
    before: &'a Natures,
    natures: Natures,
    cards: Vec<ModelCard>,
    faults: Vec<ModelFault>,
    airs: BTreeSet<String>,
    seen: BTreeSet<PathBuf>,
}

impl<'a> Scan<'a> {
    /// Begins; files that have not changed are what `before` says.
    pub(super) fn new(before: &'a Natures) -> Self {
        Self {
            before,
            natures: before.fresh(),
            cards: Vec::new(),
            faults: Vec::new(),
            airs: BTreeSet::new(),
            seen: BTreeSet::new(),
        }
    }

    /// Remembers that what lies at `path` cannot be used.
    pub(super) fn fault(&mut self, path: &Path, why: String) {
        self.faults.push(ModelFault { path: path.to_owned(), why });
    }

    /// Looks through `folder`, or the models of the program whose folder it is.
    pub(super) fn root(&mut self, folder: &Path) {
        if !folder.is_dir() {
            let why = format!("the models folder is not there: {}", folder.display());
            return self.fault(folder, why);
        }
        match Layout::of(folder) {
            Some(layout) => layout.folders.iter().for_each(|folder| self.walk(folder, DEPTH)),
            None => self.walk(folder, DEPTH),
        }
    }

    /// Takes a model that a person added by itself.
    pub(super) fn added(&mut self, model: &AddedModel) {
        let AddedModel { path, air, kind } = model;
        if !path.exists() {
            let why = format!("the model that was added is gone: {}", path.display());
            return self.fault(path, why);
        }
        if !self.is_new(path) {
            return;
        }
        let (presumed, told) = Nature::of_folder(path)
            .unwrap_or_else(|| (presumed(path), self.natures.tell(path, self.before)));
        let told = match (told, kind) {
            (Err(NoNature::Unknown(_)), Some(kind)) => Ok(Nature::of(*kind, Architecture::Sd1)),
            (told, _) => told,
        };
        self.add(path, (presumed, told), air.clone());
    }

    fn walk(&mut self, folder: &Path, depth: usize) {
        let Ok(real) = folder.canonicalize() else { return };
        if !self.seen.insert(real) {
            return;
        }
        if let Some(told) = Nature::of_folder(folder) {
            return self.add(folder, told, None);
        }
        let embeddings = holds_embeddings(folder, DEPTH);
        let Ok(entries) = fs::read_dir(folder) else { return };
        let mut paths: Vec<PathBuf> =
            entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.sort_unstable();
        for path in paths {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let is_model =
                has_ending(&path, &["safetensors"]) || (embeddings && has_ending(&path, &TORCH));
            if name.starts_with('.') {
                continue;
            }
            if path.is_dir() {
                if depth > 0 {
                    self.walk(&path, depth - 1);
                }
            } else if is_model && self.is_new(&path) {
                let told = self.natures.tell(&path, self.before);
                self.add(&path, (presumed(&path), told), None);
            }
        }
    }

    /// Whether the file was not met before, by this name or another.
    fn is_new(&mut self, path: &Path) -> bool {
        path.canonicalize().is_ok_and(|real| self.seen.insert(real))
    }

    fn add(
        &mut self,
        path: &Path,
        (presumed, told): (ModelKind, Result<Nature, NoNature>),
        air: Option<Air>,
    ) {
        if matches!(told, Err(NoNature::Unlisted(_))) {
            return;
        }
        let record = ModelRecord::of(path).unwrap_or_else(|why| {
            self.fault(path, why);
            ModelRecord::default()
        });
        let mut fault = None;
        let Nature { kind, architecture, words, vectors } = told.unwrap_or_else(|none| {
            // Still listed, so that a task that names it gets the reason and not "unknown model".
            let why = none.why();
            fault = Some(why.clone());
            self.fault(path, why);
            Nature::of(presumed, Architecture::Sd1)
        });
        let stem = if path.is_dir() { path.file_name() } else { path.file_stem() };
        let stem = stem.unwrap_or_default().to_string_lossy().into_owned();
        let air = self.free_air(air.or(record.air), &stem);
        let name = record.name.unwrap_or_else(|| stem.clone());
        let mut trigger_words = record.trigger_words;
        trigger_words.extend(words);
        if kind == ModelKind::Embedding {
            trigger_words.extend([stem, name.clone()]);
        }
        keep_words(&mut trigger_words);
        self.cards.push(ModelCard {
            air,
            name,
            kind,
            architecture,
            defaults: record.defaults.unwrap_or_else(|| defaults(architecture)),
            examples: record.examples,
            trigger_words,
            vectors,
            fault,
            path: path.to_owned(),
            config: record.config,
        });
    }

    /// The record's AIR, else `local:<file name>@<n>` with the first `n` that is free.
    fn free_air(&mut self, recorded: Option<Air>, stem: &str) -> Air {
        if let Some(air) = recorded
            && self.airs.insert(air.to_string())
        {
            return air;
        }
        let mut slug: String = (stem.chars())
            .map(|c| if c.is_ascii_alphanumeric() || "_.-".contains(c) { c } else { '-' })
            .collect();
        if !slug.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            slug.insert(0, 'x');
        }
        let mut version = 1;
        loop {
            let air = Air::local(&slug, version);
            if self.airs.insert(air.to_string()) {
                return air;
            }
            version += 1;
        }
    }

    /// What was found, and what the files were.
    pub(super) fn finish(mut self) -> (Found, Natures) {
        self.natures.keep_others(self.before);
        let sorted: BTreeMap<(String, String), ModelCard> = (self.cards.into_iter())
            .map(|card| ((card.name.to_lowercase(), card.air.to_string()), card))
            .collect();
        let models = Arc::new(sorted.into_values().map(Arc::new).collect());
        (Found { models, faults: self.faults, read: true }, self.natures)
    }
}

/// Leaves out words that nothing could be written with, and those that are there already.
fn keep_words(words: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    words.retain(|word| {
        word.chars().any(char::is_alphanumeric) && seen.insert(word.trim().to_lowercase())
    });
}

/// Settings for a model without a record: what its family was trained for.
fn defaults(architecture: Architecture) -> ModelDefaults {
    let side = match architecture {
        Architecture::Sd1 => 512,
        Architecture::Sd2 => 768,
        _ => 1024,
    };
    ModelDefaults {
        extent: Extent::new(side, side),
        steps: 20,
        cfg_scale: 7.0,
        scheduler: "DPM++ 2M Karras".to_owned(),
    }
}
