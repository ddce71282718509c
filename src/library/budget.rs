//! The limit of a day's spending: when a task would pass it, and how that is told.

use std::fmt;

use super::ledger::{Estimate, Ledger, LedgerError};
use crate::jobs::Job;

/// A limit that the next task would pass, in US dollars.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Overrun {
    /// What was spent today.
    pub spent: f64,
    /// What the task will cost at most, where anything is known of it.
    pub expected: Option<f64>,
    /// The limit of a day.
    pub limit: f64,
}

/// What tasks that were let through and are not paid yet will cost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Promised {
    /// At most, in US dollars, as far as it is known.
    pub usd: f64,
    /// Whether one of them costs nobody knows how much: then a limit cannot be kept for another.
    pub unknown: bool,
}

/// Jobs before they are paid for.
#[derive(Clone, Debug, PartialEq)]
pub struct Weighed {
    /// What each will probably cost; `None` before the first receipt of its model.
    pub prices: Vec<Option<Estimate>>,
    /// Why they must not be sent unasked.
    pub stop: Option<Stop>,
}

/// Why a task must not be sent unasked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stop {
    /// Nobody knows its cost, or that of another one on its way.
    Unknown,
    /// It would pass the limit.
    Overrun(Overrun),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => {
                f.write_str("its cost is not known yet, and the limit could be passed")
            }
            Self::Overrun(overrun) => overrun.fmt(f),
        }
    }
}

impl Ledger {
    /// What the pictures that each of `jobs` owes will probably cost, and whether a limit of so many US
    /// dollars a day lets all of them through beside what was `promised` already. A job that was sent
    /// before is paid for in any case: it stops nothing.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn weigh(
        &self,
        jobs: &[Job],
        limit: Option<f64>,
        mut promised: Promised,
    ) -> Result<Weighed, LedgerError> {
        let price = |job: &Job| {
            let all = job.request.number_results as usize;
            let whole = self.estimate(&job.request)?;
            Ok(whole.map(|whole| whole.share(job.owed.len(), all)))
        };
        let prices: Vec<Option<Estimate>> = jobs.iter().map(price).collect::<Result<_, _>>()?;
        let unsent = || jobs.iter().zip(&prices).filter(|(job, _)| !job.sent);
        if unsent().next().is_none() {
            return Ok(Weighed { prices, stop: None });
        }
        let of_unknown = unsent().filter(|(_, price)| price.is_none());
        let unknown: usize = of_unknown.map(|(job, _)| job.owed.len()).sum();
        let known: Estimate = unsent().filter_map(|(_, price)| *price).sum();
        let estimate = (unknown == 0).then_some(known);
        if estimate.is_none() {
            promised.usd += known.high;
        }
        let unknown = u32::try_from(unknown).unwrap_or(u32::MAX);
        let stop = self.stop((estimate, unknown), limit, promised)?;
        Ok(Weighed { prices, stop })
    }

    /// Why something with that estimate and so many results must not be paid for unasked.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn stop(
        &self,
        (estimate, results): (Option<Estimate>, u32),
        limit: Option<f64>,
        promised: Promised,
    ) -> Result<Option<Stop>, LedgerError> {
        let Some(limit) = limit else { return Ok(None) };
        let high = estimate.map(|estimate| estimate.high);
        // What was let through just now is not in the ledger yet.
        let all = Estimate { low: 0.0, high: promised.usd + high.unwrap_or(0.0) };
        let expected = (high.is_some() || promised.usd > 0.0).then_some(all);
        let unknown = promised.unknown || (high.is_none() && results > 1);
        let stop = self.overrun(limit, expected)?.map(Stop::Overrun);
        Ok(stop.or(unknown.then_some(Stop::Unknown)))
    }

    /// Whether a task that will probably cost `expected` passes a limit of so many US dollars a day.
    /// One of which nothing is known passes it once the limit is reached.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn overrun(
        &self,
        limit: f64,
        expected: Option<Estimate>,
    ) -> Result<Option<Overrun>, LedgerError> {
        let spent = self.spent_today()?;
        let expected = expected.map(|estimate| estimate.high);
        // A tenth of a cent's thousandth: sums of floats do not end in a round number.
        let passes = match expected {
            Some(expected) => spent + expected > limit + 1e-6,
            None => spent + 1e-6 >= limit,
        };
        Ok(passes.then_some(Overrun { spent, expected, limit }))
    }
}

impl fmt::Display for Overrun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { spent, expected, limit } = *self;
        match expected {
            Some(expected) if spent < limit => write!(
                f,
                "this would bring today's spending to about {}; your limit is {} a day",
                dollars(spent + expected),
                dollars(limit)
            ),
            _ => write!(
                f,
                "today's spending of {} has reached your limit of {} a day",
                dollars(spent),
                dollars(limit)
            ),
        }
    }
}

/// US dollars as people read them: cents, and for less than ten cents as many digits as tell something.
#[must_use]
pub fn dollars(usd: f64) -> String {
    // A sum of nothing is a negative zero.
    let usd = usd + 0.0;
    let text = if usd.abs() >= 0.0995 { format!("{usd:.2}") } else { format!("{usd:.4}") };
    let (whole, cents) = text.split_once('.').unwrap_or((&text, "00"));
    let cents = match cents.trim_end_matches('0') {
        short if short.len() < 2 => &cents[..2],
        long => long,
    };
    format!("${whole}.{cents}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_amounts_keep_the_digits_that_tell_something() {
        for (usd, text) in [
            (0.0, "$0.00"),
            (0.0006, "$0.0006"),
            (0.0013, "$0.0013"),
            (0.05, "$0.05"),
            (0.062, "$0.062"),
            (0.1234, "$0.12"),
            (12.0, "$12.00"),
        ] {
            assert_eq!(dollars(usd), text);
        }
    }
}
