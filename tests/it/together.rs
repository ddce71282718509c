//! Several results of one task taking their steps together: each is what it would be alone.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use latelier::engine::{ClassifierPath, LocalEngine, Mode, SearchPath, Settings};
use latelier::jobs::{EventSink, Job, Progress, Runner as _};
use latelier::library::{Library, Pictures, Results};
use latelier::pixels::Picture;
use latelier::task::{EngineKind, Task, resolve};
use serde_json::{Value, json};
use url::Url;

use crate::support::{demo_task, golden, home, scratch};

/// One scheduler for each sampler.
const SCHEDULERS: [&str; 7] =
    ["Euler", "Euler a", "DDIM", "DPM++ 2M Karras", "UniPC", "LCM", "Heun"];

fn address(path: &str) -> Value {
    json!(Url::from_file_path(golden(path)).unwrap().as_str())
}

/// Four results of the demo model over five steps.
fn task(scheduler: &str) -> Value {
    let mut task = demo_task();
    task["scheduler"] = json!(scheduler);
    task["numberResults"] = json!(4);
    task["steps"] = json!(5);
    task
}

fn image_to_image(scheduler: &str) -> Value {
    let mut task = task(scheduler);
    task["seedImage"] = address("image_to_image/source-square.png");
    task["strength"] = json!(0.7);
    task
}

fn inpainting(scheduler: &str) -> Value {
    let mut task = image_to_image(scheduler);
    task["seedImage"] = address("inpainting/source-square.png");
    task["maskImage"] = address("inpainting/mask-disc-square.png");
    task
}

/// Two `ControlNets`, one of which sees the positive prompt's rows only.
fn guided(scheduler: &str) -> Value {
    let control = |guide: &str, more: Value| {
        let mut control = json!({ "model": "local:demo-canny@1", "guideImage": address(guide) });
        control.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        control
    };
    let mut task = task(scheduler);
    task["controlNet"] = json!([
        control("controlnet/guide-heart.png", json!({ "controlMode": "controlnet" })),
        control("controlnet/guide-star.png", json!({ "weight": 0.5, "endStep": 3 })),
    ]);
    task
}

fn cached(scheduler: &str) -> Value {
    let mut task = guided(scheduler);
    task["acceleratorOptions"] = json!({ "deepCache": true, "deepCacheBranchId": 2 });
    task
}

/// The pictures of each task, made so many at once.
fn made(tasks: &[Value], mode: Mode, together: u32) -> Vec<Vec<Picture>> {
    let out = scratch();
    let settings = Settings {
        search: SearchPath::usual(&home().runtime_dir()),
        device: None,
        threads: 2,
        mode: Some(mode),
        together: Some(together),
        classifier: ClassifierPath::usual(&home().runtime_dir()),
        previews: false,
        keeper: Arc::new(Results::new(out.path(), Pictures::new(home(), &[]))),
        pictures: Arc::new(Pictures::new(home(), &[])),
        models: Arc::new(Vec::new),
    };
    let library = Library::open(home(), &[]).unwrap();
    let mut engine = LocalEngine::new(settings);
    let mut pictures = Vec::new();
    for task in tasks {
        let task = Task::from_json(task).unwrap();
        let job = Job::new(Arc::new(resolve(&task, &library, EngineKind::Local, 1).unwrap()));
        let (sender, events) = sync_channel(256);
        engine.run(&job, &EventSink::new(sender, Arc::new(|| {}))).unwrap();
        let progress = events.try_iter().map(|event| event.progress);
        let records = progress.filter_map(|progress| match progress {
            Progress::Image(record) => Some(record),
            _ => None,
        });
        let records: Vec<_> = records.collect();
        let places: Vec<_> = records.iter().map(|record| (record.index, record.seed)).collect();
        assert_eq!(places, [(0, Some(7)), (1, Some(8)), (2, Some(9)), (3, Some(10))]);
        pictures.push(records.iter().map(|record| record.picture.clone()).collect());
    }
    pictures
}

/// Holds three at once (and one more) against one at a time.
#[track_caller]
fn assert_equal_to_single_runs(tasks: &[Value], mode: Mode) {
    let alone = made(tasks, mode, 1);
    let together = made(tasks, mode, 3);
    for ((task, alone), together) in tasks.iter().zip(&alone).zip(&together) {
        let name = format!("{} in {mode:?} mode", task["scheduler"]);
        assert_ne!(alone[0], alone[1], "{name}");
        assert!(alone == together, "{name}");
    }
}

#[test]
fn pictures_of_every_sampler_equal_single_runs_in_both_modes() {
    let tasks = SCHEDULERS.map(task);
    assert_equal_to_single_runs(&tasks, Mode::Fast);
    assert_equal_to_single_runs(&tasks, Mode::LowMemory);
}

#[test]
fn pictures_made_from_a_picture_equal_single_runs() {
    let tasks = [SCHEDULERS.map(image_to_image), SCHEDULERS.map(inpainting)].concat();
    assert_equal_to_single_runs(&tasks, Mode::Fast);
    let [euler, ancestral, ..] = SCHEDULERS;
    assert_equal_to_single_runs(&[image_to_image(ancestral), inpainting(euler)], Mode::LowMemory);
}

#[test]
fn guided_pictures_equal_single_runs() {
    let mut unguided = guided("DPM++ 2M");
    unguided["CFGScale"] = json!(1);
    assert_equal_to_single_runs(&[guided("Euler a"), guided("Heun"), unguided], Mode::Fast);
    // In low-memory mode a call of one row rounds in another way than one of three, with and without
    // ControlNets; here every call has two rows at least.
    let mut balanced = guided("DDIM");
    balanced["controlNet"][0]["controlMode"] = json!("balanced");
    assert_equal_to_single_runs(&[balanced], Mode::LowMemory);
}

#[test]
fn pictures_with_a_cache_equal_single_runs() {
    let mut plain = task("UniPC");
    plain["acceleratorOptions"] = json!({ "deepCache": true, "deepCacheInterval": 2 });
    assert_equal_to_single_runs(&[plain, cached("Heun")], Mode::Fast);
}

#[test]
fn without_guidance_and_without_a_step_single_runs_are_equalled_too() {
    let mut unguided = task("DPM++ 2M");
    unguided["CFGScale"] = json!(1);
    let mut stepless = image_to_image("Euler");
    stepless["strength"] = json!(0.1);
    assert_equal_to_single_runs(&[unguided, stepless], Mode::Fast);
}
