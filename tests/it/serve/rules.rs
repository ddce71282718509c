//! What a connection may say, and what it hears when it says something else.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use super::{KEY, Served, code, neighbour, task};

#[test]
fn a_connection_authenticates_first_and_a_wrong_key_is_refused() {
    let server = Served::start(&[]);
    let mut socket = server.connect();
    assert_eq!(code(&socket.ask(&task(json!({})))), "missingApiKey");
    assert_eq!(code(&socket.ask(&json!({ "taskType": "ping", "ping": true }))), "missingApiKey");
    let refused = socket.ask(&json!({ "taskType": "authentication", "apiKey": "wrong" }));
    assert_eq!(code(&refused), "invalidApiKey");
    assert_eq!(refused["errors"][0]["taskType"], "authentication");
    let first = socket.authenticate(KEY, None);
    assert!(Uuid::parse_str(&first).is_ok());
    let twice = socket.ask(&json!({ "taskType": "authentication", "apiKey": KEY }));
    assert_eq!(code(&twice), "invalidTaskType");
}

#[test]
fn who_does_not_authenticate_in_time_and_who_is_silent_are_closed() {
    let server = Served::start(&["--authentication-timeout", "1", "--idle-timeout", "1"]);
    assert_eq!(server.connect().receive_or_end(), Err(1008));
    let mut stranger = server.connect();
    stranger.send_text("[".repeat(2 << 20));
    assert_eq!(stranger.receive_or_end(), Err(1009));
    assert_eq!(server.client().receive_or_end(), Err(1001));
}

#[test]
fn silent_connections_shut_nobody_out() {
    let server = Served::start(&["--authentication-timeout", "1", "--connection-limit", "2"]);
    let silent: Vec<_> =
        (0..2).map(|_| std::net::TcpStream::connect(&server.address).unwrap()).collect();
    let (status, _) = server.post(&json!([neighbour("modelSearch", json!({}))]));
    assert_eq!(status, 200);
    server.client();
    drop(silent);
}

#[test]
fn a_ping_is_answered_while_much_is_taken_in() {
    let server = Served::start(&["--idle-timeout", "1"]);
    // Decoding each of these takes longer than a ping.
    let uploads: Vec<Value> = (0..4)
        .map(|number| {
            neighbour("imageUpload", json!({ "image": super::picture(1200 + number, 1200) }))
        })
        .collect();
    let uploads = json!(uploads);
    let mut socket = server.client();
    socket.send(&uploads);
    let pong = socket.ask(&json!({ "taskType": "ping" }));
    assert_eq!(pong["data"][0]["pong"], true, "{pong}");
    assert_eq!(socket.results(4).len(), 4);
    // That was work, not silence.
    assert_eq!(socket.ask(&json!({ "taskType": "ping" }))["data"][0]["pong"], true);
}

#[test]
fn a_pong_stands_alone_in_its_frame() {
    let server = Served::start(&[]);
    let mut socket = server.client();
    let pong = json!({ "data": [{ "taskType": "ping", "pong": true }] });
    assert_eq!(socket.ask(&json!({ "taskType": "ping", "ping": true })), pong);
    assert_eq!(socket.ask(&json!({ "taskType": "ping" })), pong);
}

#[test]
fn malformed_messages_are_answered_and_harm_nothing() {
    let server = Served::start(&["--message-limit", "1"]);
    let mut socket = server.client();
    for text in ["", "nonsense", "[{]", "[\"taskType\"]", "{}", "[]", "null", "[1]"] {
        socket.send_text(text.to_owned());
        let answer = socket.receive();
        assert!(["invalidJSON", "invalidRequest"].contains(&code(&answer)), "{text}: {answer}");
        assert!(answer["errors"][0].get("taskUUID").is_none(), "{answer}");
    }
    socket.send_frame(Message::binary(vec![0xff, 0xfe, 0]));
    assert_eq!(code(&socket.receive()), "invalidJSON");
    assert_eq!(code(&socket.ask(&json!({}))), "missingTaskType");
    assert_eq!(code(&socket.ask(&json!({ "taskType": 7 }))), "invalidTaskType");

    let ping = json!([{ "taskType": "ping", "ping": true }]).to_string();
    socket.send_frame(Message::binary(ping.into_bytes()));
    assert_eq!(socket.receive()["data"][0]["pong"], true);
    // Little more than the limit, so that it is sent before the line is cut.
    socket.send_text("[".repeat((1 << 20) + 64));
    assert_eq!(socket.receive_or_end(), Err(1009));
    server.client();
}

#[test]
fn every_field_is_checked_and_the_refusal_says_what_is_allowed() {
    let server = Served::start(&[]);
    let mut socket = server.client();
    for (members, expected, parameter) in [
        (json!({ "width": 100 }), "invalidWidth", json!("width")),
        (json!({ "width": 128.0 }), "invalidWidth", json!("width")),
        (json!({ "steps": "1" }), "invalidSteps", json!("steps")),
        (json!({ "checkNSFW": 0 }), "invalidCheckNSFW", json!("checkNSFW")),
        (json!({ "colour": "red" }), "unknownParameter", json!("colour")),
        (json!({ "scheduler": "Oiler" }), "invalidScheduler", json!("scheduler")),
        (json!({ "model": "nothing" }), "invalidModel", json!("model")),
        (json!({ "model": "civitai:1@1" }), "invalidModel", json!("model")),
        (json!({ "taskUUID": "7" }), "invalidTaskUUID", json!("taskUUID")),
        (json!({ "maskImage": super::picture(128, 128) }), "missingSeedImage", json!("seedImage")),
        (json!({ "ttl": 59 }), "invalidTtl", json!("ttl")),
        (
            json!({ "ttl": 60, "outputType": "dataURI" }),
            "conflictTtl",
            json!(["ttl", "outputType"]),
        ),
        (
            json!({ "webhookURL": "https://a.example" }),
            "unsupportedLocalWebhookURL",
            json!("webhookURL"),
        ),
        (json!({ "seedImage": Uuid::new_v4() }), "invalidSeedImage", json!("seedImage")),
        (
            json!({ "refiner": { "model": "a:b@1", "startStep": 2, "startStepPercentage": 3 } }),
            "conflictRefinerStartStep",
            json!(["refiner.startStep", "refiner.startStepPercentage"]),
        ),
    ] {
        let task = task(members.clone());
        let answer = socket.ask(&task);
        let errors = answer["errors"].as_array().unwrap();
        let found = errors.iter().find(|error| error["code"] == expected);
        let found = found.unwrap_or_else(|| panic!("{members}: {answer}"));
        assert_eq!(found["parameter"], parameter, "{answer}");
        assert_eq!(found["taskUUID"], task["taskUUID"], "{answer}");
    }
    let width = socket.ask(&task(json!({ "width": 3000 })))["errors"][0].clone();
    let expected = json!({ "type": "integer", "min": 128, "max": 2048, "multiplier": 64 });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(width[name], *value, "{width}");
    }
    let mut nameless = task(json!({}));
    nameless.as_object_mut().unwrap().remove("taskUUID");
    assert_eq!(code(&socket.ask(&nameless)), "missingTaskUUID");
}

#[test]
fn siblings_of_a_wrong_task_are_made_and_a_name_is_used_once() {
    let server = Served::start(&[]);
    let mut socket = server.client();
    let good = task(json!({}));
    let wrong = task(json!({ "steps": 0 }));
    socket.send(&json!([wrong, good, good]));
    let mut codes = Vec::new();
    let mut made = Vec::new();
    while codes.len() + made.len() < 3 {
        let message = socket.receive();
        codes.extend(
            message["errors"].as_array().into_iter().flatten().map(|it| it["code"].clone()),
        );
        made.extend(message["data"].as_array().into_iter().flatten().cloned());
    }
    codes.sort_by_key(Value::to_string);
    assert_eq!(codes, [json!("conflictTaskUUID"), json!("invalidSteps")]);
    assert_eq!(made[0]["taskUUID"], good["taskUUID"]);
    assert_eq!(code(&socket.ask(&good)), "conflictTaskUUID");
    let capitals = |task: &Value| task["taskUUID"].as_str().unwrap().to_uppercase();
    let mut same = good.clone();
    same["taskUUID"] = json!(capitals(&good));
    assert_eq!(code(&socket.ask(&same)), "conflictTaskUUID");
    // What was refused was never used; the answer spells the name as the task does.
    let mut again = wrong;
    again["steps"] = json!(1);
    again["taskUUID"] = json!(capitals(&again));
    assert_eq!(socket.ask(&again)["data"][0]["taskUUID"], again["taskUUID"]);
}

#[test]
fn what_the_local_engine_does_not_do_is_refused_by_name_after_it_was_checked() {
    let server = Served::start(&[]);
    let mut socket = server.client();
    let image = super::picture(64, 64);
    for (name, members) in [
        ("upscale", json!({ "inputImage": image, "upscaleFactor": 2 })),
        ("imageUpscale", json!({ "inputImage": image, "upscaleFactor": 2 })),
        ("removeBackground", json!({ "inputImage": image })),
        ("imageCaption", json!({ "inputImage": image })),
        ("imageMasking", json!({ "inputImage": image, "model": "runware:35@1" })),
        ("promptEnhance", json!({ "prompt": "a fox" })),
    ] {
        let answer = socket.ask(&neighbour(name, members));
        assert_eq!(code(&answer), "unsupportedLocalTaskType", "{answer}");
    }
    let wrong =
        socket.ask(&neighbour("promptEnhance", json!({ "prompt": "", "promptVersions": 9 })));
    assert_eq!(wrong["errors"].as_array().map(Vec::len), Some(2), "{wrong}");
    assert_eq!(code(&socket.ask(&neighbour("videoInference", json!({})))), "invalidTaskType");
}

#[test]
fn too_many_waiting_tasks_are_refused_as_a_rate_limit() {
    let server = Served::start(&["--task-limit", "2"]);
    let tasks: Vec<Value> = (0..3).map(|_| task(json!({ "deliveryMethod": "async" }))).collect();
    let (_, answer) = server.post(&json!(tasks));
    assert_eq!(answer["data"].as_array().map(Vec::len), Some(2), "{answer}");
    assert!(code(&answer).contains("RateLimit"), "{answer}");
    let (status, _) = server.post(&json!([task(json!({}))]));
    // Unless both were finished in the meantime.
    assert!(status == 429 || status == 200, "{status}");
}

#[test]
fn the_single_task_of_one_key_does_not_wait_for_all_of_another() {
    let server = Served::start(&["--key", "other-key"]);
    let many: Vec<Value> =
        (0..12).map(|_| task(json!({ "deliveryMethod": "async", "steps": 4 }))).collect();
    assert_eq!(server.post(&json!(many)).0, 200);
    let mut other = server.connect();
    other.authenticate("other-key", None);
    assert_eq!(other.ask(&task(json!({}))).get("errors"), None);
    let last = many.last().unwrap();
    assert_eq!(server.post(&json!([super::poll(last)])).1["data"][0]["status"], "processing");
}
