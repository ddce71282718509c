//! The engines as the shell sees them: which is wished for, whether it can work, its key, its prices.

use std::sync::Arc;

use super::news::{Messenger, News};
use super::threads::lost;
use super::{App, capitalised};
use crate::jobs::{EngineMaker, Failure, Job, JobId, Status, Switchboard};
use crate::library::{Home, KeyError, KeyPlace, KeyStore, Ledger, Promised, Weighed};
use crate::state::{Effect, KeyStatus, ModelSearch, Preferences, Secret, Tone};

/// The engines, and what is being found out about them.
pub(super) struct EngineRoom {
    maker: Arc<dyn EngineMaker>,
    board: Arc<Switchboard>,
    /// The job whose price is being looked up.
    weighed: Option<JobId>,
    /// Which order of the queue the journal knows.
    order_kept: u64,
}

impl EngineRoom {
    pub(super) const fn new(maker: Arc<dyn EngineMaker>, board: Arc<Switchboard>) -> Self {
        Self { maker, board, weighed: None, order_kept: 0 }
    }

    pub(super) fn maker(&self) -> Arc<dyn EngineMaker> {
        Arc::clone(&self.maker)
    }

    /// Whether the chosen engine can work; starts it when it is asked for the first time.
    pub(super) fn status(&self, preferences: &Preferences) -> Status {
        self.board.wish(preferences.local.clone(), preferences.remote());
        self.board.status_of(preferences.engine)
    }

    /// Lets engines that cannot work be tried again.
    pub(super) fn renew_failed(&self) {
        self.board.renew_failed();
    }
}

impl App {
    pub(super) fn perform_on_engines(&mut self, effect: Effect) {
        let home = self.home.clone();
        match effect {
            Effect::KeepKey(key) => self.on_a_thread(keep_key(home, key)),
            Effect::ForgetKey => self.on_a_thread(forget_key(home)),
            Effect::LookAtEngines => {
                let maker = Arc::clone(&self.engines.maker);
                self.on_a_thread(look(home, maker));
            }
            Effect::SearchModels(search) => self.search_models(search),
            _ => {}
        }
    }

    pub(super) fn hear_of_engines(&mut self, news: News) {
        match news {
            News::Foreseen(outlook) => self.state.world.engines.outlook = Some(*outlook),
            News::Weighed(id, weighed) => {
                self.engines.weighed = None;
                // The question may have been answered otherwise meanwhile.
                if self.state.to_weigh().is_some_and(|parcel| parcel.id() == Some(id))
                    && let Some(effect) = self.state.weighed(weighed)
                {
                    self.perform(effect);
                }
            }
            News::Key(key) => self.state.world.engines.key = key,
            News::KeyChanged(key) => {
                self.engines.board.renew_remote();
                self.state.set_key(key);
            }
            News::Devices(devices) => self.state.world.engines.devices = Some(devices),
            News::ModelsFound(search, found) => self.state.set_found(&search, found),
            _ => {}
        }
    }

    /// Asks the service for models, as soon as it can be asked.
    fn search_models(&mut self, search: ModelSearch) {
        let words = search.words.clone();
        match self.engines.board.searcher() {
            Ok(searcher) => {
                let failure = Failure { headline: capitalised(&lost().headline), ..lost() };
                let lost = News::ModelsFound(search.clone(), Err(failure));
                self.on_a_thread_or(lost, move |messenger| {
                    messenger.send(News::ModelsFound(search, searcher(&words)));
                });
            }
            Err(failure) => self.state.set_found(&search, Err(failure)),
        }
    }

    /// Has what is to be sent next weighed.
    pub(super) fn weigh_next(&mut self) {
        let Some(parcel) = self.state.to_weigh().filter(|_| self.engines.weighed.is_none()) else {
            return;
        };
        let Some(id) = parcel.id() else { return };
        let (jobs, limit) = (parcel.jobs.clone(), self.state.preferences.daily_limit);
        self.engines.weighed = Some(id);
        let lost = News::Weighed(id, Err(lost().headline));
        let (home, promised) = (self.home.clone(), self.state.promised());
        self.on_a_thread_or(lost, move |messenger| {
            messenger.send(News::Weighed(id, weigh(&home, &jobs, limit, promised)));
        });
    }

    /// Has the journal keep the order of those that wait, when the user has changed it.
    pub(super) fn keep_order(&mut self) {
        let moves = self.state.world.queue.moves();
        let Some(journal) = self.journal.clone().filter(|_| moves != self.engines.order_kept)
        else {
            return;
        };
        self.engines.order_kept = moves;
        let order: Vec<JobId> = self.state.world.queue.waiting().map(|job| job.id).collect();
        self.on_a_thread(move |_| journal.keep_order(moves, &order));
    }
}

/// Looks up what the jobs cost and whether they may be sent. Without a limit a book that cannot be read
/// stops nothing.
fn weigh(
    home: &Home,
    jobs: &[Job],
    limit: Option<f64>,
    promised: Promised,
) -> Result<Weighed, String> {
    let weighed = Ledger::open(home).and_then(|ledger| ledger.weigh(jobs, limit, promised));
    weighed.or_else(|error| {
        if limit.is_some() {
            return Err(error.to_string());
        }
        tracing::warn!("{error}");
        Ok(Weighed { prices: Vec::new(), stop: None })
    })
}

fn keep_key(home: Home, key: Secret) -> impl FnOnce(&Messenger) + Send + 'static {
    move |messenger| match KeyStore::of(&home).keep_text(&key.0) {
        Ok(_) => {
            messenger.send(News::KeyChanged(status(KeyStore::of(&home).place())));
        }
        Err(error) => {
            messenger.send(News::Said(Tone::Failed, capitalised(&error.to_string())));
        }
    }
}

fn forget_key(home: Home) -> impl FnOnce(&Messenger) + Send + 'static {
    move |messenger| {
        let store = KeyStore::of(&home);
        if let Err(error) = store.forget() {
            messenger.send(News::Said(Tone::Failed, capitalised(&error.to_string())));
        }
        // One in the environment is still there.
        messenger.send(News::KeyChanged(status(store.place())));
    }
}

fn look(home: Home, maker: Arc<dyn EngineMaker>) -> impl FnOnce(&Messenger) + Send + 'static {
    move |messenger| {
        messenger.send(News::Key(status(KeyStore::of(&home).place())));
        messenger.send(News::Devices(maker.devices()));
    }
}

fn status(place: Result<Option<KeyPlace>, KeyError>) -> KeyStatus {
    match place {
        Ok(Some(place)) => KeyStatus::Present(place.describe()),
        Ok(None) => KeyStatus::Absent,
        Err(error) => KeyStatus::Trouble(capitalised(&error.to_string())),
    }
}
