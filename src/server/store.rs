//! Tasks on disk: each written before it is acknowledged and kept for a day after its end, so that a
//! restart finds what was promised, and a name that was used once stays used.
//!
//! `served/lock` belongs to the running server, `served/secret` makes its names, `served/tasks/<taskUUID>.json`
//! is a task. Whether a picture is finished is asked of its file alone.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::auth::Owner;
use super::sign::Secret;
use crate::library::{Home, write_atomically};
use crate::task::Problem;

/// Version of the records that are written.
const VERSION: u32 = 1;

/// Why the server's folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another server uses it.
    #[error("another `latelier serve` uses this folder; stop it, or move this one with LATELIER_HOME: {}", .0.display())]
    Taken(PathBuf),

    /// The system refuses.
    #[error("the server's folder cannot be used ({source}): {}", path.display())]
    System {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A task as it lies on disk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    version: u32,
    /// Whose it is; never the key itself.
    pub(super) owner: Owner,
    /// What was asked for, pictures by their names here.
    pub(super) request: Value,
    /// The first picture's seed, drawn when the task had none.
    pub(super) seed: u64,
    /// The names of its pictures, finished or not.
    pub(super) images: Vec<Uuid>,
    /// What came of it, once it has ended.
    pub(super) end: Option<End>,
}

/// What came of a task, besides pictures that have files.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct End {
    /// Results that are not made from files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) data: Vec<Value>,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) errors: Vec<Problem>,
}

impl Record {
    pub(super) const fn new(owner: Owner, request: Value, seed: u64, images: Vec<Uuid>) -> Self {
        Self { version: VERSION, owner, request, seed, images, end: None }
    }

    /// The same task, ended.
    pub(super) fn ended(&self, end: End) -> Self {
        Self { end: Some(end), ..self.clone() }
    }

    /// The same task, ended with these pictures.
    pub(super) fn ended_with(&self, images: Vec<Uuid>) -> Self {
        Self { images, ..self.ended(End::default()) }
    }

    /// `taskUUID` of the request.
    pub(super) fn task_uuid(&self) -> Option<Uuid> {
        Uuid::try_parse(self.request.get("taskUUID")?.as_str()?).ok()
    }

    /// `taskType` of the request.
    pub(super) fn task_type(&self) -> &str {
        self.request.get("taskType").and_then(Value::as_str).unwrap_or_default()
    }

    /// The problem as one of this task.
    pub(super) fn stamped(&self, problem: Problem) -> Problem {
        Problem {
            task_uuid: self.request["taskUUID"].as_str().map(str::to_owned),
            task_type: Some(self.task_type().to_owned()),
            ..problem
        }
    }
}

/// The folder of a server.
#[derive(Debug)]
pub(super) struct Store {
    tasks: PathBuf,
    /// How long records stay after their end.
    keep: Duration,
    /// Ended tasks that could not be written down, on a full disk for example; tried again later.
    unwritten: Mutex<BTreeMap<Uuid, Record>>,
    _lock: File,
}

impl Store {
    /// Takes the folder of `home` for as long as the value lives; its secret comes along.
    pub(super) fn open(home: &Home, keep: Duration) -> Result<(Self, Secret), StoreError> {
        let folder = home.served_dir();
        let failed = |source| StoreError::System { path: folder.clone(), source };
        let tasks = folder.join("tasks");
        fs::create_dir_all(&tasks).map_err(failed)?;
        keep_private(&folder).map_err(failed)?;
        let lock = folder.join("lock");
        let lock = File::options().create(true).append(true).open(&lock).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::Taken(folder)),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let secret = secret(&folder.join("secret")).map_err(failed)?;
        Ok((Self { tasks, keep, unwritten: Mutex::default(), _lock: lock }, secret))
    }

    fn file(&self, task: Uuid) -> PathBuf {
        self.tasks.join(format!("{task}.json"))
    }

    /// Writes a record; when this returns, no crash can lose it.
    pub(super) fn write(&self, task: Uuid, record: &Record) -> io::Result<()> {
        write_atomically(&self.file(task), &serde_json::to_vec(record)?)
    }

    fn unwritten(&self) -> MutexGuard<'_, BTreeMap<Uuid, Record>> {
        self.unwritten.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the record of an ended task. When that fails it is kept in memory, and answers are still made
    /// of it.
    pub(super) fn write_end(&self, task: Uuid, record: &Record) -> io::Result<()> {
        let written = self.write(task, record);
        if written.is_err() {
            self.unwritten().insert(task, record.clone());
        }
        written
    }

    /// Tries again to write down what could not be written.
    pub(super) fn catch_up(&self) -> io::Result<()> {
        loop {
            let Some((task, record)) =
                self.unwritten().first_key_value().map(|(task, record)| (*task, record.clone()))
            else {
                return Ok(());
            };
            self.write(task, &record)?;
            self.unwritten().remove(&task);
        }
    }

    /// Bytes of a task's record, without its pictures.
    pub(super) fn size(&self, task: Uuid) -> u64 {
        fs::metadata(self.file(task)).map_or(0, |about| about.len())
    }

    /// Whether a task of that name is or was here within the time that records are kept.
    pub(super) fn knows(&self, task: Uuid) -> bool {
        self.file(task).is_file() || self.unwritten().contains_key(&task)
    }

    /// The record of a task, if it is this owner's.
    pub(super) fn read(&self, task: Uuid, owner: &Owner) -> Option<Record> {
        let unwritten = self.unwritten().get(&task).cloned();
        unwritten.or_else(|| read(&self.file(task))).filter(|record| record.owner == *owner)
    }

    /// Tasks that had not ended when the server stopped, the oldest first.
    pub(super) fn unfinished(&self) -> io::Result<Vec<Record>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.tasks)? {
            let path = entry?.path();
            if path.extension().is_none_or(|ending| ending != "json") {
                // What was being written when the server was killed.
                fs::remove_file(&path).ok();
                continue;
            }
            match read(&path) {
                Some(record) if record.end.is_none() => {
                    found.push((fs::metadata(&path)?.modified()?, record));
                }
                Some(_) => {}
                None => tracing::warn!("this is no task of a server: {}", path.display()),
            }
        }
        found.sort_by_key(|(written, _)| *written);
        Ok(found.into_iter().map(|(_, record)| record).collect())
    }

    /// Deletes records that were kept long enough. Those of unfinished tasks stay: `is_open` knows them.
    pub(super) fn sweep(&self, is_open: impl Fn(Uuid) -> bool) -> io::Result<()> {
        let now = SystemTime::now();
        for entry in fs::read_dir(&self.tasks)? {
            let entry = entry?;
            let name = entry.file_name();
            let task = name.to_str().and_then(|name| name.strip_suffix(".json"));
            let Some(task) = task.and_then(|name| Uuid::try_parse(name).ok()) else { continue };
            let written = entry.metadata()?.modified()?;
            if now.duration_since(written).is_ok_and(|age| age > self.keep) && !is_open(task) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

fn read(file: &Path) -> Option<Record> {
    let record: Record = serde_json::from_slice(&fs::read(file).ok()?).ok()?;
    (record.version == VERSION).then_some(record)
}

/// The secret in that file, made when there is none.
fn secret(file: &Path) -> io::Result<Secret> {
    let mut bytes = Zeroizing::new([0; 32]);
    match File::open(file).and_then(|mut open| open.read_exact(&mut bytes[..])) {
        Ok(()) => return Ok(Secret::new(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
        Err(error) => return Err(error),
    }
    // Two UUIDs hold 244 random bits of the system's generator.
    let (first, second) = bytes.split_at_mut(16);
    first.copy_from_slice(Uuid::new_v4().as_bytes());
    second.copy_from_slice(Uuid::new_v4().as_bytes());
    write_atomically(file, &bytes[..])?;
    keep_private_file(file)?;
    Ok(Secret::new(bytes))
}

/// Tasks may hold addresses with keys: nobody else looks in.
fn keep_private(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    }
    // On Windows the user's own folders are private already.
    OpenOptions::new().create(true).append(true).open(folder.join("lock")).map(|_| ())
}

fn keep_private_file(file: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(file, fs::Permissions::from_mode(0o600))?;
    }
    File::open(file).map(|_| ())
}

/// Seconds since 1970.
pub(super) fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const KEEP: Duration = Duration::from_hours(24);

    fn record(task: Uuid, end: Option<End>) -> Record {
        let request = json!({ "taskType": "imageInference", "taskUUID": task });
        Record { end, ..Record::new("me".to_owned(), request, 7, vec![Uuid::new_v4()]) }
    }

    #[test]
    fn tasks_are_found_by_their_owner_and_unfinished_ones_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        let (store, secret) = Store::open(&home, KEEP).unwrap();
        let [open, ended] = [Uuid::new_v4(), Uuid::new_v4()];
        store.write(open, &record(open, None)).unwrap();
        store.write(ended, &record(ended, Some(End::default()))).unwrap();
        assert!(store.knows(open) && store.knows(ended) && !store.knows(Uuid::new_v4()));
        assert!(store.read(ended, &"me".to_owned()).is_some());
        assert!(store.read(ended, &"you".to_owned()).is_none());
        assert!(matches!(Store::open(&home, KEEP), Err(StoreError::Taken(_))));
        let name = secret.name("a", &[]);
        drop(store);

        let (store, secret) = Store::open(&home, KEEP).unwrap();
        assert_eq!(secret.name("a", &[]), name, "names outlive a restart");
        let unfinished = store.unfinished().unwrap();
        assert_eq!(unfinished.iter().map(Record::task_uuid).collect::<Vec<_>>(), [Some(open)]);
    }

    #[test]
    fn an_end_that_cannot_be_written_is_known_all_the_same_and_written_later() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        let (store, _) = Store::open(&home, KEEP).unwrap();
        let task = Uuid::new_v4();
        store.write(task, &record(task, None)).unwrap();
        let aside = folder.path().join("aside");
        fs::rename(&store.tasks, &aside).unwrap();
        let end = End { data: Vec::new(), errors: vec![Problem::new("invalidSeedImage", "m")] };
        let ended = record(task, Some(end));
        assert!(store.write_end(task, &ended).is_err());
        assert!(store.catch_up().is_err());
        assert_eq!(store.read(task, &"me".to_owned()), Some(ended.clone()));
        assert!(store.knows(task) && store.read(task, &"you".to_owned()).is_none());
        fs::rename(&aside, &store.tasks).unwrap();
        store.catch_up().unwrap();
        drop(store);
        let (store, _) = Store::open(&home, KEEP).unwrap();
        assert_eq!(store.read(task, &"me".to_owned()), Some(ended));
    }

    #[test]
    fn what_was_kept_long_enough_goes_unless_it_is_open() {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(&Home::at(folder.path()), Duration::ZERO).unwrap();
        let [open, ended] = [Uuid::new_v4(), Uuid::new_v4()];
        for task in [open, ended] {
            store.write(task, &record(task, None)).unwrap();
            let long_ago = SystemTime::now() - KEEP;
            File::options()
                .append(true)
                .open(store.file(task))
                .unwrap()
                .set_modified(long_ago)
                .unwrap();
        }
        store.sweep(|task| task == open).unwrap();
        assert!(store.knows(open) && !store.knows(ended));
    }
}
