//! Token ids with their weights, cut into the chunks that a text encoder takes.
//!
//! Knows where each reference implementation cuts; does not know what an encoding is.

use std::ops::{Range, RangeInclusive};

use super::tokenizer::Marks;
use super::{Conditioning, Learned, PromptError, Syntax, Vocabulary, Weighted, parse};

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
    /// Bytes of the text before each chunk after the first; of a text that is cut, before the part that is not read.
    /// Where a weight has the same signs as the words after it, a border may lie inside the weight.
    pub borders: Vec<usize>,
}

impl TokenCount {
    /// Whether the end of the text is not read.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.chunks.iter().sum::<usize>() < self.tokens
    }
}

/// Counts what `text` with the words of `added` behind it will be encoded as: the clauses of an `.and()` together, of
/// a `.blend()` the longest text.
///
/// # Errors
/// When the syntax refuses the text.
pub fn count(
    vocabulary: Vocabulary<'_>,
    text: &str,
    added: &[&Learned],
    syntax: Syntax,
) -> Result<TokenCount, PromptError> {
    let mut trace = Trace { text, at: 0 };
    let mut measure = |weighted: &Weighted| Measured::of(vocabulary, weighted, syntax, &mut trace);
    let mut conditioning = parse(text, syntax)?;
    for learned in added {
        conditioning.append(learned);
    }
    let measured = match conditioning {
        Conditioning::Single(text) => measure(&text),
        Conditioning::And(texts) => {
            let mut all = Measured::default();
            for (text, _) in &texts {
                let Measured { chunks, starts } = measure(text);
                all.chunks.extend(chunks);
                all.starts.extend(starts);
            }
            all
        }
        Conditioning::Blend { texts, .. } => {
            let texts = texts.iter().map(|(text, _)| measure(text));
            texts
                .max_by_key(|text| (text.chunks.len(), text.chunks.iter().sum::<usize>()))
                .unwrap_or_default()
        }
    };
    let tokens = match syntax {
        Syntax::Plain => {
            let added = added.iter().map(|learned| learned.vectors).sum::<usize>();
            vocabulary.ids(text).len() + added
        }
        Syntax::Compel | Syntax::SdEmbeds => measured.chunks.iter().sum(),
    };
    let borders = measured.starts.into_iter().skip(1).collect();
    Ok(TokenCount { tokens, chunks: measured.chunks, borders })
}

/// The chunks of one weighted text.
#[derive(Default)]
struct Measured {
    chunks: Vec<usize>,
    /// Where each begins in the prompt, and where what is not read does.
    starts: Vec<usize>,
}

impl Measured {
    fn of(
        vocabulary: Vocabulary<'_>,
        text: &Weighted,
        syntax: Syntax,
        trace: &mut Trace<'_>,
    ) -> Self {
        let tokens = Tokens::of(vocabulary, text);
        let cuts = tokens.cuts(vocabulary, syntax);
        let read = cuts.last().map_or(0, |cut| cut.end);
        let mut wanted: Vec<usize> = cuts.iter().map(|cut| cut.start).collect();
        wanted.extend((read < tokens.ids.len()).then_some(read));
        let mut wanted = wanted.into_iter().peekable();
        let mut starts = Vec::new();
        let mut before = 0;
        for ((part, _), &end) in text.segments.iter().zip(&tokens.ends) {
            let places = trace.follow(part);
            let mut spans = None;
            while let Some(token) = wanted.next_if(|token| *token < end) {
                let spans = spans.get_or_insert_with(|| vocabulary.spans(part));
                let start = spans.get(token - before).map_or(0, |span| span.start);
                starts.push(places.of(start));
            }
            before = end;
        }
        // A text without tokens has one chunk all the same; it begins where the text ends.
        starts.extend(wanted.map(|_| trace.at));
        Self { chunks: cuts.iter().map(Range::len).collect(), starts }
    }
}

/// Finds the parts of a prompt again in its text. Brackets, weights and escapes are between them, so each is looked
/// for behind the one before; the earliest place is never too late.
struct Trace<'a> {
    text: &'a str,
    at: usize,
}

impl Trace<'_> {
    fn follow(&mut self, part: &str) -> Places {
        let rest = self.text.get(self.at..).unwrap_or_default();
        if let Some(found) = rest.find(part) {
            let start = self.at + found;
            self.at = start + part.len();
            return Places::Whole(start);
        }
        // An escape was taken out of the middle: sign by sign.
        let mut places = Vec::new();
        for (offset, sign) in part.char_indices().filter(|(_, sign)| !sign.is_whitespace()) {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let Some(found) = rest.find(sign) else {
                // A word that was added stands behind the text.
                return Places::Signs(vec![(0, self.text.len())]);
            };
            places.push((offset, self.at + found));
            self.at += found + sign.len_utf8();
        }
        Places::Signs(places)
    }
}

/// Where the bytes of a part lie in the prompt.
enum Places {
    /// In a row, from here on.
    Whole(usize),
    /// Offset in the part and in the prompt, in order.
    Signs(Vec<(usize, usize)>),
}

impl Places {
    fn of(&self, offset: usize) -> usize {
        match self {
            Self::Whole(start) => start + offset,
            Self::Signs(places) => {
                let after = places.partition_point(|(known, _)| *known < offset);
                places.get(after).or(places.last()).map_or(0, |(_, place)| *place)
            }
        }
    }
}

/// The tokens of one weighted text in a row.
pub(super) struct Tokens {
    ids: Vec<i64>,
    weights: Vec<f32>,
    /// Where each part of the text ends.
    ends: Vec<usize>,
}

impl Tokens {
    pub(super) fn of(vocabulary: Vocabulary<'_>, text: &Weighted) -> Self {
        let mut tokens = Self { ids: Vec::new(), weights: Vec::new(), ends: Vec::new() };
        for (part, weight) in &text.segments {
            tokens.ids.extend(vocabulary.ids(part));
            tokens.weights.resize(tokens.ids.len(), *weight as f32);
            tokens.ends.push(tokens.ids.len());
        }
        tokens
    }

    /// The tokens of each chunk; one chunk without any when there are none at all.
    pub(super) fn cuts(&self, vocabulary: Vocabulary<'_>, syntax: Syntax) -> Vec<Range<usize>> {
        let mut cuts = Vec::new();
        let mut from = 0;
        while let Some(rest) = self.ids.get(from..).filter(|rest| rest.len() > ROOM) {
            let to = match syntax {
                Syntax::Compel => from + sentence(vocabulary, rest),
                Syntax::SdEmbeds => from + whole_words(vocabulary, rest),
                Syntax::Plain => from + ROOM,
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
    pub(super) fn chunked(&self, vocabulary: Vocabulary<'_>, syntax: Syntax) -> Chunked {
        let Marks { start, end, pad } = vocabulary.marks();
        let pad = if syntax == Syntax::SdEmbeds { end } else { pad };
        let mut chunked = Chunked { ids: Vec::new(), weights: Vec::new(), places: Vec::new() };
        for (index, cut) in self.cuts(vocabulary, syntax).into_iter().enumerate() {
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
fn sentence(vocabulary: Vocabulary<'_>, ids: &[i64]) -> usize {
    let tokens: Vec<String> =
        ids.iter().take(ROOM).map(|&id| vocabulary.token(id).unwrap_or_default()).collect();
    let last = |fits: fn(&str) -> bool| tokens.iter().rposition(|token| fits(token));
    last(|token| token == ".</w>")
        .or_else(|| last(|token| matches!(token, ".</w>" | ",</w>" | ";</w>" | ":</w>")))
        .or_else(|| last(|token| token.ends_with("</w>")))
        .map_or(ROOM, |index| index + 1)
}

/// How many of more than 75 tokens go into the first chunk: all that fit, but of the vectors of a learned word all or
/// none, as the A1111 web UI has it. Only a word of more than a chunk is cut.
fn whole_words(vocabulary: Vocabulary<'_>, ids: &[i64]) -> usize {
    let start =
        (1..=ROOM).rev().find(|&at| !ids.get(at).is_some_and(|&id| vocabulary.continues(id)));
    start.unwrap_or(ROOM)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::Tokenizer;

    fn borders(text: &str, syntax: Syntax) -> Vec<&str> {
        let tokenizer = Tokenizer::clip_l().unwrap();
        let count = count(Vocabulary::from(&tokenizer), text, &[], syntax).unwrap();
        count.borders.iter().map(|&at| text[at..].split_inclusive(' ').next().unwrap()).collect()
    }

    #[test]
    fn a_plain_text_has_one_border_where_reading_ends() {
        let text = "fox ".repeat(75) + "owl cat " + &"dog ".repeat(80);
        assert_eq!(borders(&text, Syntax::Plain), ["owl "]);
        assert_eq!(borders(&"fox ".repeat(75), Syntax::Plain), Vec::<&str>::new());
    }

    #[test]
    fn borders_lie_before_the_first_word_of_each_chunk() {
        let plain = "fox ".repeat(75) + "owl " + &"dog ".repeat(74) + "cat";
        assert_eq!(borders(&plain, Syntax::SdEmbeds), ["owl ", "cat"]);
        // Weights and escapes are no words, and signs of several bytes count as several.
        let weighted =
            "(fox:1.2) \\(ü\\) ".to_owned() + &"fox ".repeat(71) + "(owl:0.5) " + &"dog ".repeat(9);
        assert_eq!(borders(&weighted, Syntax::SdEmbeds), ["owl:0.5) "]);
        let compel = "(fox)1.2 ".to_owned() + &"fox ".repeat(74) + "owl+ dog";
        assert_eq!(borders(&compel, Syntax::Compel), ["owl+ "]);
    }

    #[test]
    fn each_text_of_and_begins_a_chunk_and_a_blend_shows_its_longest() {
        let text = r#"("a fox", "an owl").and()"#;
        assert_eq!(borders(text, Syntax::Compel), ["an "]);
        let text = format!(r#"("a fox", "{}owl").blend(1, 2)"#, "dog ".repeat(75));
        assert_eq!(borders(&text, Syntax::Compel), [r#"owl").blend(1, "#]);
    }
}
