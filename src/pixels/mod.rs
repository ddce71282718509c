//! Pictures as values: sizes, pixels, file formats and the text a file carries.
//!
//! Pure: nothing here knows a model, a window or where files lie.

mod blur;
mod file;
mod fit;
mod growth;
mod mask;
mod paint_area;
mod picture;
mod region;
mod seam;
mod text_chunk;

pub use file::{FileError, FileFormat, decode, encode, extent_of};
pub use growth::Growth;
pub use mask::Mask;
pub use paint_area::PaintArea;
pub use picture::{Extent, Picture};
pub use text_chunk::read_task_text;
