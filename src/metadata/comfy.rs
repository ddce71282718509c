//! From ComfyUI's graph to a task: from the saved picture back to the first sampler, and from there
//! to prompts, size and models. Nodes that are not understood are noted, and passed through where
//! that is likely to be right.

use std::collections::BTreeSet;

use serde_json::Value;

use super::carried::{Carried, Origin};
use super::comfy_graph::{Graph, Link, Node};
use super::json::{number, shown, whole};
use super::samplers;
use crate::task::PromptWeighting;

/// Most samplers that are looked at, and most texts that a prompt is put together of.
const MOST_SAMPLERS: usize = 8;
const MOST_TEXTS: usize = 16;

/// Longest text of a prompt, in bytes.
const LONGEST_TEXT: usize = 1 << 16;

/// Inputs through which a sampler gets what it starts from.
const LATENT: [&str; 4] = ["latent_image", "latent", "samples", "optional_latent"];

/// Inputs of texts, the most telling first.
const TEXTS: [&str; 7] = ["text", "text_g", "t5xxl", "clip_g", "text_l", "clip_l", "prompt"];

/// Inputs that are no way to a prompt.
const NO_CONDITIONING: [&str; 9] = [
    "clip",
    "model",
    "vae",
    "image",
    "pixels",
    "mask",
    "control_net",
    "style_model",
    "clip_vision_output",
];

/// Nodes whose part in a picture is understood, or that have none. Their beginnings.
const UNDERSTOOD: [&str; 25] = [
    "KSampler",
    "SamplerCustom",
    "BasicScheduler",
    "RandomNoise",
    "CFGGuider",
    "BasicGuider",
    "CLIPTextEncode",
    "EmptyLatentImage",
    "EmptySD3LatentImage",
    "CheckpointLoader",
    "UNETLoader",
    "LoraLoader",
    "CLIPSetLastLayer",
    "VAEDecode",
    "SaveImage",
    "PreviewImage",
    "VAEEncode",
    "LoadImage",
    "ConditioningZeroOut",
    "ConditioningCombine",
    "Primitive",
    "Reroute",
    "CLIPLoader",
    "DualCLIPLoader",
    "TripleCLIPLoader",
];

/// Reads a graph; `None` when the text holds none.
pub(super) fn read(text: &str) -> Option<Carried> {
    let graph = Graph::parse(text)?;
    let mut carried = Carried::new(Origin::ComfyUi, text);
    let nodes = made_by(&graph);
    let samplers: Vec<Node<'_>> =
        nodes.iter().copied().filter(is_sampler).take(MOST_SAMPLERS).collect();
    match first(&graph, &samplers) {
        Some(sampler) => take(&graph, sampler, &samplers, &mut carried),
        None => carried.note("no sampler is found in the graph"),
    }
    note_nodes(&nodes, &mut carried);
    Some(carried)
}

/// Takes everything over that `sampler`, the first of them, was given.
fn take(graph: &Graph, sampler: Node<'_>, samplers: &[Node<'_>], carried: &mut Carried) {
    for other in samplers.iter().filter(|other| other.id != sampler.id) {
        carried.note(&format!("node {} ({}) samples as well", other.id, other.class));
    }
    take_sampling(graph, sampler, carried);
    take_prompts(graph, sampler, carried);
    take_start(graph, sampler, carried);
    take_models(graph, sampler, carried);
}

/// The nodes that saved pictures come from; all nodes where none is saved. Of several saved pictures
/// the file does not say which one it is.
fn made_by(graph: &Graph) -> Vec<Node<'_>> {
    let ends = |word: &str| -> Vec<Node<'_>> {
        let ends = graph.nodes().filter(|node| node.class.contains(word));
        ends.filter(|node| node.links().next().is_some()).take(MOST_SAMPLERS).collect()
    };
    let saved = Some(ends("Save")).filter(|ends| !ends.is_empty());
    let ends = saved.unwrap_or_else(|| ends("PreviewImage"));
    if ends.is_empty() {
        return graph.nodes().collect();
    }
    let mut seen = BTreeSet::new();
    let upstream = ends.iter().flat_map(|end| graph.everything(Link { id: end.id, slot: 0 }));
    upstream.filter(|node| seen.insert(node.id)).collect()
}

fn note_nodes(nodes: &[Node<'_>], carried: &mut Carried) {
    let mut strange: Vec<(&str, usize)> = Vec::new();
    for node in nodes {
        if node.class.starts_with("VAELoader") {
            let name = node.literal("vae_name").map(shown);
            carried.note(&format!("VAE: {}", name.unwrap_or_default()));
        } else if !UNDERSTOOD.iter().any(|known| node.class.starts_with(known)) {
            match strange.iter_mut().find(|(class, _)| *class == node.class) {
                Some((_, times)) => *times += 1,
                None => strange.push((node.class, 1)),
            }
        }
    }
    for (class, times) in strange {
        let times = if times > 1 { format!(" ({times} times)") } else { String::new() };
        carried.note(&format!("node {class}{times} is not understood"));
    }
}

fn is_sampler(node: &Node<'_>) -> bool {
    let has = |names: &[&str]| names.iter().any(|name| node.inputs.contains_key(*name));
    has(&["positive", "guider"]) && has(&["seed", "noise_seed", "noise"]) && has(&LATENT)
}

/// The sampler that none of the others comes before.
fn first<'a>(graph: &'a Graph, samplers: &[Node<'a>]) -> Option<Node<'a>> {
    let after_another = |sampler: &Node<'a>| {
        let start = LATENT.iter().find_map(|name| sampler.link(name));
        let before = start.map(|start| graph.everything(start)).unwrap_or_default();
        before
            .iter()
            .any(|node| node.id != sampler.id && samplers.iter().any(|other| other.id == node.id))
    };
    samplers.iter().find(|sampler| !after_another(sampler)).or(samplers.first()).copied()
}

fn take_sampling(graph: &Graph, sampler: Node<'_>, carried: &mut Carried) {
    let find = |names: &[&str], beside: &[&str]| graph.value_beside(sampler, names, beside);
    if let Some(seed) = find(&["seed", "noise_seed"], &["noise"]) {
        carried.take_seed(&shown(seed));
    }
    let steps = find(&["steps"], &["sigmas"]);
    carried.task.steps = steps.and_then(number).and_then(whole);
    carried.task.cfg_scale = find(&["cfg"], &["guider"]).and_then(number);
    let name = find(&["sampler_name"], &["sampler"]).and_then(Value::as_str);
    let schedule = find(&["scheduler"], &["sigmas"]).and_then(Value::as_str);
    if let Some(name) = name {
        // The first versions wrote the names of functions.
        let name = name.strip_prefix("sample_").unwrap_or(name);
        carried.take_scheduler(samplers::from_comfy(name, schedule.unwrap_or("normal")));
    }
    let at = |name: &str| sampler.literal(name).and_then(number);
    let ends = at("end_at_step").zip(carried.task.steps);
    if at("start_at_step").is_some_and(|start| start > 0.0)
        || ends.is_some_and(|(end, steps)| end < f64::from(steps))
    {
        let shown = ["start_at_step", "end_at_step"].map(|name| {
            format!("{name}: {}", sampler.literal(name).map(shown).unwrap_or_default())
        });
        carried.note(&shown.join(", "));
    }
}

fn take_prompts(graph: &Graph, sampler: Node<'_>, carried: &mut Carried) {
    let guider = sampler.link("guider").and_then(|link| graph.node(link.id));
    let link =
        |name: &str| sampler.link(name).or_else(|| guider.and_then(|guider| guider.link(name)));
    let positive = link("positive").or_else(|| link("conditioning"));
    let positive = positive.map(|link| prompt(graph, link, carried)).unwrap_or_default();
    let negative = link("negative").map(|link| prompt(graph, link, carried)).unwrap_or_default();
    if positive.is_empty() {
        carried.note("no prompt is found in the graph");
    }
    carried.take_prompts(&positive, &negative);
    carried.take_weighting(PromptWeighting::SdEmbeds, &['(']);
    if carried.task.prompt_weighting.is_some() {
        carried.note("emphasis in the prompts weighs somewhat differently here");
    }
    if positive.contains("embedding:") || negative.contains("embedding:") {
        carried.note("`embedding:` in the prompts is taken as text");
    }
}

/// The text that a conditioning is made of.
fn prompt(graph: &Graph, start: Link<'_>, carried: &mut Carried) -> String {
    let nodes = graph.walk(start, |node, slot| {
        if encodes(&node) || node.class == "ConditioningZeroOut" {
            return Vec::new();
        }
        // Nodes that change both prompts give them out in the order they take them.
        let one = if slot == 0 { "positive" } else { "negative" };
        if let (Some(link), true) = (node.link(one), node.link("negative").is_some()) {
            return vec![link];
        }
        let ways = node.links().filter(|(name, _)| !NO_CONDITIONING.contains(name));
        ways.map(|(_, link)| link).collect()
    });
    let mut texts: Vec<&str> = Vec::new();
    let encoders: Vec<Node<'_>> = nodes.into_iter().filter(encodes).collect();
    if encoders.len() > MOST_TEXTS {
        carried.note(&format!("{MOST_TEXTS} of {} prompts", encoders.len()));
    }
    for node in encoders.into_iter().take(MOST_TEXTS) {
        let given = TEXTS.iter().filter(|name| node.inputs.contains_key(**name));
        let mut first = None;
        for name in given {
            match (graph.value(node, &[name]).and_then(Value::as_str), first) {
                (Some(text), _) if text.len() > LONGEST_TEXT => {
                    carried.note(&format!("node {}: its {name} has {} bytes", node.id, text.len()));
                }
                (Some(text), None) if !text.trim().is_empty() => first = Some(text),
                (Some(text), Some(first)) if text != first => {
                    carried.note(&format!("{name}: {text}"));
                }
                (Some(_), _) => {}
                (None, _) => {
                    carried.note(&format!("node {}: its {name} is made by others", node.id));
                }
            }
        }
        texts.extend(first);
        take_clip_skip(graph, node, carried);
    }
    if texts.len() > 1 {
        carried.note("several prompts are combined; here they follow each other");
    }
    texts.join(", ")
}

fn encodes(node: &Node<'_>) -> bool {
    let text = TEXTS.iter().any(|name| node.inputs.contains_key(*name));
    text && (node.class.contains("TextEncode") || node.link("clip").is_some())
}

/// `CLIPSetLastLayer` counts the layers from the end, the last one being −1.
fn take_clip_skip(graph: &Graph, encoder: Node<'_>, carried: &mut Carried) {
    let Some(clip) = encoder.link("clip") else { return };
    let way = graph.walk(clip, |node, _| node.link("clip").into_iter().collect());
    let layer =
        way.into_iter().find_map(|node| node.literal("stop_at_clip_layer").and_then(number));
    let skipped = layer.map(|layer| -1.0 - layer).and_then(whole);
    if let Some(skipped) = skipped.filter(|skipped| *skipped > 0) {
        carried.task.clip_skip = Some(skipped);
    }
}

/// The size, or the picture that it began with.
fn take_start(graph: &Graph, sampler: Node<'_>, carried: &mut Carried) {
    let denoise = graph.value_beside(sampler, &["denoise"], &["sigmas"]).and_then(number);
    let Some(start) = LATENT.iter().find_map(|name| sampler.link(name)) else { return };
    let sized = |node: &Node<'_>| {
        let side = |name| graph.value(*node, &[name]).and_then(number).and_then(whole);
        side("width").zip(side("height")).filter(|_| node.class.contains("Latent"))
    };
    let way = graph.walk(start, |node, _| {
        let ends = sized(&node).is_some() || node.link("pixels").is_some();
        if ends { Vec::new() } else { node.links().map(|(_, link)| link).collect() }
    });
    carried.from_picture = way.iter().any(|node| node.link("pixels").is_some());
    if carried.from_picture {
        carried.task.strength = denoise;
        // Its steps are those that are taken, of a schedule that much longer; ours are the whole
        // schedule's.
        if let (Some(steps), Some(share)) =
            (carried.task.steps, denoise.filter(|share| *share > 0.0 && *share < 1.0))
        {
            carried.task.steps = Some((f64::from(steps) / share) as u32);
        }
        return;
    }
    if let Some((node, (width, height))) = way.iter().find_map(|node| Some((node, sized(node)?))) {
        carried.task.width = Some(width);
        carried.task.height = Some(height);
        let batch = node.literal("batch_size").and_then(number);
        if batch.is_some_and(|batch| batch > 1.0) {
            carried.note("one of a batch: the seed alone makes only the first of them");
        }
    }
    if let Some(denoise) = denoise.filter(|denoise| *denoise < 1.0) {
        carried.note(&format!("denoise: {denoise}"));
    }
}

fn take_models(graph: &Graph, sampler: Node<'_>, carried: &mut Carried) {
    let guider = sampler.link("guider").and_then(|link| graph.node(link.id));
    let start = sampler.link("model").or_else(|| guider?.link("model"));
    let way =
        start.map(|start| graph.walk(start, |node, _| node.link("model").into_iter().collect()));
    for node in way.unwrap_or_default() {
        let text = |name: &str| graph.value(node, &[name]).and_then(Value::as_str);
        if let Some(name) = text("ckpt_name").or_else(|| text("unet_name")) {
            carried.model = Some(name.to_owned());
        }
        if let Some(name) = text("lora_name").filter(|name| *name != "None") {
            let strength = |name: &str| graph.value(node, &[name]).and_then(number);
            let weight = strength("strength_model").unwrap_or(1.0);
            carried.take_lora(name, weight);
            if let Some(clip) =
                strength("strength_clip").filter(|clip| (clip - weight).abs() > 1e-6)
            {
                carried.note(&format!("{name}: strength_clip {clip}"));
            }
        }
    }
    if carried.model.is_none() {
        carried.note("no checkpoint is found in the graph");
    }
}
