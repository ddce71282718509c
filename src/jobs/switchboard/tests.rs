//! Which engine a job gets, and when one is made.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use super::*;
use crate::jobs::{Device, Event, MemoryNeed, OfferedDevice, Runner, Worker, test_job};
use crate::task::{ModelCard, Request};

const PATIENCE: Duration = Duration::from_secs(20);

/// Makes engines that work until they are cancelled; notes how each was wished for.
#[derive(Default)]
struct Notes {
    made: Mutex<Vec<EngineOrder>>,
    without_key: bool,
    /// Whether engines start and then cannot work.
    broken: Arc<AtomicBool>,
    /// Every engine at work has one.
    token: Arc<()>,
}

/// Lasts until it is cancelled when its prompt says so.
struct Patient {
    broken: bool,
    _token: Arc<()>,
}

impl Runner for Patient {
    fn prepare(&mut self) -> Result<Device, Failure> {
        if self.broken {
            return Err(Failure::new(FailureKind::RuntimeMissing, "it lacks something"));
        }
        Ok(Device { name: "test".to_owned(), fallback: None })
    }

    fn run(&mut self, job: &Job, _events: &EventSink) -> Result<(), Failure> {
        while job.request.positive_prompt == "lasts" && !job.cancel.is_cancelled() {
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }
}

impl EngineMaker for Notes {
    fn make(&self, order: &EngineOrder) -> Result<MadeEngine, Failure> {
        self.made.lock().unwrap().push(order.clone());
        if self.without_key {
            return Err(Failure::new(FailureKind::KeyRefused, "it needs a key"));
        }
        let patient =
            Patient { broken: self.broken.load(Ordering::SeqCst), _token: Arc::clone(&self.token) };
        let provider = Box::new(Worker::start("test", || patient).unwrap());
        let search: Option<ModelSearcher> = match order {
            EngineOrder::Local(_) => None,
            EngineOrder::Remote(_) => Some(Arc::new(|_| Ok(Vec::new()))),
        };
        Ok(MadeEngine { provider, at_once: 1, search })
    }

    fn memory(&self, _request: &Request, _wish: &LocalWish) -> Option<MemoryNeed> {
        None
    }

    fn devices(&self) -> Vec<OfferedDevice> {
        Vec::new()
    }

    fn lacks(&self, _card: &ModelCard, _folders: &[PathBuf]) -> Option<String> {
        None
    }
}

fn bench(without_key: bool) -> (Arc<Notes>, Switchboard, EventSink, Receiver<Event>) {
    let notes = Arc::new(Notes { without_key, ..Notes::default() });
    let (sender, events) = sync_channel(64);
    let board = Switchboard::new(Arc::clone(&notes) as Arc<dyn EngineMaker>);
    (notes, board, EventSink::new(sender, Arc::new(|| {})), events)
}

fn end(events: &Receiver<Event>, job: &Job) -> Progress {
    loop {
        let event = events.recv_timeout(PATIENCE).unwrap();
        if event.job == job.id && event.progress.is_end() {
            return event.progress;
        }
    }
}

/// Waits until it is known whether that engine can work.
fn started(board: &Switchboard, kind: EngineKind) -> Status {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match board.status_of(kind) {
            Status::Starting => assert!(Instant::now() < deadline),
            known => return known,
        }
        thread::sleep(Duration::from_millis(1));
    }
}

fn service(address: &str) -> RemoteWish {
    RemoteWish { address: Some(address.to_owned()), in_clear: false }
}

fn device(name: &str) -> LocalWish {
    LocalWish { device: Some(name.to_owned()), memory: None }
}

#[test]
fn nothing_is_made_before_it_is_needed_and_another_wish_waits_for_the_jobs() {
    let (notes, board, sink, events) = bench(false);
    assert!(notes.made.lock().unwrap().is_empty());
    let lasts = test_job("lasts");
    board.submit(lasts.clone(), sink.clone());
    // Engines are made on a thread of their own.
    let deadline = Instant::now() + PATIENCE;
    while notes.made.lock().unwrap().is_empty() {
        assert!(Instant::now() < deadline);
        thread::sleep(Duration::from_millis(1));
    }
    board.wish(device("other"), RemoteWish::default());
    let next = test_job("a fox");
    board.submit(next.clone(), sink.clone());
    assert_eq!(notes.made.lock().unwrap().len(), 1, "there are never two local engines at work");
    lasts.cancel.cancel();
    end(&events, &next);
    let last = test_job("an owl");
    board.submit(last.clone(), sink);
    end(&events, &last);
    let made = notes.made.lock().unwrap().clone();
    let wishes = [LocalWish::default(), device("other")].map(EngineOrder::Local);
    assert_eq!(made, wishes);
}

#[test]
fn without_a_key_new_jobs_fail_and_those_that_were_sent_stay_in_the_journal() {
    let (notes, board, sink, events) = bench(true);
    started(&board, EngineKind::Remote);
    let mut job = test_job("a fox");
    Arc::make_mut(&mut job.request).engine = EngineKind::Remote;
    board.submit(Job { resumed: false, ..job.clone() }, sink.clone());
    let Progress::Failed(failure) = end(&events, &job) else { panic!() };
    assert_eq!(failure.kind, FailureKind::KeyRefused);
    board.submit(Job { resumed: true, ..job.clone() }, sink);
    assert!(end(&events, &job).is_interrupted());
    assert_eq!(notes.made.lock().unwrap().len(), 1);
    board.renew_failed();
    assert_eq!(board.status_of(EngineKind::Remote), Status::Starting, "it is tried again");
}

#[test]
fn a_job_goes_to_the_service_that_it_was_sent_to_and_to_no_other() {
    let sent_to = |wish: &RemoteWish| Some(wish.service());
    let usual = RemoteWish::default();
    for (wished, sent, expected) in [
        (service("ws://127.0.0.1:2/v1"), sent_to(&usual), usual.clone()),
        // Of an older version, which did not say.
        (service("ws://127.0.0.1:2/v1"), None, usual.clone()),
        (usual.clone(), sent_to(&service("ws://127.0.0.1:2")), service("ws://127.0.0.1:2/")),
        // The one that is wished for, however it is spelled, and with what is not written down.
        (
            service("ws://127.0.0.1:2?x=1"),
            sent_to(&service("ws://127.0.0.1:2")),
            service("ws://127.0.0.1:2?x=1"),
        ),
        (service("ws://h/v10"), sent_to(&service("ws://h/v1")), service("ws://h/v1")),
        (service("no address"), sent_to(&service("no address")), service("no address")),
    ] {
        let (notes, board, sink, events) = bench(false);
        board.wish(LocalWish::default(), wished);
        let mut job = test_job("a fox");
        Arc::make_mut(&mut job.request).engine = EngineKind::Remote;
        job.service = sent;
        board.submit(job.clone(), sink);
        end(&events, &job);
        assert_eq!(*notes.made.lock().unwrap(), [EngineOrder::Remote(expected)]);
    }
}

#[test]
fn what_cannot_work_is_tried_again_and_what_works_goes_on() {
    let (notes, board, sink, events) = bench(false);
    notes.broken.store(true, Ordering::SeqCst);
    assert!(matches!(started(&board, EngineKind::Local), Status::Unavailable(_)));
    notes.broken.store(false, Ordering::SeqCst);
    assert!(matches!(started(&board, EngineKind::Remote), Status::Ready(_)));
    board.renew_failed();
    assert!(matches!(started(&board, EngineKind::Local), Status::Ready(_)));
    started(&board, EngineKind::Remote);
    assert_eq!(notes.made.lock().unwrap().len(), 3, "the service was left alone");
    let lasts = test_job("lasts");
    board.submit(lasts.clone(), sink);
    board.renew_failed();
    board.renew_remote();
    started(&board, EngineKind::Remote);
    assert_eq!(notes.made.lock().unwrap().len(), 4, "for another key it is begun anew");
    lasts.cancel.cancel();
    end(&events, &lasts);
}

#[test]
fn who_searches_keeps_no_engine_of_this_machine() {
    let (notes, board, _sink, _events) = bench(false);
    started(&board, EngineKind::Local);
    started(&board, EngineKind::Remote);
    let searcher = board.searcher().unwrap();
    assert_eq!(searcher("fox").unwrap(), []);
    drop(board);
    assert_eq!(Arc::strong_count(&notes.token), 1, "every engine has ended");
    drop(searcher);
}
