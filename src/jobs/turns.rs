//! Feeds a provider so many jobs at a time, each time the one whose turn is next.
//!
//! What waits here can still be moved ([`super::Turn`]) and leaves at once when it is cancelled.

use std::io;
use std::sync::mpsc::TrySendError;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use super::worker::{QUEUE_LENGTH, refuse};
use super::{EventSink, Job, Progress, Provider, Status};

/// A [`Provider`] over another one, which never has more than a few jobs. Dropping it lets go of
/// what waits, then drops the other one.
pub struct Turns {
    inner: Arc<dyn Provider>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    line: Mutex<Line>,
    changed: Condvar,
}

#[derive(Default)]
struct Line {
    waiting: Vec<(Job, EventSink)>,
    under_way: usize,
    stopping: bool,
}

/// What the thread does next.
enum Next {
    Begin(Job, EventSink),
    /// It was cancelled before its turn came.
    Leave(Job, EventSink),
}

impl Turns {
    /// Starts the thread; `inner` gets `at_once` jobs at most.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(inner: Box<dyn Provider>, at_once: usize) -> io::Result<Self> {
        let inner: Arc<dyn Provider> = inner.into();
        let shared = Arc::new(Shared::default());
        let (provider, on_thread) = (Arc::clone(&inner), Arc::clone(&shared));
        let thread = thread::Builder::new()
            .name("turns".to_owned())
            .spawn(move || feed(provider.as_ref(), &on_thread, at_once.max(1)))?;
        Ok(Self { inner, shared, thread: Some(thread) })
    }
}

impl Shared {
    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the thread. The lock keeps it from falling asleep just now.
    fn wake(&self) {
        let _line = self.line();
        self.changed.notify_all();
    }

    /// Waits for something to do; `None` at the end.
    fn next(&self, at_once: usize) -> Option<Next> {
        let mut line = self.line();
        loop {
            if line.stopping {
                return None;
            }
            if let Some(place) = line.waiting.iter().position(|(job, _)| job.cancel.is_cancelled())
            {
                let (job, events) = line.waiting.remove(place);
                return Some(Next::Leave(job, events));
            }
            let first =
                (0..line.waiting.len()).min_by_key(|place| line.waiting[*place].0.turn.get());
            if let Some(place) = first.filter(|_| line.under_way < at_once) {
                line.under_way += 1;
                let (job, events) = line.waiting.remove(place);
                return Some(Next::Begin(job, events));
            }
            line = self.changed.wait(line).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn feed(inner: &dyn Provider, shared: &Arc<Shared>, at_once: usize) {
    while let Some(next) = shared.next(at_once) {
        match next {
            Next::Leave(job, events) => events.send(job.id, Progress::Cancelled),
            Next::Begin(job, events) => {
                let at_end = Arc::clone(shared);
                let events = events.when_ended(Arc::new(move |_| {
                    at_end.line().under_way -= 1;
                    at_end.wake();
                }));
                inner.submit(job, events);
            }
        }
    }
}

impl Provider for Turns {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn status(&self) -> Status {
        self.inner.status()
    }

    fn submit(&self, job: Job, events: EventSink) {
        events.send(job.id, Progress::Queued);
        let shared = Arc::clone(&self.shared);
        // Whoever begins the job sets what interrupts it in place of this.
        job.cancel.on_cancel(move || shared.wake());
        let mut line = self.shared.line();
        if line.waiting.len() >= QUEUE_LENGTH {
            drop(line);
            return refuse(TrySendError::Full((job, events)));
        }
        line.waiting.push((job, events));
        drop(line);
        self.shared.wake();
    }
}

impl Drop for Turns {
    fn drop(&mut self) {
        let mut line = self.shared.line();
        line.stopping = true;
        let waiting = std::mem::take(&mut line.waiting);
        drop(line);
        // Outside the lock: a job holds what would wake us.
        drop(waiting);
        self.shared.wake();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
    use std::time::Duration;

    use super::*;
    use crate::jobs::{Device, Event, JobId, test_job};

    /// Keeps what it is given until the test ends it.
    #[derive(Clone)]
    struct Held(SyncSender<(Job, EventSink)>);

    impl Provider for Held {
        fn name(&self) -> &'static str {
            "test"
        }

        fn status(&self) -> Status {
            Status::Ready(Device { name: "test".to_owned(), fallback: None })
        }

        fn submit(&self, job: Job, events: EventSink) {
            self.0.send((job, events)).unwrap();
        }
    }

    const PATIENCE: Duration = Duration::from_secs(20);

    fn bench(at_once: usize) -> (Turns, Receiver<(Job, EventSink)>, EventSink, Receiver<Event>) {
        let (given, taken) = sync_channel(64);
        let (sender, events) = sync_channel(256);
        let turns = Turns::start(Box::new(Held(given)), at_once).unwrap();
        (turns, taken, EventSink::new(sender, Arc::new(|| {})), events)
    }

    fn next(taken: &Receiver<(Job, EventSink)>) -> (JobId, EventSink) {
        let (job, events) = taken.recv_timeout(PATIENCE).unwrap();
        (job.id, events)
    }

    #[test]
    fn the_lowest_turn_begins_next_and_what_waits_can_be_moved() {
        let (turns, taken, sink, _events) = bench(1);
        let jobs: Vec<Job> = (0..4).map(|_| test_job("a fox")).collect();
        for (place, job) in jobs.iter().enumerate() {
            job.turn.set(place as u64 + 10);
            turns.submit(job.clone(), sink.clone());
        }
        let (first, events) = next(&taken);
        assert_eq!(first, jobs[0].id);
        jobs[3].turn.set(1);
        assert!(taken.try_recv().is_err(), "one at a time");
        let (mut id, mut events) = (first, events);
        for expected in [3, 1, 2] {
            events.send(id, Progress::Finished);
            (id, events) = next(&taken);
            assert_eq!(id, jobs[expected].id);
        }
    }

    #[test]
    fn what_is_cancelled_while_it_waits_leaves_at_once() {
        let (turns, taken, sink, events) = bench(1);
        let [running, waiting] = [test_job("a fox"), test_job("an owl")];
        turns.submit(running.clone(), sink.clone());
        turns.submit(waiting.clone(), sink);
        next(&taken);
        waiting.cancel.cancel();
        let end = std::iter::from_fn(|| events.recv_timeout(PATIENCE).ok())
            .find(|event| event.progress.is_end())
            .unwrap();
        assert_eq!(end.job, waiting.id);
        assert!(matches!(end.progress, Progress::Cancelled));
    }

    #[test]
    fn several_are_under_way_where_the_provider_takes_several() {
        let (turns, taken, sink, _events) = bench(2);
        for _ in 0..3 {
            turns.submit(test_job("a fox"), sink.clone());
        }
        next(&taken);
        let (second, events) = next(&taken);
        assert!(taken.recv_timeout(Duration::from_millis(50)).is_err());
        events.send(second, Progress::Finished);
        next(&taken);
    }

    #[test]
    fn what_has_no_room_and_was_begun_before_stays_in_the_journal() {
        let (turns, _taken, sink, events) = bench(1);
        let listener = thread::Builder::new().spawn(move || {
            let ends = events.iter().filter(|event| event.progress.is_end());
            ends.map(|event| event.progress).next()
        });
        for _ in 0..QUEUE_LENGTH + 3 {
            turns.submit(Job { resumed: true, ..test_job("a fox") }, sink.clone());
        }
        let end = listener.unwrap().join().unwrap().unwrap();
        assert!(end.is_interrupted(), "{end:?}");
    }
}
