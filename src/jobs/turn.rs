//! A job's place among those that wait. Like [`super::Cancel`] it is shared: whoever shows the queue
//! moves a job, whoever works through it looks when the next one may begin.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// When a job's turn comes: the lowest first, of equals the one that came first. Clones speak of the
/// same job.
#[derive(Clone, Debug, Default)]
pub struct Turn(Arc<AtomicU64>);

impl Turn {
    /// Moves the job.
    pub fn set(&self, place: u64) {
        self.0.store(place, Ordering::SeqCst);
    }

    /// Where it stands.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}
