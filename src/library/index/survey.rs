//! Bringing the index up to date with the results folder: only what changed is read.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use uuid::Uuid;

use super::row::{self, Entry, Stamp};
use super::{About, Index, IndexError, StoredImage};
use crate::library::kept_tasks::kept_task;
use crate::library::results::task_inside;
use crate::pixels::{Extent, probe};
use crate::task::Task;

/// Pictures that are read before they are written to the index at once.
const BATCH: usize = 64;

/// Bytes from the beginning of a PNG or JPEG file in which its size and its task usually stand.
const HEAD: u64 = 64 << 10;

/// What the results folder holds, and what of it the index does not know.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// Every picture of the folder.
    pub present: HashSet<Uuid>,
    /// Pictures that are new or changed, the newest first.
    pub unread: Vec<StoredImage>,
    /// How many pictures were in the index and are no longer in the folder.
    pub vanished: usize,
}

impl Index {
    /// Lists the results folder, takes out of the index what has vanished, and tells what has to
    /// be read. Opens no picture.
    ///
    /// # Errors
    /// When the folder cannot be listed or the index cannot be used.
    pub fn survey(&self) -> Result<Survey, IndexError> {
        // The index first: a picture that another process adds meanwhile is not taken for vanished.
        let known: Vec<Stamp> = self.with(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT uuid, file, modified, bytes FROM pictures")?;
            let stamps = statement.query_map([], row::stamp)?;
            stamps.collect()
        })?;
        let folder = |source| IndexError::Folder { path: self.results.clone(), source };
        let mut found = list(&self.results).map_err(folder)?;
        let present = found.keys().copied().collect();
        let mut vanished = Vec::new();
        for stamp in &known {
            match found.get(&stamp.image_uuid) {
                None => vanished.push(stamp.image_uuid),
                Some(same) if same == stamp => {
                    found.remove(&stamp.image_uuid);
                }
                Some(_) => {}
            }
        }
        if !vanished.is_empty() {
            self.forget(&vanished)?;
        }
        let mut unread: Vec<Stamp> = found.into_values().collect();
        unread.sort_unstable_by(|a, b| (b.modified, &b.file).cmp(&(a.modified, &a.file)));
        let unread = unread.iter().map(|stamp| stamp.unread(&self.results)).collect();
        Ok(Survey { present, unread, vanished: vanished.len() })
    }

    /// Reads the files of `unread` and takes them in, telling `each` batch what it found; ends
    /// early when that returns `false`. A file that has vanished meanwhile is left out.
    ///
    /// # Errors
    /// When the index cannot be written.
    pub fn read(
        &self,
        unread: &[StoredImage],
        mut each: impl FnMut(Vec<StoredImage>) -> bool,
    ) -> Result<(), IndexError> {
        for batch in unread.chunks(BATCH) {
            let entries: Vec<Entry> =
                batch.iter().filter_map(|image| entry(&image.path, &self.tasks)).collect();
            self.insert(&entries)?;
            let told = entries.iter().map(|entry| StoredImage {
                about: Some(About::new(entry.extent, entry.task.as_ref())),
                ..entry.stamp.unread(&self.results)
            });
            if !each(told.collect()) {
                break;
            }
        }
        Ok(())
    }

    /// Brings the index up to date; returns how many pictures were read.
    ///
    /// # Errors
    /// When the folder cannot be listed or the index cannot be used.
    pub fn refresh(&self) -> Result<usize, IndexError> {
        let Survey { unread, .. } = self.survey()?;
        self.read(&unread, |_| true)?;
        Ok(unread.len())
    }
}

/// The results in `folder`; none when there is no folder yet.
fn list(folder: &Path) -> io::Result<HashMap<Uuid, Stamp>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(HashMap::new()),
        Err(error) => return Err(error),
    };
    let stamps = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        Stamp::of(&entry.path(), &entry.metadata().ok()?)
    });
    let mut found = HashMap::new();
    for stamp in stamps {
        // The same picture in two formats: always the same one of the two.
        match found.get_mut(&stamp.image_uuid) {
            None => {
                found.insert(stamp.image_uuid, stamp);
            }
            Some(other) if stamp.file < other.file => *other = stamp,
            Some(_) => {}
        }
    }
    Ok(found)
}

/// Reads a picture file; `None` when it cannot be read at all. Where it tells no task, the one in `tasks`
/// counts.
fn entry(path: &Path, tasks: &Path) -> Option<Entry> {
    match read(path) {
        Ok(entry) => entry.map(|entry| Entry {
            task: entry.task.or_else(|| kept_task(tasks, entry.stamp.image_uuid)),
            ..entry
        }),
        Err(error) => {
            tracing::warn!("{error}: {}", path.display());
            None
        }
    }
}

fn read(path: &Path) -> io::Result<Option<Entry>> {
    let mut file = File::open(path)?;
    let Some(stamp) = Stamp::of(path, &file.metadata()?) else { return Ok(None) };
    let mut bytes = Vec::new();
    file.by_ref().take(HEAD).read_to_end(&mut bytes)?;
    let (mut extent, mut task): (Option<Extent>, Option<Task>) = facts(&bytes);
    if extent.is_none() || task.is_none() {
        bytes = fs::read(path)?;
        (extent, task) = facts(&bytes);
    }
    Ok(Some(Entry { stamp, extent, task }))
}

fn facts(bytes: &[u8]) -> (Option<Extent>, Option<Task>) {
    (probe(bytes).ok().map(|(extent, _)| extent), task_inside(bytes))
}
