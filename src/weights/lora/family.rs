//! Which network family a LoRA was made for, told from its names, shapes and metadata.

use super::key::Role;
use crate::task::Architecture;
use crate::weights::{Header, Tensor};

/// A family, and what shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::weights) struct Evidence {
    /// The family.
    pub(in crate::weights) architecture: Architecture,
    /// What in the file shows it, as a clause for messages.
    pub(in crate::weights) why: String,
}

/// Width of the text encoding that each family's UNet attends to.
const WIDTHS: &[(usize, Architecture)] = &[
    (768, Architecture::Sd1),
    (1024, Architecture::Sd2),
    (1280, Architecture::SdxlRefiner),
    (2048, Architecture::Sdxl),
];

/// Parts of names that only one family has. FLUX stands before SD 3, whose names are among its own;
/// only SDXL has more than one transformer block in a row.
const NAMES: &[(&str, Architecture)] = &[
    ("double_blocks", Architecture::FluxDev),
    ("single_transformer_blocks", Architecture::FluxDev),
    ("joint_blocks", Architecture::Sd3),
    ("transformer.transformer_blocks", Architecture::Sd3),
    ("lora_transformer_transformer_blocks", Architecture::Sd3),
    ("lora_te2_", Architecture::Sdxl),
    ("text_encoder_2.", Architecture::Sdxl),
    ("_transformer_blocks_1_", Architecture::Sdxl),
    (".transformer_blocks.1.", Architecture::Sdxl),
];

/// What trainers write into `ss_base_model_version` and `modelspec.architecture`. The longer of two
/// that fit stands first.
const TOLD: &[(&str, Architecture)] = &[
    ("sdxl", Architecture::Sdxl),
    ("stable-diffusion-xl", Architecture::Sdxl),
    ("sd_v1", Architecture::Sd1),
    ("sd_1", Architecture::Sd1),
    ("stable-diffusion-v1", Architecture::Sd1),
    ("sd_v2", Architecture::Sd2),
    ("sd_2", Architecture::Sd2),
    ("stable-diffusion-v2", Architecture::Sd2),
    ("sd3", Architecture::Sd3),
    ("stable-diffusion-3", Architecture::Sd3),
    ("flux", Architecture::FluxDev),
];

/// The family that the file shows; `None` where nothing tells.
pub(in crate::weights) fn evidence(header: &Header) -> Option<Evidence> {
    by_name(header).or_else(|| by_width(header)).or_else(|| by_metadata(header))
}

fn by_name(header: &Header) -> Option<Evidence> {
    NAMES.iter().find_map(|&(part, architecture)| {
        let key = header.tensors.keys().find(|key| key.contains(part))?;
        Some(Evidence { architecture, why: format!("it has the tensor `{key}`") })
    })
}

fn by_width(header: &Header) -> Option<Evidence> {
    let width = cross_attention_width(header)?;
    let &(_, architecture) = WIDTHS.iter().find(|(known, _)| *known == width)?;
    Some(Evidence { architecture, why: format!("cross-attention width {width}") })
}

fn by_metadata(header: &Header) -> Option<Evidence> {
    ["ss_base_model_version", "modelspec.architecture"].iter().find_map(|&key| {
        let told = header.metadata.get(key)?;
        let lower = told.to_lowercase();
        let &(_, architecture) = TOLD.iter().find(|(start, _)| lower.starts_with(start))?;
        Some(Evidence { architecture, why: format!("its `{key}` says `{told}`") })
    })
}

/// Inputs of the layers that attend to the text, if the file changes one.
pub(super) fn cross_attention_width(header: &Header) -> Option<usize> {
    header.tensors.iter().find_map(|(key, tensor)| {
        let (layer, role) = Role::of(key)?;
        let projects_text = ["to_k", "to_v"].iter().any(|end| layer.ends_with(end));
        if !projects_text || !layer.contains("attn2") {
            return None;
        }
        match role {
            Role::Down | Role::HadaW1B | Role::Diff => side(tensor, 1),
            // A Kronecker product has the product of the widths.
            Role::LokrW1 | Role::LokrW1B => {
                let second = ["lokr_w2", "lokr_w2_b"]
                    .iter()
                    .find_map(|ending| header.tensors.get(&format!("{layer}.{ending}")));
                Some(side(tensor, 1)?.saturating_mul(side(second?, 1)?))
            }
            _ => None,
        }
    })
}

fn side(tensor: &Tensor, at: usize) -> Option<usize> {
    tensor.shape.get(at).and_then(|&side| usize::try_from(side).ok())
}
