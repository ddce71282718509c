//! From bytes to a message: a JSON array of objects, and nothing else.

use serde_json::Value;

use crate::task::Problem;

/// Most tasks of one message.
const MOST_TASKS: usize = 1000;

/// Reads a message: a JSON array of objects.
pub(super) fn read_message(bytes: &[u8]) -> Result<Vec<Value>, Box<Problem>> {
    let refuse = |message: String| Err(Box::new(Problem::new("invalidRequest", message)));
    let items = match serde_json::from_slice(bytes) {
        Ok(Value::Array(items)) => items,
        Ok(_) => return refuse("The request must be a JSON array of task objects.".to_owned()),
        Err(error) => {
            let reason = error.to_string();
            let message = format!("The request is not valid JSON: {reason}.");
            return Err(Box::new(Problem::new("invalidJSON", message)));
        }
    };
    if items.is_empty() {
        return refuse("The request is an empty array; it must hold a task.".to_owned());
    }
    if items.len() > MOST_TASKS {
        return refuse(format!(
            "A request may hold {MOST_TASKS} tasks; send the others by themselves."
        ));
    }
    match items.iter().position(|item| !item.is_object()) {
        Some(index) => {
            refuse(format!("Item {} of the array is no task object in {{ }}.", index + 1))
        }
        None => Ok(items),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_an_array_of_objects() {
        let code = |text: &str| read_message(text.as_bytes()).unwrap_err().code;
        for text in ["", "[", "nonsense", "[1,", "\u{0}", "[{\"a\":1}"] {
            assert_eq!(code(text), "invalidJSON", "{text}");
        }
        for text in ["{}", "[]", "7", "[{}, 1]", "null"] {
            assert_eq!(code(text), "invalidRequest", "{text}");
        }
        assert!(read_message(&[0xff, 0xfe]).is_err());
        let deep = "[".repeat(100_000);
        assert_eq!(code(&deep), "invalidJSON");
        let many = format!("[{}]", vec!["{}"; MOST_TASKS + 1].join(","));
        assert_eq!(code(&many), "invalidRequest");
        assert_eq!(read_message(b"[{}]").unwrap().len(), 1);
    }
}
