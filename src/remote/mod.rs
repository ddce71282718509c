//! The Provider over the service's API: WebSocket or HTTP, several jobs at once.
//!
//! | file | holds |
//! |---|---|
//! | `endpoint` | where the service is, and whether a key may travel there |
//! | `outgoing` | a task as it is sent; `upload` brings its pictures to the service |
//! | `order`, `errand` | one task's way: sent once, asked for when in doubt, ended once (pure) |
//! | `session` | the WebSocket session over errands (pure); `socket` gives it a socket and a clock |
//! | `http` | the same errands over HTTP; `retry_after` is how long a busy service wants to be left alone |
//! | `picture`, `download` | pictures as they arrive, with their receipts; result files |
//! | `question` | tasks of other types |
//! | `failure` | the service's errors in words for the user |
//! | `engine` | the Provider over all of it |
//!
//! Knows no file and no window. Messages name the host of the service, never the key.

mod backoff;
mod download;
mod endpoint;
mod engine;
mod errand;
mod failure;
mod http;
mod line;
mod order;
mod outgoing;
mod picture;
mod question;
mod retry_after;
mod session;
mod socket;
mod upload;

pub use endpoint::{Endpoint, EndpointError};
pub use engine::{RemoteEngine, RemoteSettings};
pub use question::{Asked, Question, results_of};
