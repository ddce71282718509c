//! The grammar of compel 2.5 as a parser of ordered choices: the first rule that fits is taken and never revised.
//!
//! Works on characters. Knows no weights but those written down: what a tree means is the parent's business.

use std::collections::HashMap;

use super::PromptError;

/// Deepest brackets. Compel itself takes time exponential in the depth and gives up long before.
const DEEPEST: usize = 64;
const PLUS: f64 = 1.1;
const MINUS: f64 = 0.9;

/// White space between the parts of a rule.
const BLANK: &[char] = &[' ', '\t', '\n', '\r'];
/// White space that ends a word.
const WORD_END: &[char] = &[' ', '\t', '\n', '\r', '\u{b}', '\u{c}'];
/// White space that the rule for blanks skips before it looks for one.
const OTHER_BLANK: &[char] = &[
    '\u{c}', '\u{a0}', '\u{1680}', '\u{180e}', '\u{2000}', '\u{2001}', '\u{2002}', '\u{2003}',
    '\u{2004}', '\u{2005}', '\u{2006}', '\u{2007}', '\u{2008}', '\u{2009}', '\u{200a}', '\u{200b}',
    '\u{202f}', '\u{205f}', '\u{3000}',
];
const SYNTAX: &[char] = &['(', ')', '"', ',', '.', '+', '-', '='];

/// A part of a prompt.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    /// Words.
    Text(String),
    /// A factor on everything inside.
    Weight { factor: f64, nodes: Vec<Self> },
    /// `a.swap(b)`, whose meaning is not kept.
    Swap,
    /// `withLora(name, weight)`, whose meaning is not kept.
    Lora,
}

/// What joins several prompts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Blend,
    And,
}

/// A whole text.
pub(super) enum Target {
    Prompt(Vec<Node>),
    /// Options are numbers and names, as written.
    Several {
        texts: Vec<Vec<Node>>,
        operator: Operator,
        options: Vec<String>,
    },
}

/// Reads a whole text.
pub(super) fn read(text: &str) -> Result<Target, PromptError> {
    let mut parser = Parser::new(text, 0);
    let result = parser.whole();
    if parser.too_deep { Err(PromptError::Nesting { limit: DEEPEST }) } else { result }
}

/// `text` with a round bracket or a quote for each escaped one. Compel does this to a part every time it touches it.
pub(super) fn unescaped(text: &str) -> String {
    text.replace("\\(", "(").replace("\\)", ")").replace("\\\"", "\"")
}

/// What a rule took, and the position behind it.
type Taken<T> = Option<(T, usize)>;

struct Parser {
    signs: Vec<char>,
    depth: usize,
    too_deep: bool,
    /// Results of brackets and quotes by position: several rules begin with them, and without this each level of
    /// nesting would multiply the work.
    brackets: HashMap<usize, Taken<Vec<Node>>>,
    quotes: HashMap<usize, Taken<Vec<Node>>>,
}

impl Parser {
    fn new(text: &str, depth: usize) -> Self {
        let signs = text.chars().collect();
        let too_deep = depth > DEEPEST;
        Self { signs, depth, too_deep, brackets: HashMap::new(), quotes: HashMap::new() }
    }

    fn sign(&self, at: usize) -> Option<char> {
        self.signs.get(at).copied()
    }

    fn is(&self, at: usize, set: &[char]) -> bool {
        self.sign(at).is_some_and(|sign| set.contains(&sign))
    }

    fn end_of(&self, at: usize, set: &[char]) -> usize {
        self.end_while(at, |sign| set.contains(&sign))
    }

    fn end_while(&self, mut at: usize, fits: impl Fn(char) -> bool) -> usize {
        while self.sign(at).is_some_and(&fits) {
            at += 1;
        }
        at
    }

    /// The position behind `word`, with blanks before it allowed.
    fn literal(&self, at: usize, word: &str) -> Option<usize> {
        let start = self.end_of(at, BLANK);
        let fits = word.chars().enumerate().all(|(k, sign)| self.sign(start + k) == Some(sign));
        fits.then(|| start + word.chars().count())
    }

    fn text(&self, from: usize, to: usize) -> String {
        self.signs.get(from..to).unwrap_or_default().iter().collect()
    }

    /// Several prompts with `.and`, or a blend or a prompt and nothing after it.
    fn whole(&mut self) -> Result<Target, PromptError> {
        if let Some((texts, options, _)) = self.several(0, &[".and", ".add"]) {
            return Ok(Target::Several { texts, operator: Operator::And, options });
        }
        let (loras, at) = self.loras(0);
        let (target, at) = if let Some((texts, options, at)) = self.several(at, &[".blend"]) {
            (Target::Several { texts, operator: Operator::Blend, options }, at)
        } else {
            let (nodes, at) = self.prompt(at);
            (Target::Prompt(nodes), at)
        };
        let (more, at) = self.loras(at);
        let at = self.end_of(at, BLANK);
        if at < self.signs.len() {
            return Err(PromptError::Unreadable { at });
        }
        // A LoRA before or after is refused where one inside a prompt is.
        Ok(if loras || more { Target::Prompt(vec![Node::Lora]) } else { target })
    }

    /// Whether LoRAs stand here, and the position behind them.
    fn loras(&self, mut at: usize) -> (bool, usize) {
        let start = at;
        while let Some((_, after)) = self.lora(at) {
            at = after;
        }
        (at > start, at)
    }

    /// `(a, "b c").operator(options)`.
    fn several(
        &mut self,
        at: usize,
        operators: &[&str],
    ) -> Option<(Vec<Vec<Node>>, Vec<String>, usize)> {
        let mut at = self.literal(at, "(")?;
        let mut texts = Vec::new();
        let at = loop {
            let (nodes, after) = self.target(at).or_else(|| self.quoted_prompt(at))?;
            texts.push(nodes);
            let Some(next) = self.literal(after, ",") else { break after };
            at = next;
        };
        let at = self.literal(at, ")")?;
        let at = operators.iter().find_map(|operator| self.literal(at, operator))?;
        let (options, at) = self.options(self.literal(at, "(")?);
        Some((texts, options, self.literal(at, ")")?))
    }

    /// `0.3, name, name=1`: the numbers and names before any `=`.
    fn options(&self, at: usize) -> (Vec<String>, usize) {
        let mut found = Vec::new();
        let mut end = at;
        let mut next = Some(at);
        while let Some((option, after)) = next.and_then(|at| self.option(at)) {
            found.push(option);
            end = after;
            next = self.literal(after, ",");
        }
        (found, end)
    }

    fn option(&self, at: usize) -> Taken<String> {
        let keyword = self.keyword(at);
        if let Some((name, after)) = &keyword
            && let Some(value) = self.literal(*after, "=")
            && let Some((_, end)) = self.number(value).or_else(|| self.keyword(value))
        {
            return Some((name.clone(), end));
        }
        self.number(at).or(keyword)
    }

    fn keyword(&self, at: usize) -> Taken<String> {
        let start = self.end_of(at, BLANK);
        let part = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '_' | '-');
        let end = self.end_while(start, part);
        (end > start).then(|| (self.text(start, end), end))
    }

    /// `1.5`, `-.5`, `+1.`, `2` or `-2`, as written.
    fn number(&self, at: usize) -> Taken<String> {
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

    /// A prompt: operators where they fit, free words elsewhere, up to what cannot be read.
    fn prompt(&mut self, mut at: usize) -> (Vec<Node>, usize) {
        let mut nodes = Vec::new();
        loop {
            let part = self
                .swap(at)
                .or_else(|| self.lora(at))
                .or_else(|| self.attention(at))
                .or_else(|| self.quoted(at))
                .or_else(|| self.bracketed(at))
                .or_else(|| self.free_word(at));
            if let Some((part, after)) = part {
                nodes.extend(part);
                at = after;
            } else if let Some(after) = self.blanks(at) {
                at = after;
            } else {
                return (nodes, at);
            }
        }
    }

    /// Parts inside brackets or quotes, where every sign of the syntax must have its meaning.
    fn sequence(&mut self, mut at: usize, punctuation: bool) -> (Vec<Node>, usize) {
        let mut nodes = Vec::new();
        if self.depth >= DEEPEST {
            self.too_deep = true;
            return (nodes, at);
        }
        self.depth += 1;
        loop {
            let part = self
                .lora(at)
                .or_else(|| self.attention(at))
                .or_else(|| self.swap(at))
                .or_else(|| self.bracketed(at))
                .or_else(|| self.quoted(at))
                .or_else(|| self.word(at))
                .or_else(|| self.mark(at).filter(|_| punctuation));
            let Some((part, after)) = part else { break };
            nodes.extend(part);
            at = after;
        }
        self.depth -= 1;
        (nodes, at)
    }

    /// What an operator can be applied to.
    fn target(&mut self, at: usize) -> Taken<Vec<Node>> {
        self.quoted(at).or_else(|| self.bracketed(at)).or_else(|| self.word(at))
    }

    /// `(parts)`.
    fn bracketed(&mut self, at: usize) -> Taken<Vec<Node>> {
        let inside = self.literal(at, "(")?;
        if let Some(known) = self.brackets.get(&inside) {
            return known.clone();
        }
        let (nodes, end) = self.sequence(inside, true);
        let found = self.literal(end, ")").map(|after| (nodes, after));
        self.brackets.insert(inside, found.clone());
        found
    }

    /// `"parts"` on one line.
    fn quoted(&mut self, at: usize) -> Taken<Vec<Node>> {
        let inside = self.literal(at, "\"")?;
        if let Some(known) = self.quotes.get(&inside) {
            return known.clone();
        }
        let found = self.read_quoted(inside, |inner| inner.sequence(0, true));
        self.quotes.insert(inside, found.clone());
        found
    }

    /// `"prompt"`: what a blend takes when the text in quotes is not all syntax.
    fn quoted_prompt(&mut self, at: usize) -> Taken<Vec<Node>> {
        let inside = self.literal(at, "\"")?;
        self.read_quoted(inside, |inner| inner.prompt(0))
    }

    fn read_quoted(
        &mut self,
        inside: usize,
        rule: impl Fn(&mut Self) -> (Vec<Node>, usize),
    ) -> Taken<Vec<Node>> {
        let end = self.closing_quote(inside)?;
        let text = unquoted(&self.text(inside, end));
        if text.trim().is_empty() {
            return Some((vec![Node::Text(String::new())], end + 1));
        }
        // Quotes inside quotes are text.
        let mut inner = Self::new(&text.replace('"', "\\\""), self.depth + 1);
        let (nodes, stop) = rule(&mut inner);
        self.too_deep |= inner.too_deep;
        let all = inner.end_of(stop, BLANK) == inner.signs.len();
        all.then_some((nodes, end + 1))
    }

    /// The first quote without a backslash before it, or else the last with one.
    fn closing_quote(&self, inside: usize) -> Option<usize> {
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

    /// A weight: `target.attend(weight)`, `(parts)1.2`, `"parts"++`, `word-`.
    fn attention(&mut self, at: usize) -> Taken<Vec<Node>> {
        let explicit = self.target(at).and_then(|(nodes, after)| {
            let after = self.literal(self.literal(after, ".attend")?, "(")?;
            let (factor, after) = self.weight(after)?;
            Some((nodes, factor, self.literal(after, ")")?))
        });
        let (nodes, factor, after) = explicit.or_else(|| self.attention_behind(at))?;
        Some((vec![Node::Weight { factor, nodes }], after))
    }

    fn attention_behind(&mut self, at: usize) -> Option<(Vec<Node>, f64, usize)> {
        if let Some((nodes, after)) = self.quoted(at).or_else(|| self.bracketed(at)) {
            if self.blanks(after).is_some() {
                return None;
            }
            let (factor, after) = self.weight(after)?;
            return Some((nodes, factor, after));
        }
        let (nodes, after) = self.word(at)?;
        if self.blanks(after).is_some() {
            return None;
        }
        let (factor, after) = self.steps(after)?;
        Some((nodes, factor, after))
    }

    /// `++`, `--` or a number.
    fn weight(&self, at: usize) -> Taken<f64> {
        let number = || {
            let (text, after) = self.number(at)?;
            Some((text.parse().ok()?, after))
        };
        self.steps(at).or_else(number)
    }

    fn steps(&self, at: usize) -> Taken<f64> {
        let start = self.end_of(at, BLANK);
        let power = |base: f64, end: usize| (base.powf((end - start) as f64), end);
        match self.sign(start)? {
            '+' => Some(power(PLUS, self.end_of(start, &['+']))),
            '-' => Some(power(MINUS, self.end_of(start, &['-']))),
            _ => None,
        }
    }

    /// `target.swap(parts, options)`.
    fn swap(&mut self, at: usize) -> Taken<Vec<Node>> {
        let (_, after) = self.target(at)?;
        let after = self.literal(self.literal(after, ".swap")?, "(")?;
        let (_, mut after) = self.sequence(after, false);
        if let Some(comma) = self.literal(after, ",") {
            after = self.options(comma).1;
        }
        Some((vec![Node::Swap], self.literal(after, ")")?))
    }

    /// `withLora(name)` or `useLora(name, weight)`.
    fn lora(&self, at: usize) -> Taken<Vec<Node>> {
        let after = self.literal(at, "useLora").or_else(|| self.literal(at, "withLora"))?;
        let (_, mut after) = self.keyword(self.literal(after, "(")?)?;
        if let Some((_, weight)) = self.literal(after, ",").and_then(|comma| self.number(comma)) {
            after = weight;
        }
        Some((vec![Node::Lora], self.literal(after, ")")?))
    }

    /// A word without syntax. A plus or minus belongs to it when more of a word follows; an escaped sign always.
    fn word(&self, at: usize) -> Taken<Vec<Node>> {
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
    fn free_word(&self, at: usize) -> Taken<Vec<Node>> {
        let end = self.end_while(at, |sign| !WORD_END.contains(&sign));
        (end > at).then(|| (vec![text_node(&self.text(at, end))], end))
    }

    /// A comma or full stop between words.
    fn mark(&self, at: usize) -> Taken<Vec<Node>> {
        let start = self.end_of(at, BLANK);
        self.is(start, &[',', '.'])
            .then(|| (vec![text_node(&self.text(start, start + 1))], start + 1))
    }

    /// The position behind blanks, if there are any.
    fn blanks(&self, at: usize) -> Option<usize> {
        let start = self.end_of(at, OTHER_BLANK);
        Some(self.end_of(start, BLANK)).filter(|&end| end > start)
    }
}

fn text_node(text: &str) -> Node {
    Node::Text(unescaped(text))
}

/// The text between quotes with escapes as the signs they name: `\t`, `\n`, `\f`, `\r`, `\0`, `\"`.
fn unquoted(text: &str) -> String {
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
