//! Brings pictures to start from into the library: chosen in a dialog, dropped, or pasted.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use eframe::egui;
use egui::ColorImage;

use super::desk::UNSEEN;
use super::news::{Messenger, News};
use crate::library::{BringInError, Library, Pictures};
use crate::metadata;
use crate::pixels::{Extent, FileFormat, Picture, encode};
use crate::state::{Offer, Tone};

/// A picture that came to the window by itself.
pub(super) enum Arrival {
    /// Dropped from elsewhere.
    File(PathBuf),
    /// Pasted.
    Pixels(Arc<ColorImage>),
}

/// The picture that this frame brought; of several files dropped at once, the first.
pub(super) fn arrival(ctx: &egui::Context) -> Option<Arrival> {
    ctx.input(|input| {
        let dropped = input.raw.dropped_files.first();
        dropped.map(|file| Arrival::File(file.path().to_owned())).or_else(|| {
            input.events.iter().find_map(|event| match event {
                egui::Event::PasteImage(image) => Some(Arrival::Pixels(Arc::clone(image))),
                _ => None,
            })
        })
    })
}

/// Brings in what arrived.
pub(super) fn bring_in(
    pictures: Pictures,
    library: Arc<Library>,
    arrival: Arrival,
) -> impl FnOnce(&Messenger) + Send + 'static {
    move |messenger| match arrival {
        Arrival::File(path) => open((&pictures, &library), &path, messenger),
        Arrival::Pixels(image) => {
            messenger.send(News::Opening);
            let opened = keep_pixels(&pictures, &image);
            messenger.send(News::Opened("What was pasted".to_owned(), opened));
        }
    }
}

/// Asks for a file, then brings it in.
pub(super) fn ask(
    pictures: Pictures,
    library: Arc<Library>,
) -> impl FnOnce(&Messenger) + Send + 'static {
    move |messenger| {
        let instead = "Drop a picture on the window instead";
        if let Some(path) = choose("Open a picture to start from", instead, messenger) {
            open((&pictures, &library), &path, messenger);
        }
    }
}

/// The file that the user chooses; `None` when they change their mind or there is no dialog, for which
/// there is a way `instead`.
pub(super) fn choose(title: &str, instead: &str, messenger: &Messenger) -> Option<PathBuf> {
    let asked = Instant::now();
    let chosen = rfd::FileDialog::new()
        .set_title(title)
        .add_filter("Pictures", &["png", "jpg", "jpeg", "webp"])
        .pick_file();
    if chosen.is_none() && asked.elapsed() < UNSEEN {
        let text = format!("This desktop offers no file dialog. {instead}");
        messenger.send(News::Said(Tone::Failed, text));
    }
    chosen
}

fn open((pictures, library): (&Pictures, &Library), path: &Path, messenger: &Messenger) {
    messenger.send(News::Opening);
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let opened = pictures.bring_in(path);
    let offer = opened.as_ref().ok().and_then(|image_uuid| {
        let kept = pictures.find(*image_uuid)?;
        settings_in(&std::fs::read(kept).ok()?, library, &name)
    });
    messenger.send(News::Opened(name, opened));
    if let Some(offer) = offer {
        messenger.send(News::Offered(Box::new(offer)));
    }
}

/// The settings that the picture file carries, in this program's words and with the library's models.
fn settings_in(file: &[u8], library: &Library, name: &str) -> Option<Offer> {
    let mut carried = metadata::read(file)?;
    if carried.origin == metadata::Origin::Unknown {
        return None;
    }
    carried.take_models(&library.models());
    // Addresses that a stranger wrote into a file are nobody's to send pictures to.
    (carried.task.upload_endpoint, carried.task.webhook_url) = (None, None);
    Some(Offer {
        name: name.to_owned(),
        origin: carried.origin.to_string(),
        task: carried.task,
        notes: carried.notes,
    })
}

fn keep_pixels(pictures: &Pictures, image: &ColorImage) -> Result<uuid::Uuid, BringInError> {
    let [width, height] = image.size.map(|side| side as u32);
    let rgba: Vec<u8> =
        image.pixels.iter().flat_map(egui::Color32::to_srgba_unmultiplied).collect();
    let picture = Picture::from_rgba(Extent::new(width, height), rgba)
        .ok_or_else(|| std::io::Error::other("its pixels do not fill its size"))?;
    // No task made this picture.
    pictures.keep(&encode(&picture, FileFormat::Png, "")?)
}
