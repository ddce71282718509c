//! From JSON to a neighbouring task: the table of its fields first, all problems at once, then its type.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::field::Field;
use crate::task::{Kind, ParameterName, ParameterRow, Problem, Problems};

/// A task beside `imageInference`: its names, its fields, and what they ask of each other.
pub trait NeighbourTask: Serialize + DeserializeOwned {
    /// `taskType`, as it is written.
    const NAME: &'static str;

    /// Other names it was known by.
    const OLD_NAMES: &'static [&'static str] = &[];

    /// Whether it is called so, now or once.
    #[must_use]
    fn has_name(name: &str) -> bool {
        name == Self::NAME || Self::OLD_NAMES.contains(&name)
    }
}

/// What stays inside this folder of a [`NeighbourTask`].
pub(super) trait Documented: NeighbourTask {
    /// Its fields besides `taskType`, in groups.
    const FIELDS: &'static [&'static [Field]];

    /// Problems between fields that are in order by themselves.
    fn conflicts(&self) -> Vec<Problem> {
        Vec::new()
    }
}

/// Reads a task of that type.
pub(super) fn task<T: Documented>(members: &Map<String, Value>) -> Result<T, Vec<Problem>> {
    let mut problems = Problems::default();
    object::<T>("", members, &mut problems);
    if problems.is_empty() {
        match typed::<T>(members) {
            Ok(task) => {
                problems.extend(task.conflicts());
                if problems.is_empty() {
                    return Ok(task);
                }
            }
            Err(problem) => problems.note(|| *problem),
        }
    }
    let stamped = |problem| stamped(problem, T::NAME, members);
    Err(problems.into_vec().into_iter().map(stamped).collect())
}

/// Whether tasks of that type take the field.
pub(super) fn has_field<T: Documented>(name: &str) -> bool {
    T::FIELDS.iter().copied().flatten().any(|field| field.name() == name)
}

/// The task as JSON, its type first.
pub(super) fn written<T: NeighbourTask>(task: &T) -> serde_json::Result<Value> {
    let mut members = Map::new();
    members.insert("taskType".to_owned(), T::NAME.into());
    if let Value::Object(fields) = serde_json::to_value(task)? {
        members.extend(fields);
    }
    Ok(Value::Object(members))
}

/// `taskType` is not there, or no text.
pub(super) fn no_type(found: Option<&Value>, members: &Map<String, Value>) -> Problem {
    let family = if found.is_some() { "invalid" } else { "missing" };
    let message = "taskType must be there and say what is asked for, such as imageInference.";
    stamped(Problem::at(family, "taskType", message), "", members)
}

/// `taskType` is a word that nobody knows.
pub(super) fn unknown_type(name: &str, members: &Map<String, Value>, known: &[&str]) -> Problem {
    let start: String = name.chars().take(40).collect();
    let known = known.join(", ");
    let message = format!("taskType {start:?} is not known here; these are: {known}.");
    let problem = Problem {
        json_type: Some("string".to_owned()),
        ..Problem::at("invalid", "taskType", message)
    };
    stamped(problem, &start, members)
}

fn fields<T: Documented>() -> impl Iterator<Item = &'static Field> {
    T::FIELDS.iter().copied().flatten()
}

/// Checks the members of the object at `inside` (empty, or ending in a dot).
fn object<T: Documented>(inside: &str, members: &Map<String, Value>, problems: &mut Problems) {
    let here = |field: &&Field| {
        field.name().strip_prefix(inside).is_some_and(|member| !member.contains('.'))
    };
    for (key, value) in members {
        let path = format!("{inside}{key}");
        match fields::<T>().find(|field| field.name() == path) {
            _ if path == "taskType" => {}
            Some(Field::Row(row)) => member::<T>(row, value, problems),
            Some(Field::List(name, of)) if !value.is_array() => {
                let message = format!("{name} must be an array in [ ].");
                problems.note(|| Problem {
                    json_type: Some((*of).to_owned()),
                    ..Problem::at("invalid", name, message)
                });
            }
            Some(Field::Secret(name)) if !value.is_string() => {
                let message = format!("{name} must be a text.");
                problems.note(|| Problem {
                    json_type: Some("string".to_owned()),
                    ..Problem::at("invalid", name, message)
                });
            }
            Some(Field::List(..) | Field::Secret(_)) => {}
            None => problems.note(|| {
                let siblings: Vec<&str> = fields::<T>()
                    .filter(here)
                    .filter_map(|field| field.name().strip_prefix(inside))
                    .collect();
                Problem::unknown(&path, T::NAME, &siblings)
            }),
        }
    }
    for field in fields::<T>().filter(here).filter(|field| field.is_required()) {
        let name = field.name();
        if !members.contains_key(name.strip_prefix(inside).unwrap_or(name)) {
            problems.note(|| match field {
                Field::Row(row) => row.missing(name),
                _ => Problem::at("missing", name, format!("{name} is missing.")),
            });
        }
    }
}

fn member<T: Documented>(row: &'static ParameterRow, value: &Value, problems: &mut Problems) {
    match (row.kind, value) {
        (Kind::Object, Value::Object(members)) => {
            object::<T>(&format!("{}.", row.name), members, problems);
        }
        _ => problems.extend(row.problems(row.name, value)),
    }
}

/// What the table cannot say: the grammar of AIRs, the items of lists.
fn typed<T: Documented>(members: &Map<String, Value>) -> Result<T, Box<Problem>> {
    let mut members = members.clone();
    members.remove("taskType");
    serde_path_to_error::deserialize(Value::Object(members)).map_err(|error| {
        let path = error.path().to_string();
        if path == "." {
            let message = format!("The task cannot be read: {}.", error.inner());
            return Box::new(Problem::new("invalidRequest", message));
        }
        Box::new(Problem::at("invalid", &path, format!("{path}: {}.", error.inner())))
    })
}

fn stamped(problem: Problem, name: &str, members: &Map<String, Value>) -> Problem {
    let uuid = members.get("taskUUID").and_then(Value::as_str);
    let uuid = uuid.filter(|uuid| uuid.len() <= Problem::LONGEST_NAME).map(str::to_owned);
    let name = (!name.is_empty()).then(|| name.to_owned());
    Problem { task_uuid: uuid, task_type: name, ..problem }
}

/// One of two ways to give the same: the problem when there is none, or both.
pub(super) fn exactly_one(names: [&str; 2], there: [bool; 2], what: &str) -> Option<Problem> {
    let [flat, nested] = names;
    match there {
        [false, false] => {
            let message = format!("{flat} is missing; it must be {what}.");
            Some(Problem::at("missing", flat, message))
        }
        [true, true] => {
            let message = format!("{flat} and {nested} say the same; leave one of them out.");
            let parameter = Some(ParameterName::Several(names.map(str::to_owned).to_vec()));
            Some(Problem { parameter, ..Problem::at("conflict", flat, message) })
        }
        _ => None,
    }
}
