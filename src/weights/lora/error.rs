//! What can be wrong with a LoRA file.

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;

use crate::weights::WeightsError;

/// Why a LoRA file cannot be used with a checkpoint. Every variant names the file.
#[derive(Debug, thiserror::Error)]
pub enum LoraError {
    /// The file cannot be read, is cut off, or is no safetensors file.
    #[error(transparent)]
    File(#[from] WeightsError),

    /// The tensors could not be read after the header was.
    #[error("the LoRA cannot be read ({source}): {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// No tensor of the file has a name that LoRAs use.
    #[error(
        "this file holds no LoRA (its first tensor is `{first}`); choose a LoRA: {}",
        path.display()
    )]
    NotLora {
        /// The file.
        path: PathBuf,
        /// Name of the first tensor.
        first: String,
    },

    /// The file was made for another network family.
    #[error(
        "this LoRA was made for {made_for}: {why}; choose one that was made for this model's \
         family: {}",
        path.display()
    )]
    OtherArchitecture {
        /// The file.
        path: PathBuf,
        /// The family, as people read it.
        made_for: String,
        /// What shows it.
        why: String,
    },

    /// Names as in a LoRA, but none of them is a layer of the checkpoint.
    #[error(
        "none of this LoRA's {tensors} tensors belongs to a layer of this model (the first is \
         `{first}`); choose a LoRA for this model's family: {}",
        path.display()
    )]
    NothingFits {
        /// The file.
        path: PathBuf,
        /// How many tensors the file has.
        tensors: usize,
        /// Name of the first tensor.
        first: String,
    },

    /// The file changes a layer in a way that is not known here.
    #[error(
        "`{tensor}` belongs to {what}, which Latelier cannot apply; choose another LoRA: {}",
        path.display()
    )]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// Name in the file.
        tensor: String,
        /// The method, or the number format.
        what: Cow<'static, str>,
    },

    /// A tensor is wrong: its shape, its numbers, or the tensor that it belongs with is missing.
    #[error("the LoRA is damaged: `{tensor}` {why}; download it again: {}", path.display())]
    Tensor {
        /// The file.
        path: PathBuf,
        /// Name in the file.
        tensor: String,
        /// What is wrong with it.
        why: String,
    },
}
