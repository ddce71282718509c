//! One parameter against its row: type, range, multiple, length, words, grammar.

use serde_json::Value;
use uuid::Uuid;

use super::given::Given;
use super::nearest::{either, nearest, suggestion};
use super::shape::Shape;
use super::wire::image_ref::hyphenated;
use super::{Air, ImageRef, Kind, ParameterRow, Problem, SchedulerRow, TaskType};

/// Longest piece of a user's text that a message repeats, in characters.
const QUOTED: usize = 40;

/// Fields of a [`super::Task`] without a documented greatest value are 32-bit numbers.
const GREATEST: u64 = u32::MAX as u64;

/// What is wrong with the value of a parameter whose type is right.
pub(super) fn value(given: &Given<'_>) -> Option<Problem> {
    let Given { row, path, value } = given;
    let complaint = match (row.kind, *value) {
        (Kind::Integer { min, max, multiple }, Shape::Integer(found)) => {
            integer(found, min, max, multiple)?
        }
        (Kind::Float { min, max }, Shape::Float(found)) => float(found, min, max)?,
        (Kind::Text { min, max }, Shape::Text(text)) => length(text, min, max, path)?,
        (Kind::Uuid, Shape::Text(text)) => uuid(text)?,
        (Kind::Url, Shape::Text(text)) => url(text)?,
        (Kind::Air(_), Shape::Text(text)) => {
            let error = text.parse::<Air>().err()?;
            format!("found {}: {error}.", quoted(text))
        }
        (Kind::Scheduler, Shape::Text(text)) => scheduler(text)?,
        (Kind::Words { words }, Shape::Text(text)) => word(text, words)?,
        (Kind::Image | Kind::Images { .. }, Shape::Text(text)) => {
            let error = text.parse::<ImageRef>().err()?;
            format!("found {}: {error}.", quoted(text))
        }
        (Kind::Images { min, max }, Shape::List(found)) => number_of_pictures(found, min, max)?,
        _ => return None,
    };
    let message = format!("{path} must be {}; {complaint}", expected(row));
    Some(Problem::invalid(path, row, message))
}

/// The problem with a JSON value that is not even of the row's type.
pub(super) fn wrong_type(path: &str, row: &ParameterRow, found: &Value) -> Problem {
    let advice = match (row.kind, found) {
        (_, Value::Null) => " Leave the field out instead.".to_owned(),
        (Kind::Integer { .. } | Kind::Float { .. }, Value::String(text))
            if text.trim().parse::<f64>().is_ok() =>
        {
            format!(" Write {} without quotes.", text.trim())
        }
        (Kind::Integer { .. }, Value::Number(number)) => match number.as_f64() {
            Some(whole) if whole.fract() == 0.0 && whole.abs() < 1e15 => {
                format!(" Write {}.", whole as i64)
            }
            _ => String::new(),
        },
        (Kind::Boolean, Value::Number(_) | Value::String(_)) => {
            " Write true or false, without quotes.".to_owned()
        }
        (Kind::Objects | Kind::Images { .. }, Value::Object(_) | Value::String(_)) => {
            " Put [ and ] around it.".to_owned()
        }
        _ => String::new(),
    };
    let message = format!("{path} must be {}; found {}.{advice}", expected(row), describe(found));
    Problem::invalid(path, row, message)
}

/// The problem with a field the document does not name.
pub(super) fn unknown(path: &str) -> Problem {
    let known = super::PARAMETERS.iter().map(|row| row.name);
    let (object, _) = path.rsplit_once('.').unwrap_or(("", path));
    let siblings: Vec<&str> = known
        .filter_map(|name| {
            let (its_object, member) = name.rsplit_once('.').unwrap_or(("", name));
            let same =
                ParameterRow::find(object) == ParameterRow::find(its_object.trim_end_matches("[]"));
            (same && object.is_empty() == its_object.is_empty()).then_some(member)
        })
        .collect();
    unknown_among(path, TaskType::ImageInference.as_str(), &siblings)
}

/// The problem with a field that tasks of that type do not have; `siblings` are those that stand in
/// the same object.
pub(super) fn unknown_among(path: &str, task_type: &str, siblings: &[&str]) -> Problem {
    // A name of megabytes is neither compared nor sent back.
    let path = &shortened(path);
    let field = path.rsplit('.').next().unwrap_or(path);
    let hint = match suggestion(&nearest(field, siblings.iter().copied())) {
        hint if hint.is_empty() => " Leave it out.".to_owned(),
        hint => hint,
    };
    let message = format!("{path} is not a parameter of {task_type}.{hint}");
    Problem { code: "unknownParameter".to_owned(), ..Problem::at("unknown", path, message) }
}

/// What is wrong with a JSON value: its type, or its range. Objects and arrays of objects are only
/// looked at from outside.
pub(super) fn json(path: &str, row: &'static ParameterRow, value: &Value) -> Vec<Problem> {
    let given = |path: String, shape| self::value(&Given { row, path, value: shape });
    match (row.kind, value) {
        (Kind::Object | Kind::Group, Value::Object(_)) | (Kind::Objects, Value::Array(_)) => {
            Vec::new()
        }
        (Kind::Images { .. }, Value::Array(items)) => {
            let count = given(path.to_owned(), Shape::List(items.len()));
            let each = items.iter().enumerate().filter_map(|(index, item)| {
                let path = format!("{path}[{index}]");
                match item {
                    Value::String(text) => given(path, Shape::Text(text)),
                    item => {
                        let row = ParameterRow { kind: Kind::Image, ..*row };
                        Some(wrong_type(&path, &row, item))
                    }
                }
            });
            count.into_iter().chain(each).collect()
        }
        (kind, value) => match shape(kind, value) {
            Some(shape) => given(path.to_owned(), shape).into_iter().collect(),
            None => vec![wrong_type(path, row, value)],
        },
    }
}

/// The value of a parameter that is neither object nor array, if its JSON type is exactly right.
pub(super) fn shape(kind: Kind, value: &Value) -> Option<Shape<'_>> {
    match (kind, value) {
        (Kind::Boolean, Value::Bool(value)) => Some(Shape::Boolean(*value)),
        (Kind::Integer { .. }, Value::Number(number)) => {
            let signed = number.as_i64().map(i128::from);
            signed.or_else(|| number.as_u64().map(i128::from)).map(Shape::Integer)
        }
        (Kind::Float { .. }, Value::Number(number)) => number.as_f64().map(Shape::Float),
        (kind, Value::String(text)) if kind.json_type() == "string" => Some(Shape::Text(text)),
        _ => None,
    }
}

/// The problem with a parameter that must be there.
pub(super) fn missing(path: &str, row: &ParameterRow) -> Problem {
    let advice = match row.kind {
        Kind::Air(_) => " `latelier models list` shows the models that are here.",
        Kind::Uuid => " Make a fresh one for every task.",
        Kind::Text { .. } if path == "positivePrompt" => {
            " Write __BLANK__ to draw without a prompt."
        }
        _ => "",
    };
    let message = format!("{path} is missing; it must be {}.{advice}", expected(row));
    Problem { code: Problem::at("missing", path, "").code, ..Problem::invalid(path, row, message) }
}

/// What the row allows, to follow "must be".
pub(super) fn expected(row: &ParameterRow) -> String {
    match row.kind {
        Kind::Uuid => "a UUID v4 such as a770f077-f413-47de-9dac-be0b26a35da6".to_owned(),
        Kind::Text { min, max } => format!("a text of {min} to {max} characters"),
        Kind::Url => "an address that begins with https:// or http://".to_owned(),
        Kind::Air(kind) => format!("the AIR of a {kind}, such as civitai:4384@128713"),
        Kind::Scheduler => "the name of a scheduler, exactly as the API writes it".to_owned(),
        Kind::Words { words } => either(words),
        Kind::Image => "a picture: a UUID, a data URI, base64 text or an address".to_owned(),
        Kind::Images { max: 1, .. } => {
            "an array of one picture (a UUID, a data URI, base64 text or an address)".to_owned()
        }
        Kind::Images { min, max } => format!("an array of {min} to {max} pictures"),
        Kind::Boolean => "true or false".to_owned(),
        Kind::Integer { min, max, multiple } => {
            let multiple =
                if multiple > 1 { format!(" and a multiple of {multiple}") } else { String::new() };
            match max {
                Some(max) => format!("an integer from {min} to {max}{multiple}"),
                None => format!("an integer of at least {min}{multiple}"),
            }
        }
        Kind::Float { min, max } => format!("a number from {min} to {max}"),
        Kind::Object | Kind::Group => "an object".to_owned(),
        Kind::Objects => "an array of objects".to_owned(),
    }
}

/// A JSON value in a few words.
pub(super) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("the text {}", quoted(text)),
        Value::Array(items) => format!("an array of {}", items.len()),
        Value::Object(_) => "an object".to_owned(),
    }
}

fn integer(found: i128, min: u64, max: Option<u64>, multiple: u64) -> Option<String> {
    let (min, max, multiple) =
        (i128::from(min), i128::from(max.unwrap_or(GREATEST)), i128::from(multiple));
    if (min..=max).contains(&found) && found % multiple == 0 {
        return None;
    }
    let inside = found.clamp(min, max);
    let nearest = ((inside + multiple / 2) / multiple * multiple).clamp(min, max);
    Some(format!("found {found}. The nearest allowed value is {nearest}."))
}

fn float(found: f64, min: f64, max: f64) -> Option<String> {
    if (min..=max).contains(&found) {
        return None;
    }
    Some(format!("found {found}. Choose a value from {min} to {max}."))
}

fn length(text: &str, min: u32, max: u32, path: &str) -> Option<String> {
    let found = text.chars().count();
    if (min as usize..=max as usize).contains(&found) {
        return None;
    }
    let advice = if found > max as usize {
        "Shorten it."
    } else if path == "positivePrompt" {
        "Write more, or __BLANK__ to draw without a prompt."
    } else {
        "Write more, or leave it out."
    };
    Some(format!("found {found}. {advice}"))
}

fn uuid(text: &str) -> Option<String> {
    match hyphenated(text).map(|uuid: Uuid| (uuid.get_version_num(), uuid.get_variant())) {
        Some((4, uuid::Variant::RFC4122)) => None,
        Some((version, _)) if version != 4 => {
            Some(format!("found a UUID of version {version}. Make a random one."))
        }
        _ => Some(format!("found {}. Make a fresh one for every task.", quoted(text))),
    }
}

fn url(text: &str) -> Option<String> {
    let host = ["https://", "http://"].iter().find_map(|scheme| {
        let (start, host) = text.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(host)
    });
    if host.is_some_and(|host| !host.is_empty()) {
        return None;
    }
    // Not repeated: such an address may hold a key.
    Some("what was given begins otherwise.".to_owned())
}

fn scheduler(text: &str) -> Option<String> {
    if SchedulerRow::find(text).is_some() {
        return None;
    }
    let hint = match suggestion(&SchedulerRow::nearest(text)) {
        hint if hint.is_empty() => " Leave it out for the model's own.".to_owned(),
        hint => hint,
    };
    Some(format!("found {}.{hint}", quoted(text)))
}

fn word(text: &str, words: &[&str]) -> Option<String> {
    if words.contains(&text) {
        return None;
    }
    let hint = suggestion(&nearest(text, words.iter().copied()));
    Some(format!("found {}.{hint}", quoted(text)))
}

fn number_of_pictures(found: usize, min: u32, max: u32) -> Option<String> {
    if (min as usize..=max as usize).contains(&found) {
        return None;
    }
    Some(format!("found {found}."))
}

/// A user's text between quotes, cut where it is long.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", start_of(text, QUOTED))
}

/// The name of a field, cut where it is longer than any that the document has.
fn shortened(path: &str) -> String {
    start_of(path, Problem::LONGEST_NAME)
}

fn start_of(text: &str, most: usize) -> String {
    let start: String = text.chars().take(most).collect();
    let dots = if start.len() < text.len() { "…" } else { "" };
    format!("{start}{dots}")
}
