//! CLIP vision models on disk: what IP-Adapters see pictures through.
//!
//! Sizes are read off the tensors, the rest from `config.json` where there is one. Knows the names of
//! `transformers`, not what the network computes nor where people keep it.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::config::read_json;
use super::{Activation, Component, Header, Tensor, WeightsError};

/// The tensor that every one of them has.
const PATCHES: &str = "vision_model.embeddings.patch_embedding.weight";

/// Shape of a CLIP vision model (Radford et al. 2021; `transformers`' `CLIPVisionConfig`).
#[derive(Clone, Debug, PartialEq)]
pub struct VisionConfig {
    /// Channels.
    pub hidden_size: usize,
    /// Channels inside the feed-forward part.
    pub intermediate_size: usize,
    /// Layers.
    pub layers: usize,
    /// Attention heads.
    pub heads: usize,
    /// Pixels on each side of a patch.
    pub patch: usize,
    /// Pixels on each side of the picture.
    pub side: usize,
    /// Channels of the embedding of the whole picture; `None` without the projection.
    pub projection: Option<usize>,
    /// Non-linearity.
    pub activation: Activation,
    /// Epsilon of the layer norms.
    pub epsilon: f32,
}

/// A CLIP vision model, opened but not loaded.
#[derive(Clone, Debug)]
pub struct ImageEncoder {
    /// `vision_model.…` and `visual_projection.weight`.
    pub component: Component,
    /// Shape.
    pub config: VisionConfig,
}

/// What `config.json` says that the tensors do not; it may be that of a CLIP model with both halves.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Stored {
    num_attention_heads: Option<usize>,
    hidden_act: Option<Activation>,
    layer_norm_eps: Option<f32>,
    vision_config: Option<Box<Self>>,
}

impl ImageEncoder {
    /// Whether a file holds a vision model rather than something that tasks name; one under
    /// `OpenCLIP`'s names counts, though [`open`](Self::open) refuses it.
    #[must_use]
    pub fn is_in(header: &Header) -> bool {
        let own = |name: &String| name.starts_with("vision_model.") || name.starts_with("visual.");
        header.tensors.keys().any(own)
    }

    /// Opens a folder with `config.json` and `model.safetensors`, or a single file. Reads headers only.
    ///
    /// # Errors
    /// When it is damaged or no CLIP vision model.
    pub fn open(path: &Path) -> Result<Self, WeightsError> {
        let (file, stored) = if path.is_dir() {
            let names = ["model.safetensors", "model.fp16.safetensors"];
            let file = names.map(|name| path.join(name)).into_iter().find(|file| file.is_file());
            let file = file.ok_or_else(|| WeightsError::Misfit {
                path: path.to_owned(),
                why: "model.safetensors is missing in the folder of the image encoder".to_owned(),
            })?;
            (file, read_config(&path.join("config.json"))?)
        } else {
            (path.to_owned(), Stored::default())
        };
        let header = Header::read(&file)?;
        let ours = |name: &str| {
            name.starts_with("vision_model.") || name.starts_with("visual_projection.")
        };
        let tensors: BTreeMap<String, Tensor> =
            header.tensors.into_iter().filter(|(name, _)| ours(name)).collect();
        let config = shape(&tensors, &stored)
            .map_err(|why| WeightsError::Misfit { path: header.path.clone(), why })?;
        let component = Component { name: "image encoder", path: header.path, tensors };
        Ok(Self { component, config })
    }
}

fn read_config(path: &Path) -> Result<Stored, WeightsError> {
    let stored: Stored = read_json(path)?;
    Ok(match stored.vision_config {
        Some(vision) => *vision,
        None => stored,
    })
}

/// The shape that the tensors tell.
fn shape(tensors: &BTreeMap<String, Tensor>, stored: &Stored) -> Result<VisionConfig, String> {
    let sides = |name: &str| -> Result<Vec<usize>, String> {
        let tensor = tensors.get(name).ok_or_else(|| {
            format!("this is no CLIP vision model as transformers writes it: it lacks `{name}`")
        })?;
        Ok(tensor.shape.iter().map(|&side| side as usize).collect())
    };
    let strange = |name: &str, found: &[usize]| format!("`{name}` has the shape {found:?}");
    let patches = sides(PATCHES)?;
    let &[hidden_size, 3, patch, across] = patches.as_slice() else {
        return Err(strange(PATCHES, &patches));
    };
    const POSITIONS: &str = "vision_model.embeddings.position_embedding.weight";
    let positions = sides(POSITIONS)?;
    // One token stands for the whole picture, the others for patches in a square.
    let places = positions.first().map_or(0, |tokens| tokens.saturating_sub(1));
    let grid = places.isqrt();
    if hidden_size == 0 || patch == 0 || patch != across || grid == 0 || grid * grid != places {
        return Err(strange(POSITIONS, &positions));
    }
    sides("vision_model.embeddings.class_embedding")?;
    const INNER: &str = "vision_model.encoder.layers.0.mlp.fc1.weight";
    let inner = sides(INNER)?;
    let layer = |index: usize| format!("vision_model.encoder.layers.{index}.mlp.fc1.weight");
    let heads = stored.num_attention_heads.unwrap_or_else(|| usual_heads(hidden_size));
    if heads == 0 || !hidden_size.is_multiple_of(heads) {
        return Err(format!("{heads} attention heads do not divide {hidden_size} channels"));
    }
    Ok(VisionConfig {
        hidden_size,
        intermediate_size: inner.first().copied().unwrap_or_default(),
        layers: (0..tensors.len()).take_while(|&index| tensors.contains_key(&layer(index))).count(),
        heads,
        patch,
        side: grid * patch,
        projection: (tensors.get("visual_projection.weight"))
            .and_then(|tensor| tensor.shape.first())
            .map(|&channels| channels as usize),
        activation: stored.hidden_act.unwrap_or_else(|| usual_activation(hidden_size)),
        epsilon: stored.layer_norm_eps.unwrap_or(1e-5),
    })
}

/// Heads of the published models, told by their channels: those of ViT-H/14 and ViT-bigG/14 are wider
/// than the 64 channels of the others.
fn usual_heads(hidden_size: usize) -> usize {
    match hidden_size {
        1280 | 1664 => 16,
        other => (other / 64).max(1),
    }
}

/// `OpenAI`'s models have the quick GELU, the larger ones of LAION (`OpenCLIP`) the exact one.
const fn usual_activation(hidden_size: usize) -> Activation {
    match hidden_size {
        1280 | 1664 => Activation::Gelu,
        _ => Activation::QuickGelu,
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn golden(path: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/ip_adapter").join(path)
    }

    #[test]
    fn a_folder_says_what_its_tensors_do_not() {
        let encoder = ImageEncoder::open(&golden("image_encoder")).unwrap();
        let expected = VisionConfig {
            hidden_size: 32,
            intermediate_size: 80,
            layers: 3,
            heads: 4,
            patch: 8,
            side: 32,
            projection: Some(24),
            activation: Activation::Gelu,
            epsilon: 1e-5,
        };
        assert_eq!(encoder.config, expected);
    }

    #[test]
    fn a_single_file_is_read_off_its_tensors() {
        let encoder = ImageEncoder::open(&golden("other/clip_vision/tiny.safetensors")).unwrap();
        let VisionConfig { hidden_size, layers, heads, patch, side, activation, .. } =
            encoder.config;
        assert_eq!((hidden_size, layers, heads, patch, side), (64, 2, 1, 16, 48));
        assert_eq!(activation, Activation::QuickGelu);
    }

    /// `config.json` of openai/clip-vit-{base-patch16,large-patch14} and of LAION's ViT-H-14 and
    /// ViT-bigG-14.
    #[test]
    fn the_published_models_have_their_heads() {
        for (hidden_size, heads) in [(768, 12), (1024, 16), (1280, 16), (1664, 16)] {
            assert_eq!(usual_heads(hidden_size), heads);
        }
    }

    #[test]
    fn other_files_are_refused_by_what_they_lack() {
        let error = ImageEncoder::open(&golden("plain.safetensors")).unwrap_err().to_string();
        assert!(error.contains("no CLIP vision model"), "{error}");
        let error = ImageEncoder::open(&golden("other")).unwrap_err().to_string();
        assert!(error.contains("model.safetensors is missing"), "{error}");
    }
}
