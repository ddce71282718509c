//! Text on its way to a text encoder: tokens, and the chunk a model takes.
//!
//! Pure: knows words, not networks.

mod tokenizer;

pub use tokenizer::{Tokenizer, TokenizerError};
