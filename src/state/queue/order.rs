//! The order of those that wait: who shows it moves jobs here, who works through it looks at their turns.

use std::time::Duration;

use super::{JobEntry, JobStatus, Queue};
use crate::jobs::JobId;
use crate::library::Promised;
use crate::task::EngineKind;

impl Queue {
    /// Jobs whose turn has not come, the next one first.
    pub fn waiting(&self) -> impl Iterator<Item = &JobEntry> {
        self.jobs.iter().filter(|job| job.status == JobStatus::Waiting)
    }

    /// How many jobs of the same engine come before one that waits: how many wait, too, and how many are
    /// at work.
    #[must_use]
    pub fn ahead_of(&self, job: &JobEntry) -> (usize, usize) {
        let same = || self.jobs.iter().filter(|other| other.engine() == job.engine());
        let before = same().take_while(|other| other.id != job.id);
        let waiting = before.filter(|other| other.status == JobStatus::Waiting).count();
        let at_work = same().filter(|other| other.is_running() || other.is_stopping()).count();
        (waiting, at_work)
    }

    /// How often the user has changed the order.
    #[must_use]
    pub const fn moves(&self) -> u64 {
        self.moves
    }

    /// How long a job takes that waits, once the like of it was made here.
    #[must_use]
    pub fn time_of(&self, job: &JobEntry) -> Option<Duration> {
        let pace = self.paces.get(&super::pace_key(&job.request))?;
        if job.engine() == EngineKind::Remote {
            return None;
        }
        let request = &job.request;
        let start = request.start.as_ref();
        let steps = start.map_or(request.steps, |start| start.steps_taken(request.steps));
        let one = f64::from(steps) * pace.step_secs + pace.rest_secs;
        Duration::try_from_secs_f64(f64::from(job.pictures()) * one).ok()
    }

    /// How long all of this machine's jobs take together; `None` as long as one of them is not known.
    #[must_use]
    pub fn time_of_all(&self) -> Option<Duration> {
        let own = |job: &&JobEntry| job.is_open() && job.engine() == EngineKind::Local;
        let times: Option<Vec<Duration>> = (self.jobs.iter().filter(own))
            .map(|job| self.time_left(job).or_else(|| self.time_of(job)))
            .collect();
        times.filter(|times| !times.is_empty()).map(|times| times.into_iter().sum())
    }

    /// Moves a waiting job to that place among those that wait, from 0.
    pub(in crate::state) fn move_to(&mut self, id: JobId, place: usize) {
        let is_it = |job: &JobEntry| job.id == id && job.status == JobStatus::Waiting;
        let Some(from) = self.jobs.iter().position(is_it) else { return };
        let before: Vec<JobId> = self.waiting().map(|job| job.id).collect();
        let job = self.jobs.remove(from);
        let places: Vec<usize> = (self.jobs.iter().enumerate())
            .filter(|(_, job)| job.status == JobStatus::Waiting)
            .map(|(place, _)| place)
            .collect();
        // Behind the last one that waits, not behind what stands there for another reason.
        let to = match (places.get(place), places.last()) {
            (Some(to), _) => *to,
            (None, Some(last)) => last + 1,
            (None, None) => from,
        };
        self.jobs.insert(to, job);
        self.give_turns();
        self.moves += u64::from(!before.iter().copied().eq(self.waiting().map(|job| job.id)));
    }

    /// Moves a waiting job so many places further back.
    pub(in crate::state) fn shift(&mut self, id: JobId, places: isize) {
        let Some(place) = self.waiting().position(|job| job.id == id) else { return };
        self.move_to(id, place.saturating_add_signed(places));
    }

    /// Asks all that wait to leave.
    pub(in crate::state) fn cancel_waiting(&mut self) {
        self.jobs.retain(|job| {
            let waits = job.status == JobStatus::Waiting;
            if waits {
                job.job.cancel.cancel();
            }
            !waits
        });
    }

    /// What tasks of the service that are on their way will cost, as far as it is not in the books.
    pub(in crate::state) fn promised(&self) -> Promised {
        let open = self.jobs.iter().filter(|job| {
            let at_work = job.is_open() || job.is_stopping();
            job.engine() == EngineKind::Remote && at_work
        });
        open.fold(Promised::default(), |sum, job| match job.price_left() {
            Some(price) => Promised { usd: sum.usd + price.high, ..sum },
            None => Promised { unknown: true, ..sum },
        })
    }

    /// Tells every job that waits when its turn comes.
    pub(super) fn give_turns(&self) {
        for (place, job) in self.jobs.iter().enumerate() {
            job.job.turn.set(place as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::test_job;

    /// A queue of so many, the first of which runs.
    fn queue(count: usize) -> (Queue, Vec<JobId>) {
        let mut queue = Queue::default();
        for _ in 0..count {
            queue.push(JobEntry::new(&test_job("a fox")));
        }
        queue.jobs[0].status = JobStatus::Loading;
        let ids = queue.jobs().iter().map(|job| job.id).collect();
        (queue, ids)
    }

    fn order(queue: &Queue) -> Vec<JobId> {
        queue.waiting().map(|job| job.id).collect()
    }

    #[test]
    fn what_waits_is_moved_and_its_turn_with_it() {
        let (mut queue, ids) = queue(4);
        queue.move_to(ids[3], 0);
        assert_eq!(order(&queue), [ids[3], ids[1], ids[2]]);
        queue.shift(ids[3], 1);
        assert_eq!(order(&queue), [ids[1], ids[3], ids[2]]);
        queue.shift(ids[1], -5);
        queue.move_to(ids[1], 99);
        assert_eq!(order(&queue), [ids[3], ids[2], ids[1]]);
        let mut by_turn: Vec<&JobEntry> = queue.waiting().collect();
        by_turn.sort_by_key(|job| job.job.turn.get());
        assert_eq!(by_turn.iter().map(|job| job.id).collect::<Vec<_>>(), order(&queue));
        let moves = queue.moves();
        queue.move_to(ids[0], 2);
        queue.shift(ids[1], 3);
        assert_eq!((queue.moves(), queue.jobs()[0].id), (moves, ids[0]), "it runs, it is last");
    }

    #[test]
    fn all_that_wait_leave_and_what_runs_stays() {
        let (mut queue, ids) = queue(3);
        let cancel = queue.jobs[2].job.cancel.clone();
        queue.cancel_waiting();
        assert!(cancel.is_cancelled());
        assert_eq!(queue.jobs().iter().map(|job| job.id).collect::<Vec<_>>(), [ids[0]]);
    }

    #[test]
    fn each_engine_counts_its_own_turns() {
        let (mut queue, ids) = queue(3);
        let mut remote = test_job("a fox");
        std::sync::Arc::make_mut(&mut remote.request).engine = EngineKind::Remote;
        queue.push(JobEntry::new(&remote));
        let ahead = |queue: &Queue, id| queue.ahead_of(queue.get(id).unwrap());
        assert_eq!([ids[1], ids[2]].map(|id| ahead(&queue, id)), [(0, 1), (1, 1)]);
        assert_eq!(ahead(&queue, remote.id), (0, 0), "the others are none of the service's");
        queue.jobs[0].status = JobStatus::Failed(crate::jobs::Failure::new(
            crate::jobs::FailureKind::Other,
            "it failed",
        ));
        assert_eq!(ahead(&queue, ids[2]), (1, 0), "nothing runs");
    }
}
