//! The demo model inside the program, and its unpacking into the models folder.
//!
//! ONNX Runtime maps weights from files, so the embedded bytes are written out once.

use std::io;
use std::path::{Path, PathBuf};

use super::Home;
use super::results::write_atomically;

/// Name of the folder; AIR `local:demo@1` is in its record.
const FOLDER: &str = "demo";

/// A file of the model and its bytes.
struct Embedded {
    path: &'static str,
    bytes: &'static [u8],
}

macro_rules! file {
    ($path:literal) => {
        Embedded { path: $path, bytes: include_bytes!(concat!("../../assets/models/demo/", $path)) }
    };
}

// Large on purpose: the program must be able to draw with no download.
const FILES: &[Embedded] = &[
    file!("NOTICE"),
    file!("README.md"),
    file!("latelier.json"),
    file!("model_index.json"),
    file!("scheduler/scheduler_config.json"),
    file!("text_encoder/config.json"),
    file!("text_encoder/model.safetensors"),
    file!("tokenizer/merges.txt"),
    file!("tokenizer/special_tokens_map.json"),
    file!("tokenizer/tokenizer_config.json"),
    file!("tokenizer/vocab.json"),
    file!("unet/config.json"),
    file!("unet/diffusion_pytorch_model.safetensors"),
    file!("vae/config.json"),
    file!("vae/diffusion_pytorch_model.safetensors"),
];

/// Makes sure that the demo model lies in `home`, complete; returns its folder.
///
/// The folder is filled under another name and renamed, so that it is there whole or not at all.
/// A copy with a missing file or one of another length is replaced.
///
/// # Errors
/// When the disk is full or the folder cannot be written.
pub(super) fn unpack(home: &Home) -> io::Result<PathBuf> {
    let folder = home.models_dir().join(FOLDER);
    if is_complete(&folder) {
        return Ok(folder);
    }
    std::fs::create_dir_all(home.models_dir())?;
    let fresh = tempfile::Builder::new().prefix(".demo-").tempdir_in(home.models_dir())?;
    for file in FILES {
        let path = fresh.path().join(file.path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        write_atomically(&path, file.bytes)?;
    }
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    match std::fs::rename(fresh.keep(), &folder) {
        // Another Latelier was faster.
        Err(_) if is_complete(&folder) => Ok(folder),
        result => result.map(|()| folder),
    }
}

fn is_complete(folder: &Path) -> bool {
    FILES.iter().all(|file| {
        std::fs::metadata(folder.join(file.path))
            .is_ok_and(|found| found.len() == file.bytes.len() as u64)
    })
}
