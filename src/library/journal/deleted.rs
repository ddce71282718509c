//! Pictures that the user deleted while their job was still in the journal: an empty file
//! `<imageUUID>.deleted` each, so that nobody takes them for owed and makes them again.
//!
//! Not in the entries themselves: those belong to other processes, too.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use uuid::Uuid;

use super::{Home, is_entry, remove};
use crate::jobs::JournalEntry;

/// What follows the picture's UUID in the file's name; nothing that jobs or locks end in.
const ENDING: &str = ".deleted";

/// Notes that nobody is owed these pictures any more, as far as a job of any process names them. What
/// goes wrong costs no file and is logged.
pub fn disown(home: &Home, images: &[Uuid]) {
    let folder = home.journal_dir();
    let Some(named) = named(&folder) else { return };
    for image_uuid in images.iter().filter(|image_uuid| named.contains(*image_uuid)) {
        let place = folder.join(format!("{image_uuid}{ENDING}"));
        if let Err(error) = fs::write(&place, []) {
            tracing::warn!("{error}: {}", place.display());
        }
    }
}

/// The disowned pictures.
pub(super) fn disowned(folder: &Path) -> HashSet<Uuid> {
    let names = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
    names.filter_map(|name| name.to_str()?.strip_suffix(ENDING)?.parse().ok()).collect()
}

/// Takes the notes away that no job needs any more.
pub(super) fn sweep_disowned(folder: &Path) {
    let noted = disowned(folder);
    if noted.is_empty() {
        return;
    }
    let Some(named) = named(folder) else { return };
    for image_uuid in noted.difference(&named) {
        remove(&folder.join(format!("{image_uuid}{ENDING}")));
    }
}

/// The pictures of all jobs that have not ended; `None` when that cannot be told.
fn named(folder: &Path) -> Option<HashSet<Uuid>> {
    let mut named = HashSet::new();
    for entry in fs::read_dir(folder).ok()? {
        let path = entry.ok()?.path();
        if !path.file_name()?.to_str().is_some_and(is_entry) {
            continue;
        }
        match fs::read(&path) {
            Ok(json) => named.extend(JournalEntry::read(&json).ok()?.images()),
            // Its job has just ended.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(_) => return None,
        }
    }
    Some(named)
}
