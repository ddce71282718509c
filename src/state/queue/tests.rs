//! The queue as events come in.

use std::path::PathBuf;

use uuid::Uuid;

use super::*;
use crate::task::{Air, Architecture, Catalog, EngineKind, ModelCard, ModelKind, Task, resolve};

/// A library with one checkpoint.
struct One;

impl Catalog for One {
    fn model(&self, air: &Air) -> Option<Arc<ModelCard>> {
        Some(Arc::new(ModelCard {
            air: air.clone(),
            name: "One".to_owned(),
            kind: ModelKind::Checkpoint,
            architecture: Architecture::Sd1,
            defaults: crate::state::common_defaults(),
            examples: Vec::new(),
            trigger_words: Vec::new(),
            vectors: 0,
            fault: None,
            path: PathBuf::new(),
            config: None,
        }))
    }
}

/// A queue with one job of four pictures and ten steps each.
fn queue() -> (Queue, JobId) {
    queue_of(|_| true)
}

/// The same, of which only those pictures are owed.
fn queue_of(owed: impl Fn(u32) -> bool) -> (Queue, JobId) {
    let task = Task {
        positive_prompt: Some("a fox".to_owned()),
        model: Some("local:one@1".to_owned()),
        width: Some(128),
        height: Some(128),
        steps: Some(10),
        number_results: Some(4),
        ..Task::new(Uuid::new_v4())
    };
    let request = Arc::new(resolve(&task, &One, EngineKind::Local, 1).unwrap());
    let id = request.task_uuid;
    let mut queue = Queue::default();
    let mut job = Job::new(request);
    job.owed.retain(|picture| owed(picture.index));
    queue.push(JobEntry::new(&job));
    (queue, id)
}

fn step(image: u32, done: u32) -> Progress {
    let grey = Picture::from_rgba(Extent::new(1, 1), vec![image as u8; 4]);
    Progress::Step { image, done, total: 10, preview: grey }
}

#[test]
fn pictures_that_take_their_steps_together_count_together() {
    let (mut queue, id) = queue();
    let start = Instant::now();
    for round in 1..=3 {
        let now = start + Duration::from_secs(u64::from(round));
        (0..4).for_each(|image| queue.receive(id, &step(image, round), now));
    }
    let job = queue.get(id).unwrap();
    assert_eq!(job.at_work(), 0..4);
    assert!((job.fraction() - 0.3).abs() < 1e-6, "{}", job.fraction());
    // A second for each round of four.
    assert_eq!(queue.time_left(job), Some(Duration::from_secs(7)));
    let (preview, count) = job.preview.as_ref().unwrap();
    assert_eq!((preview.rgba()[0], *count), (0, 2), "the first picture is watched");
}

#[test]
fn pictures_one_after_another_count_as_before() {
    let (mut queue, id) = queue();
    let start = Instant::now();
    for done in 1..=10 {
        queue.receive(id, &step(0, done), start + Duration::from_secs(u64::from(done)));
    }
    let job = queue.get(id).unwrap();
    assert_eq!(job.at_work(), 0..1);
    assert!((job.fraction() - 0.25).abs() < 1e-6);
    assert_eq!(queue.time_left(job), Some(Duration::from_secs(30)));
}
#[test]
fn a_resumed_job_counts_only_the_pictures_it_still_owes() {
    let (mut queue, id) = queue_of(|index| index >= 2);
    let start = Instant::now();
    for done in 1..=5 {
        queue.receive(id, &step(2, done), start + Duration::from_secs(u64::from(done)));
    }
    let job = queue.get(id).unwrap();
    assert_eq!((job.at_work(), job.pictures()), (0..1, 2));
    assert!((job.fraction() - 0.25).abs() < 1e-6, "{}", job.fraction());
    assert_eq!(queue.time_left(job), Some(Duration::from_secs(15)));
    let (preview, count) = job.preview.as_ref().unwrap();
    assert_eq!((preview.rgba()[0], *count), (2, 4), "the picture at work is watched");
    let end = start + Duration::from_secs(20);
    (6..=10).for_each(|done| queue.receive(id, &step(2, done), end));
    (1..=10).for_each(|done| queue.receive(id, &step(3, done), end));
    assert!((queue.get(id).unwrap().fraction() - 1.0).abs() < 1e-6);
}
