//! One picture as a row: what is written, and what is read back.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use super::{About, StoredImage};
use crate::library::results::ENDINGS;
use crate::pixels::Extent;
use crate::task::Task;

/// Columns of a [`StoredImage`].
pub(super) const SHORT: &str = "uuid, file, modified, width, height, positive, task_uuid, \
                                searchable, task IS NOT NULL, model, seed";

/// A file of the results folder as the folder shows it; another stamp is another picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) image_uuid: Uuid,
    pub(super) file: String,
    /// Nanoseconds since 1970.
    pub(super) modified: i64,
    pub(super) bytes: i64,
}

impl Stamp {
    /// The stamp of the file at `path`; `None` when its name is not that of a result.
    pub(super) fn of(path: &Path, file: &fs::Metadata) -> Option<Self> {
        let ending = path.extension()?.to_str()?;
        let name = path.file_name()?.to_str()?.to_owned();
        let image_uuid = Uuid::parse_str(path.file_stem()?.to_str()?).ok()?;
        let modified = nanoseconds(file.modified().ok()?);
        let bytes = i64::try_from(file.len()).ok()?;
        ENDINGS.contains(&ending).then_some(Self { image_uuid, file: name, modified, bytes })
    }

    /// The picture, of which nothing more is known.
    pub(super) fn unread(&self, results: &Path) -> StoredImage {
        StoredImage {
            path: results.join(&self.file),
            image_uuid: self.image_uuid,
            made: moment(self.modified),
            about: None,
        }
    }
}

/// A picture to write into the index.
pub(super) struct Entry {
    pub(super) stamp: Stamp,
    /// `None` for a file that is no picture.
    pub(super) extent: Option<Extent>,
    pub(super) task: Option<Task>,
}

/// Writes the row of `entry` in place of an older one.
pub(super) fn insert(connection: &Connection, entry: &Entry) -> rusqlite::Result<()> {
    let Entry { stamp: Stamp { image_uuid, file, modified, bytes }, extent, task } = entry;
    let about = About::new(*extent, task.as_ref());
    let json = task.as_ref().and_then(|task| serde_json::to_string(task).ok());
    remove(connection, *image_uuid)?;
    connection
        .prepare_cached(
            "INSERT INTO pictures (uuid, file, modified, bytes, width, height, model, positive, \
             seed, task_uuid, searchable, task) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
            image_uuid.as_bytes(),
            file,
            modified,
            bytes,
            extent.map(|extent| extent.width),
            extent.map(|extent| extent.height),
            about.model,
            about.prompt,
            about.seed.and_then(|seed| i64::try_from(seed).ok()),
            about.task_uuid,
            about.searchable,
            json,
        ])?;
    Ok(())
}

/// Takes the row of that picture away, if there is one.
pub(super) fn remove(connection: &Connection, image_uuid: Uuid) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached("DELETE FROM pictures WHERE uuid = ?1")?;
    statement.execute(params![image_uuid.as_bytes()])?;
    Ok(())
}

/// Reads the columns [`SHORT`].
pub(super) fn stored(row: &Row<'_>, results: &Path) -> rusqlite::Result<StoredImage> {
    let file: PathBuf = row.get::<_, String>(1)?.into();
    let extent = match (row.get(3)?, row.get(4)?) {
        (Some(width), Some(height)) => Some(Extent::new(width, height)),
        _ => None,
    };
    Ok(StoredImage {
        path: results.join(file),
        image_uuid: Uuid::from_bytes(row.get(0)?),
        made: moment(row.get(2)?),
        about: Some(About {
            extent,
            prompt: row.get(5)?,
            task_uuid: row.get(6)?,
            searchable: row.get(7)?,
            has_task: row.get(8)?,
            model: row.get(9)?,
            seed: row.get::<_, Option<i64>>(10)?.and_then(|seed| u64::try_from(seed).ok()),
        }),
    })
}

/// Reads the columns `uuid, file, modified, bytes`.
pub(super) fn stamp(row: &Row<'_>) -> rusqlite::Result<Stamp> {
    Ok(Stamp {
        image_uuid: Uuid::from_bytes(row.get(0)?),
        file: row.get(1)?,
        modified: row.get(2)?,
        bytes: row.get(3)?,
    })
}

fn nanoseconds(moment: SystemTime) -> i64 {
    match moment.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_nanos()).unwrap_or(i64::MAX),
    }
}

fn moment(nanoseconds: i64) -> SystemTime {
    let distance = Duration::from_nanos(nanoseconds.unsigned_abs());
    if nanoseconds < 0 { UNIX_EPOCH - distance } else { UNIX_EPOCH + distance }
}
