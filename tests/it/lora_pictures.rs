//! Pictures made with LoRAs: the same pixels as diffusers', and no trace of a LoRA that was taken off.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::{
    Answered, assert_same_picture, demo_task, difference, golden, run_tasks, scratch,
};

/// The identifiers of the LoRAs that a golden names.
fn air(name: &str) -> String {
    match name {
        "lora-outline" => "local:demo-outline@1".to_owned(),
        other => format!("local:{other}@1"),
    }
}

fn run(tasks: &[Value], mode: &str, out: &tempfile::TempDir) -> Answered {
    let models = golden("lora_pictures");
    let (models, out) = (models.to_str().unwrap(), out.path().to_str().unwrap());
    run_tasks(&json!(tasks), &["--models", models, "--mode", mode, "--out", out])
}

/// One process for all of them: every stack is put on over the one before.
#[test]
fn every_golden_comes_out_the_same_in_both_modes() {
    let text = fs::read_to_string(golden("lora_pictures.json")).unwrap();
    let entries: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert!(entries.len() >= 9);
    let out = scratch();
    for mode in ["fast", "low-memory"] {
        let tasks: Vec<Value> = (entries.iter())
            .map(|entry| {
                let mut task = entry["task"].clone();
                task["taskUUID"] = json!(uuid::Uuid::new_v4().to_string());
                task["outputFormat"] = json!("PNG");
                for lora in task["lora"].as_array_mut().unwrap() {
                    lora["model"] = json!(air(lora["model"].as_str().unwrap()));
                }
                task
            })
            .collect();
        let answer = run(&tasks, mode, &out);
        assert_eq!(answer.code, 0, "{}", answer.json);
        for (entry, made) in entries.iter().zip(answer.pictures()) {
            let name = entry["picture"].as_str().unwrap();
            let expected = golden("lora_pictures").join(name);
            assert_same_picture(&format!("{name}, {mode}"), &made, &expected);
        }
    }
}

/// A stack is summed from the checkpoint's own weights: what was worn before leaves no trace, and
/// several LoRAs of one file are that file at the sum of their weights.
#[test]
fn a_lora_that_is_taken_off_leaves_no_trace() {
    let task = |loras: Value| {
        let mut task = demo_task();
        task["lora"] = loras;
        task["steps"] = json!(3);
        task
    };
    let outline = |weight: f64| json!({ "model": "local:demo-outline@1", "weight": weight });
    let bare = task(json!([]));
    let half = task(json!([outline(0.5)]));
    let again = |task: &Value| {
        let mut task = task.clone();
        task["taskUUID"] = json!(uuid::Uuid::new_v4().to_string());
        task
    };
    let tasks = [
        again(&half),
        again(&bare),
        again(&task(json!([outline(2.0), { "model": "local:locon@1" }]))),
        again(&half),
        again(&bare),
        again(&task(json!([{ "model": "local:text@1", "weight": 0 }]))),
    ];
    let out = scratch();
    for mode in ["fast", "low-memory"] {
        let alone = run(&[again(&bare)], mode, &out).pictures();
        let answer = run(&tasks, mode, &out);
        assert_eq!(answer.code, 0, "{}", answer.json);
        let made = answer.pictures();
        let same = |a: &PathBuf, b: &PathBuf| difference(a, b) == (0, 0.0);
        assert!(same(&made[1], &alone[0]) && same(&made[4], &alone[0]), "{mode}: taken off");
        assert!(same(&made[5], &alone[0]), "{mode}: weight 0");
        assert!(same(&made[0], &made[3]), "{mode}: put on again");
        assert!(!same(&made[0], &made[2]) && !same(&made[0], &alone[0]), "{mode}: at work");
    }
}

/// What is wrong with a file is said before anything is computed, with its place in the task.
#[test]
fn a_lora_that_cannot_be_used_is_named() {
    let models = scratch();
    let whole = fs::read(golden("lora_pictures/locon.safetensors")).unwrap();
    fs::write(models.path().join("cut.safetensors"), &whole[..whole.len() / 2]).unwrap();
    fs::write(models.path().join("junk.safetensors"), b"these are not weights").unwrap();
    let mut poisoned = whole;
    let last = poisoned.len() - 2;
    poisoned[last..].copy_from_slice(&half::f16::NAN.to_le_bytes());
    fs::write(models.path().join("poisoned.safetensors"), &poisoned).unwrap();
    let folder = models.path().to_str().unwrap();
    let cases =
        [("poisoned", "not finite"), ("cut", "cut off"), ("junk", "not a safetensors file")];
    let outline = json!({ "model": "local:demo-outline@1" });
    for (name, part) in cases {
        let mut task = demo_task();
        task["lora"] = json!([outline, { "model": format!("local:{name}@1") }]);
        let answer = run_tasks(&json!([task]), &["--models", folder]);
        assert_ne!(answer.code, 0, "{name}: {}", answer.json);
        assert_eq!(answer.json["data"], json!([]), "{name}");
        let error = &answer.json["errors"][0];
        let message = error["message"].as_str().unwrap();
        let file = format!("{name}.safetensors");
        assert!(message.contains(part) && message.contains(&file), "{error}");
        assert_eq!(error["parameter"], "lora[1].model", "{error}");
    }
}
