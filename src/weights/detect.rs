//! What a `.safetensors` file is, told from its tensors' names and shapes.

use crate::task::{Architecture, ModelKind};

use super::Header;
use super::lora::{self, Role};

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
    } else if starts("controlnet_cond_embedding.") || starts("control_model.") {
        ModelKind::ControlNet
    } else if starts("model.diffusion_model.") {
        ModelKind::Checkpoint
    } else if starts("emb_params") || starts("clip_l") || starts("string_to_param") {
        ModelKind::Embedding
    } else if starts("decoder.conv_in.") || starts("first_stage_model.decoder.") {
        ModelKind::Vae
    } else {
        return None;
    };
    let architecture = match kind {
        ModelKind::Checkpoint => checkpoint_architecture(header),
        ModelKind::Lora => lora::evidence(header).map(|evidence| evidence.architecture),
        _ => None,
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
