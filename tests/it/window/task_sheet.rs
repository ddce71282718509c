//! The task as JSON: it shows the form, changes it, and says where something is wrong.

use egui::{Key, Modifiers, Role};
use egui_kittest::kittest::Queryable as _;
use serde_json::{Value, json};

use super::PROMPT;
use crate::support::Window;

const TEXT: (Role, &str) = (Role::MultilineTextInput, "Task as JSON");

impl Window {
    fn task_text(&self) -> Value {
        serde_json::from_str(&self.app.state().state.view.task_sheet.text).unwrap()
    }
}

#[test]
fn the_sheet_shows_the_form_and_an_edit_changes_it() {
    let mut window = Window::open();
    window.app.key_press_modifiers(Modifiers::COMMAND, Key::J);
    window.app.run_steps(4);
    window.write(PROMPT, "a blue house");
    let task = window.task_text();
    assert_eq!(task[0]["positivePrompt"], "a blue house");
    assert_eq!((&task[0]["width"], &task[0]["outputFormat"]), (&json!(128), &json!("PNG")));

    let mut edited = task.clone();
    edited[0]["steps"] = json!(7);
    edited[0]["ttl"] = json!(90);
    window.write(TEXT, &edited.to_string());
    let draft = &window.app.state().state.draft;
    assert_eq!((draft.steps, draft.more.ttl, draft.width), (Some(7), Some(90), None));
    window.click("Back to the form as it was");
    assert_eq!(window.app.state().state.draft.steps, None);
    assert_eq!(window.task_text(), task);
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_the_form_stays() {
    let mut window = Window::open();
    window.click("Task as JSON");
    let before = window.app.state().state.draft.clone();
    window.write(TEXT, "[{\n  \"steps\": \"many\"\n}]");
    assert!(window.shows("Line 2, column 3: "));
    window.write(TEXT, "[{");
    assert!(window.shows("Line 1, column 2: This is not JSON"));
    assert_eq!(window.app.state().state.draft, before);
    window.click("Write the form's task again");
    assert_eq!(window.task_text()[0]["positivePrompt"], before.prompt);
}

#[test]
fn a_broken_task_with_whole_pictures_is_shortened_before_it_is_drawn() {
    let mut window = Window::open();
    window.click("Task as JSON");
    window.app.get_by_role_and_label(TEXT.0, TEXT.1).focus();
    window.app.run_steps(2);
    window.app.key_press_modifiers(Modifiers::COMMAND, Key::A);
    let picture = "QUJDREVG".repeat(400_000);
    let text =
        format!("[{{\n\"seedImage\": \"data:image/png;base64,{picture}\",\n\"steps\": \"9\" }}]");
    window.app.event(egui::Event::Paste(text.clone()));
    let start = std::time::Instant::now();
    window.app.run_steps(4);
    let sheet = &window.app.state().state.view.task_sheet;
    assert!(sheet.text.len() < 200, "{}", sheet.text.len());
    // Three megabytes take a minute to lay out in this build.
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
    assert!(window.shows("Line 3, column 1: "));
}

#[test]
fn numbers_beyond_all_bounds_are_shown_and_do_not_end_the_program() {
    let most = u32::MAX;
    let mut window = Window::open();
    window.start_from_picture(64, 64);
    let seed_image = window.state().draft.seed_image;
    let task = json!([{ "taskType": "imageInference", "positivePrompt": "x", "steps": most,
        "seedImage": seed_image,
        "width": most, "height": most,
        "refiner": { "model": "local:demo-outline@1", "startStepPercentage": most },
        "controlNet": [{ "model": "local:demo-control@1", "startStep": 1,
            "endStepPercentage": most }],
        "outpaint": { "top": most, "right": most, "bottom": most, "left": most } }]);
    window.app.event(egui::Event::Paste(task.to_string()));
    window.app.run_steps(4);
    window.click("Put into the form");
    window.click("Close the task");
    assert_eq!(window.state().draft.steps, Some(most));
    window.press("Refiner counted in step");
    let refiner = window.state().draft.stacks.refiner.as_ref().unwrap();
    assert!(refiner.says.start_step.is_some());
    assert!(window.state().draft.extends() && window.shows("Start picture."));
}

#[test]
fn a_task_that_is_pasted_on_the_window_is_offered() {
    let mut window = Window::open();
    let before = window.app.state().state.draft.clone();
    let task = json!([{ "taskType": "imageInference", "positivePrompt": "pasted", "steps": 9,
        "lora": [{ "model": "local:demo-outline@1", "weight": 0.5 }] }]);
    window.app.event(egui::Event::Paste("no task".to_owned()));
    window.app.run_steps(3);
    assert!(!window.app.state().state.view.task_sheet.open);
    window.app.event(egui::Event::Paste(task.to_string()));
    window.app.run_steps(4);
    assert!(window.shows("Pasted task"));
    assert_eq!(window.app.state().state.draft, before, "nothing changes unasked");
    window.click("Put into the form");
    let draft = &window.app.state().state.draft;
    assert_eq!((draft.prompt.as_str(), draft.steps), ("pasted", Some(9)));
    assert_eq!(draft.stacks.loras.len(), 1);
    window.click("Close the task");
    assert!(!window.shows("Close the task"));
}
