//! LoRA files: what each of them adds to which weight of a checkpoint.
//!
//! Every layout ends in the same thing, a change `ΔW` of a tensor with a diffusers name. This room
//! knows files and matrices, not what runs with them.

mod apply;
mod delta;
mod error;
mod factors;
mod family;
mod key;
mod layer;
mod names;
mod scales;

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

pub use apply::add_deltas;
pub use delta::Delta;
pub use error::LoraError;
pub use factors::Factors;
pub(super) use family::evidence;
pub(super) use key::Role;
pub use names::TargetPart;

use super::{Checkpoint, Component, Header};
use crate::task::Architecture;
use factors::Reader;
use layer::{Layer, Named, Shape};
use names::Names;
use scales::Adapter;

/// A tensor of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// The network.
    pub part: TargetPart,

    /// Its name in [`Component::tensors`].
    pub tensor: String,
}

/// A LoRA file, checked against a checkpoint; its numbers are still in the file.
#[derive(Clone, Debug)]
pub struct LoraFile {
    /// The file with all symbolic links resolved.
    pub path: PathBuf,

    /// What it adds to which tensor.
    pub deltas: BTreeMap<Target, Delta>,

    /// Tensors of the file that belong to no layer of the checkpoint or are of no known kind.
    pub unmatched: Vec<String>,

    /// Words that call up what the LoRA was trained on, where the file tells.
    pub trigger_words: Vec<String>,
}

/// The changes of a LoRA in memory.
#[derive(Clone, Debug)]
pub struct LoadedLora {
    /// The file.
    pub path: PathBuf,

    /// What it adds to which tensor.
    pub deltas: BTreeMap<Target, Factors>,
}

impl LoraFile {
    /// Reads the header of `path` and the few scales in it, and finds the tensors of `checkpoint`
    /// that it changes. Every shape is checked.
    ///
    /// # Errors
    /// When the file cannot be read, was made for another family, fits nowhere, or contradicts
    /// itself or the checkpoint.
    pub fn open(path: &Path, checkpoint: &Checkpoint) -> Result<Self, LoraError> {
        let header = Header::read(path)?;
        Opening { header: &header, checkpoint }.open()
    }

    /// Reads all factors into memory, as f32, unless `stop` says that nobody wants them any more.
    ///
    /// # Errors
    /// When the file cannot be read, holds a number that is not finite, or `stop` was heard.
    pub fn load(&self, stop: &dyn Fn() -> bool) -> Result<LoadedLora, LoraError> {
        let read = |source| LoraError::Read { path: self.path.clone(), source };
        let file = File::open(&self.path).map_err(read)?;
        let mut reader = Reader { lora: self, file };
        let deltas = (self.deltas.iter())
            .map(|(target, delta)| {
                if stop() {
                    return Err(read(io::ErrorKind::Interrupted.into()));
                }
                Ok((target.clone(), reader.factors(delta)?))
            })
            .collect::<Result<_, LoraError>>()?;
        Ok(LoadedLora { path: self.path.clone(), deltas })
    }
}

/// A file that is being opened.
struct Opening<'a> {
    header: &'a Header,
    checkpoint: &'a Checkpoint,
}

/// Layers by network and diffusers name.
type Layers<'a> = BTreeMap<(TargetPart, &'a str), Layer<'a>>;

impl<'a> Opening<'a> {
    fn open(&self) -> Result<LoraFile, LoraError> {
        self.require_family()?;
        let names = Names::new(self.checkpoint);
        let (mut layers, mut unmatched) = self.sort(&names)?;
        self.read_alphas(&mut layers)?;
        let mut deltas = BTreeMap::new();
        for ((part, name), layer) in &layers {
            for (leaf, bias) in [("weight", false), ("bias", true)] {
                let tensor = format!("{name}.{leaf}");
                let shape = self.component(*part).tensors.get(&tensor).map(Shape::of);
                if let Some(key) = shape.and_then(|shape| layer.measures_columns(shape)) {
                    let what = "DoRA as LyCORIS wrote it before 3.0, which measures columns".into();
                    let (path, tensor) = (self.path(), key.to_owned());
                    return Err(LoraError::Unsupported { path, tensor, what });
                }
                let delta = match shape {
                    Some(shape) if bias => layer.bias(shape),
                    Some(shape) => layer.weight(shape),
                    None => Ok(None),
                };
                let delta = delta.map_err(|(tensor, why)| self.damaged(tensor, why))?;
                let keys = || layer.keys(bias).map(ToOwned::to_owned);
                match delta {
                    Some(delta) => drop(deltas.insert(Target { part: *part, tensor }, delta)),
                    None => unmatched.extend(keys()),
                }
            }
        }
        if deltas.is_empty() {
            let (tensors, first) = (self.header.tensors.len(), self.first());
            return Err(LoraError::NothingFits { path: self.path(), tensors, first });
        }
        unmatched.sort_unstable();
        let trigger_words = trigger_words(self.header);
        Ok(LoraFile { path: self.path(), deltas, unmatched, trigger_words })
    }

    fn path(&self) -> PathBuf {
        self.header.path.clone()
    }

    fn first(&self) -> String {
        let mut keys = self.header.tensors.keys().chain(self.header.others.keys());
        keys.next().cloned().unwrap_or_default()
    }

    fn component(&self, part: TargetPart) -> &'a Component {
        match part {
            TargetPart::Unet => &self.checkpoint.unet,
            TargetPart::TextEncoder => &self.checkpoint.text_encoder,
        }
    }

    fn damaged(&self, tensor: String, why: String) -> LoraError {
        LoraError::Tensor { path: self.path(), tensor, why }
    }

    /// Refuses files of other families, and files that are no LoRA.
    fn require_family(&self) -> Result<(), LoraError> {
        let keys = self.header.tensors.keys().chain(self.header.others.keys());
        if !keys.into_iter().any(|key| Role::of(key).is_some()) {
            return Err(LoraError::NotLora { path: self.path(), first: self.first() });
        }
        let evidence = evidence(self.header);
        let label = evidence.as_ref().map(|evidence| evidence.architecture.label());
        let own = self.checkpoint.unet_config.cross_attention_dim;
        if let Some(width) = family::cross_attention_width(self.header) {
            if width == own {
                return Ok(());
            }
            return Err(LoraError::OtherArchitecture {
                path: self.path(),
                made_for: label.unwrap_or("another model").to_owned(),
                why: format!("cross-attention width {width}, this model has {own}"),
            });
        }
        match evidence {
            Some(evidence) if evidence.architecture != Architecture::Sd1 => {
                Err(LoraError::OtherArchitecture {
                    path: self.path(),
                    made_for: evidence.architecture.label().to_owned(),
                    why: evidence.why,
                })
            }
            _ => Ok(()),
        }
    }

    /// The file's tensors by layer, and the names of those that belong to none.
    fn sort(&self, names: &'a Names) -> Result<(Layers<'a>, Vec<String>), LoraError> {
        let mut layers = Layers::new();
        let mut unmatched = Vec::new();
        for key in self.header.tensors.keys().chain(self.header.others.keys()) {
            let found = Role::of(key).and_then(|(name, role)| Some((role, names.resolve(name)?)));
            let Some((role, target)) = found else {
                unmatched.push(key.clone());
                continue;
            };
            if let Some(what) = role.unsupported() {
                return Err(LoraError::Unsupported {
                    path: self.path(),
                    tensor: key.clone(),
                    what: what.into(),
                });
            }
            let layer = layers.entry(target).or_default();
            if role == Role::Alpha {
                layer.alpha_key = Some(key);
                continue;
            }
            let Some(tensor) = self.header.tensors.get(key) else {
                let dtype = self.header.others.get(key).map(|other| other.dtype.to_string());
                let what = format!(
                    "a layer stored as {} (f16, bf16 and f32 are known)",
                    dtype.unwrap_or_default()
                );
                let (path, tensor) = (self.path(), key.clone());
                return Err(LoraError::Unsupported { path, tensor, what: what.into() });
            };
            if let Some(first) = layer.tensors.insert(role, Named { key, tensor }) {
                let why = format!("changes the same layer as `{}`", first.key);
                return Err(self.damaged(key.clone(), why));
            }
        }
        Ok((layers, unmatched))
    }

    /// Gives each layer its alpha: the tensor beside it, else what the metadata say.
    fn read_alphas(&self, layers: &mut Layers<'_>) -> Result<(), LoraError> {
        let adapters = ["unet", "text_encoder"].map(|name| Adapter::of(self.header, name));
        let read = |source| LoraError::Read { path: self.path(), source };
        let mut file = File::open(&self.header.path).map_err(read)?;
        for ((part, name), layer) in layers {
            let adapter = match part {
                TargetPart::Unet => &adapters[0],
                TargetPart::TextEncoder => &adapters[1],
            };
            if let Some(key) = layer.alpha_key {
                let alpha = scales::scalar(self.header, key, &mut file).map_err(read)?;
                let alpha = alpha.ok_or_else(|| {
                    self.damaged(key.to_owned(), "is not one finite number".to_owned())
                })?;
                layer.alpha = Some(alpha);
            } else {
                layer.alpha = adapter.alpha(name);
                layer.root = adapter.root;
            }
        }
        Ok(())
    }
}

/// Words that call up what a model was trained on: `modelspec.trigger_phrase` in its parts.
#[must_use]
pub fn trigger_words(header: &Header) -> Vec<String> {
    let phrase = header.metadata.get("modelspec.trigger_phrase").map(String::as_str);
    let words = phrase.unwrap_or_default().split(',').map(|word| word.trim().to_owned());
    words.filter(|word| !word.is_empty()).collect()
}
