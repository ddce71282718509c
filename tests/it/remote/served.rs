//! The remote engine against `latelier serve`: the same pictures as the local one, and each of them once,
//! whatever happens to the line, the server or the client.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use latelier::library::{Home, Library, read_task};
use latelier::pixels::read_task_text;
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use super::peer::KEY;
use super::{client, run_remote};
use crate::faults::{BadLine, Fault};
use crate::network;
use crate::serve::Served;
use crate::support::{Answered, answered, demo_task, golden, latelier, run_text, scratch};

/// Longest that anything here may take on a busy machine.
const LONGEST: Duration = Duration::from_mins(3);

/// A picture of 128 × 128 pixels.
const SQUARE: &str = "inpainting/source-square.png";

/// A client's home folder, in which the demo model is known, and a server with a home of its own.
struct Two {
    folder: tempfile::TempDir,
    served: Served,
}

impl Two {
    fn new() -> Self {
        Self::with(&[])
    }

    /// With further arguments of the server.
    fn with(arguments: &[&str]) -> Self {
        let folder = scratch();
        Library::open(&Home::at(folder.path()), &[]).unwrap();
        Self { folder, served: Served::open(&[&["--key", KEY], arguments].concat()) }
    }

    fn home(&self) -> &Path {
        self.folder.path()
    }

    fn out(&self) -> PathBuf {
        self.home().join("out")
    }

    /// The pictures that the client has, by task and seed; each must carry its task.
    fn kept(&self) -> BTreeSet<(String, u64)> {
        let files = fs::read_dir(self.out()).into_iter().flatten().flatten();
        let mut kept = BTreeSet::new();
        for file in files.filter(|file| !file.file_name().to_string_lossy().starts_with('.')) {
            let task = read_task(&file.path()).unwrap().unwrap();
            assert!(kept.insert((task.task_uuid.unwrap(), task.seed.unwrap())), "delivered twice");
        }
        kept
    }

    /// How many pictures the server has made.
    fn made(&self) -> usize {
        fs::read_dir(self.served.home.results_dir()).into_iter().flatten().flatten().count()
    }

    fn start(&self, tasks: &Value, url: &str) -> Child {
        let file = self.home().join("tasks.json");
        fs::write(&file, tasks.to_string()).unwrap();
        let mut command = client(self.home());
        command.arg("run").arg(file).args(["--engine", "remote", "--remote-url", url]);
        command.arg("--out").arg(self.out()).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }
}

/// A task of the demo model that makes `count` pictures of `steps` steps.
fn demo(count: u32, steps: u32) -> Value {
    let mut task = demo_task();
    task["numberResults"] = json!(count);
    task["steps"] = json!(steps);
    task
}

/// What the pictures of these tasks are.
fn wanted(tasks: &[Value]) -> BTreeSet<(String, u64)> {
    let one = |task: &Value| {
        let uuid = task["taskUUID"].as_str().unwrap().to_owned();
        let count = task["numberResults"].as_u64().unwrap_or(1);
        (0..count).map(move |number| (uuid.clone(), 7 + number)).collect::<Vec<_>>()
    };
    tasks.iter().flat_map(one).collect()
}

fn data(answer: &Answered) -> usize {
    answer.json["data"].as_array().unwrap().len()
}

#[track_caller]
fn wait_for(what: impl Fn() -> bool) {
    let end = Instant::now() + LONGEST;
    while !what() {
        assert!(Instant::now() < end, "it did not happen");
        thread::sleep(Duration::from_millis(20));
    }
}

fn address(path: &str) -> Value {
    json!(Url::from_file_path(golden(path)).unwrap().as_str())
}

#[test]
fn every_way_to_a_picture_gives_the_local_engines_file_to_the_byte() {
    let two = Two::new();
    let source = address(SQUARE);
    // What stands at an address is kept by content, whoever makes the picture.
    let (far, _calls) = network::server("200 OK", fs::read(golden(SQUARE)).unwrap());
    let (far_mask, _calls) = network::server("200 OK", mask_file());
    let with = |more: Value| {
        let mut task = demo_task();
        task.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        task
    };
    let tasks = json!([
        with(json!({ "steps": 3, "CFGScale": 5, "negativePrompt": "a green pear" })),
        with(json!({ "seedImage": source, "strength": 0.6, "steps": 4 })),
        with(json!({ "seedImage": source, "maskImage": mask(two.home()), "steps": 3 })),
        with(json!({ "seedImage": source, "width": 192, "outpaint": { "left": 64 }, "steps": 3 })),
        with(json!({ "seedImage": far, "strength": 0.6, "steps": 4 })),
        with(json!({ "seedImage": far, "maskImage": far_mask, "steps": 3 })),
        with(json!({ "outputFormat": "JPG", "outputQuality": 80 })),
        with(json!({ "outputFormat": "WEBP", "outputQuality": 80 })),
    ]);
    let local = two.home().join("local");
    let mut command = client(two.home());
    command.args(["run", "-", "--out"]).arg(&local);
    let here = run_text(&tasks.to_string(), &mut command);
    assert_eq!(here.code, 0, "{}", here.json);
    for url in
        [format!("ws://{}/v1", two.served.address), format!("http://{}/v1", two.served.address)]
    {
        let mut tasks = tasks.clone();
        if url.starts_with("http") {
            // Names are used once; the task inside the file says which.
            continue_names(&mut tasks);
        }
        let there = run_remote(two.home(), &tasks, &url);
        assert_eq!((there.code, data(&there)), (0, 8), "{} {}", there.json, there.stderr);
        for (index, task) in tasks.as_array().unwrap().iter().enumerate() {
            let of_task = |answer: &Answered, uuid: &Value| {
                let images = answer.json["data"].as_array().unwrap();
                let place = images.iter().position(|image| image["taskUUID"] == *uuid).unwrap();
                fs::read(&answer.pictures()[place]).unwrap()
            };
            let expected = of_task(&here, &here.json["data"][index]["taskUUID"]);
            let found = of_task(&there, &task["taskUUID"]);
            let uuid = here.json["data"][index]["taskUUID"].as_str().unwrap();
            let [local, remote] = [&expected, &found].map(|file| inputs_of(file));
            assert_eq!(local, remote, "{task}");
            assert!(!local.contains("http"), "{local}");
            if uuid == task["taskUUID"] {
                assert!(found == expected, "{task}: {} bytes, {}", found.len(), expected.len());
            } else {
                let pixels = |bytes: &[u8]| latelier::pixels::decode(bytes).unwrap();
                assert_eq!(pixels(&found), pixels(&expected), "{task}");
            }
        }
    }
}

/// Gives every task another name.
fn continue_names(tasks: &mut Value) {
    for task in tasks.as_array_mut().unwrap() {
        task["taskUUID"] = json!(Uuid::new_v4().to_string());
    }
}

/// How the task in a picture file names the pictures that it was made from.
fn inputs_of(file: &[u8]) -> String {
    let task: Value = serde_json::from_str(&read_task_text(file).unwrap()).unwrap();
    json!([task.get("seedImage"), task.get("maskImage")]).to_string()
}

/// A mask whose middle is white.
fn mask(folder: &Path) -> Value {
    let path = folder.join("mask.png");
    fs::write(&path, mask_file()).unwrap();
    json!(Url::from_file_path(path).unwrap().as_str())
}

fn mask_file() -> Vec<u8> {
    use latelier::pixels::{Extent, FileFormat, Picture, encode};
    let white = |at: u32| (32..96).contains(&at);
    let mask = Picture::from_fn(Extent::new(128, 128), |x, y| {
        let level = if white(x) && white(y) { 255 } else { 0 };
        [level, level, level, 255]
    });
    encode(&mask, FileFormat::Png, "{}").unwrap()
}

#[test]
fn over_a_bad_line_every_picture_comes_once_and_is_made_once() {
    let cut = |bytes| Fault { cut_after: Some(bytes), ..Fault::default() };
    let noise = || Fault { said: vec!["{\"data\": [{".to_owned()], ..Fault::default() };
    let faults = [
        ("cut within the first picture", vec![cut(3000)]),
        ("cut again and again", vec![cut(200), cut(20_000), cut(3000)]),
        ("doubled", vec![Fault { doubled: true, ..Fault::default() }]),
        ("malformed", vec![noise(), noise()]),
        (
            "doubled and cut",
            vec![
                Fault { doubled: true, ..cut(30_000) },
                Fault { doubled: true, ..Fault::default() },
            ],
        ),
    ];
    let two = Two::new();
    let mut all = BTreeSet::new();
    for (name, faults) in faults {
        let mut tasks: Vec<Value> = (0..3).map(|_| demo(2, 2)).collect();
        for task in &mut tasks {
            task["outputType"] = json!("base64Data");
        }
        let line = BadLine::to(&two.served.address, faults);
        let answer = run_remote(two.home(), &json!(tasks), &line.socket_url());
        assert_eq!(
            (answer.code, data(&answer)),
            (0, 6),
            "{name}: {} {}",
            answer.json,
            answer.stderr
        );
        all.extend(wanted(&tasks));
        assert_eq!(two.kept(), all, "{name}");
        assert_eq!(two.made(), all.len(), "{name}: made twice");
    }
}

#[test]
fn a_line_that_is_gone_for_a_while_costs_nothing() {
    // The session outlives the line, or it does not; HTTP has none.
    for (by_socket, session) in [(true, "60"), (true, "1"), (false, "1")] {
        let two = Two::with(&["--session-timeout", session]);
        let line = BadLine::to(&two.served.address, Vec::new());
        let tasks = [demo(3, 8), demo(1, 8)];
        let url = if by_socket { line.socket_url() } else { line.http_url() };
        let child = two.start(&json!(tasks), &url);
        wait_for(|| two.made() > 0);
        line.set_down(true);
        thread::sleep(Duration::from_secs(6));
        line.set_down(false);
        let answer = answered(&child.wait_with_output().unwrap());
        assert_eq!((answer.code, data(&answer)), (0, 4), "{} {}", answer.json, answer.stderr);
        assert_eq!((two.kept(), two.made()), (wanted(&tasks), 4));
        assert!(line.connections() > 1);
    }
}

#[test]
fn a_line_that_falls_silent_is_left_and_nothing_is_lost() {
    let two = Two::new();
    let silent = Fault { silent_after: Some(2000), ..Fault::default() };
    let line = BadLine::to(&two.served.address, vec![silent]);
    let tasks = [demo(2, 2)];
    let begun = Instant::now();
    let answer = run_remote(two.home(), &json!(tasks), &line.socket_url());
    assert_eq!((answer.code, data(&answer)), (0, 2), "{} {}", answer.json, answer.stderr);
    // A ping after 30 s, 10 s for its answer, then the old session is taken up.
    assert!(begun.elapsed() < Duration::from_secs(75), "{:?}", begun.elapsed());
    assert_eq!((two.kept(), two.made(), line.connections()), (wanted(&tasks), 2, 2));
}

#[test]
fn a_server_that_is_killed_and_started_again_makes_and_delivers_everything_once() {
    let mut two = Two::new();
    let line = BadLine::to(&two.served.address, Vec::new());
    let tasks = [demo(4, 12), demo(2, 12)];
    let child = two.start(&json!(tasks), &line.socket_url());
    wait_for(|| two.made() > 0);
    two.served.kill();
    thread::sleep(Duration::from_secs(1));
    two.served.restart();
    line.lead_to(&two.served.address);
    let answer = answered(&child.wait_with_output().unwrap());
    assert_eq!((answer.code, data(&answer)), (0, 6), "{} {}", answer.json, answer.stderr);
    assert_eq!((two.kept(), two.made()), (wanted(&tasks), 6));
}

#[test]
fn a_client_that_is_killed_after_sending_has_everything_once_when_it_is_resumed() {
    for by_socket in [true, false] {
        let two = Two::new();
        let tasks = [demo(3, 8), demo(2, 8)];
        let scheme = if by_socket { "ws" } else { "http" };
        let url = format!("{scheme}://{}/v1", two.served.address);
        let mut child = two.start(&json!(tasks), &url);
        wait_for(|| two.made() > 0);
        child.kill().unwrap();
        child.wait().unwrap();
        // What was sent is not weighed again.
        let arguments = ["run", "--resume", "--daily-limit", "0", "--remote-url", &url];
        let answer = answered(&client(two.home()).args(arguments).output().unwrap());
        assert_eq!((answer.code, data(&answer)), (0, 5), "{} {}", answer.json, answer.stderr);
        assert_eq!((two.kept(), two.made()), (wanted(&tasks), 5), "{scheme}");
    }
}

#[test]
fn the_key_is_in_no_file_and_in_no_output() {
    let two = Two::new();
    let url = |scheme: &str| format!("{scheme}://{}/v1", two.served.address);
    let mut outputs = String::new();
    for (key, url) in [
        (KEY, url("ws")),
        (KEY, url("http")),
        ("wrong-key-that-must-not-show-0452", url("ws")),
        ("wrong-key-that-must-not-show-0452", url("http")),
    ] {
        let mut command = client(two.home());
        command.env("RUNWARE_API_KEY", key).env("LATELIER_LOG", "trace");
        command
            .args(["run", "-", "--engine", "remote", "--remote-url", &url, "--out"])
            .arg(two.out());
        let asked = json!([demo(1, 1), { "taskType": "accountManagement", "taskUUID": Uuid::new_v4(), "operation": "getDetails" }]);
        let answer = run_text(&asked.to_string(), &mut command);
        assert_eq!(
            answer.code == 0 || answer.json["data"].as_array().is_some_and(|data| !data.is_empty()),
            key == KEY,
            "{}",
            answer.json
        );
        outputs += &answer.stderr;
        outputs += &answer.json.to_string();
    }
    for folder in [two.home(), two.served.home.root().parent().unwrap()] {
        for file in files_below(folder) {
            outputs += &String::from_utf8_lossy(&fs::read(file).unwrap());
        }
    }
    assert!(outputs.len() > 10_000, "nothing was looked at");
    for key in [KEY, "wrong-key-that-must-not-show-0452"] {
        assert!(!outputs.contains(key), "{key} shows");
    }
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    // The models hold nothing of ours and much to read.
    let entries = entries.filter(|path| !path.ends_with("models"));
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

#[test]
fn a_task_for_the_service_is_not_made_by_the_local_engine_when_it_is_resumed_without_a_key() {
    let two = Two::new();
    let url = format!("ws://{}/v1", two.served.address);
    let mut child = two.start(&json!([demo(2, 12)]), &url);
    wait_for(|| two.made() > 0);
    child.kill().unwrap();
    child.wait().unwrap();
    let mut keyless = latelier();
    keyless.env("LATELIER_HOME", two.home()).env_remove("RUNWARE_API_KEY");
    let refused = answered(&keyless.args(["run", "--resume"]).output().unwrap());
    assert_eq!(refused.error_codes(), ["missingApiKey"]);
    let resumed =
        client(two.home()).args(["run", "--resume", "--remote-url", &url]).output().unwrap();
    assert_eq!(data(&answered(&resumed)), 2);
}
