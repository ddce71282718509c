//! Sessions: what a broken connection did not deliver follows the client.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use serde_json::json;

use super::{KEY, Served, poll, task};

#[test]
fn results_follow_the_client_to_its_next_connection_exactly_once() {
    let server = Served::start(&[]);
    let mut socket = server.connect();
    let session = socket.authenticate(KEY, None);
    let task = task(json!({ "numberResults": 4, "steps": 2 }));
    socket.send(&json!([task]));
    let first = socket.results(1);
    socket.vanish();
    let mut again = server.connect();
    assert_eq!(again.authenticate(KEY, Some(&session)), session);
    let mut images: BTreeSet<String> = BTreeSet::new();
    let name = |result: &serde_json::Value| result["imageUUID"].as_str().unwrap().to_owned();
    images.extend(first.iter().map(name));
    // What was on its way when the line broke may come again; nothing is missing, nothing is made twice.
    while images.len() < 4 {
        images.extend(again.results(1).iter().map(name));
    }
    assert_eq!(images.len(), 4);
    let polled = again.ask(&poll(&task));
    let all: BTreeSet<String> = polled["data"].as_array().unwrap().iter().map(name).collect();
    assert_eq!(all, images);
}

#[test]
fn a_session_is_its_keys_own_and_ends() {
    let server = Served::start(&["--key", "other-key", "--session-timeout", "1"]);
    let mut socket = server.connect();
    let session = socket.authenticate(KEY, None);
    assert_ne!(server.connect().authenticate("other-key", Some(&session)), session);
    assert_ne!(server.connect().authenticate(KEY, Some("no uuid")), session);
    socket.vanish();
    // Long enough for the server to see the end and for the session to be over.
    thread::sleep(Duration::from_millis(2500));
    assert_ne!(server.connect().authenticate(KEY, Some(&session)), session);
}

#[test]
fn a_second_connection_takes_the_session_over() {
    let server = Served::start(&[]);
    let mut first = server.connect();
    let session = first.authenticate(KEY, None);
    let mut second = server.connect();
    assert_eq!(second.authenticate(KEY, Some(&session)), session);
    assert_eq!(first.receive_or_end(), Err(1008));
    assert_eq!(second.ask(&json!({ "taskType": "ping" }))["data"][0]["pong"], true);
}
