//! Rarely used rows: folded, counted, greyed with the reason, and complete for the service.

use latelier::task::{OutputFormat, OutputType};
use uuid::Uuid;

use crate::support::Window;

#[test]
fn what_the_model_or_the_machine_does_not_take_is_faint_and_says_so() {
    let mut window = Window::open();
    assert!(window.shows("not for SD 1.x models"), "the refiner");
    assert!(!window.shows("CLIP skip"));
    window.press("More");
    assert!(!window.is_disabled("DeepCache"));
    for name in ["TeaCache", "Transparent background", "PuLID", "ACE++"] {
        assert!(window.is_disabled(name), "{name}");
    }
    for reason in [
        "TeaCache: not for SD 1.x models",
        "Transparency: not for SD 1.x models",
        "PuLID: not for SD 1.x models",
        "VAE: not yet on this machine",
        "Webhook: not yet on this machine",
    ] {
        assert!(window.shows(reason), "{reason}");
    }
}

#[test]
fn rows_that_are_set_are_counted_and_stand_in_the_task() {
    let mut window = Window::open();
    window.press("More");
    window.set("CLIP skip", 2.0);
    window.press("Format JPG");
    window.press("Answer as base64");
    window.press("Include the cost");
    assert!(window.shows("More, 4 set"));
    let task = window.app.state().state.draft.to_task(Uuid::nil());
    assert_eq!((task.clip_skip, task.include_cost), (Some(2), Some(true)));
    assert_eq!(task.output_format, Some(OutputFormat::Jpg));
    assert_eq!(task.output_type, Some(OutputType::Base64Data));
    window.press("CLIP skip: back to 0");
    window.press("Include the cost");
    window.press("Answer as URL");
    window.press("Format PNG");
    assert_eq!(window.app.state().state.draft.more.count(), 0);
    window.press("More");
    assert!(!window.shows("Include the cost"));
}

#[test]
fn a_wrong_key_leaves_the_time_to_live_as_it_was() {
    let mut window = Window::open();
    window.app.state_mut().state.draft.more.ttl = Some(90);
    window.app.run_steps(2);
    window.press("More, 1 set");
    for (typed, wanted) in [("90s", Some(90)), ("s", Some(90)), ("120", Some(120)), ("", None)] {
        window.write((egui::Role::TextInput, "Time to live"), typed);
        assert_eq!(window.app.state().state.draft.more.ttl, wanted, "{typed:?}");
    }
}

/// What was set for another model can be taken back where this one refuses it.
#[test]
fn what_is_set_and_refused_can_be_taken_back() {
    let mut window = Window::open();
    let face = latelier::task::PuLid::default();
    window.app.state_mut().state.draft.stacks.pu_lid = Some(face.into());
    window.app.run_steps(3);
    assert!(window.is_disabled("Generate 128 × 128"));
    window.press("More, 1 set");
    assert!(!window.is_disabled("PuLID"));
    window.press("PuLID");
    assert!(window.is_disabled("PuLID") && !window.is_disabled("Generate 128 × 128"));
}

#[test]
fn any_number_of_results_up_to_twenty_can_be_asked_for() {
    let mut window = Window::open();
    window.set("Number of results", 7.0);
    assert_eq!(window.app.state().state.draft.number_results, Some(7));
    window.set("Number of results", 70.0);
    assert_eq!(window.app.state().state.draft.number_results, Some(20));
}

#[test]
fn what_a_task_brought_along_and_nobody_knows_is_shown_and_can_be_left_out() {
    let mut window = Window::open();
    let extra = &mut window.app.state_mut().state.draft.more.extra;
    extra.insert("safety".to_owned(), serde_json::json!({ "checkContent": true }));
    window.app.run_steps(3);
    window.press("More, 1 set");
    assert!(window.shows("safety: {"));
    window.press("Leave out safety");
    assert!(window.app.state().state.draft.more.extra.is_empty());
}
