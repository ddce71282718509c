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
}

impl Learned {
    /// Where words of `learned` stand in `text`, in bytes and in reading order.
    #[must_use]
    pub fn places(learned: &[Self], text: &str) -> Vec<Range<usize>> {
        Vocabulary::places(learned, text).into_iter().map(|place| place.span).collect()
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
                for (text, _) in texts {
                    text.segments.push(part.clone());
                }
            }
            Self::And(texts) => {
                if let Some((text, _)) = texts.last_mut() {
                    text.segments.push(part);
                }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::{TokenCount, Weighted, count};

    fn learned() -> [Learned; 2] {
        let one = |words: &[&str], vectors| Learned {
            words: words.iter().map(|&word| word.to_owned()).collect(),
            vectors,
        };
        [one(&["<cab>", "my-cab", "cab"], 2), one(&["EasyNegative", "my-cab-2"], 30)]
    }

    fn spans<'a>(text: &'a str, learned: &[Learned]) -> Vec<(&'a str, usize)> {
        let places = Vocabulary::places(learned, text);
        places.into_iter().map(|place| (&text[place.span], place.index)).collect()
    }

    #[test]
    fn words_stand_alone_in_any_case_and_the_longest_counts() {
        let learned = learned();
        assert_eq!(spans("a <CAB>, Cab.", &learned), [("<CAB>", 0), ("Cab", 0)]);
        assert_eq!(spans("my-cab, my-cab-2", &learned), [("my-cab", 0), ("my-cab-2", 1)]);
        assert_eq!(spans("cabin scab cab_3 _cab cab3 ücab", &learned), []);
        assert_eq!(spans("easynegative,EASYNEGATIVE", &learned).len(), 2);
        assert_eq!(spans("x<cab>y", &learned), [("<cab>", 0)]);
        assert_eq!(spans("", &learned), []);
        assert!(learned[0].stands_in("a (cab:1.3) ride", Syntax::SdEmbeds));
        assert!(!learned[0].stands_in("a bus", Syntax::Plain));
        assert!(!learned[0].stands_in(r#"("cab", "b").blend(1)"#, Syntax::Compel));
    }

    #[test]
    fn a_word_becomes_its_vectors_between_the_ids_of_the_rest() {
        let tokenizer = Tokenizer::clip_l().unwrap();
        let learned = learned();
        let vocabulary = Vocabulary::new(&tokenizer, &learned);
        let mut expected = tokenizer.ids("a ");
        expected.extend([LEARNED, LEARNED + 1]);
        expected.extend(tokenizer.ids(", fox"));
        assert_eq!(vocabulary.ids("a <cab>, fox"), expected);
        assert_eq!(vocabulary.spans("a <cab>, fox"), [0..1, 2..7, 2..7, 7..8, 9..12]);
        assert_eq!(vocabulary.ids("easynegative")[0], LEARNED + 2);
        let continued: Vec<bool> =
            vocabulary.ids("cab cab").into_iter().map(|id| vocabulary.continues(id)).collect();
        assert_eq!(continued, [false, true, false, true]);
        assert_eq!(Vocabulary::from(&tokenizer).ids("a cab"), tokenizer.ids("a cab"));
    }

    fn counted(text: &str, added: &[&Learned], syntax: Syntax) -> TokenCount {
        let tokenizer = Tokenizer::clip_l().unwrap();
        let learned = learned();
        count(Vocabulary::new(&tokenizer, &learned), text, added, syntax).unwrap()
    }

    #[test]
    fn no_chunk_ends_inside_a_word() {
        let before = "fox ".repeat(60);
        let text = format!("{before}easynegative owl");
        for syntax in [Syntax::SdEmbeds, Syntax::Compel] {
            let count = counted(&text, &[], syntax);
            assert_eq!(
                (count.chunks, count.borders),
                (vec![60, 31], vec![before.len()]),
                "{syntax:?}"
            );
        }
        assert_eq!(counted(&text, &[], Syntax::Plain).chunks, [75]);
        // Exactly full, and too long for any chunk.
        let full = format!("{}easynegative owl", "fox ".repeat(45));
        assert_eq!(counted(&full, &[], Syntax::SdEmbeds).chunks, [75, 1]);
        let tokenizer = Tokenizer::clip_l().unwrap();
        let long = [Learned { words: vec!["long".to_owned()], vectors: 100 }];
        let vocabulary = Vocabulary::new(&tokenizer, &long);
        let found = count(vocabulary, "a long", &[], Syntax::SdEmbeds).unwrap();
        assert_eq!(found.chunks, [1, 75, 25]);
    }

    #[test]
    fn an_added_word_is_counted_and_weighs_nothing_else() {
        let learned = learned();
        let count = counted("a fox", &[&learned[0], &learned[1]], Syntax::Plain);
        assert_eq!((count.tokens, count.chunks), (34, vec![34]));
        let count = counted(&"fox ".repeat(70), &[&learned[1]], Syntax::SdEmbeds);
        assert_eq!((count.chunks, count.borders), (vec![70, 30], vec![280]));
        let appended = |text| {
            let mut conditioning = parse(text, Syntax::Compel).unwrap();
            conditioning.append(&learned[0]);
            conditioning
        };
        let word = || (" <cab>".to_owned(), 1.0);
        let Conditioning::And(texts) = appended(r#"("a", "b").and()"#) else { panic!("an and") };
        assert_eq!(texts[0].0, Weighted::plain("a"));
        assert_eq!(texts[1].0.segments, [("b".to_owned(), 1.0), word()]);
        let Conditioning::Blend { texts, .. } = appended(r#"("a", "b").blend(1, 2)"#) else {
            panic!("a blend")
        };
        assert!(texts.iter().all(|(text, _)| text.segments.last() == Some(&word())));
    }
}
