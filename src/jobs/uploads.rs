//! Which pictures a service already has, so that none is sent twice.
//!
//! Knows no file: the library keeps the notes.

use uuid::Uuid;

/// Remembers what was uploaded where. The library implements it; providers that upload are given one.
/// What is lost is uploaded again: nothing here fails.
pub trait Uploads: Send + Sync {
    /// The name that the service at `host` gave the picture file of that SHA-256.
    fn find(&self, host: &str, content: &[u8; 32]) -> Option<Uuid>;

    /// Notes such a name; `None` when the service no longer knows it.
    fn note(&self, host: &str, content: &[u8; 32], name: Option<Uuid>);
}
