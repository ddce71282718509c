//! The bracket weights of the package `sd_embed` (Zhu 2024), which are those of the A1111 web UI.
//!
//! `(x)` multiplies by 1.1, `[x]` divides by 1.1, `(x:1.5)` multiplies by the number, a backslash makes the next
//! bracket text. Unbalanced brackets reach to the end of the prompt. Knows no tokens.

use super::{PromptError, Weighted};

const ROUND: f64 = 1.1;
const SQUARE: f64 = 1.0 / 1.1;

/// What the reference encodes in place of an empty prompt.
const EMPTY: &str = "empty";
const BREAK: &str = "BREAK";
/// The reference has no new chunk for `BREAK`: it encodes the word, with this weight.
const BREAK_WEIGHT: f64 = -1.0;

/// Reads `text`; the weights multiply over nested brackets.
pub(super) fn parse(text: &str) -> Result<Weighted, PromptError> {
    let mut rest = if text.is_empty() { EMPTY } else { text };
    let mut found = Found::default();
    while let Some(sign) = rest.chars().next() {
        rest = found.take(rest, sign)?;
    }
    for start in std::mem::take(&mut found.round) {
        found.multiply(start, ROUND);
    }
    for start in std::mem::take(&mut found.square) {
        found.multiply(start, SQUARE);
    }
    if found.segments.is_empty() {
        found.push("", 1.0);
    }
    Ok(Weighted { segments: joined(found.segments) })
}

/// Parts read so far, and where the brackets that are still open began.
#[derive(Default)]
struct Found {
    segments: Vec<(String, f64)>,
    round: Vec<usize>,
    square: Vec<usize>,
}

impl Found {
    /// Takes one sign, weight or run of text from the front of `rest` and returns what follows it.
    fn take<'a>(&mut self, rest: &'a str, sign: char) -> Result<&'a str, PromptError> {
        let after = rest.get(sign.len_utf8()..).unwrap_or_default();
        match sign {
            '\\' => {
                let escaped = after.chars().next().filter(|next| "()[]\\".contains(*next));
                let (text, after) = after.split_at(escaped.map_or(0, char::len_utf8));
                self.push(text, 1.0);
                Ok(after)
            }
            '(' => {
                self.round.push(self.segments.len());
                Ok(after)
            }
            '[' => {
                self.square.push(self.segments.len());
                Ok(after)
            }
            ')' => {
                self.close(')');
                Ok(after)
            }
            ']' => {
                self.close(']');
                Ok(after)
            }
            ':' => self.colon(after),
            _ => {
                let end = rest.find(['\\', '(', ')', '[', ']', ':']).unwrap_or(rest.len());
                let (text, after) = rest.split_at(end);
                self.words(text);
                Ok(after)
            }
        }
    }

    /// A closing bracket: the weight of what it encloses, or text when none is open.
    fn close(&mut self, bracket: char) {
        let (open, factor) =
            if bracket == ')' { (&mut self.round, ROUND) } else { (&mut self.square, SQUARE) };
        match open.pop() {
            Some(start) => self.multiply(start, factor),
            None => self.push(&bracket.to_string(), 1.0),
        }
    }

    /// A colon: `:1.5)` is the weight of the open round bracket; anything else is text.
    fn colon<'a>(&mut self, after: &'a str) -> Result<&'a str, PromptError> {
        let Some((number, follows)) = number_and_bracket(after) else {
            self.push(":", 1.0);
            return Ok(after);
        };
        match self.round.pop() {
            Some(start) => {
                let weight = number.parse::<f64>().ok().filter(|weight| weight.is_finite());
                let weight =
                    weight.ok_or_else(|| PromptError::Weight { text: number.to_owned() })?;
                self.multiply(start, weight);
            }
            None => self.push(&format!(":{number})"), 1.0),
        }
        Ok(follows)
    }

    /// A run of text, in which the word `BREAK` stands alone.
    fn words(&mut self, text: &str) {
        for (index, part) in split_at_breaks(text).into_iter().enumerate() {
            if index > 0 {
                self.push(BREAK, BREAK_WEIGHT);
            }
            self.push(part, 1.0);
        }
    }

    fn push(&mut self, text: &str, weight: f64) {
        self.segments.push((text.to_owned(), weight));
    }

    fn multiply(&mut self, start: usize, factor: f64) {
        self.segments.iter_mut().skip(start).for_each(|(_, weight)| *weight *= factor);
    }
}

/// `1.5)rest` as `1.5` and `rest`. The number may be misspelt, as in `1.5.2)`.
fn number_and_bracket(text: &str) -> Option<(&str, &str)> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let length = digits.find(|sign: char| sign != '.' && !sign.is_ascii_digit())?;
    let (number, follows) = text.split_at_checked(text.len() - digits.len() + length)?;
    follows.strip_prefix(')').filter(|_| length > 0).map(|follows| (number, follows))
}

/// The text before, between and after the words `BREAK`, without the white space around them.
fn split_at_breaks(text: &str) -> Vec<&str> {
    let in_word = |sign: char| sign.is_alphanumeric() || sign == '_';
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, _) in text.match_indices(BREAK) {
        let (before, from) = text.split_at(at);
        let after = from.get(BREAK.len()..).unwrap_or_default();
        if before.ends_with(in_word) || after.starts_with(in_word) {
            continue;
        }
        parts.push(text.get(start..at).unwrap_or_default().trim_end());
        start = text.len() - after.trim_start().len();
    }
    parts.push(text.get(start..).unwrap_or_default());
    parts
}

/// Neighbours of exactly equal weight as one part.
fn joined(segments: Vec<(String, f64)>) -> Vec<(String, f64)> {
    let mut result: Vec<(String, f64)> = Vec::with_capacity(segments.len());
    for (text, weight) in segments {
        match result.last_mut() {
            Some((last, same)) if same.to_bits() == weight.to_bits() => last.push_str(&text),
            _ => result.push((text, weight)),
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escaped_bracket_is_text_and_a_misspelt_weight_is_named() {
        assert_eq!(parse(r"\(a\]").unwrap(), Weighted::plain("(a]"));
        let error = parse("(a:1.2.3)").unwrap_err();
        assert_eq!(error, PromptError::Weight { text: "1.2.3".to_owned() });
    }

    #[test]
    fn break_counts_only_as_a_word() {
        assert_eq!(split_at_breaks("a BREAK  BREAK b BREAKER"), ["a", "", "b BREAKER"]);
    }
}
