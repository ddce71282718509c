//! A picture made from a picture: the same pixels as diffusers' image-to-image pipeline.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use url::Url;

use crate::support::{
    answered, assert_same_picture, demo_task, difference, golden, latelier, run_tasks, scratch,
};

fn file_url(path: PathBuf) -> Value {
    json!(Url::from_file_path(path).unwrap().as_str())
}

#[test]
fn every_golden_comes_out_the_same_in_both_modes() {
    let text = fs::read_to_string(golden("image_to_image.json")).unwrap();
    let entries: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert!(entries.len() >= 20);
    let folder = golden("image_to_image");
    let out = scratch();
    for mode in ["fast", "low-memory"] {
        let tasks: Vec<Value> = (entries.iter())
            .map(|entry| {
                let mut task = entry["task"].clone();
                task["taskUUID"] = json!(uuid::Uuid::new_v4().to_string());
                task["outputFormat"] = json!("PNG");
                task["seedImage"] = file_url(folder.join(task["seedImage"].as_str().unwrap()));
                task
            })
            .collect();
        let arguments = ["--mode", mode, "--out", out.path().to_str().unwrap()];
        let answer = run_tasks(&json!(tasks), &arguments);
        assert_eq!(answer.code, 0, "{}", answer.json);
        let mut made = answer.pictures().into_iter();
        for entry in &entries {
            for expected in entry["pictures"].as_array().unwrap() {
                let name = format!("{expected}, {mode}");
                let expected = folder.join(expected.as_str().unwrap());
                assert_same_picture(&name, &made.next().unwrap(), &expected);
            }
        }
        assert_eq!(made.next(), None);
    }
}

/// The seed image in each of its forms, and at another size than the task's.
#[test]
fn a_seed_image_may_come_as_address_data_or_uuid() {
    let out = scratch();
    let folder = out.path().to_str().unwrap();
    let source = golden("image_to_image/source-square.png");
    let bytes = fs::read(&source).unwrap();
    let inline = latelier::task::ImageRef::data_uri("image/png", &bytes).to_string();
    let bare = inline.split_once("base64,").unwrap().1.to_owned();
    let uuid = uuid::Uuid::new_v4();
    fs::copy(&source, out.path().join(format!("{uuid}.png"))).unwrap();

    let task = |image: &Value| {
        let mut task = demo_task();
        task["seedImage"] = image.clone();
        task["strength"] = json!(0.6);
        task["steps"] = json!(5);
        task
    };
    let forms = [file_url(source), json!(inline), json!(bare), json!(uuid.to_string())];
    let tasks: Vec<Value> = forms.iter().map(task).collect();
    let answer = run_tasks(&json!(tasks), &["--out", folder]);
    assert_eq!(answer.code, 0, "{}", answer.json);
    let pictures = answer.pictures();
    for other in &pictures[1..] {
        assert_eq!(difference(&pictures[0], other), (0, 0.0));
    }

    let mut wide = task(&forms[0]);
    wide["width"] = json!(256);
    let answer = run_tasks(&json!([wide]), &["--out", folder]);
    assert_eq!(answer.code, 0, "{}", answer.json);
}

/// diffusers fails where `strength` leaves no step; here the seed image is given back.
#[test]
fn a_strength_that_leaves_no_step_gives_the_picture_back() {
    let out = scratch();
    let source = golden("image_to_image/source-square.png");
    let mut task = demo_task();
    task["seedImage"] = file_url(source.clone());
    task["strength"] = json!(0);
    let answer = run_tasks(&json!([task]), &["--out", out.path().to_str().unwrap()]);
    assert_eq!(answer.code, 0, "{}", answer.json);
    // Only what the autoencoder loses.
    let (_, mean) = difference(&answer.pictures()[0], &source);
    assert!(mean < 12.0, "{mean}");
}

/// A JPEG file has room for 64 KiB of text; the picture inside the task is larger.
#[test]
fn a_large_picture_inside_a_task_is_kept_by_content_and_the_result_makes_itself_again() {
    let out = scratch();
    let folder = out.path().to_str().unwrap();
    let extent = latelier::pixels::Extent::new(256, 256);
    let normals = latelier::sampling::TorchRng::new(1).normals(extent.area() * 4);
    let noise: Vec<u8> = normals.iter().map(|value| (value * 60.0 + 128.0) as u8 | 1).collect();
    let source = latelier::pixels::Picture::from_rgba(extent, noise).unwrap();
    let png = latelier::pixels::FileFormat::Png;
    let bytes = latelier::pixels::encode(&source, png, "{}").unwrap();
    assert!(bytes.len() > 64 << 10);
    let inline = latelier::task::ImageRef::data_uri("image/png", &bytes).to_string();
    for format in ["JPG", "WEBP", "PNG"] {
        let mut task = demo_task();
        task["seedImage"] = json!(inline);
        task["maskImage"] = json!(inline);
        task["outputFormat"] = json!(format);
        let answer = run_tasks(&json!([task]), &["--out", folder]);
        assert_eq!(answer.code, 0, "{}", answer.json);
        let first = answer.pictures().remove(0);
        let carried = latelier::library::read_task(&first).unwrap().unwrap();
        assert!(matches!(carried.seed_image, Some(latelier::task::ImageRef::Uuid(_))), "{format}");
        assert_eq!(carried.mask_image, carried.seed_image, "the same content, the same name");
        let again = latelier().arg("run").arg(&first).args(["--out", folder]).output().unwrap();
        let second = answered(&again).pictures().remove(0);
        assert_eq!(difference(&first, &second), (0, 0.0), "{format}");
    }
}
