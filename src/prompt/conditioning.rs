//! What a prompt says once its weighting syntax is read.
//!
//! One structure for every syntax; knows neither tokens nor networks.

use super::{compel, sd_embeds};

/// How a prompt writes weights (`promptWeighting` of the API).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Syntax {
    /// No weights: every character is text, cut at one chunk.
    Plain,
    /// The grammar of the package compel: `word+`, `(words)1.2`, `.blend()`, `.and()`.
    Compel,
    /// The grammar of the package `sd_embed` (that of the A1111 web UI): `(words)`, `(words:1.5)`, `[words]`.
    SdEmbeds,
}

/// One text, in parts that each have a weight; 1 is neutral.
#[derive(Debug, Clone, PartialEq)]
pub struct Weighted {
    /// Part and weight, in reading order; parts are tokenised one by one.
    pub segments: Vec<(String, f64)>,
}

impl Weighted {
    /// All of `text` with the neutral weight.
    #[must_use]
    pub fn plain(text: &str) -> Self {
        Self { segments: vec![(text.to_owned(), 1.0)] }
    }
}

/// A whole prompt.
#[derive(Debug, Clone, PartialEq)]
pub enum Conditioning {
    /// One text.
    Single(Weighted),
    /// Encodings of several texts, averaged with weights.
    Blend {
        /// Texts and their weights.
        texts: Vec<(Weighted, f64)>,
        /// Whether the weights are divided by their sum.
        normalise: bool,
    },
    /// Encodings of several texts one after the other, each scaled away from the empty text's.
    And(Vec<(Weighted, f64)>),
}

impl Conditioning {
    /// Its texts.
    pub fn texts(&self) -> impl Iterator<Item = &Weighted> {
        let (single, several) = match self {
            Self::Single(text) => (Some(text), &[][..]),
            Self::Blend { texts, .. } | Self::And(texts) => (None, texts.as_slice()),
        };
        single.into_iter().chain(several.iter().map(|(text, _)| text))
    }
}

/// A prompt that its syntax does not allow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PromptError {
    /// Text that no rule of the grammar takes, such as words after `.blend()`.
    #[error("the prompt cannot be read from its character {at} on")]
    Unreadable {
        /// Characters before the place.
        at: usize,
    },
    /// `.blend()` or `.and()` with another number of weights than texts.
    #[error("the prompt's `{operator}()` has {weights} weights for {texts} texts")]
    WeightCount {
        /// `.blend` or `.and`.
        operator: &'static str,
        /// Texts that are not empty brackets.
        texts: usize,
        /// Weights given.
        weights: usize,
    },
    /// Something else where a finite number must be.
    #[error("the prompt has `{text}` where a weight is expected")]
    Weight {
        /// What stands there.
        text: String,
    },
    /// The weights of a `.blend()` cannot be divided by their sum.
    #[error("the weights of the prompt's `.blend()` add up to zero")]
    ZeroSum,
    /// Syntax of compel that needs more than a text encoder.
    #[error("the prompt uses compel's `{syntax}`, which is not supported{instead}")]
    Unsupported {
        /// The syntax.
        syntax: &'static str,
        /// What to do instead; empty or with its own punctuation.
        instead: &'static str,
    },
    /// More brackets inside brackets than any real prompt has.
    #[error("the prompt nests more than {limit} brackets")]
    Nesting {
        /// Greatest depth.
        limit: usize,
    },
    /// Brackets around nothing, and nothing else.
    #[error("the prompt has brackets but no words")]
    Empty,
    /// A weight below 1 on a part without any token: there is nothing to take away.
    #[error("the prompt weights down `{text}`, which has no tokens")]
    NothingToWeight {
        /// The part.
        text: String,
    },
}

/// Reads `text` as `syntax` says.
///
/// # Errors
/// When the reference implementation of the syntax refuses the text as well, or for compel's `.swap()` and
/// `withLora()`.
pub fn parse(text: &str, syntax: Syntax) -> Result<Conditioning, PromptError> {
    match syntax {
        Syntax::Plain => Ok(Conditioning::Single(Weighted::plain(text))),
        Syntax::Compel => compel::parse(text),
        Syntax::SdEmbeds => sd_embeds::parse(text).map(Conditioning::Single),
    }
}
