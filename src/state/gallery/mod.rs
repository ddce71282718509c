//! Finished pictures, newest last: what is known of them, which are starred, which were deleted.
//!
//! Knows no files: the shell reads them and tells what it found.
//!
//! | file | holds |
//! |---|---|
//! | `entry` | one picture |
//! | `search` | the language of the search field |
//! | `shown`, `days` | what the search leaves, a slice a frame, by days |
//! | `view` | what is chosen, folded, compared |
//! | `actions` | what can be done with the chosen pictures |
//! | `facts` | what a picture was made with, as words; how two of them differ |

mod actions;
mod days;
mod entry;
mod facts;
mod search;
mod shown;
mod view;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::time::SystemTime;

use uuid::Uuid;

use crate::jobs::{ImageRecord, NsfwScore};
use crate::library::StoredImage;
use crate::task::Task;
use shown::{Shown, Stale};

pub use actions::{GalleryAction, GalleryOrder, Texts as ExportTexts};
pub use days::Day;
pub use entry::{GalleryEntry, Settings};
pub use facts::{Difference, Fact, differences, facts};
pub(super) use shown::Filter;
pub use view::{Compare, GalleryView, Marks};

/// Pictures kept in memory besides their files, so that what was just made is there at once.
const PICTURES_IN_MEMORY: usize = 24;

/// All pictures of the library and of this session.
#[derive(Debug, Default)]
pub struct Gallery {
    /// Oldest first, so that places stay what they are when one is added.
    entries: Vec<GalleryEntry>,
    places: HashMap<Uuid, usize>,
    together: HashMap<String, Vec<Uuid>>,
    verdicts: HashMap<Uuid, NsfwScore>,
    starred: HashSet<Uuid>,
    /// Stars that are still being written, in the order of the wishes.
    starring: VecDeque<(Vec<Uuid>, bool)>,
    shown: Shown,
    listed: bool,
    /// Deleted in this session, for bringing them back.
    removed: HashMap<Uuid, GalleryEntry>,
    /// Each deletion, the last one last.
    deletions: Vec<Vec<Uuid>>,
    /// Deleted, but perhaps still listed: their files are being moved.
    leaving: HashSet<Uuid>,
}

impl Gallery {
    /// How many pictures there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether the results folder has been read.
    #[must_use]
    pub const fn is_listed(&self) -> bool {
        self.listed
    }

    /// The picture made last.
    #[must_use]
    pub fn newest(&self) -> Option<&GalleryEntry> {
        self.entries.last()
    }

    /// The picture of that name.
    #[must_use]
    pub fn get(&self, image_uuid: Uuid) -> Option<&GalleryEntry> {
        self.entries.get(*self.places.get(&image_uuid)?)
    }

    /// How many pictures the search leaves.
    #[must_use]
    pub const fn shown_len(&self) -> usize {
        self.shown.places.len()
    }

    /// The picture at this place among those the search leaves, newest first.
    #[must_use]
    pub fn shown(&self, place: usize) -> Option<&GalleryEntry> {
        self.entries.get(*self.shown.places.get(place)?)
    }

    /// Where the picture is among those the search leaves.
    #[must_use]
    pub fn shown_place(&self, image_uuid: Uuid) -> Option<usize> {
        let place = *self.places.get(&image_uuid)?;
        // Newest first: the places fall.
        self.shown.places.binary_search_by(|other| place.cmp(other)).ok()
    }

    /// Days and the places they cover, newest first.
    #[must_use]
    pub fn days(&self) -> &[(Day, Range<usize>)] {
        &self.shown.days
    }

    /// Pictures that answer the same task, in the order of their making; at least the picture itself.
    #[must_use]
    pub fn siblings(&self, image_uuid: Uuid) -> &[Uuid] {
        self.get(image_uuid)
            .and_then(|entry| entry.about.task_uuid.as_ref())
            .map_or(&[], |task_uuid| self.made_together(task_uuid))
    }

    /// Pictures that answer this task, in the order of their making.
    #[must_use]
    pub fn made_together(&self, task_uuid: &str) -> &[Uuid] {
        self.together.get(task_uuid).map_or(&[], Vec::as_slice)
    }

    /// What was found when that picture was checked for adult content; `None` when it was not
    /// checked, or nothing was found before this session.
    #[must_use]
    pub fn verdict(&self, image_uuid: Uuid) -> Option<NsfwScore> {
        self.verdicts.get(&image_uuid).copied()
    }

    /// Takes in what was found when pictures were checked.
    pub fn set_verdicts(&mut self, verdicts: Vec<(Uuid, NsfwScore)>) {
        self.verdicts.extend(verdicts);
    }

    /// Whether that picture is starred.
    #[must_use]
    pub fn is_starred(&self, image_uuid: Uuid) -> bool {
        self.starred.contains(&image_uuid)
    }

    /// Takes in which pictures are starred on disk.
    pub fn set_stars(&mut self, starred: Vec<Uuid>) {
        self.starred = starred.into_iter().collect();
        for (images, starred) in self.starring.clone() {
            self.change_stars(&images, starred);
        }
        self.stars_changed();
    }

    /// The stars that were changed first are on disk now, or could not be written.
    pub fn stars_kept(&mut self) {
        self.starring.pop_front();
    }

    /// Stars these pictures, or takes their stars away.
    fn star(&mut self, images: Vec<Uuid>, starred: bool) {
        self.change_stars(&images, starred);
        self.starring.push_back((images, starred));
        self.stars_changed();
    }

    fn change_stars(&mut self, images: &[Uuid], starred: bool) {
        for image_uuid in images {
            if starred {
                self.starred.insert(*image_uuid);
            } else {
                self.starred.remove(image_uuid);
            }
        }
    }

    fn stars_changed(&mut self) {
        if self.shown.asks_for_stars() {
            self.facts_changed();
        }
    }

    fn facts_changed(&mut self) {
        self.shown.stale = self.shown.stale.max(Stale::Facts);
    }

    /// The term of the search that is none, as it was typed; it is left out.
    #[must_use]
    pub fn misread(&self) -> Option<&str> {
        self.shown.query.misread.as_deref()
    }

    /// Whether the search is still going on; what was found before is shown meanwhile.
    #[must_use]
    pub const fn is_searching(&self) -> bool {
        self.shown.is_searching()
    }

    /// Takes in a picture that was just made.
    pub(super) fn add(&mut self, record: &ImageRecord, made: SystemTime) {
        if self.places.contains_key(&record.image_uuid) {
            return;
        }
        let entry = GalleryEntry::from_record(record, made);
        self.remember_siblings(&entry);
        self.verdicts.extend(record.nsfw.map(|verdict| (record.image_uuid, verdict)));
        self.places.insert(entry.image_uuid, self.entries.len());
        self.entries.push(entry);
        self.shown.take_in(&self.entries, self.starred.contains(&record.image_uuid));
        let old = self.entries.len().saturating_sub(PICTURES_IN_MEMORY);
        if let Some(entry) = old.checked_sub(1).and_then(|place| self.entries.get_mut(place))
            && entry.path.is_some()
        {
            entry.picture = None;
        }
    }

    /// Takes in what lies in the results folder; keeps what is known of pictures already here.
    pub fn set_stored(&mut self, stored: Vec<StoredImage>) {
        // Most say nothing more than their file.
        let known = self
            .entries
            .drain(..)
            .filter(|entry| entry.picture.is_some() || entry.task().is_some());
        let mut known: HashMap<Uuid, GalleryEntry> =
            known.map(|entry| (entry.image_uuid, entry)).collect();
        let mut entries: Vec<_> = stored
            .into_iter()
            .filter(|image| !self.leaving.contains(&image.image_uuid))
            .map(|image| match known.remove(&image.image_uuid) {
                Some(entry) if entry.task().is_some() => entry,
                _ => GalleryEntry::from_stored(image),
            })
            .collect();
        // What was made since the folder was listed, and what could not be saved, is still there.
        entries.extend(known.into_values().filter(|entry| entry.picture.is_some()));
        self.entries = entries;
        self.listed = true;
        self.reorder();
    }

    /// Puts everything into the order of making and finds places and siblings anew.
    fn reorder(&mut self) {
        self.entries.sort_by_key(|entry| entry.made);
        self.places.clear();
        self.places.extend(
            self.entries.iter().enumerate().map(|(place, entry)| (entry.image_uuid, place)),
        );
        self.together.clear();
        for entry in &self.entries {
            remember_siblings(&mut self.together, entry);
        }
        self.shown.forget_places();
    }

    /// Takes these pictures away, to be brought back one day. Their files are still to be moved.
    fn remove(&mut self, images: &[Uuid]) {
        let gone: HashSet<Uuid> = images.iter().copied().collect();
        let (gone, kept) = std::mem::take(&mut self.entries)
            .into_iter()
            .partition::<Vec<_>, _>(|entry| gone.contains(&entry.image_uuid));
        self.entries = kept;
        self.leaving.extend(gone.iter().filter(|it| it.path.is_some()).map(|it| it.image_uuid));
        self.deletions.push(gone.iter().map(|entry| entry.image_uuid).collect());
        self.removed.extend(gone.into_iter().map(|entry| (entry.image_uuid, entry)));
        self.reorder();
    }

    /// The files of these deleted pictures have been moved, or could not be.
    pub fn left(&mut self, images: &[Uuid]) {
        for image_uuid in images {
            self.leaving.remove(image_uuid);
        }
    }

    /// Whether a deletion can be undone.
    #[must_use]
    pub const fn can_undo(&self) -> bool {
        !self.deletions.is_empty()
    }

    /// Brings deleted pictures back whose files are in the results folder again.
    pub fn put_back(&mut self, images: &[Uuid]) {
        self.left(images);
        let back: Vec<GalleryEntry> =
            images.iter().filter_map(|image| self.removed.remove(image)).collect();
        self.entries
            .extend(back.into_iter().filter(|it| !self.places.contains_key(&it.image_uuid)));
        self.reorder();
    }

    /// Takes in what was read in pictures' files.
    pub fn learn(&mut self, read: Vec<StoredImage>) {
        for StoredImage { image_uuid, about, .. } in read {
            let place = self.places.get(&image_uuid);
            let entry = place.and_then(|place| self.entries.get_mut(*place));
            let (Some(entry), Some(about)) = (entry, about) else { continue };
            if entry.task().is_none() {
                entry.learn(about);
                remember_siblings(&mut self.together, entry);
            }
        }
        self.facts_changed();
    }

    /// Takes in what a picture was made with, and what it cost in US dollars, if anything.
    pub fn set_task(&mut self, image_uuid: Uuid, task: Option<Arc<Task>>, cost: Option<f64>) {
        let place = self.places.get(&image_uuid);
        if let Some(entry) = place.and_then(|place| self.entries.get_mut(*place)) {
            entry.settings = task.map_or(Settings::Missing, Settings::Known);
            entry.cost = cost;
        }
    }

    fn remember_siblings(&mut self, entry: &GalleryEntry) {
        remember_siblings(&mut self.together, entry);
    }
}

fn remember_siblings(together: &mut HashMap<String, Vec<Uuid>>, entry: &GalleryEntry) {
    if let Some(task_uuid) = entry.about.task_uuid.clone() {
        let siblings = together.entry(task_uuid).or_default();
        if !siblings.contains(&entry.image_uuid) {
            siblings.push(entry.image_uuid);
        }
    }
}
