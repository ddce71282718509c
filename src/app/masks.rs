//! Masks off the window's thread: read, changed, saved for the next start, kept for a task.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use eframe::egui;
use uuid::Uuid;

use super::desk::UNSEEN;
use super::news::{Messenger, News};
use super::threads;
use crate::library::{BringInError, Pictures, read_picture, write_atomically};
use crate::pixels::{FileFormat, Ink, Mask, encode};
use crate::state::{MaskChange, MaskOrder, MaskSource, MaskTicket, MaskWork, State, Tone};

/// How long a mask rests before it is saved.
const REST: Duration = Duration::from_millis(700);

/// Keeps the mask of a task in the library; equal masks are kept once.
pub(super) fn keep(
    pictures: Pictures,
    order: Box<MaskOrder>,
) -> impl FnOnce(&Messenger) + Send + 'static {
    move |messenger| {
        let MaskOrder { mask, task, engine } = *order;
        let kept = png(&mask).and_then(|bytes| pictures.keep(&bytes));
        messenger.send(News::MaskDrawn(Box::new(task), engine, kept));
    }
}

/// What is told of a mask's pixels when a thread that had them ended without a word.
pub(super) fn lost(ticket: MaskTicket) -> News {
    News::MaskPixels(ticket, Err(format!("The mask could not be had: {}", threads::lost())))
}

fn png(mask: &Mask) -> Result<Vec<u8>, BringInError> {
    // No task made this picture.
    Ok(encode(&mask.to_picture(), FileFormat::Png, "")?)
}

/// Reads the pixels of the form's mask.
pub(super) fn read(
    (pictures, folder): (Pictures, PathBuf),
    ticket: MaskTicket,
    source: MaskSource,
) -> impl FnOnce(&Messenger) + Send + 'static {
    move |messenger| {
        let mask = match source {
            // That it is gone or damaged is told at the form's mask.
            MaskSource::Kept(uuid) => {
                Ok(pictures.find(uuid).and_then(|path| fitted(&path, ticket).ok()))
            }
            MaskSource::Saved(seed_image) => {
                let path = saved(&folder, seed_image);
                fitted(&path, ticket).map(Some).map_err(|error| {
                    format!("The mask was not saved before the last end ({error})")
                })
            }
        };
        messenger.send(News::MaskPixels(ticket, mask));
    }
}

/// The mask in a file, at the size of the ticket.
fn fitted(path: &Path, ticket: MaskTicket) -> Result<Mask, String> {
    let picture = read_picture(path).map_err(|error| format!("{error}: {}", path.display()))?;
    Ok(Mask::from_picture(&picture.covering(ticket.extent)))
}

fn saved(folder: &Path, seed_image: Uuid) -> PathBuf {
    folder.join(format!("{seed_image}.png"))
}

/// Does the work that was asked for.
pub(super) fn work(work: MaskWork) -> impl FnOnce(&Messenger) + Send + 'static {
    move |messenger| match work {
        MaskWork::Change(ticket, mask, change, start) => {
            let changed = changed(&mask, change, (&start, ticket));
            messenger.send(News::MaskPixels(ticket, changed.map(Some)));
        }
        MaskWork::Import(ticket) => import(ticket, messenger),
        MaskWork::Export(mask) => export(&mask, messenger),
    }
}

fn changed(
    mask: &Mask,
    change: MaskChange,
    (start, ticket): (&Path, MaskTicket),
) -> Result<Mask, String> {
    Ok(match change {
        MaskChange::Grow(pixels) => mask.grown_by(pixels),
        MaskChange::Shrink(pixels) => mask.shrunk_by(pixels),
        MaskChange::Feather(pixels) => mask.softened(pixels),
        MaskChange::Invert => mask.inverted(),
        MaskChange::Fill(Ink::Add) => Mask::even(mask.extent(), u8::MAX),
        MaskChange::Fill(Ink::Remove) => Mask::even(mask.extent(), 0),
        MaskChange::FillAt { x, y } => mask.filled_at(x, y),
        MaskChange::Colour { x, y, tolerance, everywhere, ink } => {
            let picture = read_picture(start)
                .map_err(|error| format!("The start picture cannot be read ({error})"))?;
            let picture = picture.covering(ticket.extent);
            let chosen = Mask::of_colour(&picture, (x, y), tolerance, everywhere);
            let together = match ink {
                Ink::Add => mask.with(&chosen),
                Ink::Remove => mask.without(&chosen),
            };
            together.unwrap_or_else(|| mask.clone())
        }
    })
}

const KINDS: [&str; 4] = ["png", "jpg", "jpeg", "webp"];

fn import(ticket: MaskTicket, messenger: &Messenger) {
    let asked = Instant::now();
    let dialog = rfd::FileDialog::new().set_title("Import a mask").add_filter("Pictures", &KINDS);
    let mask = match dialog.pick_file() {
        Some(path) => fitted(&path, ticket)
            .map(Some)
            .map_err(|error| format!("The mask cannot be imported: {error}")),
        None if asked.elapsed() < UNSEEN => {
            Err("This desktop offers no file dialog to import a mask with".to_owned())
        }
        None => Ok(None),
    };
    messenger.send(News::MaskPixels(ticket, mask));
}

fn export(mask: &Mask, messenger: &Messenger) {
    let asked = Instant::now();
    let dialog = rfd::FileDialog::new().set_title("Export the mask").set_file_name("mask.png");
    let (tone, text) = match dialog.save_file() {
        Some(path) => match png(mask).and_then(|bytes| Ok(write_atomically(&path, &bytes)?)) {
            Ok(()) => (Tone::Done, format!("The mask was written to {}", path.display())),
            Err(error) => (Tone::Failed, format!("The mask could not be written: {error}")),
        },
        None if asked.elapsed() < UNSEEN => {
            (Tone::Failed, "This desktop offers no file dialog to export the mask with".to_owned())
        }
        None => return,
    };
    messenger.send(News::Said(tone, text));
}

/// What is written: the start picture it belongs to, and the pixels.
type Page = (Uuid, Mask);

/// Tells masks apart: the start picture, and the numbers of [`Painting::to_save`].
///
/// [`Painting::to_save`]: crate::state::Painting::to_save
type Version = (Uuid, [u64; 2]);

/// Saves the mask that is being painted, so that a restart goes on with it.
pub(super) struct MaskSaver {
    sender: Option<SyncSender<Page>>,
    thread: Option<JoinHandle<()>>,
    written: Option<Version>,
    now: Option<Version>,
    changed: Instant,
}

impl MaskSaver {
    /// Starts with nothing to save; `folder` need not be there yet.
    pub(super) fn start(folder: PathBuf) -> io::Result<Self> {
        let (sender, pages) = sync_channel::<Page>(1);
        let work = move || {
            for (seed_image, mask) in pages {
                if let Err(error) = save(&folder, seed_image, &mask) {
                    tracing::warn!("the mask is not saved: {error}");
                }
            }
        };
        let thread = thread::Builder::new().name("mask writer".to_owned()).spawn(work)?;
        let changed = Instant::now();
        Ok(Self { sender: Some(sender), thread: Some(thread), written: None, now: None, changed })
    }

    /// Looks whether something changed; once a frame.
    pub(super) fn offer(&mut self, state: &State, ctx: &egui::Context) {
        let Some((seed_image, numbers, mask)) = state.painting.to_save() else { return };
        if self.now != Some((seed_image, numbers)) {
            self.now = Some((seed_image, numbers));
            self.changed = Instant::now();
        }
        if self.now == self.written {
            return;
        }
        if let Some(left) = REST.checked_sub(self.changed.elapsed()) {
            return ctx.request_repaint_after(left);
        }
        let Some(sender) = &self.sender else { return };
        match sender.try_send((seed_image, mask.clone())) {
            Ok(()) | Err(TrySendError::Disconnected(_)) => self.written = self.now,
            // The one before is still being written.
            Err(TrySendError::Full(_)) => ctx.request_repaint_after(REST),
        }
    }

    /// Saves what was not saved yet; when the window closes.
    pub(super) fn finish(&self, state: &State) {
        let unsaved = state
            .painting
            .to_save()
            .filter(|(seed_image, numbers, _)| self.written != Some((*seed_image, *numbers)));
        if let Some((seed_image, _, mask)) = unsaved
            && let Some(sender) = &self.sender
        {
            sender.send((seed_image, mask.clone())).ok();
        }
    }
}

impl Drop for MaskSaver {
    fn drop(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// Writes the mask and lets go of those of other pictures.
fn save(folder: &Path, seed_image: Uuid, mask: &Mask) -> Result<(), BringInError> {
    std::fs::create_dir_all(folder)?;
    let path = saved(folder, seed_image);
    write_atomically(&path, &png(mask)?)?;
    for other in std::fs::read_dir(folder)?.flatten() {
        if other.path() != path {
            std::fs::remove_file(other.path()).ok();
        }
    }
    Ok(())
}
