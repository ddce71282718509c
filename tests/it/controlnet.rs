//! `ControlNets`: each alone against diffusers' residuals, whole pictures against its pipelines.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use latelier::engine::{Input, Interrupt, Mode, Network};
use latelier::graph::{self, Dialect};
use latelier::weights::{Checkpoint, ControlNet};
use ndarray::{Array1, ArrayD, Axis, IxDyn};
use serde_json::{Value, json};
use url::Url;

use crate::support::{
    assert_same_picture, demo_task, difference, golden, relative_error, repository, run_tasks,
    runtime, scratch, tensors,
};

/// What f32 arithmetic in another order costs.
const TOLERANCE: f32 = 1e-4;

const CANNY: &str = "assets/models/demo/addons/controlnet-canny";

fn tiny() -> (Checkpoint, ControlNet) {
    let tiny = golden("tiny-sd1");
    let checkpoint = Checkpoint::open(&tiny.join("model.safetensors"), Some(&tiny.join("config")));
    let checkpoint = checkpoint.unwrap();
    let file = golden("tiny-controlnet/model.safetensors");
    let net = ControlNet::open(&file, None, &checkpoint).unwrap();
    (checkpoint, net)
}

/// Both networks of `net` in one dialect and mode, over the stored run.
fn residuals(
    net: &ControlNet,
    (dialect, mode): (Dialect, Mode),
    stored: &BTreeMap<String, ArrayD<f32>>,
    scales: &Array1<f32>,
) -> Vec<ArrayD<f32>> {
    let runtime = runtime();
    let interrupt = Interrupt::new(&runtime).unwrap();
    let open = |emitted| Network::on_cpu(&runtime, &emitted, mode, 1, &interrupt).unwrap();
    let mut embedder = open(graph::controlnet_guide(net, dialect).unwrap());
    let guide = vec![("guide", Input::Floats(stored["guide"].view()))];
    let embedding = embedder.run(guide, &interrupt).unwrap();
    let mut network = open(graph::controlnet(net, dialect, None).unwrap());
    let timestep = ArrayD::from_elem(IxDyn(&[1]), 500.0);
    let inputs = vec![
        ("sample", Input::Floats(stored["sample"].view())),
        ("timestep", Input::Floats(timestep.view())),
        ("encoder_hidden_states", Input::Floats(stored["context"].view())),
        ("guide_embedding", Input::Floats(embedding.view())),
        ("scales", Input::Floats(scales.view().into_dyn())),
    ];
    network.run_for(scales.len(), inputs, &interrupt).unwrap()
}

#[test]
fn an_original_file_gives_the_reference_residuals_in_every_dialect_and_mode() {
    let (_, net) = tiny();
    let stored = tensors("tiny-controlnet/network.safetensors");
    let scales = Array1::from_shape_fn(13, |index| 1.0 - index as f32 * 0.05);
    for dialect in Dialect::ALL {
        for mode in [Mode::Fast, Mode::LowMemory] {
            let found = residuals(&net, (dialect, mode), &stored, &scales);
            for (index, (found, scale)) in found.iter().zip(&scales).enumerate() {
                let expected = &stored[&format!("residual.{index}")] * *scale;
                let error = relative_error(found, &expected);
                assert!(error < TOLERANCE, "{dialect:?} {mode:?} {index}: off by {error}");
            }
        }
    }
}

#[test]
fn pooled_residuals_are_the_means_of_the_others_everywhere() {
    let (_, mut net) = tiny();
    let stored = tensors("tiny-controlnet/network.safetensors");
    net.pools = true;
    let place = (Dialect::Cpu, Mode::LowMemory);
    for (index, found) in residuals(&net, place, &stored, &Array1::ones(13)).iter().enumerate() {
        let all = &stored[&format!("residual.{index}")];
        let means = all.mean_axis(Axis(3)).unwrap().mean_axis(Axis(2)).unwrap();
        let means = means.insert_axis(Axis(2)).insert_axis(Axis(3));
        let error = relative_error(found, &means.broadcast(all.raw_dim()).unwrap().to_owned());
        assert!(error < TOLERANCE, "{index}: off by {error}");
    }
}

fn entries() -> Vec<Value> {
    let text = fs::read_to_string(golden("controlnet.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn address(folder: &Path, name: &Value) -> Value {
    json!(Url::from_file_path(folder.join(name.as_str().unwrap())).unwrap().as_str())
}

/// The entry's task, its pictures as addresses.
fn complete(entry: &Value, folder: &Path) -> Value {
    let mut task = entry["task"].clone();
    task["taskUUID"] = json!(uuid::Uuid::new_v4().to_string());
    task["outputFormat"] = json!("PNG");
    for key in ["seedImage", "maskImage"] {
        if task[key].is_string() {
            task[key] = address(folder, &task[key]);
        }
    }
    for control in task["controlNet"].as_array_mut().unwrap() {
        control["guideImage"] = address(folder, &control["guideImage"]);
        if entry["config"].is_object() {
            control["model"] = json!("local:changed@1");
        }
    }
    task
}

/// A copy of the demo's `ControlNet` called `changed`, with those keys of its config changed.
fn changed_controlnet(models: &Path, changes: &Value) {
    let (from, to) = (repository(CANNY), models.join("changed"));
    fs::create_dir(&to).unwrap();
    let weights = "diffusion_pytorch_model.safetensors";
    fs::copy(from.join(weights), to.join(weights)).unwrap();
    let config = fs::read_to_string(from.join("config.json")).unwrap();
    let mut config: Value = serde_json::from_str(&config).unwrap();
    config.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    fs::write(to.join("config.json"), config.to_string()).unwrap();
}

#[test]
fn every_golden_comes_out_the_same_in_both_modes() {
    let entries = entries();
    assert!(entries.len() >= 15);
    let folder = golden("controlnet");
    let out = scratch();
    let changed = entries.iter().find(|entry| entry["config"].is_object()).unwrap();
    changed_controlnet(out.path(), &changed["config"]);
    for mode in ["fast", "low-memory"] {
        let tasks: Vec<Value> = entries.iter().map(|entry| complete(entry, &folder)).collect();
        let arguments = [
            "--mode",
            mode,
            "--out",
            out.path().to_str().unwrap(),
            "--models",
            out.path().to_str().unwrap(),
        ];
        let answer = run_tasks(&json!(tasks), &arguments);
        assert_eq!(answer.code, 0, "{}", answer.json);
        for (entry, found) in entries.iter().zip(answer.pictures()) {
            let name = format!("{}, {mode}", entry["name"]);
            let expected = folder.join(entry["pictures"][0].as_str().unwrap());
            assert_same_picture(&name, &found, &expected);
        }
    }
}

#[test]
fn an_original_file_beside_a_single_file_checkpoint_gives_the_reference_picture() {
    let models = scratch();
    let copy = |from: &str, to: &str| {
        fs::copy(golden(from), models.path().join(format!("{to}.safetensors"))).unwrap()
    };
    copy("tiny-sd1/model.safetensors", "tiny-sd1");
    copy("tiny-controlnet/model.safetensors", "tiny-controlnet");
    let record = json!({ "config": golden("tiny-sd1/config") });
    fs::write(models.path().join("tiny-sd1.latelier.json"), record.to_string()).unwrap();
    let text = fs::read_to_string(golden("tiny-controlnet/picture.json")).unwrap();
    let entries: Vec<Value> = serde_json::from_str(&text).unwrap();
    let folder = golden("tiny-controlnet");
    let models = models.path().to_str().unwrap();
    for mode in ["fast", "low-memory"] {
        let task = complete(&entries[0], &folder);
        let arguments = ["--models", models, "--out", models, "--mode", mode];
        let answer = run_tasks(&json!([task]), &arguments);
        assert_eq!(answer.code, 0, "{}", answer.json);
        assert_same_picture(mode, &answer.pictures()[0], &folder.join("picture.png"));
    }
}

/// A task of the demo model with one control, to be changed by the test.
fn guided_task(control: &Value) -> Value {
    let mut task = demo_task();
    let mut whole = json!({ "model": "local:demo-canny@1" });
    whole["guideImage"] = address(&golden("controlnet"), &json!("guide-heart.png"));
    whole.as_object_mut().unwrap().extend(control.as_object().unwrap().clone());
    task["controlNet"] = json!([whole]);
    task
}

fn run_with_addons(tasks: &[Value], folder: &Path) -> crate::support::Answered {
    let folder = folder.to_str().unwrap();
    let arguments = ["--models", folder, "--out", folder];
    run_tasks(&json!(tasks), &arguments)
}

#[test]
fn a_guide_inside_a_task_is_kept_by_content_and_the_result_makes_itself_again() {
    let out = scratch();
    let bytes = fs::read(golden("controlnet/guide-star.png")).unwrap();
    let inline = latelier::task::ImageRef::data_uri("image/png", &bytes).to_string();
    let task = guided_task(&json!({ "guideImage": inline }));
    let answer = run_with_addons(&[task], out.path());
    assert_eq!(answer.code, 0, "{}", answer.json);
    let first = answer.pictures().remove(0);
    let carried = latelier::library::read_task(&first).unwrap().unwrap();
    let guide = carried.control_net.as_ref().unwrap()[0].guide_image.as_ref().unwrap();
    assert!(matches!(guide, latelier::task::ImageRef::Uuid(_)), "{guide}");
    let again = run_with_addons(&[serde_json::to_value(&carried).unwrap()], out.path());
    assert_eq!(again.code, 0, "{}", again.json);
    assert_eq!(difference(&first, &again.pictures()[0]), (0, 0.0));
}

#[test]
fn a_weight_of_nothing_gives_the_picture_without_and_any_other_changes_it() {
    let out = scratch();
    let tasks =
        [demo_task(), guided_task(&json!({ "weight": 0 })), guided_task(&json!({ "weight": 0.3 }))];
    let answer = run_with_addons(&tasks, out.path());
    assert_eq!(answer.code, 0, "{}", answer.json);
    let pictures = answer.pictures();
    assert_eq!(difference(&pictures[0], &pictures[1]), (0, 0.0));
    assert!(difference(&pictures[0], &pictures[2]).0 > 10);
}
