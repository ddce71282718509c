//! Finished pictures, newest last: what is known of them, which are starred, which were deleted.
//!
//! Knows no files: the shell reads them and tells what it found.
//!
//! | file | holds |
//! |---|---|
//! | `entry` | one picture |
//! | `listing` | all of them, in order |
//! | `search` | the language of the search field |
//! | `shown`, `days` | what the search leaves, a slice a frame, by days |
//! | `view` | what is chosen, folded, compared |
//! | `actions` | what can be done with the chosen pictures |
//! | `facts` | what a picture was made with, as words; how two of them differ |

mod actions;
mod days;
mod entry;
mod facts;
mod listing;
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
pub use listing::Listing;
pub(super) use shown::Filter;
pub use view::{Compare, GalleryView, Marks};

/// Pictures kept in memory besides their files, so that what was just made is there at once.
const PICTURES_IN_MEMORY: usize = 24;

/// Deletions that can be undone; what the trash holds of earlier ones stays there for its days.
const DELETIONS: usize = 50;

/// Pictures that were deleted together.
#[derive(Debug)]
struct Deletion {
    number: u64,
    images: Vec<Uuid>,
}

/// All pictures of the library and of this session.
#[derive(Debug, Default)]
pub struct Gallery {
    listing: Listing,
    verdicts: HashMap<Uuid, NsfwScore>,
    starred: HashSet<Uuid>,
    /// Stars that are still being written, in the order of the wishes.
    starring: VecDeque<(Vec<Uuid>, bool)>,
    shown: Shown,
    listed: bool,
    /// Deleted in this session, for bringing them back.
    removed: HashMap<Uuid, GalleryEntry>,
    /// Deletions that can be undone, the last one last; a picture is in one of them at most.
    deletions: VecDeque<Deletion>,
    next_deletion: u64,
    /// Deleted, but perhaps still listed: their files are being moved.
    leaving: HashSet<Uuid>,
}

impl Gallery {
    /// How many pictures there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.listing.entries().len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.listing.entries().is_empty()
    }

    /// Whether the results folder has been read.
    #[must_use]
    pub const fn is_listed(&self) -> bool {
        self.listed
    }

    /// The picture made last.
    #[must_use]
    pub fn newest(&self) -> Option<&GalleryEntry> {
        self.listing.entries().last()
    }

    /// The picture of that name.
    #[must_use]
    pub fn get(&self, image_uuid: Uuid) -> Option<&GalleryEntry> {
        self.listing.get(image_uuid)
    }

    /// How many pictures the search leaves.
    #[must_use]
    pub const fn shown_len(&self) -> usize {
        self.shown.places.len()
    }

    /// The picture at this place among those the search leaves, newest first.
    #[must_use]
    pub fn shown(&self, place: usize) -> Option<&GalleryEntry> {
        self.listing.entries().get(*self.shown.places.get(place)?)
    }

    /// Where the picture is among those the search leaves.
    #[must_use]
    pub fn shown_place(&self, image_uuid: Uuid) -> Option<usize> {
        let place = self.listing.place(image_uuid)?;
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
        self.listing.together(task_uuid)
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
        if self.listing.place(record.image_uuid).is_some() {
            return;
        }
        self.verdicts.extend(record.nsfw.map(|verdict| (record.image_uuid, verdict)));
        self.listing.push(GalleryEntry::from_record(record, made));
        let starred = self.starred.contains(&record.image_uuid);
        self.shown.take_in(self.listing.entries(), starred);
        let old = self.listing.nth_last(PICTURES_IN_MEMORY);
        if let Some(entry) = old.filter(|entry| entry.path.is_some()) {
            entry.picture = None;
        }
    }

    /// Takes in what lies in the results folder; keeps what is known of pictures already here. Returns
    /// the list of before, which may be large: let it go where nobody waits.
    #[must_use]
    pub fn set_stored(&mut self, mut listing: Listing) -> Listing {
        if !self.leaving.is_empty() {
            listing.remove(&self.leaving);
        }
        listing.take_over(&mut self.listing);
        self.listed = true;
        self.shown.forget_places();
        std::mem::replace(&mut self.listing, listing)
    }

    /// Takes these pictures away, to be brought back one day; the number of this deletion. Their files are
    /// still to be moved.
    fn remove(&mut self, images: &[Uuid]) -> u64 {
        let images = images.iter().copied().collect();
        let mut gone = self.listing.remove(&images);
        self.forget_deleted(&images);
        let number = self.note_deletion(gone.iter().map(|entry| entry.image_uuid).collect());
        // Pixels that a file has are read there when they are wanted again.
        for entry in gone.iter_mut().filter(|entry| entry.path.is_some()) {
            self.leaving.insert(entry.image_uuid);
            entry.picture = None;
        }
        self.removed.extend(gone.into_iter().map(|entry| (entry.image_uuid, entry)));
        self.shown.forget_places();
        number
    }

    fn note_deletion(&mut self, images: Vec<Uuid>) -> u64 {
        let number = self.next_deletion;
        self.next_deletion += 1;
        self.deletions.push_back(Deletion { number, images });
        if self.deletions.len() > DELETIONS {
            let oldest = self.deletions.pop_front().map(|deletion| deletion.images);
            for image in oldest.unwrap_or_default() {
                self.removed.remove(&image);
            }
        }
        number
    }

    /// These pictures can no longer be brought back by undoing an earlier deletion.
    fn forget_deleted(&mut self, images: &HashSet<Uuid>) {
        for deletion in &mut self.deletions {
            deletion.images.retain(|image| !images.contains(image));
        }
        self.deletions.retain(|deletion| !deletion.images.is_empty());
    }

    /// The pictures of the deletion of that number, or of the last one; it is undone thereby.
    fn take_deletion(&mut self, number: Option<u64>) -> Option<Vec<Uuid>> {
        let place = match number {
            Some(number) => self.deletions.iter().position(|it| it.number == number)?,
            None => self.deletions.len().checked_sub(1)?,
        };
        self.deletions.remove(place).map(|deletion| deletion.images)
    }

    /// The files of these deleted pictures have been moved, or could not be.
    pub fn left(&mut self, images: &[Uuid]) {
        for image_uuid in images {
            self.leaving.remove(image_uuid);
        }
    }

    /// Whether a deletion can be undone.
    #[must_use]
    pub fn can_undo(&self) -> bool {
        !self.deletions.is_empty()
    }

    /// Whether the deletion of that number can be undone.
    #[must_use]
    pub(super) fn can_undo_number(&self, number: u64) -> bool {
        self.deletions.iter().any(|deletion| deletion.number == number)
    }

    /// The files of these pictures could not be moved into the trash.
    pub(super) fn not_deleted(&mut self, images: &[Uuid]) {
        self.forget_deleted(&images.iter().copied().collect());
        self.put_back(images);
    }

    /// The files of these deleted pictures could not be moved back; that can be tried again.
    pub fn not_restored(&mut self, images: &[Uuid]) {
        let known = images.iter().copied().filter(|image| self.removed.contains_key(image));
        let known: Vec<Uuid> = known.collect();
        if !known.is_empty() {
            self.note_deletion(known);
        }
    }

    /// Nothing that was deleted comes back any more.
    fn forget_deletions(&mut self) {
        self.deletions.clear();
        self.removed.clear();
    }

    /// Brings deleted pictures back whose files are in the results folder again.
    pub fn put_back(&mut self, images: &[Uuid]) {
        self.left(images);
        let back = images.iter().filter_map(|image| self.removed.remove(image)).collect();
        self.listing.insert(back);
        self.shown.forget_places();
    }

    /// Takes in what was read in pictures' files.
    pub fn learn(&mut self, read: Vec<StoredImage>) {
        for StoredImage { image_uuid, about, .. } in read {
            let (Some(entry), Some(about)) = (self.listing.get_mut(image_uuid), about) else {
                continue;
            };
            if entry.task().is_none() {
                entry.learn(about);
                self.listing.relate(image_uuid);
            }
        }
        self.facts_changed();
    }

    /// Takes in what a picture was made with, and what it cost in US dollars, if anything.
    pub fn set_task(&mut self, image_uuid: Uuid, task: Option<Arc<Task>>, cost: Option<f64>) {
        if let Some(entry) = self.listing.get_mut(image_uuid) {
            entry.settings = task.map_or(Settings::Missing, Settings::Known);
            entry.cost = cost;
        }
    }
}
