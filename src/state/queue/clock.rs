//! When the steps of a job were done, and how long one takes.

use std::time::Instant;

/// When steps were done.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    /// When the first step was done, and by how many pictures together.
    first: Option<(Instant, u32)>,
    /// When the last one was done, and how many are in all.
    last: Option<(Instant, u32)>,
}

impl Clock {
    /// A step was done and `all` are done in all; `of_first` ones were the first of their pictures,
    /// which took it together and tell of it one after another.
    pub(super) fn step(&mut self, now: Instant, all: u32, of_first: bool) {
        match &mut self.first {
            None => self.first = Some((now, all)),
            Some((_, first)) if of_first => *first = all,
            Some(_) => self.last = Some((now, all)),
        }
    }

    /// Seconds a step, once two are known.
    pub(super) fn step_secs(&self) -> Option<f64> {
        let ((start, from), (end, to)) = (self.first?, self.last?);
        (to > from).then(|| (end - start).as_secs_f64() / f64::from(to - from))
    }
}
