//! What is wrong with a task: the API's error object, one a problem.
//!
//! The window shows it at the control, the server returns it, the command line prints the message.

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use super::wire::number;
use super::{Architecture, DefaultValue, Kind, ParameterRow, TaskType, check};

/// One problem. Only `code` and `message` are always there.
///
/// Codes follow the API's families, with the parameter's name behind (`lora[0].weight` gives
/// `LoraWeight`): `missing…`, `invalid…`, `conflict…`, `unsupportedArchitecture…`, and our own
/// `unsupportedLocal…` for what the local engine does not do yet; besides, `unknownParameter`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Which kind of problem, for programs.
    pub code: String,

    /// A sentence for people: the parameter, what is allowed, what to do.
    pub message: String,

    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameter: Option<ParameterName>,

    /// The JSON type the parameter takes: `integer`, `float`, `string`, …
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub json_type: Option<String>,

    /// The least allowed number (of characters, of pictures).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<Number>,

    /// The greatest allowed number (of characters, of pictures).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Number>,

    /// What the number has to be a multiple of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multiplier: Option<Number>,

    /// What is used when the parameter is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,

    /// The task it belongs to, as the task spells it.
    #[serde(rename = "taskUUID", default, skip_serializing_if = "Option::is_none")]
    pub task_uuid: Option<String>,

    /// The task's type, as the task spells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_type: Option<String>,

    /// The model's architecture, when that is what forbids the parameter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_model_architecture: Option<String>,
}

/// The parameter or parameters a problem is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ParameterName {
    /// One, such as `steps` or `lora[0].weight`.
    One(String),

    /// Several that do not go together.
    Several(Vec<String>),
}

impl Problem {
    /// Longest name that a task gives and an error repeats, in bytes; the document's have fewer than 60.
    pub const LONGEST_NAME: usize = 100;

    /// A problem without a place.
    #[must_use]
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            parameter: None,
            json_type: None,
            min: None,
            max: None,
            multiplier: None,
            default: None,
            task_uuid: None,
            task_type: None,
            base_model_architecture: None,
        }
    }

    /// A problem of a family (`invalid`, `missing`, …) at a parameter.
    #[must_use]
    pub fn at(family: &str, path: &str, message: impl Into<String>) -> Self {
        let parameter = Some(ParameterName::One(path.to_owned()));
        Self { parameter, ..Self::new(code(family, path), message) }
    }

    /// Several parameters that do not go together; the first names the code.
    #[must_use]
    pub fn conflict(paths: &[&str], message: impl Into<String>) -> Self {
        let first = paths.first().copied().unwrap_or_default();
        let names = paths.iter().map(|path| (*path).to_owned()).collect();
        Self {
            parameter: Some(ParameterName::Several(names)),
            ..Self::new(code("conflict", first), message)
        }
    }

    /// A field that tasks of that type do not have; `siblings` are those in the same object.
    #[must_use]
    pub fn unknown(path: &str, task_type: &str, siblings: &[&str]) -> Self {
        check::unknown_among(path, task_type, siblings)
    }

    /// An invalid value, with the range the table gives.
    pub(super) fn invalid(path: &str, row: &ParameterRow, message: impl Into<String>) -> Self {
        let (min, max, multiplier) = match row.kind {
            Kind::Integer { min, max, multiple } => {
                (Some(min.into()), max.map(Number::from), (multiple > 1).then(|| multiple.into()))
            }
            Kind::Float { min, max } => (number::to_json(min), number::to_json(max), None),
            Kind::Text { min, max } | Kind::Images { min, max } => {
                (Some(min.into()), Some(max.into()), None)
            }
            _ => (None, None, None),
        };
        Self {
            json_type: Some(row.kind.json_type().to_owned()),
            min,
            max,
            multiplier,
            default: row.default.to_json(),
            ..Self::at("invalid", path, message)
        }
    }

    /// The same problem, saying which task it belongs to.
    #[must_use]
    pub(super) fn of_task(self, task_uuid: Option<&str>, task_type: Option<TaskType>) -> Self {
        let task_type = task_type.map(|known| known.as_str().to_owned());
        let named = task_uuid.filter(|uuid| uuid.len() <= Self::LONGEST_NAME);
        Self {
            task_uuid: named.map(str::to_owned),
            task_type: self.task_type.or(task_type),
            ..self
        }
    }

    /// The same problem, saying which architecture is the reason.
    #[must_use]
    pub(super) fn because_of(self, architecture: Architecture) -> Self {
        Self { base_model_architecture: Some(architecture.api_name().to_owned()), ..self }
    }

    /// Whether the problem is about that parameter.
    #[must_use]
    pub fn concerns(&self, path: &str) -> bool {
        match &self.parameter {
            Some(ParameterName::One(name)) => name == path,
            Some(ParameterName::Several(names)) => names.iter().any(|name| name == path),
            None => false,
        }
    }

    /// Whether the problem is about that place in the task or something inside it.
    #[must_use]
    pub fn is_within(&self, place: &str) -> bool {
        let inside = |name: &str| {
            name.strip_prefix(place)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        match &self.parameter {
            Some(ParameterName::One(name)) => inside(name),
            Some(ParameterName::Several(names)) => names.iter().any(|name| inside(name)),
            None => false,
        }
    }
}

impl DefaultValue {
    /// The default as JSON; `None` when there is none or it depends.
    #[must_use]
    pub fn to_json(self) -> Option<Value> {
        match self {
            Self::Absent | Self::OfModel | Self::Random => None,
            Self::Boolean(value) => Some(value.into()),
            Self::Integer(value) => Some(value.into()),
            Self::Float(value) => number::to_json(value).map(Value::Number),
            Self::Word(value) => Some(value.into()),
        }
    }
}

/// `invalid` and `lora[0].weight` give `invalidLoraWeight`.
fn code(family: &str, path: &str) -> String {
    let mut code = family.to_owned();
    for segment in path.split('.') {
        let name = segment.split('[').next().unwrap_or_default();
        let mut letters = name.chars();
        code.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        code.push_str(letters.as_str());
    }
    code
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn codes_carry_the_parameters_name() {
        for (path, expected) in [
            ("width", "invalidWidth"),
            ("CFGScale", "invalidCFGScale"),
            ("taskUUID", "invalidTaskUUID"),
            ("lora[0].weight", "invalidLoraWeight"),
            ("puLID.idWeight", "invalidPuLIDIdWeight"),
            ("controlNet[12].startStepPercentage", "invalidControlNetStartStepPercentage"),
        ] {
            assert_eq!(code("invalid", path), expected);
        }
    }

    #[test]
    fn json_is_the_apis_error_object() {
        let row = ParameterRow::find("width").unwrap();
        let problem = Problem::invalid("width", row, "too small")
            .of_task(Some("a770"), Some(TaskType::ImageInference));
        let json = json!({
            "code": "invalidWidth", "message": "too small", "parameter": "width", "type": "integer",
            "min": 128, "max": 2048, "multiplier": 64, "taskUUID": "a770", "taskType": "imageInference",
        });
        assert_eq!(serde_json::to_value(&problem).unwrap(), json);
        assert_eq!(serde_json::from_value::<Problem>(json).unwrap(), problem);
    }

    #[test]
    fn whole_floats_print_as_integers_and_others_do_not() {
        let row = ParameterRow::find("CFGScale").unwrap();
        let json = serde_json::to_string(&Problem::invalid("CFGScale", row, "m")).unwrap();
        assert!(json.contains(r#""type":"float","min":0,"max":50,"default":7}"#), "{json}");
        let row = ParameterRow::find("strength").unwrap();
        let json = serde_json::to_string(&Problem::invalid("strength", row, "m")).unwrap();
        assert!(json.contains(r#""min":0,"max":1,"default":0.8}"#), "{json}");
    }

    #[test]
    fn a_conflict_names_all_its_parameters() {
        let problem = Problem::conflict(&["refiner.startStep", "refiner.startStepPercentage"], "m");
        assert_eq!(problem.code, "conflictRefinerStartStep");
        let json = serde_json::to_value(&problem).unwrap();
        assert_eq!(json["parameter"], json!(["refiner.startStep", "refiner.startStepPercentage"]));
        assert!(problem.concerns("refiner.startStepPercentage") && !problem.concerns("steps"));
    }

    #[test]
    fn an_error_of_the_service_is_read_whatever_else_it_carries() {
        let json = json!({
            "code": "invalidWidth", "message": "m", "parameter": "width", "type": "integer", "min": 256,
            "documentation": "https://example.org/#width", "responseContent": {},
        });
        let problem: Problem = serde_json::from_value(json).unwrap();
        assert!(problem.concerns("width") && problem.min == Some(256.into()));
    }
}
