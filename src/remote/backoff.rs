//! How long to wait before the next attempt: 1 s, doubled with each failure up to 30 s, a fifth more or
//! less so that many clients do not come back at the same moment.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);
const JITTER: f64 = 0.2;

/// Failures in a row.
#[derive(Clone, Debug)]
pub(super) struct Backoff {
    failures: u32,
    random: u64,
}

impl Backoff {
    /// No failure yet; `seed` makes the jitter.
    pub(super) const fn new(seed: u64) -> Self {
        Self { failures: 0, random: seed | 1 }
    }

    pub(super) const fn failures(&self) -> u32 {
        self.failures
    }

    pub(super) const fn fail(&mut self) {
        self.failures += 1;
    }

    pub(super) const fn succeed(&mut self) {
        self.failures = 0;
    }

    /// Time until the next attempt, by the failures so far.
    pub(super) fn pause(&mut self) -> Duration {
        let doubled = FIRST * (1 << self.failures.saturating_sub(1).min(5));
        // Marsaglia's xorshift (2003).
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let share = (self.random >> 11) as f64 / (1_u64 << 53) as f64;
        doubled.min(LONGEST).mul_f64(1.0 + JITTER * (2.0 * share - 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_half_a_minute_and_never_agree() {
        let mut backoff = Backoff::new(9);
        for nominal in [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0] {
            backoff.fail();
            let pauses = [backoff.pause(), backoff.pause()].map(|pause| pause.as_secs_f64());
            assert!(
                pauses.iter().all(|pause| (pause / nominal - 1.0).abs() <= JITTER),
                "{pauses:?}"
            );
            assert!((pauses[0] - pauses[1]).abs() > f64::EPSILON);
        }
        backoff.succeed();
        assert_eq!(backoff.failures(), 0);
    }
}
