//! How much memory a request will take, known from shapes before anything is loaded.
//!
//! The factors were fitted to the peak resident memory of the CPU provider on SD 1.5 and the demo
//! model; ARCHITECTURE.md has the measurements.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::image_encoder;
use super::loaded::{Loaded, Part};
use super::mode::{self, Mode, available_memory};
use crate::pixels::Extent;
use crate::task::{Control, Request};
use crate::weights::{
    Checkpoint, Component, ControlNet, IpAdapter, LoraFile, Target, TargetPart, TensorType,
    UnetConfig, VaeConfig, WeightsError,
};

/// What a request takes at most, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// How weights would be held.
    pub mode: Mode,
    /// All weights, the way they would be held.
    pub weights: u64,
    /// What LoRAs, `ControlNets` and `DeepCache` hold beside them.
    pub stacks: u64,
    /// What one UNet call needs beside its weights.
    pub activations: u64,
    /// What decoding one picture needs beside weights.
    pub decoding: u64,
    /// The most that is resident at any moment, the program itself included.
    pub peak: u64,
    /// What the system can still give; `None` where it does not say.
    pub available: Option<u64>,
}

/// The program, ONNX Runtime and its threads, in bytes.
const PROGRAM: u64 = 60 << 20;

/// Bytes of a number in f32.
const F32: u64 = 4;

/// Tensors as wide as the outermost level that are alive at the UNet's widest moment: the gated
/// feed-forward of its outermost transformer holds four times eight of them.
const UNET_ALIVE: u64 = 32;

/// Tensors of the second level's width that are alive when the VAE's outermost level runs, in
/// tenths.
const VAE_ALIVE: u64 = 33;

/// f32 copies of the largest weight that low-memory mode holds at once.
const CASTS_ALIVE: u64 = 2;

/// What packing takes beside the packed weights while a network of f16 or bf16 gets ready, in
/// hundredths of them; f32 is packed straight from the file.
const PACKING: u64 = 74;

/// What the arena of fast mode takes for activations, in hundredths of them: it grows in steps and
/// keeps what it has.
const ARENA: u64 = 145;

impl Forecast {
    /// The forecast for `request`, in `wanted` mode or the one the engine would choose; image
    /// encoders are looked for in the folders `models`.
    ///
    /// # Errors
    /// When the checkpoint cannot be read.
    pub fn of(
        request: &Request,
        wanted: Option<Mode>,
        models: &[PathBuf],
    ) -> Result<Self, WeightsError> {
        let checkpoint = Checkpoint::open(&request.model.path, request.model.config.as_deref())?;
        let mode = wanted.unwrap_or_else(|| mode::choose(request, &checkpoint, models));
        Ok(Self::in_mode(request, &checkpoint, (mode, models)))
    }

    /// What the stacks of `request` take on top of a UNet that is held in fast mode, in bytes: what
    /// of them is not held yet, the way it would be got ready, and what it computes with.
    pub(super) fn further(request: &Request, loaded: &Loaded, models: &[PathBuf]) -> u64 {
        let checkpoint = loaded.checkpoint();
        let mode = Mode::Fast;
        let is_new = |control: &&Control| !loaded.is_packed(&control.model.path);
        let controls = active(request).filter(is_new);
        let controls: u64 = controls.map(|control| held_by(control, checkpoint, mode)).sum();
        let outer = match loaded.held(Part::OuterUnet) {
            Some(Mode::Fast) => 0,
            _ => held_by_outer(request, checkpoint, mode),
        };
        let loras = held_by_loras(request, checkpoint, mode);
        let packed = (controls + outer) * (100 + PACKING) / 100;
        let arenas = if controls > 0 { guiding(request, checkpoint) * ARENA / 100 } else { 0 };
        packed + loras + arenas + held_by_encoders(request, models)
    }

    /// The forecast for `request` in a mode.
    pub(super) fn in_mode(
        request: &Request,
        checkpoint: &Checkpoint,
        (mode, models): (Mode, &[PathBuf]),
    ) -> Self {
        let activations =
            unet_activations(&checkpoint.unet_config, request.extent, guided(request));
        let decoding = vae_activations(&checkpoint.vae_config, request.extent);
        let Checkpoint { text_encoder, unet, vae, .. } = checkpoint;
        let text = held(text_encoder, mode, |name| !name.contains("token_embedding"));
        let denoiser = held(unet, mode, |_| true);
        let decoder = held(vae, mode, |name| !is_of_encoder(name));
        let stacks = held_by_stacks(request, checkpoint, mode);
        let guiding = guiding(request, checkpoint);
        let seeing = held_by_encoders(request, models);
        let peak = match mode {
            // The text encoder is gone when the UNet comes; the UNet's pages stay.
            // ControlNets and UNet take turns, so that only the residuals come on top.
            Mode::LowMemory => [
                seeing.max(text + casts(text_encoder)),
                denoiser + stacks + casts(unet) + activations + residuals(request, checkpoint),
                denoiser + stacks + decoder + casts(vae) + decoding,
            ],
            // Nothing goes, and each arena keeps its size.
            Mode::Fast => {
                let start = request.start.is_some();
                let encoder = if start { held(vae, mode, is_of_encoder) } else { 0 };
                let encoding = if start { decoding / 2 } else { 0 };
                let arenas = (activations + guiding + decoding + encoding) * ARENA / 100;
                let all = text + denoiser + stacks + decoder + encoder + arenas;
                [seeing, text + denoiser + stacks + packing(unet), all]
            }
        };
        Self {
            mode,
            weights: text + denoiser + decoder,
            stacks,
            activations,
            decoding,
            peak: PROGRAM + peak.into_iter().max().unwrap_or(0),
            available: available_memory(),
        }
    }
}

/// Bytes that the request's stacks hold. What cannot be read counts nothing: the run will say why.
fn held_by_stacks(request: &Request, checkpoint: &Checkpoint, mode: Mode) -> u64 {
    let controls: u64 = active(request).map(|control| held_by(control, checkpoint, mode)).sum();
    controls + held_by_loras(request, checkpoint, mode) + held_by_outer(request, checkpoint, mode)
}

/// The controls that guide.
fn active(request: &Request) -> impl Iterator<Item = &Control> {
    request.controls.iter().filter(|control| control.weight != 0.0)
}

/// The network of `control`.
fn held_by(control: &Control, checkpoint: &Checkpoint, mode: Mode) -> u64 {
    let card = &control.model;
    let net = ControlNet::open(&card.path, card.config.as_deref(), checkpoint);
    net.map_or(0, |net| held(&net.network, mode, |_| true))
}

/// `DeepCache`'s outer layers. In low-memory mode these are pages of the same file.
fn held_by_outer(request: &Request, checkpoint: &Checkpoint, mode: Mode) -> u64 {
    let Some(cache) = request.deep_cache.filter(|_| mode == Mode::Fast) else { return 0 };
    let share = u64::from(cache.branch) + 1;
    let branches = checkpoint.unet_config.skip_channels().len().max(1) as u64;
    held(&checkpoint.unet, mode, |_| true) * share.min(branches) / branches
}

/// The largest image encoder with its adapter. They are run one after the other, in low-memory mode, and
/// freed before the UNet comes.
fn held_by_encoders(request: &Request, models: &[PathBuf]) -> u64 {
    let seen = request.image_prompts.iter().filter(|prompt| prompt.weight != 0.0);
    let sizes = seen.filter_map(|prompt| {
        let path = &prompt.model.path;
        let adapter = IpAdapter::open(path).ok()?;
        let encoder = image_encoder::find(&adapter, path, models).ok()?;
        let bytes = |part: &Component| held(part, Mode::LowMemory, |_| true) + casts(part);
        Some(bytes(&encoder.component) + bytes(&adapter.component))
    });
    sizes.max().unwrap_or(0)
}

/// What `ControlNets` compute with: each is the UNet's encoder and middle, about half of it.
fn guiding(request: &Request, checkpoint: &Checkpoint) -> u64 {
    let activations = unet_activations(&checkpoint.unet_config, request.extent, guided(request));
    active(request).count() as u64 * activations / 2
}

/// The residuals of a call: those summed so far and those of the next `ControlNet`.
fn residuals(request: &Request, checkpoint: &Checkpoint) -> u64 {
    let cells = request.extent.area() as u64 / 64;
    let skips = checkpoint.unet_config.skips();
    let numbers = skips
        .iter()
        .map(|(channels, downscale)| *channels as u64 * cells / (downscale * downscale) as u64);
    let all = numbers.sum::<u64>() * F32 * guided(request);
    all * active(request).count().min(2) as u64
}

/// Latents in a call.
fn guided(request: &Request) -> u64 {
    if request.cfg_scale > 1.0 { 2 } else { 1 }
}

/// The products of the LoRAs as f32, and the weights that they change, each once.
fn held_by_loras(request: &Request, checkpoint: &Checkpoint, mode: Mode) -> u64 {
    let worn = request.loras.iter().filter(|lora| lora.weight != 0.0);
    let files: Vec<LoraFile> =
        worn.filter_map(|lora| LoraFile::open(&lora.model.path, checkpoint).ok()).collect();
    let products = files.iter().flat_map(|file| file.deltas.values());
    let products: u64 = products.map(|delta| delta.parameters() as u64 * F32).sum();
    let changed: BTreeSet<&Target> = files.iter().flat_map(|file| file.deltas.keys()).collect();
    let weights = changed.into_iter().filter_map(|target| {
        let part = match target.part {
            TargetPart::Unet => &checkpoint.unet,
            TargetPart::TextEncoder => &checkpoint.text_encoder,
        };
        let tensor = part.tensors.get(&target.tensor)?;
        Some(match (mode, tensor.dtype) {
            (Mode::LowMemory, _) | (Mode::Fast, TensorType::F32) => tensor.length,
            // Fast mode holds halves as f32 in any case: the changed ones take their place.
            (Mode::Fast, _) => 0,
        })
    });
    products + weights.sum::<u64>()
}

/// Whether that tensor of a VAE makes latents rather than pictures.
fn is_of_encoder(name: &str) -> bool {
    name.starts_with("encoder.") || name.starts_with("quant_conv")
}

/// Bytes of the weights of `part` that are touched: pages of the file, or f32.
fn held(part: &Component, mode: Mode, touched: impl Fn(&str) -> bool) -> u64 {
    let tensors = part.tensors.iter().filter(|(name, _)| touched(name));
    let bytes = tensors.map(|(_, tensor)| match mode {
        Mode::LowMemory => tensor.length,
        Mode::Fast => tensor.length / tensor.dtype.bytes() * F32,
    });
    bytes.sum()
}

/// f32 copies made while low-memory mode runs a network; none of what is f32 already.
fn casts(part: &Component) -> u64 {
    let halves = part.tensors.values().filter(|tensor| tensor.dtype != TensorType::F32);
    let largest = halves.map(|tensor| tensor.length / tensor.dtype.bytes()).max();
    largest.unwrap_or(0) * F32 * CASTS_ALIVE
}

/// What packing the weights of `part` takes beside them.
fn packing(part: &Component) -> u64 {
    let from_half = part.tensors.values().any(|tensor| tensor.dtype != TensorType::F32);
    if from_half { part.parameters() * F32 * PACKING / 100 } else { 0 }
}

fn unet_activations(config: &UnetConfig, extent: Extent, batch: u64) -> u64 {
    let cells = extent.area() as u64 / 64;
    let width = config.block_out_channels.first().copied().unwrap_or(0) as u64;
    batch * cells * width * F32 * UNET_ALIVE
}

fn vae_activations(config: &VaeConfig, extent: Extent) -> u64 {
    let width = config.block_out_channels.get(1).or(config.block_out_channels.first());
    let width = width.copied().unwrap_or(0) as u64;
    extent.area() as u64 * width * F32 * VAE_ALIVE / 10
}
