//! Tasks of other types than `imageInference` in a file: sent to the service as they are, under the same
//! limit as pictures, and written down before they are sent.

use std::io::{self, Write as _};

use serde_json::{Map, Value};
use uuid::Uuid;

use super::answer::Printed;
use super::provider::Maker;
use super::purse::Purse;
use crate::jobs::{Failure, FailureKind, PictureSource};
use crate::library::{Home, SentTask, SentTasks};
use crate::pixels::probe;
use crate::protocol::AnyTask;
use crate::remote::{Question, results_of};
use crate::task::{EngineKind, ImageRef, Problem};

/// The type that makes pictures.
const IMAGES: &str = "imageInference";

/// Types that belong to the connection itself.
const OF_THE_CONNECTION: [&str; 2] = ["authentication", "ping"];

/// Takes the tasks of other types out of the file's `text`; the rest comes back as text. For the local
/// engine these are the types that are known, so that whoever reads the rest can say what a misspelt one
/// may have meant. A file that is no array of tasks stays as it is, for whoever says what is wrong with it.
pub(super) fn taken_out(text: &str, engine: EngineKind) -> (String, Vec<Map<String, Value>>) {
    let Ok(Value::Array(items)) = serde_json::from_str(text.trim_start_matches('\u{feff}')) else {
        return (text.to_owned(), Vec::new());
    };
    let mut others = Vec::new();
    let mut rest = Vec::new();
    for item in items {
        let other = match engine {
            EngineKind::Remote => item.get("taskType").and_then(Value::as_str) != Some(IMAGES),
            EngineKind::Local => is_known(&item),
        };
        match (other && item.get("taskType").is_some_and(Value::is_string), item) {
            (true, Value::Object(task)) => others.push(task),
            (_, item) => rest.push(item),
        }
    }
    (Value::Array(rest).to_string(), others)
}

/// Whether it is a task of another type that the API documents, in whatever state.
fn is_known(item: &Value) -> bool {
    let is_of_type = |problem: &Problem| problem.concerns("taskType");
    item.get("taskType").is_some_and(|name| name != IMAGES)
        && AnyTask::from_json(item).err().is_none_or(|problems| !problems.iter().any(is_of_type))
}

/// A task of another type that may be sent.
pub(super) struct Other {
    /// As it is sent.
    task: Map<String, Value>,
    /// For what is paid for: its name, and whether it may have been sent before.
    sent: Option<SentTask>,
}

/// The tasks of other types of one run, and what is written down of them.
pub(super) struct Others<'a> {
    maker: &'a Maker,
    pictures: &'a dyn PictureSource,
    sent: SentTasks,
    /// Those whose answers are to be printed.
    heard: Vec<SentTask>,
}

impl<'a> Others<'a> {
    pub(super) fn new(home: &Home, maker: &'a Maker, pictures: &'a dyn PictureSource) -> Self {
        Self { maker, pictures, sent: SentTasks::of(home), heard: Vec::new() }
    }

    /// Looks at all tasks before anything is sent; those that are not sent are told of in the answer.
    pub(super) fn prepare_all(
        &self,
        tasks: Vec<Map<String, Value>>,
        mut purse: Option<&mut Purse<'_>>,
        answer: &mut Printed,
    ) -> Vec<Other> {
        let mut prepared = Vec::new();
        for task in tasks {
            match self.prepare(task, purse.as_deref_mut()) {
                Ok(other) => prepared.push(other),
                Err(problem) => answer.errors.push(*problem),
            }
        }
        prepared
    }

    /// Looks at a task before anything is sent: what it will cost, and whether it was sent before, since
    /// that is paid already whatever the day's limit says.
    fn prepare(
        &self,
        mut task: Map<String, Value>,
        purse: Option<&mut Purse<'_>>,
    ) -> Result<Other, Box<Problem>> {
        let (name, given) = (task_type(&task), task.clone());
        let stamped = |problem| Box::new(stamped(problem, &given));
        if OF_THE_CONNECTION.contains(&name.as_str()) {
            let message = format!("taskType {name} is the connection's own; leave the task out.");
            return Err(stamped(Problem::at("invalid", "taskType", message)));
        }
        let Some(service) = self.maker.service() else {
            let message =
                format!("taskType {name} is not on the local engine; use --engine remote.");
            return Err(stamped(Problem::at("unsupportedLocal", "taskType", message)));
        };
        for (field, value) in &mut task {
            if let Err(why) = put_files_in(value, self.pictures) {
                let message = format!("{field} cannot be sent: {why}.");
                return Err(stamped(Problem::at("invalid", field, message)));
            }
        }
        if !AnyTask::is_paid(&name) {
            return Ok(Other { task, sent: None });
        }
        let sent = self.sent.look_up(&service, &given);
        if let Some(purse) = purse.filter(|_| !sent.was_sent()) {
            purse.let_other_through(sent.id(), &name, results_of(&task))?;
        }
        Ok(Other { task, sent: Some(sent) })
    }

    /// Writes a task down, sends it and adds what comes of it to the answer.
    pub(super) fn ask(&mut self, other: Other, answer: &mut Printed) {
        let Other { task, sent } = other;
        let asked_for = task.clone();
        let stamped = |problem| stamped(problem, &asked_for);
        if let Some(sent) = &sent {
            if let Err(error) = self.sent.enter(sent) {
                let message = format!("Nothing was sent: {error}.");
                return answer.errors.push(stamped(Problem::new("journalUnavailable", message)));
            }
            if sent.was_sent() {
                let told = "it may have been sent before: its answer is asked for first";
                // A closed standard error is no reason to stop.
                writeln!(io::stderr(), "{}: {told}", sent.id()).ok();
            }
        }
        let given = task.get("taskUUID").and_then(Value::as_str);
        let given = given.and_then(|text| Uuid::try_parse(text).ok());
        let id = sent.as_ref().map(SentTask::id).or(given).unwrap_or_else(Uuid::new_v4);
        let resumed = sent.as_ref().is_some_and(SentTask::was_sent);
        let asked = self.maker.ask(Question { id, task, resumed }).unwrap_or_default();
        let silent = asked.failure.is_none() && asked.results.is_empty();
        let failure = asked.failure.or_else(|| {
            let headline = "The engine stopped without a word; run the same tasks again";
            silent.then(|| Failure::new(FailureKind::Interrupted, headline))
        });
        let interrupted = |failure: &Failure| failure.kind == FailureKind::Interrupted;
        let heard = !failure.as_ref().is_some_and(interrupted);
        answer.data.extend(asked.results);
        if let Some(failure) = failure {
            tracing::info!("{}", failure.details);
            answer.errors.push(stamped(failure.problem()));
        }
        self.heard.extend(sent.filter(|_| heard));
    }

    /// The answer was printed: what it tells of need not be asked for again.
    pub(super) fn printed(self) {
        self.heard.iter().for_each(|task| self.sent.strike(task));
    }
}

fn task_type(task: &Map<String, Value>) -> String {
    task.get("taskType").and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The problem with the name and type of the task it belongs to.
fn stamped(problem: Problem, task: &Map<String, Value>) -> Problem {
    let uuid = task.get("taskUUID").and_then(Value::as_str).map(str::to_owned);
    Problem {
        task_uuid: problem.task_uuid.or(uuid),
        task_type: problem.task_type.or_else(|| Some(task_type(task))),
        ..problem
    }
}

/// Puts pictures of this machine, named by `file:` addresses, into the task: nobody else can open them.
fn put_files_in(value: &mut Value, pictures: &dyn PictureSource) -> Result<(), String> {
    match value {
        Value::String(text) if text.starts_with("file://") => {
            if let Some(file) = pictures.file(&ImageRef::Url(text.clone()))? {
                let (_, format) = probe(&file).map_err(|error| error.to_string())?;
                let media_type = format!("image/{}", format.to_ascii_lowercase());
                *text = ImageRef::data_uri(&media_type, &file).to_string();
            }
            Ok(())
        }
        Value::Array(items) => items.iter_mut().try_for_each(|item| put_files_in(item, pictures)),
        Value::Object(members) => {
            members.values_mut().try_for_each(|member| put_files_in(member, pictures))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_types_are_taken_out_and_the_rest_stays_whatever_it_is() {
        let text = r#"[{"taskType":"imageInference","seed":9007199254740993},{"taskType":"caption"},{"taskType":"imageInferense"},7,{"a":1}]"#;
        let (rest, others) = taken_out(text, EngineKind::Remote);
        let expected = r#"[{"taskType":"imageInference","seed":9007199254740993},7,{"a":1}]"#;
        assert_eq!((rest.as_str(), others.len()), (expected, 2));
        let (rest, others) = taken_out(text, EngineKind::Local);
        assert!(rest.contains("imageInferense") && others.len() == 1, "{rest}");
        for text in ["", "{}", "[{", "[]"] {
            for engine in [EngineKind::Local, EngineKind::Remote] {
                assert_eq!(taken_out(text, engine), (text.to_owned(), Vec::new()));
            }
        }
    }
}
