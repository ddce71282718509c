//! Text on its way to a text encoder: tokens, weights, and the chunks a model takes.
//!
//! Pure: knows words, not networks.

mod chunks;
mod compel;
mod conditioning;
mod embedding;
mod emphasis;
mod learned;
mod reweight;
mod sd_embeds;
mod tokenizer;
mod wildcards;

pub use chunks::{CHUNK, TokenCount, count};
pub use conditioning::{Conditioning, PromptError, Syntax, Weighted, parse};
pub use embedding::{Chunk, EncodeError, Encoder};
pub use emphasis::{Emphasis, Span};
pub use learned::{LEARNED, Learned, Vocabulary};
pub use reweight::reweighted;
pub use tokenizer::{Tokenizer, TokenizerError};
pub use wildcards::{Wildcard, WildcardError, Wildcards, wildcards};
