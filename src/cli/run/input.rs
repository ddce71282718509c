//! What `latelier run` is given: tasks as text, or a picture that says how it was made.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::requested;
use crate::cli::show::printable;
use crate::library::Library;
use crate::metadata::{self, Carried};
use crate::pixels::{probe, read_task_text};
use crate::task::{EngineKind, Problem, Request, TaskType};

/// What `latelier run` is given.
pub(super) enum Input {
    /// Tasks as text, also that of a picture made here.
    Tasks(String),
    /// What a picture of another program carries.
    Picture(Box<Carried>),
}

/// Reads a file or standard input: tasks, or a picture.
pub(super) fn read_input(path: &Path) -> Result<Input, Box<Problem>> {
    read(path).map_err(|error| {
        let message = format!("Cannot read {}: {error}.", path.display());
        Box::new(Problem::new("invalidRequest", message))
    })
}

fn read(path: &Path) -> io::Result<Input> {
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        io::stdin().read_to_end(&mut bytes)?;
    } else {
        bytes = fs::read(path)?;
    }
    if let Some(task) = read_task_text(&bytes).filter(|task| !task.is_empty()) {
        return sending_nothing(&task).map(Input::Tasks);
    }
    if let Some(carried) = metadata::read(&bytes) {
        return Ok(Input::Picture(Box::new(carried)));
    }
    if probe(&bytes).is_ok() {
        return Err(io::Error::other("the picture does not say how it was made"));
    }
    String::from_utf8(bytes)
        .map(Input::Tasks)
        .map_err(|_ignored| io::Error::other("it holds neither text nor a picture"))
}

/// The task of a picture, alone in a list, without the addresses that its result would be sent to:
/// pictures made here carry none, and one from a stranger must not have files of this machine sent to
/// them. Text that is anything but one task is refused, since nobody has looked at what it says.
fn sending_nothing(task: &str) -> io::Result<String> {
    let mut task: Map<String, Value> = serde_json::from_str(task)
        .map_err(|error| io::Error::other(format!("the task in the picture is none ({error})")))?;
    task.retain(|name, _| name != "uploadEndpoint" && name != "webhookURL");
    Ok(Value::Array(vec![task.into()]).to_string())
}

/// The request of a picture of another program, if its settings are enough for one. What could not
/// be taken over is told on standard error.
pub(super) fn remade(
    mut carried: Carried,
    library: &Library,
    engine: EngineKind,
) -> io::Result<Result<Request, Vec<Problem>>> {
    carried.take_models(&library.models());
    for note in &carried.notes {
        writeln!(io::stderr(), "note ({}): {}", carried.origin, printable(note))?;
    }
    carried.task.task_uuid = Some(Uuid::new_v4().to_string());
    let request = requested(&carried.task, library, engine);
    if !carried.from_picture {
        return Ok(request);
    }
    let message = "seedImage is missing; the picture was made from another one, which the file does \
                   not hold. Write the task with latelier show --json and give it that picture.";
    let missing = Problem {
        task_uuid: carried.task.task_uuid.clone(),
        task_type: Some(TaskType::ImageInference.as_str().to_owned()),
        ..Problem::at("missing", "seedImage", message)
    };
    let problems = request.err().unwrap_or_default();
    Ok(Err([vec![missing], problems].concat()))
}
