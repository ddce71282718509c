//! Days by the clock on the wall: what the gallery calls today and yesterday.

use std::time::{Duration, SystemTime};

/// How long ago, in the words of the gallery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Day {
    /// Since midnight.
    Today,
    /// The day before.
    Yesterday,
    /// Before that.
    Older,
}

impl Day {
    /// The heading.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Today => "Today",
            Self::Yesterday => "Yesterday",
            Self::Older => "Older",
        }
    }
}

/// The midnights around a moment, by the clock on the wall.
#[derive(Debug)]
pub(super) struct Midnights {
    /// Yesterday began.
    pub(super) before: SystemTime,
    /// Today began.
    pub(super) last: SystemTime,
    /// Tomorrow begins.
    pub(super) next: SystemTime,
}

impl Midnights {
    /// Those around `now`.
    pub(super) fn around(now: SystemTime) -> Self {
        const DAY: Duration = Duration::from_hours(24);
        let wall = jiff::Timestamp::try_from(now)
            .ok()
            .and_then(|stamp| stamp.to_zoned(jiff::tz::TimeZone::system()).start_of_day().ok());
        // A clock beyond the calendar's range has no midnights: a day back and on will do.
        let Some(last) = wall else {
            return Self { before: now - DAY, last: now, next: now + DAY };
        };
        let at = |zoned: Result<jiff::Zoned, jiff::Error>, otherwise: SystemTime| {
            zoned.map_or(otherwise, |zoned| zoned.timestamp().into())
        };
        let last_time: SystemTime = last.timestamp().into();
        Self {
            before: at(last.yesterday(), last_time - DAY),
            last: last_time,
            next: at(last.tomorrow(), last_time + DAY),
        }
    }
}
