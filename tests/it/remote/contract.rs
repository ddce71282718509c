//! What every provider promises, held by both engines: a job begins with `Queued`, its pictures lie on
//! disk when they are told of, and it ends exactly once, also when it is cancelled or cannot be done.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use latelier::engine::{ClassifierPath, LocalEngine, SearchPath, Settings};
use latelier::jobs::{
    Event, EventSink, FailureKind, Job, JobId, Paid, Progress, Provider, Receipt, Receipts, Status,
    Worker,
};
use latelier::library::{Home, Library, Pictures, Results};
use latelier::pixels::Extent;
use latelier::protocol::Key;
use latelier::remote::{Endpoint, RemoteEngine, RemoteSettings};
use latelier::task::{EngineKind, Task, resolve};
use serde_json::{Value, json};
use uuid::Uuid;

use super::peer::{Act, KEY, Peer, data};
use crate::serve::Served;
use crate::support::{demo_task, scratch};

/// Longest pause between two events on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// After the end of a job nothing may come; looked at for so long.
const AFTERWARDS: Duration = Duration::from_millis(300);

struct Bench {
    _folder: tempfile::TempDir,
    library: Library,
    kind: EngineKind,
    provider: Box<dyn Provider>,
    sink: EventSink,
    events: Receiver<Event>,
}

impl Bench {
    /// The local engine, or the remote one in front of `served`.
    fn new(kind: EngineKind, served: Option<&Served>) -> Self {
        let folder = scratch();
        let home = Home::at(folder.path());
        let library = Library::open(&home, &[]).unwrap();
        let pictures = Pictures::new(&home, &[]);
        let keeper = Arc::new(Results::of_home(&home, pictures.clone()));
        let pictures = Arc::new(pictures);
        let provider: Box<dyn Provider> = match served {
            None => {
                let folders = library.folders();
                let settings = Settings {
                    search: SearchPath::usual(&home.runtime_dir()),
                    classifier: ClassifierPath::usual(&home.runtime_dir()),
                    device: None,
                    threads: 2,
                    mode: None,
                    together: None,
                    previews: false,
                    keeper,
                    pictures,
                    models: Arc::new(move || folders.clone()),
                };
                Box::new(Worker::start("local", move || LocalEngine::new(settings)).unwrap())
            }
            Some(served) => {
                let url = format!("ws://{}/v1", served.address);
                let settings = RemoteSettings {
                    endpoint: Endpoint::parse(&url, false).unwrap(),
                    key: Key::new(KEY).unwrap(),
                    keeper,
                    pictures,
                    journal: None,
                    receipts: None,
                    uploads: None,
                };
                Box::new(RemoteEngine::start(settings).unwrap())
            }
        };
        let (sender, events) = sync_channel(256);
        let sink = EventSink::new(sender, Arc::new(|| {}));
        Self { _folder: folder, library, kind, provider, sink, events }
    }

    fn job(&self, changes: &Value) -> Job {
        let mut json = demo_task();
        json.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        let task = Task::from_json(&json).unwrap();
        Job::new(Arc::new(resolve(&task, &self.library, self.kind, 5).unwrap()))
    }

    fn submit(&self, job: &Job) {
        self.provider.submit(job.clone(), self.sink.clone());
    }

    /// Everything that is told until these jobs have ended, and nothing after that.
    fn until_the_end(&self, jobs: &[JobId]) -> Vec<Event> {
        let mut told: Vec<Event> = Vec::new();
        let mut open: BTreeSet<JobId> = jobs.iter().copied().collect();
        while !open.is_empty() {
            let event = self.events.recv_timeout(PATIENCE).unwrap();
            assert!(open.contains(&event.job), "told after the end: {event:?}");
            if event.progress.is_end() {
                open.remove(&event.job);
            }
            told.push(event);
        }
        let after = self.events.recv_timeout(AFTERWARDS);
        assert!(matches!(after, Err(RecvTimeoutError::Timeout)), "{after:?}");
        told
    }
}

/// Runs `law` over both engines.
fn on_both(law: impl Fn(&Bench)) {
    law(&Bench::new(EngineKind::Local, None));
    let served = Served::open(&["--key", KEY]);
    law(&Bench::new(EngineKind::Remote, Some(&served)));
}

fn of(told: &[Event], job: JobId) -> Vec<&Progress> {
    told.iter().filter(|event| event.job == job).map(|event| &event.progress).collect()
}

#[test]
fn jobs_begin_queued_have_their_pictures_on_disk_and_end_once() {
    on_both(|bench| {
        let jobs = [
            json!({}),
            json!({ "numberResults": 3, "steps": 1 }),
            json!({ "outputFormat": "JPG" }),
        ];
        let jobs = jobs.map(|changes| bench.job(&changes));
        for job in &jobs {
            bench.submit(job);
        }
        let told = bench.until_the_end(&jobs.each_ref().map(|job| job.id));
        for job in &jobs {
            let news = of(&told, job.id);
            assert!(matches!(news[0], Progress::Queued), "{news:?}");
            assert!(matches!(news[1], Progress::Started { .. }), "{news:?}");
            assert!(matches!(news.last().unwrap(), Progress::Finished), "{news:?}");
            let mut places = BTreeSet::new();
            for progress in news {
                let Progress::Image(record) = progress else { continue };
                assert!(Path::new(record.path.as_ref().unwrap()).is_file());
                assert_eq!(record.seed, Some(7 + u64::from(record.index)));
                assert!(places.insert(record.index), "told twice");
            }
            assert_eq!(places.len(), job.request.number_results as usize);
        }
        assert!(matches!(bench.provider.status(), Status::Ready(_)));
    });
}

#[test]
fn a_cancelled_job_ends_as_cancelled_before_during_and_with_others_going_on() {
    on_both(|bench| {
        let (long, never) = (bench.job(&json!({ "steps": 60 })), bench.job(&json!({})));
        let other = bench.job(&json!({ "steps": 1 }));
        never.cancel.cancel();
        bench.submit(&long);
        bench.submit(&never);
        bench.submit(&other);
        let mut ends = Vec::new();
        while ends.len() < 3 {
            let event = bench.events.recv_timeout(PATIENCE).unwrap();
            if event.job == long.id && matches!(event.progress, Progress::Started { .. }) {
                long.cancel.cancel();
            }
            if event.progress.is_end() {
                ends.push((event.job, matches!(event.progress, Progress::Cancelled)));
            }
        }
        ends.sort_unstable();
        let mut expected = vec![(long.id, true), (never.id, true), (other.id, false)];
        expected.sort_unstable();
        assert_eq!(ends, expected);
    });
}

#[test]
fn a_job_that_cannot_be_done_fails_in_words_and_the_next_one_is_done() {
    on_both(|bench| {
        let nowhere = json!({ "seedImage": Uuid::new_v4(), "strength": 0.5 });
        let (hopeless, good) = (bench.job(&nowhere), bench.job(&json!({})));
        bench.submit(&hopeless);
        bench.submit(&good);
        let told = bench.until_the_end(&[hopeless.id, good.id]);
        let Progress::Failed(failure) = *of(&told, hopeless.id).last().unwrap() else {
            panic!("{told:?}")
        };
        assert!(failure.headline.len() > 20, "{failure}");
        let of_the_picture = match &failure.kind {
            FailureKind::Input(parameter) => parameter == "seedImage",
            FailureKind::Refused(problem) => problem.concerns("seedImage"),
            _ => false,
        };
        assert!(of_the_picture, "{failure:?}");
        assert!(matches!(of(&told, good.id).last().unwrap(), Progress::Finished));
    });
}

/// Receipts on a heap.
#[derive(Default)]
struct Heap(Mutex<Vec<Receipt>>);

impl Receipts for Heap {
    fn note(&self, receipt: Receipt) {
        self.0.lock().unwrap().push(receipt);
    }
}

#[test]
fn every_picture_that_was_paid_for_has_a_receipt() {
    let peer = Peer::start(|call| {
        let images = || [1, 0, 1].map(|number| Act::Say(data(&[call.image(number)])));
        (call.kind() == "imageInference").then(|| images().into())
    });
    let folder = scratch();
    let home = Home::at(folder.path());
    let library = Library::open(&home, &[]).unwrap();
    let pictures = Pictures::new(&home, &[]);
    let heap = Arc::new(Heap::default());
    let engine = RemoteEngine::start(RemoteSettings {
        endpoint: Endpoint::parse(&peer.socket_url(), false).unwrap(),
        key: Key::new(KEY).unwrap(),
        keeper: Arc::new(Results::of_home(&home, pictures.clone())),
        pictures: Arc::new(pictures),
        journal: None,
        receipts: Some(Arc::<Heap>::clone(&heap)),
        uploads: None,
    });
    let task = super::with(&json!({ "numberResults": 2, "seed": 40, "steps": 3 }));
    let task = Task::from_json(&task).unwrap();
    let request = resolve(&task, &library, EngineKind::Remote, 5).unwrap();
    let job = Job::new(Arc::new(request));
    let (sender, events) = sync_channel(64);
    engine.as_ref().unwrap().submit(job.clone(), EventSink::new(sender, Arc::new(|| {})));
    let told: Vec<Event> = std::iter::from_fn(|| events.recv_timeout(PATIENCE).ok())
        .take_while(|event| !event.progress.is_end())
        .collect();
    let images: Vec<_> = (of(&told, job.id).into_iter())
        .filter_map(|news| match news {
            Progress::Image(record) => Some((record.image_uuid, record.index, record.cost)),
            _ => None,
        })
        .collect();
    let receipts = heap.0.lock().unwrap().clone();
    let paid: Vec<_> = receipts.iter().map(|receipt| (receipt.result, Some(receipt.usd))).collect();
    let told: Vec<_> = images.iter().map(|(image, _, cost)| (*image, *cost)).collect();
    assert_eq!((&paid, told.len()), (&told, 2));
    // The seed says which picture it is, not the order.
    assert_eq!(images.iter().map(|(_, index, _)| *index).collect::<Vec<_>>(), [1, 0]);
    for receipt in receipts {
        let model = "runware:101@1".parse().unwrap();
        // Written before the file is looked at: the size that was asked for.
        let expected = Paid::Picture { model, extent: Extent::new(512, 512), steps: Some(3) };
        assert_eq!((receipt.task, receipt.paid), (job.id, expected));
    }
}
