//! From a layer's name in a LoRA file to the layer of the checkpoint.
//!
//! Trainers join the parts of a name with underscores, which cannot be undone. So every layer of the
//! checkpoint is listed under each name that it may have in a file, dots made underscores.

use std::collections::HashMap;

use crate::weights::Checkpoint;
use crate::weights::layout::UnetNames;

/// Which network a layer belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TargetPart {
    /// The denoiser.
    Unet,
    /// The CLIP text model.
    TextEncoder,
}

use TargetPart::{TextEncoder, Unet};

/// What stands before a layer's name, by writer: kohya, diffusers, LyCORIS, ComfyUI.
const PREFIXES: &[(&str, TargetPart)] = &[
    ("lora_unet_", Unet),
    ("lora_te1_", TextEncoder),
    ("lora_te_", TextEncoder),
    ("unet.", Unet),
    ("text_encoder.", TextEncoder),
    ("lycoris_", Unet),
    ("model.diffusion_model.", Unet),
    ("diffusion_model.", Unet),
    ("text_encoders.clip_l.transformer.", TextEncoder),
    ("clip_l.transformer.", TextEncoder),
];

/// PEFT's wrapping of a whole network.
const WRAPPING: &str = "base_model.model.";

/// Projections of the text encoder: CLIP's names, and those of diffusers before 0.22.
const PROJECTIONS: [(&str, &str); 4] =
    [("q_proj", "to_q"), ("k_proj", "to_k"), ("v_proj", "to_v"), ("out_proj", "to_out")];

/// Every name that a layer of one checkpoint may have in a LoRA file.
pub(super) struct Names {
    layers: HashMap<(TargetPart, String), String>,
}

impl Names {
    pub(super) fn new(checkpoint: &Checkpoint) -> Self {
        let mut layers = HashMap::new();
        let ldm = UnetNames::new(&checkpoint.unet_config);
        for layer in layers_of(&checkpoint.unet.tensors) {
            let mut add = |name: &str| layers.insert((Unet, flat(name)), layer.to_owned());
            add(layer);
            if let Some(original) = ldm.original(layer) {
                add(&original);
            }
            // diffusers before 0.17 hung LoRAs on processors, and called `to_out.0` `to_out`.
            if let Some((attention, projection)) = layer.rsplit_once(".to_") {
                let projection = projection.trim_end_matches(".0");
                add(&format!("{attention}.processor.to_{projection}"));
                add(&format!("{attention}.to_{projection}"));
            }
        }
        // The words' vectors are looked up as they lie in the file and cannot be changed.
        let changes = |layer: &&str| !layer.ends_with("token_embedding");
        for layer in layers_of(&checkpoint.text_encoder.tensors).filter(changes) {
            let mut add = |name: &str| {
                // Newer exporters leave `text_model.` away.
                let bare = name.strip_prefix("text_model.").unwrap_or(name);
                layers.insert((TextEncoder, flat(bare)), layer.to_owned());
                layers.insert((TextEncoder, flat(name)), layer.to_owned());
            };
            add(layer);
            for (modern, old) in PROJECTIONS {
                if let Some(attention) = layer.strip_suffix(modern) {
                    add(&format!("{attention}{old}"));
                }
            }
        }
        Self { layers }
    }

    /// The layer that `name` means, by its diffusers name.
    pub(super) fn resolve(&self, name: &str) -> Option<(TargetPart, &str)> {
        let name = name.strip_prefix(WRAPPING).unwrap_or(name);
        let known =
            PREFIXES.iter().find_map(|&(prefix, part)| Some((part, name.strip_prefix(prefix)?)));
        let look = |part, name: &str| {
            let layer = self.layers.get(&(part, flat(name)))?;
            Some((part, layer.as_str()))
        };
        match known {
            Some((part, name)) => look(part, name.strip_prefix(WRAPPING).unwrap_or(name)),
            None => look(Unet, name).or_else(|| look(TextEncoder, name)),
        }
    }
}

fn flat(name: &str) -> String {
    name.replace('.', "_")
}

fn layers_of<T>(tensors: &std::collections::BTreeMap<String, T>) -> impl Iterator<Item = &str> {
    tensors.keys().filter_map(|name| name.strip_suffix(".weight"))
}
