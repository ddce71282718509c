//! The list of downloads: in memory for all their threads, and as a note beside each part on the disk.
//! Knows nothing of the network.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};
use url::Url;
use uuid::Uuid;

use super::{DownloadStage, DownloadState, Tell, naming};
use crate::jobs::Cancel;
use crate::library::results::write_atomically;

/// The folder of unfinished downloads inside the models folder; hidden, so that no walk enters it.
const FOLDER: &str = ".downloads";

/// The file in it that the process holds which works there.
const LOCK: &str = "lock";

/// What is written down of a download.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Note {
    pub(super) id: Uuid,
    /// Milliseconds since 1970.
    begun: i64,
    /// May hold a key of the sender's: the folder is private.
    pub(super) address: String,
    pub(super) sha256: Option<String>,
    /// The file's name, once the server was asked.
    #[serde(default)]
    pub(super) name: Option<String>,
    /// Says whether the file at the address is still the same.
    #[serde(default)]
    pub(super) tag: Option<String>,
    #[serde(default)]
    pub(super) whole: Option<u64>,
    #[serde(default)]
    paused: bool,
    /// Whether it is getting its name: after a crash it may have it already.
    #[serde(default)]
    pub(super) placing: bool,
}

impl Note {
    pub(super) fn new(address: &str, sha256: Option<String>) -> Self {
        Self {
            id: Uuid::new_v4(),
            begun: jiff::Timestamp::now().as_millisecond(),
            address: address.to_owned(),
            sha256,
            name: None,
            tag: None,
            whole: None,
            paused: false,
            placing: false,
        }
    }
}

pub(super) struct Entry {
    pub(super) note: Note,
    pub(super) got: u64,
    pub(super) stage: DownloadStage,
    pub(super) stop: Cancel,
    /// Whether a thread is at it.
    pub(super) at_work: bool,
    /// Whether its note is on the disk.
    pub(super) written: bool,
}

impl Entry {
    pub(super) fn new(note: Note, got: u64) -> Self {
        let (stop, stage) = (Cancel::default(), DownloadStage::Paused);
        Self { note, got, stage, stop, at_work: false, written: false }
    }

    fn state(&self) -> DownloadState {
        let url = Url::parse(&self.note.address).ok();
        let host = url.as_ref().and_then(Url::host_str).unwrap_or_default().to_owned();
        let name = self.note.name.clone().unwrap_or_else(|| naming::name_in(url.as_ref()));
        let (got, whole, stage) = (self.got, self.note.whole, self.stage.clone());
        DownloadState { id: self.note.id, name, host, got, whole, stage }
    }
}

/// What the threads of the downloads share.
pub(super) struct Shared {
    pub(super) models: PathBuf,
    entries: Mutex<Vec<Entry>>,
    /// Held by the process that works in the folder, for as long as one of its threads does.
    locked: OnceLock<File>,
    tell: Mutex<Tell>,
}

impl Shared {
    pub(super) fn new(models: PathBuf, tell: Tell) -> Self {
        let tell = Mutex::new(tell);
        Self { models, entries: Mutex::default(), locked: OnceLock::new(), tell }
    }

    pub(super) fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn folder(&self) -> PathBuf {
        self.models.join(FOLDER)
    }

    pub(super) fn part(&self, id: Uuid) -> PathBuf {
        self.folder().join(format!("{id}.part"))
    }

    fn note_file(&self, id: Uuid) -> PathBuf {
        self.folder().join(format!("{id}.json"))
    }

    pub(super) fn states(&self) -> Vec<DownloadState> {
        self.entries().iter().map(Entry::state).collect()
    }

    /// Tells where they stand; one thread after the other, so that the last that is heard is the newest.
    pub(super) fn tell(&self) {
        let tell = self.tell.lock().unwrap_or_else(PoisonError::into_inner);
        tell(self.states());
    }

    /// Makes this process the one that works in the folder; whether it was not before.
    ///
    /// # Errors
    /// A sentence that says why it cannot be.
    pub(super) fn lock(&self) -> Result<bool, String> {
        if self.locked.get().is_some() {
            return Ok(false);
        }
        let file = self.folder().join(LOCK);
        let failed = |error: io::Error| format!("it cannot be begun ({error}): {}", file.display());
        self.make_folder().map_err(failed)?;
        let lock = File::options().create(true).append(true).open(&file).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(self.locked.set(lock).is_ok()),
            Err(TryLockError::WouldBlock) => Err(format!(
                "another window of Latelier sees to the downloads of this folder; close that one, \
                 then let this one go on: {}",
                self.models.display()
            )),
            Err(TryLockError::Error(error)) => {
                // Some network file systems have no locks: there it is up to the user.
                tracing::warn!("{error}: {}", file.display());
                Ok(self.locked.set(lock).is_ok())
            }
        }
    }

    /// Lists what is written down in place of what was; those that are to run now, unless they may not.
    pub(super) fn take_up(&self, may_not: Option<&str>) -> Vec<Uuid> {
        let mut notes = self.notes();
        notes.sort_by_key(|note| note.begun);
        let mut entries = self.entries();
        entries.retain(|entry| !entry.written);
        let mut to_run = Vec::new();
        for note in notes {
            if may_not.is_none() && self.was_placed(&note) {
                self.clear(note.id);
                continue;
            }
            if !note.paused {
                to_run.push(note.id);
            }
            let got = fs::metadata(self.part(note.id)).map_or(0, |file| file.len());
            let mut entry = Entry { written: true, ..Entry::new(note, got) };
            if let Some(why) = may_not {
                entry.stage = DownloadStage::Failed(why.to_owned());
            }
            entries.push(entry);
        }
        to_run
    }

    fn notes(&self) -> Vec<Note> {
        let Ok(files) = fs::read_dir(self.folder()) else { return Vec::new() };
        let paths = files.flatten().map(|file| file.path());
        let notes = paths.filter(|path| path.extension().is_some_and(|ending| ending == "json"));
        notes.filter_map(|path| serde_json::from_slice(&fs::read(path).ok()?).ok()).collect()
    }

    /// Whether the program ended between giving the file its name and striking the note out.
    fn was_placed(&self, note: &Note) -> bool {
        let place = note.name.as_deref().and_then(naming::place).map(|it| self.models.join(it));
        let length = place.and_then(|place| fs::metadata(place).ok()).map(|file| file.len());
        note.placing && length.is_some() && length == note.whole
    }

    /// Changes an entry, if it is still there.
    pub(super) fn change(&self, id: Uuid, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.entries().iter_mut().find(|entry| entry.note.id == id) {
            change(entry);
        }
    }

    /// What is to be brought, and what stops that.
    pub(super) fn at_work(&self, id: Uuid) -> Option<(Note, Cancel)> {
        let entries = self.entries();
        let entry = entries.iter().find(|entry| entry.note.id == id)?;
        Some((entry.note.clone(), entry.stop.clone()))
    }

    /// Writes an entry down as it is now, unless it is over. Under the lock: what was given up meanwhile
    /// must not come back, nor an older state after a newer one.
    pub(super) fn keep(&self, id: Uuid) -> io::Result<()> {
        let mut entries = self.entries();
        let entry = entries.iter_mut().find(|entry| entry.note.id == id);
        let is_over = |entry: &Entry| matches!(entry.stage, DownloadStage::Done(_));
        let Some(entry) = entry.filter(|entry| !is_over(entry)) else { return Ok(()) };
        self.make_folder()?;
        let json = serde_json::to_vec_pretty(&entry.note)?;
        write_atomically(&self.note_file(id), &json)?;
        entry.written = true;
        Ok(())
    }

    fn make_folder(&self) -> io::Result<()> {
        let folder = self.folder();
        fs::create_dir_all(&folder)?;
        keep_private(&folder)
    }

    /// Removes what belongs to a download that is over.
    fn clear(&self, id: Uuid) {
        for file in [self.part(id), self.note_file(id)] {
            match fs::remove_file(&file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!("{error}: {}", file.display());
                }
                _ => {}
            }
        }
    }

    pub(super) fn pause(&self, id: Uuid) {
        self.change(id, |entry| {
            entry.stop.cancel();
            entry.note.paused = true;
            if entry.stage == DownloadStage::Running {
                entry.stage = DownloadStage::Paused;
            }
        });
        if let Err(error) = self.keep(id) {
            tracing::warn!("a pause is not written down: {error}");
        }
    }

    /// Whether a thread is to begin with it, now that it may go on.
    pub(super) fn begins(&self, id: Uuid) -> bool {
        let mut begins = false;
        self.change(id, |entry| {
            let over = matches!(entry.stage, DownloadStage::Done(_) | DownloadStage::Checking);
            if over || (entry.at_work && !entry.stop.is_cancelled()) {
                return;
            }
            entry.stop = Cancel::default();
            entry.note.paused = false;
            entry.stage = DownloadStage::Running;
            // One that is just stopping sees that it is to go on.
            begins = !std::mem::replace(&mut entry.at_work, true);
        });
        begins
    }

    /// Takes a download off the list with all that belongs to it.
    pub(super) fn forget(&self, id: Uuid) {
        let mut entries = self.entries();
        entries.iter().filter(|entry| entry.note.id == id).for_each(|entry| entry.stop.cancel());
        entries.retain(|entry| entry.note.id != id);
        self.clear(id);
    }

    /// Takes a download off the list that is nowhere else.
    pub(super) fn forget_unwritten(&self, id: Uuid) {
        self.entries().retain(|entry| entry.note.id != id || entry.written);
    }

    /// Removes what a thread wrote after its download was given up.
    pub(super) fn sweep(&self, id: Uuid) {
        let entries = self.entries();
        if !entries.iter().any(|entry| entry.note.id == id) {
            self.clear(id);
        }
    }

    /// Asks all of them to stop. Does not wait for a thread that is just writing one down.
    pub(super) fn stop_all(&self) {
        if let Ok(entries) = self.entries.try_lock() {
            entries.iter().for_each(|entry| entry.stop.cancel());
        }
    }

    /// Lets the thread of a download go, unless it was told to go on while it stopped.
    pub(super) fn stops(&self, id: Uuid) -> bool {
        let mut stops = true;
        self.change(id, |entry| {
            stops = entry.stop.is_cancelled();
            if stops {
                entry.at_work = false;
                entry.stage = DownloadStage::Paused;
            }
        });
        self.tell();
        stops
    }

    /// Lets the thread of a download go; of one that is done nothing is left but the file.
    pub(super) fn end(&self, id: Uuid, stage: DownloadStage) {
        self.change(id, |entry| {
            entry.at_work = false;
            let done = matches!(stage, DownloadStage::Done(_));
            entry.stage = if entry.note.paused && !done { DownloadStage::Paused } else { stage };
            if done {
                self.clear(id);
            }
        });
        self.tell();
    }
}

/// Lets nobody else look in: addresses may hold keys.
fn keep_private(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    }
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    #[test]
    fn what_was_given_up_or_is_done_is_not_written_down_again() {
        let folder = tempfile::tempdir().unwrap();
        let shared = Shared::new(folder.path().to_owned(), Box::new(|_| {}));
        for round in 0..20 {
            let note = Note::new("http://127.0.0.1/x.safetensors", None);
            let id = note.id;
            shared.entries().push(Entry::new(note, 0));
            let start = Barrier::new(2);
            thread::scope(|scope| {
                scope.spawn(|| {
                    start.wait();
                    (0..3).for_each(|_| shared.keep(id).unwrap());
                });
                start.wait();
                if round % 2 == 0 {
                    shared.forget(id);
                } else {
                    shared.end(id, DownloadStage::Done(PathBuf::new()));
                }
            });
            assert!(!shared.note_file(id).exists(), "round {round}");
        }
    }
}
