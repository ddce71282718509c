//! Names: from the original (LDM) layout of single files to the names diffusers uses.
//!
//! The two layouts hold the same tensors; the VAE's attention projections are 1 × 1 convolutions
//! in the one and linear layers in the other, which is the same bytes.

use std::collections::HashMap;

use super::config::{UnetConfig, VaeConfig};

/// Prefix of the UNet in a single file.
pub(super) const UNET: &str = "model.diffusion_model.";
/// Prefix of the VAE in a single file.
pub(super) const VAE: &str = "first_stage_model.";
/// Prefix of the SD 1.x text encoder in a single file.
pub(super) const TEXT_ENCODER: &str = "cond_stage_model.transformer.";

/// Renames UNet tensors, `model.diffusion_model.` taken off.
pub(super) struct UnetNames {
    /// LDM block to diffusers block, `input_blocks.1.0` → `down_blocks.0.resnets.0`.
    blocks: HashMap<String, String>,
    /// The way back.
    originals: HashMap<String, String>,
}

/// Layers outside the blocks.
const OUTSIDE: [(&str, &str); 5] = [
    ("input_blocks.0.0.", "conv_in."),
    ("time_embed.0.", "time_embedding.linear_1."),
    ("time_embed.2.", "time_embedding.linear_2."),
    ("out.0.", "conv_norm_out."),
    ("out.2.", "conv_out."),
];

/// Layers inside a residual block.
const RESNET: [(&str, &str); 6] = [
    ("in_layers.0.", "norm1."),
    ("in_layers.2.", "conv1."),
    ("emb_layers.1.", "time_emb_proj."),
    ("out_layers.0.", "norm2."),
    ("out_layers.3.", "conv2."),
    ("skip_connection.", "conv_shortcut."),
];

impl UnetNames {
    pub(super) fn new(config: &UnetConfig) -> Self {
        let mut blocks = HashMap::new();
        let mut add = |ldm: String, diffusers: String| blocks.insert(ldm, diffusers);
        let levels = config.block_out_channels.len();

        let mut input = 1;
        for (level, kind) in config.down_block_types.iter().enumerate() {
            for layer in 0..config.layers_per_block {
                add(
                    format!("input_blocks.{input}.0"),
                    format!("down_blocks.{level}.resnets.{layer}"),
                );
                if kind.starts_with("CrossAttn") {
                    add(
                        format!("input_blocks.{input}.1"),
                        format!("down_blocks.{level}.attentions.{layer}"),
                    );
                }
                input += 1;
            }
            if level + 1 < levels {
                add(
                    format!("input_blocks.{input}.0.op"),
                    format!("down_blocks.{level}.downsamplers.0.conv"),
                );
                input += 1;
            }
        }

        add("middle_block.0".to_owned(), "mid_block.resnets.0".to_owned());
        add("middle_block.1".to_owned(), "mid_block.attentions.0".to_owned());
        add("middle_block.2".to_owned(), "mid_block.resnets.1".to_owned());

        let mut output = 0;
        for (level, kind) in config.up_block_types.iter().enumerate() {
            let attends = kind.starts_with("CrossAttn");
            for layer in 0..=config.layers_per_block {
                add(
                    format!("output_blocks.{output}.0"),
                    format!("up_blocks.{level}.resnets.{layer}"),
                );
                if attends {
                    add(
                        format!("output_blocks.{output}.1"),
                        format!("up_blocks.{level}.attentions.{layer}"),
                    );
                }
                if layer == config.layers_per_block && level + 1 < levels {
                    let place = 1 + usize::from(attends);
                    add(
                        format!("output_blocks.{output}.{place}.conv"),
                        format!("up_blocks.{level}.upsamplers.0.conv"),
                    );
                }
                output += 1;
            }
        }
        let originals = blocks.iter().map(|(ldm, block)| (block.clone(), ldm.clone())).collect();
        Self { blocks, originals }
    }

    pub(super) fn diffusers(&self, ldm: &str) -> Option<String> {
        if let Some(name) = replace_prefix(ldm, &OUTSIDE) {
            return Some(name);
        }
        // A block is named by three parts (`input_blocks.4.1`), samplers by four, the middle by two.
        let ends: Vec<usize> = ldm.match_indices('.').map(|(at, _)| at).collect();
        for &end in ends.iter().rev() {
            if let Some(block) = self.blocks.get(&ldm[..end]) {
                let inside = &ldm[end + 1..];
                let inside = if block.contains("resnets") {
                    replace_prefix(inside, &RESNET)?
                } else {
                    inside.to_owned()
                };
                return Some(format!("{block}.{inside}"));
            }
        }
        None
    }

    /// The LDM name of a layer (no `.weight` at its end) of the diffusers layout.
    pub(super) fn original(&self, layer: &str) -> Option<String> {
        // The tables end in a dot.
        let layer = format!("{layer}.");
        if let Some(name) = replace_back(&layer, &OUTSIDE) {
            return Some(name);
        }
        let ends: Vec<usize> = layer.match_indices('.').map(|(at, _)| at).collect();
        for &end in ends.iter().rev() {
            if let Some(block) = self.originals.get(&layer[..end]) {
                let inside = layer.get(end + 1..).unwrap_or_default();
                if inside.is_empty() {
                    return Some(block.clone());
                }
                let inside = if layer.contains(".resnets.") {
                    replace_back(inside, &RESNET)?
                } else {
                    inside.trim_end_matches('.').to_owned()
                };
                return Some(format!("{block}.{inside}"));
            }
        }
        None
    }
}

fn replace_prefix(name: &str, table: &[(&str, &str)]) -> Option<String> {
    table.iter().find_map(|(from, to)| Some(format!("{to}{}", name.strip_prefix(from)?)))
}

/// The same table read from right to left; the result has no dot at its end.
fn replace_back(name: &str, table: &[(&str, &str)]) -> Option<String> {
    table.iter().find_map(|(to, from)| {
        let rest = name.strip_prefix(from)?;
        Some(format!("{to}{rest}").trim_end_matches('.').to_owned())
    })
}

/// The diffusers name of a VAE tensor, `first_stage_model.` taken off.
pub(super) fn vae(ldm: &str, config: &VaeConfig) -> Option<String> {
    let last = config.block_out_channels.len().checked_sub(1)?;
    let (half, rest) = match ldm.split_once('.')? {
        (half @ ("encoder" | "decoder"), rest) => (half, rest),
        ("quant_conv" | "post_quant_conv", _) => return Some(ldm.to_owned()),
        _ => return None,
    };
    let parts: Vec<&str> = rest.split('.').collect();
    let inside = match parts.as_slice() {
        ["down", level, "block", layer, ..] => {
            format!("down_blocks.{level}.resnets.{layer}.{}", vae_resnet(&parts[4..]))
        }
        ["up", level, "block", layer, ..] => {
            let level = last.checked_sub(level.parse().ok()?)?;
            format!("up_blocks.{level}.resnets.{layer}.{}", vae_resnet(&parts[4..]))
        }
        ["down", level, "downsample", ..] => {
            format!("down_blocks.{level}.downsamplers.0.{}", parts[3..].join("."))
        }
        ["up", level, "upsample", ..] => {
            let level = last.checked_sub(level.parse().ok()?)?;
            format!("up_blocks.{level}.upsamplers.0.{}", parts[3..].join("."))
        }
        ["mid", "block_1", ..] => format!("mid_block.resnets.0.{}", vae_resnet(&parts[2..])),
        ["mid", "block_2", ..] => format!("mid_block.resnets.1.{}", vae_resnet(&parts[2..])),
        ["mid", "attn_1", projection, leaf] => {
            format!("mid_block.attentions.0.{}.{leaf}", vae_attention(projection))
        }
        ["norm_out", leaf] => format!("conv_norm_out.{leaf}"),
        _ => rest.to_owned(),
    };
    Some(format!("{half}.{inside}"))
}

fn vae_resnet(parts: &[&str]) -> String {
    parts.join(".").replace("nin_shortcut", "conv_shortcut")
}

/// Attention projections of the VAE: LDM's names and those of diffusers before 0.17.
fn vae_attention(projection: &str) -> &str {
    match projection {
        "norm" => "group_norm",
        "q" | "query" => "to_q",
        "k" | "key" => "to_k",
        "v" | "value" => "to_v",
        "proj_out" | "proj_attn" => "to_out.0",
        other => other,
    }
}

/// Brings the attention names of old diffusers VAEs up to date; other names stay.
pub(super) fn modern_vae(name: &str) -> String {
    match name.split_once(".attentions.0.") {
        Some((block, rest)) => match rest.split_once('.') {
            Some((projection, leaf)) if projection != "to_out" => {
                format!("{block}.attentions.0.{}.{leaf}", vae_attention(projection))
            }
            _ => name.to_owned(),
        },
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::Value;

    use super::*;
    use crate::weights::config::read_json;

    #[test]
    fn original_names_come_back_from_diffusers_names() {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
        let config = read_json(&repository.join("assets/models/demo/unet/config.json")).unwrap();
        let names = UnetNames::new(&config);
        let table: Value = read_json(&repository.join("tests/goldens/ldm_names.json")).unwrap();
        let mut seen = 0;
        for (ldm, entry) in table.as_object().unwrap() {
            let Some(ldm) = ldm.strip_prefix(UNET).and_then(|ldm| ldm.strip_suffix(".weight"))
            else {
                continue;
            };
            let layer = entry["diffusers"].as_str().unwrap().strip_suffix(".weight").unwrap();
            assert_eq!(names.original(layer).as_deref(), Some(ldm));
            seen += 1;
        }
        assert!(seen > 100, "{seen}");
        assert_eq!(names.original("down_blocks.9.resnets.0.conv1"), None);
    }
}
