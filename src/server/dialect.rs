//! Newer and sloppier ways to write `imageInference`, brought into the documented form before it is read.
//!
//! Only what says the same in other words; what contradicts itself is left for the reader to refuse.

use serde_json::{Map, Value};

use crate::task::OutputFormat;

/// Rewrites `task` where it is written in another dialect; the names of the dialects that were met.
pub(super) fn normalise(task: &mut Value) -> Vec<&'static str> {
    let Some(members) = task.as_object_mut() else { return Vec::new() };
    let met = [
        (inputs(members), "inputs"),
        (guides(members), "guideImages"),
        (safety(members), "safety"),
        (format(members), "outputFormat"),
        (pulid(members), "pulid"),
    ];
    met.into_iter().filter_map(|(met, name)| met.then_some(name)).collect()
}

/// `inputs` holds the pictures that the documented form has at the top.
fn inputs(task: &mut Map<String, Value>) -> bool {
    const INSIDE: &[(&str, &str)] = &[
        ("seedImage", "seedImage"),
        ("image", "seedImage"),
        ("maskImage", "maskImage"),
        ("mask", "maskImage"),
        ("referenceImages", "referenceImages"),
        ("references", "referenceImages"),
    ];
    let Some(Value::Object(inputs)) = task.get("inputs") else { return false };
    let target = |name: &str| INSIDE.iter().find(|(from, _)| *from == name).map(|(_, to)| *to);
    // Said twice or unknown inside: whoever reads it strictly says what is wrong.
    let clear =
        |(name, _): (&String, &Value)| target(name).is_some_and(|to| !task.contains_key(to));
    if !inputs.iter().all(clear) {
        return false;
    }
    if let Some(Value::Object(inputs)) = task.remove("inputs") {
        for (name, value) in inputs {
            if let Some(to) = target(&name) {
                task.entry(to).or_insert(value);
            }
        }
    }
    true
}

/// An IP-Adapter with `guideImages` of one picture.
fn guides(task: &mut Map<String, Value>) -> bool {
    let Some(Value::Array(adapters)) = task.get_mut("ipAdapters") else { return false };
    let mut met = false;
    for adapter in adapters.iter_mut().filter_map(Value::as_object_mut) {
        let one = match adapter.get("guideImages") {
            Some(Value::Array(images)) if images.len() == 1 => images.first().cloned(),
            _ => None,
        };
        if let Some(image) = one.filter(|_| !adapter.contains_key("guideImage")) {
            adapter.remove("guideImages");
            adapter.insert("guideImage".to_owned(), image);
            met = true;
        }
    }
    met
}

/// `safety.checkContent` for `checkNSFW`; its `mode` may say the same once more.
fn safety(task: &mut Map<String, Value>) -> bool {
    let Some(Value::Object(safety)) = task.get("safety") else { return false };
    let check = match (safety.get("checkContent"), safety.get("mode").and_then(Value::as_str)) {
        (Some(Value::Bool(check)), None) => *check,
        (None | Some(Value::Bool(false)), Some("none")) => false,
        (None | Some(Value::Bool(true)), Some("fast" | "full")) => true,
        _ => return false,
    };
    let known = safety.keys().all(|name| name == "checkContent" || name == "mode");
    let same = task.get("checkNSFW").is_none_or(|flat| *flat == Value::Bool(check));
    if known && same {
        task.remove("safety");
        task.insert("checkNSFW".to_owned(), Value::Bool(check));
    }
    known && same
}

/// `png` for `PNG`, `jpeg` for `JPG`.
fn format(task: &mut Map<String, Value>) -> bool {
    let Some(Value::String(format)) = task.get_mut("outputFormat") else { return false };
    let upper = format.to_ascii_uppercase();
    let known = if upper == "JPEG" { "JPG" } else { upper.as_str() };
    let met = format != known && OutputFormat::WORDS.contains(&known);
    if met {
        known.clone_into(format);
    }
    met
}

/// `pulid` with its newer members for `puLID`.
fn pulid(task: &mut Map<String, Value>) -> bool {
    if task.contains_key("puLID") {
        return false;
    }
    let Some(mut value) = task.remove("pulid") else { return false };
    if let Some(members) = value.as_object_mut() {
        for (newer, older) in [
            ("images", "inputImages"),
            ("CFGstartStep", "CFGStartStep"),
            ("CFGstartStepPercentage", "CFGStartStepPercentage"),
        ] {
            if let Some(value) = members.remove(newer) {
                members.entry(older).or_insert(value);
            }
        }
    }
    task.insert("puLID".to_owned(), value);
    true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn becomes(mut from: Value, to: &Value, met: &[&str]) {
        assert_eq!(normalise(&mut from), met);
        assert_eq!(from, *to);
    }

    #[test]
    fn each_dialect_becomes_the_documented_form() {
        becomes(
            json!({ "inputs": { "seedImage": "a", "mask": "b" }, "outputFormat": "jpeg" }),
            &json!({ "outputFormat": "JPG", "seedImage": "a", "maskImage": "b" }),
            &["inputs", "outputFormat"],
        );
        becomes(
            json!({ "ipAdapters": [{ "model": "m", "guideImages": ["a"] }] }),
            &json!({ "ipAdapters": [{ "model": "m", "guideImage": "a" }] }),
            &["guideImages"],
        );
        let checked = json!({ "checkNSFW": true });
        becomes(json!({ "safety": { "checkContent": true } }), &checked, &["safety"]);
        becomes(json!({ "safety": { "mode": "fast" }, "checkNSFW": true }), &checked, &["safety"]);
        becomes(
            json!({ "pulid": { "images": ["a"], "CFGstartStep": 1 } }),
            &json!({ "puLID": { "inputImages": ["a"], "CFGStartStep": 1 } }),
            &["pulid"],
        );
    }

    #[test]
    fn what_contradicts_itself_or_is_unknown_stays_for_the_reader() {
        for task in [
            json!({ "inputs": { "seedImage": "a" }, "seedImage": "b" }),
            json!({ "inputs": { "superResolutionReferences": [] } }),
            json!({ "ipAdapters": [{ "guideImages": ["a", "b"] }, 7] }),
            json!({ "safety": { "checkContent": 1 } }),
            json!({ "safety": { "checkContent": true, "tolerance": 2 } }),
            json!({ "safety": { "checkContent": true }, "checkNSFW": false }),
            json!({ "outputFormat": "tiff" }),
            json!({ "outputFormat": 3, "inputs": 4, "ipAdapters": 5, "safety": 6 }),
            json!([]),
        ] {
            becomes(task.clone(), &task, &[]);
        }
    }
}
