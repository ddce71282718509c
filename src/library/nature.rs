//! What a model file or folder is, told from its header or config; what was told once is remembered.
//!
//! Reads headers, never weights.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::results::write_atomically;
use crate::task::{Air, Architecture, ModelKind};
use crate::weights::{self, Embedding, Header, ImageEncoder};

/// Kind and family of a model, and what else its header tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Nature {
    pub(super) kind: ModelKind,
    pub(super) architecture: Architecture,
    /// Words that the file says it is called by.
    pub(super) words: Vec<String>,
    /// Tokens that it takes in a prompt, if it is an embedding that can be used.
    pub(super) vectors: usize,
}

/// Why a file has no nature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoNature {
    /// It is whole, and nothing in it says what it is.
    Unknown(String),
    /// It cannot be used.
    Unusable(String),
    /// No task names it: the image encoder of IP-Adapters.
    Unlisted(String),
}

impl NoNature {
    /// A sentence that says why.
    pub(super) fn why(self) -> String {
        match self {
            Self::Unknown(why) | Self::Unusable(why) | Self::Unlisted(why) => why,
        }
    }
}

/// What files were, by path, for as long as they stay as they are; and what models were called, for as
/// long as they are there, so that one of the same name that comes later takes it from none.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Natures {
    /// The program that told: another one may tell something else.
    program: Option<Stamp>,
    known: BTreeMap<PathBuf, (Stamp, Nature)>,
    #[serde(default)]
    names: BTreeMap<PathBuf, Air>,
}

/// Tells whether a file has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    modified: SystemTime,
    length: u64,
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let file = fs::metadata(path).ok()?;
        Some(Self { modified: file.modified().ok()?, length: file.len() })
    }
}

impl Natures {
    /// What was remembered in `file`: nothing when that is missing or damaged, names alone when it was
    /// another program.
    pub(super) fn read(file: &Path) -> Self {
        let program = Self::program();
        let read =
            fs::read(file).ok().and_then(|bytes| serde_json::from_slice::<Self>(&bytes).ok());
        let read = read.unwrap_or_default();
        if program.is_some() && read.program == program {
            return read;
        }
        Self { program, known: BTreeMap::new(), names: read.names }
    }

    /// Remembers them in `file`. Without it the headers are read again, so that no error is told.
    pub(super) fn write(&self, file: &Path) {
        let written = serde_json::to_vec(self).map_err(io::Error::from);
        if let Err(error) = written.and_then(|bytes| write_atomically(file, &bytes)) {
            tracing::debug!("{error}: {}", file.display());
        }
    }

    /// An empty one of the same program.
    pub(super) const fn fresh(&self) -> Self {
        Self { program: self.program, known: BTreeMap::new(), names: BTreeMap::new() }
    }

    /// What the model at `path` was called.
    pub(super) fn name(&self, path: &Path) -> Option<&Air> {
        self.names.get(path)
    }

    /// Remembers what the model at `path` is called.
    pub(super) fn keep_name(&mut self, path: &Path, air: &Air) {
        // A path that is no text cannot be written down.
        if path.to_str().is_some() {
            self.names.insert(path.to_owned(), air.clone());
        }
    }

    /// Keeps what `before` knew of files that are still there: another call may look into other folders.
    pub(super) fn keep_others(&mut self, before: &Self) {
        for (path, air) in &before.names {
            if !self.names.contains_key(path) && path.exists() {
                self.names.insert(path.clone(), air.clone());
            }
        }
        for (path, told) in &before.known {
            if !self.known.contains_key(path) && path.exists() {
                self.known.insert(path.clone(), told.clone());
            }
        }
    }

    fn program() -> Option<Stamp> {
        Stamp::of(&std::env::current_exe().ok()?)
    }

    /// What the file at `path` is: as `before` knows it if it has not changed, else by its header.
    /// What cannot be used is not remembered, since the reason may lie beside the file.
    pub(super) fn tell(&mut self, path: &Path, before: &Self) -> Result<Nature, NoNature> {
        let stamp = Stamp::of(path);
        let known = before.known.get(path).filter(|(then, _)| Some(*then) == stamp);
        let nature = match known {
            Some((_, nature)) => nature.clone(),
            None => Nature::of_file(path)?,
        };
        // A name that is no text cannot be written down.
        if let Some(stamp) = stamp.filter(|_| path.to_str().is_some()) {
            self.known.insert(path.to_owned(), (stamp, nature.clone()));
        }
        Ok(nature)
    }
}

impl Nature {
    /// One that tells nothing else.
    pub(super) const fn of(kind: ModelKind, architecture: Architecture) -> Self {
        Self { kind, architecture, words: Vec::new(), vectors: 0 }
    }

    /// What the file is, by its ending and its header.
    fn of_file(path: &Path) -> Result<Self, NoNature> {
        let unusable = |error: weights::WeightsError| NoNature::Unusable(error.to_string());
        let unknown = |what: &str| NoNature::Unknown(format!("{what}: {}", path.display()));
        if has_ending(path, &TORCH) {
            return Self::of_embedding(path);
        }
        let header = Header::read(path).map_err(unusable)?;
        if ImageEncoder::is_in(&header) {
            let what = "this is an image encoder, which IP-Adapters find by themselves in a \
                        folder `clip_vision` of a models folder";
            return Err(NoNature::Unlisted(format!("{what}: {}", path.display())));
        }
        let found = weights::detect(&header)
            .ok_or_else(|| unknown("this file holds no model that Latelier knows"))?;
        // Stacks do not say what they belong to; SD 1.x is the family that can use them here.
        let architecture = match (found.kind, found.architecture) {
            (_, Some(architecture)) => architecture,
            (ModelKind::Checkpoint, None) => {
                return Err(unknown("this is a checkpoint of an unknown family"));
            }
            (_, None) => Architecture::Sd1,
        };
        match found.kind {
            ModelKind::Embedding if architecture != Architecture::Sdxl => Self::of_embedding(path),
            ModelKind::Lora => {
                let words = weights::trigger_words(&header);
                Ok(Self { words, ..Self::of(found.kind, architecture) })
            }
            kind => Ok(Self::of(kind, architecture)),
        }
    }

    /// What a file of textual inversion is for: of an unusual width, models like those that can use
    /// it here.
    fn of_embedding(path: &Path) -> Result<Self, NoNature> {
        let embedding =
            Embedding::open(path).map_err(|error| NoNature::Unusable(error.to_string()))?;
        let architecture = embedding.architecture().unwrap_or(Architecture::Sd1);
        let Embedding { name, vectors, .. } = embedding;
        let words = name.into_iter().collect();
        Ok(Self { words, vectors, ..Self::of(ModelKind::Embedding, architecture) })
    }

    /// What a folder is that is one model as a whole; `None` for a folder that may hold models.
    pub(super) fn of_folder(folder: &Path) -> Option<(ModelKind, Result<Self, NoNature>)> {
        if folder.join("model_index.json").is_file() {
            let told = pipeline(folder).map_err(NoNature::Unusable);
            return Some((ModelKind::Checkpoint, told));
        }
        let config = read_json(&folder.join("config.json")).ok()?;
        let class = config.get("_class_name").and_then(Value::as_str)?;
        (class == "ControlNetModel").then(|| {
            let width = config.get("cross_attention_dim").and_then(Value::as_u64);
            let nature = Self::of(ModelKind::ControlNet, by_text_width(width));
            (ModelKind::ControlNet, Ok(nature))
        })
    }
}

/// Endings of `torch.save`'s files.
pub(super) const TORCH: [&str; 2] = ["pt", "bin"];

/// Whether the name of `path` ends with one of `endings`, in any case.
pub(super) fn has_ending(path: &Path, endings: &[&str]) -> bool {
    let own = path.extension().unwrap_or_default();
    endings.iter().any(|ending| own.eq_ignore_ascii_case(ending))
}

/// The kind of models that people keep in a folder like that of `path`.
pub(super) fn presumed(path: &Path) -> ModelKind {
    const KINDS: [(&str, ModelKind); 5] = [
        ("lora", ModelKind::Lora),
        ("lycoris", ModelKind::Lora),
        ("controlnet", ModelKind::ControlNet),
        ("vae", ModelKind::Vae),
        ("ipadapter", ModelKind::IpAdapter),
    ];
    if has_ending(path, &TORCH) {
        return ModelKind::Embedding;
    }
    let folders = path.parent().unwrap_or(path).iter().rev().take(2);
    let named = folders.filter_map(|name| {
        let name = name.to_string_lossy().to_lowercase();
        KINDS.iter().find(|(sign, _)| name.starts_with(sign)).map(|(_, kind)| *kind)
    });
    named.into_iter().next().unwrap_or(ModelKind::Checkpoint)
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
fn pipeline(folder: &Path) -> Result<Nature, String> {
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

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    fn golden(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/embeddings").join(name)
    }

    #[test]
    fn a_file_is_read_again_only_when_it_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.pt");
        let put = |name: &str, then: SystemTime| {
            let mut bytes = fs::read(golden(name)).unwrap();
            bytes.resize(4096, 0);
            fs::write(&path, bytes).unwrap();
            File::options().write(true).open(&path).unwrap().set_modified(then).unwrap();
        };
        let then = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
        put("diffusers-old.bin", then);
        let mut first = Natures::default();
        let told = first.tell(&path, &Natures::default()).unwrap();
        assert_eq!((told.vectors, told.words.as_slice()), (2, ["<cab>".to_owned()].as_slice()));

        put("diffusers-one-old.bin", then);
        let mut second = Natures::default();
        assert_eq!(second.tell(&path, &first).unwrap(), told, "it looks the same");
        put("diffusers-one-old.bin", SystemTime::now());
        let mut third = Natures::default();
        assert_eq!(third.tell(&path, &second).unwrap().vectors, 1);
        fs::write(&path, "x").unwrap();
        assert!(Natures::default().tell(&path, &third).is_err());
    }

    #[test]
    fn what_was_told_is_remembered_by_the_same_program() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("seen.json");
        let path = golden("a1111.pt");
        let mut natures = Natures::read(&file);
        let told = natures.tell(&path, &Natures::default()).unwrap();
        natures.write(&file);
        let again = Natures::read(&file);
        assert_eq!(again, natures);
        assert_eq!(again.known[&path].1, told);
        let mut others = again.fresh();
        others.keep_others(&again);
        assert_eq!(others, again);
        let text = fs::read_to_string(&file).unwrap();
        let length = natures.program.unwrap().length.to_string();
        fs::write(&file, text.replacen(&length, "1", 1)).unwrap();
        assert!(Natures::read(&file).known.is_empty(), "another program's");
        fs::write(&file, "{").unwrap();
        assert_eq!(Natures::read(&file), natures.fresh());
    }

    #[test]
    fn kinds_are_presumed_from_the_folder() {
        let kind = |path: &str| presumed(Path::new(path));
        assert_eq!(kind("/m/loras/a/x.safetensors"), ModelKind::Lora);
        assert_eq!(kind("/m/LyCORIS/x.safetensors"), ModelKind::Lora);
        assert_eq!(kind("/m/ControlNet/x.safetensors"), ModelKind::ControlNet);
        assert_eq!(kind("/m/checkpoints/x.safetensors"), ModelKind::Checkpoint);
        assert_eq!(kind("x.pt"), ModelKind::Embedding);
    }
}
