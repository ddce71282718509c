//! What actions refuse, and where they say so.

use super::*;
use crate::jobs::{
    Device, Event, Failure, FailureKind, Job, Owed, Progress, Status, Waiting, test_job,
};
use crate::library::Stop;
use crate::pixels::Extent;
use crate::state::JobEntry;
use crate::state::StartPicture;
use crate::task::EngineKind;
use std::sync::Arc;
use uuid::Uuid;

/// The newest notice, which says that something could not be done.
fn told(state: &State) -> &str {
    let notice = state.world.notices.last().unwrap();
    assert_eq!(notice.tone, Tone::Failed);
    &notice.text
}

#[test]
fn a_job_of_the_service_is_asked_for_where_it_was_sent() {
    let mut state = State::default();
    state.world.status = Status::Ready(Device { name: "CPU".to_owned(), fallback: None });
    let job = test_job("a fox");
    let service = Some("wss://elsewhere/v1".to_owned());
    state.world.waiting = vec![Waiting {
        id: job.id,
        engine: EngineKind::Remote,
        service: service.clone(),
        task: Arc::clone(&job.request.task),
        results: "/results".into(),
        owed: job.owed,
        finished: Vec::new(),
        deleted: Vec::new(),
        sent: true,
    }];
    let Some(Effect::Resume(jobs)) = state.apply(Action::ResumeWaiting) else { panic!() };
    assert_eq!((jobs[0].id, jobs[0].request.engine), (job.id, EngineKind::Remote));
    assert!(jobs[0].resumed && jobs[0].service == service);
    assert!(state.world.waiting.is_empty());
}

#[test]
fn what_the_service_may_have_is_asked_for_and_not_made_anew() {
    let mut state = State::default();
    let job = test_job("a fox");
    state.world.queue.push(JobEntry::new(&job));
    let lost = Failure::new(FailureKind::Interrupted, "the line is gone");
    state.receive(&Event { job: job.id, progress: Progress::Failed(lost) });
    let Some(Effect::Resume(jobs)) = state.apply(Action::Retry(job.id)) else { panic!() };
    assert_eq!((jobs[0].id, jobs[0].resumed), (job.id, true));
    assert_eq!(state.world.queue.jobs().len(), 1);
}

#[test]
fn each_engine_remembers_its_model_and_the_rest_of_the_form_stays() {
    let mut state = State::default();
    state.draft.model = Some("local:demo@1".to_owned());
    state.draft.prompt = "a fox".to_owned();
    state.apply(Action::UseEngine(EngineKind::Remote));
    assert_eq!(state.draft.model, None, "the service has no local model");
    state.draft.model = Some("runware:101@1".to_owned());
    state.apply(Action::UseEngine(EngineKind::Local));
    assert_eq!(state.draft.model.as_deref(), Some("local:demo@1"));
    state.apply(Action::UseEngine(EngineKind::Remote));
    assert_eq!(state.draft.model.as_deref(), Some("runware:101@1"));
    assert_eq!(state.draft.prompt, "a fox");
}

#[test]
fn over_the_limit_the_user_is_asked_and_the_others_wait() {
    let mut state = State::default();
    let jobs: Vec<Job> = ["a fox", "an owl"].iter().map(|prompt| test_job(prompt)).collect();
    state.world.engines.to_weigh = jobs.clone();
    assert!(state.weighed(None, Ok(Some(Stop::Unknown))).is_none());
    assert!(state.to_weigh().is_none(), "first the answer");
    assert!(state.world.queue.jobs().is_empty(), "nothing was sent");
    let sent = state.apply(Action::AnswerBudget(true));
    assert!(matches!(sent, Some(Effect::Submit(job)) if job.id == jobs[0].id));
    assert_eq!(state.to_weigh().map(|job| job.id), Some(jobs[1].id));
    assert!(state.weighed(None, Err("no ledger".to_owned())).is_none());
    assert!(state.apply(Action::AnswerBudget(false)).is_none());
    assert_eq!(state.world.queue.jobs().len(), 1);
}

#[test]
fn problems_of_another_task_are_told_and_are_none_of_the_forms() {
    // No model is there, so no task can be done.
    let mut state = State::default();
    let job = test_job("a fox");
    state.world.queue.push(JobEntry::new(&job));
    assert!(state.apply(Action::Retry(job.id)).is_none());
    assert!(!told(&state).is_empty());
    assert!(state.world.queue.get(job.id).is_some(), "it can be tried again");

    state.world.notices.clear();
    let task = (*job.request.task).clone();
    assert!(state.mask_drawn(task, EngineKind::Local, Uuid::from_u128(3)).is_none());
    assert!(!told(&state).is_empty());
    assert!(state.world.problems.is_empty());

    assert!(state.apply(Action::Generate).is_none());
    assert!(!state.world.problems.is_empty(), "these are the form's own");
}

#[test]
fn where_nothing_can_be_resumed_the_chosen_picture_stays() {
    let mut state = State::default();
    let task = Arc::clone(&test_job("a fox").request.task);
    let owed = vec![Owed { index: 0, image_uuid: Uuid::from_u128(1) }];
    let id = Uuid::from_u128(2);
    let results = "/results".into();
    state.world.waiting = vec![Waiting {
        id,
        engine: EngineKind::Local,
        service: None,
        task,
        results,
        owed,
        finished: Vec::new(),
        deleted: Vec::new(),
        sent: true,
    }];
    state.view.following = false;
    assert!(state.apply(Action::ResumeWaiting).is_none());
    assert!(told(&state).starts_with("Cannot be resumed"));
    assert!(!state.view.following && state.world.waiting.len() == 1);
}

#[test]
fn a_picture_that_grows_is_waited_for() {
    let mut state = State::default();
    let picture = Uuid::from_u128(9);
    state.draft.seed_image = Some(picture);
    state.draft.extension.right = Some(64);
    assert!(state.apply(Action::Generate).is_none());
    assert!(told(&state).contains("still being read"));
    assert!(state.world.problems.is_empty(), "nothing was tried");

    state.world.notices.clear();
    let extent = Extent::new(128, 128);
    state.world.set_start(picture, StartPicture::Here { path: "a.png".into(), extent });
    state.refresh(std::time::SystemTime::now());
    assert_eq!(state.draft.to_task(Uuid::nil()).width, Some(192));
    state.apply(Action::Generate);
    assert!(state.world.notices.is_empty());
}
