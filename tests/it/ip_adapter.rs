//! IP-Adapters and image encoders: each network alone, whole pictures, and files that cannot be used.

use std::fs;
use std::path::{Path, PathBuf};

use latelier::engine::{Input, Interrupt, Mode, Network};
use latelier::graph::{self, Emitted, VisionOutput};
use latelier::weights::{ImageEncoder, IpAdapter};
use ndarray::{ArrayD, Axis};
use serde_json::{Value, json};

use crate::support::{
    Answered, assert_same_picture, golden, relative_error, run_tasks, runtime, scratch, tensors,
};

const ADAPTERS: [&str; 3] = ["plain", "plus", "full-face"];

fn encoder() -> ImageEncoder {
    ImageEncoder::open(&golden("ip_adapter/image_encoder")).unwrap()
}

fn other_encoder() -> ImageEncoder {
    ImageEncoder::open(&golden("ip_adapter/other/clip_vision/tiny.safetensors")).unwrap()
}

/// Runs `emitted` in both modes and holds its answer against the reference.
#[track_caller]
fn assert_gives(
    what: &str,
    emitted: &Emitted,
    (name, input): (&str, &ArrayD<f32>),
    expected: &ArrayD<f32>,
) {
    let runtime = runtime();
    let interrupt = Interrupt::new(&runtime).unwrap();
    for mode in [Mode::Fast, Mode::LowMemory] {
        let mut network = Network::on_cpu(&runtime, emitted, mode, 1, &interrupt).unwrap();
        let inputs = vec![(name, Input::Floats(input.view()))];
        let error = relative_error(&network.run(inputs, &interrupt).unwrap(), expected);
        assert!(error < 1e-4, "{what}, {mode:?}: off by {error}");
    }
}

#[test]
fn image_encoders_give_the_reference_features() {
    let golden = tensors("ip_adapter/networks.safetensors");
    let zeros = ArrayD::zeros(golden["pixels"].raw_dim());
    let cases = [
        (encoder(), VisionOutput::Embedding, &golden["pixels"], "embedding"),
        (encoder(), VisionOutput::Penultimate, &golden["pixels"], "hidden"),
        (encoder(), VisionOutput::Penultimate, &zeros, "hidden.zeros"),
        (other_encoder(), VisionOutput::Embedding, &golden["other.pixels"], "other.embedding"),
    ];
    for (encoder, output, pixels, expected) in cases {
        let emitted = graph::clip_vision(&encoder, output).unwrap();
        assert_gives(expected, &emitted, ("pixels", pixels), &golden[expected]);
    }
}

#[test]
fn adapters_give_the_reference_keys_and_values() {
    let golden_tensors = tensors("ip_adapter/networks.safetensors");
    for name in ADAPTERS {
        let path = golden(&format!("ip_adapter/{name}.safetensors"));
        let adapter = IpAdapter::open(&path).unwrap();
        // The half of the negative prompt, then that of the picture.
        for half in 0..2 {
            let row = |what: &str| -> ArrayD<f32> {
                let all = &golden_tensors[&format!("{name}.{what}")];
                all.index_axis(Axis(0), half).insert_axis(Axis(0)).to_owned()
            };
            let features = row("features");
            let emitted = graph::image_prompt(&adapter).unwrap();
            assert_gives(name, &emitted, ("features", &features), &row("keys_and_values"));
        }
    }
}

/// A folder of models with the tiny checkpoint, the adapters and their encoders.
fn models() -> tempfile::TempDir {
    let folder = scratch();
    let tiny = golden("tiny-sd1");
    let root = folder.path();
    fs::copy(tiny.join("model.safetensors"), root.join("tiny-sd1.safetensors")).unwrap();
    let record = json!({ "air": "local:tiny-sd1@1", "config": tiny.join("config") });
    fs::write(root.join("tiny-sd1.latelier.json"), record.to_string()).unwrap();
    copy("image_encoder/config.json", root);
    copy("image_encoder/model.safetensors", root);
    copy("other/clip_vision/tiny.safetensors", root);
    for name in ADAPTERS {
        copy(&format!("{name}.safetensors"), root);
    }
    copy("other/plain.safetensors", root);
    let record = json!({ "air": "local:other-plain@1" });
    fs::write(root.join("other/plain.latelier.json"), record.to_string()).unwrap();
    folder
}

fn copy(file: &str, root: &Path) {
    let target = root.join(file);
    fs::create_dir_all(target.parent().unwrap()).unwrap();
    fs::copy(golden("ip_adapter").join(file), target).unwrap();
}

/// A task of the goldens, guides at their places.
fn task(name: &str) -> (Value, Vec<PathBuf>) {
    let text = fs::read_to_string(golden("ip_adapter.json")).unwrap();
    let entries: Vec<Value> = serde_json::from_str(&text).unwrap();
    let entry = entries.iter().find(|entry| entry["name"] == name).unwrap();
    let mut task = entry["task"].clone();
    task["taskUUID"] = json!(uuid::Uuid::new_v4().to_string());
    task["outputFormat"] = json!("PNG");
    for adapter in task["ipAdapters"].as_array_mut().unwrap() {
        let guide = golden(adapter["guideImage"].as_str().unwrap());
        adapter["guideImage"] = json!(format!("file://{}", guide.display()));
    }
    let pictures: Vec<&str> =
        entry["pictures"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    (task, pictures.iter().map(|name| golden("ip_adapter").join(name)).collect())
}

fn run(task: &Value, models: &Path, further: &[&str]) -> Answered {
    let folder = models.to_str().unwrap();
    let arguments = [&["--models", folder, "--out", folder], further].concat();
    run_tasks(&json!([task]), &arguments)
}

#[test]
fn pictures_follow_their_guides_as_the_reference_does() {
    let models = models();
    let names = [
        "plain",
        "plus-half",
        "full-face",
        "plain-no-guidance",
        "plus-no-guidance",
        "two",
        "three-one-asleep",
        "other-encoder",
    ];
    for name in names {
        let (task, expected) = task(name);
        for mode in ["fast", "low-memory"] {
            let mut task = task.clone();
            task["taskUUID"] = json!(uuid::Uuid::new_v4().to_string());
            let answer = run(&task, models.path(), &["--mode", mode]);
            assert_eq!(answer.code, 0, "{name}: {}", answer.json);
            let pictures = answer.pictures();
            assert_eq!(pictures.len(), expected.len(), "{name}");
            for (found, expected) in pictures.iter().zip(&expected) {
                assert_same_picture(&format!("{name}, {mode}"), found, expected);
            }
        }
    }
}
