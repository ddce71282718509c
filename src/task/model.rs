//! What is known of a model before it is loaded, and who can look one up.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::schedulers::DEFAULT;
use super::{Air, Architecture};
use crate::pixels::Extent;

/// What a model file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelKind {
    /// Text encoder, denoiser and VAE together: what `model` takes.
    Checkpoint,
    /// Low-rank weight changes: what `lora[].model` takes.
    Lora,
    /// A guide network: what `controlNet[].model` takes.
    ControlNet,
    /// Textual inversion vectors: what `embeddings[].model` takes.
    Embedding,
    /// An autoencoder alone: what `vae` takes.
    Vae,
    /// An image-prompt network: what `ipAdapters[].model` takes.
    IpAdapter,
}

impl fmt::Display for ModelKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Checkpoint => "checkpoint",
            Self::Lora => "LoRA",
            Self::ControlNet => "ControlNet",
            Self::Embedding => "embedding",
            Self::Vae => "VAE",
            Self::IpAdapter => "IP-Adapter",
        })
    }
}

/// Settings that suit a model; what a task leaves out is taken from here.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelDefaults {
    /// Width and height the model was trained for.
    pub extent: Extent,

    /// Denoising steps, 1–100.
    pub steps: u32,

    /// Guidance scale, 0–50.
    #[serde(rename = "CFGScale")]
    pub cfg_scale: f32,

    /// Scheduler by its documented name.
    pub scheduler: String,
}

/// A model of the library: everything a form or `resolve` needs, nothing that needs loading.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelCard {
    /// The identifier tasks use.
    pub air: Air,

    /// The name people read.
    pub name: String,

    /// What the file is for.
    pub kind: ModelKind,

    /// The network family.
    pub architecture: Architecture,

    /// What to use where the task says nothing.
    pub defaults: ModelDefaults,

    /// Prompts that this model is known to do well; may be empty.
    pub examples: Vec<String>,

    /// Words of a prompt that call it; those of an embedding stand for its vectors. May be empty.
    pub trigger_words: Vec<String>,

    /// Tokens that an embedding takes in a prompt; 0 of anything else.
    pub vectors: usize,

    /// Why it cannot be used, if that is known already; its kind is a guess then.
    pub fault: Option<String>,

    /// A diffusers folder or a single `.safetensors` file.
    pub path: PathBuf,

    /// A diffusers folder that lends its configs and tokenizer to a single file, if it needs one.
    pub config: Option<PathBuf>,
}

impl ModelCard {
    /// What can be said of a checkpoint that only the service has: its identifier. The defaults are
    /// the API's documented ones, until the service uses the model's own.
    #[must_use]
    pub fn of_service(air: Air) -> Self {
        Self {
            name: air.to_string(),
            air,
            kind: ModelKind::Checkpoint,
            architecture: Architecture::Unknown,
            defaults: ModelDefaults {
                extent: Extent::new(1024, 1024),
                steps: 20,
                cfg_scale: 7.0,
                scheduler: DEFAULT.to_owned(),
            },
            examples: Vec::new(),
            trigger_words: Vec::new(),
            vectors: 0,
            fault: None,
            path: PathBuf::new(),
            config: None,
        }
    }
}

/// Looks models up by AIR. The library implements it; `resolve` asks it.
pub trait Catalog {
    /// The model of that AIR, if the library has it.
    fn model(&self, air: &Air) -> Option<Arc<ModelCard>>;
}
