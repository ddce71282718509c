//! Tasks of other types than `imageInference` in a file: sent to the service as they are.

use serde_json::{Map, Value};

use super::answer::Printed;
use super::provider::Maker;
use crate::jobs::PictureSource;
use crate::pixels::probe;
use crate::protocol::AnyTask;
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

/// Sends one of them and adds what came of it to the answer.
pub(super) fn ask(
    mut task: Map<String, Value>,
    maker: &Maker,
    pictures: &dyn PictureSource,
    answer: &mut Printed,
) {
    let name = task.get("taskType").and_then(Value::as_str).unwrap_or_default().to_owned();
    let uuid = task.get("taskUUID").and_then(Value::as_str).map(str::to_owned);
    let stamped = |problem: Problem| Problem {
        task_uuid: problem.task_uuid.or(uuid.clone()),
        task_type: problem.task_type.or(Some(name.clone())),
        ..problem
    };
    if OF_THE_CONNECTION.contains(&name.as_str()) {
        let message = format!("taskType {name} is the connection's own; leave the task out.");
        answer.errors.push(stamped(Problem::at("invalid", "taskType", message)));
        return;
    }
    for (field, value) in &mut task {
        if let Err(why) = put_files_in(value, pictures) {
            let message = format!("{field} cannot be sent: {why}.");
            answer.errors.push(stamped(Problem::at("invalid", field, message)));
            return;
        }
    }
    let Some(asked) = maker.ask(task) else {
        let message = format!("taskType {name} is not on the local engine; use --engine remote.");
        answer.errors.push(stamped(Problem::at("unsupportedLocal", "taskType", message)));
        return;
    };
    answer.data.extend(asked.results);
    if let Some(failure) = asked.failure {
        tracing::info!("{}", failure.details);
        answer.errors.push(stamped(failure.problem()));
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
