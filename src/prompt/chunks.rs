//! Token ids with their weights, cut into the chunks that a text encoder takes.
//!
//! Knows where each reference implementation cuts; does not know what an encoding is.

use std::ops::{Range, RangeInclusive};

use super::tokenizer::Marks;
use super::{Conditioning, PromptError, Syntax, Tokenizer, Weighted, parse};

/// Tokens in one chunk, start and end included.
pub const CHUNK: usize = 77;

/// Tokens of the text itself in one chunk.
const ROOM: usize = CHUNK - 2;

/// How long a prompt is, for a person to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenCount {
    /// Tokens of the text, without start, end and padding.
    pub tokens: usize,
    /// How many of them each chunk takes, 75 at most. The sum is less than `tokens` when the text is cut.
    pub chunks: Vec<usize>,
}

/// Counts what `text` will be encoded as: the clauses of an `.and()` together, of a `.blend()` the longest text.
///
/// # Errors
/// When the syntax refuses the text.
pub fn count(tokenizer: &Tokenizer, text: &str, syntax: Syntax) -> Result<TokenCount, PromptError> {
    let chunks = |text: &Weighted| -> Vec<usize> {
        let tokens = Tokens::of(tokenizer, text);
        tokens.cuts(tokenizer, syntax).iter().map(Range::len).collect()
    };
    let chunks = match parse(text, syntax)? {
        Conditioning::Single(text) => chunks(&text),
        Conditioning::And(texts) => texts.iter().flat_map(|(text, _)| chunks(text)).collect(),
        Conditioning::Blend { texts, .. } => {
            let texts = texts.iter().map(|(text, _)| chunks(text));
            texts
                .max_by_key(|chunks| (chunks.len(), chunks.iter().sum::<usize>()))
                .unwrap_or_default()
        }
    };
    let tokens = match syntax {
        Syntax::Plain => tokenizer.ids(text).len(),
        Syntax::Compel | Syntax::SdEmbeds => chunks.iter().sum(),
    };
    Ok(TokenCount { tokens, chunks })
}

/// The tokens of one weighted text in a row.
pub(super) struct Tokens {
    ids: Vec<i64>,
    weights: Vec<f32>,
    /// Where each part of the text ends.
    ends: Vec<usize>,
}

impl Tokens {
    pub(super) fn of(tokenizer: &Tokenizer, text: &Weighted) -> Self {
        let mut tokens = Self { ids: Vec::new(), weights: Vec::new(), ends: Vec::new() };
        for (part, weight) in &text.segments {
            tokens.ids.extend(tokenizer.ids(part));
            tokens.weights.resize(tokens.ids.len(), *weight as f32);
            tokens.ends.push(tokens.ids.len());
        }
        tokens
    }

    /// The tokens of each chunk; one chunk without any when there are none at all.
    pub(super) fn cuts(&self, tokenizer: &Tokenizer, syntax: Syntax) -> Vec<Range<usize>> {
        let mut cuts = Vec::new();
        let mut from = 0;
        while let Some(rest) = self.ids.get(from..).filter(|rest| rest.len() > ROOM) {
            let to = match syntax {
                Syntax::Compel => from + sentence(tokenizer, rest),
                Syntax::Plain | Syntax::SdEmbeds => from + ROOM,
            };
            cuts.push(from..to);
            if syntax == Syntax::Plain {
                return cuts;
            }
            from = to;
        }
        cuts.push(from..self.ids.len());
        cuts
    }

    /// Cuts the tokens into whole chunks.
    pub(super) fn chunked(&self, tokenizer: &Tokenizer, syntax: Syntax) -> Chunked {
        let Marks { start, end, pad } = tokenizer.marks();
        let pad = if syntax == Syntax::SdEmbeds { end } else { pad };
        let mut chunked = Chunked { ids: Vec::new(), weights: Vec::new(), places: Vec::new() };
        for (index, cut) in self.cuts(tokenizer, syntax).into_iter().enumerate() {
            let first = index * CHUNK + 1;
            chunked.places.extend(first..first + cut.len());
            chunked.ids.push(start);
            chunked.ids.extend(self.ids.get(cut.clone()).unwrap_or_default());
            chunked.ids.push(end);
            chunked.ids.resize((index + 1) * CHUNK, pad);
            chunked.weights.push(1.0);
            chunked.weights.extend(self.weights.get(cut).unwrap_or_default());
            chunked.weights.resize((index + 1) * CHUNK, 1.0);
        }
        chunked
    }

    /// The places of part `index` in `chunked`, from its first token to its last; none without tokens.
    pub(super) fn places(&self, index: usize, chunked: &Chunked) -> Option<RangeInclusive<usize>> {
        let start =
            index.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        let places = chunked.places.get(start..*self.ends.get(index)?)?;
        Some(*places.first()?..=*places.last()?)
    }
}

/// Whole chunks in a row: start, text, end, padding, start, …
pub(super) struct Chunked {
    pub(super) ids: Vec<i64>,
    /// 1 for what is not text.
    pub(super) weights: Vec<f32>,
    /// Where each token of the text has come to lie.
    places: Vec<usize>,
}

/// How many of more than 75 tokens compel puts into the first chunk: up to the last full stop, or else the last mark
/// between phrases, or else the last whole word.
fn sentence(tokenizer: &Tokenizer, ids: &[i64]) -> usize {
    let tokens: Vec<String> =
        ids.iter().take(ROOM).map(|&id| tokenizer.token(id).unwrap_or_default()).collect();
    let last = |fits: fn(&str) -> bool| tokens.iter().rposition(|token| fits(token));
    last(|token| token == ".</w>")
        .or_else(|| last(|token| matches!(token, ".</w>" | ",</w>" | ";</w>" | ":</w>")))
        .or_else(|| last(|token| token.ends_with("</w>")))
        .map_or(ROOM, |index| index + 1)
}
