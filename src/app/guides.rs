//! Brings guide pictures into the library: from a file, or drawn from a picture that is there.

use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::{Messenger, News, opener};
use crate::library::{BringInError, Pictures, read_picture};
use crate::pixels::{FileFormat, encode};
use crate::state::GuideSlot;
use crate::task::{Preprocess, Preprocessor};

/// Draws the edges of the picture at `path` and keeps them as the guide of `slot`.
pub(super) fn edges(
    pictures: Pictures,
    path: PathBuf,
    slot: GuideSlot,
) -> impl FnOnce(&Messenger) + Send + 'static {
    move |messenger| {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        messenger.send(News::Guide(slot, name, draw(&pictures, &path)));
    }
}

/// Brings in the picture at `path` as the guide of `slot`.
pub(super) fn whole(
    pictures: Pictures,
    path: PathBuf,
    slot: GuideSlot,
) -> impl FnOnce(&Messenger) + Send + 'static {
    move |messenger| {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        messenger.send(News::Guide(slot, name, pictures.bring_in(&path)));
    }
}

/// Asks for a file and brings it in as the guide of `slot`.
pub(super) fn ask(pictures: Pictures, slot: GuideSlot) -> impl FnOnce(&Messenger) + Send + 'static {
    move |messenger| {
        let instead = "Bring the picture onto the canvas and choose it from there";
        if let Some(path) = opener::choose("Open a picture to guide by", instead, messenger) {
            whole(pictures, path, slot)(messenger);
        }
    }
}

/// Looks where that guide lies.
pub(super) fn find(
    pictures: Pictures,
    image_uuid: Uuid,
) -> impl FnOnce(&Messenger) + Send + 'static {
    move |messenger| {
        messenger.send(News::GuideFound(image_uuid, pictures.find(image_uuid)));
    }
}

fn draw(pictures: &Pictures, path: &Path) -> Result<Uuid, BringInError> {
    let picture = read_picture(path)?;
    let edges = Preprocess::new(Preprocessor::Canny);
    let source = edges.source(&picture);
    // Nobody can stop it; it takes a few hundredths of a second.
    let drawn = edges.rule().and_then(|rule| source.guide(rule, &|| false).ok());
    let edges = drawn.unwrap_or(source);
    pictures.keep(&encode(&edges, FileFormat::Png, "")?)
}
