//! From InvokeAI's metadata to a task: `invokeai_metadata` since version 3, `sd-metadata` and the
//! command line in `Dream` before.

use serde_json::{Map, Value};

use super::carried::{Carried, Origin};
use super::json::{self, number, shown, whole};
use super::samplers;
use crate::pixels::FileTexts;
use crate::task::PromptWeighting;

/// Signs of compel's grammar, in which InvokeAI's prompts are.
const COMPEL: [char; 6] = ['(', '[', '+', '-', '"', '\\'];

/// Names with no meaning here, or that are taken with others.
const SILENT: [&str; 8] = [
    "generation_mode",
    "app_version",
    "positive_prompt",
    "negative_prompt",
    "init_image",
    "type",
    "prompt",
    "sampler",
];

/// Reads the texts of a file; `None` when none is InvokeAI's.
pub(super) fn read(texts: &FileTexts) -> Option<Carried> {
    let new = || texts.get("invokeai_metadata").and_then(metadata);
    let old = || texts.get("sd-metadata").and_then(sd_metadata);
    new().or_else(old).or_else(|| texts.get("Dream").and_then(dream))
}

fn members(text: &str) -> Option<Map<String, Value>> {
    match json::parse(text)? {
        Value::Object(members) => Some(members),
        _ => None,
    }
}

fn metadata(text: &str) -> Option<Carried> {
    let members = members(text)?;
    let mut carried = Carried::new(Origin::InvokeAi, text);
    let prompt = |name: &str| members.get(name).and_then(Value::as_str).unwrap_or_default();
    carried.take_prompts(prompt("positive_prompt"), prompt("negative_prompt"));
    carried.take_weighting(PromptWeighting::Compel, &COMPEL);
    carried.version = members.get("app_version").map(shown);
    fields(&members, &mut carried);
    Some(carried)
}

/// The names that both forms share.
fn fields(members: &Map<String, Value>, carried: &mut Carried) {
    for (name, value) in members {
        if SILENT.contains(&name.as_str()) || empty(value) {
            continue;
        }
        if !field(name, value, carried) {
            carried.note(&format!("{name}: {}", shown(value)));
        }
    }
}

/// What says nothing.
fn empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

/// Takes a field over, if it is known and well.
fn field(name: &str, value: &Value, carried: &mut Carried) -> bool {
    let integer = || number(value).and_then(whole);
    let task = &mut carried.task;
    match name {
        "seed" => {
            carried.take_seed(&shown(value));
            return true;
        }
        "steps" => task.steps = integer(),
        "width" => task.width = integer(),
        "height" => task.height = integer(),
        "cfg_scale" => task.cfg_scale = number(value),
        "clip_skip" => task.clip_skip = integer().filter(|skipped| *skipped > 0),
        "scheduler" => carried.take_scheduler(samplers::from_invoke(&shown(value))),
        "model" | "model_weights" => return model(value, carried),
        "loras" => loras(value, carried),
        "strength" => {
            task.strength = number(value);
            carried.from_picture = true;
        }
        // What is always so here, or means nothing at these values.
        "rand_device" => return value == "cpu",
        "cfg_rescale_multiplier" | "threshold" | "perlin" | "hrf_strength" => {
            return number(value) == Some(0.0);
        }
        _ => return false,
    }
    number(value).is_some()
        || !["steps", "width", "height", "cfg_scale", "clip_skip"].contains(&name)
}

fn model(value: &Value, carried: &mut Carried) -> bool {
    carried.model = model_name(value);
    carried.model.is_some()
}

/// `{"name": …}` since version 4, `{"model_name": …}` in 3, a name before.
fn model_name(value: &Value) -> Option<String> {
    let name = value.get("name").or_else(|| value.get("model_name")).unwrap_or(value);
    name.as_str().map(str::to_owned)
}

fn loras(value: &Value, carried: &mut Carried) {
    for entry in value.as_array().into_iter().flatten() {
        let name = entry.get("model").or_else(|| entry.get("lora")).and_then(model_name);
        match name {
            Some(name) => {
                carried.take_lora(&name, entry.get("weight").and_then(number).unwrap_or(1.0));
            }
            None => carried.note(&format!("loras: {}", shown(entry))),
        }
    }
}

/// Version 2: fields of the picture inside those of the file.
fn sd_metadata(text: &str) -> Option<Carried> {
    let members = members(text)?;
    let image = members.get("image")?.as_object()?;
    let mut carried = Carried::new(Origin::InvokeAi, text);
    carried.version = members.get("app_version").map(shown);
    let prompt = match image.get("prompt")? {
        Value::Array(parts) => {
            let texts: Vec<&str> =
                parts.iter().filter_map(|part| part.get("prompt")?.as_str()).collect();
            if texts.len() > 1 {
                carried.note("several prompts are blended; here they follow each other");
            }
            texts.join(" ")
        }
        text => shown(text),
    };
    take_old_prompt(&prompt, &mut carried);
    if let Some(sampler) = image.get("sampler") {
        carried.take_scheduler(samplers::from_invoke(&shown(sampler)));
    }
    carried.from_picture = image.get("type").is_some_and(|kind| kind == "img2img");
    carried.model = members.get("model_weights").and_then(model_name);
    fields(image, &mut carried);
    Some(carried)
}

/// A prompt in which `[…]` says what to avoid.
fn take_old_prompt(prompt: &str, carried: &mut Carried) {
    let (mut positive, mut negative) = (String::new(), Vec::new());
    let mut rest = prompt;
    while let Some((before, inside, after)) = bracketed(rest) {
        positive.push_str(before);
        negative.push(inside.trim());
        rest = after;
    }
    positive.push_str(rest);
    carried.take_prompts(positive.trim(), &negative.join(", "));
    carried.take_weighting(PromptWeighting::Compel, &COMPEL);
}

fn bracketed(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('[')?;
    let (inside, after) = rest.split_once(']')?;
    Some((before, inside, after))
}

/// Version 1: `"a prompt" -s50 -S42 -W512 -H512 -C7.5 -A k_lms`, the values with or without a space.
fn dream(text: &str) -> Option<Carried> {
    let (prompt, switches) = text.trim().strip_prefix('"')?.rsplit_once('"')?;
    let mut carried = Carried::new(Origin::InvokeAi, text);
    take_old_prompt(prompt, &mut carried);
    let mut words = switches.split_whitespace();
    while let Some(word) = words.next() {
        let switch = word.get(..2).filter(|switch| switch.starts_with('-'));
        let Some(switch) = switch else {
            carried.note(word);
            continue;
        };
        let joined = &word[switch.len()..];
        let value = if joined.is_empty() { words.next().unwrap_or_default() } else { joined };
        let name = match switch {
            "-s" => "steps",
            "-S" => "seed",
            "-W" => "width",
            "-H" => "height",
            "-C" => "cfg_scale",
            "-A" => "scheduler",
            "-f" => "strength",
            _ => "",
        };
        if !field(name, &Value::from(value), &mut carried) {
            carried.note(&format!("{switch} {value}"));
        }
    }
    Some(carried)
}
