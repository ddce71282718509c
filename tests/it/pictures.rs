//! From a task on the command line to a picture: the same pixels as diffusers.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{
    answered, assert_same_picture, copy_demo_model, golden, latelier, run_tasks, scratch,
};

/// The goldens, each with its task made complete.
fn cases() -> Vec<(String, Value, Vec<String>)> {
    let text = fs::read_to_string(golden("pictures.json")).unwrap();
    let entries: Vec<Value> = serde_json::from_str(&text).unwrap();
    (entries.into_iter())
        .map(|entry| {
            let mut task = entry["task"].clone();
            task["taskUUID"] = json!(uuid::Uuid::new_v4().to_string());
            task["outputFormat"] = json!("PNG");
            let pictures = entry["pictures"].as_array().unwrap();
            let pictures = pictures.iter().map(|name| name.as_str().unwrap().to_owned()).collect();
            (entry["name"].as_str().unwrap().to_owned(), task, pictures)
        })
        .collect()
}

#[test]
fn every_golden_picture_comes_out_the_same_in_both_modes() {
    let cases = cases();
    assert!(cases.len() >= 12, "{}", cases.len());
    let out = scratch();
    let tasks: Vec<&Value> = cases.iter().map(|(_, task, _)| task).collect();
    for mode in ["fast", "low-memory"] {
        let folder = out.path().to_str().unwrap();
        let answer = run_tasks(&json!(tasks), &["--mode", mode, "--out", folder]);
        assert_eq!(answer.code, 0, "{}", answer.json);
        let mut made = answer.pictures().into_iter();
        for (name, task, pictures) in &cases {
            for (index, expected) in pictures.iter().enumerate() {
                let found = made.next().unwrap();
                let expected = golden("pictures").join(expected);
                assert_same_picture(&format!("{name} #{index}, {mode}"), &found, &expected);
                let carried = latelier::library::read_task(&found).unwrap().unwrap();
                let seed = task["seed"].as_u64().unwrap() + index as u64;
                assert_eq!(carried.seed, Some(seed), "{name}");
            }
        }
        assert_eq!(made.next(), None);
    }
}

#[test]
fn a_picture_of_several_equals_a_single_run_at_its_seed() {
    let out = scratch();
    let folder = out.path().to_str().unwrap();
    let task = |seed: u64, number: u32| {
        let mut task = crate::support::demo_task();
        task["seed"] = json!(seed);
        task["numberResults"] = json!(number);
        task["scheduler"] = json!("Euler a");
        task
    };
    let several = run_tasks(&json!([task(7, 3)]), &["--threads", "2", "--out", folder]);
    let alone = run_tasks(&json!([task(9, 1)]), &["--threads", "2", "--out", folder]);
    let seeds: Vec<u64> = several.json["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|image| image["seed"].as_u64().unwrap())
        .collect();
    assert_eq!(seeds, [7, 8, 9]);
    let read = |path: &Path| latelier::library::read_picture(path).unwrap();
    assert_eq!(read(&several.pictures()[2]), read(&alone.pictures()[0]));
    assert_ne!(read(&several.pictures()[0]), read(&several.pictures()[2]));
}

#[test]
fn a_saved_picture_makes_itself_again_from_the_task_it_carries() {
    let out = scratch();
    let folder = out.path().to_str().unwrap();
    let mut task = crate::support::demo_task();
    task.as_object_mut().unwrap().remove("seed");
    for format in ["PNG", "JPG", "WEBP"] {
        task["outputFormat"] = json!(format);
        task["taskUUID"] = json!(uuid::Uuid::new_v4().to_string());
        let first = run_tasks(&json!([task]), &["--out", folder]).pictures().remove(0);
        let again = latelier().arg("run").arg(&first).args(["--out", folder]).output().unwrap();
        let second = answered(&again).pictures().remove(0);
        let read = |path: &Path| latelier::library::read_picture(path).unwrap();
        assert_eq!(read(&first), read(&second), "{format}");
    }
}

#[test]
fn the_answer_carries_the_picture_as_the_task_asks() {
    let out = scratch();
    let folder = out.path().to_str().unwrap();
    for (output_type, key) in
        [("base64Data", "imageBase64Data"), ("dataURI", "imageDataURI"), ("URL", "imageURL")]
    {
        let mut task = crate::support::demo_task();
        task["outputType"] = json!(output_type);
        task["includeCost"] = json!(true);
        let answer = run_tasks(&json!([task]), &["--out", folder]);
        let image = &answer.json["data"][0];
        assert!(image[key].is_string(), "{image}");
        assert_eq!(image["cost"], json!(0), "{image}");
        assert_eq!(image["taskUUID"], task["taskUUID"]);
    }
}

/// diffusers' SD 1.x pipeline counts steps from 1 and clips nothing even when the scheduler's config
/// leaves both to the class: with such a config it draws the very golden of the full one.
#[test]
fn an_old_scheduler_config_is_corrected_as_the_reference_corrects_it() {
    let models = scratch();
    let demo = models.path().join("old");
    copy_demo_model(&demo);
    let file = demo.join("scheduler/scheduler_config.json");
    let mut config: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    let keys = config.as_object_mut().unwrap();
    assert!(keys.remove("steps_offset").is_some() && keys.remove("clip_sample").is_some());
    fs::write(&file, config.to_string()).unwrap();

    let (_, mut task, pictures) =
        cases().into_iter().find(|(name, ..)| name == "ddim-fox-negative").unwrap();
    task["model"] = json!("local:old@1");
    let folder = models.path().to_str().unwrap();
    let answer = run_tasks(&json!([task]), &["--models", folder, "--out", folder]);
    let expected = golden("pictures").join(&pictures[0]);
    assert_same_picture("old config", &answer.pictures()[0], &expected);
}
