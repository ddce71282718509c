//! The remote engine: against a scripted service, against `latelier serve`, and over a bad line.

mod contract;
mod peer;
mod questions;
mod scripted;
mod served;
mod uploads;

use std::process::Command;

use serde_json::{Value, json};

use self::peer::KEY;
use crate::support::{Answered, latelier, run_text};

/// The program in a home of its own, with the key of the tests.
fn client(home: &std::path::Path) -> Command {
    let mut command = latelier();
    command.env("LATELIER_HOME", home).env("RUNWARE_API_KEY", KEY);
    command
}

/// Runs `tasks` on the service at `url`.
fn run_remote(home: &std::path::Path, tasks: &Value, url: &str) -> Answered {
    let mut command = client(home);
    let out = home.join("out");
    command.args(["run", "-", "--engine", "remote", "--remote-url", url, "--out"]).arg(out);
    run_text(&tasks.to_string(), &mut command)
}

/// The least that the service is asked for.
fn task() -> Value {
    json!({
        "taskType": "imageInference", "taskUUID": uuid::Uuid::new_v4().to_string(),
        "positivePrompt": "a red fox", "model": "runware:101@1", "width": 512, "height": 512,
        "outputType": "base64Data", "outputFormat": "PNG",
    })
}

fn with(changes: &Value) -> Value {
    let mut task = task();
    task.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    task
}
