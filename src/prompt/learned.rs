//! Words that have learned vectors for tokens (textual inversions), and where they stand in a text.
//!
//! Knows how many vectors a word has, not which.

use std::ops::Range;

use super::tokenizer::Marks;
use super::{Conditioning, Syntax, Tokenizer, parse};

/// The id of the first learned vector of a vocabulary, above those of every tokenizer; the others follow.
pub const LEARNED: i64 = 1 << 32;

/// A textual inversion as a prompt meets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Learned {
    /// Words that call it, whatever their case; the first is added to a prompt that has none of them.
    pub words: Vec<String>,
    /// How many tokens it takes, at least 1.
    pub vectors: usize,
}

impl Learned {
    /// Whether one of its words stands in `text`, once `syntax` is read; not where it cannot be.
    #[must_use]
    pub fn stands_in(&self, text: &str, syntax: Syntax) -> bool {
        let stands = |text: &str| !Vocabulary::places(std::slice::from_ref(self), text).is_empty();
        parse(text, syntax).is_ok_and(|conditioning| {
            conditioning.texts().any(|text| text.segments.iter().any(|(part, _)| stands(part)))
        })
    }

    /// Those whose word stands in neither prompt: each is added to the end of the positive one.
    pub fn unnamed<'a>(
        learned: &'a [Self],
        prompts: [&'a str; 2],
        syntax: Syntax,
    ) -> impl Iterator<Item = &'a Self> {
        let named =
            move |one: &Self| prompts.into_iter().any(|prompt| one.stands_in(prompt, syntax));
        learned.iter().filter(move |one| !named(one))
    }
}

impl Conditioning {
    /// Adds the first word of `learned` at the end: of the last text of an `.and()`, of every text of a `.blend()`.
    pub fn append(&mut self, learned: &Learned) {
        let Some(word) = learned.words.first() else { return };
        let part = (format!(" {word}"), 1.0);
        match self {
            Self::Single(text) => text.segments.push(part),
            Self::Blend { texts, .. } => {
                texts.iter_mut().for_each(|(text, _)| text.segments.push(part.clone()));
            }
            Self::And(texts) => {
                texts.iter_mut().rev().take(1).for_each(|(text, _)| {
                    text.segments.push(part.clone());
                });
            }
        }
    }
}

/// A tokenizer and further words.
#[derive(Clone, Copy)]
pub struct Vocabulary<'a> {
    tokenizer: &'a Tokenizer,
    learned: &'a [Learned],
}

impl<'a> From<&'a Tokenizer> for Vocabulary<'a> {
    fn from(tokenizer: &'a Tokenizer) -> Self {
        Self { tokenizer, learned: &[] }
    }
}

/// Where a learned word stands.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    index: usize,
    span: Range<usize>,
}

impl<'a> Vocabulary<'a> {
    /// `tokenizer`'s words and those of `learned`, whose vectors have the ids from [`LEARNED`] on, one after the other.
    #[must_use]
    pub const fn new(tokenizer: &'a Tokenizer, learned: &'a [Learned]) -> Self {
        Self { tokenizer, learned }
    }

    /// The token ids of `text` alone, without start and end.
    #[must_use]
    pub fn ids(&self, text: &str) -> Vec<i64> {
        let mut ids = Vec::new();
        self.walk(text, |found| match found {
            Found::Text(span) => {
                ids.extend(self.tokenizer.ids(text.get(span).unwrap_or_default()));
            }
            Found::Learned(place) => ids.extend(self.ids_of(place.index)),
        });
        ids
    }

    /// Where the token of each of [`Self::ids`] lies in `text`, in bytes.
    pub(super) fn spans(&self, text: &str) -> Vec<Range<usize>> {
        let mut spans = Vec::new();
        self.walk(text, |found| match found {
            Found::Text(part) => {
                let inside = self.tokenizer.spans(text.get(part.clone()).unwrap_or_default());
                let start = part.start;
                spans.extend(inside.into_iter().map(|span| start + span.start..start + span.end));
            }
            Found::Learned(place) => {
                let vectors = self.learned.get(place.index).map_or(0, |learned| learned.vectors);
                spans.extend(std::iter::repeat_n(place.span, vectors));
            }
        });
        spans
    }

    /// The ids that open, close and fill a chunk.
    pub(super) fn marks(&self) -> Marks {
        self.tokenizer.marks()
    }

    /// The token of an id as the tokenizer spells it: `</w>` stands at the end of a word. Learned vectors have no sign
    /// of their own; the last one of a word ends it.
    pub(super) fn token(&self, id: i64) -> Option<String> {
        if id < LEARNED {
            return self.tokenizer.token(id);
        }
        let ends = !self.continues(id + 1);
        Some(if ends { "</w>".to_owned() } else { String::new() })
    }

    /// Whether the id is a learned vector that another of the same word goes before.
    pub(super) fn continues(&self, id: i64) -> bool {
        id >= LEARNED && !(0..=self.learned.len()).any(|index| self.first_id(index) == id)
    }

    fn first_id(&self, index: usize) -> i64 {
        let before = self.learned.iter().take(index).map(|learned| learned.vectors as i64);
        LEARNED + before.sum::<i64>()
    }

    fn ids_of(&self, index: usize) -> Range<i64> {
        self.first_id(index)..self.first_id(index + 1)
    }

    /// The parts of `text` in order.
    fn walk(&self, text: &str, mut take: impl FnMut(Found)) {
        let mut from = 0;
        for place in Self::places(self.learned, text) {
            let Range { start, end } = place.span;
            take(Found::Text(from..start));
            take(Found::Learned(place));
            from = end;
        }
        take(Found::Text(from..text.len()));
    }

    /// Where words of `learned` stand in `text`, the longest where several do.
    fn places(learned: &[Learned], text: &str) -> Vec<Place> {
        let mut places = Vec::new();
        let mut from = 0;
        let mut before = None;
        while let Some((rest, sign)) =
            text.get(from..).and_then(|rest| Some((rest, rest.chars().next()?)))
        {
            let fits = |word: &String| {
                Some(beginning(rest, word)?)
                    .filter(|&end| stands_alone(before, &rest[..end], &rest[end..]))
            };
            let found = learned.iter().enumerate().flat_map(|(index, learned)| {
                learned.words.iter().filter_map(fits).map(move |end| (end, index))
            });
            // Of equal words the first embedding's.
            let longest = found.max_by_key(|&(end, index)| (end, std::cmp::Reverse(index)));
            let length = match longest {
                Some((end, index)) => {
                    places.push(Place { index, span: from..from + end });
                    end
                }
                None => sign.len_utf8(),
            };
            before = rest.get(..length).and_then(|taken| taken.chars().next_back());
            from += length;
        }
        places
    }
}

/// A part of a text.
enum Found {
    Text(Range<usize>),
    Learned(Place),
}

/// How many bytes of `text`, from its beginning, are `word` in any case; nothing for an empty word.
fn beginning(text: &str, word: &str) -> Option<usize> {
    let mut signs = text.chars();
    for wanted in word.chars() {
        let found = signs.next()?;
        if found != wanted && !found.to_lowercase().eq(wanted.to_lowercase()) {
            return None;
        }
    }
    Some(text.len() - signs.as_str().len()).filter(|&length| length > 0)
}

/// Whether `word` is no part of a longer one.
fn stands_alone(before: Option<char>, word: &str, after: &str) -> bool {
    let in_word =
        |sign: Option<char>| sign.is_some_and(|sign| sign.is_alphanumeric() || sign == '_');
    let joined_before = in_word(before) && in_word(word.chars().next());
    let joined_after = in_word(word.chars().next_back()) && in_word(after.chars().next());
    !joined_before && !joined_after
}
