//! Stopped gently or killed: what was promised is kept, and nothing is made twice.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Served, code, poll, task};

fn results_of(server: &Served) -> usize {
    let folder = std::fs::read_dir(server.home.results_dir()).into_iter().flatten();
    folder
        .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|it| it == "png"))
        .count()
}

/// Asks until every picture is there.
fn finished(server: &Served, task: &Value) -> Vec<Value> {
    let mut socket = server.client();
    loop {
        let message = socket.ask(&poll(task));
        assert!(message.get("errors").is_none(), "{message}");
        let items = message["data"].as_array().unwrap();
        if items.iter().all(|item| item["status"] == "success") {
            return items.clone();
        }
    }
}

#[test]
fn killed_in_mid_task_it_goes_on_and_delivers_exactly_once() {
    let mut server = Served::start(&[]);
    let task =
        task(json!({ "numberResults": 6, "steps": 3, "seed": 100, "width": 256, "height": 256 }));
    let waiting =
        super::task(json!({ "deliveryMethod": "async", "seedImage": super::picture(128, 128) }));
    let mut socket = server.client();
    socket.send(&json!([task, waiting]));
    // The acknowledgement of the second task and the first picture of the first.
    let seen = socket.results(2);
    server.kill();
    assert!(results_of(&server) < 7);
    server.restart();

    let mut again = server.client();
    assert_eq!(code(&again.ask(&task)), "conflictTaskUUID");
    let items = finished(&server, &task);
    let names: BTreeSet<_> = items.iter().map(|item| item["imageUUID"].to_string()).collect();
    let seeds: BTreeSet<_> = items.iter().map(|item| item["seed"].as_u64().unwrap()).collect();
    assert_eq!((names.len(), seeds), (6, (100..106).collect()));
    let early = seen.iter().filter(|item| item.get("imageUUID").is_some());
    for item in early {
        assert!(names.contains(&item["imageUUID"].to_string()), "{item}");
    }
    assert_eq!(finished(&server, &waiting).len(), 1);
    assert_eq!(results_of(&server), 7);

    server.kill();
    server.restart();
    assert_eq!(finished(&server, &task).len(), 6, "the past outlives another restart");
    assert_eq!(results_of(&server), 7);
}

#[test]
fn stopped_gently_it_ends_what_runs_and_keeps_what_waits() {
    let mut server = Served::start(&[]);
    let tasks: Vec<Value> =
        (0..8).map(|_| task(json!({ "deliveryMethod": "async", "steps": 4 }))).collect();
    assert_eq!(server.post(&json!(tasks)).0, 200);
    let mut socket = server.client();
    let (exit, log) = server.stop();
    assert_eq!(exit, Some(0), "{log}");
    assert_eq!(socket.receive_or_end(), Err(1001));
    server.restart();
    for task in &tasks {
        assert_eq!(finished(&server, task).len(), 1);
    }
    assert_eq!(results_of(&server), 8);
}

#[test]
fn one_home_has_one_server() {
    let server = Served::start(&[]);
    let mut second = crate::support::latelier();
    second.env("LATELIER_HOME", server.home.root()).args(["serve", "--listen", "127.0.0.1:0"]);
    let second = second.output().unwrap();
    assert_eq!(second.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&second.stderr).contains("another"));
}
