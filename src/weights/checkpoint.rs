//! A whole model: text encoder, UNet and VAE with their configs, from a folder or a single file.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::config::{Configs, read_json};
use super::layout::{self, UnetNames};
use super::{ClipConfig, Component, Detected, Header, UnetConfig, VaeConfig, WeightsError, detect};
use crate::task::{Architecture, ModelKind};

/// Where the words of the text encoder come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenizerSource {
    /// `vocab.json` and `merges.txt` in this folder.
    Folder(PathBuf),
    /// CLIP ViT-L/14's, which every SD 1.x single file means.
    ClipL,
}

/// An SD 1.x model, opened but not loaded.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// The CLIP text model.
    pub text_encoder: Component,
    /// The denoiser.
    pub unet: Component,
    /// The autoencoder.
    pub vae: Component,
    /// Shape of the text model.
    pub text_config: ClipConfig,
    /// Shape of the denoiser.
    pub unet_config: UnetConfig,
    /// Shape of the autoencoder.
    pub vae_config: VaeConfig,
    /// `scheduler_config.json`, or `None` for the architecture's own.
    pub scheduler_config: Option<Value>,
    /// The tokenizer's files.
    pub tokenizer: TokenizerSource,
}

impl Checkpoint {
    /// Opens a diffusers folder or a single file; `config` is a diffusers folder that lends a
    /// single file its configs and tokenizer (SD 1.x's own without it).
    ///
    /// # Errors
    /// When something is missing, damaged or of another architecture.
    pub fn open(path: &Path, config: Option<&Path>) -> Result<Self, WeightsError> {
        if path.is_dir() { Self::open_folder(path) } else { Self::open_file(path, config) }
    }

    fn open_folder(folder: &Path) -> Result<Self, WeightsError> {
        if !folder.join("model_index.json").is_file() {
            let missing = "model_index.json".to_owned();
            return Err(WeightsError::NotDiffusers { path: folder.to_owned(), missing });
        }
        let configs = Configs::read(folder)?;
        let text_encoder = Component::from_folder(folder, "text_encoder")?.renamed(text_name);
        let unet = Component::from_folder(folder, "unet")?;
        let vae = Component::from_folder(folder, "vae")?.renamed(layout::modern_vae);
        Ok(Self {
            text_encoder,
            unet,
            vae,
            text_config: configs.text_encoder,
            unet_config: configs.unet,
            vae_config: configs.vae,
            scheduler_config: scheduler_config(folder)?,
            tokenizer: TokenizerSource::Folder(folder.join("tokenizer")),
        })
    }

    fn open_file(path: &Path, config: Option<&Path>) -> Result<Self, WeightsError> {
        let header = Header::read(path)?;
        require_sd1(&header)?;
        let (configs, scheduler_config, tokenizer) = match config {
            Some(folder) => (
                Configs::read(folder)?,
                scheduler_config(folder)?,
                TokenizerSource::Folder(folder.join("tokenizer")),
            ),
            None => (Configs::default(), None, TokenizerSource::ClipL),
        };
        let part = |name, prefix: &str, rename: &dyn Fn(&str) -> Option<String>| Component {
            name,
            path: header.path.clone(),
            tensors: (header.tensors.iter())
                .filter_map(|(key, tensor)| {
                    Some((rename(key.strip_prefix(prefix)?)?, tensor.clone()))
                })
                .collect(),
        };
        let names = UnetNames::new(&configs.unet);
        Ok(Self {
            text_encoder: part("text_encoder", layout::TEXT_ENCODER, &|key| Some(text_name(key))),
            unet: part("unet", layout::UNET, &|key| names.diffusers(key)),
            vae: part("vae", layout::VAE, &|key| layout::vae(key, &configs.vae)),
            text_config: configs.text_encoder,
            unet_config: configs.unet,
            vae_config: configs.vae,
            scheduler_config,
            tokenizer,
        })
    }
}

/// Newer exporters leave `text_model.` away; the names inside are the same.
fn text_name(name: &str) -> String {
    let bare = name.strip_prefix("text_model.").unwrap_or(name);
    format!("text_model.{bare}")
}

fn scheduler_config(folder: &Path) -> Result<Option<Value>, WeightsError> {
    let path = folder.join("scheduler/scheduler_config.json");
    if path.is_file() { read_json(&path).map(Some) } else { Ok(None) }
}

fn require_sd1(header: &Header) -> Result<(), WeightsError> {
    let wrong = |what: String| WeightsError::WrongKind { path: header.path.clone(), what };
    match detect(header) {
        Some(Detected { kind: ModelKind::Checkpoint, architecture: Some(Architecture::Sd1) }) => {
            Ok(())
        }
        Some(Detected { kind: ModelKind::Checkpoint, architecture: Some(other) }) => {
            Err(wrong(format!("a {} checkpoint", other.label())))
        }
        Some(Detected { kind: ModelKind::Checkpoint, architecture: None }) => {
            Err(wrong("a checkpoint without a text encoder that we know".to_owned()))
        }
        Some(Detected { kind, .. }) => Err(wrong(format!("a {kind}"))),
        None => Err(wrong("no tensors of a model that we know".to_owned())),
    }
}
