//! Brings in what comes from outside: pictures to start from, chosen in a dialog, dropped, or pasted; and
//! models that are dropped.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use eframe::egui;
use egui::ColorImage;

use super::desk::UNSEEN;
use super::news::{Messenger, News};
use super::shelf;
use crate::library::{BringInError, Library, Pictures};
use crate::metadata;
use crate::pixels::{Extent, FileFormat, Picture, encode};
use crate::state::{Offer, Tone};

/// What came to the window by itself.
pub(super) enum Arrival {
    /// Dropped from elsewhere.
    Files(Vec<PathBuf>),
    /// Pasted.
    Pixels(Arc<ColorImage>),
}

/// What this frame brought.
pub(super) fn arrival(ctx: &egui::Context) -> Option<Arrival> {
    ctx.input(|input| {
        let dropped = &input.raw.dropped_files;
        if !dropped.is_empty() {
            let files = dropped.iter().map(|file| file.path().to_owned());
            return Some(Arrival::Files(files.collect()));
        }
        input.events.iter().find_map(|event| match event {
            egui::Event::PasteImage(image) => Some(Arrival::Pixels(Arc::clone(image))),
            _ => None,
        })
    })
}

/// Brings in what arrived: models and folders join the library, of several pictures the first is opened.
pub(super) fn bring_in(
    pictures: Pictures,
    library: Arc<Library>,
    arrival: Arrival,
) -> impl FnOnce(&Messenger) + Send + 'static {
    move |messenger| match arrival {
        Arrival::Files(files) => {
            let (models, files): (Vec<_>, Vec<_>) = files.into_iter().partition(|it| is_model(it));
            for path in models {
                shelf::add(&library, path, messenger);
            }
            let Some(first) = files.first() else { return };
            open((&pictures, &library), first, messenger);
            if files.len() > 1 {
                let text = format!("Of {} files the first was opened", files.len());
                messenger.send(News::Said(Tone::Done, text));
            }
        }
        Arrival::Pixels(image) => {
            messenger.send(News::Opening);
            let opened = keep_pixels(&pictures, &image);
            messenger.send(News::Opened("What was pasted".to_owned(), opened));
        }
    }
}

/// Whether the library is asked to take it, which refuses what it does not know.
fn is_model(path: &Path) -> bool {
    const ENDINGS: [&str; 4] = ["safetensors", "ckpt", "pt", "bin"];
    let is_one = |ending: &&str| path.extension().is_some_and(|it| it.eq_ignore_ascii_case(ending));
    path.is_dir() || ENDINGS.iter().any(is_one)
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

/// What a file is called where it is spoken of.
pub(super) fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn open((pictures, library): (&Pictures, &Library), path: &Path, messenger: &Messenger) {
    messenger.send(News::Opening);
    let name = name(path);
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
