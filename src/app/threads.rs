//! Work of the shell on threads of its own, and what is told when one ends without a word.
//!
//! Knows nothing of the work.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::App;
use super::news::{Messenger, News};
use crate::jobs::{Failure, FailureKind};
use crate::state::Tone;

/// Why nothing came of the work on a thread.
pub(super) fn lost() -> Failure {
    Failure::new(FailureKind::Other, "a fault in Latelier itself ended it; the log says more")
}

impl App {
    /// Does the work on a thread of its own; nothing waits for what comes of it.
    pub(super) fn on_a_thread(&mut self, work: impl FnOnce(&Messenger) + Send + 'static) {
        let messenger = self.messenger.clone();
        if let Err(error) = start(move || work(&messenger)) {
            self.state.world.notify(Tone::Failed, format!("The system gives no thread: {error}"));
        }
    }

    /// The same for work that something waits for: `lost` is heard when there is no thread for it, and when
    /// a fault ends it.
    pub(super) fn on_a_thread_or(
        &mut self,
        lost: News,
        work: impl FnOnce(&Messenger) + Send + 'static,
    ) {
        if let Some(lost) = start_or(self.messenger.clone(), lost, work) {
            self.hear(lost);
            self.messenger.ctx.request_repaint();
        }
    }
}

fn start(work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name("desk".to_owned()).spawn(work).map(|_| ())
}

/// Starts the work; gives `lost` back where there is no thread. The thread tells it after a fault.
fn start_or(
    messenger: Messenger,
    lost: News,
    work: impl FnOnce(&Messenger) + Send + 'static,
) -> Option<News> {
    let lost = Arc::new(Mutex::new(Some(lost)));
    let take =
        |lost: &Mutex<Option<News>>| lost.lock().unwrap_or_else(PoisonError::into_inner).take();
    let on_thread = Arc::clone(&lost);
    let started = start(move || {
        let ended = catch_unwind(AssertUnwindSafe(|| work(&messenger)));
        if let (Err(_), Some(lost)) = (ended, take(&on_thread)) {
            messenger.send(lost);
        }
    });
    started.err().and_then(|error| {
        tracing::warn!("the system gives no thread: {error}");
        take(&lost)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_waits_for_a_thread_hears_of_its_end_after_a_fault() {
        let (sender, news) = sync_channel(4);
        let messenger = Messenger { sender, ctx: eframe::egui::Context::default() };
        let said = |text: &str| News::Said(Tone::Failed, text.to_owned());
        let next = || match news.recv_timeout(Duration::from_secs(20)).unwrap() {
            News::Said(_, text) => text,
            _ => String::new(),
        };
        assert!(start_or(messenger.clone(), said("lost"), |_| panic!("a fault")).is_none());
        assert_eq!(next(), "lost");
        let work = move |messenger: &Messenger| {
            messenger.send(said("done"));
        };
        assert!(start_or(messenger, News::StarsKept, work).is_none());
        assert_eq!(next(), "done");
        assert!(news.recv().is_err(), "nothing more is told");
    }
}
