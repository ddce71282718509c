//! The key and the costs of the remote service, on the command line.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::support::scratch;

const KEY: &str = "test-key-4711";

fn latelier(home: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_latelier"))
        .args(arguments)
        .env("LATELIER_HOME", home)
        .env_remove("RUNWARE_API_KEY")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn text(output: &Output) -> String {
    let all = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8(all).unwrap()
}

#[test]
fn a_key_is_kept_told_of_and_deleted_and_never_shown() {
    let home = scratch();
    let none = latelier(home.path(), &["key", "status"], "");
    assert!(text(&none).contains("There is no key"), "{}", text(&none));
    let set = latelier(home.path(), &["key", "set"], &format!("{KEY}\n"));
    assert_eq!(set.status.code(), Some(0), "{}", text(&set));
    let status = latelier(home.path(), &["key", "status"], "");
    assert!(text(&status).contains("There is a key in "), "{}", text(&status));
    let file = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> = file.filter(|path| path.is_file()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    assert_eq!(fs::read_to_string(&files[0]).unwrap(), KEY);
    let forget = latelier(home.path(), &["key", "forget"], "");
    assert!(text(&forget).contains("deleted"));
    assert!(!files[0].exists());
    for output in [none, set, status, forget] {
        assert!(!text(&output).contains(KEY));
    }
}

#[test]
fn what_is_no_key_is_refused_and_not_repeated() {
    let home = scratch();
    for wrong in ["", "two words\n", "schlüssel\n"] {
        let refused = latelier(home.path(), &["key", "set"], wrong);
        assert_eq!(refused.status.code(), Some(2));
        assert!(text(&refused).contains("no key"));
        assert!(wrong.trim().is_empty() || !text(&refused).contains(wrong.trim()));
    }
}

#[test]
fn costs_of_nothing_are_nothing() {
    let home = scratch();
    let costs = latelier(home.path(), &["costs"], "");
    assert_eq!(text(&costs), "0 pictures in 30 days: $0.00\n");
}

/// Nobody listens at this address: a task that is sent all the same ends with another code.
const NOWHERE: &str = "ws://127.0.0.1:1/v1";

#[test]
fn over_the_daily_limit_nothing_is_sent() {
    for (limit, results) in [("0", 1), ("5", 2)] {
        let home = scratch();
        let task = serde_json::json!([{
            "taskType": "imageInference", "taskUUID": uuid::Uuid::new_v4().to_string(),
            "model": "runware:101@1", "positivePrompt": "a fox", "width": 512, "height": 512,
            "numberResults": results,
        }]);
        let out = home.path().join("out");
        let mut child = Command::new(env!("CARGO_BIN_EXE_latelier"))
            .args(["run", "-", "--engine", "remote", "--remote-url", NOWHERE, "--daily-limit"])
            .args([limit, "--out"])
            .arg(out)
            .env("LATELIER_HOME", home.path())
            .env("RUNWARE_API_KEY", KEY)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(task.to_string().as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", text(&output));
        assert_eq!(answer["errors"][0]["code"], "dailyLimitReached", "{answer}");
        assert!(answer["errors"][0]["message"].as_str().unwrap().starts_with("Nothing was sent"));
    }
}

#[test]
fn the_daily_limit_holds_for_what_is_resumed_and_was_never_sent() {
    let home = scratch();
    let journal = home.path().join("journal");
    fs::create_dir(&journal).unwrap();
    let name = || uuid::Uuid::new_v4().to_string();
    let task = name();
    let entry = serde_json::json!({
        "version": 1, "engine": "remote", "service": NOWHERE, "images": [name()],
        "results": home.path().join("results"),
        "task": {
            "taskType": "imageInference", "taskUUID": task, "model": "runware:101@1",
            "positivePrompt": "a fox", "width": 512, "height": 512,
        },
    });
    let file = journal.join(format!("{}.000000.json", name()));
    fs::write(&file, entry.to_string()).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_latelier"))
        .args(["run", "--resume", "--daily-limit", "0"])
        .env("LATELIER_HOME", home.path())
        .env("RUNWARE_API_KEY", KEY)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert_eq!(answer["errors"][0]["code"], "dailyLimitReached", "{answer}");
    assert_eq!(answer["errors"][0]["taskUUID"], task.as_str());
    assert!(file.is_file(), "it keeps waiting");
}
