//! JSON as Python writes it: `NaN` and `Infinity` may stand where numbers do.

use serde_json::Value;

/// Words that Python writes and JSON does not have.
const WORDS: [&str; 3] = ["NaN", "-Infinity", "Infinity"];

/// Longest text that is parsed, in bytes: its value may take twenty times as much memory.
const LONGEST: usize = 4 << 20;

/// Parses `text`; Python's words become `null`. Nothing comes of texts that are no JSON, are nested
/// more than 128 deep or have more than 4 MiB.
pub(super) fn parse(text: &str) -> Option<Value> {
    let text = Some(text).filter(|text| text.len() <= LONGEST)?;
    let strict = serde_json::from_str(text);
    strict.or_else(|_words| serde_json::from_str(&without_words(text))).ok()
}

fn without_words(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut in_string = false;
    while let Some(sign) = rest.chars().next() {
        if !in_string && let Some(after) = WORDS.iter().find_map(|word| rest.strip_prefix(word)) {
            out.push_str("null");
            rest = after;
            continue;
        }
        let mut length = sign.len_utf8();
        if in_string && sign == '\\' {
            length += rest[length..].chars().next().map_or(0, char::len_utf8);
        } else if sign == '"' {
            in_string = !in_string;
        }
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    out
}

/// A number that may be written as text.
pub(super) fn number(value: &Value) -> Option<f64> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
    number.filter(|number| number.is_finite())
}

/// The number, if it is whole and at least 0.
pub(super) fn whole(value: f64) -> Option<u32> {
    let well = value.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&value);
    well.then_some(value as u32)
}

/// A value on one line, for a note.
pub(super) fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
