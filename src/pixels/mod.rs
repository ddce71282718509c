//! Pictures as values: sizes, pixels, file formats and the text a file carries.
//!
//! Pure: nothing here knows a model, a window or where files lie.

mod blur;
mod file;
mod fit;
mod growth;
mod guide;
mod jpeg_loss;
mod mask;
mod paint_area;
mod painting;
mod picture;
mod reach;
mod rectangle;
mod region;
mod seam;
mod softened;
mod stretch;
mod text;

pub use file::{
    FileError, FileFormat, decode, encode, encode_bare, probe, with_texts, without_texts,
};
pub use fit::covering_window;
pub use growth::Growth;
pub use guide::{GuideRule, Joint, Skeleton, Stopped, TILE_RATES, draw_lines};
pub use mask::Mask;
pub use paint_area::PaintArea;
pub use painting::{Brush, Ink, PaintedMask, ellipse};
pub use picture::{Extent, Picture};
pub use rectangle::Rectangle;
pub use stretch::stretched_plane;
pub use text::{
    FileText, FileTexts, PARAMETERS_TEXT, TASK_TEXT, Texts, USER_COMMENT, file_texts,
    read_task_text,
};
