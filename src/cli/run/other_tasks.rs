//! Tasks of other types than `imageInference` in a file: sent to the service as they are.

use serde_json::{Map, Value};

use super::answer::Printed;
use super::provider::Maker;
use crate::task::Problem;

/// Types that belong to the connection itself.
const OF_THE_CONNECTION: [&str; 2] = ["authentication", "ping"];

/// Takes the tasks of other types out of the file's `text`; the rest comes back as text. A file that is
/// no array of tasks stays as it is, for whoever says what is wrong with it.
pub(super) fn taken_out(text: &str) -> (String, Vec<Map<String, Value>>) {
    let Ok(Value::Array(items)) = serde_json::from_str(text.trim_start_matches('\u{feff}')) else {
        return (text.to_owned(), Vec::new());
    };
    let mut others = Vec::new();
    let mut rest = Vec::new();
    for item in items {
        let name = item.get("taskType").and_then(Value::as_str);
        match (name.is_some_and(|name| name != "imageInference"), item) {
            (true, Value::Object(task)) => others.push(task),
            (_, item) => rest.push(item),
        }
    }
    (Value::Array(rest).to_string(), others)
}

/// Sends one of them and adds what came of it to the answer.
pub(super) fn ask(task: Map<String, Value>, maker: &Maker, answer: &mut Printed) {
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
    let Some(asked) = maker.ask(task) else { return };
    answer.data.extend(asked.results);
    if let Some(failure) = asked.failure {
        tracing::info!("{}", failure.details);
        answer.errors.push(stamped(failure.problem()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_types_are_taken_out_and_the_rest_stays_whatever_it_is() {
        let text = r#"[{"taskType":"imageInference","seed":9007199254740993},{"taskType":"caption"},7,{"a":1}]"#;
        let (rest, others) = taken_out(text);
        assert_eq!(rest, r#"[{"taskType":"imageInference","seed":9007199254740993},7,{"a":1}]"#);
        assert_eq!(others.len(), 1);
        for text in ["", "{}", "[{", "[]"] {
            assert_eq!(taken_out(text), (text.to_owned(), Vec::new()));
        }
    }
}
