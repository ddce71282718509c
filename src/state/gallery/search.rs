//! What is typed into the search: words, and terms for model, seed, day and star.
//!
//! | term | finds |
//! |---|---|
//! | `fox`, `"red fox"` | in the prompt, the model or the seed; every one must be there |
//! | `model:dream` | in the model's identifier or name |
//! | `seed:42` | that seed |
//! | `today`, `yesterday`, `2026-11`, `2026-11-05`, `on:2026` | made then; years from 1970, in four digits |
//! | `before:2026-11`, `after:2026-11-05` | made before it began, after it ended |
//! | `starred` | with a star |
//! | `-term` | without it |

use std::ops::Range;
use std::sync::Arc;
use std::time::SystemTime;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use super::GalleryEntry;
use crate::task::ModelCard;

/// A search taken apart.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Query {
    terms: Vec<(bool, Term)>,
    /// The first term that is none, as it was typed; it is left out.
    pub(super) misread: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
enum Term {
    /// In small letters.
    Text(String),
    /// In small letters, and the identifiers of models whose name has it.
    Model(String, Vec<String>),
    Seed(u64),
    Made(Range<SystemTime>),
    Starred,
}

impl Query {
    /// Takes `text` apart. `now` says what today is, `models` what models are called.
    pub(super) fn parse(text: &str, now: SystemTime, models: &[Arc<ModelCard>]) -> Self {
        let today = Timestamp::try_from(now).unwrap_or(Timestamp::UNIX_EPOCH);
        let today = today.to_zoned(TimeZone::system()).date();
        let mut query = Self::default();
        for Word { not, quoted, prefix, text } in words(text) {
            if quoted && prefix.is_none() {
                // A quotation mark alone: somebody is still typing.
                if !text.is_empty() {
                    query.terms.push((not, Term::Text(text)));
                }
                continue;
            }
            match term(prefix.as_deref(), &text, today, models) {
                Ok(Some(term)) => query.terms.push((not, term)),
                // Somebody is still typing.
                Ok(None) => {}
                Err(NotUnderstood) => {
                    let typed = prefix.map_or_else(|| text.clone(), |it| format!("{it}:{text}"));
                    query.misread.get_or_insert(typed);
                }
            }
        }
        query
    }

    /// Whether everything is wanted.
    pub(super) const fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Whether it makes a difference which pictures are starred.
    pub(super) fn asks_for_stars(&self) -> bool {
        self.terms.iter().any(|(_, term)| *term == Term::Starred)
    }

    /// Whether that picture is wanted.
    pub(super) fn matches(&self, entry: &GalleryEntry, starred: bool) -> bool {
        self.terms.iter().all(|(not, term)| term.matches(entry, starred) != *not)
    }
}

impl Term {
    fn matches(&self, entry: &GalleryEntry, starred: bool) -> bool {
        match self {
            Self::Text(text) => entry.about.searchable.contains(text),
            Self::Model(text, airs) => entry.about.model.as_ref().is_some_and(|model| {
                airs.contains(model) || model.to_lowercase().contains(text.as_str())
            }),
            Self::Seed(seed) => entry.about.seed == Some(*seed),
            Self::Made(range) => range.contains(&entry.made),
            Self::Starred => starred,
        }
    }
}

/// A term that says nothing sensible.
struct NotUnderstood;

fn term(
    prefix: Option<&str>,
    text: &str,
    today: Date,
    models: &[Arc<ModelCard>],
) -> Result<Option<Term>, NotUnderstood> {
    if text.is_empty() || text == "-" {
        return Ok(None);
    }
    let made = |range: Option<Range<SystemTime>>| range.map(Term::Made).ok_or(NotUnderstood);
    Ok(Some(match prefix {
        Some("model") => {
            let named = |card: &&Arc<ModelCard>| card.name.to_lowercase().contains(text);
            let airs = models.iter().filter(named).map(|card| card.air.to_string()).collect();
            Term::Model(text.to_owned(), airs)
        }
        Some("seed") => Term::Seed(text.parse().or(Err(NotUnderstood))?),
        Some("on") => made(period(text, today))?,
        Some("before") => made(period(text, today).map(|it| SystemTime::UNIX_EPOCH..it.start))?,
        Some("after") => made(period(text, today).map(|it| it.end..far()))?,
        None | Some("is") if text == "starred" => Term::Starred,
        Some(_) => return Err(NotUnderstood),
        // A year alone is a word like any other number.
        None if text.parse::<u32>().is_err() => {
            period(text, today).map_or_else(|| Term::Text(text.to_owned()), Term::Made)
        }
        None => Term::Text(text.to_owned()),
    }))
}

/// Files are no older, and some systems know no earlier time.
const FIRST_YEAR: i16 = 1970;

/// The time that a day, a month or a year covers: `today`, `yesterday`, `2026-11-05`, `2026-11`, `2026`.
fn period(text: &str, today: Date) -> Option<Range<SystemTime>> {
    let (first, after) = match text {
        "today" => (today, today.tomorrow().ok()?),
        "yesterday" => (today.yesterday().ok()?, today),
        _ => {
            let mut parts = text.split('-');
            // Anything else, as in `16-9`, is a word.
            let year = parts.next().filter(|year| year.len() == 4)?.parse().ok()?;
            let mut small = || parts.next().map(str::parse::<i8>).transpose().ok();
            let (month, day) = (small()?, small()?);
            let first = Date::new(year, month.unwrap_or(1), day.unwrap_or(1)).ok()?;
            let span = match (month, day) {
                (None, _) => 1.year(),
                (Some(_), None) => 1.month(),
                (Some(_), Some(_)) => 1.day(),
            };
            let is_date = year >= FIRST_YEAR && parts.next().is_none();
            is_date.then_some((first, first.checked_add(span).ok()?))?
        }
    };
    Some(midnight(first)?..midnight(after)?)
}

/// When that day begins, by the clock on the wall.
fn midnight(date: Date) -> Option<SystemTime> {
    Some(date.to_zoned(TimeZone::system()).ok()?.timestamp().into())
}

fn far() -> SystemTime {
    Timestamp::MAX.into()
}

/// A word as it was typed: `-prefix:text`, in small letters.
struct Word {
    not: bool,
    /// Nothing but a text then, unless there is a prefix.
    quoted: bool,
    prefix: Option<String>,
    text: String,
}

/// Prefixes that mean something; other colons are part of a word, as in `(fox:1.2)`.
const PREFIXES: [&str; 6] = ["model", "seed", "on", "before", "after", "is"];

fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let text = text.to_lowercase();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let not = rest.len() > 1 && rest.starts_with('-') && !rest.starts_with("- ");
        let mut body = &rest[usize::from(not)..];
        let prefix = PREFIXES
            .iter()
            .find(|prefix| body.strip_prefix(**prefix).is_some_and(|after| after.starts_with(':')));
        if let Some(prefix) = prefix {
            body = &body[prefix.len() + 1..];
        }
        let (word, after) = match body.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => body.split_once(char::is_whitespace).unwrap_or((body, "")),
        };
        let quoted = body.starts_with('"');
        let prefix = prefix.map(|it| (*it).to_owned());
        words.push(Word { not, quoted, prefix, text: word.to_owned() });
        rest = after.trim_start();
    }
    words
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::library::{About, StoredImage};
    use crate::task::Task;
    use uuid::Uuid;

    fn at(year: i16, month: i8, day: i8, hour: i8) -> SystemTime {
        let date = Date::new(year, month, day).unwrap().at(hour, 0, 0, 0);
        date.to_zoned(TimeZone::system()).unwrap().timestamp().into()
    }

    fn entry(prompt: &str, made: SystemTime) -> GalleryEntry {
        let mut task = Task::new(Uuid::nil());
        task.positive_prompt = Some(prompt.to_owned());
        task.model = Some("civitai:4384@128713".to_owned());
        task.seed = Some(4217);
        GalleryEntry::from_stored(StoredImage {
            path: "1.png".into(),
            image_uuid: Uuid::from_u128(1),
            made,
            about: Some(About::new(None, Some(&task))),
        })
    }

    fn dreamshaper() -> Arc<ModelCard> {
        let request = crate::jobs::test_job("a fox").request;
        let air = "civitai:4384@128713".parse().unwrap();
        let card = ModelCard { air, name: "DreamShaper 8".to_owned(), ..(*request.model).clone() };
        Arc::new(card)
    }

    #[test]
    fn every_term_narrows_and_a_minus_turns_it_around() {
        let now = at(2026, 11, 22, 15);
        let entry = entry("A red (fox:1.2) today in 16-9", at(2026, 11, 21, 23));
        let finds = |text: &str| Query::parse(text, now, &[dreamshaper()]).matches(&entry, true);
        for found in [
            "",
            "red FOX",
            "\"red (fox\"",
            "(fox:1.2)",
            "4384",
            "421",
            "model:dream",
            "model:CIVIT",
            "seed:4217",
            "yesterday",
            "2026-11",
            "on:2026",
            "2026-11-21",
            "before:today",
            "before:2026-11-22",
            "after:2026-11-20",
            "after:2026-10",
            "starred",
            "is:starred",
            "-zebra",
            "-model:flux",
            "-today",
            "\"today\"",
            "red yesterday seed:4217 starred",
            "seed:",
            "model:",
            "-",
            "\"",
            "-\"",
            "-\"\"",
            "16-9",
        ] {
            assert!(finds(found), "{found:?}");
        }
        for missed in [
            "zebra",
            "-red",
            "\"fox red\"",
            "model:flux",
            "seed:421",
            "today",
            "2026-10",
            "on:2025",
            "2026-11-22",
            "before:2026-11-21",
            "before:2026",
            "after:2026-11-21",
            "after:2026",
            "-starred",
            "red zebra",
            "1-2",
            "0001-01",
            "-16-9",
        ] {
            assert!(!finds(missed), "{missed:?}");
        }
    }

    #[test]
    fn what_is_no_term_is_told_and_left_out() {
        let misread = |text: &str| Query::parse(text, at(2026, 11, 22, 1), &[]).misread;
        assert_eq!(misread("fox before:2026-13 seed:x"), Some("before:2026-13".to_owned()));
        assert_eq!(misread("seed:-4"), Some("seed:-4".to_owned()));
        assert_eq!(misread("is:good"), Some("is:good".to_owned()));
        assert_eq!(misread("fox 2026-13 http://x - before:"), None, "words, and one being typed");
    }

    #[test]
    fn no_date_is_too_odd() {
        let now = at(2026, 11, 22, 15);
        for year in
            ["-9999", "0000", "0001", "1600", "1969", "1970", "9999", "32767", "99999", "+202"]
        {
            for rest in ["", "-01", "-12", "-12-31", "-01-01", "-00", "-13", "-1-1-1", "--1"] {
                for prefix in ["", "on:", "before:", "after:"] {
                    let text = format!("{prefix}{year}{rest}");
                    Query::parse(&text, now, &[]).matches(&entry("x", now), false);
                }
            }
        }
        let misread = Query::parse("after:16-9", now, &[]).misread;
        assert_eq!(misread.as_deref(), Some("after:16-9"));
    }

    #[test]
    fn a_day_ends_where_the_next_begins() {
        let now = at(2026, 11, 22, 0);
        let last = entry("x", now - Duration::from_nanos(1));
        for (text, found) in [("yesterday", true), ("today", false), ("2026-11-21", true)] {
            assert_eq!(Query::parse(text, now, &[]).matches(&last, false), found, "{text}");
        }
    }
}
