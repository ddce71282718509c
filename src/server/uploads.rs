//! Pictures that clients brought: which of them unfinished tasks still need, and when the others go.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use uuid::Uuid;

/// The pictures that tasks need, each with how often.
#[derive(Debug, Default)]
pub(super) struct Needed(Mutex<BTreeMap<Uuid, usize>>);

/// A picture is not cleared away as long as this lives.
#[derive(Debug)]
pub(super) struct Hold {
    needed: Arc<Needed>,
    pub(super) picture: Uuid,
}

impl Needed {
    fn counts(&self) -> MutexGuard<'_, BTreeMap<Uuid, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps that picture, if it is there: whether it is has to be asked afterwards.
    pub(super) fn hold(self: &Arc<Self>, picture: Uuid) -> Hold {
        *self.counts().entry(picture).or_default() += 1;
        Hold { needed: Arc::clone(self), picture }
    }

    /// Deletes the picture at `path` unless it is needed, or was used after `as_seen`. Nobody can begin
    /// to need it meanwhile.
    fn delete(&self, path: &Path, as_seen: SystemTime) -> io::Result<bool> {
        let counts = self.counts();
        let is_needed = name_of(path).is_none_or(|picture| counts.contains_key(&picture));
        let goes = !is_needed && fs::metadata(path)?.modified()? <= as_seen;
        if goes {
            fs::remove_file(path)?;
        }
        Ok(goes)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut counts = self.needed.counts();
        if let Some(count) = counts.get_mut(&self.picture) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.picture);
            }
        }
    }
}

/// How long uploads are kept, and how many.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keeping {
    /// After their last use.
    pub(super) age: Duration,
    /// Bytes of all together; beyond, those go first that were used longest ago.
    pub(super) bytes: u64,
}

struct Upload {
    used: SystemTime,
    bytes: u64,
    path: PathBuf,
}

/// Clears uploads in `folder` away that are too old or too many; how many went.
pub(super) fn sweep(folder: &Path, keeping: Keeping, needed: &Needed) -> io::Result<usize> {
    let mut uploads = list(folder)?;
    uploads.sort_by_key(|upload| upload.used);
    let mut total: u64 = uploads.iter().map(|upload| upload.bytes).sum();
    let now = SystemTime::now();
    let mut gone = 0;
    for Upload { used, bytes, path } in uploads {
        let is_old = now.duration_since(used).is_ok_and(|age| age > keeping.age);
        if !is_old && total <= keeping.bytes {
            break;
        }
        if needed.delete(&path, used)? {
            total -= bytes;
            gone += 1;
        }
    }
    Ok(gone)
}

fn list(folder: &Path) -> io::Result<Vec<Upload>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut uploads = Vec::new();
    for entry in entries {
        let entry = entry?;
        // What has another name is not ours, or is being written.
        if name_of(&entry.path()).is_some() {
            let about = entry.metadata()?;
            let (used, bytes) = (about.modified()?, about.len());
            uploads.push(Upload { used, bytes, path: entry.path() });
        }
    }
    Ok(uploads)
}

fn name_of(path: &Path) -> Option<Uuid> {
    Uuid::try_parse(path.file_stem()?.to_str()?).ok()
}

/// The picture was used now.
pub(super) fn touch(path: &Path) {
    let touched = fs::File::options().append(true).open(path);
    if let Err(error) = touched.and_then(|file| file.set_modified(SystemTime::now())) {
        tracing::warn!("the time of use could not be noted ({error}): {}", path.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    /// An upload of 10 bytes that was last used so long ago.
    fn upload(folder: &Path, age: Duration) -> Uuid {
        let name = Uuid::new_v4();
        let path = folder.join(format!("{name}.png"));
        fs::write(&path, [0; 10]).unwrap();
        let file = fs::File::options().append(true).open(&path).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
        name
    }

    fn there(folder: &Path, names: &[Uuid]) -> Vec<bool> {
        names.iter().map(|name| folder.join(format!("{name}.png")).is_file()).collect()
    }

    #[test]
    fn old_uploads_go_unless_a_task_needs_them() {
        let folder = tempfile::tempdir().unwrap();
        let needed = Arc::new(Needed::default());
        let names = [40, 40, 40, 1].map(|days| upload(folder.path(), DAY * days));
        fs::write(folder.path().join("notes.txt"), "mine").unwrap();
        let held = (needed.hold(names[1]), needed.hold(names[1]));
        touch(&folder.path().join(format!("{}.png", names[2])));
        let keeping = Keeping { age: DAY * 30, bytes: 1000 };
        assert_eq!(sweep(folder.path(), keeping, &needed).unwrap(), 1);
        assert_eq!(there(folder.path(), &names), [false, true, true, true]);
        drop(held.0);
        assert_eq!(sweep(folder.path(), keeping, &needed).unwrap(), 0);
        drop(held.1);
        assert_eq!(sweep(folder.path(), keeping, &needed).unwrap(), 1);
        assert!(folder.path().join("notes.txt").is_file());
        assert_eq!(sweep(&folder.path().join("none"), keeping, &needed).unwrap(), 0);
    }

    #[test]
    fn of_too_many_the_longest_unused_go_and_those_in_use_stay() {
        let folder = tempfile::tempdir().unwrap();
        let needed = Arc::new(Needed::default());
        let names = [5, 4, 3, 2].map(|days| upload(folder.path(), DAY * days));
        let _held = needed.hold(names[0]);
        let keeping = Keeping { age: DAY * 30, bytes: 25 };
        assert_eq!(sweep(folder.path(), keeping, &needed).unwrap(), 2);
        assert_eq!(there(folder.path(), &names), [true, false, false, true]);
    }
}
