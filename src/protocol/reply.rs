//! What comes back: frames of the WebSocket and bodies of HTTP, read with tolerance.
//!
//! The service is read as it is and was: `data` as array or object, `errors` or `error` as list, object
//! or text, errors inside `data`, unknown fields kept. Nothing here decides what follows from it.

use serde_json::{Map, Number, Value};
use uuid::Uuid;

use super::Family;
use crate::task::{DeliveredImage, ParameterName, Problem};

/// A frame or body.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    /// Results, acknowledgements, pongs.
    pub data: Vec<Item>,

    /// What went wrong.
    pub errors: Vec<ServiceError>,
}

/// A result of any type, with every field it came with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Item(Map<String, Value>);

/// An error of the service, with every field it came with.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceError {
    /// Which error, for programs; never empty.
    pub code: String,

    /// A sentence for people.
    pub message: String,

    /// The task it belongs to; errors of the connection belong to none.
    pub task_uuid: Option<Uuid>,

    /// The picture it belongs to, when the task's others are not concerned.
    pub image_uuid: Option<Uuid>,

    /// Whether it is what became of a task, as `getResponse` tells it, and not of the question.
    pub is_outcome: bool,

    /// All of it.
    pub raw: Map<String, Value>,
}

/// The text is no JSON object or array.
#[derive(Debug, thiserror::Error)]
#[error("what came is no answer of the API: {0}")]
pub struct ReplyError(String);

/// Fields that say how far a task is and nothing of what came of it.
const OF_PROGRESS: [&str; 5] = ["taskType", "taskUUID", "status", "progress", "inputImageUUID"];

/// States of a task that has not ended.
const PENDING: [&str; 4] = ["processing", "queued", "pending", "accepted"];

impl Reply {
    /// Reads a frame or body.
    ///
    /// # Errors
    /// When it is no JSON, or neither object nor array.
    pub fn read(text: &str) -> Result<Self, ReplyError> {
        let json = serde_json::from_str(text).map_err(|error| ReplyError(error.to_string()))?;
        let mut reply = Self::default();
        match json {
            Value::Array(parts) => parts.into_iter().for_each(|part| reply.take(part)),
            whole @ Value::Object(_) => reply.take(whole),
            _ => return Err(ReplyError("neither an object nor an array".to_owned())),
        }
        Ok(reply)
    }

    fn take(&mut self, part: Value) {
        let Value::Object(mut members) = part else { return };
        let (data, errors) = (members.shift_remove("data"), members.shift_remove("errors"));
        let error = members.shift_remove("error").filter(says_something);
        if data.is_none() && errors.is_none() && error.is_none() {
            // A bare result, as some web hooks send it.
            return self.take_item(members);
        }
        for item in several(data) {
            if let Value::Object(item) = item {
                self.take_item(item);
            }
        }
        for error in several(errors) {
            self.errors.push(ServiceError::read(error, &members));
        }
        for error in several(error) {
            self.errors.push(ServiceError::read(error, &members));
        }
    }

    /// A result, or an error that stands among results.
    fn take_item(&mut self, mut item: Map<String, Value>) {
        let failed = item.get("status").and_then(Value::as_str) == Some("error");
        match item.shift_remove("error").filter(says_something) {
            Some(error) => self.errors.push(ServiceError::read(error, &item)),
            None if failed => self.errors.push(ServiceError::of(item)),
            None if !item.is_empty() => self.data.push(Item(item)),
            None => {}
        }
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.data.is_empty() && self.errors.is_empty()
    }
}

/// `error: false` and `error: null` are no errors.
fn says_something(error: &Value) -> bool {
    !matches!(error, Value::Null | Value::Bool(false))
}

fn several(value: Option<Value>) -> Vec<Value> {
    match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => items,
        Some(one) => vec![one],
    }
}

impl Item {
    /// The text in that field.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// The UUID in that field.
    #[must_use]
    pub fn uuid(&self, name: &str) -> Option<Uuid> {
        Uuid::try_parse(self.text(name)?).ok()
    }

    /// The task it belongs to.
    #[must_use]
    pub fn task_uuid(&self) -> Option<Uuid> {
        self.uuid("taskUUID")
    }

    /// The type of that task.
    #[must_use]
    pub fn task_type(&self) -> &str {
        self.text("taskType").unwrap_or_default()
    }

    /// The picture's name.
    #[must_use]
    pub fn image_uuid(&self) -> Option<Uuid> {
        self.uuid("imageUUID")
    }

    /// The picture's seed, a whole number of 64 bits.
    #[must_use]
    pub fn seed(&self) -> Option<u64> {
        self.0.get("seed")?.as_u64()
    }

    /// US dollars.
    #[must_use]
    pub fn cost(&self) -> Option<f64> {
        self.0.get("cost")?.as_f64().filter(|usd| usd.is_finite())
    }

    /// Whether the picture may show adult content.
    #[must_use]
    pub fn nsfw(&self) -> Option<bool> {
        self.0.get("NSFWContent")?.as_bool()
    }

    /// The picture, in one of its three forms.
    #[must_use]
    pub fn image(&self) -> Option<DeliveredImage> {
        let text = |name| self.text(name).filter(|text| !text.is_empty()).map(str::to_owned);
        text("imageURL")
            .map(DeliveredImage::Url)
            .or_else(|| text("imageBase64Data").map(DeliveredImage::Base64Data))
            .or_else(|| text("imageDataURI").map(DeliveredImage::DataUri))
    }

    /// Whether it only says that the task is known and has not ended: an acknowledgement, a state.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.text("status").is_some_and(|status| PENDING.contains(&status))
            || self.0.keys().all(|name| OF_PROGRESS.contains(&name.as_str()))
    }

    /// All of it, as it came.
    #[must_use]
    pub fn as_json(&self) -> &Map<String, Value> {
        &self.0
    }
}

impl ServiceError {
    /// An error of our own making, in the service's words.
    #[must_use]
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        let mut raw = Map::new();
        raw.insert("code".to_owned(), code.into());
        raw.insert("message".to_owned(), message.into().into());
        Self::of(raw)
    }

    /// Reads one error; `around` is the object it stands in.
    fn read(error: Value, around: &Map<String, Value>) -> Self {
        let mut raw = match error {
            Value::Object(members) => members,
            Value::String(text) => Map::from_iter([("message".to_owned(), text.into())]),
            _ => Map::new(),
        };
        for (name, value) in around {
            if !raw.contains_key(name) {
                raw.insert(name.clone(), value.clone());
            }
        }
        Self::of(raw)
    }

    fn of(raw: Map<String, Value>) -> Self {
        let text = |names: &[&str]| {
            let found = names.iter().find_map(|name| raw.get(*name)?.as_str());
            found.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let message = text(&["message", "errorMessage", "error_description", "detail"]);
        let code = text(&["code", "errorCode"]);
        let code = code.unwrap_or_else(|| code_of(message.as_deref().unwrap_or_default()));
        let uuid = |name: &str| Uuid::try_parse(raw.get(name)?.as_str()?).ok();
        Self {
            message: message.unwrap_or_else(|| "without a word of explanation".to_owned()),
            code,
            task_uuid: uuid("taskUUID"),
            image_uuid: uuid("imageUUID"),
            is_outcome: raw.get("status").and_then(Value::as_str) == Some("error"),
            raw,
        }
    }

    /// Its family.
    #[must_use]
    pub fn family(&self) -> Family {
        Family::of(&self.code)
    }

    /// Whether it says that the task's name was used before: the service has the task.
    #[must_use]
    pub fn is_known_task(&self) -> bool {
        self.code.eq_ignore_ascii_case("conflictTaskUUID")
            || self.code.eq_ignore_ascii_case("duplicateTaskUUID")
    }

    /// Whether it says that the service does not have the task: no model or picture is what is missing.
    #[must_use]
    pub fn is_unknown_task(&self) -> bool {
        // A task that was cancelled was there.
        let of_something_else = ["Model", "Image", "Media", "model", "image", "media", "Cancelled"]
            .iter()
            .any(|thing| self.code.contains(thing));
        // What has expired was there.
        let was_there = ["Expired", "expired"].iter().any(|end| self.code.contains(end));
        self.family() == Family::NotFound && !self.is_outcome && !of_something_else && !was_there
    }

    /// Whether a picture that the task names is not there any more.
    #[must_use]
    pub fn is_missing_picture(&self) -> bool {
        let names = ["Image", "Media", "image", "media"];
        self.family() == Family::NotFound && names.iter().any(|name| self.code.contains(name))
    }

    /// The error as our own error object; fields of other types than documented are left out.
    #[must_use]
    pub fn to_problem(&self) -> Problem {
        let text = |name: &str| self.raw.get(name).and_then(Value::as_str).map(str::to_owned);
        let number = |name: &str| -> Option<Number> { self.raw.get(name)?.as_number().cloned() };
        let parameter = match self.raw.get("parameter") {
            Some(Value::String(name)) => Some(ParameterName::One(name.clone())),
            Some(Value::Array(names)) => Some(ParameterName::Several(
                names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect(),
            )),
            _ => None,
        };
        Problem {
            parameter,
            json_type: text("type"),
            min: number("min"),
            max: number("max"),
            multiplier: number("multiplier"),
            default: self.raw.get("default").cloned(),
            task_uuid: text("taskUUID"),
            task_type: text("taskType"),
            base_model_architecture: text("baseModelArchitecture"),
            ..Problem::new(self.code.clone(), self.message.clone())
        }
    }
}

/// A code for errors of old shapes, which have a message only.
fn code_of(message: &str) -> String {
    let message = message.to_ascii_lowercase();
    let known = [
        ("api key", "invalidApiKey"),
        ("unauthorized", "unauthorized"),
        ("credit", "insufficientCredits"),
        ("rate limit", "rateLimitExceeded"),
        ("too many requests", "rateLimitExceeded"),
        ("not found", "notFound"),
    ];
    let code = known.iter().find(|(words, _)| message.contains(words));
    code.map_or("unknownError", |(_, code)| code).to_owned()
}

#[cfg(test)]
mod tests;
