//! Pictures as values: sizes, pixels, file formats and the text a file carries.
//!
//! Pure: nothing here knows a model, a window or where files lie.

mod file;
mod fit;
mod mask;
mod picture;
mod text_chunk;

pub use file::{FileError, FileFormat, decode, encode};
pub use mask::Mask;
pub use picture::{Extent, Picture};
pub use text_chunk::read_task_text;
