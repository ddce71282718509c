//! What client and server of the API say to each other, besides `imageInference` itself.
//!
//! Pure: knows tasks and their problems, no socket, no engine.

mod family;
mod key;
mod reply;
mod tasks;

pub use family::Family;
pub use key::Key;
pub use reply::{Item, Reply, ReplyError, ServiceError};
pub use tasks::*;
