//! The grammar of compel 2.5 as a parser of ordered choices: the first rule that fits is taken and never revised.
//!
//! Works on characters. Knows no weights but those written down: what a tree means is the parent's business.

mod signs;

use std::collections::HashMap;

use self::signs::{BLANK, unquoted};
use super::PromptError;

/// Deepest brackets. Compel itself takes time exponential in the depth and gives up long before.
const DEEPEST: usize = 64;

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
}
