//! What a `.safetensors` file says of itself: its numbers, its LoRA layers, and what its trainer wrote.
//!
//! Reads headers only, and the few scales of a LoRA.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use super::lora::Role;
use super::{Header, WeightsError, trigger_words};

/// Tags that are told.
const MOST_TAGS: usize = 12;

/// What a trainer writes, and what to call it. The first that is there is told of several with one name.
const SAID: &[(&str, &str)] = &[
    ("modelspec.title", "Title"),
    ("ss_output_name", "Title"),
    ("modelspec.author", "Author"),
    ("modelspec.license", "Licence"),
    ("license", "Licence"),
    ("modelspec.date", "Date"),
    ("modelspec.description", "About"),
    ("modelspec.usage_hint", "Use"),
    ("modelspec.resolution", "Resolution"),
    ("ss_resolution", "Resolution"),
    ("modelspec.architecture", "Made for"),
    ("ss_base_model_version", "Made for"),
    ("ss_sd_model_name", "Trained on"),
    ("ss_network_module", "Method"),
    ("ss_num_train_images", "Pictures"),
    ("ss_steps", "Steps"),
];

/// A file in a few figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Bytes of all weights.
    pub bytes: u64,
    /// Tensors.
    pub tensors: usize,
    /// Numbers in all weights.
    pub parameters: u64,
    /// How many tensors have each number format.
    pub formats: BTreeMap<String, usize>,
    /// Of a LoRA.
    pub lora: Option<LoraSummary>,
    /// Words that call up what the file was trained on.
    pub trigger_words: Vec<String>,
    /// The words that its training pictures had most often, and how often.
    pub tags: Vec<(String, u64)>,
    /// What its trainer wrote: name and text.
    pub said: Vec<(&'static str, String)>,
}

/// The layers of a LoRA.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoraSummary {
    /// Ranks of its layers, each once.
    pub ranks: BTreeSet<i64>,
    /// What it says its alphas are, where a word says it.
    pub alpha: Option<String>,
    /// How many layers of each network it changes.
    pub layers: BTreeMap<&'static str, usize>,
}

impl Summary {
    /// Reads the header of `path`.
    ///
    /// # Errors
    /// When the file cannot be read or is no safetensors file.
    pub fn of(path: &Path) -> Result<Self, WeightsError> {
        let header = Header::read(path)?;
        let weights = header.tensors.values();
        let of = |key: &str| header.metadata.get(key).map(|text| text.trim().to_owned());
        let mut said: Vec<(&str, String)> = Vec::new();
        for &(key, name) in SAID {
            let text = of(key).filter(|text| !text.is_empty() && text != "None");
            if let Some(text) = text
                && said.iter().all(|(known, _)| *known != name)
            {
                said.push((name, text));
            }
        }
        let mut formats = BTreeMap::new();
        let known = weights.clone().map(|tensor| format!("{:?}", tensor.dtype).to_uppercase());
        let others = header.others.values().map(|tensor| format!("{:?}", tensor.dtype));
        for format in known.chain(others) {
            *formats.entry(format).or_insert(0) += 1;
        }
        Ok(Self {
            bytes: weights.clone().map(|tensor| tensor.length).sum(),
            tensors: header.tensors.len() + header.others.len(),
            parameters: weights.map(|tensor| tensor.length / tensor.dtype.bytes()).sum(),
            lora: LoraSummary::of(&header),
            trigger_words: trigger_words(&header),
            tags: header.metadata.get("ss_tag_frequency").map_or_else(Vec::new, |text| tags(text)),
            said,
            formats,
        })
    }
}

impl LoraSummary {
    /// `None` for a file without layers of a LoRA.
    fn of(header: &Header) -> Option<Self> {
        let mut summary = Self::default();
        let mut layers = BTreeSet::new();
        for (key, tensor) in &header.tensors {
            let Some((layer, role)) = Role::of(key) else { continue };
            let rank = match role {
                Role::Down | Role::HadaW1B | Role::LokrW1B | Role::LokrW2B => tensor.shape.first(),
                Role::Alpha | Role::DoraScale | Role::Magnitude => continue,
                _ => None,
            };
            summary.ranks.extend(rank);
            layers.insert(layer);
        }
        for layer in &layers {
            *summary.layers.entry(network(layer)).or_insert(0) += 1;
        }
        summary.alpha = header.metadata.get("ss_network_alpha").cloned();
        (!layers.is_empty()).then_some(summary)
    }
}

/// The network that a layer of a LoRA belongs to, by its name.
fn network(layer: &str) -> &'static str {
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| layer.starts_with(prefix));
    if starts(&["lora_te2_", "text_encoder_2."]) {
        "second text encoder"
    } else if starts(&["lora_te", "text_encoder", "clip_l."]) || layer.contains("text_model") {
        "text encoder"
    } else {
        "denoiser"
    }
}

/// The most frequent tags of all folders that `ss_tag_frequency` tells of; none of what is no such JSON.
fn tags(text: &str) -> Vec<(String, u64)> {
    let Ok(Value::Object(folders)) = serde_json::from_str(text) else { return Vec::new() };
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for (tag, count) in folders.values().filter_map(Value::as_object).flatten() {
        let sum = counts.entry(tag.trim()).or_insert(0);
        *sum = sum.saturating_add(count.as_u64().unwrap_or(0));
    }
    let mut tags: Vec<(String, u64)> =
        counts.into_iter().map(|(tag, count)| (tag.to_owned(), count)).collect();
    tags.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    tags.truncate(MOST_TAGS);
    tags
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use safetensors::{Dtype, tensor::TensorView};

    use super::*;

    #[test]
    fn a_lora_is_told_by_its_layers_and_its_trainers_words() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.safetensors");
        let zeros = [0_u8; 4 * 8 * 2];
        let view = |shape: &[usize]| {
            let bytes = shape.iter().product::<usize>() * 2;
            TensorView::new(Dtype::F16, shape.to_vec(), &zeros[..bytes]).unwrap()
        };
        let tensors = [
            ("lora_unet_mid_attn1_to_q.lora_down.weight", view(&[4, 8])),
            ("lora_unet_mid_attn1_to_q.lora_up.weight", view(&[8, 4])),
            ("lora_unet_mid_attn1_to_q.alpha", view(&[])),
            ("lora_te_text_model_encoder_layers_0_mlp_fc1.lora_down.weight", view(&[2, 8])),
            ("lora_te_text_model_encoder_layers_0_mlp_fc1.lora_up.weight", view(&[8, 2])),
        ];
        let tags = r#"{"10_a":{"fox ":3,"red":9},"b":{"fox":4,"owl":1}}"#;
        let said = [
            ("ss_tag_frequency", tags),
            ("modelspec.trigger_phrase", "ohwx, inked"),
            ("ss_output_name", "x"),
            ("modelspec.title", "Ink"),
            ("modelspec.license", "MIT"),
            ("ss_network_alpha", "4.0"),
            ("ss_steps", "None"),
        ];
        let said: HashMap<String, String> =
            said.iter().map(|&(key, text)| (key.to_owned(), text.to_owned())).collect();
        safetensors::serialize_to_file(tensors, Some(said), &path).unwrap();
        let summary = Summary::of(&path).unwrap();
        assert_eq!((summary.tensors, summary.parameters, summary.bytes), (5, 97, 194));
        assert_eq!(summary.formats, BTreeMap::from([("F16".to_owned(), 5)]));
        let lora = summary.lora.unwrap();
        assert_eq!(lora.ranks, BTreeSet::from([2, 4]));
        assert_eq!(lora.layers, BTreeMap::from([("denoiser", 1), ("text encoder", 1)]));
        assert_eq!(lora.alpha.as_deref(), Some("4.0"));
        assert_eq!(summary.trigger_words, ["ohwx", "inked"]);
        let most = [("red".to_owned(), 9), ("fox".to_owned(), 7), ("owl".to_owned(), 1)];
        assert_eq!(summary.tags, most);
        assert_eq!(summary.said, [("Title", "Ink".to_owned()), ("Licence", "MIT".to_owned())]);
    }

    #[test]
    fn tags_that_are_none_are_left_out() {
        assert_eq!(super::tags("{"), []);
        assert_eq!(super::tags("[1]"), []);
        assert_eq!(super::tags(r#"{"a":{"b":-1,"c":"x"}}"#).len(), 2);
    }
}
