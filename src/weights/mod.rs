//! Checkpoints on disk: which tensors they hold, under which names, and where each one starts.
//!
//! Nothing is copied here: a tensor is a file, an offset and a length, and ONNX Runtime maps the
//! file itself. This room knows names and shapes, not what the networks compute.

mod checkpoint;
mod component;
mod config;
mod controlnet;
mod detect;
mod embedding;
mod error;
mod finite;
mod header;
mod image_encoder;
mod ip_adapter;
mod layout;
mod lora;
mod pickle;
mod summary;
mod torch;

pub use checkpoint::{Checkpoint, TokenizerSource};
pub use component::{Component, Tensor, TensorType};
pub use config::{Activation, ClipConfig, PerBlock, UnetConfig, VaeConfig};
pub use controlnet::ControlNet;
pub use detect::{Detected, detect};
pub use embedding::Embedding;
pub use error::WeightsError;
pub use header::Header;
pub use image_encoder::{ImageEncoder, VisionConfig};
pub use ip_adapter::{CrossAttention, ImageProjection, IpAdapter, Resampler, cross_attentions};
pub use lora::{
    Delta, Factors, LoadedLora, LoraError, LoraFile, Target, TargetPart, add_deltas, trigger_words,
};
pub use summary::{LoraSummary, Summary};
