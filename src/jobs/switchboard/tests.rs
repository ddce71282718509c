//! Which engine a job gets, and when one is made.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use super::*;
use crate::jobs::{Device, Event, MemoryNeed, OfferedDevice, Runner, Worker, test_job};
use crate::task::Request;

const PATIENCE: Duration = Duration::from_secs(20);

/// Makes engines that work until they are cancelled; notes how each was wished for.
#[derive(Default)]
struct Notes {
    made: Mutex<Vec<EngineOrder>>,
    without_key: bool,
}

/// Lasts until it is cancelled when its prompt says so.
struct Patient;

impl Runner for Patient {
    fn prepare(&mut self) -> Result<Device, Failure> {
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
        let provider = Box::new(Worker::start("test", || Patient).unwrap());
        Ok(MadeEngine { provider, at_once: 1, search: None })
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
    let deadline = Instant::now() + PATIENCE;
    while board.status_of(EngineKind::Remote) == Status::Starting {
        assert!(Instant::now() < deadline);
        thread::sleep(Duration::from_millis(1));
    }
    let mut job = test_job("a fox");
    Arc::make_mut(&mut job.request).engine = EngineKind::Remote;
    board.submit(Job { resumed: false, ..job.clone() }, sink.clone());
    let Progress::Failed(failure) = end(&events, &job) else { panic!() };
    assert_eq!(failure.kind, FailureKind::KeyRefused);
    board.submit(Job { resumed: true, ..job.clone() }, sink);
    assert!(end(&events, &job).is_interrupted());
    assert_eq!(notes.made.lock().unwrap().len(), 1);
    board.renew();
    assert_eq!(board.status_of(EngineKind::Remote), Status::Starting, "it is tried again");
}
