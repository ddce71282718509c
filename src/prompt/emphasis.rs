//! Where in a prompt the weights are: for the eye, while it is being written.
//!
//! Bears with unfinished text, which [`super::parse`] may refuse. What both read, both weigh the same.

use std::ops::Range;

use super::Syntax;

const ROUND: f64 = 1.1;
const SQUARE: f64 = 1.0 / 1.1;
const PLUS: f64 = 1.1;
const MINUS: f64 = 0.9;

/// A part of a prompt with the same weight, its brackets and numbers included.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// Bytes of the text.
    pub range: Range<usize>,
    /// The weight of its words; never 1.
    pub weight: f64,
}

/// The weights of a prompt as far as they are written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Emphasis {
    /// Weighted parts in reading order, side by side.
    pub spans: Vec<Span>,
    /// Bytes of brackets without a partner.
    pub unmatched: Vec<usize>,
}

/// A pair of brackets, or a word with signs behind it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Group {
    /// Bytes from the opening sign to behind the weight.
    pub(super) whole: Range<usize>,
    /// Bytes of what is weighted.
    pub(super) inner: Range<usize>,
    /// What it multiplies by.
    pub(super) factor: f64,
}

impl Emphasis {
    /// Looks for the weights of `text`.
    #[must_use]
    pub fn of(text: &str, syntax: Syntax) -> Self {
        let Found { mut groups, mut unmatched } = Found::of(text, syntax);
        // A bracket that is still open reaches to the end in the one notation that allows it.
        if syntax == Syntax::SdEmbeds {
            for &at in &unmatched {
                let factor = match text.as_bytes().get(at) {
                    Some(b'(') => ROUND,
                    Some(b'[') => SQUARE,
                    _ => continue,
                };
                groups.push(Group { whole: at..text.len(), inner: at + 1..text.len(), factor });
            }
        }
        unmatched.sort_unstable();
        Self { spans: spans(&groups), unmatched }
    }
}

/// The weights of groups that lie in one another, multiplied and side by side.
fn spans(groups: &[Group]) -> Vec<Span> {
    let mut borders: Vec<usize> =
        groups.iter().flat_map(|group| [group.whole.start, group.whole.end]).collect();
    borders.sort_unstable();
    borders.dedup();
    let mut spans: Vec<Span> = Vec::new();
    for pair in borders.windows(2) {
        let &[start, end] = pair else { continue };
        let holds = |group: &&Group| group.whole.start <= start && end <= group.whole.end;
        let weight: f64 = groups.iter().filter(holds).map(|group| group.factor).product();
        if (weight - 1.0).abs() < 1e-9 {
            continue;
        }
        match spans.last_mut() {
            Some(last) if last.range.end == start && (last.weight - weight).abs() < 1e-9 => {
                last.range.end = end;
            }
            _ => spans.push(Span { range: start..end, weight }),
        }
    }
    spans
}

/// What a look over the text finds.
#[derive(Default)]
pub(super) struct Found {
    pub(super) groups: Vec<Group>,
    unmatched: Vec<usize>,
}

impl Found {
    /// All groups of `text`; inner ones come before the ones around them.
    pub(super) fn of(text: &str, syntax: Syntax) -> Self {
        match syntax {
            Syntax::Plain => Self::default(),
            Syntax::SdEmbeds => Self::in_brackets(text),
            Syntax::Compel => Self::with_signs(text),
        }
    }

    /// `(x)`, `(x:1.2)`, `[x]`.
    fn in_brackets(text: &str) -> Self {
        let mut found = Self::default();
        let mut open: Vec<(usize, char)> = Vec::new();
        let mut escaped = false;
        for (at, sign) in text.char_indices() {
            if std::mem::take(&mut escaped) {
                continue;
            }
            match sign {
                '\\' => escaped = true,
                '(' | '[' => open.push((at, sign)),
                ')' | ']' => {
                    let partner = if sign == ')' { '(' } else { '[' };
                    // Brackets of both kinds are paired each for themselves.
                    match open.iter().rposition(|(_, opened)| *opened == partner) {
                        Some(place) => {
                            let (start, _) = open.remove(place);
                            found.groups.push(bracket(text, start..at, sign));
                        }
                        None => found.unmatched.push(at),
                    }
                }
                _ => {}
            }
        }
        found.unmatched.extend(open.into_iter().map(|(at, _)| at));
        found
    }

    /// `(x)1.2`, `(x)++`, `word-`.
    fn with_signs(text: &str) -> Self {
        let mut found = Self::default();
        let mut open: Vec<usize> = Vec::new();
        let mut word: Option<usize> = None;
        let mut at = 0;
        while let Some(sign) = text.get(at..).and_then(|rest| rest.chars().next()) {
            let rest = text.get(at..).unwrap_or_default();
            let next = at + sign.len_utf8();
            match sign {
                '\\' => {
                    word.get_or_insert(at);
                    at = next + rest.chars().nth(1).map_or(0, char::len_utf8);
                    continue;
                }
                '(' => {
                    word = None;
                    open.push(at);
                }
                ')' => {
                    word = None;
                    match open.pop() {
                        Some(start) => {
                            let (factor, length) = suffix(text.get(next..).unwrap_or_default());
                            let whole = start..next + length;
                            found.groups.push(Group { whole, inner: start + 1..at, factor });
                            at = next + length;
                            continue;
                        }
                        None => found.unmatched.push(at),
                    }
                }
                '+' | '-' if word.is_some() => {
                    let length = rest.len() - rest.trim_start_matches(sign).len();
                    let behind = rest.get(length..).and_then(|rest| rest.chars().next());
                    let ends = behind.is_none_or(|sign| {
                        sign.is_whitespace() || [',', '.', ')', '('].contains(&sign)
                    });
                    if let (true, Some(start)) = (ends, word) {
                        let factor = power(sign, length);
                        let whole = start..at + length;
                        found.groups.push(Group { whole, inner: start..at, factor });
                        word = None;
                    }
                    at += length;
                    continue;
                }
                _ if sign.is_whitespace() || [',', '.', '"'].contains(&sign) => word = None,
                _ => {
                    word.get_or_insert(at);
                }
            }
            at = next;
        }
        found.unmatched.extend(open);
        found
    }
}

/// The group of a pair of brackets; `closed` is where the closing one stands.
fn bracket(text: &str, Range { start, end: closed }: Range<usize>, closing: char) -> Group {
    let whole = start..closed + 1;
    if closing == ']' {
        return Group { whole, inner: start + 1..closed, factor: SQUARE };
    }
    let inside = text.get(start + 1..closed).unwrap_or_default();
    let weight = inside.rsplit_once(':').and_then(|(words, number)| {
        let digits = number.strip_prefix(['+', '-']).unwrap_or(number);
        let is_number = digits.starts_with(|sign: char| sign == '.' || sign.is_ascii_digit())
            && digits.chars().all(|sign| sign == '.' || sign.is_ascii_digit());
        Some((words.len(), number.parse::<f64>().ok().filter(|_| is_number)?))
    });
    match weight {
        Some((length, factor)) => Group { whole, inner: start + 1..start + 1 + length, factor },
        None => Group { whole, inner: start + 1..closed, factor: ROUND },
    }
}

/// The weight at the front of `text`, behind a bracket, and how many bytes it takes.
fn suffix(text: &str) -> (f64, usize) {
    if let Some(sign) = text.chars().next().filter(|sign| ['+', '-'].contains(sign)) {
        let length = text.len() - text.trim_start_matches(sign).len();
        return (power(sign, length), length);
    }
    let length = text.find(|sign: char| sign != '.' && !sign.is_ascii_digit());
    let digits = text.get(..length.unwrap_or(text.len())).unwrap_or_default();
    // A full stop behind the number ends a sentence.
    let digits = digits.trim_end_matches('.');
    digits.parse().map_or((1.0, 0), |weight| (weight, digits.len()))
}

fn power(sign: char, count: usize) -> f64 {
    let base = if sign == '+' { PLUS } else { MINUS };
    base.powi(i32::try_from(count).unwrap_or(i32::MAX))
}

#[cfg(test)]
mod tests {
    use super::super::{Conditioning, parse};
    use super::*;

    /// What is weighted and how much, to a hundredth.
    fn weighed(text: &str, syntax: Syntax) -> Vec<(&str, f64)> {
        let emphasis = Emphasis::of(text, syntax);
        let round = |weight: f64| (weight * 100.0).round() / 100.0;
        emphasis.spans.iter().map(|span| (&text[span.range.clone()], round(span.weight))).collect()
    }

    #[test]
    fn brackets_weigh_what_is_inside() {
        let cases: [(&str, &[(&str, f64)]); 9] = [
            ("a (fox) there", &[("(fox)", 1.1)]),
            ("a (fox:1.3), [dog]", &[("(fox:1.3)", 1.3), ("[dog]", 0.91)]),
            ("((fox))", &[("(", 1.1), ("(fox)", 1.21), (")", 1.1)]),
            ("(a (fox:0.5) b:2)", &[("(a ", 2.0), (" b:2)", 2.0)]),
            (r"a \(fox\)", &[]),
            ("a (fox", &[("(fox", 1.1)]),
            ("a: b", &[]),
            ("(note: fox)", &[("(note: fox)", 1.1)]),
            ("(fox:1)", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(weighed(text, Syntax::SdEmbeds), expected, "{text}");
        }
    }

    #[test]
    fn signs_weigh_the_word_or_the_bracket_before_them() {
        let cases: [(&str, &[(&str, f64)]); 9] = [
            ("a fox+ there", &[("fox+", 1.1)]),
            ("a fox++, dog--", &[("fox++", 1.21), ("dog--", 0.81)]),
            ("(a red fox)1.3 runs", &[("(a red fox)1.3", 1.3)]),
            ("(a fox)+", &[("(a fox)+", 1.1)]),
            ("(a fox) runs", &[]),
            ("well-known fox", &[]),
            ("(a fox+)2", &[("(a ", 2.0), ("fox+", 2.2), (")2", 2.0)]),
            ("a - b + c", &[]),
            ("(a fox)1.5.", &[("(a fox)1.5", 1.5)]),
        ];
        for (text, expected) in cases {
            assert_eq!(weighed(text, Syntax::Compel), expected, "{text}");
        }
    }

    #[test]
    fn brackets_without_a_partner_are_found() {
        let cases = [
            ("a (fox", Syntax::SdEmbeds, vec![2]),
            ("a fox)", Syntax::SdEmbeds, vec![5]),
            ("(a [b) c]", Syntax::SdEmbeds, vec![]),
            ("[(a]", Syntax::SdEmbeds, vec![1]),
            ("((a)", Syntax::Compel, vec![0]),
            ("a)", Syntax::Compel, vec![1]),
            ("[a", Syntax::Compel, vec![]),
            ("((a", Syntax::Plain, vec![]),
            (r"\(a", Syntax::SdEmbeds, vec![]),
        ];
        for (text, syntax, unmatched) in cases {
            assert_eq!(Emphasis::of(text, syntax).unmatched, unmatched, "{text}");
        }
    }

    /// Every word that the grammars read has the weight that the eye is shown.
    #[test]
    fn the_eye_and_the_grammar_agree() {
        let texts = [
            (Syntax::SdEmbeds, "one (two) three (four:1.4) [five] (six (seven:0.5) eight:2) nine"),
            (Syntax::SdEmbeds, r"one ((two three)) \(four\) [[five]] six, (seven: eight) nine"),
            (Syntax::SdEmbeds, "one (two three"),
            (Syntax::Compel, "one two+ three (four five)1.4 six-- (seven eight++)0.5 nine"),
            (Syntax::Compel, "one, two++, (three (four)1.5 five)- well-known six"),
        ];
        for (syntax, text) in texts {
            let Ok(Conditioning::Single(read)) = parse(text, syntax) else { panic!("{text}") };
            let emphasis = Emphasis::of(text, syntax);
            let mut words = 0;
            for (part, weight) in &read.segments {
                for word in part.split(|sign: char| !sign.is_alphabetic()).filter(|w| w.len() > 2) {
                    let at = text.find(word).unwrap();
                    let span = emphasis.spans.iter().find(|span| span.range.contains(&at));
                    let shown = span.map_or(1.0, |span| span.weight);
                    assert!((shown - weight).abs() < 1e-6, "{word} in {text}: {shown} {weight}");
                    words += 1;
                }
            }
            assert!(words >= 3, "{text}");
        }
    }
}
