//! Models from the network: into a file beside the models under another name, which gets its own when it
//! is whole and its checksum right. A download that stopped goes on where it was, also after a restart.

mod entries;
mod naming;
mod transfer;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use url::Url;
use uuid::Uuid;

use super::Home;
use entries::{Entry, Note, Shared};

/// How long closing waits for downloads to stop; they look every few hundredths of a second.
const CLOSING: Duration = Duration::from_secs(2);

/// Orders that may wait for the disk.
const ORDERS_WAITING: usize = 64;

/// Why a download is not begun, or not steered.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// Not an http or https address.
    #[error("this is no http(s) address")]
    NoAddress,

    /// Something else than 64 hexadecimal digits.
    #[error("a SHA-256 checksum has 64 digits from 0 to 9 and a to f")]
    NoChecksum,

    /// Many orders wait already.
    #[error("the disk is too slow for so many downloads at once; try again in a moment")]
    Busy,
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

/// Hears where all downloads stand.
type Tell = Box<dyn Fn(Vec<DownloadState>) + Send>;

/// What the thread of the downloads is to do.
enum Order {
    Add(Note),
    Pause(Uuid),
    Resume(Uuid),
    Forget(Uuid),
}

/// The downloads of one home folder. What they do on the disk is done on a thread of their own.
pub struct Downloads {
    shared: Arc<Shared>,
    /// `None` once it closes.
    orders: Option<SyncSender<Order>>,
}

impl Downloads {
    /// Takes up what was left: what ran goes on, what was paused stays so. Where another process does so
    /// already, they are only listed. `tell` hears of every change, on any thread but the caller's.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn open(home: &Home, tell: Tell) -> io::Result<Self> {
        let (orders, ordered) = sync_channel(ORDERS_WAITING);
        let shared = Arc::new(Shared::new(home.models_dir(), tell));
        let work = Arc::clone(&shared);
        thread::Builder::new().name("downloads".to_owned()).spawn(move || obey(&work, &ordered))?;
        Ok(Self { shared, orders: Some(orders) })
    }

    /// Begins to bring what lies at `address` into the models folder. `checksum` is a SHA-256 in
    /// hexadecimal digits, or empty.
    ///
    /// # Errors
    /// When it is no address or no checksum, or too much waits already.
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
        let note = Note::new(address, (!checksum.is_empty()).then_some(checksum));
        let id = note.id;
        self.order(Order::Add(note)).map(|()| id)
    }

    /// Lets a download wait; what is there stays.
    ///
    /// # Errors
    /// When too much waits already.
    pub fn pause(&self, id: Uuid) -> Result<(), DownloadError> {
        self.order(Order::Pause(id))
    }

    /// Lets a download go on.
    ///
    /// # Errors
    /// When too much waits already.
    pub fn resume(&self, id: Uuid) -> Result<(), DownloadError> {
        self.order(Order::Resume(id))
    }

    /// Gives a download up, or takes a finished one off the list. The finished file stays.
    ///
    /// # Errors
    /// When too much waits already.
    pub fn forget(&self, id: Uuid) -> Result<(), DownloadError> {
        self.order(Order::Forget(id))
    }

    /// Every download, the oldest first.
    #[must_use]
    pub fn states(&self) -> Vec<DownloadState> {
        self.shared.states()
    }

    fn order(&self, order: Order) -> Result<(), DownloadError> {
        let orders = self.orders.as_ref().ok_or(DownloadError::Busy)?;
        orders.try_send(order).map_err(|_full| DownloadError::Busy)
    }
}

impl Drop for Downloads {
    /// Stops; the next start goes on. Waits a moment, so that nobody else writes in the same files then.
    fn drop(&mut self) {
        self.orders = None;
        let end = Instant::now() + CLOSING;
        // Every thread holds its share. An order that still waited may begin a download.
        while Arc::strong_count(&self.shared) > 1 && Instant::now() < end {
            self.shared.stop_all();
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// The thread of the downloads: does one thing after the other, until nobody is left to order any.
fn obey(shared: &Arc<Shared>, ordered: &Receiver<Order>) {
    if shared.folder().is_dir() {
        if let Err(why) = claim(shared) {
            shared.take_up(Some(&why));
        }
        shared.tell();
    }
    while let Ok(order) = ordered.recv() {
        match (claim(shared), order) {
            (Ok(()), Order::Add(note)) => {
                let id = note.id;
                shared.entries().push(Entry::new(note, 0));
                resume(shared, id);
            }
            (Ok(()), Order::Pause(id)) => shared.pause(id),
            (Ok(()), Order::Resume(id)) => resume(shared, id),
            (Ok(()), Order::Forget(id)) => shared.forget(id),
            (Err(why), Order::Add(note)) => {
                let failed = DownloadStage::Failed(why);
                shared.entries().push(Entry { stage: failed, ..Entry::new(note, 0) });
            }
            (Err(_), Order::Forget(id)) => shared.forget_unwritten(id),
            // The row says why already.
            (Err(_), Order::Pause(_) | Order::Resume(_)) => {}
        }
        shared.tell();
    }
}

/// Makes this process the one that works in the folder, and takes up what is there; why not, where
/// another process does.
fn claim(shared: &Arc<Shared>) -> Result<(), String> {
    if shared.lock()? {
        for id in shared.take_up(None) {
            resume(shared, id);
        }
    }
    Ok(())
}

/// Lets a download go on, on a thread of its own.
fn resume(shared: &Arc<Shared>, id: Uuid) {
    if !shared.begins(id) {
        return;
    }
    let started = shared.keep(id).and_then(|()| {
        let shared = Arc::clone(shared);
        let work = move || transfer::run(&shared, id);
        thread::Builder::new().name("download".to_owned()).spawn(work).map(drop)
    });
    if let Err(error) = started {
        let folder = shared.folder();
        let why = format!("it cannot be begun ({error}); free some space: {}", folder.display());
        shared.end(id, DownloadStage::Failed(why));
    }
}
