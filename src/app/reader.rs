//! Lists the results folder and reads what each picture was made with.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use super::{Messenger, News};
use crate::library::{Home, StoredImage, list_results, list_verdicts, read_task};
use crate::state::Tone;
use uuid::Uuid;

/// Pictures whose tasks are told at once.
const BATCH: usize = 64;

/// The thread that reads.
pub(super) struct Reader {
    again: SyncSender<()>,
}

impl Reader {
    /// Starts reading.
    pub(super) fn start(home: Home, messenger: Messenger) -> io::Result<Self> {
        let (again, asked) = sync_channel(1);
        let name = "results reader".to_owned();
        thread::Builder::new().name(name).spawn(move || read(&home, &messenger, &asked))?;
        Ok(Self { again })
    }

    /// Lists the folder once more; a wish that already waits is enough.
    pub(super) fn look_again(&self) {
        self.again.try_send(()).ok();
    }
}

fn read(home: &Home, messenger: &Messenger, asked: &Receiver<()>) {
    let mut known = HashSet::new();
    loop {
        // Verdicts come first: what is to be hidden is never shown before they are known.
        match list_verdicts(home).and_then(|verdicts| Ok((verdicts, list_results(home)?))) {
            Ok((verdicts, stored)) => {
                let unread: Vec<StoredImage> = stored
                    .iter()
                    .filter(|image| !known.contains(&image.image_uuid))
                    .cloned()
                    .collect();
                if !messenger.send(News::Judged(verdicts))
                    || !messenger.send(News::Listed(stored))
                    || !read_tasks(&unread, messenger, &mut known)
                {
                    return;
                }
            }
            Err(error) => {
                let folder = home.results_dir();
                tracing::warn!("{}: {error}", folder.display());
                let text = format!("The results folder cannot be read: {error}");
                if !messenger.send(News::Said(Tone::Failed, text)) {
                    return;
                }
            }
        }
        if asked.recv().is_err() {
            return;
        }
    }
}

/// Reads tasks, the newest picture's first; ends early when nobody listens.
fn read_tasks(unread: &[StoredImage], messenger: &Messenger, known: &mut HashSet<Uuid>) -> bool {
    unread.chunks(BATCH).all(|batch| {
        let tasks = batch
            .iter()
            .map(|image| {
                known.insert(image.image_uuid);
                let task = read_task(&image.path).unwrap_or_else(|error| {
                    tracing::warn!("{}: {error}", image.path.display());
                    None
                });
                (image.image_uuid, task.map(Arc::new))
            })
            .collect();
        messenger.send(News::Tasks(tasks))
    })
}
