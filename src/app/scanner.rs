//! Looks through the models folders, on a thread of its own: at start, and whenever a file may have
//! come or gone.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use super::news::{Messenger, News};
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
                let heard = messenger.send(News::ModelsRead(troubles(&library)));
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

/// Why the demo model is not there, and what cannot be used. Models that stand in the lists say it there.
fn troubles(library: &Library) -> Vec<String> {
    let models = library.models();
    let listed = |why: &String| models.iter().any(|card| card.fault.as_ref() == Some(why));
    let faults = library.faults().into_iter().filter(|fault| !listed(&fault.why));
    let faults = faults.map(|fault| format!("Cannot be used: {}", fault.why));
    library.trouble().into_iter().chain(faults).collect()
}
