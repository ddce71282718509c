//! Who is next: the keys take turns, each with its own line, so that a thousand tasks of one do not make
//! the single one of another wait.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Lines of waiting work, one for each owner; pure.
#[derive(Debug)]
pub(super) struct FairQueue<O, T> {
    /// The owner in front is served next; nobody stands here without work.
    lines: VecDeque<(O, VecDeque<T>)>,
}

impl<O: PartialEq, T> FairQueue<O, T> {
    pub(super) const fn new() -> Self {
        Self { lines: VecDeque::new() }
    }

    /// Puts `work` at the end of its owner's line.
    pub(super) fn push(&mut self, owner: O, work: T) {
        match self.lines.iter_mut().find(|(of, _)| *of == owner) {
            Some((_, line)) => line.push_back(work),
            None => self.lines.push_back((owner, VecDeque::from([work]))),
        }
    }

    /// The first work of the owner whose turn it is.
    pub(super) fn pop(&mut self) -> Option<T> {
        let (owner, mut line) = self.lines.pop_front()?;
        let work = line.pop_front();
        if !line.is_empty() {
            self.lines.push_back((owner, line));
        }
        work
    }
}

/// A [`FairQueue`] between threads.
#[derive(Debug)]
pub(super) struct Waiting<O, T> {
    inner: Mutex<Inner<O, T>>,
    news: Condvar,
}

#[derive(Debug)]
struct Inner<O, T> {
    queue: FairQueue<O, T>,
    closed: bool,
}

impl<O: PartialEq, T> Waiting<O, T> {
    pub(super) const fn new() -> Self {
        let inner = Inner { queue: FairQueue::new(), closed: false };
        Self { inner: Mutex::new(inner), news: Condvar::new() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner<O, T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, owner: O, work: T) {
        self.inner().queue.push(owner, work);
        self.news.notify_one();
    }

    /// Waits for work; `None` once the queue is closed, whatever still waits.
    pub(super) fn pop(&self) -> Option<T> {
        let mut inner = self.inner();
        loop {
            if inner.closed {
                return None;
            }
            if let Some(work) = inner.queue.pop() {
                return Some(work);
            }
            inner = self.news.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Nothing more is given out.
    pub(super) fn close(&self) {
        self.inner().closed = true;
        self.news.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_take_turns_and_each_keeps_its_order() {
        let mut queue = FairQueue::new();
        for work in 0..3 {
            queue.push('a', format!("a{work}"));
        }
        queue.push('b', "b0".to_owned());
        let mut served = vec![queue.pop().unwrap()];
        queue.push('c', "c0".to_owned());
        queue.push('b', "b1".to_owned());
        served.extend(std::iter::from_fn(|| queue.pop()));
        assert_eq!(served, ["a0", "b0", "a1", "c0", "b1", "a2"]);
        assert!(queue.lines.is_empty(), "nobody without work is remembered");
    }

    #[test]
    fn a_closed_queue_gives_nothing_out() {
        let waiting = Waiting::new();
        waiting.push('a', 1);
        waiting.push('a', 2);
        assert_eq!(waiting.pop(), Some(1));
        waiting.close();
        assert_eq!(waiting.pop(), None);
    }
}
