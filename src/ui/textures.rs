//! Pictures on the graphics card: decoded on threads of their own, a bounded number kept.
//!
//! Only what was seen in the last frame is asked for, so what scrolled by is never decoded.

mod decoding;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::{io, thread};

use eframe::egui;
use egui::{ColorImage, TextureFilter, TextureHandle, TextureOptions};
use uuid::Uuid;

use super::mask_overlay::MaskOverlay;
use super::theme;
use crate::library::Thumbnails;
use crate::pixels::{Extent, Picture};
use crate::state::{GalleryEntry, JobEntry};

/// Longest side of a picture that is not to be recognised, in pixels.
const COVERED: u32 = 12;
/// Longest side of a whole picture on the graphics card, in pixels; the card's own limit may be less.
const GREATEST_SIDE: u32 = 4096;
/// Thumbnails kept; 256² RGBA are a quarter of a megabyte.
const THUMBNAILS_KEPT: usize = 320;
/// Pictures with hard edges kept.
const CRISP_KEPT: usize = 2;
/// Whole pictures kept.
const WHOLE_KEPT: usize = 6;
/// Thumbnails sent to the graphics card in one frame.
const UPLOADS_A_FRAME: usize = 12;
const THREADS: usize = 2;

/// How large a picture is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Size {
    /// At most [`Thumbnails::SIDE`] pixels a side.
    Thumbnail,
    /// As it is, or as large as the graphics card takes.
    Whole,
    /// As [`Size::Whole`], with hard edges where its pixels are large.
    Crisp,
    /// Blurred, so that nothing can be recognised.
    Covered,
}

type Key = (Uuid, Size);

/// Where pixels come from.
#[derive(Clone)]
enum Source {
    Memory(Picture),
    File(PathBuf),
    /// A result: it has a thumbnail, and its size is known.
    Result(Uuid, PathBuf, Option<Extent>),
}

/// What became of a wish.
enum Slot {
    Ready { drawable: Drawable, used: u64 },
    Broken,
}

/// A picture that can be drawn.
#[derive(Clone)]
pub struct Drawable {
    /// On the graphics card.
    pub texture: TextureHandle,
    /// Size of the picture in its file, not of the texture.
    pub extent: Extent,
    /// Whether something shows through it.
    pub transparent: bool,
}

/// What can be said of a picture now.
#[derive(Clone)]
pub enum Look {
    /// Here it is.
    Ready(Drawable),
    /// It is being decoded.
    Coming,
    /// Its file is gone or damaged.
    Broken,
}

struct Decoded {
    key: Key,
    image: Option<(ColorImage, Extent)>,
    transparent: bool,
}

#[derive(Default)]
struct Wanted {
    wishes: Vec<(Key, Source)>,
    /// Longest side of a texture, in pixels.
    side: u32,
    at_work: HashSet<Key>,
    stop: bool,
}

/// The cache and its threads.
pub struct Textures {
    checkerboard: Option<TextureHandle>,
    /// The mask of the form.
    pub(super) mask: MaskOverlay,
    slots: HashMap<Key, Slot>,
    previews: HashMap<Uuid, (u64, TextureHandle)>,
    wishes: Vec<(Key, Source)>,
    shared: Arc<(Mutex<Wanted>, Condvar)>,
    decoded: Receiver<Decoded>,
    frame: u64,
    /// Longest side of a texture, in pixels.
    side: u32,
}

impl Textures {
    /// Starts the threads; each wakes `ctx` when a picture is ready.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(ctx: &egui::Context, thumbnails: &Thumbnails) -> io::Result<Self> {
        let shared: Arc<(Mutex<Wanted>, Condvar)> = Arc::default();
        let (sender, decoded) = sync_channel(16);
        for number in 0..THREADS {
            let (shared, sender, ctx) = (Arc::clone(&shared), sender.clone(), ctx.clone());
            let (thumbnails, name) = (thumbnails.clone(), format!("pictures {number}"));
            thread::Builder::new().name(name).spawn(move || {
                decoding::work(&shared, &thumbnails, |decoded| {
                    let heard = sender.send(decoded).is_ok();
                    ctx.request_repaint();
                    heard
                });
            })?;
        }
        Ok(Self {
            checkerboard: None,
            mask: MaskOverlay::default(),
            slots: HashMap::new(),
            previews: HashMap::new(),
            wishes: Vec::new(),
            shared,
            decoded,
            frame: 0,
            side: longest_side(ctx),
        })
    }

    /// The picture of `entry`, or a wish for it.
    pub fn look(&mut self, entry: &GalleryEntry, size: Size) -> Look {
        self.look_at((entry.image_uuid, size), || match (&entry.picture, &entry.path) {
            (Some(picture), _) => Some(Source::Memory(picture.clone())),
            (None, Some(path)) => {
                Some(Source::Result(entry.image_uuid, path.clone(), entry.about.extent))
            }
            (None, None) => None,
        })
    }

    /// The picture of that name in the file at `path`, or a wish for it.
    pub fn look_in_file(&mut self, image_uuid: Uuid, path: &Path, size: Size) -> Look {
        self.look_at((image_uuid, size), || Some(Source::File(path.to_owned())))
    }

    fn look_at(&mut self, key: Key, source: impl FnOnce() -> Option<Source>) -> Look {
        match self.slots.get_mut(&key) {
            Some(Slot::Ready { drawable, used }) => {
                *used = self.frame;
                Look::Ready(drawable.clone())
            }
            Some(Slot::Broken) => Look::Broken,
            None => {
                let Some(source) = source() else { return Look::Broken };
                self.wishes.push((key, source));
                Look::Coming
            }
        }
    }

    /// The rough picture of a running job, blurred when the job is to look for adult content: the
    /// verdict comes with the finished picture. `None` until there is one.
    pub fn preview(&mut self, ctx: &egui::Context, job: &JobEntry) -> Option<Drawable> {
        let (picture, count) = job.preview.as_ref()?;
        let (extent, job, check) = (picture.extent(), job.id, job.request.check_nsfw);
        let current = self.previews.get(&job).filter(|(shown, _)| shown == count);
        if let Some((_, texture)) = current {
            return Some(Drawable { texture: texture.clone(), extent, transparent: false });
        }
        let image = decoding::preview_image(picture, check);
        let texture = ctx.load_texture("preview", image, TextureOptions::LINEAR);
        // Jobs run one after another: the preview of another job is of no more use.
        self.previews.clear();
        self.previews.insert(job, (*count, texture.clone()));
        Some(Drawable { texture, extent, transparent: false })
    }

    /// Two light and two dark squares, to be laid behind what is transparent; repeats.
    pub fn checkerboard(&mut self, ctx: &egui::Context) -> egui::TextureId {
        let texture = self.checkerboard.get_or_insert_with(|| {
            let [light, dark] = theme::CHECKERBOARD;
            let image = ColorImage::new([2, 2], vec![light, dark, dark, light]);
            ctx.load_texture("checkerboard", image, TextureOptions::NEAREST_REPEAT)
        });
        texture.id()
    }

    /// Takes over what was decoded since the last frame.
    pub(super) fn begin_frame(&mut self, ctx: &egui::Context) {
        self.frame += 1;
        self.side = longest_side(ctx);
        for _ in 0..UPLOADS_A_FRAME {
            let Ok(Decoded { key, image, transparent }) = self.decoded.try_recv() else { return };
            self.lock().at_work.remove(&key);
            let slot = image.map_or(Slot::Broken, |(image, extent)| {
                let options = if key.1 == Size::Crisp { HARD } else { OPTIONS };
                let texture = ctx.load_texture("picture", image, options);
                let drawable = Drawable { texture, extent, transparent };
                Slot::Ready { drawable, used: self.frame }
            });
            self.slots.insert(key, slot);
        }
        // More may be waiting.
        ctx.request_repaint();
    }

    /// Hands this frame's wishes over, whole pictures first, and lets go of what was not seen for long.
    pub(super) fn end_frame(&mut self) {
        let mut wishes = std::mem::take(&mut self.wishes);
        // Threads take from the end: whole pictures first, then thumbnails from the top.
        wishes.reverse();
        wishes.sort_by_key(|((_, size), _)| *size != Size::Thumbnail);
        // Several panels may wish for the same.
        let mut wished = HashSet::new();
        wishes.retain(|(key, _)| wished.insert(*key));
        let idle = wishes.is_empty();
        {
            let mut wanted = self.lock();
            wishes.retain(|(key, _)| !wanted.at_work.contains(key));
            (wanted.wishes, wanted.side) = (wishes, self.side);
        }
        if !idle {
            self.shared.1.notify_all();
        }
        self.forget(Size::Thumbnail, THUMBNAILS_KEPT);
        self.forget(Size::Whole, WHOLE_KEPT);
        self.forget(Size::Crisp, CRISP_KEPT);
        self.forget(Size::Covered, THUMBNAILS_KEPT);
    }

    /// Forgets that pictures could not be read, so that they are tried again.
    pub fn retry_broken(&mut self) {
        self.slots.retain(|_, slot| !matches!(slot, Slot::Broken));
    }

    fn forget(&mut self, size: Size, kept: usize) {
        let mut ages: Vec<(u64, Key)> = self
            .slots
            .iter()
            .filter_map(|(key, slot)| match slot {
                Slot::Ready { used, .. } if key.1 == size => Some((*used, *key)),
                _ => None,
            })
            .collect();
        let Some(surplus) = ages.len().checked_sub(kept).filter(|surplus| *surplus > 0) else {
            return;
        };
        ages.sort_unstable_by_key(|(used, _)| *used);
        for (_, key) in ages.into_iter().take(surplus) {
            self.slots.remove(&key);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Wanted> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Textures {
    fn drop(&mut self) {
        self.lock().stop = true;
        self.shared.1.notify_all();
    }
}

/// Smooth when enlarged, without shimmer when reduced.
const OPTIONS: TextureOptions =
    TextureOptions { mipmap_mode: Some(TextureFilter::Linear), ..TextureOptions::LINEAR };

/// The same with hard edges when enlarged.
const HARD: TextureOptions = TextureOptions { magnification: TextureFilter::Nearest, ..OPTIONS };

/// Longest side of a texture, in pixels; drawing panics above the graphics card's limit.
fn longest_side(ctx: &egui::Context) -> u32 {
    within(ctx.input(|input| input.max_texture_side))
}

/// The longest side where the graphics card takes at most `card` pixels.
fn within(card: usize) -> u32 {
    u32::try_from(card).map_or(GREATEST_SIDE, |card| card.min(GREATEST_SIDE))
}

#[cfg(test)]
mod tests;
