//! What a picture was made with, as words: each field of its task under its name; how two tasks differ.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::task::{ModelCard, ParameterRow, Task};

/// Longest part of a value that is shown of what is no prompt, in characters.
const LONGEST: usize = 120;

/// Fields in the order people look for them; others follow.
const ORDER: [&str; 20] = [
    "positivePrompt",
    "negativePrompt",
    "model",
    "size",
    "steps",
    "CFGScale",
    "scheduler",
    "seed",
    "strength",
    "seedImage",
    "maskImage",
    "maskMargin",
    "outpaint",
    "lora",
    "embeddings",
    "controlNet",
    "ipAdapters",
    "vae",
    "clipSkip",
    "promptWeighting",
];

/// Fields that are about the way of the task and not about the picture.
const UNTOLD: [&str; 12] = [
    "taskType",
    "taskUUID",
    "outputType",
    "includeCost",
    "numberResults",
    "deliveryMethod",
    "ttl",
    "uploadEndpoint",
    "webhookURL",
    "width",
    "height",
    "checkNSFW",
];

/// A field of a task in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Its name.
    pub label: &'static str,
    /// What people read.
    pub shown: String,
    /// What is worth copying.
    pub copied: String,
}

/// A field in which two tasks differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its name.
    pub label: &'static str,
    /// What the first says; `None` when it says nothing.
    pub left: Option<String>,
    /// What the second says.
    pub right: Option<String>,
}

/// Every field of `task` that says something about the picture; `models` has their names.
#[must_use]
pub fn facts(task: &Task, models: &[Arc<ModelCard>]) -> Vec<Fact> {
    let fields = fields(task);
    let rank = |name: &str| ORDER.iter().position(|it| *it == name).unwrap_or(ORDER.len());
    let mut names: Vec<&String> = fields.keys().collect();
    names.sort_by_key(|name| rank(name));
    let fact = |name: &String| {
        let value = fields.get(name)?;
        Some(Fact { label: label(name)?, shown: shown(value, models), copied: copied(value) })
    };
    names.into_iter().filter_map(fact).collect()
}

/// The fields in which the tasks differ, in the order of [`facts`].
#[must_use]
pub fn differences(left: &Task, right: &Task, models: &[Arc<ModelCard>]) -> Vec<Difference> {
    let [left, right] = [left, right].map(|task| facts(task, models));
    let of = |facts: &[Fact], label: &str| {
        facts.iter().find(|fact| fact.label == label).map(|fact| fact.shown.clone())
    };
    let mut labels: Vec<&'static str> = left.iter().map(|fact| fact.label).collect();
    labels.extend(right.iter().map(|it| it.label).filter(|it| of(&left, it).is_none()));
    let differ = |label: &'static str| {
        let both = (of(&left, label), of(&right, label));
        (both.0 != both.1).then_some(Difference { label, left: both.0, right: both.1 })
    };
    labels.into_iter().filter_map(differ).collect()
}

/// The members of the task's JSON, width and height in one.
fn fields(task: &Task) -> Map<String, Value> {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(task) else { return Map::new() };
    fields.retain(|name, _| !UNTOLD.contains(&name.as_str()));
    if let (Some(width), Some(height)) = (task.width, task.height) {
        fields.insert("size".to_owned(), format!("{width} × {height}").into());
    }
    fields
}

/// `None` for what the document does not name.
fn label(name: &str) -> Option<&'static str> {
    match name {
        "size" => Some("Size"),
        // As the form calls it.
        "negativePrompt" => Some("Avoid"),
        "lora" => Some("LoRA"),
        "embeddings" => Some("Embeddings"),
        "controlNet" => Some("ControlNet"),
        "ipAdapters" => Some("IP-Adapter"),
        _ => ParameterRow::find(name).map(|row| row.label),
    }
}

fn shown(value: &Value, models: &[Arc<ModelCard>]) -> String {
    match value {
        Value::String(text) => match models.iter().find(|card| card.air.to_string() == *text) {
            Some(card) => card.name.clone(),
            None if text.starts_with("data:") => "inside the task".to_owned(),
            None => text.clone(),
        },
        Value::Array(parts) => {
            parts.iter().map(|part| shown(part, models)).collect::<Vec<_>>().join("\n")
        }
        Value::Object(parts) => object(parts, models),
        Value::Bool(on) => if *on { "on" } else { "off" }.to_owned(),
        other => other.to_string(),
    }
}

/// `Oil painting × 0.8, startStep 2`.
fn object(parts: &Map<String, Value>, models: &[Arc<ModelCard>]) -> String {
    let model = parts.get("model").map(|model| shown(model, models));
    let weight = parts.get("weight").map(|weight| format!("× {}", short(&shown(weight, models))));
    let first = model.into_iter().chain(weight).collect::<Vec<_>>().join(" ");
    let others = parts.iter().filter(|(name, _)| !["model", "weight"].contains(&name.as_str()));
    let others = others.map(|(name, value)| format!("{name} {}", short(&shown(value, models))));
    Some(first)
        .filter(|first| !first.is_empty())
        .into_iter()
        .chain(others)
        .collect::<Vec<_>>()
        .join(", ")
}

fn short(text: &str) -> String {
    let mut short: String = text.chars().take(LONGEST).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

fn copied(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::Lora;
    use uuid::Uuid;

    fn task() -> Task {
        let mut task = Task::new(Uuid::nil());
        task.positive_prompt = Some("a fox".to_owned());
        (task.width, task.height, task.steps, task.seed) =
            (Some(128), Some(192), Some(20), Some(7));
        task.model = Some("local:test@1".to_owned());
        let model = Some("local:oil@1".to_owned());
        task.lora = Some(vec![Lora { model, weight: Some(0.8), ..Lora::default() }]);
        task
    }

    #[test]
    fn a_task_is_told_in_the_order_people_look_for() {
        let card = Arc::clone(&crate::jobs::test_job("a fox").request.model);
        let facts = facts(&task(), &[card]);
        let told: Vec<(&str, &str)> =
            facts.iter().map(|fact| (fact.label, fact.shown.as_str())).collect();
        assert_eq!(
            told,
            [
                ("Prompt", "a fox"),
                ("Model", "test"),
                ("Size", "128 × 192"),
                ("Steps", "20"),
                ("Seed", "7"),
                ("LoRA", "local:oil@1 × 0.8"),
            ]
        );
        assert_eq!(facts[1].copied, "local:test@1");
    }

    #[test]
    fn only_what_differs_is_told_of_two_tasks() {
        let other = Task { seed: Some(8), cfg_scale: Some(5.5), ..task() };
        let said = |text: &str| Some(text.to_owned());
        let seed = Difference { label: "Seed", left: said("7"), right: said("8") };
        let guidance = Difference { label: "Guidance", left: None, right: said("5.5") };
        assert_eq!(differences(&task(), &other, &[]), [seed, guidance]);
        assert_eq!(differences(&task(), &task(), &[]), []);
    }
}
