//! How much and how long the server takes: sizes, numbers, deadlines.

use std::time::Duration;

/// Bounds on what one client can make the server hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most bytes of a body or a message.
    pub message: usize,
    /// Most bytes of bodies that are held at once, of all clients; one key has half of it.
    pub bodies: usize,
    /// Most bytes of answers that are held at once, of all clients; one key has half of it, and one answer
    /// is at most as large as that.
    pub answer_bytes: usize,
    /// Connections at a time; further ones wait to be accepted.
    pub connections: usize,
    /// Unfinished tasks of one key.
    pub tasks_of_key: usize,
    /// Unfinished tasks of all keys.
    pub tasks: usize,
    /// How long a connection may take to send the head of its next request, and a WebSocket to
    /// authenticate.
    pub authentication: Duration,
    /// Without a word from a client before its connection is closed.
    pub idle: Duration,
    /// How long a session keeps what could not be delivered.
    pub session: Duration,
    /// How long a client may take to receive one message, or any of an answer.
    pub send: Duration,
    /// How long the answer to a task is kept, and its address works when the task says nothing.
    pub answers: Duration,
    /// How long pictures that clients brought are kept after their last use (the service keeps them for 30
    /// days).
    pub uploads_age: Duration,
    /// Most bytes of pictures that clients brought; those used longest ago go first.
    pub uploads_bytes: u64,
    /// How long the running task may take to end when the server is stopped.
    pub stop: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message: 64 << 20,
            bodies: 256 << 20,
            answer_bytes: 512 << 20,
            connections: 512,
            tasks_of_key: 1024,
            tasks: 4096,
            authentication: Duration::from_secs(15),
            idle: Duration::from_mins(2),
            session: Duration::from_mins(2),
            send: Duration::from_mins(1),
            answers: Duration::from_hours(24),
            uploads_age: Duration::from_hours(30 * 24),
            uploads_bytes: 8 << 30,
            stop: Duration::from_secs(30),
        }
    }
}
