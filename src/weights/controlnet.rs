//! A `ControlNet` on disk: its tensors under diffusers names and its shape, from a folder or a single
//! file, in diffusers' names or the original ones.
//!
//! A `ControlNet` (Zhang et al. 2023) is a copy of a UNet's encoder and middle, so one without a
//! config has the shape of the UNet it is used with.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::config::read_json;
use super::layout::UnetNames;
use super::{Checkpoint, Component, Header, Tensor, UnetConfig, WeightsError};
use crate::task::Architecture;

/// What the tensors of a `ControlNet`, or of what is taken for one, begin with.
pub(super) const SIGNS: [&str; 11] = [
    "controlnet_cond_embedding.",
    "controlnet_down_blocks.",
    "control_model.",
    "zero_convs.",
    "input_hint_block.",
    "lora_controlnet",
    "lllite_",
    "difference",
    "adapter.body.",
    "body.0.block1.",
    "body.0.in_conv.",
];

/// Before every name of the original layout.
const ORIGINAL: &str = "control_model.";

/// Colours of a guide.
const RGB: i64 = 3;

/// A `ControlNet`, opened but not loaded; it fits the checkpoint it was opened for.
#[derive(Clone, Debug)]
pub struct ControlNet {
    /// All tensors, under diffusers names.
    pub network: Component,
    /// Shape of the encoder and the middle.
    pub encoder: UnetConfig,
    /// Channels of the convolutions over the guide, outermost first; each but the last halves it.
    pub guide_channels: Vec<usize>,
    /// Whether the guide's colours come blue first.
    pub blue_first: bool,
    /// Whether every residual is replaced by its mean over the picture (`shuffle`).
    pub pools: bool,
}

/// `config.json`, beside what it has in common with a UNet's.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Stored {
    #[serde(rename = "_class_name")]
    class: Option<String>,
    controlnet_conditioning_channel_order: Option<String>,
    global_pool_conditions: bool,
    mid_block_type: Option<String>,
}

impl ControlNet {
    /// Opens a diffusers folder or a single file, for use with `checkpoint`; `config` is a folder
    /// that lends a single file its config. Reads headers only.
    ///
    /// # Errors
    /// When it is damaged, something else than a `ControlNet`, or does not fit the checkpoint.
    pub fn open(
        path: &Path,
        config: Option<&Path>,
        checkpoint: &Checkpoint,
    ) -> Result<Self, WeightsError> {
        let misfit = |why| WeightsError::Misfit { path: path.to_owned(), why };
        let latent_channels = checkpoint.vae_config.latent_channels;
        let of_unet = UnetConfig { in_channels: latent_channels, ..checkpoint.unet_config.clone() };
        let folder = if path.is_dir() { Some(path) } else { config };
        let (encoder, stored) = match folder {
            Some(folder) => read_config(&folder.join("config.json"))?,
            None => {
                (of_unet, Stored { global_pool_conditions: is_shuffle(path), ..Stored::default() })
            }
        };
        let mut network = if path.is_dir() {
            Component::in_folder(path, path, ("ControlNet", "diffusion_pytorch_model"))?
        } else {
            let tensors = Header::read(path)?.tensors;
            Component { name: "ControlNet", path: path.to_owned(), tensors }
        };
        // Told from the names as they are: an unknown shape loses some when they are brought to ours.
        let why = another_kind(&network.tensors)
            .or_else(|| other_text(text_width(&network.tensors), &checkpoint.unet_config));
        if let Some(why) = why {
            return Err(misfit(why));
        }
        if let Some(why) = other_shape(&encoder, &checkpoint.unet_config) {
            return Err(misfit(why));
        }
        network.tensors = renamed(network.tensors, &encoder);
        if let Some(why) = misfit_of(&network.tensors, checkpoint) {
            return Err(misfit(why));
        }
        let guide_channels = guide_channels(&network.tensors);
        let blue_first = stored.controlnet_conditioning_channel_order.as_deref() == Some("bgr");
        Ok(Self {
            network,
            encoder,
            guide_channels,
            blue_first,
            pools: stored.global_pool_conditions,
        })
    }
}

/// The shape that `config.json` gives: a UNet's, its decoder made up to match.
fn read_config(path: &Path) -> Result<(UnetConfig, Stored), WeightsError> {
    let broken = |why: String| WeightsError::Config { path: path.to_owned(), why };
    let mut encoder: UnetConfig = read_json(path)?;
    let stored: Stored = read_json(path)?;
    encoder.up_block_types =
        encoder.down_block_types.iter().rev().map(|kind| kind.replace("Down", "Up")).collect();
    if let Some(why) = encoder.unsupported() {
        return Err(broken(why));
    }
    let class = stored.class.as_deref().unwrap_or("ControlNetModel");
    if class != "ControlNetModel" {
        return Err(broken(format!(
            "this is a `{class}`, which is not known; choose a ControlNet of SD 1.x"
        )));
    }
    let middle = stored.mid_block_type.as_deref().unwrap_or("UNetMidBlock2DCrossAttn");
    if middle != "UNetMidBlock2DCrossAttn" {
        return Err(broken(format!("`mid_block_type` `{middle}` is not known")));
    }
    let order = stored.controlnet_conditioning_channel_order.as_deref().unwrap_or("rgb");
    if !["rgb", "bgr"].contains(&order) {
        return Err(broken(format!(
            "`controlnet_conditioning_channel_order` `{order}` is not known"
        )));
    }
    Ok((encoder, stored))
}

/// Whether a file without a config is the `shuffle` `ControlNet`, which nothing but its name tells.
fn is_shuffle(path: &Path) -> bool {
    path.file_stem().is_some_and(|stem| stem.to_string_lossy().to_lowercase().contains("shuffle"))
}

/// Brings original names to diffusers'; tensors that already have these stay as they are.
fn renamed(tensors: BTreeMap<String, Tensor>, encoder: &UnetConfig) -> BTreeMap<String, Tensor> {
    let is_original = |name: &String| {
        let name = name.strip_prefix(ORIGINAL).unwrap_or(name);
        name.starts_with("zero_convs.") || name.starts_with("input_hint_block.")
    };
    if !tensors.keys().any(is_original) {
        return tensors;
    }
    // A file may hold a whole checkpoint beside the ControlNet.
    let prefix = if tensors.keys().any(|name| name.starts_with(ORIGINAL)) { ORIGINAL } else { "" };
    let bare = |name: &str| name.strip_prefix(prefix).map(ToOwned::to_owned);
    let last_hint = (tensors.keys())
        .filter_map(|name| hint(&bare(name)?).map(|(number, _)| number))
        .max()
        .unwrap_or_default();
    let names = UnetNames::new(encoder);
    let rename = |name: &str| -> Option<String> {
        let name = bare(name)?;
        if let Some((number, leaf)) = hint(&name) {
            let place = match number {
                0 => "conv_in".to_owned(),
                number if number == last_hint => "conv_out".to_owned(),
                // Convolutions are every second entry, the others activations.
                number => format!("blocks.{}", (number / 2).checked_sub(1)?),
            };
            return Some(format!("controlnet_cond_embedding.{place}.{leaf}"));
        }
        if let Some(rest) = name.strip_prefix("zero_convs.") {
            let (number, leaf) = rest.split_once(".0.")?;
            return Some(format!("controlnet_down_blocks.{number}.{leaf}"));
        }
        match name.strip_prefix("middle_block_out.0.") {
            Some(leaf) => Some(format!("controlnet_mid_block.{leaf}")),
            None => names.diffusers(&name),
        }
    };
    tensors.into_iter().filter_map(|(name, tensor)| Some((rename(&name)?, tensor))).collect()
}

/// Number and last part of a name of the convolutions over the guide.
fn hint(name: &str) -> Option<(usize, &str)> {
    let (number, leaf) = name.strip_prefix("input_hint_block.")?.split_once('.')?;
    Some((number.parse().ok()?, leaf))
}

/// The family that a `ControlNet` was made for, by the width of the text it reads.
pub(super) fn architecture(tensors: &BTreeMap<String, Tensor>) -> Option<Architecture> {
    family(text_width(tensors)?)
}

/// The family whose text encoding has that width.
const fn family(width: i64) -> Option<Architecture> {
    match width {
        768 => Some(Architecture::Sd1),
        1024 => Some(Architecture::Sd2),
        2048 => Some(Architecture::Sdxl),
        _ => None,
    }
}

/// Channels of the text encoding that the attention layers take.
fn text_width(tensors: &BTreeMap<String, Tensor>) -> Option<i64> {
    let key = tensors.iter().find(|(name, _)| name.ends_with("attn2.to_k.weight"));
    key.and_then(|(_, tensor)| tensor.shape.get(1).copied())
}

/// What the tensors are if not those of a `ControlNet` that we can run.
fn another_kind(tensors: &BTreeMap<String, Tensor>) -> Option<String> {
    let starts = |part: &str| {
        tensors.keys().any(|name| name.strip_prefix(ORIGINAL).unwrap_or(name).starts_with(part))
    };
    let what = if starts("difference") {
        "it holds only the difference to a checkpoint; take the complete ControlNet"
    } else if starts("lora_controlnet") {
        "it is a Control-LoRA, of which only ControlNets are taken here; take the complete ControlNet"
    } else if starts("lllite_") {
        "it is a ControlNet-LLLite, which is made for SDXL; choose a ControlNet of SD 1.x"
    } else if ["body.0.block1.", "body.0.in_conv.", "adapter."].into_iter().any(starts) {
        "it is a T2I-Adapter, which is not taken here; choose a ControlNet of SD 1.x"
    } else if starts("add_embedding.") || starts("label_emb.") {
        "it is made for SDXL; choose a ControlNet of SD 1.x"
    } else if starts("controlnet_x_embedder.") || starts("controlnet_blocks.") {
        "it is made for a transformer such as FLUX; choose a ControlNet of SD 1.x"
    } else if !["controlnet_down_blocks.", "zero_convs."].into_iter().any(starts) {
        "it has no tensors of a ControlNet; choose another file"
    } else {
        return None;
    };
    Some(what.to_owned())
}

/// Why a network that reads text of `width` channels does not fit that UNet, if it does not.
fn other_text(width: Option<i64>, unet: &UnetConfig) -> Option<String> {
    let width = width.filter(|&width| width != unet.cross_attention_dim as i64)?;
    let family = family(width).map(|family| format!(" ({})", family.label()));
    Some(format!(
        "it reads text of {width} channels{}, the model's has {}; choose a ControlNet made for this model",
        family.unwrap_or_default(),
        unet.cross_attention_dim
    ))
}

/// Why an encoder of the shape that a config gives is not that of `unet`, if it is not.
fn other_shape(encoder: &UnetConfig, unet: &UnetConfig) -> Option<String> {
    let shape = |config: &UnetConfig| (config.block_out_channels.clone(), config.layers_per_block);
    let (own, wanted) = (shape(encoder), shape(unet));
    (own != wanted).then(|| {
        format!(
            "its config speaks of levels of {:?} channels with {} layers each, the model's are {:?} with {}; \
             choose a ControlNet made for this model",
            own.0, own.1, wanted.0, wanted.1
        )
    })
}

/// Why tensors (in diffusers names) do not fit `checkpoint`, if they do not.
fn misfit_of(tensors: &BTreeMap<String, Tensor>, checkpoint: &Checkpoint) -> Option<String> {
    let unet = &checkpoint.unet_config;
    let shape = |name: &str| tensors.get(name).map(|tensor| tensor.shape.as_slice());
    let residuals: Vec<i64> = (0..)
        .map_while(|index| shape(&format!("controlnet_down_blocks.{index}.weight")))
        .filter_map(|shape| shape.first().copied())
        .collect();
    let wanted: Vec<i64> =
        unet.skip_channels().into_iter().map(|channels| channels as i64).collect();
    if residuals != wanted {
        return Some(format!(
            "its blocks have {residuals:?} channels, the model's have {wanted:?}; choose a ControlNet made \
             for this model"
        ));
    }
    let latent = shape("conv_in.weight").and_then(|shape| shape.get(1).copied());
    let channels = checkpoint.vae_config.latent_channels as i64;
    if latent.is_some_and(|latent| latent != channels) {
        return Some(format!(
            "it takes latents of {latent:?} channels, the model's have {channels}"
        ));
    }
    let colours =
        shape("controlnet_cond_embedding.conv_in.weight").and_then(|shape| shape.get(1).copied());
    if colours.is_some_and(|colours| colours != RGB) {
        return Some(format!("it takes guides of {colours:?} channels, pictures have {RGB}"));
    }
    let halvings = guide_channels(tensors).len().saturating_sub(1);
    let downscale = checkpoint.vae_config.downscale();
    (1_usize.checked_shl(halvings as u32) != Some(downscale)).then(|| {
        format!("it makes guides smaller {halvings} times by half, the model's latents are 1/{downscale}")
    })
}

/// Channels of the convolutions over the guide: the first, then every one that halves.
fn guide_channels(tensors: &BTreeMap<String, Tensor>) -> Vec<usize> {
    let outside = |name: String| {
        let shape = &tensors.get(&format!("controlnet_cond_embedding.{name}.weight"))?.shape;
        shape.first().map(|&channels| channels as usize)
    };
    let halving = (0..).map_while(|index| outside(format!("blocks.{}", 2 * index + 1)));
    outside("conv_in".to_owned()).into_iter().chain(halving).collect()
}
