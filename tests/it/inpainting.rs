//! A part of a picture repainted: the same pixels as diffusers inside, the very bits outside.

use std::fs;

use latelier::library::read_picture;
use latelier::pixels::{FileFormat, Picture, encode};
use serde_json::{Value, json};
use url::Url;

use crate::support::{assert_same_picture, golden, run_tasks, scratch};

fn entries() -> Vec<Value> {
    let text = fs::read_to_string(golden("inpainting.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The entry's task with its pictures as addresses.
fn complete(entry: &Value) -> Value {
    let mut task = entry["task"].clone();
    task["taskUUID"] = json!(uuid::Uuid::new_v4().to_string());
    task["outputFormat"] = json!("PNG");
    for key in ["seedImage", "maskImage"] {
        let path = golden("inpainting").join(task[key].as_str().unwrap());
        task[key] = json!(Url::from_file_path(path).unwrap().as_str());
    }
    task
}

#[test]
fn every_golden_comes_out_the_same_inside_the_mask_and_untouched_outside() {
    let entries = entries();
    assert!(entries.len() >= 12);
    let tasks: Vec<Value> = entries.iter().map(complete).collect();
    let folder = golden("inpainting");
    let out = scratch();
    for mode in ["fast", "low-memory"] {
        let arguments = ["--mode", mode, "--out", out.path().to_str().unwrap()];
        let answer = run_tasks(&json!(tasks), &arguments);
        assert_eq!(answer.code, 0, "{}", answer.json);
        for (entry, found) in entries.iter().zip(answer.pictures()) {
            let pasted = entry["pasted"][0].as_str().unwrap();
            assert_same_picture(&format!("{pasted}, {mode}"), &found, &folder.join(pasted));

            let read = |name: &Value| read_picture(&folder.join(name.as_str().unwrap())).unwrap();
            let (source, mask) =
                (read(&entry["task"]["seedImage"]), read(&entry["task"]["maskImage"]));
            let found = read_picture(&found).unwrap();
            let pixels = found.rgba().chunks_exact(4).zip(source.rgba().chunks_exact(4));
            let mut kept = 0;
            for ((found, source), mask) in pixels.zip(mask.rgba().chunks_exact(4)) {
                if mask[0] == 0 {
                    assert_eq!(found, source, "{pasted}");
                    kept += 1;
                }
            }
            assert!(kept > 1000, "{pasted}: {kept} pixels stay");
        }
    }
}

#[test]
fn a_mask_of_another_size_and_an_empty_one_are_taken() {
    let out = scratch();
    let entry = &entries()[0];
    let mask =
        read_picture(&golden("inpainting").join(entry["task"]["maskImage"].as_str().unwrap()));
    let (larger, black) = {
        let mask = mask.unwrap();
        let extent = latelier::pixels::Extent::new(300, 300);
        let nothing = [0, 0, 0, 255].repeat(mask.extent().area());
        (mask.covering(extent), Picture::from_rgba(mask.extent(), nothing).unwrap())
    };
    let address = |name: &str, picture: &Picture| {
        let path = out.path().join(name);
        fs::write(&path, encode(picture, FileFormat::Png, "{}").unwrap()).unwrap();
        json!(Url::from_file_path(path).unwrap().as_str())
    };
    let mut tasks = [complete(entry), complete(entry)];
    tasks[0]["maskImage"] = address("larger.png", &larger);
    tasks[1]["maskImage"] = address("black.png", &black);
    let answer = run_tasks(&json!(tasks), &["--out", out.path().to_str().unwrap()]);
    assert_eq!(answer.code, 0, "{}", answer.json);
    let source = golden("inpainting").join(entry["task"]["seedImage"].as_str().unwrap());
    let source = read_picture(&source).unwrap();
    let made: Vec<Picture> =
        answer.pictures().iter().map(|path| read_picture(path).unwrap()).collect();
    assert_ne!(made[0], source);
    assert_eq!(made[1], source, "nothing was to be repainted");
}

#[test]
fn a_mask_without_a_picture_is_refused() {
    let mut task = complete(&entries()[0]);
    task.as_object_mut().unwrap().remove("seedImage");
    let answer = run_tasks(&json!([task]), &[]);
    assert_eq!((answer.code, answer.error_codes()), (1, vec!["missingSeedImage"]));
}
