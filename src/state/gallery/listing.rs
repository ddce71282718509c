//! Pictures in the order of their making, found by name and by task.
//!
//! Made of a hundred thousand pictures on a thread of its own; afterwards each change costs no more than
//! what lies behind it in the order.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::SystemTime;

use uuid::Uuid;

use super::GalleryEntry;
use crate::library::StoredImage;

/// Pictures, the oldest first, so that places stay what they are when one is made.
#[derive(Debug, Default)]
pub struct Listing {
    entries: Vec<GalleryEntry>,
    places: HashMap<Uuid, usize>,
    together: HashMap<String, Vec<Uuid>>,
    /// When the folder began to be listed.
    began: Option<SystemTime>,
}

impl Listing {
    /// Puts what lies in the results folder into order, which began to be listed at that time.
    #[must_use]
    pub fn new(stored: Vec<StoredImage>, began: SystemTime) -> Self {
        let mut listing = Self {
            entries: stored.into_iter().map(GalleryEntry::from_stored).collect(),
            began: Some(began),
            ..Self::default()
        };
        listing.entries.sort_by_key(|entry| entry.made);
        listing.name_from(0);
        for entry in &listing.entries {
            relate(&mut listing.together, entry);
        }
        listing
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All pictures, the oldest first.
    pub(super) fn entries(&self) -> &[GalleryEntry] {
        &self.entries
    }

    /// Where the picture of that name is.
    pub(super) fn place(&self, image_uuid: Uuid) -> Option<usize> {
        self.places.get(&image_uuid).copied()
    }

    /// The picture of that name.
    pub(super) fn get(&self, image_uuid: Uuid) -> Option<&GalleryEntry> {
        self.entries.get(self.place(image_uuid)?)
    }

    /// The picture of that name; its place in the order must stay.
    pub(super) fn get_mut(&mut self, image_uuid: Uuid) -> Option<&mut GalleryEntry> {
        let place = self.place(image_uuid)?;
        self.entries.get_mut(place)
    }

    /// The picture that many places before the end.
    pub(super) fn nth_last(&mut self, places: usize) -> Option<&mut GalleryEntry> {
        self.entries.iter_mut().rev().nth(places)
    }

    /// Pictures that answer this task, in the order of their making.
    pub(super) fn together(&self, task_uuid: &str) -> &[Uuid] {
        self.together.get(task_uuid).map_or(&[], Vec::as_slice)
    }

    /// Takes pictures in at their places in the order, unless they are there: as dear as a look at all
    /// pictures, however many come.
    pub(super) fn insert(&mut self, entries: Vec<GalleryEntry>) {
        if entries.is_empty() {
            return;
        }
        let mut tasks = BTreeSet::new();
        for entry in entries {
            if !self.places.contains_key(&entry.image_uuid) {
                tasks.extend(entry.about.task_uuid.clone());
                self.push(entry);
            }
        }
        self.entries.sort_by_key(|entry| entry.made);
        self.name_from(0);
        for task in tasks {
            if let Some(siblings) = self.together.get_mut(&task) {
                siblings.sort_by_key(|sibling| self.places.get(sibling));
            }
        }
    }

    /// Takes a picture in at the end, since it was just made.
    pub(super) fn push(&mut self, entry: GalleryEntry) {
        relate(&mut self.together, &entry);
        self.entries.push(entry);
        self.name_from(self.entries.len() - 1);
    }

    /// Takes these pictures out.
    pub(super) fn remove(&mut self, images: &HashSet<Uuid>) -> Vec<GalleryEntry> {
        let places = self.entries.iter().position(|entry| images.contains(&entry.image_uuid));
        let Some(first) = places else { return Vec::new() };
        let (gone, kept): (Vec<_>, Vec<_>) = self
            .entries
            .split_off(first)
            .into_iter()
            .partition(|entry| images.contains(&entry.image_uuid));
        self.entries.extend(kept);
        for entry in &gone {
            self.places.remove(&entry.image_uuid);
            let task = entry.about.task_uuid.as_ref();
            if let Some(siblings) = task.and_then(|task| self.together.get_mut(task)) {
                siblings.retain(|sibling| *sibling != entry.image_uuid);
            }
        }
        self.name_from(first);
        gone
    }

    /// Takes in that the picture of that name answers a task which was not known before.
    pub(super) fn relate(&mut self, image_uuid: Uuid) {
        if let Some(place) = self.place(image_uuid) {
            relate(&mut self.together, &self.entries[place]);
        }
    }

    /// Takes over what `before` knew besides its files: tasks that were fetched, pictures in memory. What
    /// was made since the folder began to be listed, and what could not be saved, is still there; other
    /// pictures have lost their files.
    pub(super) fn take_over(&mut self, before: &mut Self) {
        let began = self.began;
        let mut still_there = Vec::new();
        for entry in &mut before.entries {
            let known = entry.task().is_some();
            let too_new = began.is_some_and(|began| entry.made >= began);
            match self.place(entry.image_uuid) {
                Some(place) if known => {
                    let entry = GalleryEntry { made: self.entries[place].made, ..entry.clone() };
                    self.entries[place] = entry;
                }
                None if entry.path.is_none() || too_new => still_there.push(entry.clone()),
                _ => {}
            }
        }
        self.insert(still_there);
    }

    /// Remembers where the pictures from that place on are.
    fn name_from(&mut self, place: usize) {
        let names = self.entries.iter().enumerate().skip(place);
        self.places.extend(names.map(|(place, entry)| (entry.image_uuid, place)));
    }
}

/// Puts a picture among those that answer the same task.
fn relate(together: &mut HashMap<String, Vec<Uuid>>, entry: &GalleryEntry) {
    if let Some(task_uuid) = entry.about.task_uuid.clone() {
        let siblings = together.entry(task_uuid).or_default();
        if !siblings.contains(&entry.image_uuid) {
            siblings.push(entry.image_uuid);
        }
    }
}
