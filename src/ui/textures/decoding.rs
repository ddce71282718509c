//! From files and pictures to what the graphics card takes, on threads of their own.

use std::sync::{Condvar, Mutex, PoisonError};

use eframe::egui::ColorImage;

use super::{COVERED, Decoded, Size, Source, Wanted};
use crate::library::{Thumbnails, read_picture};
use crate::pixels::{Extent, Picture};

/// Decodes what is wished for, the newest wish first, until told to stop.
pub(super) fn work(
    shared: &(Mutex<Wanted>, Condvar),
    thumbnails: &Thumbnails,
    send: impl Fn(Decoded) -> bool,
) {
    loop {
        let ((key, source), side) = {
            let mut wanted = shared.0.lock().unwrap_or_else(PoisonError::into_inner);
            loop {
                if wanted.stop {
                    return;
                }
                if let Some(wish) = wanted.wishes.pop() {
                    wanted.at_work.insert(wish.0);
                    break (wish, wanted.side);
                }
                wanted = shared.1.wait(wanted).unwrap_or_else(PoisonError::into_inner);
            }
        };
        let image = decode(&source, (key.1, side), thumbnails);
        let clear = |(image, _): &(ColorImage, Extent)| image.pixels.iter().any(|p| !p.is_opaque());
        let transparent = image.as_ref().is_some_and(clear);
        if !send(Decoded { key, image, transparent }) {
            return;
        }
    }
}

/// The picture at `size`, no side longer than `side`, and how large it is in its file.
pub(super) fn decode(
    source: &Source,
    (size, side): (Size, u32),
    thumbnails: &Thumbnails,
) -> Option<(ColorImage, Extent)> {
    let read = match (source, size) {
        (Source::Memory(picture), _) => Ok(picture.clone()),
        (Source::Result(image_uuid, path, _), Size::Thumbnail)
        // Without the extent its own file is needed.
        | (Source::Result(image_uuid, path, Some(_)), Size::Covered) => {
            thumbnails.read(*image_uuid, path)
        }
        (Source::File(path) | Source::Result(_, path, _), _) => read_picture(path),
    };
    let picture = match (read, source) {
        (Ok(picture), _) => picture,
        (Err(error), Source::File(path) | Source::Result(_, path, _)) => {
            tracing::warn!("cannot read {}: {error}", path.display());
            return None;
        }
        (Err(_), Source::Memory(_)) => return None,
    };
    let extent = match source {
        Source::Result(_, _, Some(extent)) => *extent,
        _ => picture.extent(),
    };
    let longest = match size {
        Size::Whole | Size::Crisp => side,
        Size::Thumbnail => Thumbnails::SIDE.min(side),
        Size::Covered => COVERED,
    };
    let picture = picture.shrunk(longest).unwrap_or(picture);
    Some((color_image(&picture), extent))
}

/// The pixels of a preview, a few only when it may show what is to be hidden.
pub(super) fn preview_image(picture: &Picture, check: bool) -> ColorImage {
    let few = picture.shrunk(COVERED).filter(|_| check);
    color_image(few.as_ref().unwrap_or(picture))
}

fn color_image(picture: &Picture) -> ColorImage {
    let Extent { width, height } = picture.extent();
    ColorImage::from_rgba_unmultiplied([width as usize, height as usize], picture.rgba())
}
