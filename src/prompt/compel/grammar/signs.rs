//! Below the rules: signs, words, numbers and weights, which are read the same wherever they stand.
//!
//! Every reader takes a position and gives the one behind what it took; nothing is nested here.

use super::{Node, Parser, Taken, unescaped};

const PLUS: f64 = 1.1;
const MINUS: f64 = 0.9;

/// White space between the parts of a rule.
pub(super) const BLANK: &[char] = &[' ', '\t', '\n', '\r'];
/// White space that ends a word.
const WORD_END: &[char] = &[' ', '\t', '\n', '\r', '\u{b}', '\u{c}'];
/// White space that the rule for blanks skips before it looks for one.
const OTHER_BLANK: &[char] = &[
    '\u{c}', '\u{a0}', '\u{1680}', '\u{180e}', '\u{2000}', '\u{2001}', '\u{2002}', '\u{2003}',
    '\u{2004}', '\u{2005}', '\u{2006}', '\u{2007}', '\u{2008}', '\u{2009}', '\u{200a}', '\u{200b}',
    '\u{202f}', '\u{205f}', '\u{3000}',
];
const SYNTAX: &[char] = &['(', ')', '"', ',', '.', '+', '-', '='];

impl Parser {
    pub(super) fn sign(&self, at: usize) -> Option<char> {
        self.signs.get(at).copied()
    }

    pub(super) fn is(&self, at: usize, set: &[char]) -> bool {
        self.sign(at).is_some_and(|sign| set.contains(&sign))
    }

    pub(super) fn end_of(&self, at: usize, set: &[char]) -> usize {
        self.end_while(at, |sign| set.contains(&sign))
    }

    pub(super) fn end_while(&self, mut at: usize, fits: impl Fn(char) -> bool) -> usize {
        while self.sign(at).is_some_and(&fits) {
            at += 1;
        }
        at
    }

    /// The position behind `word`, with blanks before it allowed.
    pub(super) fn literal(&self, at: usize, word: &str) -> Option<usize> {
        let start = self.end_of(at, BLANK);
        let fits = word.chars().enumerate().all(|(k, sign)| self.sign(start + k) == Some(sign));
        fits.then(|| start + word.chars().count())
    }

    pub(super) fn text(&self, from: usize, to: usize) -> String {
        self.signs.get(from..to).unwrap_or_default().iter().collect()
    }

    pub(super) fn keyword(&self, at: usize) -> Taken<String> {
        let start = self.end_of(at, BLANK);
        let part = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '_' | '-');
        let end = self.end_while(start, part);
        (end > start).then(|| (self.text(start, end), end))
    }

    /// `1.5`, `-.5`, `+1.`, `2` or `-2`, as written.
    pub(super) fn number(&self, at: usize) -> Taken<String> {
        let start = self.end_of(at, BLANK);
        let digits = |at: usize| self.end_while(at, |sign| sign.is_ascii_digit());
        let signed = start + usize::from(self.is(start, &['+', '-']));
        let whole = digits(signed);
        let fraction = if self.is(whole, &['.']) { digits(whole + 1) } else { whole };
        let end = if fraction > whole + usize::from(whole == signed) {
            fraction
        } else if whole > signed && !self.is(start, &['+']) {
            whole
        } else {
            return None;
        };
        Some((self.text(start, end), end))
    }

    /// The first quote without a backslash before it, or else the last with one.
    pub(super) fn closing_quote(&self, inside: usize) -> Option<usize> {
        let mut escaped = None;
        for (at, sign) in self.signs.iter().enumerate().skip(inside) {
            match sign {
                '\n' | '\r' => break,
                '"' if at > inside && self.is(at - 1, &['\\']) => escaped = Some(at),
                '"' => return Some(at),
                _ => {}
            }
        }
        escaped
    }

    /// `++`, `--` or a number.
    pub(super) fn weight(&self, at: usize) -> Taken<f64> {
        let number = || {
            let (text, after) = self.number(at)?;
            Some((text.parse().ok()?, after))
        };
        self.steps(at).or_else(number)
    }

    pub(super) fn steps(&self, at: usize) -> Taken<f64> {
        let start = self.end_of(at, BLANK);
        let power = |base: f64, end: usize| (base.powf((end - start) as f64), end);
        match self.sign(start)? {
            '+' => Some(power(PLUS, self.end_of(start, &['+']))),
            '-' => Some(power(MINUS, self.end_of(start, &['-']))),
            _ => None,
        }
    }

    /// A word without syntax. A plus or minus belongs to it when more of a word follows; an escaped sign always.
    pub(super) fn word(&self, at: usize) -> Taken<Vec<Node>> {
        let start = self.end_of(at, BLANK);
        let mut end = start;
        while let Some(sign) = self.sign(end) {
            let next = self.sign(end + 1);
            if sign == '\\' && next.is_some_and(|next| SYNTAX.contains(&next)) {
                end += 2;
            } else if matches!(sign, '+' | '-') {
                if next.is_none_or(|next| BLANK.contains(&next) || SYNTAX.contains(&next)) {
                    break;
                }
                end += 1;
            } else if WORD_END.contains(&sign) || SYNTAX.contains(&sign) {
                break;
            } else {
                end += 1;
            }
        }
        (end > start).then(|| (vec![text_node(&self.text(start, end))], end))
    }

    /// Anything up to white space.
    pub(super) fn free_word(&self, at: usize) -> Taken<Vec<Node>> {
        let end = self.end_while(at, |sign| !WORD_END.contains(&sign));
        (end > at).then(|| (vec![text_node(&self.text(at, end))], end))
    }

    /// A comma or full stop between words.
    pub(super) fn mark(&self, at: usize) -> Taken<Vec<Node>> {
        let start = self.end_of(at, BLANK);
        self.is(start, &[',', '.'])
            .then(|| (vec![text_node(&self.text(start, start + 1))], start + 1))
    }

    /// The position behind blanks, if there are any.
    pub(super) fn blanks(&self, at: usize) -> Option<usize> {
        let start = self.end_of(at, OTHER_BLANK);
        Some(self.end_of(start, BLANK)).filter(|&end| end > start)
    }
}

pub(super) fn text_node(text: &str) -> Node {
    Node::Text(unescaped(text))
}

/// The text between quotes with escapes as the signs they name: `\t`, `\n`, `\f`, `\r`, `\0`, `\"`.
pub(super) fn unquoted(text: &str) -> String {
    const ESCAPES: [(&str, &str); 6] = [
        ("\\t", "\t"),
        ("\\n", "\n"),
        ("\\f", "\u{c}"),
        ("\\r", "\r"),
        ("\\0", "\0"),
        ("\\\"", "\""),
    ];
    ESCAPES.iter().fold(text.to_owned(), |text, (escape, sign)| text.replace(escape, sign))
}
