//! Pictures on their way to the service: inside the task, uploaded once, or fetched from an address first.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use latelier::library::read_task;
use latelier::pixels::{Extent, FileFormat, Picture, encode};
use serde_json::{Value, json};

use super::peer::{Act, Peer};
use super::scripted::{good, images};
use super::{run_remote, with};
use crate::support::{Answered, scratch};

/// A picture file of more than 256 KiB in the home folder, and its address.
fn large_picture(home: &Path) -> Value {
    let noise = |x: u32, y: u32| (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)) as u8;
    let picture = Picture::from_fn(Extent::new(640, 640), |x, y| {
        [noise(x, y), noise(y, x), noise(x + 7, y * x), 255]
    });
    let bytes = encode(&picture, FileFormat::Png, "{}").unwrap();
    assert!(bytes.len() > 256 << 10, "{}", bytes.len());
    fs::write(home.join("large.png"), bytes).unwrap();
    json!(format!("file://{}", home.join("large.png").display()))
}

#[test]
fn a_large_picture_is_uploaded_once_and_again_when_the_service_has_lost_it() {
    let name = |number: usize| format!("59a2edc2-45e6-429f-be5f-00000000000{number}");
    let uploads = AtomicUsize::new(0);
    let peer = Peer::start(move |call| match call.kind() {
        "imageUpload" => {
            let image = name(uploads.fetch_add(1, Ordering::SeqCst));
            let uploaded =
                json!({ "taskType": "imageUpload", "taskUUID": call.uuid(), "imageUUID": image });
            Some(vec![Act::Say(json!({ "data": uploaded }))])
        }
        // The third task meets a service that no longer has the first upload.
        "imageInference" if call.task["seed"] == 3 && call.task["seedImage"] == json!(name(0)) => {
            Some(vec![Act::Say(call.error("seedImageNotFound"))])
        }
        _ => good(call),
    });
    let home = scratch();
    let small = home.path().join("small.png");
    fs::write(&small, super::peer::picture(9)).unwrap();
    let image = large_picture(home.path());
    for seed in 1..=3 {
        let asked = with(&json!({
            "seed": seed, "seedImage": image, "maskImage": format!("file://{}", small.display()),
        }));
        let answer = run_remote(home.path(), &json!([asked]), &peer.socket_url());
        assert_eq!((answer.code, images(&answer).len()), (0, 1), "{}", answer.json);
        // What is saved names the library's copy, not the service's.
        let saved = read_task(&answer_file(home.path(), &answer)).unwrap().unwrap();
        let saved = serde_json::to_value(saved.seed_image).unwrap();
        assert!(!saved.as_str().unwrap().contains("00000000000"), "{saved}");
    }
    let sent = peer.calls_of("imageInference");
    let named: Vec<&Value> = sent.iter().map(|task| &task["seedImage"]).collect();
    assert_eq!(named, [&json!(name(0)), &json!(name(0)), &json!(name(0)), &json!(name(1))]);
    assert_eq!(peer.calls_of("imageUpload").len(), 2);
    assert_eq!(sent[2]["taskUUID"], sent[3]["taskUUID"]);
    let inline = sent[0]["maskImage"].as_str().unwrap();
    assert!(inline.starts_with("data:image/png;base64,"), "{inline:.40}");
}

#[test]
fn a_picture_at_an_address_is_what_the_service_gets_and_what_is_saved_unless_only_it_can_reach_it()
{
    let peer = Peer::start(good);
    let home = scratch();
    let (here, calls) = crate::network::server("200 OK", super::peer::picture(9));
    let nowhere = "http://127.0.0.1:1/a.png";
    let tasks = json!([
        with(&json!({ "seed": 1, "seedImage": here, "referenceImages": [here] })),
        with(&json!({ "seed": 2, "seedImage": nowhere })),
    ]);
    let answer = run_remote(home.path(), &tasks, &peer.socket_url());
    assert_eq!((answer.code, images(&answer).len()), (0, 2), "{} {}", answer.json, answer.stderr);
    assert_eq!(calls.try_iter().count(), 2);
    let of_seed = |seed: u64| {
        let sent = peer.calls_of("imageInference");
        let sent = sent.into_iter().find(|task| task["seed"] == seed).unwrap();
        let image = images(&answer).into_iter().find(|image| image["seed"] == seed).unwrap();
        let name = image["imageUUID"].as_str().unwrap().to_owned() + ".png";
        let saved = read_task(&home.path().join("out").join(name)).unwrap().unwrap();
        (sent, serde_json::to_value(saved).unwrap())
    };
    let (sent, saved) = of_seed(1);
    let inside = format!("data:image/png;base64,{}", super::peer::base64(&super::peer::picture(9)));
    assert_eq!((&sent["seedImage"], &sent["referenceImages"][0]), (&json!(inside), &json!(inside)));
    for name in [&saved["seedImage"], &saved["referenceImages"][0]] {
        let kept = home.path().join("inputs").join(name.as_str().unwrap().to_owned() + ".png");
        assert_eq!(fs::read(kept).unwrap(), super::peer::picture(9));
    }
    let (sent, saved) = of_seed(2);
    assert_eq!((&sent["seedImage"], &saved["seedImage"]), (&json!(nowhere), &json!(nowhere)));
}

fn answer_file(home: &Path, answer: &Answered) -> std::path::PathBuf {
    let name = images(answer)[0]["imageUUID"].as_str().unwrap().to_owned();
    home.join("out").join(name + ".png")
}
