//! `DeepCache`: the same pictures as diffusers under the package of that name.

use std::fs;

use serde_json::{Value, json};
use url::Url;

use crate::support::{assert_same_picture, demo_task, difference, golden, run_tasks, scratch};

fn address(name: &Value) -> Value {
    let path = golden("controlnet").join(name.as_str().unwrap());
    json!(Url::from_file_path(path).unwrap().as_str())
}

fn complete(entry: &Value) -> Value {
    let mut task = entry["task"].clone();
    task["taskUUID"] = json!(uuid::Uuid::new_v4().to_string());
    task["outputFormat"] = json!("PNG");
    if task["seedImage"].is_string() {
        task["seedImage"] = address(&task["seedImage"]);
    }
    let controls = task.get_mut("controlNet").and_then(Value::as_array_mut);
    for control in controls.into_iter().flatten() {
        control["guideImage"] = address(&control["guideImage"]);
    }
    task
}

#[test]
fn every_golden_comes_out_the_same_in_both_modes() {
    let text = fs::read_to_string(golden("deepcache.json")).unwrap();
    let entries: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert!(entries.len() >= 10);
    let out = scratch();
    for mode in ["fast", "low-memory"] {
        let tasks: Vec<Value> = entries.iter().map(complete).collect();
        let arguments = ["--mode", mode, "--out", out.path().to_str().unwrap()];
        let answer = run_tasks(&json!(tasks), &arguments);
        assert_eq!(answer.code, 0, "{}", answer.json);
        for (entry, found) in entries.iter().zip(answer.pictures()) {
            let name = format!("{}, {mode}", entry["name"]);
            let expected = golden("deepcache").join(entry["pictures"][0].as_str().unwrap());
            assert_same_picture(&name, &found, &expected);
        }
    }
}

fn cached(options: &Value) -> Value {
    let mut task = demo_task();
    task["steps"] = json!(6);
    task["acceleratorOptions"] = options.clone();
    task
}

#[test]
fn whole_calls_alone_leave_the_picture_as_it_is_and_the_default_changes_it() {
    let mut tasks =
        [json!({}), json!({ "deepCache": true, "deepCacheInterval": 1 })].map(|o| cached(&o));
    tasks[0].as_object_mut().unwrap().remove("acceleratorOptions");
    let out = scratch();
    let tasks = [&tasks[..], &[cached(&json!({ "deepCache": true }))]].concat();
    let answer = run_tasks(&json!(tasks), &["--out", out.path().to_str().unwrap()]);
    assert_eq!(answer.code, 0, "{}", answer.json);
    let pictures = answer.pictures();
    assert_eq!(difference(&pictures[0], &pictures[1]), (0, 0.0));
    assert!(difference(&pictures[0], &pictures[2]).0 > 10);
    // Measured, so only for the task that has both kinds of calls.
    assert_eq!(answer.stderr.matches("DeepCache: steps ").count(), 1, "{}", answer.stderr);
}

#[test]
fn a_branch_beyond_the_model_is_refused_with_those_it_has() {
    let out = scratch();
    let task = cached(&json!({ "deepCache": true, "deepCacheBranchId": 6 }));
    let answer = run_tasks(&json!([task]), &["--out", out.path().to_str().unwrap()]);
    assert_eq!((answer.code, &answer.json["data"]), (1, &json!([])));
    let error = &answer.json["errors"][0];
    assert_eq!(error["parameter"], "acceleratorOptions.deepCacheBranchId", "{error}");
    assert!(error["message"].as_str().unwrap().contains("0 to 5"), "{error}");
}
