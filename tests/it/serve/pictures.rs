//! Pictures through the server: every form and format, several at a time, from other pictures.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use latelier::pixels::{Extent, decode};
use serde_json::{Value, json};

use super::{Served, code, fetched, kind, neighbour, picture, task, white};
use crate::support::run_tasks;

const SMALL: Extent = Extent::new(128, 128);

/// The bytes that a result carries, or leads to.
fn bytes(result: &Value) -> Vec<u8> {
    if let Some(url) = result["imageURL"].as_str() {
        let (status, bytes) = fetched(url);
        assert_eq!(status, 200, "{url}");
        return bytes;
    }
    let text = result["imageBase64Data"].as_str();
    let uri = result["imageDataURI"].as_str().map(|uri| uri.split_once(";base64,").unwrap().1);
    STANDARD.decode(text.or(uri).unwrap_or_else(|| panic!("{result}"))).unwrap()
}

/// The first result of a message.
#[track_caller]
fn first(message: &Value) -> &Value {
    message["data"].get(0).unwrap_or_else(|| panic!("{message}"))
}

#[test]
fn results_come_as_asked_and_nothing_else() {
    let server = Served::start(&[]);
    let mut socket = server.client();
    for (form, format, name, field) in [
        ("URL", "PNG", "PNG", "imageURL"),
        ("base64Data", "JPG", "JPEG", "imageBase64Data"),
        ("dataURI", "WEBP", "WebP", "imageDataURI"),
    ] {
        let task = task(json!({ "outputType": form, "outputFormat": format }));
        let message = socket.ask(&task);
        let result = &message["data"][0];
        let fields: BTreeSet<&str> = result
            .as_object()
            .unwrap_or_else(|| panic!("{message}"))
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(fields, BTreeSet::from(["taskType", "taskUUID", "imageUUID", "seed", field]));
        assert_eq!((&result["taskUUID"], &result["seed"]), (&task["taskUUID"], &json!(7)));
        assert_eq!(kind(&bytes(result)), (SMALL, name));
    }
    let paid = socket.ask(&task(json!({ "includeCost": true, "checkNSFW": true })));
    assert_eq!(
        (&paid["data"][0]["cost"], &paid["data"][0]["NSFWContent"]),
        (&json!(0), &json!(false))
    );
}

#[test]
fn several_pictures_come_one_a_frame_with_exact_seeds() {
    let server = Served::start(&[]);
    let mut socket = server.client();
    let first = 9_007_199_254_740_993_u64;
    let tasks = [
        task(json!({ "numberResults": 3, "seed": first })),
        task(json!({ "numberResults": 2, "seed": 5 })),
    ];
    socket.send(&json!(tasks));
    let mut seeds = BTreeSet::new();
    for _ in 0..5 {
        let message = socket.receive();
        let [result] = &message["data"].as_array().unwrap()[..] else { panic!("{message}") };
        seeds.insert(result["seed"].as_u64().unwrap());
    }
    assert_eq!(seeds, BTreeSet::from([5, 6, first, first + 1, first + 2]));
}

#[test]
fn the_picture_is_that_of_the_command_line_to_the_byte() {
    let server = Served::start(&[]);
    let mut socket = server.client();
    let task = task(json!({ "steps": 2 }));
    let served = bytes(&socket.ask(&task)["data"][0]);
    let folder = crate::support::scratch();
    let out = folder.path().to_str().unwrap();
    let local = run_tasks(&json!([task]), &["--out", out]);
    assert_eq!(served, std::fs::read(&local.pictures()[0]).unwrap());
}

#[test]
fn a_picture_is_uploaded_painted_over_and_grown() {
    let server = Served::start(&[]);
    let mut socket = server.client();
    let uploaded = socket.ask(&neighbour("imageUpload", json!({ "image": picture(128, 128) })));
    let upload = &uploaded["data"][0];
    assert_eq!(kind(&bytes(upload)), (SMALL, "PNG"));
    let start = &upload["imageUUID"];
    let vary = socket.ask(&task(json!({ "seedImage": start, "strength": 0.5, "steps": 2 })));
    assert_eq!(kind(&bytes(first(&vary))).0, SMALL);
    // An earlier result is a picture, too; and so is one inside the task.
    let result = &vary["data"][0]["imageUUID"];
    let fill = socket
        .ask(&task(json!({ "inputs": { "seedImage": result, "maskImage": white(128, 128) } })));
    assert_eq!(kind(&bytes(first(&fill))).0, SMALL);
    let grown =
        socket.ask(&task(json!({ "seedImage": start, "width": 192, "outpaint": { "left": 64 } })));
    assert_eq!(kind(&bytes(first(&grown))).0, Extent::new(192, 128));

    let twice = socket.ask(&neighbour("imageUpload", json!({ "image": picture(128, 128) })));
    assert_eq!(twice["data"][0]["imageUUID"], *start, "kept by content");
    let damaged = socket.ask(&neighbour("imageUpload", json!({ "image": "iVBORw0KGgoAAAA=" })));
    assert_eq!(code(&damaged), "invalidImage");
    let damaged = socket.ask(&task(json!({ "seedImage": "iVBORw0KGgoAAAA=" })));
    assert_eq!(code(&damaged), "invalidSeedImage");
}

#[test]
fn a_guide_is_made_under_old_and_new_names() {
    let server = Served::start(&[]);
    let mut socket = server.client();
    let old = json!({ "inputImage": picture(128, 64), "preProcessorType": "canny",
        "outputType": "base64Data", "outputFormat": "PNG", "width": 64, "includeCost": true });
    let message = socket.ask(&neighbour("imageControlNetPreProcess", old));
    let guide = &message["data"][0];
    let file = STANDARD
        .decode(guide["guideImageBase64Data"].as_str().unwrap_or_else(|| panic!("{message}")))
        .unwrap();
    assert_eq!(decode(&file).unwrap().extent(), Extent::new(64, 32));
    assert_eq!(guide["cost"], 0);
    let new = json!({ "inputs": { "image": guide["guideImageUUID"] }, "model": "runware:controlnet-preprocess@tile" });
    let message = socket.ask(&neighbour("controlNetPreprocess", new));
    let url = message["data"][0]["guideImageURL"].as_str().unwrap_or_else(|| panic!("{message}"));
    assert_eq!(kind(&fetched(url).1).1, "JPEG");
    let larger =
        json!({ "inputImage": guide["guideImageUUID"], "preProcessorType": "canny", "width": 999 });
    assert_eq!(code(&socket.ask(&neighbour("controlNetPreprocess", larger))), "invalidWidth");
    let network = json!({ "inputImage": guide["guideImageUUID"], "preProcessorType": "depth" });
    let refused = socket.ask(&neighbour("controlNetPreprocess", network));
    assert_eq!(code(&refused), "unsupportedLocalPreProcessorType");
}

#[test]
fn a_large_picture_comes_in_one_large_frame() {
    let server = Served::start(&[]);
    let mut socket = server.client();
    let message = socket.ask(&task(json!({
        "width": 1024, "height": 1024, "outputType": "base64Data", "CFGScale": 1
    })));
    let text =
        message["data"][0]["imageBase64Data"].as_str().unwrap_or_else(|| panic!("{message}"));
    assert!(text.len() > 1 << 20, "{}", text.len());
    assert_eq!(kind(&STANDARD.decode(text).unwrap()).0, Extent::new(1024, 1024));
}

#[test]
fn newer_and_sloppier_spellings_are_understood() {
    let server = Served::start(&[]);
    let mut socket = server.client();
    let message = socket.ask(&task(json!({
        "outputFormat": "png", "safety": { "checkContent": true }, "outputType": "dataURI",
        "inputs": { "seedImage": picture(128, 128) },
    })));
    let result = &message["data"][0];
    assert_eq!(result["NSFWContent"], false, "{message}");
    assert_eq!(kind(&bytes(result)).1, "PNG");
}
