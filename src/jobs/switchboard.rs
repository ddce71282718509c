//! Leads each job to its engine. Engines are started when they are first asked for, on threads of
//! their own; one that is wished for otherwise ends its jobs before it goes.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::{
    EngineMaker, EngineOrder, EventSink, Failure, FailureKind, Job, LocalWish, MadeEngine,
    ModelSearcher, Progress, Provider, RemoteWish, Status, Turns,
};
use crate::task::EngineKind;

/// A [`Provider`] over all engines. Dropping it ends them.
pub struct Switchboard {
    shared: Arc<Shared>,
}

struct Shared {
    maker: Arc<dyn EngineMaker>,
    board: Mutex<Board>,
}

#[derive(Default)]
struct Board {
    slots: Vec<Slot>,
    next: u64,
    local: LocalWish,
    remote: RemoteWish,
    closed: bool,
}

/// An engine, or its place.
struct Slot {
    id: u64,
    order: EngineOrder,
    /// Whether new jobs come to it.
    current: bool,
    /// Jobs that it has.
    open: usize,
    stage: Stage,
}

enum Stage {
    Starting(Vec<(Job, EventSink)>),
    Ready(Arc<Turns>, Option<ModelSearcher>),
    Failed(Failure),
}

impl Switchboard {
    /// A board on which no engine was started yet.
    #[must_use]
    pub fn new(maker: Arc<dyn EngineMaker>) -> Self {
        Self { shared: Arc::new(Shared { maker, board: Mutex::default() }) }
    }

    /// How engines are to work from now on. One that works goes on as it is until its jobs are done.
    pub fn wish(&self, local: LocalWish, remote: RemoteWish) {
        let mut board = self.shared.board();
        (board.local, board.remote) = (local, remote);
    }

    /// Whether the engine of that kind can work; starts it when there is none.
    #[must_use]
    pub fn status_of(&self, kind: EngineKind) -> Status {
        let mut board = self.shared.board();
        let order = board.wished(kind);
        let (place, outdated) = self.shared.place(&mut board, &order);
        let status = match &board.slots[place].stage {
            Stage::Starting(_) => Status::Starting,
            Stage::Ready(provider, _) => provider.status(),
            Stage::Failed(failure) => Status::Unavailable(failure.clone()),
        };
        drop(board);
        close(outdated);
        status
    }

    /// Starts what cannot work anew when it is needed next: what could not be started, and what started
    /// and said so.
    pub fn renew_failed(&self) {
        self.renew(|slot| match &slot.stage {
            Stage::Starting(_) => false,
            Stage::Ready(provider, _) => {
                slot.open == 0 && matches!(provider.status(), Status::Unavailable(_))
            }
            Stage::Failed(_) => true,
        });
    }

    /// Starts remote engines anew when they are needed next, since the key is another.
    pub fn renew_remote(&self) {
        self.renew(|slot| slot.order.kind() == EngineKind::Remote);
    }

    fn renew(&self, is_outdated: impl Fn(&Slot) -> bool) {
        let mut board = self.shared.board();
        for slot in &mut board.slots {
            slot.current &= !is_outdated(slot);
        }
        let idle = board.take_idle();
        drop(board);
        close(idle);
    }

    /// Who asks the service for its checkpoints. Whoever holds it keeps that one engine, and no other.
    ///
    /// # Errors
    /// Why it cannot be asked, for the user.
    pub fn searcher(&self) -> Result<ModelSearcher, Failure> {
        let mut board = self.shared.board();
        let order = board.wished(EngineKind::Remote);
        let (place, outdated) = self.shared.place(&mut board, &order);
        let found = match &board.slots[place].stage {
            Stage::Ready(_, Some(search)) => Ok(Arc::clone(search)),
            Stage::Failed(failure) => Err(failure.clone()),
            Stage::Ready(_, None) | Stage::Starting(_) => {
                let words = "The remote engine is not ready to be asked; try again in a moment";
                Err(Failure::new(FailureKind::Other, words))
            }
        };
        drop(board);
        close(outdated);
        found
    }
}

impl Board {
    fn wished(&self, kind: EngineKind) -> EngineOrder {
        match kind {
            EngineKind::Local => EngineOrder::Local(self.local.clone()),
            EngineKind::Remote => EngineOrder::Remote(self.remote.clone()),
        }
    }

    /// The engine that the job is for: a service is the one that it was sent to.
    fn order_of(&self, job: &Job) -> EngineOrder {
        let kind = job.request.engine;
        let service = job.service.as_deref().unwrap_or(RemoteWish::SERVICE);
        if kind == EngineKind::Local || self.remote.service() == service {
            return self.wished(kind);
        }
        EngineOrder::Remote(RemoteWish::of(service, self.remote.in_clear))
    }

    /// The place of the engine of that order; for the local one also one that is wished for otherwise
    /// and still has jobs, so that there are never two of them at work.
    fn find(&self, order: &EngineOrder) -> Option<usize> {
        let is_local = order.kind() == EngineKind::Local;
        let fits = |slot: &Slot| {
            slot.order == *order
                || (is_local && slot.order.kind() == EngineKind::Local && slot.open > 0)
        };
        self.slots.iter().position(|slot| slot.current && fits(slot))
    }

    /// Takes out engines that get no jobs any more and have none.
    fn take_idle(&mut self) -> Vec<Slot> {
        let (idle, kept) = mem::take(&mut self.slots).into_iter().partition(|slot| {
            let starting = matches!(&slot.stage, Stage::Starting(pending) if !pending.is_empty());
            !slot.current && slot.open == 0 && !starting
        });
        self.slots = kept;
        idle
    }
}

impl Shared {
    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the engine of that order is, started if need be; and engines that are not needed any more.
    fn place(self: &Arc<Self>, board: &mut Board, order: &EngineOrder) -> (usize, Vec<Slot>) {
        if let Some(place) = board.find(order) {
            return (place, Vec::new());
        }
        // What is wished for otherwise gets no new jobs; a service that has some is still asked for more
        // of them.
        let is_remote = order.kind() == EngineKind::Remote;
        for slot in board.slots.iter_mut().filter(|slot| slot.order.kind() == order.kind()) {
            slot.current &= is_remote && slot.open > 0;
        }
        let outdated = board.take_idle();
        board.next += 1;
        let id = board.next;
        let mut stage = Stage::Starting(Vec::new());
        if let Err(failure) = self.start(id, order.clone()) {
            stage = Stage::Failed(failure);
        }
        board.slots.push(Slot { id, order: order.clone(), current: true, open: 0, stage });
        (board.slots.len() - 1, outdated)
    }

    fn start(self: &Arc<Self>, id: u64, order: EngineOrder) -> Result<(), Failure> {
        let shared = Arc::clone(self);
        let work = move || {
            let made = shared.maker.make(&order).and_then(in_turns);
            shared.started(id, made);
        };
        let started = thread::Builder::new().name("engine starter".to_owned()).spawn(work);
        started.map(|_| ()).map_err(|error| no_thread(&error))
    }

    fn started(
        self: &Arc<Self>,
        id: u64,
        made: Result<(Arc<Turns>, Option<ModelSearcher>), Failure>,
    ) {
        let mut board = self.board();
        let slot = board.slots.iter_mut().find(|slot| slot.id == id);
        let Some(slot) = slot else {
            drop(board);
            // Nobody needs it any more; it ends outside the lock.
            drop(made);
            return;
        };
        let stage = match &made {
            Ok((provider, search)) => Stage::Ready(Arc::clone(provider), search.clone()),
            Err(failure) => Stage::Failed(failure.clone()),
        };
        let Stage::Starting(pending) = mem::replace(&mut slot.stage, stage) else { return };
        drop(board);
        for (job, events) in pending {
            match &made {
                Ok((provider, _)) => provider.submit(job, events),
                Err(failure) => fail(&job, &events, failure),
            }
        }
    }

    /// A job of that engine has ended.
    fn ended(&self, id: u64) {
        let mut board = self.board();
        let wished = [EngineKind::Local, EngineKind::Remote].map(|kind| board.wished(kind));
        if let Some(slot) = board.slots.iter_mut().find(|slot| slot.id == id) {
            slot.open = slot.open.saturating_sub(1);
            slot.current &= slot.open > 0 || wished.contains(&slot.order);
        }
        let idle = board.take_idle();
        drop(board);
        close(idle);
    }
}

/// What becomes of a job whose engine cannot be started. One that a service may have is asked for
/// another time: it stays in the journal.
fn fail(job: &Job, events: &EventSink, failure: &Failure) {
    let mut failure = failure.clone();
    if job.resumed && job.request.engine == EngineKind::Remote {
        failure.kind = FailureKind::Interrupted;
    }
    events.send(job.id, Progress::Failed(failure));
}

fn in_turns(made: MadeEngine) -> Result<(Arc<Turns>, Option<ModelSearcher>), Failure> {
    let turns = Turns::start(made.provider, made.at_once).map_err(|error| no_thread(&error))?;
    Ok((Arc::new(turns), made.search))
}

fn no_thread(error: &std::io::Error) -> Failure {
    let headline =
        "The engine could not start, since the system gives no thread: close some programs";
    Failure::new(FailureKind::Other, headline).with_details(error.to_string())
}

/// Drops engines away from their own threads, which dropping waits for.
fn close(slots: Vec<Slot>) {
    if slots.is_empty() {
        return;
    }
    let work = move || drop(slots);
    // Without a thread they end where they are.
    thread::Builder::new().name("engine closer".to_owned()).spawn(work).ok();
}

impl Provider for Switchboard {
    fn name(&self) -> &'static str {
        "all engines"
    }

    fn status(&self) -> Status {
        self.status_of(EngineKind::Local)
    }

    fn submit(&self, job: Job, events: EventSink) {
        let mut board = self.shared.board();
        if board.closed {
            return;
        }
        let order = board.order_of(&job);
        let (place, outdated) = self.shared.place(&mut board, &order);
        let slot = &mut board.slots[place];
        slot.open += 1;
        let (shared, id) = (Arc::clone(&self.shared), slot.id);
        let events = events.when_ended(Arc::new(move |_| shared.ended(id)));
        match &mut slot.stage {
            Stage::Starting(pending) => pending.push((job, events)),
            Stage::Ready(provider, _) => {
                let provider = Arc::clone(provider);
                drop(board);
                provider.submit(job, events);
            }
            Stage::Failed(failure) => {
                let failure = failure.clone();
                drop(board);
                fail(&job, &events, &failure);
            }
        }
        close(outdated);
    }
}

/// The same provider, shared.
impl<P: Provider + ?Sized> Provider for Arc<P> {
    fn name(&self) -> &'static str {
        self.as_ref().name()
    }

    fn status(&self) -> Status {
        self.as_ref().status()
    }

    fn submit(&self, job: Job, events: EventSink) {
        self.as_ref().submit(job, events);
    }
}

impl Drop for Switchboard {
    fn drop(&mut self) {
        let mut board = self.shared.board();
        board.closed = true;
        let slots = mem::take(&mut board.slots);
        drop(board);
        drop(slots);
    }
}

#[cfg(test)]
mod tests;
