//! How much and how long the server takes: sizes, numbers, deadlines.

use std::time::Duration;

/// Bounds on what one client can make the server hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most bytes of a body or a message.
    pub message: usize,
    /// Connections at a time; further ones wait to be accepted.
    pub connections: usize,
    /// Unfinished tasks of one key.
    pub tasks_of_key: usize,
    /// Unfinished tasks of all keys.
    pub tasks: usize,
    /// Before the first message has to have authenticated.
    pub authentication: Duration,
    /// Without a word from a client before its connection is closed.
    pub idle: Duration,
    /// How long a session keeps what could not be delivered.
    pub session: Duration,
    /// How long a client may take to receive one message.
    pub send: Duration,
    /// How long the answer to a task is kept, and its address works when the task says nothing.
    pub answers: Duration,
    /// How long the running task may take to end when the server is stopped.
    pub stop: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message: 64 << 20,
            connections: 512,
            tasks_of_key: 1024,
            tasks: 4096,
            authentication: Duration::from_secs(15),
            idle: Duration::from_mins(2),
            session: Duration::from_mins(2),
            send: Duration::from_mins(1),
            answers: Duration::from_hours(24),
            stop: Duration::from_secs(30),
        }
    }
}
