//! The engine as a provider: order of events, cancelling, what is kept warm.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use latelier::engine::{ClassifierPath, LocalEngine, SearchPath, Settings};
use latelier::jobs::{
    Event, EventSink, Failure, FailureKind, Job, Progress, Provider as _, Status, Worker,
};
use latelier::library::{Library, Pictures, Results};
use latelier::task::{EngineKind, Task, resolve};
use serde_json::{Value, json};

use crate::support::{demo_task, home, scratch};

/// Longest wait for any one event.
const DEADLINE: Duration = Duration::from_mins(2);

struct Bench {
    provider: Worker,
    library: Library,
    sink: EventSink,
    events: Receiver<Event>,
    out: tempfile::TempDir,
}

fn bench() -> Bench {
    let out = scratch();
    let settings = Settings {
        search: SearchPath::usual(&home().runtime_dir()),
        device: None,
        threads: 2,
        mode: None,
        together: None,
        classifier: ClassifierPath::usual(&home().runtime_dir()),
        previews: true,
        keeper: Arc::new(Results::new(out.path(), Pictures::new(home(), &[]))),
        pictures: Arc::new(Pictures::new(home(), &[])),
        models: Arc::new(Vec::new),
    };
    let (sender, events) = sync_channel(1024);
    Bench {
        provider: Worker::start("local", move || LocalEngine::new(settings)).unwrap(),
        library: Library::open(home(), &[]).unwrap(),
        sink: EventSink::new(sender, Arc::new(|| {})),
        events,
        out,
    }
}

impl Bench {
    fn job(&self, change: impl Fn(&mut Value)) -> Job {
        let mut json = demo_task();
        change(&mut json);
        let task = Task::from_json(&json).unwrap();
        Job::new(Arc::new(resolve(&task, &self.library, EngineKind::Local, 1).unwrap()))
    }

    fn submit(&self, job: &Job) {
        self.provider.submit(job.clone(), self.sink.clone());
    }

    fn next(&self) -> Event {
        self.events.recv_timeout(DEADLINE).unwrap()
    }

    /// Every event up to the end of `job`.
    fn until_end(&self, job: &Job) -> Vec<Progress> {
        let mut seen = Vec::new();
        loop {
            let event = self.next();
            if event.job != job.id {
                continue;
            }
            let end = event.progress.is_end();
            seen.push(event.progress);
            if end {
                return seen;
            }
        }
    }

    fn files(&self) -> Vec<PathBuf> {
        std::fs::read_dir(self.out.path()).unwrap().map(|entry| entry.unwrap().path()).collect()
    }
}

#[test]
fn a_job_reports_every_step_with_a_preview_and_ends_once() {
    let bench = bench();
    let job = bench.job(|task| {
        task["steps"] = json!(5);
        task["numberResults"] = json!(2);
        task["width"] = json!(192);
    });
    bench.submit(&job);
    let events = bench.until_end(&job);
    assert!(matches!(events[0], Progress::Queued));
    assert!(matches!(&events[1], Progress::Started { device } if device.name == "CPU · 2 threads"));
    assert!(matches!(events.last(), Some(Progress::Finished)));
    let mut steps = Vec::new();
    let mut images = Vec::new();
    for event in &events {
        match event {
            Progress::Step { image, done, total, preview } => {
                let preview = preview.as_ref().unwrap().extent();
                assert_eq!((preview.width, preview.height, *total), (24, 16, 5));
                steps.push((*image, *done));
            }
            Progress::Image(record) => images.push((record.index, record.seed.unwrap())),
            _ => {}
        }
    }
    // Small pictures take their steps together.
    let expected: Vec<_> =
        (1..=5).flat_map(|done| (0..2).map(move |image| (image, done))).collect();
    assert_eq!(steps, expected);
    assert_eq!(images, [(0, 7), (1, 8)]);
    assert_eq!(bench.files().len(), 2);
    assert!(bench.events.try_recv().is_err(), "something came after the end");
}

#[test]
fn the_last_preview_looks_like_the_picture() {
    let bench = bench();
    let job = bench.job(|task| {
        task["steps"] = json!(12);
        task["positivePrompt"] = json!("a fox, noto style, on a teal background");
    });
    bench.submit(&job);
    let events = bench.until_end(&job);
    let preview = events.iter().rev().find_map(|event| match event {
        Progress::Step { preview, .. } => preview.clone(),
        _ => None,
    });
    let picture = events.iter().find_map(|event| match event {
        Progress::Image(record) => Some(record.picture.clone()),
        _ => None,
    });
    let (preview, picture) = (preview.unwrap(), picture.unwrap());
    let cell = (picture.extent().width / preview.extent().width) as usize;
    let mut far = 0.0;
    for y in 0..16 {
        for x in 0..16 {
            for colour in 0..3 {
                let mean: f64 = (0..cell * cell)
                    .map(|i| {
                        let at = (y * cell + i / cell) * 128 + x * cell + i % cell;
                        f64::from(picture.rgba()[at * 4 + colour])
                    })
                    .sum::<f64>()
                    / (cell * cell) as f64;
                far += (mean - f64::from(preview.rgba()[(y * 16 + x) * 4 + colour])).abs();
            }
        }
    }
    let mean = far / (16.0 * 16.0 * 3.0);
    assert!(mean < 40.0, "the preview is off by {mean} on average");
}

#[test]
fn cancelling_ends_the_running_job_at_once_and_the_next_one_runs() {
    let bench = bench();
    let long = bench.job(|task| {
        task["steps"] = json!(100);
        task["width"] = json!(512);
        task["height"] = json!(512);
    });
    let next = bench.job(|_| {});
    bench.submit(&long);
    bench.submit(&next);
    while !matches!(bench.next().progress, Progress::Step { done: 2, .. }) {}
    long.cancel.cancel();
    let events = bench.until_end(&long);
    assert!(matches!(events.last(), Some(Progress::Cancelled)), "{events:?}");
    let steps = events.iter().filter(|event| matches!(event, Progress::Step { .. })).count();
    assert!(steps <= 1, "{steps} steps after the cancel");
    assert!(!events.iter().any(|event| matches!(event, Progress::Image(_))));
    assert!(matches!(bench.until_end(&next).last(), Some(Progress::Finished)));
    assert_eq!(bench.files().len(), 1);
}

#[test]
fn a_job_cancelled_in_the_queue_never_starts() {
    let bench = bench();
    let first = bench.job(|task| task["steps"] = json!(10));
    let second = bench.job(|_| {});
    bench.submit(&first);
    bench.submit(&second);
    second.cancel.cancel();
    let events = bench.until_end(&second);
    assert!(!events.iter().any(|event| matches!(event, Progress::Started { .. })), "{events:?}");
    assert!(matches!(events.last(), Some(Progress::Cancelled)));
}

#[test]
fn a_model_that_vanished_fails_with_its_name_and_the_next_job_runs() {
    let bench = bench();
    let mut gone = bench.job(|_| {});
    let request = Arc::make_mut(&mut gone.request);
    Arc::make_mut(&mut request.model).path = "/no/such/model".into();
    bench.submit(&gone);
    let events = bench.until_end(&gone);
    let Some(Progress::Failed(Failure { kind, headline, .. })) = events.last() else {
        panic!("{events:?}");
    };
    assert_eq!(*kind, FailureKind::Model);
    assert!(headline.contains("/no/such/model"), "{headline}");
    let fine = bench.job(|_| {});
    bench.submit(&fine);
    assert!(matches!(bench.until_end(&fine).last(), Some(Progress::Finished)));
}

#[test]
fn the_status_says_what_the_engine_runs_on() {
    let bench = bench();
    let job = bench.job(|_| {});
    bench.submit(&job);
    bench.until_end(&job);
    let Status::Ready(device) = bench.provider.status() else {
        panic!("{:?}", bench.provider.status());
    };
    assert_eq!(device.name, "CPU · 2 threads");
    assert_eq!(device.fallback, None);
}
