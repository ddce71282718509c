//! From A1111's settings to a task.

use super::a1111_text::{Parsed, parse, size};
use super::carried::{Carried, Origin};
use super::json::whole;
use super::samplers;
use crate::task::PromptWeighting;

/// Longest text that is taken apart, in bytes.
const LONGEST: usize = 1 << 20;

/// Names that only repeat what others say, or that have no meaning here.
const SILENT: [&str; 3] = ["Model hash", "Lora hashes", "Version"];

/// Reads a text; `None` when it holds no settings. Fooocus and SwarmUI keep JSON in the same place.
pub(super) fn read(text: &str) -> Option<Carried> {
    let json = text.trim_start().starts_with('{') && text.trim_end().ends_with('}');
    let parsed = Some(text).filter(|text| !json && text.len() <= LONGEST).map(parse)?;
    if parsed.pairs.is_empty() {
        return None;
    }
    let get = |name: &str| {
        parsed.pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    };
    let version = get("Version");
    // Forge writes `f2.0.1v1.10.1-…`.
    let forge = version.is_some_and(|version| {
        version.strip_prefix('f').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    });
    let mut carried = Carried::new(if forge { Origin::Forge } else { Origin::A1111 }, text);
    carried.version = version.map(str::to_owned);
    let prompt = without_networks(&parsed.prompt, &mut carried);
    carried.take_prompts(&prompt, &parsed.negative);
    carried.take_weighting(PromptWeighting::SdEmbeds, &['(', '[', '\\']);
    if prompt_editing(&prompt) {
        carried.note("[…] with `:` or `|` changes the prompt between steps; not done here");
    }
    for (name, value) in &parsed.pairs {
        if !SILENT.contains(&name.as_str()) {
            setting(name, value, &parsed, &mut carried);
        }
    }
    if let Some(sampler) = get("Sampler") {
        carried.take_scheduler(samplers::from_a1111(sampler, get("Schedule type")));
    }
    // The GPU's noise is A1111's default, and it does not write defaults.
    if get("RNG") != Some("CPU") {
        let rng = get("RNG").unwrap_or("GPU");
        carried
            .note(&format!("RNG: {rng} (noise is the CPU's here: another picture for this seed)"));
    }
    Some(carried)
}

fn setting(name: &str, value: &str, parsed: &Parsed, carried: &mut Carried) {
    let number = || value.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    let taken = match name {
        "Steps" => number().and_then(whole).map(|steps| carried.task.steps = Some(steps)),
        "CFG scale" => number().map(|scale| carried.task.cfg_scale = Some(scale)),
        "Seed" => {
            carried.take_seed(value);
            Some(())
        }
        "Size" => size(value).and_then(|(width, height)| {
            (carried.task.width, carried.task.height) =
                (Some(width.parse().ok()?), Some(height.parse().ok()?));
            Some(())
        }),
        "Model" => {
            carried.model = Some(value.to_owned());
            Some(())
        }
        // A1111 counts the layers from the end, the last one being 1.
        "Clip skip" => number().and_then(whole).and_then(|layers| {
            let skipped = layers.checked_sub(1)?;
            carried.task.clip_skip = Some(skipped).filter(|skipped| *skipped > 0);
            if skipped > 0 && !parsed.negative.is_empty() {
                carried.note("Clip skip goes for the positive prompt alone here");
            }
            Some(())
        }),
        // With a second pass over a larger picture it is that pass's.
        "Denoising strength" if !parsed.pairs.iter().any(|(name, _)| name.starts_with("Hires")) => {
            number().map(|strength| {
                carried.task.strength = Some(strength);
                carried.from_picture = true;
            })
        }
        // Read together, elsewhere.
        "Sampler" | "Schedule type" | "RNG" => Some(()),
        _ => None,
    };
    if taken.is_none() {
        carried.note(&format!("{name}: {value}"));
    }
}

/// Takes `<lora:name:weight>` and its like out of a prompt, as A1111 does.
fn without_networks(prompt: &str, carried: &mut Carried) -> String {
    let mut kept = String::new();
    let mut rest = prompt;
    while let Some((before, from)) = rest.split_once('<') {
        kept.push_str(before);
        if let Some((kind, arguments, after)) = network(from) {
            take_network(kind, arguments, carried);
            rest = after;
        } else {
            kept.push('<');
            rest = from;
        }
    }
    kept + rest
}

/// Kind, arguments and the text behind, if `from` stands behind the `<` of a network.
fn network(from: &str) -> Option<(&str, &str, &str)> {
    // What is no network is short or soon has another `<`; the search stays linear.
    let end = from.find(['<', '>']).filter(|end| from[*end..].starts_with('>'))?;
    let (kind, arguments) = from[..end].split_once(':')?;
    let word = |sign: char| sign.is_alphanumeric() || sign == '_';
    let well = !kind.is_empty() && kind.chars().all(word) && !arguments.is_empty();
    well.then_some((kind, arguments, &from[end + 1..]))
}

fn take_network(kind: &str, arguments: &str, carried: &mut Carried) {
    let mut words = arguments.split(':');
    let name = words.next().unwrap_or_default();
    let weights: Vec<&str> = words.collect();
    let weight =
        |at: usize| weights.get(at).and_then(|text: &&str| text.trim().parse::<f64>().ok());
    let plain = weights.len() == usize::from(weight(0).is_some());
    if ["lora", "lyco"].contains(&kind) {
        carried.take_lora(name, weight(0).unwrap_or(1.0));
        if plain {
            return;
        }
    }
    carried.note(&format!("<{kind}:{arguments}>"));
}

/// Whether a pair of brackets holds `a:b:0.5` or `a|b`.
fn prompt_editing(prompt: &str) -> bool {
    prompt
        .split('[')
        .skip(1)
        .any(|inside| inside.split_once(']').is_some_and(|(inside, _)| inside.contains(['|', ':'])))
}
