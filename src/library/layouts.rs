//! Where other programs keep their models, so that a person can point at the folder of one of them.
//!
//! Knows names of folders, not what lies in them.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder of a program that was recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// The program.
    pub(super) program: &'static str,
    /// Its folders of models, those that are there.
    pub(super) folders: Vec<PathBuf>,
}

struct Program {
    name: &'static str,
    /// A folder that no other program has.
    sign: &'static str,
    folders: &'static [&'static str],
}

/// As the programs' own documentation names them.
const PROGRAMS: [Program; 2] = [
    Program {
        name: "ComfyUI",
        sign: "models/checkpoints",
        folders: &[
            "models/checkpoints",
            "models/diffusers",
            "models/loras",
            "models/controlnet",
            "models/embeddings",
            "models/vae",
            "models/clip_vision",
            "models/ipadapter",
        ],
    },
    Program {
        name: "A1111 or Forge",
        sign: "models/Stable-diffusion",
        folders: &[
            "models/Stable-diffusion",
            "models/diffusers",
            "models/Lora",
            "models/LyCORIS",
            "models/ControlNet",
            "extensions/sd-webui-controlnet/models",
            "embeddings",
            "models/VAE",
        ],
    },
];

/// Folders of textual inversions, in A1111, ComfyUI, InvokeAI and here.
const EMBEDDINGS: [&str; 4] = ["embeddings", "embedding", "textual_inversion", "textual-inversion"];

impl Layout {
    /// The program whose folder `root` is; `None` for a folder of nobody in particular.
    pub(super) fn of(root: &Path) -> Option<Self> {
        let program = PROGRAMS.iter().find(|program| inside(root, program.sign).is_some())?;
        let folders = program.folders.iter().filter_map(|folder| inside(root, folder)).collect();
        Some(Self { program: program.name, folders })
    }
}

/// The folder at `place` in `root`, whatever the case of its names.
fn inside(root: &Path, place: &str) -> Option<PathBuf> {
    let exact = root.join(place);
    if exact.is_dir() {
        return Some(exact);
    }
    place.split('/').try_fold(root.to_owned(), |folder, name| {
        let entries = fs::read_dir(folder).ok()?.filter_map(Result::ok);
        let mut folders = entries.filter(|entry| entry.path().is_dir());
        let found = folders.find(|entry| entry.file_name().eq_ignore_ascii_case(name))?;
        Some(found.path())
    })
}

/// Whether a `.pt` or `.bin` file in `folder`, which lies up to `depth` folders below the one that is looked
/// through, is a textual inversion: elsewhere these are other models, which are not read.
pub(super) fn holds_embeddings(folder: &Path, depth: usize) -> bool {
    let names = folder.iter().rev().take(depth);
    names.into_iter().any(|name| EMBEDDINGS.iter().any(|known| name.eq_ignore_ascii_case(known)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(folders: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for folder in folders {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        root
    }

    #[test]
    fn programs_are_told_by_their_folders_in_any_case() {
        let comfy = root(&["models/checkpoints/deep", "models/LORAS", "custom_nodes", "output"]);
        let found = Layout::of(comfy.path()).unwrap();
        assert_eq!(found.program, "ComfyUI");
        let expected = ["models/checkpoints", "models/LORAS"].map(|place| comfy.path().join(place));
        assert_eq!(found.folders, expected);
        let forge = root(&["models/Stable-diffusion", "embeddings", "models/Lora", "venv"]);
        let found = Layout::of(forge.path()).unwrap();
        assert_eq!((found.program, found.folders.len()), ("A1111 or Forge", 3));
        assert_eq!(Layout::of(root(&["checkpoints", "models"]).path()), None);
        assert_eq!(Layout::of(Path::new("/no/such/folder")), None);
    }

    #[test]
    fn folders_of_embeddings_are_told_by_their_names() {
        assert!(holds_embeddings(Path::new("/a/Embeddings/b"), 4));
        assert!(!holds_embeddings(Path::new("/embeddings/a/b/c/d"), 4));
        assert!(!holds_embeddings(Path::new("/a/b"), 4));
    }
}
