//! As many problems of a task as somebody can read; of the others only how many there are.
//!
//! A task with a million wrong members would else be answered with a million errors.

use super::Problem;

/// Problems of one task that are told one by one.
pub const MOST_PROBLEMS: usize = 32;

/// The problems that are found in a task, up to [`MOST_PROBLEMS`] and a last one for the rest.
#[derive(Debug, Default)]
pub struct Problems {
    told: Vec<Problem>,
    more: usize,
}

impl Problems {
    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.told.is_empty()
    }

    /// Notes a problem; it is only put into words while there is room for it.
    pub fn note(&mut self, problem: impl FnOnce() -> Problem) {
        if self.told.len() < MOST_PROBLEMS {
            self.told.push(problem());
        } else {
            self.more += 1;
        }
    }

    /// Notes several.
    pub fn extend(&mut self, problems: impl IntoIterator<Item = Problem>) {
        for problem in problems {
            self.note(|| problem);
        }
    }

    /// Adds those of `other` behind these.
    pub fn append(&mut self, other: Self) {
        self.extend(other.told);
        self.more += other.more;
    }

    /// Those that were told, and how many more there are.
    #[must_use]
    pub fn into_vec(mut self) -> Vec<Problem> {
        if self.more > 0 {
            let message =
                format!("{} more problems are not listed; correct these first.", self.more);
            self.told.push(Problem::new("validationFailed", message));
        }
        self.told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_told_is_counted_and_never_put_into_words() {
        let mut worded = 0;
        let mut problems = Problems::default();
        for _ in 0..100 {
            problems.note(|| {
                worded += 1;
                Problem::new("invalidWidth", "m")
            });
        }
        let all = problems.into_vec();
        assert_eq!((worded, all.len()), (MOST_PROBLEMS, MOST_PROBLEMS + 1));
        assert!(all.last().unwrap().message.starts_with("68 more"), "{all:?}");
        let mut few = Problems::default();
        few.extend(vec![Problem::new("invalidWidth", "m"); MOST_PROBLEMS]);
        assert_eq!(few.into_vec().len(), MOST_PROBLEMS);
    }
}
