//! From JSON to tasks: exact types, nothing unknown swallowed, every problem told at once.
//!
//! Whether the values go together and fit a model is asked by `resolve`.

use std::collections::HashSet;

use serde::Deserialize as _;
use serde_json::{Map, Value};

use super::given::Walk;
use super::nearest::{nearest, suggestion};
use super::shape::Shape;
use super::{Kind, ParameterRow, Problem, Problems, Task, TaskType, check};

impl Task {
    /// Reads one task. An integer is not written `512.0` or `"512"`, a switch not `0`; unknown
    /// fields are problems. When anything is wrong, values out of range are named as well.
    pub fn from_json(json: &Value) -> Result<Self, Vec<Problem>> {
        let Value::Object(members) = json else {
            return Err(vec![not_a_task(json)]);
        };
        if let Some(problem) = other_task(members) {
            return Err(vec![stamped(problem, members)]);
        }
        let mut reader = Reader::default();
        reader.object(members);
        let mut problems = reader.problems;
        problems.append(reader.unknown);
        if problems.is_empty() {
            match Self::deserialize(json) {
                Ok(task) => return Ok(task),
                Err(error) => problems.extend(unreadable(&reader.walk, &error)),
            }
        } else {
            problems.extend(reader.walk.given.iter().filter_map(check::value));
        }
        Err(problems.into_vec().into_iter().map(|problem| stamped(problem, members)).collect())
    }
}

/// Reads the body of a request: a JSON array of task objects, one answer for each.
/// A `taskUUID` used twice is a problem of the later task.
pub fn read_tasks(text: &str) -> Result<Vec<Result<Task, Vec<Problem>>>, Box<Problem>> {
    let items = match serde_json::from_str(text.trim_start_matches('\u{feff}')) {
        Ok(Value::Array(items)) => items,
        Ok(other) => return Err(Box::new(not_an_array(&other))),
        Err(error) => return Err(Box::new(not_json(text, &error))),
    };
    if let Some((index, item)) = items.iter().enumerate().find(|(_, item)| !item.is_object()) {
        let message = format!(
            "Item {} of the array is {}; every item must be a task object in {{ }}.",
            index + 1,
            check::describe(item)
        );
        return Err(Box::new(Problem::new("invalidRequest", message)));
    }
    let mut seen = HashSet::new();
    Ok(items.iter().map(|item| unless_reused(item, Task::from_json(item), &mut seen)).collect())
}

/// Adds the problem of a reused `taskUUID`. UUIDs in capitals are the same.
fn unless_reused(
    item: &Value,
    read: Result<Task, Vec<Problem>>,
    seen: &mut HashSet<String>,
) -> Result<Task, Vec<Problem>> {
    let Some(uuid) = item.get("taskUUID").and_then(Value::as_str) else { return read };
    if seen.insert(uuid.to_ascii_lowercase()) {
        return read;
    }
    let message = format!(
        "taskUUID {uuid} is used twice in one request; make a fresh UUID v4 for every task."
    );
    let problem = Problem::at("conflict", "taskUUID", message)
        .of_task(Some(uuid), Some(TaskType::ImageInference));
    let mut problems = read.err().unwrap_or_default();
    problems.push(problem);
    Err(problems)
}

/// Goes through a JSON object beside the table.
#[derive(Default)]
struct Reader<'a> {
    walk: Walk<'a>,
    problems: Problems,
    /// What the document does not name.
    unknown: Problems,
}

impl<'a> Reader<'a> {
    fn object(&mut self, members: &'a Map<String, Value>) {
        for (key, value) in members {
            let path = self.walk.place(key);
            // A key that looks like a place (`lora[0].weight`) is no documented name.
            match ParameterRow::find(&path).filter(|_| !key.contains(['.', '['])) {
                Some(row) => self.member(row, path, value),
                None => self.unknown.note(|| check::unknown(&path)),
            }
        }
    }

    fn member(&mut self, row: &'static ParameterRow, path: String, value: &'a Value) {
        match (row.kind, value) {
            (Kind::Object | Kind::Group, Value::Object(members)) => self.enter(path, members),
            (Kind::Objects | Kind::Images { .. }, Value::Array(items)) => {
                self.walk.note(path.clone(), Shape::List(items.len()));
                for (index, item) in items.iter().enumerate() {
                    self.item(row, format!("{path}[{index}]"), item);
                }
            }
            (kind, value) => match check::shape(kind, value) {
                Some(shape) => self.walk.note(path, shape),
                None => self.problems.note(|| check::wrong_type(&path, row, value)),
            },
        }
    }

    fn item(&mut self, row: &'static ParameterRow, path: String, item: &'a Value) {
        match (row.kind, item) {
            (Kind::Objects, Value::Object(members)) => self.enter(path, members),
            (Kind::Images { .. }, Value::String(text)) => self.walk.note(path, Shape::Text(text)),
            (of, item) => {
                let kind = if of == Kind::Objects { Kind::Object } else { Kind::Image };
                let row = ParameterRow { kind, ..*row };
                self.problems.note(|| check::wrong_type(&path, &row, item));
            }
        }
    }

    fn enter(&mut self, path: String, members: &'a Map<String, Value>) {
        let outside = self.walk.open(path);
        self.object(members);
        self.walk.close(outside);
    }
}

/// A task of another type, before its fields are taken for unknown ones.
fn other_task(members: &Map<String, Value>) -> Option<Problem> {
    let found = members.get("taskType")?.as_str()?;
    if TaskType::WORDS.contains(&found) {
        return None;
    }
    let hint = suggestion(&nearest(found, TaskType::WORDS.iter().copied()));
    let row = ParameterRow::find("taskType")?;
    let message =
        format!("taskType {} is not known here; write imageInference.{hint}", check::quoted(found));
    Some(Problem {
        task_type: Some(found.to_owned()),
        ..Problem::invalid("taskType", row, message)
    })
}

/// Why a task whose types are right could still not be read: a value outside its range or words.
fn unreadable(walk: &Walk<'_>, error: &serde_json::Error) -> Vec<Problem> {
    let problems: Vec<_> = walk.given.iter().filter_map(check::value).collect();
    if problems.is_empty() {
        return vec![Problem::new(
            "invalidRequest",
            format!("The task could not be read: {error}."),
        )];
    }
    problems
}

/// The problem, saying which task it belongs to.
fn stamped(problem: Problem, members: &Map<String, Value>) -> Problem {
    let uuid = members.get("taskUUID").and_then(Value::as_str);
    problem.of_task(uuid, Some(TaskType::ImageInference))
}

fn not_a_task(found: &Value) -> Problem {
    let found = check::describe(found);
    Problem::new("invalidRequest", format!("A task must be a JSON object in {{ }}; found {found}."))
}

fn not_an_array(found: &Value) -> Problem {
    let advice =
        if found.is_object() { " Put [ and ] around it, even for a single task." } else { "" };
    let found = check::describe(found);
    Problem::new(
        "invalidRequest",
        format!("The request must be a JSON array of task objects; found {found}.{advice}"),
    )
}

fn not_json(text: &str, error: &serde_json::Error) -> Problem {
    if text.trim().is_empty() {
        let message = "The request is empty; it must be a JSON array of task objects.";
        return Problem::new("invalidJSON", message);
    }
    let (line, column) = (error.line(), error.column());
    // serde_json ends its own sentence with the place.
    let reason = error.to_string();
    let reason = reason.split(" at line ").next().unwrap_or_default();
    Problem::new(
        "invalidJSON",
        format!("The request is not valid JSON: {reason} at line {line}, column {column}."),
    )
}
