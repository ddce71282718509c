//! `__animal__` in a prompt: one line of a list of that name, chosen by the seed.
//!
//! Knows lists, not the files that they come from.

use std::collections::BTreeMap;
use std::ops::Range;

/// Lists in lists in lists: how deep.
const DEEPEST: usize = 8;
/// Most words that are filled in for one prompt.
const MOST: usize = 1000;
/// What stands around a name.
const AROUND: &str = "__";
/// The prompt that stands for no prompt looks like a wildcard and is none.
const BLANK: &str = "BLANK";

/// Lists by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wildcards(BTreeMap<String, Vec<String>>);

/// Why a prompt cannot be filled in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WildcardError {
    /// No list has that name, or it is empty.
    #[error(
        "there is no wildcard __{name}__: put its words, one a line, into wildcards/{name}.txt"
    )]
    Unknown {
        /// The name as the prompt writes it.
        name: String,
    },
    /// A list names itself, or one that names it.
    #[error("the wildcard __{name}__ goes round in a circle: take it out of its own list")]
    Circle {
        /// Where that was noticed.
        name: String,
    },
}

/// A wildcard in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wildcard<'a> {
    /// Bytes of the text, the lines around the name included.
    pub range: Range<usize>,
    /// The list's name.
    pub name: &'a str,
}

/// The wildcards of `text` in reading order.
pub fn wildcards(text: &str) -> impl Iterator<Item = Wildcard<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let start = at + text.get(at..)?.find(AROUND)?;
            let inside = text.get(start + AROUND.len()..)?;
            let name = inside.find(AROUND).and_then(|length| inside.get(..length));
            match name.filter(|name| is_name(name)) {
                Some(name) => {
                    at = start + name.len() + 2 * AROUND.len();
                    return Some(Wildcard { range: start..at, name });
                }
                None => at = start + 1,
            }
        }
    })
}

fn is_name(name: &str) -> bool {
    let sign = |sign: char| sign.is_alphanumeric() || "-_/.".contains(sign);
    !name.is_empty() && name != BLANK && name.chars().all(sign)
}

impl Wildcards {
    /// Lists by name; names in capitals are the same.
    #[must_use]
    pub fn new(lists: impl IntoIterator<Item = (String, Vec<String>)>) -> Self {
        Self(lists.into_iter().map(|(name, lines)| (name.to_lowercase(), lines)).collect())
    }

    /// Whether there is a list of that name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(&name.to_lowercase())
    }

    /// The names of all lists, and how many lines each has.
    pub fn names(&self) -> impl Iterator<Item = (&str, usize)> {
        self.0.iter().map(|(name, lines)| (name.as_str(), lines.len()))
    }

    /// `text` with a line for each wildcard. The same seed chooses the same lines; each place chooses anew.
    ///
    /// # Errors
    /// When a list is not there or names itself.
    pub fn fill(&self, text: &str, seed: u64) -> Result<String, WildcardError> {
        let mut places = 0;
        self.filled(text, seed, &mut places, 0)
    }

    fn filled(
        &self,
        text: &str,
        seed: u64,
        places: &mut usize,
        depth: usize,
    ) -> Result<String, WildcardError> {
        let mut new = String::with_capacity(text.len());
        let mut end = 0;
        for Wildcard { range, name } in wildcards(text) {
            new.push_str(text.get(end..range.start).unwrap_or_default());
            end = range.end;
            let lines = self.0.get(&name.to_lowercase()).filter(|lines| !lines.is_empty());
            let lines = lines.ok_or_else(|| WildcardError::Unknown { name: name.to_owned() })?;
            if depth >= DEEPEST || *places >= MOST {
                return Err(WildcardError::Circle { name: name.to_owned() });
            }
            let chosen = mixed(seed, *places as u64) % lines.len() as u64;
            *places += 1;
            let line = lines.get(chosen as usize).map_or("", String::as_str);
            new.push_str(&self.filled(line, seed, places, depth + 1)?);
        }
        new.push_str(text.get(end..).unwrap_or_default());
        Ok(new)
    }
}

/// `SplitMix64` (Steele, Lea and Flood 2014) of the seed, at that place.
const fn mixed(seed: u64, place: u64) -> u64 {
    const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut z = seed.wrapping_add(STEP.wrapping_mul(place.wrapping_add(1)));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists() -> Wildcards {
        let lines = |lines: &[&str]| lines.iter().map(|&line| line.to_owned()).collect();
        Wildcards::new([
            ("animal".to_owned(), lines(&["fox", "owl", "hare", "__wild/cat__"])),
            ("wild/cat".to_owned(), lines(&["lynx"])),
            ("Loop".to_owned(), lines(&["a __loop__"])),
            ("empty".to_owned(), lines(&[])),
        ])
    }

    #[test]
    fn names_stand_between_two_lines_on_each_side() {
        let cases: [(&str, &[&str]); 8] = [
            ("a __animal__ runs", &["animal"]),
            ("__a____b__", &["a", "b"]),
            ("__BLANK__", &[]),
            ("__not a name__", &[]),
            ("snake_case __init", &[]),
            ("____", &[]),
            ("__wild/big-cat_2.x__", &["wild/big-cat_2.x"]),
            ("a __ b __animal__", &["animal"]),
        ];
        for (text, names) in cases {
            assert_eq!(
                wildcards(text).map(|found| found.name).collect::<Vec<_>>(),
                names,
                "{text}"
            );
            for found in wildcards(text) {
                assert_eq!(text[found.range], format!("__{}__", found.name));
            }
        }
    }

    #[test]
    fn the_seed_chooses_and_every_line_has_its_turn() {
        let lists = lists();
        let filled = |seed| lists.fill("a __animal__!", seed).unwrap();
        assert_eq!(filled(7), filled(7));
        let all: std::collections::BTreeSet<String> = (1..40).map(filled).collect();
        let expected = ["a fox!", "a hare!", "a lynx!", "a owl!"];
        assert!(all.iter().eq(expected.iter()), "{all:?}");
        // Two places of one prompt need not be the same.
        let twice = |seed| lists.fill("__animal__ __animal__", seed).unwrap();
        assert!((1..20).any(|seed| {
            let text = twice(seed);
            text.split(' ').next() != text.split(' ').nth(1)
        }));
        assert_eq!(lists.fill("no wildcard", 1).unwrap(), "no wildcard");
    }

    /// The first outputs of `SplitMix64` from seed 0, as its authors publish them.
    #[test]
    fn the_mixer_is_the_published_one() {
        let outputs = [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4, 0x06c4_5d18_8009_454f];
        assert_eq!([0, 1, 2].map(|place| mixed(0, place)), outputs);
    }

    #[test]
    fn what_is_not_there_or_names_itself_is_an_error() {
        let error = |text: &str| lists().fill(text, 1).unwrap_err();
        assert_eq!(error("__gone__"), WildcardError::Unknown { name: "gone".to_owned() });
        assert_eq!(error("__empty__"), WildcardError::Unknown { name: "empty".to_owned() });
        assert_eq!(error("__LOOP__"), WildcardError::Circle { name: "loop".to_owned() });
        assert!(error("__gone__").to_string().contains("wildcards/gone.txt"));
    }
}
