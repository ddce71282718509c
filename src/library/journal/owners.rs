//! Who has which part of the journal: a locked file for each process that lives, and what is swept
//! away of processes that do not.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use uuid::Uuid;

use super::remove;
use crate::library::results::UNFINISHED;

/// A process with its locked file; the lock ends with the value.
#[derive(Debug)]
pub(super) struct Owner {
    pub(super) name: Uuid,
    pub(super) lock: PathBuf,
    _locked: File,
}

pub(super) fn lock_file(folder: &Path, owner: Uuid) -> PathBuf {
    folder.join(format!("{owner}.lock"))
}

/// Joins the journal under a fresh name.
pub(super) fn new_owner(folder: &Path) -> io::Result<Owner> {
    // Another process that looks for what was left behind may hold a fresh lock for a moment.
    const TRIES: usize = 8;
    for _ in 0..TRIES {
        if let Some(owner) = take(folder, Uuid::new_v4())? {
            return Ok(owner);
        }
    }
    Err(io::ErrorKind::WouldBlock.into())
}

/// Locks the file of that process; `None` while it lives, or when its last job was just struck out
/// by somebody else.
pub(super) fn take(folder: &Path, name: Uuid) -> io::Result<Option<Owner>> {
    let lock = lock_file(folder, name);
    let file = File::options().create(true).append(true).open(&lock)?;
    match file.try_lock() {
        // A file that was deleted before we had its lock is nobody's.
        Ok(()) => Ok(lock.exists().then_some(Owner { name, lock, _locked: file })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Lets nobody else look in: tasks may hold addresses with keys.
pub(super) fn keep_private(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    }
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// Whether nobody holds the lock; unlike [`take`] it makes no file.
pub(super) fn is_free(lock: &Path) -> bool {
    File::options().append(true).open(lock).is_ok_and(|file| file.try_lock().is_ok())
}

pub(super) fn written(file: &Path) -> Option<SystemTime> {
    fs::metadata(file).and_then(|file| file.modified()).ok()
}

/// Characters that the system adds to the names of temporary files. The folder may be the user's:
/// nothing else is touched.
const RANDOM_PART: usize = 6;

/// Removes files of `folder` that were being written before `oldest`.
pub(super) fn sweep(folder: &Path, oldest: Option<SystemTime>) {
    let (Some(oldest), Ok(entries)) = (oldest, fs::read_dir(folder)) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let rest = name.to_string_lossy().strip_prefix(UNFINISHED).map(str::len);
        let unfinished = rest == Some(RANDOM_PART);
        if unfinished && written(&entry.path()).is_some_and(|written| written < oldest) {
            remove(&entry.path());
        }
    }
}
