//! Pictures that are none, and values just outside every range: refused by name, nothing computed.

use std::fs;

use latelier::pixels::{Extent, FileFormat, Picture, encode};
use latelier::task::{ImageRef, Kind, PARAMETERS};
use serde_json::{Value, json};

use crate::support::{demo_task, png_of_size, run_tasks, scratch};

#[test]
fn pictures_that_are_none_are_problems_of_their_parameter() {
    let good = Picture::from_fn(Extent::new(64, 64), |x, y| [x as u8, y as u8, 0, 255]);
    let good = encode(&good, FileFormat::Png, "{}").unwrap();
    let uri = |bytes: &[u8]| json!(ImageRef::data_uri("image/png", bytes).to_string());
    let cut = &good[..good.len() / 2];
    let tasks: Vec<Value> = [
        (uri(b"no picture"), "not a picture"),
        (uri(&[]), "damaged"),
        (uri(cut), "not a picture"),
        (uri(&png_of_size(0, 0)), "not a picture"),
        (uri(&png_of_size(64, 0)), "not a picture"),
        (uri(&png_of_size(100_000, 100_000)), "not a picture"),
        (uri(&png_of_size(u32::MAX, 1)), "not a picture"),
        (json!("c4b1a6f2-6b3c-4f0e-9d4e-0b8f6a1f2e3d"), "no picture"),
        (json!("file:///nowhere/at/all.png"), "all.png"),
    ]
    .into_iter()
    .flat_map(|(image, part)| {
        // As the picture, and as the mask of a good one.
        let mut seed = demo_task();
        seed["seedImage"] = image.clone();
        let mut mask = demo_task();
        mask["seedImage"] = uri(&good);
        mask["maskImage"] = image;
        [(seed, "seedImage", part), (mask, "maskImage", part)]
    })
    .map(|(task, parameter, part)| json!({ "task": task, "parameter": parameter, "part": part }))
    .collect();
    let out = scratch();
    let asked: Vec<Value> = tasks.iter().map(|case| case["task"].clone()).collect();
    let answer = run_tasks(&json!(asked), &["--out", out.path().to_str().unwrap()]);
    assert_eq!(answer.code, 1);
    assert_eq!(answer.json["data"], json!([]));
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), 0);
    let errors = answer.json["errors"].as_array().unwrap();
    assert_eq!(errors.len(), tasks.len());
    for case in &tasks {
        let mine = |error: &&Value| error["taskUUID"] == case["task"]["taskUUID"];
        let error = errors.iter().find(mine).unwrap();
        assert_eq!(error["parameter"], case["parameter"], "{error}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(case["part"].as_str().unwrap()), "{message}");
    }
}

#[test]
fn every_number_outside_its_range_and_every_wrong_type_is_named_with_its_limits() {
    let mut asked = Vec::new();
    let mut expected = Vec::new();
    for row in PARAMETERS.iter().filter(|row| !row.name.contains(['.', '['])) {
        let (bad, limits) = match row.kind {
            Kind::Integer { min, max, multiple } => {
                let mut bad = vec![json!(min as i64 - 1), json!("many"), json!(1.5), json!(null)];
                bad.extend(max.and_then(|max| max.checked_add(1)).map(|above| json!(above)));
                if multiple > 1 {
                    bad.push(json!(min + 1));
                }
                (bad, true)
            }
            Kind::Float { min, max } => {
                (vec![json!(min - 0.01), json!(max + 0.01), json!("much"), json!(false)], true)
            }
            Kind::Boolean => (vec![json!("yes"), json!(1)], false),
            Kind::Text { min, max } => {
                let lengths = [(min as usize).saturating_sub(1), max as usize + 1];
                (lengths.map(|length| json!("x".repeat(length))).to_vec(), true)
            }
            Kind::Words { .. } | Kind::Url | Kind::Image => {
                (vec![json!("nonsense"), json!(7)], false)
            }
            _ => continue,
        };
        for value in bad {
            let mut task = demo_task();
            task[row.name] = value.clone();
            expected.push((task["taskUUID"].clone(), row.name, value, limits));
            asked.push(task);
        }
    }
    assert!(asked.len() > 60, "{}", asked.len());
    let answer = run_tasks(&json!(asked), &[]);
    assert_eq!((answer.code, &answer.json["data"]), (1, &json!([])));
    let errors = answer.json["errors"].as_array().unwrap();
    for (task_uuid, name, value, limits) in expected {
        let mine =
            |error: &&Value| error["taskUUID"] == task_uuid && error["parameter"] == json!(name);
        let error = errors.iter().find(mine);
        let error = error.unwrap_or_else(|| panic!("{name} = {value}: nothing said"));
        assert!(error["code"].as_str().unwrap().starts_with("invalid"), "{error}");
        assert!(!limits || !error["min"].is_null(), "{error}");
    }
}
