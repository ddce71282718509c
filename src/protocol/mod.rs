//! What client and server of the API say to each other, besides `imageInference` itself.
//!
//! Pure: knows tasks and their problems, no socket, no engine.

mod key;
mod tasks;

pub use key::Key;
pub use tasks::*;
