//! The models that the program can use, found by walking folders.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::Value;

use super::Home;
use super::demo;
use super::record::ModelRecord;
use crate::pixels::Extent;
use crate::task::{Air, Architecture, Catalog, ModelCard, ModelDefaults, ModelKind};
use crate::weights::{self, Embedding, Header};

/// How deep below a models folder a model may lie.
const DEPTH: usize = 4;

/// Folders of textual inversions, in A1111, ComfyUI, InvokeAI and here.
const EMBEDDINGS: [&str; 4] = ["embeddings", "embedding", "textual_inversion", "textual-inversion"];

/// Why the library cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// A models folder that was asked for is not there.
    #[error("cannot read the models folder {}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A file that looks like a model and cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelFault {
    /// The file or folder.
    pub path: PathBuf,
    /// A sentence that says why.
    pub why: String,
}

/// The models of the home folder and of further folders.
#[derive(Debug)]
pub struct Library {
    folders: Vec<PathBuf>,
    found: RwLock<Found>,
    trouble: Option<String>,
}

#[derive(Debug, Default)]
struct Found {
    models: Arc<Vec<Arc<ModelCard>>>,
    faults: Vec<ModelFault>,
}

impl Library {
    /// Unpacks the demo model if need be and looks through the folders. A demo model that cannot
    /// be written is only [`trouble`](Self::trouble): the other models are still there.
    ///
    /// # Errors
    /// When one of `further` cannot be read.
    pub fn open(home: &Home, further: &[PathBuf]) -> Result<Self, LibraryError> {
        let trouble = demo::unpack(home).err().map(|error| {
            format!(
                "The demo model could not be written to {} ({error}). Free some space, or move \
                 Latelier's files with LATELIER_HOME",
                home.models_dir().display()
            )
        });
        for path in further {
            fs::read_dir(path)
                .map_err(|source| LibraryError::Folder { path: path.clone(), source })?;
        }
        let mut folders = vec![home.models_dir()];
        folders.extend_from_slice(further);
        let library = Self { folders, found: RwLock::default(), trouble };
        library.rescan();
        Ok(library)
    }

    /// Looks through the folders again. Reads headers only; still, not for the UI thread.
    pub fn rescan(&self) {
        let mut scan = Scan::default();
        for folder in &self.folders {
            scan.walk(folder, DEPTH);
        }
        let found = scan.finish();
        *self.found.write().unwrap_or_else(PoisonError::into_inner) = found;
    }

    /// Every usable model, in order of name.
    #[must_use]
    pub fn models(&self) -> Arc<Vec<Arc<ModelCard>>> {
        Arc::clone(&self.found.read().unwrap_or_else(PoisonError::into_inner).models)
    }

    /// Why the demo model is not there, if it is not.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.trouble.clone()
    }

    /// Files that look like models and cannot be used.
    #[must_use]
    pub fn faults(&self) -> Vec<ModelFault> {
        self.found.read().unwrap_or_else(PoisonError::into_inner).faults.clone()
    }
}

/// The folder of the tokenizer that the model's text encoder knows; `None` for CLIP ViT-L/14's own.
/// Asks the disk.
#[must_use]
pub fn tokenizer_folder(card: &ModelCard) -> Option<PathBuf> {
    let folder = if card.path.is_dir() { Some(&card.path) } else { card.config.as_ref() };
    folder.map(|folder| folder.join("tokenizer"))
}

impl Catalog for Library {
    fn model(&self, air: &Air) -> Option<Arc<ModelCard>> {
        self.models().iter().find(|card| card.air == *air).map(Arc::clone)
    }
}

/// A walk through folders in progress.
#[derive(Default)]
struct Scan {
    cards: Vec<ModelCard>,
    faults: Vec<ModelFault>,
    airs: BTreeSet<String>,
    seen: BTreeSet<PathBuf>,
}

impl Scan {
    fn walk(&mut self, folder: &Path, depth: usize) {
        let Ok(real) = folder.canonicalize() else { return };
        if !self.seen.insert(real) {
            return;
        }
        if folder.join("model_index.json").is_file() {
            return self.add(folder, ModelKind::Checkpoint, folder_kind(folder));
        }
        if let Some(kind) = controlnet_kind(folder) {
            return self.add(folder, ModelKind::ControlNet, kind);
        }
        let embeddings = holds_embeddings(folder);
        let Ok(entries) = fs::read_dir(folder) else { return };
        let mut paths: Vec<PathBuf> =
            entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.sort_unstable();
        for path in paths {
            let hidden =
                path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if hidden {
                continue;
            }
            if path.is_dir() && depth > 0 {
                self.walk(&path, depth - 1);
            } else if ends_with(&path, &["safetensors"]) {
                self.add(&path, ModelKind::Checkpoint, file_kind(&path));
            } else if embeddings && ends_with(&path, &["pt", "bin"]) {
                self.add(&path, ModelKind::Embedding, embedding_kind(&path));
            }
        }
    }

    fn add(&mut self, path: &Path, presumed: ModelKind, kind: Result<Nature, String>) {
        let fault = |why| ModelFault { path: path.to_owned(), why };
        let record = ModelRecord::of(path).unwrap_or_else(|why| {
            self.faults.push(fault(why));
            ModelRecord::default()
        });
        let Nature { kind, architecture, embedding } = kind.unwrap_or_else(|why| {
            // Still listed, so that a task that names it gets the reason and not "unknown model".
            self.faults.push(fault(why));
            Nature::of(presumed, Architecture::Sd1)
        });
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let stem = stem.unwrap_or_default();
        let air = self.free_air(record.air, &stem);
        let name = record.name.unwrap_or_else(|| stem.clone());
        let mut trigger_words = record.trigger_words;
        if kind == ModelKind::Embedding {
            let own = embedding.as_ref().and_then(|embedding| embedding.name.clone());
            trigger_words.extend([own, Some(stem), Some(name.clone())].into_iter().flatten());
            keep_words(&mut trigger_words);
        }
        self.cards.push(ModelCard {
            air,
            name,
            kind,
            architecture,
            defaults: record.defaults.unwrap_or_else(|| defaults(architecture)),
            examples: record.examples,
            trigger_words,
            vectors: embedding.map_or(0, |embedding| embedding.vectors),
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

    fn finish(self) -> Found {
        let sorted: BTreeMap<(String, String), ModelCard> = (self.cards.into_iter())
            .map(|card| ((card.name.to_lowercase(), card.air.to_string()), card))
            .collect();
        let models = Arc::new(sorted.into_values().map(Arc::new).collect());
        Found { models, faults: self.faults }
    }
}

struct Nature {
    kind: ModelKind,
    architecture: Architecture,
    /// Of an embedding that can be used.
    embedding: Option<Embedding>,
}

impl Nature {
    const fn of(kind: ModelKind, architecture: Architecture) -> Self {
        Self { kind, architecture, embedding: None }
    }
}

fn ends_with(path: &Path, extensions: &[&str]) -> bool {
    let own = path.extension().unwrap_or_default();
    extensions.iter().any(|extension| own.eq_ignore_ascii_case(extension))
}

/// Whether a `.pt` or `.bin` file in `folder` is a textual inversion: elsewhere these are other models,
/// which are not read.
fn holds_embeddings(folder: &Path) -> bool {
    let names = folder.iter().map(|name| name.to_string_lossy().to_lowercase());
    names.rev().take(DEPTH).any(|name| EMBEDDINGS.contains(&name.as_str()))
}

/// Leaves out words that nothing could be written with, and those that are there already.
fn keep_words(words: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    words.retain(|word| {
        word.chars().any(char::is_alphanumeric) && seen.insert(word.trim().to_lowercase())
    });
}

fn file_kind(path: &Path) -> Result<Nature, String> {
    let header = Header::read(path).map_err(|error| error.to_string())?;
    let found = weights::detect(&header)
        .ok_or_else(|| format!("{} holds no model that Latelier knows", path.display()))?;
    // Stacks do not say what they belong to; SD 1.x is the family that can use them here.
    let architecture = match (found.kind, found.architecture) {
        (_, Some(architecture)) => architecture,
        (ModelKind::Checkpoint, None) => {
            return Err(format!("{} is a checkpoint of an unknown family", path.display()));
        }
        (_, None) => Architecture::Sd1,
    };
    if found.kind == ModelKind::Embedding && architecture != Architecture::Sdxl {
        return embedding_kind(path);
    }
    Ok(Nature::of(found.kind, architecture))
}

/// What a file of textual inversion is for: of an unusual width, models like those that can use it here.
fn embedding_kind(path: &Path) -> Result<Nature, String> {
    let embedding = Embedding::open(path).map_err(|error| error.to_string())?;
    let architecture = embedding.architecture().unwrap_or(Architecture::Sd1);
    Ok(Nature { kind: ModelKind::Embedding, architecture, embedding: Some(embedding) })
}

/// What a folder holds whose `config.json` says that it is a `ControlNet`; `None` for another.
fn controlnet_kind(folder: &Path) -> Option<Result<Nature, String>> {
    let config = read_json(&folder.join("config.json")).ok()?;
    let class = config.get("_class_name").and_then(Value::as_str)?;
    (class == "ControlNetModel").then(|| {
        let width = config.get("cross_attention_dim").and_then(Value::as_u64);
        Ok(Nature::of(ModelKind::ControlNet, by_text_width(width)))
    })
}

/// The family whose text encoding has that width; SD 1.x for any other.
const fn by_text_width(width: Option<u64>) -> Architecture {
    match width {
        Some(1024) => Architecture::Sd2,
        Some(2048) => Architecture::Sdxl,
        _ => Architecture::Sd1,
    }
}

fn read_json(path: &Path) -> Result<Value, String> {
    let text = fs::read_to_string(path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{} is not JSON: {error}", path.display()))
}

/// Kind and family of a diffusers folder, by its pipeline class and the width of its text encoding.
fn folder_kind(folder: &Path) -> Result<Nature, String> {
    let index = read_json(&folder.join("model_index.json"))?;
    let class = index.get("_class_name").and_then(Value::as_str).unwrap_or_default();
    let architecture = if class.starts_with("StableDiffusionXL") {
        Architecture::Sdxl
    } else if class.starts_with("StableDiffusion3") {
        Architecture::Sd3
    } else if class.starts_with("Flux") {
        Architecture::FluxDev
    } else if class.starts_with("StableDiffusion") {
        let unet = read_json(&folder.join("unet/config.json"))?;
        match by_text_width(unet.get("cross_attention_dim").and_then(Value::as_u64)) {
            Architecture::Sd2 => Architecture::Sd2,
            _ => Architecture::Sd1,
        }
    } else {
        return Err(format!("{}: the pipeline class `{class}` is not known", folder.display()));
    };
    Ok(Nature::of(ModelKind::Checkpoint, architecture))
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
