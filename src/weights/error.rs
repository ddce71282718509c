//! What can be wrong with a checkpoint.

use std::io;
use std::path::PathBuf;

/// Why a checkpoint cannot be used. Every variant names the file.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The file or folder is not there or cannot be read.
    #[error("the file cannot be read ({source}): {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// The file does not begin like a `.safetensors` file.
    #[error("this is not a safetensors file ({why}): {}", path.display())]
    NotSafetensors {
        /// The file.
        path: PathBuf,
        /// What is wrong with its header.
        why: String,
    },

    /// The header promises more bytes than the file has.
    #[error(
        "the file is cut off, download it again: {found} of {needed} bytes are there: {}",
        path.display()
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Bytes that the header promises.
        needed: u64,
        /// Bytes there are.
        found: u64,
    },

    /// A JSON config is missing keys or holds a value this engine does not know.
    #[error("{why}, in {}", path.display())]
    Config {
        /// The config file.
        path: PathBuf,
        /// Which key and why.
        why: String,
    },

    /// A folder without the files that a diffusers model has.
    #[error("{missing} is missing in the diffusers model {}", path.display())]
    NotDiffusers {
        /// The folder.
        path: PathBuf,
        /// What it lacks.
        missing: String,
    },

    /// A single file whose keys belong to no checkpoint that we know.
    #[error(
        "this file holds {what}, not a Stable Diffusion 1.x checkpoint; choose another model: {}",
        path.display()
    )]
    WrongKind {
        /// The file.
        path: PathBuf,
        /// What it seems to hold.
        what: String,
    },

    /// An add-on of another kind, made for another model, or damaged.
    #[error("{why}: {}", path.display())]
    Misfit {
        /// The file or folder.
        path: PathBuf,
        /// Why it cannot be used with the model.
        why: String,
    },

    /// A `.pt` or `.bin` file that is none of `torch.save`'s.
    #[error("this file of tensors cannot be read ({why}): {}", path.display())]
    NotTorch {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },

    /// A `.pt` or `.bin` file that holds a program.
    #[error(
        "this file asks to run `{global}`; it was not run. Do not trust the file: {}",
        path.display()
    )]
    Runs {
        /// The file.
        path: PathBuf,
        /// What it asks for, as Python names it.
        global: String,
    },

    /// A file that is no textual inversion, or a damaged one.
    #[error("this embedding cannot be used ({why}): {}", path.display())]
    Embedding {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}
