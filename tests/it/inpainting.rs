//! A part of a picture repainted: the same pixels as diffusers inside, the very bits outside.

use std::fs;

use latelier::library::read_picture;
use latelier::pixels::{Extent, FileFormat, Picture, encode};
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

/// `picture` as a file of `folder`, by its address.
fn address(folder: &std::path::Path, name: &str, picture: &Picture) -> Value {
    let path = folder.join(name);
    fs::write(&path, encode(picture, FileFormat::Png, "{}").unwrap()).unwrap();
    json!(Url::from_file_path(path).unwrap().as_str())
}

#[test]
fn a_mask_of_another_size_is_taken() {
    let out = scratch();
    let entry = &entries()[0];
    let read = |key: &str| {
        let name = entry["task"][key].as_str().unwrap();
        read_picture(&golden("inpainting").join(name)).unwrap()
    };
    let larger = read("maskImage").covering(Extent::new(300, 300));
    let mut task = complete(entry);
    task["maskImage"] = address(out.path(), "larger.png", &larger);
    let answer = run_tasks(&json!([task]), &["--out", out.path().to_str().unwrap()]);
    assert_eq!(answer.code, 0, "{}", answer.json);
    assert_ne!(read_picture(&answer.pictures()[0]).unwrap(), read("seedImage"));
}

#[test]
fn masks_that_leave_nothing_to_paint_are_refused_before_anything_is_computed() {
    let out = scratch();
    let black = Picture::from_fn(Extent::new(64, 64), |_, _| [0, 0, 0, 255]);
    let line = Picture::from_fn(Extent::new(4000, 16), |_, _| [255; 4]);
    let mut nothing = complete(&entries()[0]);
    nothing["maskImage"] = address(out.path(), "black.png", &black);
    let mut zoomed = nothing.clone();
    zoomed["taskUUID"] = json!(uuid::Uuid::new_v4().to_string());
    zoomed["maskMargin"] = json!(64);
    // All of a picture far wider than what is painted: its surroundings would be mirrors only.
    let mut stretched = complete(&entries()[0]);
    stretched["maskMargin"] = json!(32);
    stretched["width"] = json!(128);
    stretched["height"] = json!(2048);
    for key in ["seedImage", "maskImage"] {
        stretched[key] = address(out.path(), &format!("line-{key}.png"), &line);
    }
    let answer = run_tasks(&json!([nothing, zoomed, stretched]), &[]);
    assert_eq!((answer.code, &answer.json["data"]), (1, &json!([])));
    let codes = ["invalidMaskImage", "invalidMaskImage", "invalidMaskMargin"];
    assert_eq!(answer.error_codes(), codes, "{}", answer.json);
}

#[test]
fn a_mask_without_a_picture_is_refused() {
    let mut task = complete(&entries()[0]);
    task.as_object_mut().unwrap().remove("seedImage");
    let answer = run_tasks(&json!([task]), &[]);
    assert_eq!((answer.code, answer.error_codes()), (1, vec!["missingSeedImage"]));
}
