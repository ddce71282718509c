//! What a session still has to receive: a buffer that knows what arrived, with no socket and no clock.
//!
//! A message counts as received when a later sign of life of the same connection proves it: after each
//! message the socket sends a WebSocket ping with its number, and the pong confirms. What is not
//! confirmed when the connection ends is sent again on the next one.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The buffer itself; pure.
#[derive(Debug)]
pub(super) struct Buffer<M> {
    unsent: VecDeque<M>,
    /// With the number under which each was sent.
    unconfirmed: VecDeque<(u64, M)>,
    sent: u64,
}

impl<M: Clone> Buffer<M> {
    pub(super) const fn new() -> Self {
        Self { unsent: VecDeque::new(), unconfirmed: VecDeque::new(), sent: 0 }
    }

    pub(super) fn push(&mut self, message: M) {
        self.unsent.push_back(message);
    }

    /// The next message to send and its number.
    pub(super) fn next(&mut self) -> Option<(u64, M)> {
        let message = self.unsent.pop_front()?;
        self.sent += 1;
        self.unconfirmed.push_back((self.sent, message.clone()));
        Some((self.sent, message))
    }

    /// Everything up to that number has arrived.
    pub(super) fn confirm(&mut self, number: u64) {
        while self.unconfirmed.front().is_some_and(|(sent, _)| *sent <= number) {
            self.unconfirmed.pop_front();
        }
    }

    /// A new connection: what was not confirmed goes first, in the old order.
    pub(super) fn rewind(&mut self) {
        while let Some((_, message)) = self.unconfirmed.pop_back() {
            self.unsent.push_front(message);
        }
    }
}

/// A [`Buffer`] between whoever makes messages and the socket that sends them.
#[derive(Debug)]
pub(super) struct Outbox<M> {
    buffer: Mutex<(Buffer<M>, u64)>,
    /// Wakes the socket.
    pub(super) news: Notify,
}

impl<M: Clone> Outbox<M> {
    pub(super) fn new() -> Self {
        Self { buffer: Mutex::new((Buffer::new(), 0)), news: Notify::new() }
    }

    fn buffer(&self) -> MutexGuard<'_, (Buffer<M>, u64)> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, message: M) {
        self.buffer().0.push(message);
        self.news.notify_one();
    }

    /// A connection takes the outbox over from the one before, which gets nothing more; the number of
    /// the connection.
    pub(super) fn attach(&self) -> u64 {
        let mut buffer = self.buffer();
        buffer.0.rewind();
        buffer.1 += 1;
        // Both the old socket, which is to leave, and the new one are woken.
        self.news.notify_waiters();
        self.news.notify_one();
        buffer.1
    }

    /// Whether that connection still is the one.
    pub(super) fn is_attached(&self, connection: u64) -> bool {
        self.buffer().1 == connection
    }

    /// The next message for that connection.
    pub(super) fn next(&self, connection: u64) -> Option<(u64, M)> {
        let mut buffer = self.buffer();
        if buffer.1 == connection { buffer.0.next() } else { None }
    }

    /// That connection has received everything up to `number`.
    pub(super) fn confirm(&self, connection: u64, number: u64) {
        let mut buffer = self.buffer();
        if buffer.1 == connection {
            buffer.0.confirm(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_confirmed_comes_again_in_order_and_once() {
        let mut buffer = Buffer::new();
        for message in ["a", "b", "c", "d"] {
            buffer.push(message);
        }
        assert_eq!(buffer.next(), Some((1, "a")));
        assert_eq!(buffer.next(), Some((2, "b")));
        assert_eq!(buffer.next(), Some((3, "c")));
        buffer.confirm(1);
        buffer.rewind();
        let rest: Vec<_> = std::iter::from_fn(|| buffer.next()).collect();
        assert_eq!(rest, [(4, "b"), (5, "c"), (6, "d")]);
        buffer.confirm(6);
        buffer.rewind();
        assert_eq!(buffer.next(), None);
    }

    #[test]
    fn only_the_newest_connection_is_served() {
        let outbox = Outbox::new();
        outbox.push("a");
        let first = outbox.attach();
        assert_eq!(outbox.next(first), Some((1, "a")));
        let second = outbox.attach();
        assert!(!outbox.is_attached(first) && outbox.is_attached(second));
        assert_eq!(outbox.next(first), None);
        outbox.confirm(first, 9);
        assert_eq!(outbox.next(second), Some((2, "a")));
        outbox.confirm(second, 2);
        assert_eq!(outbox.next(outbox.attach()), None);
    }
}
