//! The demo model and its add-ons inside the program, and their unpacking into the models folder.
//!
//! ONNX Runtime maps weights from files, so the embedded bytes are written out once.

use std::io;

use super::Home;
use super::results::write_atomically;

/// A folder of embedded files.
struct Set {
    /// Its name among the models.
    folder: &'static str,
    files: &'static [Embedded],
}

/// The model itself, AIR `local:demo@1`, and what was trained for it: a LoRA, a `ControlNet`, two
/// embeddings.
const SETS: &[Set] =
    &[Set { folder: "demo", files: MODEL }, Set { folder: "demo-addons", files: ADD_ONS }];

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

macro_rules! add_on {
    ($path:literal) => {
        Embedded {
            path: $path,
            bytes: include_bytes!(concat!("../../assets/models/demo/addons/", $path)),
        }
    };
}

// Large on purpose: the program must be able to draw with no download.
const MODEL: &[Embedded] = &[
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

const ADD_ONS: &[Embedded] = &[
    add_on!("README.md"),
    add_on!("controlnet-canny/config.json"),
    add_on!("controlnet-canny/diffusion_pytorch_model.safetensors"),
    add_on!("controlnet-canny/latelier.json"),
    add_on!("embedding-green-apple.latelier.json"),
    add_on!("embedding-green-apple.safetensors"),
    add_on!("embedding-taxi.latelier.json"),
    add_on!("embedding-taxi.safetensors"),
    add_on!("lora-outline.latelier.json"),
    add_on!("lora-outline.safetensors"),
];

/// Makes sure that the demo model and its add-ons lie in `home`, complete.
///
/// A file that is missing or of another length is written, each whole or not at all. What else lies in
/// these folders is the user's and stays as it is.
///
/// # Errors
/// When the disk is full or the folder cannot be written.
pub(super) fn unpack(home: &Home) -> io::Result<()> {
    SETS.iter().try_for_each(|set| unpack_set(home, set))
}

fn unpack_set(home: &Home, set: &Set) -> io::Result<()> {
    let folder = home.models_dir().join(set.folder);
    for file in set.files {
        let path = folder.join(file.path);
        let length = std::fs::metadata(&path).map(|found| found.len());
        if length.is_ok_and(|length| length == file.bytes.len() as u64) {
            continue;
        }
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        write_atomically(&path, file.bytes)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_files_are_written_again_and_the_users_own_stay() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        unpack(&home).unwrap();
        let at = |path: &str| home.models_dir().join(path);
        std::fs::write(at("demo-addons/my own.safetensors"), "mine").unwrap();
        std::fs::write(at("demo/vae/notes.txt"), "mine, too").unwrap();
        std::fs::write(at("demo-addons/README.md"), "cut").unwrap();
        std::fs::remove_file(at("demo/vae/config.json")).unwrap();
        unpack(&home).unwrap();
        assert_eq!(std::fs::read(at("demo-addons/my own.safetensors")).unwrap(), b"mine");
        assert_eq!(std::fs::read(at("demo/vae/notes.txt")).unwrap(), b"mine, too");
        for set in SETS {
            for file in set.files {
                let found = std::fs::read(at(set.folder).join(file.path)).unwrap();
                assert!(found == file.bytes, "{}", file.path);
            }
        }
    }
}
