//! Tasks of results whose files do not tell them: `tasks/<imageUUID>.json` of the home folder.
//!
//! Not beside the pictures: who saves them without their settings wants to give that folder away.

use std::io;
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::results::write_privately;
use crate::task::Task;

/// Where the task of that result is kept in the folder `tasks`.
pub(super) fn place(tasks: &Path, image_uuid: Uuid) -> PathBuf {
    tasks.join(format!("{image_uuid}.json"))
}

/// Keeps the task of that result, for this user's eyes only.
///
/// # Errors
/// When the disk is full or the folder cannot be written.
pub(super) fn keep_task(tasks: &Path, image_uuid: Uuid, json: &str) -> io::Result<()> {
    write_privately(&place(tasks, image_uuid), json.as_bytes())
}

/// The kept task of that result, if there is one that we understand.
pub(super) fn kept_task(tasks: &Path, image_uuid: Uuid) -> Option<Task> {
    let bytes = std::fs::read(place(tasks, image_uuid)).ok()?;
    Task::from_json(&serde_json::from_slice(&bytes).ok()?).ok()
}
