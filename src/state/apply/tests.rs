//! What actions refuse, and where they say so.

use super::*;
use crate::jobs::{Device, Owed, Waiting, test_job};
use crate::pixels::Extent;
use crate::state::StartPicture;

/// The newest notice, which says that something could not be done.
fn told(state: &State) -> &str {
    let notice = state.world.notices.last().unwrap();
    assert_eq!(notice.tone, Tone::Failed);
    &notice.text
}

#[test]
fn a_job_of_the_service_is_not_made_on_this_machine() {
    let mut state = State::default();
    state.world.status = Status::Ready(Device { name: "CPU".to_owned(), fallback: None });
    let job = test_job("a fox");
    let waiting = Waiting {
        id: job.id,
        engine: EngineKind::Remote,
        service: None,
        task: Arc::clone(&job.request.task),
        results: "/results".into(),
        owed: job.owed,
        finished: Vec::new(),
    };
    state.world.waiting = vec![waiting.clone()];
    assert!(state.apply(Action::ResumeWaiting).is_none());
    assert!(told(&state).contains("--resume"), "{}", told(&state));
    assert_eq!(state.world.waiting, [waiting]);
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
    assert!(state.mask_drawn(task, Uuid::from_u128(3)).is_none());
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
