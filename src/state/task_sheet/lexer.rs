//! The signs of a JSON text with the place in the task that each belongs to; bears with unfinished text.

use std::ops::Range;

/// A run of signs that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Bytes of the text.
    pub range: Range<usize>,
    /// What it is.
    pub kind: TokenKind,
    /// The place it belongs to, as problems name it: `lora[0].weight`. An array around the task is left out.
    pub path: String,
}

/// What a run of signs is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// The name of a member.
    Key,
    /// Text.
    Text,
    /// A number, `true`, `false` or `null`.
    Value,
    /// Brackets, commas, colons.
    Sign,
    /// Nothing that JSON knows.
    Unknown,
}

/// What is open around the sign that is read.
enum Level {
    Object { key: String, after_colon: bool },
    Array { index: usize },
}

/// Takes `text` apart.
#[must_use]
pub fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { text, at: 0, levels: Vec::new(), found: Vec::new() };
    while lexer.at < text.len() {
        lexer.step();
    }
    lexer.found
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    levels: Vec<Level>,
    found: Vec<Token>,
}

impl Lexer<'_> {
    fn step(&mut self) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let Some(sign) = rest.chars().next() else { return };
        match sign {
            _ if sign.is_whitespace() => self.at += sign.len_utf8(),
            '"' => self.string(rest),
            '{' | '[' => {
                self.push(1, TokenKind::Sign);
                self.levels.push(if sign == '{' {
                    Level::Object { key: String::new(), after_colon: false }
                } else {
                    Level::Array { index: 0 }
                });
            }
            '}' | ']' => {
                self.levels.pop();
                self.push(1, TokenKind::Sign);
            }
            ',' => {
                self.push(1, TokenKind::Sign);
                match self.levels.last_mut() {
                    Some(Level::Object { key, after_colon }) => {
                        (*key, *after_colon) = (String::new(), false);
                    }
                    Some(Level::Array { index }) => *index += 1,
                    None => {}
                }
            }
            ':' => {
                self.push(1, TokenKind::Sign);
                if let Some(Level::Object { after_colon, .. }) = self.levels.last_mut() {
                    *after_colon = true;
                }
            }
            _ => self.word(rest),
        }
    }

    fn string(&mut self, rest: &str) {
        let mut escaped = false;
        let end = rest.char_indices().skip(1).find(|(_, sign)| {
            let ends = *sign == '"' && !escaped;
            escaped = *sign == '\\' && !escaped;
            ends || *sign == '\n'
        });
        let length = end.map_or(rest.len(), |(at, sign)| if sign == '"' { at + 1 } else { at });
        let is_key = matches!(self.levels.last(), Some(Level::Object { after_colon: false, .. }));
        if is_key && let Some(Level::Object { key, .. }) = self.levels.last_mut() {
            rest.get(1..length).unwrap_or_default().trim_end_matches('"').clone_into(key);
        }
        self.push(length, if is_key { TokenKind::Key } else { TokenKind::Text });
    }

    fn word(&mut self, rest: &str) {
        let ends = |sign: char| sign.is_whitespace() || "{}[],:\"".contains(sign);
        let length = rest.find(ends).unwrap_or(rest.len()).max(1);
        let word = rest.get(..length).unwrap_or(rest);
        let known = ["true", "false", "null"].contains(&word) || word.parse::<f64>().is_ok();
        self.push(word.len(), if known { TokenKind::Value } else { TokenKind::Unknown });
    }

    fn push(&mut self, length: usize, kind: TokenKind) {
        let range = self.at..self.at + length;
        self.at = range.end;
        self.found.push(Token { range, kind, path: self.path() });
    }

    fn path(&self) -> String {
        let mut path = String::new();
        for (depth, level) in self.levels.iter().enumerate() {
            match level {
                Level::Object { key, .. } if !key.is_empty() => {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(key);
                }
                Level::Array { index } if depth > 0 => path.extend(["[", &index.to_string(), "]"]),
                Level::Object { .. } | Level::Array { .. } => {}
            }
        }
        path
    }
}
