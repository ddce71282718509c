//! The task as text: written from the form, edited, and read back with the place of what is wrong.
//!
//! Knows JSON and tasks, not the form's controls.

mod lexer;
mod long;

use serde_json::Value;

pub use lexer::{Token, TokenKind, tokens};
use long::Long;

use super::Draft;
use crate::task::{ParameterName, Problem, Task};

/// Bytes from which a text is slow to draw.
const SLOW: usize = 20_000;

/// The text of a task and what is wrong with it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskSheet {
    /// Whether the sheet is open.
    pub open: bool,
    /// The text; pictures inside it are shortened.
    pub text: String,
    /// Whether the text was pasted and waits to be put into the form.
    pub offered: bool,
    /// What keeps the text from being a task; empty when it is one.
    pub problems: Vec<SheetProblem>,
    /// The form before the text first changed it.
    pub before: Option<Box<Draft>>,
    written: Option<Task>,
    long: Long,
}

/// Something wrong with the text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SheetProblem {
    /// For the user.
    pub message: String,
    /// Where in the text.
    pub place: Place,
}

/// A place in a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Line, counted from 1.
    pub line: usize,
    /// Character in the line, counted from 1.
    pub column: usize,
}

impl Place {
    /// The place of byte `at` of `text`.
    #[must_use]
    pub fn of(text: &str, at: usize) -> Self {
        let before = text.get(..at).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        Self { line: before.matches('\n').count() + 1, column }
    }
}

impl TaskSheet {
    /// A fresh sheet.
    #[must_use]
    pub fn new(open: bool) -> Self {
        Self { open, ..Self::default() }
    }

    /// Whether a text that somebody pastes may be meant as a task.
    #[must_use]
    pub fn looks_like_a_task(text: &str) -> bool {
        let text = text.trim_start_matches('\u{feff}').trim();
        text.starts_with(['{', '['])
            && ["taskType", "positivePrompt", "imageInference"]
                .iter()
                .any(|name| text.contains(&format!("\"{name}\"")))
    }

    /// Opens the sheet with a pasted text, which changes the form only when the user says so.
    pub fn offer(&mut self, text: &str) {
        *self = Self { open: true, offered: true, ..Self::default() };
        self.text = self.shortened(text);
        self.check();
    }

    /// Writes the task of the form, unless the text is being edited or waits for the user.
    pub fn show(&mut self, task: Task) {
        if self.offered || !self.problems.is_empty() || self.written.as_ref() == Some(&task) {
            return;
        }
        self.write(task);
    }

    /// Writes that task whatever the text was.
    pub fn write(&mut self, task: Task) {
        let whole = serde_json::to_value([&task]).unwrap_or_default();
        self.text = pretty(&self.long.shortened(whole));
        self.written = Some(task);
        self.offered = false;
        self.problems.clear();
    }

    /// Looks at the text; its task, if it is one.
    pub fn check(&mut self) -> Option<Task> {
        match self.read() {
            Ok(task) => {
                self.problems.clear();
                if !self.offered {
                    self.written = Some(task.clone());
                }
                Some(task)
            }
            Err(problems) => {
                self.problems = problems;
                None
            }
        }
    }

    /// The text with its pictures in full.
    #[must_use]
    pub fn full_text(&self) -> String {
        match serde_json::from_str::<Value>(&self.text) {
            Ok(value) => pretty(&self.long.restored(value)),
            Err(_) => self.text.clone(),
        }
    }

    /// `text` without the long pictures in it, which would be slow to draw. A task is written anew.
    fn shortened(&mut self, text: &str) -> String {
        match serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}')) {
            Ok(value) => pretty(&self.long.shortened(value)),
            Err(_) => self.long.shortened_text(text),
        }
    }

    /// Shortens a text that is pasted into this one, if it is long.
    pub fn shorten_pasted(&mut self, text: &mut String) {
        if text.len() > SLOW {
            *text = self.long.shortened_text(text);
        }
    }

    /// Writes a text anew that was put here with whole pictures in it.
    pub fn tidy(&mut self) {
        if self.text.len() > SLOW {
            let text = std::mem::take(&mut self.text);
            self.text = self.shortened(&text);
        }
    }

    fn read(&self) -> Result<Task, Vec<SheetProblem>> {
        let text = self.text.trim_start_matches('\u{feff}');
        let value: Value = serde_json::from_str(text).map_err(|error| {
            let place = Place { line: error.line().max(1), column: error.column().max(1) };
            vec![SheetProblem { message: reason(&error), place }]
        })?;
        let tokens = tokens(text);
        let wrong = |message: String, path: &str| SheetProblem {
            message,
            place: Place::of(text, place_of(&tokens, path)),
        };
        let value = match value {
            Value::Array(mut items) if items.len() == 1 => items.remove(0),
            Value::Array(items) => {
                let message = format!(
                    "The form takes one task; there are {}. Leave one of them.",
                    items.len()
                );
                return Err(vec![wrong(message, "")]);
            }
            other => other,
        };
        Task::from_json(&self.long.restored(value)).map_err(|problems| {
            problems.iter().map(|problem| wrong(problem.message.clone(), path(problem))).collect()
        })
    }

    /// Where in the text the parameter of a problem of the form stands.
    #[must_use]
    pub fn place(&self, problem: &Problem) -> Place {
        Place::of(&self.text, place_of(&tokens(&self.text), path(problem)))
    }
}

/// Where a problem is, in the task.
fn path(problem: &Problem) -> &str {
    match &problem.parameter {
        Some(ParameterName::One(name)) => name,
        Some(ParameterName::Several(names)) => names.first().map_or("", String::as_str),
        None => "",
    }
}

/// The byte at which `path` stands, or what is around it.
fn place_of(tokens: &[Token], path: &str) -> usize {
    let mut path = path;
    loop {
        if let Some(found) = tokens.iter().find(|token| token.path == path) {
            return found.range.start;
        }
        match path.rfind(['.', '[']) {
            Some(end) => path = &path[..end],
            None => return tokens.first().map_or(0, |token| token.range.start),
        }
    }
}

/// What is wrong, without the place that follows it.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    format!("This is not JSON: {text}.")
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

#[cfg(test)]
mod tests;
