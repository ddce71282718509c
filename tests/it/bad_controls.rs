//! `ControlNets` and guides that cannot be used: refused by their place in the task, nothing computed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use half::f16;
use latelier::pixels::{Extent, FileFormat, Picture, encode};
use latelier::task::ImageRef;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde_json::{Value, json};

use crate::support::png_of_size;
use crate::support::{Answered, demo_task, golden, repository, run_tasks, scratch};

const CANNY: &str = "assets/models/demo/addons/controlnet-canny";
const WEIGHTS: &str = "diffusion_pytorch_model.safetensors";

fn inline(width: u32, height: u32) -> Value {
    let picture = Picture::from_fn(Extent::new(width, height), |x, _| [x as u8, 255, 9, 255]);
    uri(&encode(&picture, FileFormat::Png, "{}").unwrap())
}

fn uri(bytes: &[u8]) -> Value {
    json!(ImageRef::data_uri("image/png", bytes).to_string())
}

fn task(controls: &Value) -> Value {
    let mut task = demo_task();
    task["controlNet"] = controls.clone();
    task
}

fn run(tasks: &[Value], models: &Path, out: &Path) -> Answered {
    let arguments = ["--models", models.to_str().unwrap(), "--out", out.to_str().unwrap()];
    run_tasks(&json!(tasks), &arguments)
}

/// Holds that every task failed at its place with a message that has the part, without a picture.
#[track_caller]
fn assert_refused(answer: &Answered, cases: &[(Value, &str, &str)], out: &Path) {
    assert_eq!((answer.code, &answer.json["data"]), (1, &json!([])));
    assert_eq!(fs::read_dir(out).unwrap().count(), 0);
    let errors = answer.json["errors"].as_array().unwrap();
    assert_eq!(errors.len(), cases.len(), "{errors:?}");
    for (task, place, part) in cases {
        let mine = |error: &&Value| error["taskUUID"] == task["taskUUID"];
        let error = errors.iter().find(mine).unwrap();
        assert_eq!(error["parameter"], *place, "{error}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn guides_that_are_no_pictures_are_named_by_their_place() {
    let canny = "local:demo-canny@1";
    let second = |guide: Value| {
        let good = json!({ "model": canny, "guideImage": inline(64, 64) });
        task(&json!([good, { "model": canny, "guideImage": guide, "weight": 0 }]))
    };
    let first = |guide: Value| task(&json!([{ "model": canny, "guideImage": guide }]));
    let cases = [
        (first(uri(b"no picture")), "controlNet[0].guideImage", "not a picture"),
        (first(uri(&png_of_size(20_000, 20_000))), "controlNet[0].guideImage", "picture"),
        (first(json!("file:///nowhere/at/all.png")), "controlNet[0].guideImage", "all.png"),
        (
            second(json!("c4b1a6f2-6b3c-4f0e-9d4e-0b8f6a1f2e3d")),
            "controlNet[1].guideImage",
            "no picture",
        ),
    ];
    let (models, out) = (scratch(), scratch());
    let tasks: Vec<Value> = cases.iter().map(|(task, ..)| task.clone()).collect();
    assert_refused(&run(&tasks, models.path(), out.path()), &cases, out.path());
}

#[test]
fn a_guide_of_one_pixel_and_one_of_an_extreme_shape_are_fitted() {
    let control = |guide| json!([{ "model": "local:demo-canny@1", "guideImage": guide }]);
    let tasks = [task(&control(inline(1, 1))), task(&control(inline(2000, 3)))];
    let (models, out) = (scratch(), scratch());
    let answer = run(&tasks, models.path(), out.path());
    assert_eq!(answer.code, 0, "{}", answer.json);
    assert_eq!(answer.pictures().len(), 2);
}

/// Writes a file of zeros under these names and shapes.
fn write_file(models: &Path, name: &str, tensors: &[(&str, &[usize])]) {
    let bytes: Vec<Vec<u8>> =
        tensors.iter().map(|(_, shape)| vec![0; shape.iter().product::<usize>() * 2]).collect();
    let views = (tensors.iter().zip(&bytes)).map(|((key, shape), bytes)| {
        (*key, TensorView::new(Dtype::F16, shape.to_vec(), bytes).unwrap())
    });
    let path = models.join(format!("{name}.safetensors"));
    safetensors::serialize_to_file(views, None, &path).unwrap();
}

/// A copy of the demo's `ControlNet` as a folder, its file changed by `change`.
fn copy_folder(models: &Path, name: &str, change: impl Fn(Vec<u8>) -> Vec<u8>) {
    let folder = models.join(name);
    fs::create_dir(&folder).unwrap();
    fs::copy(repository(CANNY).join("config.json"), folder.join("config.json")).unwrap();
    let weights = fs::read(repository(CANNY).join(WEIGHTS)).unwrap();
    fs::write(folder.join(WEIGHTS), change(weights)).unwrap();
}

/// The demo's `ControlNet` with the first number of one tensor replaced, or that tensor left out.
fn edited(weights: &[u8], tensor: &str, number: Option<f16>) -> Vec<u8> {
    let file = SafeTensors::deserialize(weights).unwrap();
    let mut tensors: BTreeMap<String, (Vec<usize>, Vec<u8>)> = (file.iter())
        .map(|(name, view)| (name.to_owned(), (view.shape().to_vec(), view.data().to_vec())))
        .collect();
    match number {
        Some(number) => {
            tensors.get_mut(tensor).unwrap().1[..2].copy_from_slice(&number.to_le_bytes());
        }
        None => assert!(tensors.remove(tensor).is_some()),
    }
    let views = tensors.iter().map(|(name, (shape, bytes))| {
        (name.as_str(), TensorView::new(Dtype::F16, shape.clone(), bytes).unwrap())
    });
    safetensors::serialize(views, None).unwrap()
}

#[test]
fn files_that_are_no_usable_controlnet_of_the_model_are_refused_with_the_reason() {
    const ATTENTION: &str = "control_model.input_blocks.4.1.transformer_blocks.0.attn2.to_k.weight";
    const ZERO: &str = "control_model.zero_convs.0.0.weight";
    const HINT: &str = "control_model.input_hint_block.0.weight";
    let models = scratch();
    let write = |name: &str, tensors: &[(&str, &[usize])]| write_file(models.path(), name, tensors);
    write("sdxl", &[(ATTENTION, &[640, 2048]), (ZERO, &[4, 4, 1, 1])]);
    write("sd2", &[(ATTENTION, &[640, 1024]), (ZERO, &[4, 4, 1, 1])]);
    write("sd15", &[(ATTENTION, &[640, 768]), (ZERO, &[320, 320, 1, 1]), (HINT, &[16, 3, 3, 3])]);
    write("t2i", &[("body.0.in_conv.weight", &[4, 4, 1, 1])]);
    write("diff", &[(HINT, &[16, 3, 3, 3]), ("difference", &[1])]);
    write("control-lora", &[(HINT, &[16, 3, 3, 3]), ("lora_controlnet", &[1])]);
    write("lllite", &[("lllite_unet_down_blocks_0.conditioning1.0.weight", &[4, 3, 4, 4])]);
    fs::copy(golden("tiny-controlnet/model.safetensors"), models.path().join("tiny.safetensors"))
        .unwrap();
    copy_folder(models.path(), "cut", |weights| weights[..weights.len() - 1000].to_vec());
    copy_folder(models.path(), "no-numbers", |weights| {
        edited(&weights, "controlnet_mid_block.weight", Some(f16::NAN))
    });
    copy_folder(models.path(), "endless", |weights| {
        edited(&weights, "mid_block.resnets.0.conv1.weight", Some(f16::INFINITY))
    });
    copy_folder(models.path(), "incomplete", |weights| {
        edited(&weights, "mid_block.resnets.0.conv1.weight", None)
    });
    copy_folder(models.path(), "empty", |_| Vec::new());
    for (name, layers) in [("vast", 1_000_000_000_000_u64), ("taller", 3)] {
        copy_folder(models.path(), name, |weights| weights);
        let place = models.path().join(name).join("config.json");
        let mut config: Value = serde_json::from_slice(&fs::read(&place).unwrap()).unwrap();
        config["layers_per_block"] = json!(layers);
        fs::write(place, config.to_string()).unwrap();
    }
    let one = |model: &str| {
        task(&json!([{ "model": format!("local:{model}@1"), "guideImage": inline(64, 64) }]))
    };
    let place = "controlNet[0].model";
    let cases = [
        (one("demo"), place, "takes a ControlNet"),
        (one("nowhere"), place, "not in the library"),
        (one("sdxl"), place, "SDXL"),
        (one("sd2"), place, "SD 2"),
        (one("sd15"), place, "768"),
        (one("tiny"), place, "text of 16 channels"),
        (one("t2i"), place, "T2I-Adapter"),
        (one("diff"), place, "difference"),
        (one("control-lora"), place, "Control-LoRA"),
        (one("lllite"), place, "LLLite"),
        (one("cut"), place, "cut off"),
        (one("no-numbers"), place, "controlnet_mid_block.weight"),
        (one("endless"), place, "not numbers"),
        (one("incomplete"), place, "mid_block.resnets.0.conv1.weight"),
        (one("empty"), place, "0 bytes"),
        (one("vast"), place, "larger than any"),
        (one("taller"), place, "3 layers each"),
    ];
    let out = scratch();
    let tasks: Vec<Value> = cases.iter().map(|(task, ..)| task.clone()).collect();
    assert_refused(&run(&tasks, models.path(), out.path()), &cases, out.path());
}
