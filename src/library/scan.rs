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
    met: Vec<Met>,
    faults: Vec<ModelFault>,
    /// AIRs of models that were added by themselves, also of those that are gone at the moment.
    reserved: BTreeMap<PathBuf, Air>,
    seen: BTreeSet<PathBuf>,
}

/// A model and what it would be called.
struct Met {
    /// Its AIR counts once names are given, when all claims are known.
    card: ModelCard,
    /// By its record.
    recorded: Option<Air>,
    /// Its file's name in characters that an AIR may have.
    slug: String,
}

impl<'a> Scan<'a> {
    /// Begins; files that have not changed are what `before` says.
    pub(super) fn new(before: &'a Natures) -> Self {
        Self {
            before,
            natures: before.fresh(),
            met: Vec::new(),
            faults: Vec::new(),
            reserved: BTreeMap::new(),
            seen: BTreeSet::new(),
        }
    }

    /// Remembers that what lies at `path` cannot be used.
    pub(super) fn fault(&mut self, path: &Path, why: String) {
        self.faults.push(ModelFault { path: path.to_owned(), why });
    }

    /// Keeps the AIRs of these for them, whatever else the walk meets; of two that are the same the first.
    pub(super) fn reserve(&mut self, models: &[AddedModel]) {
        for AddedModel { path, air, .. } in models {
            let Some(air) = air else { continue };
            if !self.reserved.values().any(|reserved| reserved == air) {
                self.reserved.insert(path.clone(), air.clone());
            }
        }
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
        let AddedModel { path, kind, air: _ } = model;
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
        self.add(path, (presumed, told));
    }

    fn walk(&mut self, folder: &Path, depth: usize) {
        let Ok(real) = folder.canonicalize() else { return };
        if !self.seen.insert(real) {
            return;
        }
        if let Some(told) = Nature::of_folder(folder) {
            return self.add(folder, told);
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
                self.add(&path, (presumed(&path), told));
            }
        }
    }

    /// Whether the file was not met before, by this name or another.
    fn is_new(&mut self, path: &Path) -> bool {
        path.canonicalize().is_ok_and(|real| self.seen.insert(real))
    }

    fn add(&mut self, path: &Path, (presumed, told): (ModelKind, Result<Nature, NoNature>)) {
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
        let slug = slug(&stem);
        let mut trigger_words = record.trigger_words;
        trigger_words.extend(words);
        if kind == ModelKind::Embedding {
            // As programs with folders of embeddings have it. The name for people may be a plain word.
            trigger_words.push(stem.clone());
        }
        keep_words(&mut trigger_words);
        let card = ModelCard {
            air: Air::local(&slug, 1),
            name: record.name.unwrap_or(stem),
            kind,
            architecture,
            defaults: record.defaults.unwrap_or_else(|| defaults(architecture)),
            examples: record.examples,
            trigger_words,
            vectors,
            fault,
            path: path.to_owned(),
            config: record.config,
        };
        self.met.push(Met { card, recorded: record.air, slug });
    }

    /// Gives each model its AIR. What a person said goes first: when the model was added, then in its
    /// record; then what it was called before; else it is `local:<file name>@<n>` with the first `n`
    /// that is free. In each round the model that was met first goes first.
    fn give_names(&mut self) {
        let mut met = std::mem::take(&mut self.met);
        let mut taken: BTreeSet<Air> = self.reserved.values().cloned().collect();
        let (added, mut others): (Vec<&mut Met>, Vec<&mut Met>) =
            met.iter_mut().partition(|model| self.reserved.contains_key(&model.card.path));
        for model in added {
            model.card.air = self.reserved[&model.card.path].clone();
        }
        others.retain_mut(|model| claim(&mut model.card, model.recorded.as_ref(), &mut taken));
        others.retain_mut(|model| {
            let before = self.before.name(&model.card.path);
            claim(&mut model.card, before, &mut taken)
        });
        for Met { card, slug, .. } in others {
            let mut versions = (1..).map(|version| Air::local(slug, version));
            let free = versions.find(|air| !taken.contains(air));
            claim(card, free.as_ref(), &mut taken);
        }
        for Met { card, recorded, .. } in &met {
            self.tell_name(card, recorded.as_ref());
        }
        self.met = met;
    }

    /// Remembers a name that nobody gave, and says when a given one is another model's.
    fn tell_name(&mut self, card: &ModelCard, recorded: Option<&Air>) {
        if self.reserved.contains_key(&card.path) || recorded == Some(&card.air) {
            return;
        }
        self.natures.keep_name(&card.path, &card.air);
        if let Some(recorded) = recorded {
            let record = ModelRecord::place(&card.path);
            let why = format!(
                "the AIR {recorded} in this record, because it is another model's; this one is \
                 listed as {}. Choose another: {}",
                card.air,
                record.display()
            );
            self.fault(&record, why);
        }
    }

    /// What was found, and what the files were.
    pub(super) fn finish(mut self) -> (Found, Natures) {
        self.give_names();
        self.natures.keep_others(self.before);
        let cards = self.met.into_iter().map(|model| model.card);
        let sorted: BTreeMap<(String, String), ModelCard> =
            cards.map(|card| ((card.name.to_lowercase(), card.air.to_string()), card)).collect();
        let models = Arc::new(sorted.into_values().map(Arc::new).collect());
        (Found { models, faults: self.faults, read: true }, self.natures)
    }
}

/// Takes `wanted` for the model if it is free; whether the model still needs a name.
fn claim(card: &mut ModelCard, wanted: Option<&Air>, taken: &mut BTreeSet<Air>) -> bool {
    match wanted {
        Some(air) if taken.insert(air.clone()) => {
            card.air = air.clone();
            false
        }
        _ => true,
    }
}

/// A file's name in characters that the middle of an AIR may have.
fn slug(stem: &str) -> String {
    let mut slug: String = (stem.chars())
        .map(|c| if c.is_ascii_alphanumeric() || "_.-".contains(c) { c } else { '-' })
        .collect();
    if !slug.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        slug.insert(0, 'x');
    }
    slug
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
