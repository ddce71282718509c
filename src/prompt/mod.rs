//! Text on its way to a text encoder: tokens, weights, and the chunks a model takes.
//!
//! Pure: knows words, not networks.

mod chunks;
mod compel;
mod conditioning;
mod embedding;
mod learned;
mod sd_embeds;
mod tokenizer;

pub use chunks::{CHUNK, TokenCount, count};
pub use conditioning::{Conditioning, PromptError, Syntax, Weighted, parse};
pub use embedding::{Chunk, EncodeError, Encoder};
pub use learned::{LEARNED, Learned, Vocabulary};
pub use tokenizer::{Tokenizer, TokenizerError};
