//! Tasks of other types than `imageInference`: what is sent, paid, written down and asked for again.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::peer::{Act, Call, Peer, data};
use super::scripted::{good, images, messages, wait_for};
use super::{client, run_remote, task};
use crate::support::{Answered, answered, run_text, scratch};

#[test]
fn tasks_of_other_types_go_as_they_are_and_their_answers_are_printed() {
    let peer = Peer::start(|call| {
        match call.kind() {
        "caption" => Some(vec![Act::Say(data(&[json!({ "taskType": "caption", "taskUUID": call.uuid(), "text": "a fox", "newField": 1 })]))]),
        "promptEnhance" => Some((0..2).map(|n| Act::Say(data(&[json!({ "taskType": "promptEnhance", "taskUUID": call.uuid(), "text": format!("fox {n}") })]))).collect()),
        "imageMasking" => Some(vec![Act::Say(call.error("invalidConfidence"))]),
        _ => good(call),
    }
    });
    let home = scratch();
    let uuid = || uuid::Uuid::new_v4().to_string();
    let caption = json!({ "taskType": "caption", "taskUUID": uuid(), "inputImage": "https://example.org/a.png", "anything": [1] });
    let tasks = json!([
        caption, task(),
        { "taskType": "promptEnhance", "taskUUID": uuid(), "prompt": "a fox", "promptVersions": 2, "promptMaxLength": 64 },
        { "taskType": "imageMasking", "taskUUID": uuid(), "confidence": 7 },
        { "taskType": "ping", "ping": true },
    ]);
    let answer = run_remote(home.path(), &tasks, &peer.socket_url());
    assert_eq!(answer.code, 1);
    let texts: Vec<&Value> = images(&answer).iter().filter_map(|item| item.get("text")).collect();
    assert_eq!(texts.len(), 3, "{}", answer.json);
    assert!(images(&answer).iter().any(|item| item["newField"] == 1));
    assert_eq!(answer.error_codes(), ["invalidTaskType", "invalidConfidence"]);
    // The receipt wants to know the cost; the answer says it only to whom has asked.
    let mut sent = caption;
    sent["includeCost"] = json!(true);
    assert_eq!(peer.calls_of("caption"), [sent]);

    // A picture on this machine goes inside; the local engine says that it does no such task.
    let file = home.path().join("fox.png");
    fs::write(&file, super::peer::picture(3)).unwrap();
    let upload = json!([{ "taskType": "caption", "taskUUID": uuid(), "inputImage": format!("file://{}", file.display()) }]);
    assert_eq!(run_remote(home.path(), &upload, &peer.http_url()).code, 0);
    let sent = peer.calls_of("caption")[1]["inputImage"].as_str().unwrap().to_owned();
    assert_eq!(
        sent,
        format!("data:image/png;base64,{}", super::peer::base64(&super::peer::picture(3)))
    );
    let local = run_text(&upload.to_string(), client(home.path()).args(["run", "-"]));
    assert_eq!((local.code, local.error_codes()), (1, vec!["unsupportedLocalTaskType"]));
}

/// A caption with its cost.
fn captioned(call: &Call) -> Vec<Act> {
    let caption = json!({
        "taskType": "caption", "taskUUID": call.uuid(), "text": "a fox", "cost": 0.0021,
        "status": "success",
    });
    vec![Act::Say(data(&[caption]))]
}

fn caption(named: bool) -> Value {
    let mut task = json!({ "taskType": "caption", "inputImage": "https://example.org/a.png" });
    if named {
        task["taskUUID"] = json!(Uuid::new_v4());
    }
    task
}

#[test]
fn what_they_cost_is_in_the_ledger_and_in_the_answer_for_whom_has_asked() {
    let peer = Peer::start(|call| match call.kind() {
        "caption" => Some(captioned(call)),
        "accountManagement" => Some(vec![Act::Say(data(&[
            json!({ "taskType": "accountManagement", "taskUUID": call.uuid(), "balance": 7 }),
        ]))]),
        _ => None,
    });
    for url in [peer.socket_url(), peer.http_url()] {
        let home = scratch();
        let mut asking = caption(true);
        asking["includeCost"] = json!(true);
        let account = json!({
            "taskType": "accountManagement", "taskUUID": Uuid::new_v4(), "operation": "getDetails",
        });
        let answer = run_remote(home.path(), &json!([caption(true), asking, account]), &url);
        assert_eq!(answer.code, 0, "{}", answer.json);
        let costs: Vec<_> =
            images(&answer).iter().map(|result| result.get("cost").cloned()).collect();
        assert_eq!(costs, [None, Some(json!(0.0021)), None]);
        // What costs nothing does not know the field.
        let account = peer.calls_of("accountManagement").pop().unwrap();
        assert_eq!(account.get("includeCost"), None);
        let costs = client(home.path()).arg("costs").output().unwrap();
        let costs = String::from_utf8(costs.stdout).unwrap();
        assert!(costs.contains("2 results "), "{costs}");
        assert!(costs.contains("0 pictures and 2 other results in 30 days: $0.0042"), "{costs}");
        // The next one is known beforehand.
        let next = run_remote(home.path(), &json!([caption(true)]), &url);
        assert!(next.stderr.contains(": about $0.0021"), "{}", next.stderr);
        assert_eq!(written_down(home.path()), 0);
    }
}

#[test]
fn the_daily_limit_holds_for_them_and_what_costs_nothing_is_not_stopped() {
    let peer = Peer::start(|call| match call.kind() {
        "caption" => Some(captioned(call)),
        "modelSearch" => Some(vec![Act::Say(data(&[
            json!({ "taskType": "modelSearch", "taskUUID": call.uuid(), "results": [] }),
        ]))]),
        _ => None,
    });
    let home = scratch();
    let run = |tasks: Value, limit: &str| {
        let mut command = client(home.path());
        command.args(["run", "-", "--engine", "remote", "--remote-url", &peer.socket_url()]);
        run_text(&tasks.to_string(), command.args(["--daily-limit", limit]))
    };
    let search = json!({ "taskType": "modelSearch", "taskUUID": Uuid::new_v4(), "search": "fox" });
    let stopped = run(json!([caption(true), search]), "0");
    assert_eq!((stopped.code, stopped.error_codes()), (1, vec!["dailyLimitReached"]));
    assert_eq!(stopped.json["errors"][0]["taskType"], "caption");
    assert_eq!((images(&stopped).len(), peer.calls_of("caption").len()), (1, 0));
    assert_eq!(written_down(home.path()), 0);
    // What the first costs nobody knows: a second one could pass the limit.
    let first = run(json!([caption(true), caption(true)]), "0.005");
    assert_eq!((images(&first).len(), first.error_codes()), (1, vec!["dailyLimitReached"]));
    let rest = run(json!([caption(true), caption(true)]), "0.005");
    assert_eq!((images(&rest).len(), rest.error_codes()), (1, vec!["dailyLimitReached"]));
    assert_eq!(peer.calls_of("caption").len(), 2);
}

/// How many tasks are written down as sent.
fn written_down(home: &Path) -> usize {
    fs::read_dir(home.join("sent")).into_iter().flatten().count()
}

#[test]
fn after_a_crash_the_same_file_asks_for_the_answer_that_was_paid_for() {
    for (named, by_socket) in [(true, true), (false, true), (true, false), (false, false)] {
        let peer = Peer::start(|call| match call.kind() {
            // It is made, and its answer comes too late.
            "caption" => Some(vec![Act::Wait(Duration::from_secs(5))]),
            "getResponse" => Some(captioned(call)),
            _ => None,
        });
        let url = if by_socket { peer.socket_url() } else { peer.http_url() };
        let home = scratch();
        let file = home.path().join("tasks.json");
        fs::write(&file, json!([caption(named)]).to_string()).unwrap();
        let run = |limit: &[&str]| {
            let mut command = client(home.path());
            command.arg("run").arg(&file).args(["--engine", "remote", "--remote-url", &url]);
            command.args(limit).stdin(Stdio::null());
            command
        };
        let mut child = run(&[]).stdout(Stdio::null()).spawn().unwrap();
        wait_for(|| peer.calls_of("caption").len() == 1);
        assert_eq!(written_down(home.path()), 1, "before it is sent");
        child.kill().unwrap();
        child.wait().unwrap();
        // It is paid already: the limit of the day does not keep it from being asked for.
        let again = answered(&run(&["--daily-limit", "0"]).output().unwrap());
        assert_eq!((again.code, images(&again).len()), (0, 1), "{}", again.json);
        assert_eq!(images(&again)[0]["text"], "a fox");
        assert!(again.stderr.contains("may have been sent before"), "{}", again.stderr);
        let (sent, asked) = (peer.calls_of("caption"), peer.calls_of("getResponse"));
        assert_eq!((sent.len(), asked.len()), (1, 1), "{named} {by_socket}");
        assert_eq!(sent[0]["taskUUID"], asked[0]["taskUUID"]);
        assert_eq!(written_down(home.path()), 0);
    }
}

#[test]
fn what_was_interrupted_says_how_its_answer_is_asked_for() {
    let peer = Peer::start(|call| match (call.kind(), call.before) {
        ("caption", 0) => Some(vec![Act::Drop]),
        // The question itself is refused: nobody knows what became of the task.
        ("getResponse", before) if before < 2 => {
            Some(vec![Act::Say(call.error("invalidQuestion"))])
        }
        ("getResponse", _) => Some(captioned(call)),
        _ => None,
    });
    let home = scratch();
    let tasks = json!([caption(true)]);
    let interrupted = run_remote(home.path(), &tasks, &peer.socket_url());
    assert_eq!(interrupted.error_codes(), ["connectionLost"], "{}", interrupted.json);
    let said = messages(&interrupted);
    assert!(said.contains("run the same tasks again") && !said.contains("--resume"), "{said}");
    let again: Answered = run_remote(home.path(), &tasks, &peer.socket_url());
    assert_eq!((again.code, images(&again).len()), (0, 1), "{}", again.json);
    assert_eq!((peer.calls_of("caption").len(), written_down(home.path())), (1, 0));
}
