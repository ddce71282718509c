//! Draws the mask of a task and keeps it in the library, before the task is handed in.

use super::news::{Messenger, News};
use crate::library::{BringInError, Pictures};
use crate::pixels::{FileFormat, encode};
use crate::state::{DrawnMask, MaskOrder};
use uuid::Uuid;

/// Draws what is ordered; equal masks are kept once.
pub(super) fn draw(
    pictures: Pictures,
    order: Box<MaskOrder>,
) -> impl FnOnce(&Messenger) + Send + 'static {
    move |messenger| {
        let MaskOrder { mask, task, engine } = *order;
        messenger.send(News::MaskDrawn(Box::new(task), engine, keep(&pictures, &mask)));
    }
}

fn keep(pictures: &Pictures, mask: &DrawnMask) -> Result<Uuid, BringInError> {
    let picture = mask.draw();
    // No task made this picture.
    pictures.keep(&encode(&picture, FileFormat::Png, "")?)
}
