//! Switching between this machine and the service, whose part a real `latelier serve` plays.

use egui::{Key, Modifiers, Role};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use latelier::jobs::{FailureKind, MemoryAdvice, MemoryMode, MemoryNeed, Status};
use latelier::library::Home;
use latelier::pixels::Extent;
use latelier::state::{JobStatus, KeyStatus, State};
use latelier::task::EngineKind;

use super::GENERATE;
use crate::serve::{KEY, Served};
use crate::support::{Window, scratch};

const KEY_FIELD: (Role, &str) = (Role::PasswordInput, "API key");

fn is_ready(state: &State) -> bool {
    matches!(state.world.status, Status::Ready(_))
}

fn wants_key(state: &State) -> bool {
    matches!(&state.world.status, Status::Unavailable(failure) if failure.kind == FailureKind::KeyRefused)
}

/// A server, and a window that is switched to it with that key.
fn on_the_service(home: &Home, key: &str) -> (Window, Served) {
    let served = Served::start(&[]);
    let mut window = Window::open_in(home);
    window.click("Engine Remote");
    window.wait("the want of a key", wants_key);
    window.click("Enter a key");
    let address = format!("ws://{}/v1", served.address);
    window.write((Role::TextInput, "Remote address"), &address);
    window.write(KEY_FIELD, key);
    window.click("Keep");
    window.wait("the key", |state| matches!(state.world.engines.key, KeyStatus::Present(_)));
    window.wait("the service", is_ready);
    window.click("Close the sheet");
    choose_model(&mut window);
    (window, served)
}

/// Types the AIR of the demo model, which the server has too.
pub(super) fn choose_model(window: &mut Window) {
    window.click("Model");
    window.write((Role::TextInput, "Model of the service"), "local:demo@1");
    window.click("Use local:demo@1");
}

fn made(served: &Served) -> usize {
    std::fs::read_dir(served.home.results_dir()).map_or(0, Iterator::count)
}

#[test]
fn a_service_that_is_out_of_reach_is_told_while_it_is_tried_again() {
    let folder = scratch();
    let (mut window, mut served) = on_the_service(&Home::at(folder.path()), KEY);
    served.kill();
    window.click(GENERATE);
    window.wait_shown("no connection, trying again");
    window.wait_shown(&format!("{}: no connection", served.address));
    window.wait_shown(&format!("No connection to {}, trying again…", served.address));
    window.app.key_press(Key::Escape);
    window.wait("its end", |state| state.world.queue.jobs().is_empty());
    assert!(!window.shows("no connection"));
}

#[test]
fn the_service_draws_once_it_has_a_key_and_the_form_stays() {
    let folder = scratch();
    let home = Home::at(folder.path());
    let (mut window, served) = on_the_service(&home, KEY);
    let device = window.app.get_by_role(Role::Status).accesskit_node().label();
    assert_eq!(device.as_deref(), Some(served.address.as_str()), "what it really runs on");
    window.write(super::PROMPT, "a red apple");
    window.wait_shown("Cost not known yet");
    window.click(GENERATE);
    window.wait("the picture", |state| state.world.gallery.len() == 1);
    window.wait("the end", |state| state.world.queue.jobs().is_empty());
    assert_eq!(made(&served), 1, "the service made it");
    window.click("Engine Local");
    window.wait("this machine", is_ready);
    let state = &window.app.state().state;
    assert_eq!(state.draft.prompt, "a red apple");
    assert_eq!(state.draft.model.as_deref(), Some("local:demo@1"));
    window.wait_shown("of memory");
    window.click(GENERATE);
    window.wait("the second picture", |state| state.world.gallery.len() == 2);
    assert_eq!(made(&served), 1, "this machine made it");
    let settings = std::fs::read_to_string(home.settings_file()).unwrap_or_default();
    assert!(!settings.contains(KEY));
}

#[test]
fn a_refused_key_is_told_and_another_one_is_taken() {
    let folder = scratch();
    let (mut window, served) = on_the_service(&Home::at(folder.path()), "wrong-key-0815");
    window.click(GENERATE);
    window.wait("the refusal", |state| state.world.engines.refused.is_some());
    assert!(window.shows("The key was refused"));
    window.click("Dismiss");
    window.click("Enter a key");
    window.write(KEY_FIELD, KEY);
    window.click("Keep");
    window.wait("the service", is_ready);
    window.click("Close the sheet");
    window.click(GENERATE);
    window.wait("the picture", |state| state.world.gallery.len() == 1);
    assert_eq!(made(&served), 1);
}

#[test]
fn over_the_days_limit_nothing_is_sent_unasked() {
    let folder = scratch();
    let (mut window, served) = on_the_service(&Home::at(folder.path()), KEY);
    window.app.key_press_modifiers(Modifiers::COMMAND, Key::Comma);
    window.app.run_steps(3);
    window.write((Role::TextInput, "Daily limit in US dollars"), "0");
    window.click("Close the sheet");
    window.click(GENERATE);
    window.wait_shown("Send it all the same?");
    window.click("Do not send");
    assert!(window.app.state().state.world.queue.jobs().is_empty());
    window.click(GENERATE);
    window.wait_shown("Send it all the same?");
    assert_eq!(made(&served), 0);
    window.click("Send all the same");
    window.wait("the picture", |state| state.world.gallery.len() == 1);
}

#[test]
fn the_service_is_searched_for_models() {
    let folder = scratch();
    let (mut window, _served) = on_the_service(&Home::at(folder.path()), KEY);
    window.click("Model");
    window.write((Role::TextInput, "Model of the service"), "demo");
    let search = search_label(&window);
    window.click(&search);
    window.wait("what it has", |state| !state.world.engines.known.is_empty());
    let air = window.app.state().state.world.engines.known[0].air.to_string();
    assert_eq!(air, "local:demo@1");
}

/// The row that searches, which names the host.
fn search_label(window: &Window) -> String {
    let host = window.app.state().state.world.engines.service.clone();
    format!("Search {host} for “demo”")
}

#[test]
fn a_job_of_the_service_goes_on_there_after_a_restart() {
    let folder = scratch();
    let home = Home::at(folder.path());
    let (mut window, served) = on_the_service(&home, KEY);
    window.app.get_by_role_and_label(Role::SpinButton, "Steps").set_value_accesskit(40.0);
    window.app.run_steps(2);
    window.click("Results 4");
    window.click(GENERATE);
    let begun = |state: &State| {
        state.world.queue.jobs().first().is_some_and(|job| job.status == JobStatus::Loading)
    };
    window.wait("its turn", begun);
    while made(&served) == 0 {
        window.app.step();
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    drop(window);

    let mut window = Window::open_in(&home);
    window.wait("what waited", |state| !state.world.waiting.is_empty());
    assert_eq!(window.app.state().state.world.waiting[0].engine, EngineKind::Remote);
    window.click("Resume");
    window.wait("all pictures", |state| {
        state.world.gallery.len() == 4 && state.world.queue.jobs().is_empty()
    });
    assert_eq!(made(&served), 4, "nothing was made twice");
}

#[test]
fn over_the_days_limit_nothing_that_was_not_sent_is_resumed_unasked() {
    let folder = scratch();
    let home = Home::at(folder.path());
    let (mut window, served) = on_the_service(&home, KEY);
    window.click("Results 2");
    window.click(GENERATE);
    let begun = |state: &State| {
        state.world.queue.jobs().first().is_some_and(|job| job.status == JobStatus::Loading)
    };
    window.wait("its turn", begun);
    drop(window);
    // As far as the journal knows it waited for its turn.
    let entries = std::fs::read_dir(home.journal_dir()).unwrap().map(|entry| entry.unwrap().path());
    for file in entries.filter(|file| file.extension().is_some_and(|it| it == "json")) {
        let mut entry: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        entry.as_object_mut().unwrap().remove("sent");
        std::fs::write(&file, entry.to_string()).unwrap();
    }

    let mut window = Window::open_in(&home);
    window.wait("what waited", |state| !state.world.waiting.is_empty());
    window.app.state_mut().state.preferences.daily_limit = Some(0.0);
    window.click("Resume");
    window.wait_shown("Send it all the same?");
    assert!(window.shows(&format!("2 pictures from {}", served.address)));
    window.click("Do not send");
    let state = &window.app.state().state;
    assert_eq!((state.world.waiting.len(), state.world.queue.jobs().len()), (1, 0));
    window.click("Resume");
    window.wait_shown("Send it all the same?");
    window.click("Send all the same");
    window.wait("both pictures", |state| {
        state.world.gallery.len() == 2 && state.world.queue.jobs().is_empty()
    });
    assert_eq!(made(&served), 2, "nothing was made twice");
}

#[test]
fn a_service_that_refused_the_key_says_nothing_of_another_one() {
    let folder = scratch();
    let (mut window, _first) = on_the_service(&Home::at(folder.path()), "wrong-key-0815");
    window.click(GENERATE);
    window.wait("the refusal", wants_key);
    let second = Served::start(&[]);
    window.app.key_press_modifiers(Modifiers::COMMAND, Key::Comma);
    window.app.run_steps(3);
    assert!(window.shows("was refused"));
    let address = format!("ws://{}/v1", second.address);
    window.write((Role::TextInput, "Remote address"), &address);
    window.wait("the other one", is_ready);
    assert!(!window.shows("The key in the file was refused"));
}

#[test]
fn what_does_not_fit_into_memory_is_told_before_with_what_to_change() {
    let mut window = Window::open();
    window.app.get_by_role_and_label(Role::SpinButton, "Width").set_value_accesskit(512.0);
    window.app.run_steps(2);
    let foreseen = |state: &State| state.world.engines.outlook().is_some();
    window.wait("the forecast", foreseen);
    assert!(window.shows("of memory"));
    // No machine of a test is too small for the demo model.
    let outlook = window.app.state_mut().state.world.engines.outlook.as_mut().unwrap();
    let size = Extent::new(256, 128);
    outlook.memory = Some(MemoryNeed {
        mode: MemoryMode::LowMemory,
        peak: 64 << 30,
        available: Some(8 << 30),
        advice: vec![MemoryAdvice::Size(size, 4 << 30)],
    });
    window.app.run_steps(2);
    assert!(window.shows("Needs 64.0 GiB, 8.0 GiB free"));
    assert!(!window.shows("Send to remote"), "the service has no local model");
    let advice = |window: &mut Window, advice| {
        let outlook = window.app.state_mut().state.world.engines.outlook.as_mut().unwrap();
        outlook.memory.as_mut().unwrap().advice = advice;
        window.app.run_steps(2);
    };
    advice(&mut window, Vec::new());
    assert!(window.shows("Needs 64.0 GiB"));
    assert!(!window.shows("Send to remote"), "nor has it one where nothing else helps");
    advice(&mut window, vec![MemoryAdvice::Size(size, 4 << 30)]);
    window.click("Use 256 × 128");
    assert_eq!(window.app.state().state.draft.width, Some(256));
    window.wait("the new forecast", foreseen);
    assert!(window.shows("of memory"));
}
