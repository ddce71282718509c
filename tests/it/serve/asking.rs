//! Asking later: acknowledgements, polling, details of the past; and asking what there is.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Served, code, neighbour, poll, task};

#[test]
fn async_tasks_are_acknowledged_and_polled() {
    let server = Served::start(&[]);
    let mut socket = server.client();
    let task = task(json!({ "deliveryMethod": "async", "numberResults": 2 }));
    let acknowledged = socket.ask(&task);
    let expected =
        json!({ "data": [{ "taskType": "imageInference", "taskUUID": task["taskUUID"] }] });
    assert_eq!(acknowledged, expected);
    let mut last = Vec::new();
    loop {
        let message = socket.ask(&poll(&task));
        let items = message["data"].as_array().unwrap();
        assert_eq!(items.len(), 2, "{message}");
        let done = |item: &&Value| item["status"] == "success";
        for item in items {
            assert!(item["status"] == "processing" || done(&item), "{message}");
            assert_eq!(item.get("imageURL").is_some(), done(&item), "{message}");
        }
        let now: Vec<Value> = items.iter().filter(done).cloned().collect();
        assert!(last.iter().all(|image| now.contains(image)), "cumulative: {last:?} {now:?}");
        last = now;
        if last.len() == 2 {
            break;
        }
    }
    assert_eq!(code(&socket.ask(&task)), "conflictTaskUUID");
}

#[test]
fn polling_knows_failed_tasks_and_refuses_unknown_and_foreign_ones() {
    let server = Served::start(&["--key", "other-key"]);
    let mut socket = server.client();
    let unknown = socket.ask(&json!({ "taskType": "getResponse", "taskUUID": Uuid::new_v4() }));
    assert_eq!(code(&unknown), "taskNotFound");
    let task = task(json!({ "deliveryMethod": "async", "seedImage": "http://127.0.0.1:9/a.png" }));
    socket.ask(&task);
    let failed = loop {
        let message = socket.ask(&poll(&task));
        if message.get("errors").is_some() {
            break message;
        }
        assert_eq!(message["data"][0]["status"], "processing", "{message}");
    };
    assert_eq!(code(&failed), "invalidSeedImage");
    assert_eq!(failed["errors"][0]["status"], "error");
    let mut other = server.connect();
    other.authenticate("other-key", None);
    assert_eq!(code(&other.ask(&poll(&task))), "taskNotFound");
    assert_eq!(code(&other.ask(&task)), "conflictTaskUUID");
}

#[test]
fn a_message_asks_once_about_a_task() {
    let server = Served::start(&[]);
    let task = task(json!({ "outputType": "base64Data" }));
    assert_eq!(server.post(&json!([task])).0, 200);
    let many = vec![poll(&task); 1000];
    let (_, answer) = server.post(&json!(many));
    assert_eq!(answer["data"].as_array().map(Vec::len), Some(1));
    assert_eq!(answer["errors"].as_array().map(Vec::len), Some(999));
    assert_eq!(code(&answer), "duplicateTaskUUID");
    // Another message may ask again.
    assert_eq!(server.post(&json!([poll(&task)])).1["data"][0]["status"], "success");
}

#[test]
fn details_hold_request_and_response() {
    let server = Served::start(&[]);
    let mut socket = server.client();
    let task = task(json!({}));
    let made = socket.ask(&task)["data"][0].clone();
    let asked = json!({ "taskType": "getTaskDetails", "taskUUID": task["taskUUID"] });
    let details = socket.ask(&asked)["data"][0].clone();
    assert_eq!(details["request"], task);
    assert_eq!(details["response"]["data"][0]["imageUUID"], made["imageUUID"]);
}

#[test]
fn models_of_the_library_are_found() {
    let server = Served::start(&[]);
    let mut socket = server.client();
    let mut search = |members| socket.ask(&neighbour("modelSearch", members))["data"][0].clone();
    let all = search(json!({}));
    let total = all["totalResults"].as_u64().unwrap();
    assert!(total >= 4, "{all}");
    let demo =
        search(json!({ "search": "DEMO", "category": "checkpoint", "architecture": "sd1x" }));
    let first = &demo["results"][0];
    assert_eq!(
        (&first["air"], &first["defaultWidth"]),
        (&json!("local:demo@1"), &json!(128)),
        "{demo}"
    );
    let second = search(json!({ "limit": 1, "offset": 1 }));
    assert_eq!(second["results"].as_array().unwrap()[..], all["results"].as_array().unwrap()[1..2]);
    assert_eq!(search(json!({ "category": "vae" }))["totalResults"], 0);
    assert_eq!(search(json!({ "search": "no such model" }))["results"], json!([]));
}

#[test]
fn the_account_is_this_machine() {
    let server = Served::start(&[]);
    let mut socket = server.client();
    let details = socket.ask(&neighbour("accountManagement", json!({ "operation": "getDetails" })));
    assert_eq!(
        (&details["data"][0]["balance"], &details["data"][0]["AIRSource"]),
        (&json!(0), &json!("local"))
    );
    let usage =
        socket.ask(&neighbour("accountManagement", json!({ "operation": "getUsageErrors" })));
    assert_eq!(code(&usage), "unsupportedLocalOperation");
}
