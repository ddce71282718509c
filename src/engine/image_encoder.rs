//! Pictures as IP-Adapters see them: finds the CLIP vision model that an adapter needs and runs it.
//!
//! Knows which folders people keep such models in; what becomes of the features is `image_prompt`'s.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use ndarray::{Array4, ArrayD};
use sha2::{Digest as _, Sha256};

use super::Mode;
use super::device::DeviceKind;
use super::loaded::Environment;
use super::session::{Input, Interrupt, Network, Placement, SessionError};
use crate::graph::{Emitted, GraphError, VisionOutput, clip_vision};
use crate::pixels::Picture;
use crate::task::{ModelCard, ModelKind};
use crate::weights::{ImageEncoder, IpAdapter};

/// Mean and deviation of the pictures that CLIP learned from: red, green, blue, 0–1 (Radford et al.,
/// `OPENAI_CLIP_MEAN` and `_STD` of `transformers`).
const MEAN: [f32; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];
const DEVIATION: [f32; 3] = [0.268_629_54, 0.261_302_6, 0.275_777_1];

/// Features kept: a picture and its opposite for eight adapters.
const KEPT: usize = 16;

/// How many folders above an adapter are looked into.
const ABOVE: usize = 2;

/// No image encoder was found that an IP-Adapter can use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this IP-Adapter sees pictures through {wanted}, which was not found{damaged}. Put the folder \
     image_encoder (config.json and model.safetensors) beside the adapter, or its single file into \
     {}: {}", folder.display(), adapter.display()
)]
pub struct EncoderMissing {
    /// The published model that it was made for.
    pub wanted: &'static str,
    /// What is wrong with the first one that cannot be opened, in brackets; empty when all can.
    pub damaged: String,
    /// A folder for encoders that users are told of.
    pub folder: PathBuf,
    /// The adapter's file.
    pub adapter: PathBuf,
    /// Every encoder that there is, and why it was not taken.
    pub tried: Vec<(PathBuf, String)>,
}

impl EncoderMissing {
    /// One line an encoder, for the log.
    #[must_use]
    pub fn details(&self) -> String {
        let line = |(path, why): &(PathBuf, String)| format!("{}: {why}", path.display());
        self.tried.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// The first encoder that `adapter` can use: in folders beside `file`, as the library knows it, and up
/// to two above, then in those of the folders `models`.
///
/// # Errors
/// When there is none; the error names what was tried.
pub(super) fn find(
    adapter: &IpAdapter,
    file: &Path,
    models: &[PathBuf],
) -> Result<ImageEncoder, EncoderMissing> {
    let mut tried: Vec<(PathBuf, String)> = Vec::new();
    let mut damaged = String::new();
    let around = file.ancestors().skip(1).take(1 + ABOVE);
    for folder in around.chain(models.iter().map(PathBuf::as_path)) {
        for place in places(folder) {
            if tried.iter().any(|(path, _)| *path == place) {
                continue;
            }
            match ImageEncoder::open(&place) {
                Ok(encoder) if adapter.takes(&encoder.config) => return Ok(encoder),
                Ok(_) => tried.push((place, "it is for other adapters".to_owned())),
                Err(error) => {
                    if damaged.is_empty() {
                        damaged = format!(" ({error})");
                    }
                    tried.push((place, error.to_string()));
                }
            }
        }
    }
    let folder = models.first().map_or_else(|| PathBuf::from("."), Clone::clone);
    Err(EncoderMissing {
        wanted: adapter.usual_encoder(),
        damaged,
        folder: folder.join("clip_vision"),
        adapter: file.to_owned(),
        tried,
    })
}

/// What an IP-Adapter needs besides itself and is neither beside it nor in `folders`, in a sentence;
/// `None` of other models, and of an adapter that cannot be read. Reads headers.
#[must_use]
pub fn companion_missing(card: &ModelCard, folders: &[PathBuf]) -> Option<String> {
    let is_adapter = card.kind == ModelKind::IpAdapter && card.fault.is_none();
    let adapter = is_adapter.then(|| IpAdapter::open(&card.path).ok())??;
    let missing = find(&adapter, &card.path, folders).err()?;
    Some(missing.to_string())
}

/// Encoders in the folders of `folder` that the publishers' and other programs' users keep them in.
fn places(folder: &Path) -> Vec<PathBuf> {
    let mut places = Vec::new();
    for name in ["image_encoder", "models/image_encoder", "clip_vision"] {
        let home = folder.join(name);
        if home.join("config.json").is_file() {
            places.push(home);
            continue;
        }
        let Ok(entries) = std::fs::read_dir(&home) else { continue };
        let mut inside: Vec<PathBuf> =
            entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        inside.sort_unstable();
        inside.retain(|path| {
            path.join("config.json").is_file()
                || path.extension().is_some_and(|extension| extension == "safetensors")
        });
        places.append(&mut inside);
    }
    places
}

/// An encoder with its network written, ready to be run.
pub(super) struct Eye {
    file: PathBuf,
    /// When the file was last changed, so that a new one is not taken for the old.
    changed: Option<SystemTime>,
    side: u32,
    output: VisionOutput,
    emitted: Emitted,
}

/// What an encoder sees of a picture: a square of its own size.
pub(super) struct Seen(Picture);

/// What is looked at.
#[derive(Clone, Copy)]
pub(super) enum Sight<'a> {
    /// A picture.
    Picture(&'a Seen),
    /// Zeros behind the normalisation: what diffusers shows for the negative prompt's half.
    Nothing,
}

/// Features by encoder, output and what was looked at.
pub(super) type Features = HashMap<FeatureKey, ArrayD<f32>>;

/// What features belong to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct FeatureKey {
    file: PathBuf,
    changed: Option<SystemTime>,
    output: VisionOutput,
    /// SHA-256 of the pixels; `None` for [`Sight::Nothing`].
    picture: Option<Vec<u8>>,
}

impl Eye {
    /// Writes the network that gives `output`.
    ///
    /// # Errors
    /// When the file lacks a tensor.
    pub(super) fn of(encoder: &ImageEncoder, output: VisionOutput) -> Result<Self, GraphError> {
        let file = encoder.component.path.clone();
        let changed = std::fs::metadata(&file).and_then(|about| about.modified()).ok();
        let emitted = clip_vision(encoder, output)?;
        Ok(Self { file, changed, side: encoder.config.side as u32, output, emitted })
    }

    /// The encoder's file.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// What the encoder sees of `picture`.
    pub(super) fn seen(&self, picture: &Picture) -> Seen {
        Seen(picture.middle_square(self.side))
    }

    /// The features of `sight`, from `known` or computed. The network is dropped afterwards: it runs
    /// once a picture, so that neither packing nor keeping it pays.
    pub(super) fn look(
        &self,
        sight: Sight<'_>,
        known: &mut Features,
        environment: &Environment,
        interrupt: &Interrupt,
    ) -> Result<ArrayD<f32>, SessionError> {
        let key = self.key(sight);
        if let Some(features) = known.get(&key) {
            return Ok(features.clone());
        }
        let pixels = self.pixels(sight);
        let mut network = once(environment, "image encoder", &self.emitted, interrupt)?;
        let inputs = vec![("pixels", Input::Floats(pixels.view().into_dyn()))];
        let features = network.run(inputs, interrupt)?;
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(key, features.clone());
        Ok(features)
    }

    fn key(&self, sight: Sight<'_>) -> FeatureKey {
        let picture = match sight {
            Sight::Picture(Seen(picture)) => Some(Sha256::digest(picture.rgba()).to_vec()),
            Sight::Nothing => None,
        };
        FeatureKey { file: self.file.clone(), changed: self.changed, output: self.output, picture }
    }

    /// `[1, 3, side, side]`, normalised.
    fn pixels(&self, sight: Sight<'_>) -> Array4<f32> {
        let side = self.side as usize;
        let shape = (1, 3, side, side);
        match sight {
            Sight::Picture(Seen(picture)) => Array4::from_shape_fn(shape, |(_, channel, y, x)| {
                let byte = picture.rgba()[(y * side + x) * 4 + channel];
                (f32::from(byte) / 255.0 - MEAN[channel]) / DEVIATION[channel]
            }),
            Sight::Nothing => Array4::zeros(shape),
        }
    }
}

/// A session for a single run, on the CPU.
pub(super) fn once(
    environment: &Environment,
    name: &'static str,
    emitted: &Emitted,
    interrupt: &Interrupt,
) -> Result<Network, SessionError> {
    let Environment { runtime, threads, .. } = environment;
    let placement = Placement {
        device: DeviceKind::Cpu,
        mode: Mode::LowMemory,
        threads: *threads,
        strict: false,
    };
    Network::open(runtime, name, emitted, placement, interrupt)
}
