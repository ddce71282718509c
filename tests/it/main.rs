//! Black-box tests: one binary, one module a subject.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod rooms;
