//! Looks after a picture that the form names: tells its size, and when its file comes or goes.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, SystemTime};

use uuid::Uuid;

use super::news::{Messenger, News};
use crate::library::{Pictures, read_picture};
use crate::state::StartPicture;

/// How often the file is looked for.
const PERIOD: Duration = Duration::from_secs(1);
/// How long nothing is done while there is no picture.
const IDLE: Duration = Duration::from_hours(1);

/// The thread that looks.
pub(super) struct Watcher {
    wishes: SyncSender<Option<Uuid>>,
    watched: Option<Uuid>,
}

impl Watcher {
    /// Starts with nothing to look after; `tell` names which picture of the form it is.
    pub(super) fn start(pictures: Pictures, messenger: Messenger, tell: Tell) -> io::Result<Self> {
        let (wishes, wished) = sync_channel(4);
        let name = "picture watcher".to_owned();
        let work = move || look(&pictures, (&messenger, tell), &wished);
        thread::Builder::new().name(name).spawn(work)?;
        Ok(Self { wishes, watched: None })
    }

    /// Looks after this picture from now on; once a frame.
    pub(super) fn watch(&mut self, image_uuid: Option<Uuid>) {
        // Where the thread is behind, the next frame tries again.
        if self.watched != image_uuid && self.wishes.try_send(image_uuid).is_ok() {
            self.watched = image_uuid;
        }
    }
}

/// Makes news of what was found.
type Tell = fn(Uuid, StartPicture) -> News;

/// A file and when it was written.
type Stamp = Option<(PathBuf, SystemTime)>;

fn look(
    pictures: &Pictures,
    (messenger, tell): (&Messenger, Tell),
    wished: &Receiver<Option<Uuid>>,
) {
    let mut watched: Option<Uuid> = None;
    let mut told: Option<Stamp> = None;
    loop {
        match wished.recv_timeout(if watched.is_some() { PERIOD } else { IDLE }) {
            Ok(wish) => (watched, told) = (wish, None),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let Some(image_uuid) = watched else { continue };
        let stamp = stamp(pictures, image_uuid);
        if told.as_ref() == Some(&stamp) {
            continue;
        }
        let found = stamp.as_ref().map_or(StartPicture::Gone, |(path, _)| read(path));
        told = Some(stamp);
        if !messenger.send(tell(image_uuid, found)) {
            return;
        }
    }
}

fn stamp(pictures: &Pictures, image_uuid: Uuid) -> Stamp {
    let path = pictures.find(image_uuid)?;
    let written = path.metadata().and_then(|file| file.modified()).ok()?;
    Some((path, written))
}

fn read(path: &Path) -> StartPicture {
    match read_picture(path) {
        Ok(picture) => StartPicture::Here { path: path.to_owned(), extent: picture.extent() },
        Err(error) => StartPicture::Damaged(error.to_string()),
    }
}
