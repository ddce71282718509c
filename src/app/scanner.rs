//! Looks through the models folders, on a thread of its own: at start, and whenever a file may have
//! come or gone.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use super::{Messenger, News};
use crate::library::Library;

/// The thread that looks.
pub(super) struct Scanner {
    wishes: SyncSender<()>,
}

impl Scanner {
    /// Starts looking.
    pub(super) fn start(library: Arc<Library>, messenger: Messenger) -> io::Result<Self> {
        let (wishes, wished) = sync_channel(1);
        thread::Builder::new().name("models scanner".to_owned()).spawn(move || {
            loop {
                library.rescan();
                let heard = messenger.send(News::ModelsRead(library.trouble()));
                if !heard || wished.recv().is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { wishes })
    }

    /// Looks once more; a wish that already waits is enough.
    pub(super) fn look_again(&self) {
        self.wishes.try_send(()).ok();
    }
}
