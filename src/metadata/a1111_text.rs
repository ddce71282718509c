//! The grammar of A1111's `parameters` text: prompt, a line `Negative prompt: …`, and a last line of
//! `name: value` pairs. Proven by `tests/goldens/a1111.py`, which runs A1111's own functions.

use super::samplers;
use crate::task::{Architecture, Request, Weighted};

/// What begins the negative prompt.
const NEGATIVE: &str = "Negative prompt:";

/// Pairs that make the last line one of settings; with fewer it is part of the prompt.
const FEWEST_PAIRS: usize = 3;

/// The text that A1111 would write for picture `seed` of the request, and reads as the same
/// settings, but for what it has no words for: ControlNets, image prompts, `DeepCache`. LoRAs stand behind
/// the prompt as A1111 writes them, under their files' names. The prompts stand there as they are,
/// whatever notation their emphasis is in; A1111 strips each of their lines, and takes a second
/// `Negative prompt:` for part of the first. Of a model that only
/// the service knows, what the task leaves to it is left out.
#[must_use]
pub fn parameters(request: &Request, seed: Option<u64>) -> String {
    let (sampler, schedule) = samplers::to_a1111(request.scheduler);
    let task = &request.task;
    let known = request.model.architecture != Architecture::Unknown;
    let scheduled = known || task.scheduler.is_some();
    let sized = known || (task.width.is_some() && task.height.is_some());
    let pairs = [
        ("Steps", known || task.steps.is_some(), request.steps.to_string()),
        ("Sampler", scheduled, sampler.to_owned()),
        ("Schedule type", scheduled, schedule.to_owned()),
        ("CFG scale", known || task.cfg_scale.is_some(), request.cfg_scale.to_string()),
        ("Seed", seed.is_some(), seed.unwrap_or_default().to_string()),
        ("Size", sized, format!("{}x{}", request.extent.width, request.extent.height)),
        ("Model", true, request.model.name.clone()),
    ];
    let said = pairs.into_iter().filter(|(_, said, _)| *said);
    let mut pairs: Vec<(&str, String)> = said.map(|(name, _, value)| (name, value)).collect();
    if let Some(start) = &request.start {
        pairs.push(("Denoising strength", start.strength.to_string()));
    }
    if request.clip_skip > 0 {
        // A1111 counts the layers from the end, the last one being 1.
        pairs.push(("Clip skip", (request.clip_skip + 1).to_string()));
    }
    // Noise is torch's on the CPU; without this A1111 would take the GPU's.
    pairs.push(("RNG", "CPU".to_owned()));
    // Not a bare number: A1111 would take it for its own and switch old behaviour on.
    pairs.push(("Version", format!("Latelier {}", env!("CARGO_PKG_VERSION"))));
    let settings: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{name}: {}", quoted(value))).collect();

    let mut lines = vec![with_loras(request)];
    if !request.negative_prompt.is_empty() {
        lines.push(format!("{NEGATIVE} {}", request.negative_prompt));
    }
    lines.push(settings.join(", "));
    // PNG's texts have no NUL.
    lines.join("\n").trim().replace('\0', "")
}

/// The prompt and its LoRAs.
fn with_loras(request: &Request) -> String {
    let loras = request.loras.iter().filter_map(|Weighted { model, weight }| {
        let stem = model.path.file_stem().unwrap_or_default().to_string_lossy();
        // A1111 has no way to write these in a name.
        (!stem.contains(['<', '>', ':', '\n'])).then(|| format!("<lora:{stem}:{weight}>"))
    });
    let prompt = Some(request.positive_prompt.clone()).filter(|prompt| !prompt.is_empty());
    prompt.into_iter().chain(loras).collect::<Vec<_>>().join(" ")
}

/// A value with a comma, a colon or a line break is written as JSON text.
fn quoted(value: &str) -> String {
    if value.contains([',', ':', '\n']) {
        serde_json::Value::from(value).to_string()
    } else {
        value.to_owned()
    }
}

/// Most pairs that are taken from a text.
const MOST_PAIRS: usize = 512;

/// A text taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Parsed {
    /// Before the negative prompt, each line stripped.
    pub(super) prompt: String,
    /// Behind it, likewise.
    pub(super) negative: String,
    /// The pairs of the last line, unquoted. Of several with one name the last counts.
    pub(super) pairs: Vec<(String, String)>,
}

/// Takes a text apart by A1111's rules.
pub(super) fn parse(text: &str) -> Parsed {
    let text = text.trim();
    let (above, last) =
        text.rsplit_once('\n').map_or((None, text), |(above, last)| (Some(above), last));
    let found = pairs(last);
    let (body, found) =
        if found.len() < FEWEST_PAIRS { (Some(text), Vec::new()) } else { (above, found) };

    let mut parsed = Parsed::default();
    let mut negative = false;
    for line in body.into_iter().flat_map(|body| body.split('\n')) {
        let mut line = line.trim();
        if let Some(rest) = line.strip_prefix(NEGATIVE) {
            negative = true;
            line = rest.trim();
        }
        let prompt = if negative { &mut parsed.negative } else { &mut parsed.prompt };
        if !prompt.is_empty() {
            prompt.push('\n');
        }
        prompt.push_str(line);
    }
    // A1111 counts pairs without a value, and does not take them.
    for (name, value) in found.into_iter().filter(|(_, value)| !value.is_empty()) {
        let value = unquoted(value);
        // A1111 keeps sizes under names of their own.
        let same = |(known, old): &&mut (String, String)| {
            known == name && size(old).is_some() == size(&value).is_some()
        };
        match parsed.pairs.iter_mut().find(same) {
            Some((_, known)) => *known = value,
            None => parsed.pairs.push((name.to_owned(), value)),
        }
    }
    parsed
}

/// Width and height of `512x768`.
pub(super) fn size(value: &str) -> Option<(&str, &str)> {
    let number = |text: &str| !text.is_empty() && text.chars().all(|sign| sign.is_ascii_digit());
    value.split_once('x').filter(|(width, height)| number(width) && number(height))
}

fn unquoted(value: &str) -> String {
    let json = value.len() > 1 && value.starts_with('"') && value.ends_with('"');
    let text = json.then(|| serde_json::from_str(value).ok()).flatten();
    text.unwrap_or_else(|| value.to_owned())
}

/// The pairs of a line: a name of word characters, spaces, `-` and `/` that begins with a word
/// character and has at least two; a colon; a quoted value, or anything up to the next comma.
fn pairs(line: &str) -> Vec<(&str, &str)> {
    let mut pairs = Vec::new();
    let mut rest = line;
    while let Some(start) = rest.find(is_word).filter(|_| pairs.len() < MOST_PAIRS) {
        let from = &rest[start..];
        let end = from.find(|sign| !in_name(sign)).unwrap_or(from.len());
        let (name, behind) = from.split_at(end);
        let value = behind.strip_prefix(':').filter(|_| name.chars().nth(1).is_some());
        let Some(value) = value else {
            // Nor does a name that begins later in this run end with a colon, but for the run's last
            // two characters: the name would be too short.
            rest = behind;
            continue;
        };
        let (value, after) = value_at(value.trim_start());
        pairs.push((name, value));
        rest = after;
    }
    pairs
}

fn is_word(sign: char) -> bool {
    sign.is_alphanumeric() || sign == '_'
}

fn in_name(sign: char) -> bool {
    is_word(sign) || matches!(sign, ' ' | '-' | '/')
}

/// The value that `text` begins with, and what stands behind its comma.
fn value_at(text: &str) -> (&str, &str) {
    if let Some(end) = quoted_end(text) {
        let (value, after) = text.split_at(end);
        if after.is_empty() || after.starts_with(',') {
            return (value, after.get(1..).unwrap_or_default());
        }
    }
    text.split_once(',').unwrap_or((text, ""))
}

/// Where a quoted value of at least one character ends, behind its closing sign.
fn quoted_end(text: &str) -> Option<usize> {
    let mut signs = text.char_indices();
    signs.next().filter(|(_, sign)| *sign == '"')?;
    let mut empty = true;
    while let Some((at, sign)) = signs.next() {
        match sign {
            '"' => return (!empty).then_some(at + 1),
            '\\' => {
                signs.next()?;
            }
            _ => {}
        }
        empty = false;
    }
    None
}
