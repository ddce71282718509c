//! IP-Adapters and image encoders: each network alone, whole pictures, and files that cannot be used.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use latelier::engine::{Input, Interrupt, Mode, Network};
use latelier::graph::{self, Dialect, Emitted, UnetInputs, VisionOutput};
use latelier::pixels::{Extent, FileFormat, Picture, encode};
use latelier::task::ImageRef;
use latelier::weights::{Checkpoint, ImageEncoder, IpAdapter, cross_attentions};
use ndarray::{ArrayD, Axis};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde_json::{Value, json};

use crate::networks::{assert_close, everywhere, leaked};
use crate::support::{
    Answered, assert_same_picture, difference, golden, latelier, relative_error, run_tasks,
    runtime, scratch, tensors,
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
    let controlnet = golden("tiny-controlnet/model.safetensors");
    fs::copy(controlnet, root.join("tiny-controlnet.safetensors")).unwrap();
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
    for stack in ["ipAdapters", "controlNet"] {
        for entry in task.get_mut(stack).and_then(Value::as_array_mut).into_iter().flatten() {
            let guide = golden(entry["guideImage"].as_str().unwrap());
            entry["guideImage"] = json!(format!("file://{}", guide.display()));
        }
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
        "with-controlnet",
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

/// Noise: as large inside a task as a photograph, far more than a JPEG file has room for.
fn large_picture() -> String {
    let mut state = 1_u32;
    let picture = Picture::from_fn(Extent::new(256, 256), |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [_, red, green, blue] = state.to_le_bytes();
        [red, green, blue, 255]
    });
    let bytes = encode(&picture, FileFormat::Png, "").unwrap();
    assert!(bytes.len() > 150_000);
    ImageRef::data_uri("image/png", &bytes).to_string()
}

#[test]
fn a_large_guide_inside_a_task_is_kept_by_content_and_the_result_makes_itself_again() {
    let models = models();
    for format in ["JPG", "PNG"] {
        let (mut task, _) = task("plain");
        task["outputFormat"] = json!(format);
        task["ipAdapters"][0]["guideImage"] = json!(large_picture());
        let answer = run(&task, models.path(), &[]);
        assert_eq!(answer.code, 0, "{}", answer.json);
        let first = answer.pictures().remove(0);
        assert!(fs::metadata(&first).unwrap().len() < 100_000, "{format}");
        let carried = latelier::library::read_task(&first).unwrap().unwrap();
        let guide = carried.ip_adapters.as_ref().unwrap()[0].guide_image.as_ref().unwrap();
        assert!(matches!(guide, ImageRef::Uuid(_)), "{guide}");
        let again = run(&serde_json::to_value(&carried).unwrap(), models.path(), &[]);
        assert_eq!(again.code, 0, "{}", again.json);
        assert_eq!(difference(&first, &again.pictures()[0]), (0, 0.0));
    }
}

/// The CPU's form of the UNet is held against the reference by the pictures.
#[test]
fn every_dialect_attends_to_pictures_alike() {
    let tiny = golden("tiny-sd1");
    let checkpoint =
        Checkpoint::open(&tiny.join("model.safetensors"), Some(&tiny.join("config"))).unwrap();
    let config = &checkpoint.unet_config;
    let wave = |shape: &[usize], speed: f32| {
        let numbers: usize = shape.iter().product();
        let values = (0..numbers).map(|at| (at as f32 * speed).sin()).collect();
        ArrayD::from_shape_vec(shape, values).unwrap()
    };
    let mut inputs = vec![
        ("sample".to_owned(), wave(&[2, 4, 16, 24], 0.37)),
        ("timestep".to_owned(), ArrayD::from_elem(vec![1], 321.0)),
        ("encoder_hidden_states".to_owned(), wave(&[2, 77, config.cross_attention_dim], 0.73)),
    ];
    let without = inputs.clone();
    for layer in cross_attentions(config) {
        // A plain adapter and one of many tokens.
        for (index, tokens) in [4, 19].into_iter().enumerate() {
            let shape = [2, tokens, layer.channels];
            inputs.push((graph::image_key(&layer.name, index), wave(&shape, 0.91)));
            inputs.push((graph::image_value(&layer.name, index), wave(&shape, 1.27)));
        }
    }
    let emit = |dialect, image_prompts| {
        let takes = UnetInputs { image_prompts, ..UnetInputs::default() };
        graph::unet(&checkpoint.unet, config, dialect, takes).unwrap()
    };
    let named = |inputs: &[(String, ArrayD<f32>)]| {
        let named = inputs.iter().map(|(name, array)| (name.clone().leak(), leaked(array)));
        named.map(|(name, array)| (&*name, array)).collect()
    };
    let with = everywhere(|dialect| emit(dialect, 2), || named(&inputs));
    assert_close("image prompts", &with, &with[0].1);
    let bare = emit(Dialect::Cpu, 0);
    let (runtime, interrupt) = (runtime(), Interrupt::new(&runtime()).unwrap());
    let mut bare = Network::on_cpu(&runtime, &bare, Mode::LowMemory, 1, &interrupt).unwrap();
    let bare = bare.run(named(&without), &interrupt).unwrap();
    assert!(relative_error(&with[0].1, &bare) > 0.01, "the pictures change nothing");
}

/// Writes the tensors of `adapter`, changed by `change`, as `name`.
fn changed(
    models: &Path,
    (adapter, name): (&str, &str),
    change: impl Fn(&str, &mut Vec<usize>, &mut Vec<u8>) -> Option<String>,
) {
    let bytes = fs::read(golden(&format!("ip_adapter/{adapter}.safetensors"))).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut tensors = BTreeMap::new();
    for (key, view) in file.tensors() {
        let (mut shape, mut data) = (view.shape().to_vec(), view.data().to_vec());
        if let Some(key) = change(&key, &mut shape, &mut data) {
            tensors.insert(key, (shape, data));
        }
    }
    let views = tensors.iter().map(|(key, (shape, data))| {
        (key, TensorView::new(Dtype::F16, shape.clone(), data).unwrap())
    });
    let path = models.join(format!("{name}.safetensors"));
    safetensors::serialize_to_file(views, None, &path).unwrap();
}

/// What is said of a task whose first adapter is `model`: the code, the parameter, the message.
#[track_caller]
fn refused(models: &Path, model: &str) -> (String, String, String) {
    let mut task = task("plain").0;
    task["ipAdapters"][0]["model"] = json!(model);
    refused_task(models, &task)
}

#[track_caller]
fn refused_task(models: &Path, task: &Value) -> (String, String, String) {
    let answer = run(task, models, &[]);
    assert_ne!(answer.code, 0, "{}", answer.json);
    assert!(!answer.stderr.contains("panicked"), "{}", answer.stderr);
    let error = &answer.json["errors"][0];
    let text = |key: &str| error[key].as_str().unwrap_or_default().to_owned();
    (text("code"), text("parameter"), text("message"))
}

#[test]
fn adapters_that_cannot_be_used_are_refused_with_the_reason() {
    let models = models();
    let root = models.path();
    let same = |key: &str| Some(key.to_owned());
    // FaceID: two linear layers and a norm of their own.
    changed(root, ("full-face", "face-id"), |key, _, _| {
        Some(key.replace("image_proj.proj.3.", "image_proj.norm."))
    });
    // SDXL: tokens of 2048 channels.
    changed(root, ("plain", "xl"), |key, shape, data| {
        if key.starts_with("ip_adapter.") {
            *shape = vec![shape[0], 2048];
        } else if key == "image_proj.proj.weight" {
            *shape = vec![4 * 2048, shape[1]];
        }
        *data = vec![0; shape.iter().product::<usize>() * 2];
        same(key)
    });
    changed(root, ("plain", "fewer"), |key, _, _| {
        if key.starts_with("ip_adapter.31.") { None } else { same(key) }
    });
    changed(root, ("plus", "half-a-resampler"), |key, _, _| {
        if key == "image_proj.layers.2.0.to_kv.weight" { None } else { same(key) }
    });
    changed(root, ("plain", "none"), |key, _, data| {
        if key == "ip_adapter.5.to_v_ip.weight" {
            data[..2].copy_from_slice(&half::f16::NAN.to_le_bytes());
        }
        same(key)
    });
    let whole = fs::read(golden("ip_adapter/plain.safetensors")).unwrap();
    fs::write(root.join("cut.safetensors"), &whole[..whole.len() - 100]).unwrap();
    let cases = [
        ("face-id", "FaceID"),
        ("fewer", "16"),
        ("half-a-resampler", "image_proj.layers.2.0.to_kv.weight"),
        ("none", "not numbers"),
    ];
    for (name, part) in cases {
        let (code, parameter, message) = refused(root, &format!("local:{name}@1"));
        assert_eq!(
            (code.as_str(), parameter.as_str()),
            ("invalidIpAdaptersModel", "ipAdapters[0].model")
        );
        assert!(message.contains(part), "{name}: {message}");
        assert!(message.ends_with(&format!("{name}.safetensors")), "{message}");
    }
    // The library knows already that this one is for another family,
    let (code, _, message) = refused(root, "local:xl@1");
    assert_eq!(code, "unsupportedArchitectureIpAdaptersModel", "{message}");
    // and that this one is cut off.
    let (code, _, _) = refused(root, "local:cut@1");
    assert_eq!(code, "invalidIpAdaptersModel");
}

#[test]
fn guides_that_cannot_be_used_are_refused_by_their_place() {
    let models = models();
    let mut task = task("two").0;
    for guide in ["file:///nowhere/at/all.png", "data:image/png;base64,bm8gcGljdHVyZQ=="] {
        task["ipAdapters"][1]["guideImage"] = json!(guide);
        let (_, parameter, message) = refused_task(models.path(), &task);
        assert_eq!(parameter, "ipAdapters[1].guideImage", "{message}");
    }
}

#[test]
fn a_missing_image_encoder_is_named_with_where_to_put_it() {
    let models = models();
    let root = models.path();
    let place = root.join("image_encoder");
    fs::rename(&place, root.join("elsewhere")).unwrap();
    let (code, parameter, message) = refused(root, "local:plain@1");
    assert_eq!((code.as_str(), parameter.as_str()), ("unsupportedLocalIpAdapters", "ipAdapters"));
    assert!(message.contains("clip_vision") && message.contains("image_encoder"), "{message}");

    // One that is damaged is named.
    let model = fs::read(root.join("elsewhere/model.safetensors")).unwrap();
    fs::create_dir(&place).unwrap();
    fs::copy(root.join("elsewhere/config.json"), place.join("config.json")).unwrap();
    fs::write(place.join("model.safetensors"), &model[..model.len() / 2]).unwrap();
    let (_, _, message) = refused(root, "local:plain@1");
    assert!(message.contains("cut off"), "{message}");

    // One with values that are none is found before anything else is computed.
    let mut bytes = model;
    let start = bytes.len() - 4000;
    for pair in bytes[start..].chunks_exact_mut(2) {
        pair.copy_from_slice(&half::f16::INFINITY.to_le_bytes());
    }
    fs::write(place.join("model.safetensors"), &bytes).unwrap();
    let (_, parameter, message) = refused(root, "local:plain@1");
    assert_eq!(parameter, "ipAdapters[0].model");
    assert!(message.contains("image encoder gives values that are not numbers"), "{message}");
}

/// Where ComfyUI keeps them, where the publisher does, and in another folder of models.
#[test]
fn image_encoders_are_found_where_people_keep_them() {
    let models = models();
    let root = models.path();
    let (task, expected) = task("plain");
    let further = scratch();
    fs::create_dir(root.join("ipadapter")).unwrap();
    fs::rename(root.join("plain.safetensors"), root.join("ipadapter/plain.safetensors")).unwrap();
    let places = [
        root.join("ipadapter/image_encoder"),
        root.join("ipadapter/models/image_encoder"),
        root.join("clip_vision/vit"),
        further.path().join("clip_vision/vit"),
    ];
    let mut now = root.join("image_encoder");
    for place in places {
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::rename(&now, &place).unwrap();
        now = place;
        let arguments = ["--models", further.path().to_str().unwrap()];
        let answer = run(&task, root, &arguments);
        assert_eq!(answer.code, 0, "{}: {}", now.display(), answer.json);
        assert_same_picture(&now.display().to_string(), &answer.pictures()[0], &expected[0]);
        fs::remove_file(&answer.pictures()[0]).unwrap();
    }
    // It is part of an adapter, not a model of its own.
    let listed = latelier().args(["models", "list", "--models", root.to_str().unwrap()]).output();
    let listed = listed.unwrap();
    let text = [listed.stdout, listed.stderr].concat();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("local:plain@1"), "{text}");
    assert!(!text.contains("image_encoder") && !text.contains("clip_vision"), "{text}");
}

/// Calls that leave out the deep layers take the keys and values of the others only.
#[test]
fn deep_features_can_be_reused_beside_image_prompts() {
    let models = models();
    let picture = |change: &dyn Fn(&mut Value)| {
        let mut task = task("plus-half").0;
        task["acceleratorOptions"] = json!({ "deepCache": true, "deepCacheInterval": 2 });
        change(&mut task);
        let answer = run(&task, models.path(), &[]);
        assert_eq!(answer.code, 0, "{}", answer.json);
        answer.pictures().remove(0)
    };
    let cached = picture(&|_| ());
    let bare = picture(&|task| task["ipAdapters"] = json!([]));
    let every_step = picture(&|task| task["acceleratorOptions"]["deepCacheInterval"] = json!(1));
    assert!(difference(&cached, &bare).1 > 1.0);
    assert!(difference(&cached, &every_step).1 > 0.1);
    assert_same_picture("interval 1", &every_step, &golden("ip_adapter/plus-half.png"));
}
