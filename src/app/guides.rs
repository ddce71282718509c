//! Brings guide pictures into the library: from a file, or drawn from a picture that is there.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use uuid::Uuid;

use super::{Messenger, News, opener, threads};
use crate::jobs::{Cancel, GuideMaker, GuideOrder};
use crate::library::{Annotators, BringInError, Home, Library, Pictures, read_picture};
use crate::pixels::{FileFormat, encode};
use crate::state::GuideSlot;
use crate::task::{Preprocess, Preprocessor};

/// What drawing a guide needs.
pub(super) struct Desk {
    pub(super) pictures: Pictures,
    pub(super) maker: Arc<dyn GuideMaker>,
    pub(super) home: Home,
    pub(super) library: Arc<Library>,
}

/// Draws a guide from the picture at `path` and keeps it as the guide of `slot`.
pub(super) fn draw(
    desk: Desk,
    path: PathBuf,
    (slot, preprocess): (GuideSlot, Preprocess),
) -> impl FnOnce(&Messenger) + Send + 'static {
    move |messenger| {
        messenger.send(News::Guide(slot, opener::name(&path), drawn(&desk, &path, preprocess)));
    }
}

/// What is told of a guide when the thread that drew it ended without a word.
pub(super) fn lost(slot: GuideSlot, path: &Path) -> News {
    News::Guide(slot, opener::name(path), Err(io::Error::other(threads::lost()).into()))
}

/// Which guides lack the network that draws them, and why.
pub(super) fn lacking(annotators: &Annotators) -> Vec<(Preprocessor, String)> {
    let missing = Preprocessor::ALL.iter().filter_map(|&preprocessor| {
        let why = annotators.find(preprocessor).err()?;
        Some((preprocessor, why.to_string()))
    });
    missing.collect()
}

/// Brings in the picture at `path` as the guide of `slot`.
pub(super) fn whole(
    pictures: Pictures,
    path: PathBuf,
    slot: GuideSlot,
) -> impl FnOnce(&Messenger) + Send + 'static {
    move |messenger| {
        messenger.send(News::Guide(slot, opener::name(&path), pictures.bring_in(&path)));
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

fn drawn(desk: &Desk, path: &Path, preprocess: Preprocess) -> Result<Uuid, BringInError> {
    let picture = read_picture(path)?;
    let annotators = Annotators::new(&desk.home, &desk.library.folders());
    let annotator = annotators.find(preprocess.preprocessor).map_err(io::Error::other)?;
    let order = GuideOrder { preprocess, picture: &picture, annotator: annotator.as_deref() };
    // Nobody can stop it yet: a rule takes hundredths of a second, a network a few seconds.
    let made = desk.maker.make(&order, &Cancel::default());
    let guide = made.map_err(|failure| io::Error::other(failure.headline))?;
    desk.pictures.keep(&encode(&guide, FileFormat::Png, "")?)
}
