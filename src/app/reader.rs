//! Keeps the gallery in step with the results folder, by way of the index.
//!
//! One thread: it lists, reads what is new, and meanwhile fetches the task of the chosen picture and does
//! what the user wants with files, in the order of the wishes.

use std::collections::{HashSet, VecDeque};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::SystemTime;

use uuid::Uuid;

use super::news::{Messenger, News};
use super::{sentence, tray};
use crate::jobs::NsfwScore;
use crate::library::{
    Home, Index, IndexError, Ledger, Survey, Thumbnails, Trash, list_stars, list_verdicts,
};
use crate::state::{GalleryOrder, Listing, Tone};

/// Wishes that may wait for the thread.
const WISHES_WAITING: usize = 4;

/// What the window asks for.
enum Wish {
    /// See whether the folder is to be listed.
    LookAgain,
    /// Tell what this picture was made with.
    Task(Uuid),
    /// Star, delete, restore.
    Order(GalleryOrder),
}

/// The thread that reads.
pub(super) struct Reader {
    /// `None` when no more wishes come.
    wishes: Option<SyncSender<Wish>>,
    thread: Option<JoinHandle<()>>,
    /// Orders for which the thread has no time yet.
    orders: VecDeque<GalleryOrder>,
    fetched: Option<Uuid>,
    /// Whether the folder is to be listed; not among the wishes, for which there may be no room.
    again: Arc<AtomicBool>,
}

impl Reader {
    /// Starts reading.
    pub(super) fn start(home: Home, messenger: Messenger) -> io::Result<Self> {
        let (wishes, wished) = sync_channel(WISHES_WAITING);
        let again = Arc::new(AtomicBool::new(true));
        let of_thread = Arc::clone(&again);
        let name = "results reader".to_owned();
        let thread = thread::Builder::new().name(name).spawn(move || {
            let reading = Reading { home, messenger, wished, again: of_thread };
            reading.sweep();
            reading.go_on();
        })?;
        let orders = VecDeque::new();
        Ok(Self { wishes: Some(wishes), thread: Some(thread), orders, fetched: None, again })
    }

    fn wish(&self, wish: Wish) -> Result<(), Wish> {
        let Some(wishes) = &self.wishes else { return Err(wish) };
        wishes.try_send(wish).map_err(|error| match error {
            TrySendError::Full(wish) | TrySendError::Disconnected(wish) => wish,
        })
    }

    /// Does this with the files, when its turn comes.
    pub(super) fn order(&mut self, order: GalleryOrder) {
        self.orders.push_back(order);
        self.hand_over();
    }

    /// Hands over orders that wait; once a frame. The thread wakes the window with each that is done.
    pub(super) fn hand_over(&mut self) {
        while let Some(order) = self.orders.pop_front() {
            if let Err(Wish::Order(order)) = self.wish(Wish::Order(order)) {
                return self.orders.push_front(order);
            }
        }
    }

    /// Lists the folder once more.
    pub(super) fn look_again(&self) {
        self.again.store(true, Ordering::SeqCst);
        // A thread that has other wishes is awake: it looks after the next of them.
        self.wish(Wish::LookAgain).ok();
    }

    /// Fetches the task of that picture; once a frame.
    pub(super) fn fetch(&mut self, image_uuid: Option<Uuid>) {
        if self.fetched == image_uuid {
            return;
        }
        // Where the thread is behind, the next frame tries again.
        let asked = image_uuid.is_none_or(|uuid| self.wish(Wish::Task(uuid)).is_ok());
        if asked {
            self.fetched = image_uuid;
        }
    }
}

impl Drop for Reader {
    /// What the user did with files is done before the program ends.
    fn drop(&mut self) {
        if let Some(wishes) = self.wishes.take() {
            for order in self.orders.drain(..) {
                wishes.send(Wish::Order(order)).ok();
            }
        }
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// What the thread works with.
struct Reading {
    home: Home,
    messenger: Messenger,
    wished: Receiver<Wish>,
    /// Whether the folder is to be listed.
    again: Arc<AtomicBool>,
}

impl Reading {
    fn go_on(&self) {
        // Opened again at each look: another Latelier may have put another file there.
        let mut index = Index::open_or_read_anew(&self.home);
        loop {
            if self.again.swap(false, Ordering::SeqCst) {
                let heard = self.look(&index).unwrap_or_else(|error| self.tell(&error));
                if !heard {
                    return self.finish(&index);
                }
            }
            let Ok(wish) = self.wished.recv() else { return };
            self.grant(&index, wish);
            if self.again.load(Ordering::SeqCst) {
                index = Index::open_or_read_anew(&self.home);
            }
        }
    }

    /// Nobody listens any more; what is to be done with files is done all the same.
    fn finish(&self, index: &Index) {
        while let Ok(wish) = self.wished.recv() {
            if let Wish::Order(order) = wish {
                tray::carry_out(&self.home, index, order);
            }
        }
    }

    /// Lets go of what was deleted long ago.
    fn sweep(&self) {
        let trash = Trash::of(&self.home);
        if let Err(error) = trash.sweep(jiff::Zoned::now().date()) {
            tracing::warn!("{error}: {}", trash.folder().display());
        }
    }

    /// Tells what the folder holds, and then what was read in the files that the index did not
    /// know. Returns whether anybody still listens.
    fn look(&self, index: &Index) -> Result<bool, IndexError> {
        let began = SystemTime::now();
        let Survey { present, unread, .. } = index.survey()?;
        let mut listed = index.list()?;
        // A changed picture is in the index as it was.
        let stale: HashSet<Uuid> = unread.iter().map(|image| image.image_uuid).collect();
        listed.retain(|image| !stale.contains(&image.image_uuid));
        listed.extend(unread.iter().cloned());
        match list_stars(&self.home) {
            Ok(starred) => {
                self.messenger.send(News::Starred(starred));
            }
            Err(error) => tracing::warn!("{error}: {}", self.home.results_dir().display()),
        }
        let listing = Listing::new(listed, began);
        let told = news_of(list_verdicts(&self.home), listing, &self.home.results_dir());
        let complete = told.iter().any(|news| matches!(news, News::Listed(_)));
        let mut heard = told.into_iter().all(|news| self.messenger.send(news));
        if !heard || !complete {
            return Ok(heard);
        }
        index.read(&unread, |read| {
            heard = self.messenger.send(News::Read(read));
            while let Ok(wish) = self.wished.try_recv() {
                self.grant(index, wish);
            }
            heard
        })?;
        if let Err(error) = Thumbnails::new(&self.home).sweep(&present) {
            tracing::warn!("{error}: {}", self.home.thumbnails_dir().display());
        }
        Ok(heard)
    }

    fn grant(&self, index: &Index, wish: Wish) {
        match wish {
            Wish::LookAgain => {}
            Wish::Task(image_uuid) => {
                let task = index.task(image_uuid).unwrap_or_else(|error| {
                    tracing::warn!("{error}");
                    None
                });
                let cost = self.cost(image_uuid);
                self.messenger.send(News::Task(image_uuid, task.map(Arc::new), cost));
            }
            Wish::Order(order) => {
                for news in tray::carry_out(&self.home, index, order) {
                    self.messenger.send(news);
                }
            }
        }
    }

    /// What that picture cost, when the remote service was ever paid.
    fn cost(&self, image_uuid: Uuid) -> Option<f64> {
        if !self.home.ledger_file().is_file() {
            return None;
        }
        let cost = Ledger::open(&self.home).and_then(|ledger| ledger.cost_of(image_uuid));
        cost.unwrap_or_else(|error| {
            tracing::warn!("{error}");
            None
        })
    }

    /// Says what went wrong; whether anybody still listens.
    fn tell(&self, error: &IndexError) -> bool {
        self.messenger.send(News::Said(Tone::Failed, sentence(error)))
    }
}

/// What is told of the results in `folder`. Verdicts come first: what is to be hidden is never shown
/// before they are known, and nothing new is shown while they cannot be.
fn news_of(
    verdicts: io::Result<Vec<(Uuid, NsfwScore)>>,
    listing: Listing,
    folder: &Path,
) -> Vec<News> {
    match verdicts {
        Ok(verdicts) => vec![News::Judged(verdicts), News::Listed(listing)],
        Err(error) => {
            let text = format!(
                "New results are not shown, because it cannot be read which of them may show \
                 adult content: {error}. Check that the folder can be read, then start Latelier \
                 again: {}",
                folder.display()
            );
            tracing::warn!("{text}");
            vec![News::Said(Tone::Failed, text)]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_the_verdicts_nothing_is_listed_and_the_reason_is_told() {
        let folder = Path::new("results");
        let unread = || Err(io::Error::from(io::ErrorKind::PermissionDenied));
        let told = news_of(unread(), Listing::default(), folder);
        let [News::Said(Tone::Failed, text)] = &told[..] else { panic!("something was listed") };
        assert!(text.contains("permission denied") && text.ends_with("results"), "{text}");
        let told = news_of(Ok(Vec::new()), Listing::default(), folder);
        assert!(matches!(&told[..], [News::Judged(_), News::Listed(_)]), "verdicts come first");
    }

    /// The thread is held up at its first word, with as many wishes as there is room for.
    #[test]
    fn a_wish_to_look_again_is_not_lost_among_others() {
        let folder = tempfile::tempdir().unwrap();
        let (sender, news) = sync_channel(0);
        let messenger = Messenger { sender, ctx: eframe::egui::Context::default() };
        let reader = Reader::start(Home::at(folder.path()), messenger).unwrap();
        let patience = std::time::Duration::from_secs(20);
        news.recv_timeout(patience).unwrap();
        while reader.wish(Wish::Task(Uuid::nil())).is_ok() {}
        reader.look_again();
        let mut listings = 0;
        while listings < 2 {
            let told = news.recv_timeout(patience).expect("the second listing");
            listings += usize::from(matches!(told, News::Listed(_)));
        }
        drop(news);
    }
}
