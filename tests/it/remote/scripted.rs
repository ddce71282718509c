//! What the client makes of frames and bodies that the real service would rarely send.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use latelier::library::{read_picture, read_task};
use serde_json::{Value, json};

use super::peer::{Act, Call, KEY, Peer, data};
use super::{client, run_remote, task, with};
use crate::support::{Answered, answered, run_text, scratch};

/// Longest that any of these runs may take: nothing waits for ever.
const LONGEST: Duration = Duration::from_secs(90);

pub(super) fn images(answer: &Answered) -> Vec<&Value> {
    answer.json["data"].as_array().unwrap().iter().collect()
}

pub(super) fn messages(answer: &Answered) -> String {
    let errors = answer.json["errors"].as_array().map_or(&[][..], Vec::as_slice);
    errors.iter().map(|error| error["message"].as_str().unwrap()).collect::<Vec<_>>().join("\n")
}

/// A good service: `numberResults` pictures at once.
pub(super) fn good(call: &Call) -> Option<Vec<Act>> {
    let count = call.task["numberResults"].as_u64().unwrap_or(1) as u8;
    let all = (0..count).map(|number| Act::Say(data(&[call.image(number)])));
    (call.kind() == "imageInference").then(|| all.collect())
}

#[test]
fn pictures_come_in_any_order_and_doubled_and_are_kept_once_with_their_costs() {
    let peer = Peer::start(|call| {
        (call.kind() == "imageInference").then(|| {
            let frames = [2, 0, 0, 1, 2].map(|number| Act::Say(data(&[call.image(number)])));
            frames.into()
        })
    });
    let home = scratch();
    let more = json!({ "numberResults": 3, "seed": 9223372036854775000_u64, "includeCost": true });
    let answer = run_remote(home.path(), &json!([with(&more)]), &peer.socket_url());
    assert_eq!((answer.code, images(&answer).len()), (0, 3), "{}", answer.json);
    let mut seeds: Vec<u64> =
        images(&answer).iter().map(|image| image["seed"].as_u64().unwrap()).collect();
    seeds.sort_unstable();
    assert_eq!(seeds, [9223372036854775000, 9223372036854775001, 9223372036854775002]);
    assert!(images(&answer).iter().all(|image| image["cost"] == json!(0.0013)));
    let files: Vec<_> = fs::read_dir(home.path().join("out")).unwrap().collect();
    assert_eq!(files.len(), 3);
    for image in images(&answer) {
        let file =
            home.path().join("out").join(image["imageUUID"].as_str().unwrap().to_owned() + ".png");
        let saved = read_task(&file).unwrap().unwrap();
        assert_eq!((saved.seed, saved.number_results), (image["seed"].as_u64(), None));
    }
    let [sent] = &peer.calls()[..] else { panic!("{:?}", peer.calls()) };
    assert_eq!(sent["deliveryMethod"], "sync");
    assert_eq!(sent.as_object().unwrap().len(), 12, "{sent}");
}

#[test]
fn a_result_file_is_fetched_at_once_and_kept_to_the_byte_but_for_our_texts() {
    let peer = Peer::start(|call| {
        (call.kind() == "imageInference").then(|| {
            let mut image = call.image(7);
            let members = image.as_object_mut().unwrap();
            members.shift_remove("imageBase64Data");
            members.shift_remove("seed");
            members.insert("imageURL".to_owned(), call.task["webhookURL"].clone());
            vec![Act::Say(data(&[image]))]
        })
    });
    let home = scratch();
    let file = peer.http_url().replace("/v1", "/files/7");
    let asked = with(&json!({ "webhookURL": file, "outputType": "URL" }));
    let answer = run_remote(home.path(), &json!([asked]), &peer.socket_url());
    assert_eq!(answer.code, 0, "{}", answer.json);
    assert_eq!((images(&answer)[0].get("seed"), images(&answer)[0].get("cost")), (None, None));
    let path = answer.pictures().remove(0);
    assert_eq!(read_picture(&path).unwrap().rgba()[..4], [7, 90, 200, 255]);
    let saved = read_task(&path).unwrap().unwrap();
    assert_eq!((saved.seed, saved.webhook_url, saved.width), (None, None, Some(512)));
}

#[test]
fn frames_of_one_and_of_twenty_mebibytes_are_taken_among_those_of_other_tasks() {
    for size in [1, 20] {
        let peer = Peer::start(move |call| {
            (call.kind() == "imageInference").then(|| {
                let mut image = call.image(0);
                image["padding"] = "x".repeat(size << 20).into();
                vec![Act::Say(data(&[image]))]
            })
        });
        let home = scratch();
        let answer = run_remote(home.path(), &json!([task(), task(), task()]), &peer.socket_url());
        assert_eq!((answer.code, images(&answer).len()), (0, 3), "{}", answer.stderr);
        assert_eq!((peer.calls().len(), peer.connections()), (3, 1));
    }
}

#[test]
fn what_the_service_refuses_is_told_with_what_to_do() {
    for (code, said, advice) in [
        ("invalidApiKey", "invalidApiKey", "RUNWARE_API_KEY"),
        ("insufficientCredits", "insufficientCredits", "no credits left"),
        ("invalidWidth", "invalidWidth", "As the script has it."),
        ("contentPolicyViolation", "contentPolicyViolation", "Change the prompt"),
        ("modelNotFound", "modelNotFound", "Check the model"),
        ("timeoutProvider", "timeoutProvider", "Try again"),
    ] {
        let peer = Peer::start(move |call| {
            (call.kind() == "imageInference").then(|| vec![Act::Say(call.error(code))])
        });
        for url in [peer.socket_url(), peer.http_url()] {
            let home = scratch();
            let answer = run_remote(home.path(), &json!([task()]), &url);
            assert_eq!((answer.code, answer.error_codes()), (1, vec![said]), "{url}");
            assert!(messages(&answer).contains(advice), "{}", messages(&answer));
            assert!(messages(&answer).contains("127.0.0.1"), "{}", messages(&answer));
        }
        assert_eq!(peer.calls_of("imageInference").len(), 2);
    }
}

#[test]
fn a_refused_key_ends_everything_at_once_and_is_never_shown() {
    let peer = Peer::start(|call| {
        let error = json!({ "code": "invalidApiKey", "message": format!("Invalid API key {KEY}") });
        (call.kind() == "authentication").then(|| vec![Act::Say(json!({ "errors": [error] }))])
    });
    let home = scratch();
    let begun = Instant::now();
    let answer = run_remote(home.path(), &json!([task(), task()]), &peer.socket_url());
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert_eq!(answer.error_codes(), ["invalidApiKey", "invalidApiKey"]);
    assert!(!answer.json.to_string().contains(KEY) && !answer.stderr.contains(KEY));
    assert!(!messages(&answer).contains(KEY));
}

#[test]
fn a_picture_that_failed_does_not_take_its_siblings_along() {
    for by_socket in [true, false] {
        let peer = Peer::start(|call| {
            ["imageInference", "getResponse"].contains(&call.kind()).then(|| {
                let mut frame = data(&[call.image(0), call.image(2)]);
                frame["errors"] = call.error("providerError")["errors"].clone();
                vec![Act::Wait(Duration::from_millis(50)), Act::Say(frame)]
            })
        });
        let home = scratch();
        let asked = with(&json!({ "numberResults": 3, "seed": 7 }));
        let url = if by_socket { peer.socket_url() } else { peer.http_url() };
        let answer = run_remote(home.path(), &json!([asked]), &url);
        assert_eq!((answer.code, images(&answer).len()), (1, 2), "{}", answer.json);
        assert_eq!(answer.error_codes(), ["providerError"]);
    }
}

/// Cuts the connection at that moment, as `acts` of the first one.
fn cut(acts: impl Fn(&Call) -> Vec<Act> + Send + Sync + 'static) -> Peer {
    Peer::start(move |call| match (call.kind(), call.connection) {
        ("imageInference", 0) => Some(acts(call)),
        // It is running: asked for, it is there.
        ("imageInference", _) => Some(vec![Act::Say(call.error("conflictTaskUUID"))]),
        ("getResponse", _) => {
            let done = [0, 1].map(|number| {
                let mut image = call.image(number);
                image["status"] = "success".into();
                image["seed"] = json!(7 + u64::from(number));
                image
            });
            Some(vec![Act::Say(data(&done))])
        }
        _ => None,
    })
}

#[test]
fn a_line_that_breaks_in_any_way_costs_nothing_twice() {
    let first = |call: &Call| Act::Say(data(&[call.image(0)]));
    let ways: [(&str, Peer); 5] = [
        ("dropped", cut(move |call| vec![first(call), Act::Drop])),
        ("closed 1006-like", cut(move |call| vec![first(call), Act::Close(1011)])),
        ("dropped before anything", cut(|_| vec![Act::Drop])),
        (
            "half a frame",
            cut(|_| vec![Act::Text("{\"data\":[{\"taskUUID\":".to_owned()), Act::Drop]),
        ),
        ("nonsense", cut(move |call| vec![first(call), Act::Text("<html>".to_owned())])),
    ];
    for (name, peer) in ways {
        let home = scratch();
        let asked = with(&json!({ "numberResults": 2, "seed": 7 }));
        let answer = run_remote(home.path(), &json!([asked]), &peer.socket_url());
        assert_eq!((answer.code, images(&answer).len()), (0, 2), "{name}: {}", answer.json);
        let sent = peer.calls_of("imageInference");
        assert_eq!(sent.len(), 1, "{name}: sent twice");
        assert_eq!(fs::read_dir(home.path().join("out")).unwrap().count(), 2, "{name}");
    }
}

#[test]
fn a_message_too_big_for_the_service_is_final() {
    let peer =
        Peer::start(|call| (call.kind() == "imageInference").then(|| vec![Act::Close(1009)]));
    let home = scratch();
    let answer = run_remote(home.path(), &json!([task()]), &peer.socket_url());
    assert_eq!((answer.code, peer.connections()), (1, 1));
    assert!(messages(&answer).contains("outputType URL"), "{}", messages(&answer));
}

#[test]
fn statuses_without_words_are_understood_and_passing_ones_waited_for() {
    for (status, code) in [
        (401, "invalidApiKey"),
        (402, "insufficientCredits"),
        (413, "inferenceError"),
        (404, "invalidAddress"),
    ] {
        let peer = Peer::start(move |_| {
            Some(vec![Act::Text("<html>no</html>".to_owned()), Act::Status(status)])
        });
        let home = scratch();
        let answer = run_remote(home.path(), &json!([task()]), &peer.http_url());
        assert_eq!((answer.code, answer.error_codes()), (1, vec![code]), "{status}");
        assert_eq!(peer.connections(), 1, "{status}");
    }
    for status in [429, 500, 503] {
        let peer = Peer::start(move |call| match (call.kind(), call.before) {
            ("imageInference", 0) => Some(vec![Act::Status(status)]),
            _ => good(call),
        });
        let home = scratch();
        let begun = Instant::now();
        let answer = run_remote(home.path(), &json!([task()]), &peer.http_url());
        assert_eq!((answer.code, images(&answer).len()), (0, 1), "{status}: {}", answer.json);
        assert!(begun.elapsed() < LONGEST);
        let sent = peer.calls_of("imageInference");
        assert!(sent.iter().all(|task| task["taskUUID"] == sent[0]["taskUUID"]));
    }
}

#[test]
fn a_busy_service_says_when_it_wants_to_be_asked_again() {
    let in_four_seconds = || {
        let date = std::time::SystemTime::now() + Duration::from_secs(4);
        httpdate::fmt_http_date(date)
    };
    for (status, by_date) in [(429, false), (429, true), (503, false)] {
        let peer = Peer::start(move |call| match (call.kind(), call.before) {
            ("imageInference", 0) => {
                let wait = if by_date { in_four_seconds() } else { "3".to_owned() };
                Some(vec![Act::Status(status), Act::Header("retry-after", wait)])
            }
            _ => good(call),
        });
        let home = scratch();
        let begun = Instant::now();
        let answer = run_remote(home.path(), &json!([task()]), &peer.http_url());
        assert_eq!((answer.code, images(&answer).len()), (0, 1), "{status}: {}", answer.json);
        // Our own first pause is 1.2 s at most; a date has whole seconds.
        let took = begun.elapsed();
        assert!((Duration::from_millis(2900)..LONGEST).contains(&took), "{status}: {took:?}");
    }
}

#[test]
fn over_http_a_task_is_asynchronous_and_polled_to_its_end() {
    let peer = Peer::start(|call| match (call.kind(), call.before) {
        ("imageInference", _) => Some(vec![Act::Say(data(&[]))]),
        ("getResponse", 1) => {
            let processing = json!({ "taskUUID": call.uuid(), "status": "processing", "imageUUID": call.name(0) });
            Some(vec![Act::Say(data(&[processing]))])
        }
        ("getResponse", 2) => Some(vec![Act::Say(data(&[
            call.image(0),
            json!({ "taskUUID": call.uuid(), "status": "processing" }),
        ]))]),
        ("getResponse", _) => Some(vec![Act::Say(data(&[call.image(0), call.image(1)]))]),
        _ => None,
    });
    let home = scratch();
    let answer =
        run_remote(home.path(), &json!([with(&json!({ "numberResults": 2 }))]), &peer.http_url());
    assert_eq!((answer.code, images(&answer).len()), (0, 2), "{}", answer.json);
    assert_eq!(peer.calls_of("imageInference")[0]["deliveryMethod"], "async");
}

#[test]
fn without_a_key_or_with_one_that_would_travel_in_clear_nothing_is_sent() {
    let home = scratch();
    let run = |arguments: &[&str], key: bool| {
        let mut command = client(home.path());
        command.args(["run", "-", "--engine", "remote"]).args(arguments);
        if !key {
            command.env_remove("RUNWARE_API_KEY");
        }
        run_text(&json!([task()]).to_string(), &mut command)
    };
    let far = run(&["--remote-url", "ws://192.168.77.1/v1?token=hidden"], true);
    assert_eq!((far.code, far.error_codes()), (2, vec!["invalidRequest"]));
    assert!(messages(&far).contains("--insecure") && !messages(&far).contains("hidden"));
    let keyless = run(&[], false);
    assert_eq!((keyless.code, keyless.error_codes()), (2, vec!["missingApiKey"]));
    assert!(messages(&keyless).contains("RUNWARE_API_KEY"), "{}", messages(&keyless));
}

#[test]
fn a_client_that_was_killed_asks_for_its_task_and_delivers_the_rest_once() {
    for forgotten in [false, true] {
        let peer = Peer::start(move |call| match (call.kind(), call.connection) {
            // One picture, then silence until the client is killed.
            ("imageInference", 0) => Some(vec![Act::Say(data(&[call.image(1)]))]),
            ("getResponse", connection) if connection > 0 && !forgotten => {
                let done = [0, 1].map(|number| {
                    let mut image = call.image(number);
                    image["status"] = "success".into();
                    image
                });
                Some(vec![Act::Say(data(&done))])
            }
            _ => None,
        });
        let home = scratch();
        let file = home.path().join("tasks.json");
        fs::write(&file, json!([with(&json!({ "numberResults": 2 }))]).to_string()).unwrap();
        let out = home.path().join("out");
        let mut command = client(home.path());
        command.arg("run").arg(&file).args([
            "--engine",
            "remote",
            "--remote-url",
            &peer.socket_url(),
        ]);
        let mut child =
            command.arg("--out").arg(&out).stdout(std::process::Stdio::null()).spawn().unwrap();
        wait_for(|| finished(&out) == 1);
        child.kill().unwrap();
        child.wait().unwrap();
        if forgotten {
            // The service has lost it; part of it was paid: it is not sent again.
            continue_and_give_up(home.path(), &peer);
            continue;
        }
        let answer = resume(home.path(), &peer.socket_url());
        assert_eq!((answer.code, images(&answer).len()), (0, 2), "{}", answer.json);
        assert_eq!((finished(&out), peer.calls_of("imageInference").len()), (2, 1));
        let nothing = resume(home.path(), &peer.socket_url());
        assert!(images(&nothing).is_empty() && nothing.code == 0, "{}", nothing.json);
    }
}

/// Resumes over HTTP, where no deadline of a session is waited for, and kills it again: it must ask and
/// never send.
fn continue_and_give_up(home: &Path, peer: &Peer) {
    let mut command = client(home);
    command.args(["run", "--resume", "--remote-url", &peer.http_url()]);
    let mut child = command.stdout(std::process::Stdio::null()).spawn().unwrap();
    wait_for(|| peer.calls_of("getResponse").len() >= 3);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(peer.calls_of("imageInference").len(), 1);
}

fn resume(home: &Path, url: &str) -> Answered {
    let output = client(home).args(["run", "--resume", "--remote-url", url]).output().unwrap();
    answered(&output)
}

/// Finished files of a folder that may not be there yet.
fn finished(folder: &Path) -> usize {
    let names = fs::read_dir(folder).into_iter().flatten().flatten();
    names.filter(|entry| !entry.file_name().to_string_lossy().starts_with('.')).count()
}

#[track_caller]
pub(super) fn wait_for(what: impl Fn() -> bool) {
    let end = Instant::now() + LONGEST;
    while !what() {
        assert!(Instant::now() < end, "it did not happen");
        std::thread::sleep(Duration::from_millis(20));
    }
}
