//! Single files in the original key layout: the same model, the same picture.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use half::{bf16, f16};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde_json::{Value, json};

use crate::support::{
    assert_same_picture, demo_task, difference, golden, repository, run_tasks, scratch,
};

/// A tensor to be written.
struct Tensor {
    shape: Vec<usize>,
    halves: Vec<f16>,
}

/// The demo model's tensors under the names of a single file, by the table from diffusers.
fn ldm_tensors() -> BTreeMap<String, Tensor> {
    let text = fs::read_to_string(golden("ldm_names.json")).unwrap();
    let table: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
    let files =
        ["text_encoder/model", "unet/diffusion_pytorch_model", "vae/diffusion_pytorch_model"];
    let mut parts = BTreeMap::new();
    for file in files {
        let path = repository(&format!("assets/models/demo/{file}.safetensors"));
        parts.insert(file.split('/').next().unwrap(), fs::read(path).unwrap());
    }
    (table.into_iter())
        .map(|(name, entry)| {
            let part = SafeTensors::deserialize(&parts[entry["part"].as_str().unwrap()]).unwrap();
            let view = part.tensor(entry["diffusers"].as_str().unwrap()).unwrap();
            assert_eq!(view.dtype(), Dtype::F16);
            let halves = view.data().chunks_exact(2);
            let halves = halves.map(|b| f16::from_le_bytes(b.try_into().unwrap())).collect();
            let shape: Vec<usize> = serde_json::from_value(entry["shape"].clone()).unwrap();
            (name, Tensor { shape, halves })
        })
        .collect()
}

/// Writes the tensors with `bytes` of each number, beside a record that names the demo's configs.
fn write_single_file(
    folder: &Path,
    name: &str,
    dtype: Dtype,
    bytes: impl Fn(f16) -> Vec<u8>,
) -> PathBuf {
    let tensors = ldm_tensors();
    let data: BTreeMap<&String, Vec<u8>> = (tensors.iter())
        .map(|(key, tensor)| (key, tensor.halves.iter().flat_map(|&half| bytes(half)).collect()))
        .collect();
    let views = (tensors.iter()).map(|(key, tensor)| {
        (key.as_str(), TensorView::new(dtype, tensor.shape.clone(), &data[key]).unwrap())
    });
    let path = folder.join(format!("{name}.safetensors"));
    safetensors::serialize_to_file(views, None, &path).unwrap();
    let record = json!({ "config": repository("assets/models/demo") });
    fs::write(folder.join(format!("{name}.latelier.json")), record.to_string()).unwrap();
    path
}

/// The picture of the demo task with `model`, from `models` as a further folder.
fn picture(model: &str, models: &Path, mode: &str) -> PathBuf {
    let mut task = demo_task();
    task["model"] = json!(model);
    task["steps"] = json!(6);
    task["CFGScale"] = json!(5);
    task["scheduler"] = json!("Euler");
    let folder = models.to_str().unwrap();
    let arguments = ["--models", folder, "--out", folder, "--mode", mode];
    let answer = run_tasks(&json!([task]), &arguments);
    assert_eq!(answer.code, 0, "{}", answer.json);
    answer.pictures().remove(0)
}

#[test]
fn the_demo_model_as_a_single_file_gives_the_identical_picture() {
    let folder = scratch();
    write_single_file(folder.path(), "half", Dtype::F16, |half| half.to_le_bytes().to_vec());
    write_single_file(folder.path(), "full", Dtype::F32, |half| {
        half.to_f32().to_le_bytes().to_vec()
    });
    let read = |path: &Path| latelier::library::read_picture(path).unwrap();
    for mode in ["fast", "low-memory"] {
        let expected = read(&picture("local:demo@1", folder.path(), mode));
        assert_eq!(read(&picture("local:half@1", folder.path(), mode)), expected, "{mode}");
        // The same numbers without casts, which ONNX Runtime may fuse in another order.
        let (full, half) = ("local:full@1", "local:half@1");
        let full = picture(full, folder.path(), mode);
        assert_same_picture(mode, &full, &picture(half, folder.path(), mode));
    }
}

#[test]
fn a_bfloat16_file_gives_nearly_the_same_picture() {
    let folder = scratch();
    write_single_file(folder.path(), "brain", Dtype::BF16, |half| {
        bf16::from_f32(half.to_f32()).to_le_bytes().to_vec()
    });
    for mode in ["fast", "low-memory"] {
        let expected = picture("local:demo@1", folder.path(), mode);
        let found = picture("local:brain@1", folder.path(), mode);
        let (_, mean) = difference(&found, &expected);
        // 8 bits of mantissa instead of 11 move a picture; garbled weights would give another one.
        assert!(mean > 0.0 && mean < 4.0, "{mode}: {mean}");
    }
}

#[test]
fn a_four_level_single_file_gives_the_reference_picture() {
    let folder = scratch();
    let tiny = golden("tiny-sd1");
    fs::copy(tiny.join("model.safetensors"), folder.path().join("tiny-sd1.safetensors")).unwrap();
    let record = json!({ "air": "local:tiny-sd1@1", "config": tiny.join("config") });
    fs::write(folder.path().join("tiny-sd1.latelier.json"), record.to_string()).unwrap();

    let text = fs::read_to_string(tiny.join("picture.json")).unwrap();
    let entries: Vec<Value> = serde_json::from_str(&text).unwrap();
    let mut task = entries[0]["task"].clone();
    let models = folder.path().to_str().unwrap();
    for mode in ["fast", "low-memory"] {
        task["taskUUID"] = json!(uuid::Uuid::new_v4().to_string());
        task["outputFormat"] = json!("PNG");
        let arguments = ["--models", models, "--out", models, "--mode", mode];
        let answer = run_tasks(&json!([task]), &arguments);
        assert_eq!(answer.code, 0, "{}", answer.json);
        assert_same_picture(mode, &answer.pictures()[0], &tiny.join("picture.png"));
    }
}
