//! What a `.safetensors` file is, told from its tensors' names and shapes.

use crate::task::{Architecture, ModelKind};

use super::lora::{self, Role};
use super::{Embedding, Header, controlnet};

/// Kind and architecture of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detected {
    /// What the file is for.
    pub kind: ModelKind,

    /// The network family; `None` where the names do not tell.
    pub architecture: Option<Architecture>,
}

/// Looks at names and shapes; `None` for a file of no kind we know.
#[must_use]
pub fn detect(header: &Header) -> Option<Detected> {
    let has = |part: &str| header.tensors.keys().any(|name| name.contains(part));
    let starts = |part: &str| header.tensors.keys().any(|name| name.starts_with(part));
    // IP-Adapters for faces bring LoRAs along, so they stand first.
    let kind = if has("image_proj.") && has("ip_adapter.") {
        ModelKind::IpAdapter
    } else if header.tensors.keys().any(|key| changes_a_layer(key)) {
        ModelKind::Lora
    } else if controlnet::SIGNS.iter().any(|sign| starts(sign)) {
        ModelKind::ControlNet
    } else if starts("model.diffusion_model.") {
        ModelKind::Checkpoint
    } else if Embedding::is_in(header) {
        ModelKind::Embedding
    } else if starts("decoder.conv_in.") || starts("first_stage_model.decoder.") {
        ModelKind::Vae
    } else {
        return None;
    };
    let architecture = match kind {
        ModelKind::Checkpoint => checkpoint_architecture(header),
        ModelKind::Embedding => embedding_architecture(header),
        ModelKind::IpAdapter => ip_adapter_architecture(header),
        ModelKind::ControlNet => controlnet::architecture(&header.tensors),
        // The shapes of VAEs do not tell; where their metadata does, it is as that of LoRAs.
        ModelKind::Lora | ModelKind::Vae => {
            lora::evidence(header).map(|evidence| evidence.architecture)
        }
    };
    Some(Detected { kind, architecture })
}

/// Whether only LoRAs have a tensor of this name. `alpha` and layers called `a1` occur elsewhere.
fn changes_a_layer(key: &str) -> bool {
    Role::of(key).is_some_and(|(_, role)| !matches!(role, Role::Alpha | Role::Glora))
}

/// The family of a single-file checkpoint, told by its text encoders.
fn checkpoint_architecture(header: &Header) -> Option<Architecture> {
    let starts = |part: &str| header.tensors.keys().any(|name| name.starts_with(part));
    if starts("conditioner.embedders.1.") {
        Some(Architecture::Sdxl)
    } else if starts("conditioner.embedders.0.model.") {
        Some(Architecture::SdxlRefiner)
    } else if starts("cond_stage_model.model.") {
        Some(Architecture::Sd2)
    } else if starts("cond_stage_model.transformer.") {
        Some(Architecture::Sd1)
    } else if starts("model.diffusion_model.double_blocks.") {
        Some(Architecture::FluxDev)
    } else if starts("model.diffusion_model.joint_blocks.") {
        Some(Architecture::Sd3)
    } else {
        None
    }
}

/// The family of a textual inversion, told by the width of the text encoders it has vectors for.
fn embedding_architecture(header: &Header) -> Option<Architecture> {
    const SDXL_SECOND: i64 = 1280;
    let widths = || header.tensors.values().filter_map(|tensor| tensor.shape.last().copied());
    if widths().any(|width| width == SDXL_SECOND) {
        return Some(Architecture::Sdxl);
    }
    widths().find_map(architecture_of_width)
}

/// The family of an IP-Adapter, told by the width of the text encoding that its pictures join.
fn ip_adapter_architecture(header: &Header) -> Option<Architecture> {
    const SDXL: i64 = 2048;
    let mut keys = header.tensors.iter().filter(|(name, _)| name.ends_with(".to_k_ip.weight"));
    let width = *keys.next()?.1.shape.last()?;
    if width == SDXL { Some(Architecture::Sdxl) } else { architecture_of_width(width) }
}

/// The family whose only text encoder has that width.
#[must_use]
pub(super) const fn architecture_of_width(width: i64) -> Option<Architecture> {
    match width {
        768 => Some(Architecture::Sd1),
        1024 => Some(Architecture::Sd2),
        _ => None,
    }
}
