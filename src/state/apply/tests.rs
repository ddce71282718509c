//! What actions refuse, and where they say so.

use super::*;
use crate::jobs::{
    Device, Event, Failure, FailureKind, Job, Owed, Progress, Status, Waiting, test_job,
};
use crate::library::{Stop, Weighed};
use crate::pixels::{Extent, Mask};
use crate::state::{JobEntry, Parcel, StartPicture};
use crate::task::EngineKind;
use std::sync::Arc;
use uuid::Uuid;

mod retry;

/// So many jobs of unknown cost that nothing stops.
fn unknown(jobs: usize) -> Weighed {
    Weighed { prices: vec![None; jobs], stop: None }
}

/// So many jobs that must not be sent unasked.
fn stopped(jobs: usize) -> Weighed {
    Weighed { stop: Some(Stop::Unknown), ..unknown(jobs) }
}

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
    assert!(state.apply(Action::ResumeWaiting).is_none(), "first it is weighed");
    state.apply(Action::ResumeWaiting);
    let Some(Effect::Submit(jobs)) = state.weighed(Ok(unknown(1))) else { panic!() };
    assert_eq!((jobs[0].id, jobs[0].request.engine), (job.id, EngineKind::Remote));
    assert!(jobs[0].resumed && jobs[0].service == service);
    assert!(state.world.waiting.is_empty() && state.to_weigh().is_none(), "once");
}

#[test]
fn what_the_service_may_have_is_asked_for_and_not_made_anew() {
    let mut state = State::default();
    let job = test_job("a fox");
    state.world.queue.push(JobEntry::new(&job));
    let lost = Failure::new(FailureKind::Interrupted, "the line is gone");
    state.receive(&Event { job: job.id, progress: Progress::Failed(lost) });
    let Some(Effect::Submit(jobs)) = state.apply(Action::Retry(job.id)) else { panic!() };
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
    let parcel = |job: &Job| Parcel { jobs: vec![job.clone()], retried: None };
    state.world.engines.to_weigh = jobs.iter().map(parcel).collect();
    assert!(state.weighed(Ok(stopped(1))).is_none());
    assert!(state.to_weigh().is_none(), "first the answer");
    assert!(state.world.queue.jobs().is_empty(), "nothing was sent");
    let sent = state.apply(Action::AnswerBudget(true));
    assert!(matches!(sent, Some(Effect::Submit(sent)) if sent[0].id == jobs[0].id));
    assert_eq!(state.to_weigh().and_then(Parcel::id), Some(jobs[1].id));
    assert!(state.weighed(Err("no ledger".to_owned())).is_none());
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

/// A form whose mask is painted, and whether its pixels are here.
fn with_mask(here: bool) -> State {
    let mut state = State::default();
    let (picture, extent) = (Uuid::from_u128(9), Extent::new(128, 128));
    state.draft.seed_image = Some(picture);
    state.world.set_start(picture, StartPicture::Here { path: "a.png".into(), extent });
    state.refresh(std::time::SystemTime::now());
    if here {
        state.painting.hand_out(Some(extent)).unwrap().replace(Mask::even(extent, 255));
        state.refresh(std::time::SystemTime::now());
    } else {
        state.draft.mask.shape = crate::state::MaskShape::Painted;
    }
    assert!(state.draft.repaints());
    state
}

#[test]
fn what_the_service_refuses_of_a_drawn_mask_is_none_of_the_local_forms_problems() {
    let mut state = with_mask(true);
    assert!(state.apply(Action::GenerateRemotely).is_none());
    assert!(!told(&state).is_empty());
    assert!(state.world.problems.is_empty());
    assert!(state.apply(Action::Generate).is_none());
    assert!(!state.world.problems.is_empty(), "these are the form's own");
}

#[test]
fn a_mask_whose_pixels_are_not_here_yet_is_waited_for_in_words() {
    let mut state = with_mask(false);
    assert!(!state.painting.is_waiting(), "it was not even asked for");
    assert!(state.apply(Action::Generate).is_none());
    assert!(told(&state).contains("mask is still being read"), "{}", told(&state));
}

#[test]
fn a_key_that_one_service_refused_may_be_right_for_another() {
    let mut state = State::default();
    state.preferences.engine = EngineKind::Remote;
    state.preferences.remote_address = "ws://127.0.0.1:1".to_owned();
    let mut job = test_job("a fox");
    Arc::make_mut(&mut job.request).engine = EngineKind::Remote;
    job.service = Some(state.preferences.remote().service());
    state.world.queue.push(JobEntry::new(&job));
    let refused = Failure::new(FailureKind::KeyRefused, "no");
    state.receive(&Event { job: job.id, progress: Progress::Failed(refused) });
    let ready = Status::Ready(Device { name: "service".to_owned(), fallback: None });
    state.set_status(ready.clone());
    assert!(
        matches!(&state.world.status, Status::Unavailable(failure) if failure.headline == "no")
    );
    state.preferences.remote_address = "ws://127.0.0.1:2".to_owned();
    state.set_status(ready.clone());
    assert_eq!(state.world.status, ready);
}

#[test]
fn a_search_that_comes_late_is_not_shown() {
    use crate::state::{ModelSearch, ModelsFound};
    let mut state = State::default();
    let search = |state: &mut State, words: &str| -> ModelSearch {
        words.clone_into(&mut state.view.sheets.model_words);
        let Some(Effect::SearchModels(search)) = state.apply(Action::SearchModels) else {
            panic!()
        };
        search
    };
    let (first, second) = (search(&mut state, "fox"), search(&mut state, "owl"));
    let late = || Err(Failure::new(FailureKind::Busy, "too late"));
    state.set_found(&first, late());
    assert_eq!(state.world.engines.found, ModelsFound::Searching(second.clone()));
    state.set_found(&second, Ok(Vec::new()));
    state.set_found(&first, late());
    assert_eq!(state.world.engines.found, ModelsFound::Found(Vec::new()));
    let third = search(&mut state, "owl");
    state.preferences.remote_address = "ws://127.0.0.1:2".to_owned();
    state.set_found(&third, Ok(Vec::new()));
    assert_eq!(state.world.engines.found, ModelsFound::Nothing, "another service has other models");
}

#[test]
fn the_running_job_that_was_clicked_is_the_one_on_the_canvas() {
    let mut state = State::default();
    let jobs = ["a fox", "an owl"].map(test_job);
    for job in &jobs {
        state.world.queue.push(JobEntry::new(job));
        let device = Device { name: "test".to_owned(), fallback: None };
        state.receive(&Event { job: job.id, progress: Progress::Started { device } });
    }
    let shown = |state: &State| state.world.on_canvas(&state.draft, &state.view);
    assert_eq!(shown(&state), crate::state::OnCanvas::Job(jobs[0].id));
    state.apply(Action::Watch(jobs[1].id));
    assert_eq!(shown(&state), crate::state::OnCanvas::Job(jobs[1].id));
    state.receive(&Event { job: jobs[1].id, progress: Progress::Finished });
    assert_eq!(shown(&state), crate::state::OnCanvas::Job(jobs[0].id), "it ended");
}
