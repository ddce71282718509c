//! `DeepCache`: the same pictures as diffusers under the package of that name.

use std::collections::BTreeMap;
use std::fs;

use latelier::engine::{Input, Interrupt, Mode, Network};
use latelier::graph::{self, DeepFeature, Dialect, UnetInputs};
use latelier::weights::{Checkpoint, CrossAttention, UnetConfig, cross_attentions};
use ndarray::{ArrayD, IxDyn};
use serde_json::{Value, json};
use url::Url;

use crate::support::{
    assert_same_picture, demo_task, difference, golden, relative_error, repository, run_tasks,
    runtime, scratch,
};

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

/// Numbers that differ from each other, of about unit size.
fn waves(shape: &[usize], phase: f32) -> ArrayD<f32> {
    let mut number = phase;
    ArrayD::from_shape_simple_fn(IxDyn(shape), || {
        number += 0.73;
        (number * number).sin()
    })
}

/// Every input that the UNet of `config` can have, for two latents of 16².
fn everything(config: &UnetConfig) -> BTreeMap<String, ArrayD<f32>> {
    let mut inputs = BTreeMap::from([
        ("sample".to_owned(), waves(&[2, 4, 16, 16], 0.1)),
        ("timestep".to_owned(), ArrayD::from_elem(IxDyn(&[1]), 321.0)),
        ("encoder_hidden_states".to_owned(), waves(&[2, 77, config.cross_attention_dim], 0.2)),
    ]);
    let shapes = graph::control_residuals(config);
    let names = graph::control_residual_names(shapes.len());
    for (name, (channels, downscale)) in names.into_iter().zip(shapes) {
        let side = 16 / downscale;
        inputs.insert(name, waves(&[2, channels, side, side], 0.3));
    }
    for CrossAttention { name, channels } in cross_attentions(config) {
        inputs.insert(graph::image_key(&name, 0), waves(&[2, 4, channels], 0.4));
        inputs.insert(graph::image_value(&name, 0), waves(&[2, 4, channels], 0.5));
    }
    inputs
}

/// With the deep feature of the very same call, the outer layers say what all of them do.
#[test]
fn the_outer_layers_of_every_branch_complete_the_deep_feature() {
    let tiny = golden("tiny-sd1");
    let tiny = Checkpoint::open(&tiny.join("model.safetensors"), Some(&tiny.join("config")));
    let demo = Checkpoint::open(&repository("assets/models/demo"), None);
    let runtime = runtime();
    let interrupt = Interrupt::new(&runtime).unwrap();
    for (checkpoint, branches) in [(tiny.unwrap(), 12), (demo.unwrap(), 6)] {
        let config = &checkpoint.unet_config;
        assert_eq!(config.skips().len(), branches);
        let given = everything(config);
        let run = |deep_feature, count, deep: Option<&ArrayD<f32>>| {
            let inputs = UnetInputs { control_residuals: true, image_prompts: 1, deep_feature };
            let emitted = graph::unet(&checkpoint.unet, config, Dialect::Cpu, inputs).unwrap();
            let mode = Mode::LowMemory;
            let mut network = Network::on_cpu(&runtime, &emitted, mode, 1, &interrupt).unwrap();
            let mut inputs: Vec<(&str, Input<'_>)> = (given.iter())
                .filter(|(name, _)| network.takes(name))
                .map(|(name, values)| (name.as_str(), Input::Floats(values.view())))
                .collect();
            inputs.extend(deep.map(|deep| ("deep_feature", Input::Floats(deep.view()))));
            (inputs.len(), network.run_for(count, inputs, &interrupt).unwrap())
        };
        let (all, plain) = run(DeepFeature::Inside, 1, None);
        assert_eq!(all, given.len());
        let mut fewest = all;
        for branch in (0..branches).rev() {
            let (_, whole) = run(DeepFeature::Given(branch), 2, None);
            let (taken, outer) = run(DeepFeature::Taken(branch), 1, Some(&whole[1]));
            assert!(taken <= fewest, "branch {branch}");
            fewest = taken;
            for noise in [&whole[0], &outer[0]] {
                assert!(relative_error(noise, &plain[0]) < 1e-5, "branch {branch}");
            }
        }
        // Latent, timestep, text, deep feature, one residual, one picture's key and value.
        assert_eq!(fewest, 7);
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
