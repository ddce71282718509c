//! Models from the network: into a file beside the models under another name, which is renamed when it
//! is whole and its checksum right. A download that stopped goes on where it was, also after a restart.

mod transfer;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use url::Url;
use uuid::Uuid;

use super::Home;
use super::results::write_atomically;
use crate::jobs::Cancel;

/// The folder of unfinished downloads inside the models folder; hidden, so that no walk enters it.
const FOLDER: &str = ".downloads";

/// How long closing waits for downloads to stop; they look every few hundredths of a second.
const CLOSING: Duration = Duration::from_secs(2);

/// Why a download cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// Not an http or https address.
    #[error("this is no http(s) address")]
    NoAddress,

    /// Something else than 64 hexadecimal digits.
    #[error("a SHA-256 checksum has 64 digits from 0 to 9 and a to f")]
    NoChecksum,

    /// The folder cannot be written.
    #[error("the download cannot be written down ({source}): {}", path.display())]
    Disk {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Where a download stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DownloadStage {
    /// Bytes are coming, or are about to.
    Running,
    /// It waits until it is told to go on.
    Paused,
    /// All bytes are there; the checksum is being made.
    Checking,
    /// It is in the models folder.
    Done(PathBuf),
    /// It stopped, for this reason; it can go on.
    Failed(String),
}

/// A download as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DownloadState {
    /// Names it.
    pub id: Uuid,
    /// The file's name, as far as it is known.
    pub name: String,
    /// Who sends it.
    pub host: String,
    /// Bytes that are there.
    pub got: u64,
    /// Bytes of the whole file, once the server has said.
    pub whole: Option<u64>,
    /// Where it stands.
    pub stage: DownloadStage,
}

/// What is written down of a download.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Note {
    id: Uuid,
    /// Milliseconds since 1970.
    begun: i64,
    /// May hold a key of the sender's: the folder is private.
    address: String,
    sha256: Option<String>,
    /// The file's name, once the server was asked.
    #[serde(default)]
    name: Option<String>,
    /// Says whether the file at the address is still the same.
    #[serde(default)]
    tag: Option<String>,
    #[serde(default)]
    whole: Option<u64>,
    #[serde(default)]
    paused: bool,
}

struct Entry {
    note: Note,
    got: u64,
    stage: DownloadStage,
    stop: Cancel,
    /// Whether a thread is at it.
    at_work: bool,
}

struct Shared {
    models: PathBuf,
    entries: Mutex<Vec<Entry>>,
    tell: Box<dyn Fn(Vec<DownloadState>) + Send + Sync>,
}

/// The downloads of one home folder.
pub struct Downloads {
    shared: Arc<Shared>,
}

impl Downloads {
    /// Takes up what was left: what ran goes on, what was paused stays so. `tell` hears of every change,
    /// on any thread. Reads the disk.
    #[must_use]
    pub fn open(home: &Home, tell: Box<dyn Fn(Vec<DownloadState>) + Send + Sync>) -> Self {
        let shared =
            Arc::new(Shared { models: home.models_dir(), entries: Mutex::default(), tell });
        let downloads = Self { shared };
        downloads.take_up();
        downloads
    }

    fn take_up(&self) {
        let Ok(files) = fs::read_dir(self.shared.folder()) else { return };
        let notes = files.flatten().map(|file| file.path());
        let notes = notes.filter(|path| path.extension().is_some_and(|ending| ending == "json"));
        let read = |path: PathBuf| serde_json::from_slice(&fs::read(path).ok()?).ok();
        let mut notes: Vec<Note> = notes.filter_map(read).collect();
        notes.sort_by_key(|note| note.begun);
        let ids: Vec<(Uuid, bool)> = notes.iter().map(|note| (note.id, note.paused)).collect();
        for note in notes {
            let got = fs::metadata(self.shared.part(note.id)).map_or(0, |file| file.len());
            self.shared.entries().push(Entry::new(note, got));
        }
        for (id, paused) in ids {
            if !paused {
                self.resume(id);
            }
        }
        self.shared.tell();
    }

    /// Begins to bring what lies at `address` into the models folder. `checksum` is a SHA-256 in
    /// hexadecimal digits, or empty.
    ///
    /// # Errors
    /// When it is no address or no checksum, or nothing can be written.
    pub fn add(&self, address: &str, checksum: &str) -> Result<Uuid, DownloadError> {
        let url = Url::parse(address).map_err(|_ignored| DownloadError::NoAddress)?;
        if !["http", "https"].contains(&url.scheme()) || url.host_str().is_none() {
            return Err(DownloadError::NoAddress);
        }
        let checksum = checksum.trim().to_ascii_lowercase();
        let right = checksum.len() == 64 && checksum.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !checksum.is_empty() && !right {
            return Err(DownloadError::NoChecksum);
        }
        let note = Note {
            id: Uuid::new_v4(),
            begun: jiff::Timestamp::now().as_millisecond(),
            address: address.to_owned(),
            sha256: (!checksum.is_empty()).then_some(checksum),
            name: None,
            tag: None,
            whole: None,
            paused: false,
        };
        let id = note.id;
        let failed = |source| DownloadError::Disk { path: self.shared.folder(), source };
        self.shared.write(&note).map_err(failed)?;
        self.shared.entries().push(Entry::new(note, 0));
        self.resume(id);
        Ok(id)
    }

    /// Lets a download wait; what is there stays.
    pub fn pause(&self, id: Uuid) {
        self.shared.change(id, |entry| {
            entry.stop.cancel();
            entry.note.paused = true;
            if entry.stage == DownloadStage::Running {
                entry.stage = DownloadStage::Paused;
            }
        });
        self.shared.keep(id);
        self.shared.tell();
    }

    /// Lets a download go on.
    pub fn resume(&self, id: Uuid) {
        let mut begins = false;
        self.shared.change(id, |entry| {
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
        if begins {
            self.shared.keep(id);
            let shared = Arc::clone(&self.shared);
            let work = move || transfer::run(&shared, id);
            let started = thread::Builder::new().name("download".to_owned()).spawn(work);
            if let Err(error) = started {
                self.shared.end(id, DownloadStage::Failed(error.to_string()));
            }
        }
        self.shared.tell();
    }

    /// Gives a download up, or takes a finished one off the list. The finished file stays.
    pub fn forget(&self, id: Uuid) {
        self.shared.change(id, |entry| entry.stop.cancel());
        self.shared.entries().retain(|entry| entry.note.id != id);
        self.shared.clear(id);
        self.shared.tell();
    }

    /// Every download, the oldest first.
    #[must_use]
    pub fn states(&self) -> Vec<DownloadState> {
        self.shared.states()
    }
}

impl Drop for Downloads {
    /// Stops; the next start goes on. Waits a moment, so that nobody else writes in the same files then.
    fn drop(&mut self) {
        for entry in self.shared.entries().iter() {
            entry.stop.cancel();
        }
        let end = Instant::now() + CLOSING;
        while self.shared.entries().iter().any(|entry| entry.at_work) && Instant::now() < end {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Entry {
    fn new(note: Note, got: u64) -> Self {
        let (stop, stage) = (Cancel::default(), DownloadStage::Paused);
        Self { note, got, stage, stop, at_work: false }
    }

    fn state(&self) -> DownloadState {
        let url = Url::parse(&self.note.address).ok();
        let host = url.as_ref().and_then(Url::host_str).unwrap_or_default().to_owned();
        let name = self.note.name.clone().unwrap_or_else(|| transfer::name_in(url.as_ref()));
        let (got, whole, stage) = (self.got, self.note.whole, self.stage.clone());
        DownloadState { id: self.note.id, name, host, got, whole, stage }
    }
}

impl Shared {
    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn folder(&self) -> PathBuf {
        self.models.join(FOLDER)
    }

    fn part(&self, id: Uuid) -> PathBuf {
        self.folder().join(format!("{id}.part"))
    }

    fn note_file(&self, id: Uuid) -> PathBuf {
        self.folder().join(format!("{id}.json"))
    }

    fn states(&self) -> Vec<DownloadState> {
        self.entries().iter().map(Entry::state).collect()
    }

    fn tell(&self) {
        (self.tell)(self.states());
    }

    /// Changes an entry, if it is still there.
    fn change(&self, id: Uuid, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.entries().iter_mut().find(|entry| entry.note.id == id) {
            change(entry);
        }
    }

    /// Writes an entry down as it is now.
    fn keep(&self, id: Uuid) {
        let note =
            self.entries().iter().find(|entry| entry.note.id == id).map(|it| it.note.clone());
        if let Some(Err(error)) = note.map(|note| self.write(&note)) {
            tracing::warn!("a download is not written down: {error}");
        }
    }

    fn write(&self, note: &Note) -> io::Result<()> {
        let folder = self.folder();
        fs::create_dir_all(&folder)?;
        keep_private(&folder)?;
        let json = serde_json::to_vec_pretty(note)?;
        write_atomically(&self.note_file(note.id), &json)
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

    /// Lets the thread of a download go, unless it was told to go on while it stopped.
    fn stops(&self, id: Uuid) -> bool {
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

    fn end(&self, id: Uuid, stage: DownloadStage) {
        self.change(id, |entry| {
            entry.at_work = false;
            entry.stage = if entry.note.paused && !matches!(stage, DownloadStage::Done(_)) {
                DownloadStage::Paused
            } else {
                stage
            };
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
