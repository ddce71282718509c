//! Long texts inside a task, which are pictures as base64: short signs stand for them while they are shown.

use serde_json::Value;

/// Characters from which a text is shortened.
const LONG: usize = 400;

/// Signs and what they stand for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Long(Vec<(String, String)>);

impl Long {
    /// `value` with a sign for each long text.
    pub(super) fn shortened(&mut self, value: Value) -> Value {
        each_text(value, &mut |text| {
            if text.len() <= LONG || !is_picture(&text) { text } else { self.sign(text) }
        })
    }

    /// `text` with a sign for each long text between two quotation marks, also where it is no JSON.
    pub(super) fn shortened_text(&mut self, text: &str) -> String {
        let part = |part: &str| {
            if part.len() <= LONG || !is_picture(part) {
                return part.to_owned();
            }
            // As JSON writes a slash, for example.
            let full = serde_json::from_str(&format!("\"{part}\""));
            self.sign(full.unwrap_or_else(|_| part.to_owned()))
        };
        text.split('"').map(part).collect::<Vec<_>>().join("\"")
    }

    /// `value` with the long text for each sign.
    pub(super) fn restored(&self, value: Value) -> Value {
        each_text(value, &mut |text| {
            let known = self.0.iter().find(|(sign, _)| *sign == text);
            known.map_or(text, |(_, full)| full.clone())
        })
    }

    fn sign(&mut self, full: String) -> String {
        if let Some((sign, _)) = self.0.iter().find(|(_, known)| *known == full) {
            return sign.clone();
        }
        let kind = full.split_once(";base64,").map_or("base64", |(kind, _)| kind);
        let sign = format!("<picture {}: {kind}, {} kB>", self.0.len() + 1, full.len() / 1000 + 1);
        self.0.push((sign.clone(), full));
        sign
    }
}

/// Prompts may be long as well, and have blanks; what lies between texts has brackets.
fn is_picture(text: &str) -> bool {
    !text.contains(|c: char| c.is_whitespace() || "[]{}".contains(c))
}

fn each_text(value: Value, change: &mut dyn FnMut(String) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(change(text)),
        Value::Array(items) => {
            Value::Array(items.into_iter().map(|item| each_text(item, change)).collect())
        }
        Value::Object(members) => {
            let members = members.into_iter();
            Value::Object(members.map(|(key, item)| (key, each_text(item, change))).collect())
        }
        other => other,
    }
}
