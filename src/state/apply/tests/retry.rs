//! What is done once more, what that leaves of what is there, and what it may cost.

use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::jobs::{ImageRecord, JournalEntry, RemoteWish};
use crate::library::Estimate;
use crate::pixels::Picture;
use crate::task::{Task, resolve};

/// A state that knows the test's model, with a job of so many pictures, its seed 50, that the engine has.
fn with_job(engine: EngineKind, pictures: u32) -> (State, Job) {
    let mut state = State::default();
    let one = test_job("a fox");
    state.set_models(Arc::new(vec![Arc::clone(&one.request.model)]));
    let number_results = Some(pictures);
    let task = Task { number_results, seed: Some(50), ..Task::clone(&one.request.task) };
    let mut job = Job::new(Arc::new(resolve(&task, &state.world, engine, 7).unwrap()));
    if engine == EngineKind::Remote {
        job.service = Some(RemoteWish::SERVICE.to_owned());
    }
    state.world.queue.push(JobEntry::new(&job));
    (state, job)
}

/// The engine has finished that picture; whether it could be saved.
fn made(state: &mut State, job: &Job, index: u32, saved: bool) {
    let record = ImageRecord {
        image_uuid: job.owed[index as usize].image_uuid,
        request: Arc::clone(&job.request),
        index,
        seed: Some(1),
        file: None,
        cost: None,
        picture: Picture::from_fn(Extent::new(1, 1), |_, _| [0; 4]),
        nsfw: None,
        path: saved.then(|| PathBuf::from("made.png")),
        elapsed: Duration::ZERO,
        speed_up: None,
    };
    state.receive(&Event { job: job.id, progress: Progress::Image(Arc::new(record)) });
}

fn failed(state: &mut State, job: &Job, kind: FailureKind) {
    let failure = Failure::new(kind, "it failed");
    state.receive(&Event { job: job.id, progress: Progress::Failed(failure) });
}

fn indices(pictures: &[Owed]) -> Vec<u32> {
    pictures.iter().map(|owed| owed.index).collect()
}

#[test]
fn a_retry_makes_only_what_is_not_there() {
    let (mut state, job) = with_job(EngineKind::Local, 4);
    made(&mut state, &job, 0, true);
    made(&mut state, &job, 1, false);
    made(&mut state, &job, 2, true);
    failed(&mut state, &job, FailureKind::Save);
    let Some(Effect::Submit(jobs)) = state.apply(Action::Retry(job.id)) else { panic!() };
    let retried = &jobs[0];
    assert_ne!(retried.id, job.id, "the journal strikes the failed one out");
    assert_eq!((indices(&retried.owed), indices(&retried.finished)), (vec![1, 3], vec![0, 2]));
    assert_eq!(retried.request.seed, 50, "the same pictures");
    assert_eq!(state.world.queue.jobs().len(), 1);

    // What is written down of it is whole, and what lies on disk is not owed after a crash.
    let json = serde_json::to_vec(&JournalEntry::of(retried, "/results".into())).unwrap();
    let there = |image: Uuid| {
        let is_there = retried.finished.iter().any(|owed| owed.image_uuid == image);
        is_there.then(|| PathBuf::from("made.png"))
    };
    let waiting = JournalEntry::read(&json).unwrap().waiting(there, |_| false);
    assert_eq!(waiting.owed, retried.owed);
}

#[test]
fn a_retry_pays_only_for_what_is_not_there() {
    for (there, seed, number) in [(&[0_u32, 1][..], Some(52), 2), (&[1], None, 3)] {
        let (mut state, job) = with_job(EngineKind::Remote, 4);
        for index in there {
            made(&mut state, &job, *index, true);
        }
        failed(&mut state, &job, FailureKind::Content);
        assert!(state.apply(Action::Retry(job.id)).is_none());
        let task = &state.to_weigh().unwrap().jobs[0].request.task;
        assert_eq!(task.number_results, Some(number));
        assert!(task.seed.is_some_and(|drawn| seed.map_or(drawn != 50, |seed| seed == drawn)));
    }
}

#[test]
fn where_everything_is_on_disk_nothing_is_tried_again() {
    let (mut state, job) = with_job(EngineKind::Local, 1);
    made(&mut state, &job, 0, true);
    failed(&mut state, &job, FailureKind::Upload);
    assert!(!state.world.queue.get(job.id).unwrap().owes(), "no button");
    assert!(state.apply(Action::Retry(job.id)).is_none());
    assert!(state.world.queue.get(job.id).is_some());
}

#[test]
fn a_retry_that_is_not_sent_leaves_the_card() {
    let (mut state, job) = with_job(EngineKind::Remote, 1);
    failed(&mut state, &job, FailureKind::Busy);
    state.apply(Action::Retry(job.id));
    state.apply(Action::Retry(job.id));
    assert!(state.weighed(Ok(stopped(1))).is_none());
    state.apply(Action::AnswerBudget(false));
    assert!(state.to_weigh().is_none(), "asked for twice, weighed once");
    assert!(state.world.queue.get(job.id).is_some());
    state.apply(Action::Retry(job.id));
    let Some(Effect::Submit(jobs)) = state.weighed(Ok(unknown(1))) else { panic!() };
    assert_eq!(jobs[0].service.as_deref(), Some(RemoteWish::SERVICE));
    let cards: Vec<_> = state.world.queue.jobs().iter().map(|job| job.id).collect();
    assert_eq!(cards, [jobs[0].id]);
}

#[test]
fn an_interrupted_job_keeps_the_price_of_what_it_owes() {
    let (mut state, job) = with_job(EngineKind::Remote, 4);
    state.world.queue.remove(job.id);
    let price = Estimate { low: 0.4, high: 0.8 };
    state.give_away(vec![(job.clone(), Some(price))]);
    made(&mut state, &job, 0, true);
    failed(&mut state, &job, FailureKind::Interrupted);
    state.apply(Action::Retry(job.id));
    let promised = state.promised();
    assert!(!promised.unknown && (promised.usd - 0.6).abs() < 1e-9, "{promised:?}");
}

/// Three jobs of the service as a start finds them: the first has a picture, so it was sent.
fn left_behind() -> State {
    let (mut state, job) = with_job(EngineKind::Remote, 2);
    state.world.queue.remove(job.id);
    state.world.waiting = (0..3)
        .map(|number| {
            let id = Uuid::new_v4();
            let task = Task { task_uuid: Some(id.to_string()), ..Task::clone(&job.request.task) };
            let (finished, owed) = job.owed.split_at(usize::from(number == 0));
            Waiting {
                id,
                engine: EngineKind::Remote,
                service: job.service.clone(),
                task: Arc::new(task),
                results: "/results".into(),
                owed: owed.to_vec(),
                finished: finished.iter().map(|owed| (*owed, "made.png".into())).collect(),
                deleted: Vec::new(),
                sent: false,
            }
        })
        .collect();
    state
}

#[test]
fn what_is_resumed_is_asked_about_once_and_keeps_waiting_when_it_is_not_sent() {
    let mut state = left_behind();
    let ids: Vec<Uuid> = state.world.waiting.iter().map(|waiting| waiting.id).collect();
    assert!(state.apply(Action::ResumeWaiting).is_none());
    let Some(Effect::Submit(sent)) = state.weighed(Ok(unknown(1))) else { panic!() };
    assert_eq!((sent.len(), sent[0].id), (1, ids[0]), "it is paid for in any case");
    assert!(state.weighed(Ok(stopped(2))).is_none());
    let question = state.world.engines.question.as_ref().unwrap();
    assert_eq!((question.parcel.pictures(), question.parcel.hosts().as_str()), (4, "Runware"));
    state.apply(Action::AnswerBudget(false));
    assert_eq!(state.world.waiting.len(), 2, "they are in the journal still");
    assert_eq!(state.world.queue.jobs().len(), 1);

    state.apply(Action::ResumeWaiting);
    let price = Estimate { low: 0.1, high: 0.2 };
    let prices = vec![Some(price), Some(price)];
    let stop = Some(Stop::Unknown);
    state.weighed(Ok(Weighed { prices, stop }));
    let all = state.world.engines.question.as_ref().unwrap().estimate().unwrap();
    assert!((all.high - 0.4).abs() < 1e-9);
    let Some(Effect::Submit(jobs)) = state.apply(Action::AnswerBudget(true)) else { panic!() };
    assert_eq!(jobs.iter().map(|job| job.id).collect::<Vec<_>>(), ids[1..]);
    assert!(state.world.waiting.is_empty() && state.world.queue.get(ids[1]).is_some());
}

#[test]
fn what_is_discarded_while_it_is_weighed_is_not_sent() {
    let mut state = left_behind();
    state.world.waiting.remove(0);
    state.apply(Action::ResumeWaiting);
    assert!(matches!(state.apply(Action::DiscardWaiting), Some(Effect::Discard(_))));
    assert!(state.weighed(Ok(unknown(2))).is_none());
    assert!(state.world.queue.jobs().is_empty());
}
