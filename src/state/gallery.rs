//! Finished pictures, newest last, with what is searched for and how they fall into days.
//!
//! Knows no files: the shell reads them and tells what it found.

use std::collections::HashMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use uuid::Uuid;

use super::days::{Day, Midnights};
use crate::jobs::{ImageRecord, NsfwScore};
use crate::library::{About, StoredImage};
use crate::pixels::Picture;
use crate::task::Task;

/// Pictures kept in memory besides their files, so that what was just made is there at once.
const PICTURES_IN_MEMORY: usize = 24;

/// What a picture was made with.
#[derive(Clone, Debug, Default)]
pub enum Settings {
    /// The file has not been read yet.
    #[default]
    Unread,
    /// The index has them; they are fetched when the picture is chosen.
    Stored,
    /// The file carries none.
    Missing,
    /// The task it answers.
    Known(Arc<Task>),
}

/// A finished picture.
#[derive(Clone, Debug)]
pub struct GalleryEntry {
    /// Names the picture for ever.
    pub image_uuid: Uuid,

    /// When it was made.
    pub made: SystemTime,

    /// Where it lies, if it could be saved.
    pub path: Option<PathBuf>,

    /// Its pixels, while they are still in memory.
    pub picture: Option<Picture>,

    /// How many times as fast `DeepCache` made its steps; known of pictures of this session.
    pub speed_up: Option<f32>,

    /// What it was made with.
    pub settings: Settings,

    /// The same in short, and the picture's size; empty while the file is unread.
    pub about: About,
}

impl GalleryEntry {
    /// The task, when it is known.
    #[must_use]
    pub const fn task(&self) -> Option<&Arc<Task>> {
        match &self.settings {
            Settings::Known(task) => Some(task),
            Settings::Unread | Settings::Stored | Settings::Missing => None,
        }
    }

    /// The prompt, when it is known.
    #[must_use]
    pub fn prompt(&self) -> Option<&str> {
        self.about.prompt.as_deref()
    }

    fn from_stored(stored: StoredImage) -> Self {
        let mut entry = Self {
            image_uuid: stored.image_uuid,
            made: stored.made,
            path: Some(stored.path),
            picture: None,
            speed_up: None,
            settings: Settings::Unread,
            about: About::default(),
        };
        if let Some(about) = stored.about {
            entry.learn(about);
        }
        entry
    }

    fn from_record(record: &ImageRecord, made: SystemTime) -> Self {
        let task = made_by(record);
        Self {
            image_uuid: record.image_uuid,
            made,
            path: record.path.clone(),
            picture: Some(record.picture.clone()),
            speed_up: record.speed_up,
            about: About::new(Some(record.picture.extent()), Some(&task)),
            settings: Settings::Known(Arc::new(task)),
        }
    }

    fn learn(&mut self, about: About) {
        self.settings = if about.has_task { Settings::Stored } else { Settings::Missing };
        self.about = about;
    }
}

/// All pictures of the library and of this session.
#[derive(Debug, Default)]
pub struct Gallery {
    /// Oldest first, so that places stay what they are when one is added.
    entries: Vec<GalleryEntry>,
    places: HashMap<Uuid, usize>,
    together: HashMap<String, Vec<Uuid>>,
    verdicts: HashMap<Uuid, NsfwScore>,
    shown: Shown,
    listed: bool,
    revision: u64,
}

/// What the search leaves, newest first.
#[derive(Debug, Default)]
struct Shown {
    revision: u64,
    search: String,
    valid_until: Option<SystemTime>,
    places: Vec<usize>,
    days: Vec<(Day, Range<usize>)>,
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
        self.revision += 1;
        let old = self.entries.len().saturating_sub(PICTURES_IN_MEMORY);
        if let Some(entry) = old.checked_sub(1).and_then(|place| self.entries.get_mut(place))
            && entry.path.is_some()
        {
            entry.picture = None;
        }
    }

    /// Takes in what lies in the results folder; keeps what is known of pictures already here.
    pub fn set_stored(&mut self, stored: Vec<StoredImage>) {
        let mut known: HashMap<Uuid, GalleryEntry> =
            self.entries.drain(..).map(|entry| (entry.image_uuid, entry)).collect();
        let mut entries: Vec<_> = stored
            .into_iter()
            .map(|image| match known.remove(&image.image_uuid) {
                Some(entry) if entry.task().is_some() => entry,
                _ => GalleryEntry::from_stored(image),
            })
            .collect();
        // What was made since the folder was listed, and what could not be saved, is still there.
        entries.extend(known.into_values().filter(|entry| entry.picture.is_some()));
        entries.sort_by_key(|entry| entry.made);
        self.places =
            entries.iter().enumerate().map(|(place, entry)| (entry.image_uuid, place)).collect();
        self.together.clear();
        for entry in &entries {
            remember_siblings(&mut self.together, entry);
        }
        self.entries = entries;
        self.listed = true;
        self.revision += 1;
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
        self.revision += 1;
    }

    /// Takes in what a picture was made with.
    pub fn set_task(&mut self, image_uuid: Uuid, task: Option<Arc<Task>>) {
        let place = self.places.get(&image_uuid);
        if let Some(entry) = place.and_then(|place| self.entries.get_mut(*place)) {
            entry.settings = task.map_or(Settings::Missing, Settings::Known);
        }
    }

    fn remember_siblings(&mut self, entry: &GalleryEntry) {
        remember_siblings(&mut self.together, entry);
    }

    /// Brings [`Self::shown`] up to date; cheap when nothing changed.
    pub(super) fn refresh(&mut self, search: &str, now: SystemTime) {
        let current = self.shown.revision == self.revision
            && self.shown.search == search
            && self.shown.valid_until.is_some_and(|until| now < until);
        if current {
            return;
        }
        let search_lower = search.to_lowercase();
        let words: Vec<&str> = search_lower.split_whitespace().collect();
        let places: Vec<usize> = (0..self.entries.len())
            .rev()
            .filter(|&place| {
                words.iter().all(|word| self.entries[place].about.searchable.contains(word))
            })
            .collect();
        let midnights = Midnights::around(now);
        let since =
            |limit: SystemTime| places.partition_point(|&place| self.entries[place].made >= limit);
        let (today, yesterday) = (since(midnights.last), since(midnights.before));
        let days = [
            (Day::Today, 0..today),
            (Day::Yesterday, today..yesterday),
            (Day::Older, yesterday..places.len()),
        ];
        self.shown = Shown {
            revision: self.revision,
            search: search.to_owned(),
            valid_until: Some(midnights.next),
            days: days.into_iter().filter(|(_, range)| !range.is_empty()).collect(),
            places,
        };
    }
}

/// The task that makes exactly this picture again, as its file carries it.
fn made_by(record: &ImageRecord) -> Task {
    Task { seed: record.seed, number_results: None, ..(*record.request.task).clone() }
}

fn remember_siblings(together: &mut HashMap<String, Vec<Uuid>>, entry: &GalleryEntry) {
    if let Some(task_uuid) = entry.about.task_uuid.clone() {
        let siblings = together.entry(task_uuid).or_default();
        if !siblings.contains(&entry.image_uuid) {
            siblings.push(entry.image_uuid);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn stored(id: u128, made: SystemTime) -> StoredImage {
        StoredImage {
            path: PathBuf::from(format!("{id}.png")),
            image_uuid: Uuid::from_u128(id),
            made,
            about: None,
        }
    }

    fn read(id: u128, prompt: &str, task_uuid: &str) -> StoredImage {
        let mut task = Task::new(Uuid::nil());
        task.positive_prompt = Some(prompt.to_owned());
        task.task_uuid = Some(task_uuid.to_owned());
        StoredImage { about: Some(About::new(None, Some(&task))), ..stored(id, noon()) }
    }

    fn noon() -> SystemTime {
        let day = jiff::civil::date(2026, 3, 5).at(12, 0, 0, 0);
        day.to_zoned(jiff::tz::TimeZone::system()).unwrap().timestamp().into()
    }

    #[test]
    fn pictures_fall_into_days_newest_first() {
        let hours = |count: u64| noon() - Duration::from_secs(count * 3600);
        let mut gallery = Gallery::default();
        gallery.set_stored(vec![
            stored(1, hours(1)),
            stored(2, hours(13)),
            stored(3, hours(40)),
            stored(4, hours(99)),
        ]);
        gallery.refresh("", noon());
        assert_eq!(
            gallery.days(),
            [(Day::Today, 0..1), (Day::Yesterday, 1..2), (Day::Older, 2..4)]
        );
        for place in 0..4 {
            let entry = gallery.shown(place).unwrap();
            assert_eq!(entry.image_uuid, Uuid::from_u128(place as u128 + 1));
            assert_eq!(gallery.shown_place(entry.image_uuid), Some(place));
        }
    }

    #[test]
    fn a_search_wants_every_word_and_minds_no_case() {
        let mut gallery = Gallery::default();
        gallery.set_stored(vec![stored(1, noon()), read(2, "a red car", "b")]);
        gallery.learn(vec![read(1, "A red Fox", "a")]);
        for (search, found) in [("", 2), ("RED", 2), ("fox red", 1), ("fox car", 0)] {
            gallery.refresh(search, noon());
            assert_eq!(gallery.shown_len(), found, "{search:?}");
        }
        assert_eq!(gallery.shown_place(Uuid::from_u128(1)), None);
    }

    #[test]
    fn pictures_of_one_task_stand_together() {
        let mut gallery = Gallery::default();
        gallery.set_stored(vec![stored(1, noon()), read(2, "a fox", "b"), stored(3, noon())]);
        gallery.learn(vec![read(1, "a fox", "a"), read(3, "a fox", "a")]);
        assert_eq!(gallery.siblings(Uuid::from_u128(3)), [Uuid::from_u128(1), Uuid::from_u128(3)]);
    }
}
