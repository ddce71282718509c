//! The window as its users meet it: by the names of its controls.

mod canvas;
mod engine_bar;
mod extend;
mod gallery;
mod kept_mask;
#[cfg(unix)]
mod killed;
mod mask;
mod metadata;
mod meter;
mod models;
mod more;
mod pointer;
mod prompt;
mod queue;
mod settings;
mod shortcuts;
mod stacks;
mod start;
mod task_sheet;
mod trash;
mod walk;

use egui::{Key, Modifiers, Role};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use latelier::state::JobStatus;

use crate::support::{Window, golden, scratch};

const PROMPT: (Role, &str) = (Role::MultilineTextInput, "Prompt");
const GENERATE: &str = "Generate 128 × 128";

#[test]
fn at_first_start_a_prompt_that_works_is_there_and_examples_are_offered() {
    let mut window = Window::open();
    let examples = window.app.state().state.world.checkpoints().next().unwrap().examples.clone();
    assert_eq!(window.app.state().state.draft.prompt, examples[0]);
    assert!(window.shows("No picture yet"));
    window.click(&format!("Use the prompt: {}", examples[2]));
    assert_eq!(window.app.state().state.draft.prompt, examples[2]);
    assert!(!window.is_disabled(GENERATE));
}

#[test]
fn a_prompt_becomes_a_picture_in_the_gallery() {
    let mut window = Window::open();
    window.write(PROMPT, "a blue house");
    window.click(GENERATE);
    window.wait("the picture", |state| {
        state.world.gallery.len() == 1 && state.world.queue.jobs().is_empty()
    });
    window.app.get_by_role_and_label(Role::ListBoxOption, "Picture 1: a blue house");
    assert!(window.shows("Picture. a blue house"), "it is on the canvas");
    let state = &window.app.state().state;
    let entry = state.world.gallery.newest().unwrap();
    assert!(entry.path.as_ref().is_some_and(|path| path.is_file()));
    assert_eq!(entry.task().unwrap().seed, state.draft.seed, "the drawn seed is shown");
    assert!(!state.draft.seed_locked);
    assert!(window.shows("1 picture on this CPU, "), "the time is told once it was measured");
}

#[test]
fn a_picture_chosen_meanwhile_stays_on_the_canvas() {
    let mut window = Window::open();
    window.click(GENERATE);
    window.wait("the first", |state| state.world.gallery.len() == 1);
    let first = window.app.state().state.world.gallery.newest().unwrap().image_uuid;
    window.click("Results 2");
    window.click(GENERATE);
    window.wait("a step", |state| state.world.queue.running().is_some());
    assert!(window.shows("Preview."));
    let name = format!("Picture 1: {}", window.app.state().state.draft.prompt);
    window.app.get_by_role_and_label(Role::ListBoxOption, &name).click();
    window.wait("the rest", |state| state.world.gallery.len() == 3);
    assert_eq!(window.app.state().state.view.selected, Some(first));
}

#[test]
fn ctrl_l_writes_in_the_prompt_even_when_the_form_is_folded() {
    let mut window = Window::open();
    window.click("Fold the form");
    window.wait("the fold", |state| !state.view.form_open);
    window.app.key_press_modifiers(Modifiers::COMMAND, Key::L);
    window.app.run_steps(20);
    assert!(window.app.get_by_role_and_label(PROMPT.0, PROMPT.1).is_focused());
}

#[test]
fn ctrl_enter_generates_even_while_writing() {
    let mut window = Window::open();
    window.app.get_by_role_and_label(PROMPT.0, PROMPT.1).focus();
    window.app.run_steps(2);
    window.app.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    window.wait("the picture", |state| state.world.gallery.len() == 1);
    assert!(!window.app.state().state.draft.prompt.contains('\n'));
}

#[test]
fn a_running_job_shows_steps_and_ends_when_cancelled() {
    let mut window = Window::open();
    window.click("Results 8");
    window.click(GENERATE);
    let runs = |status: &JobStatus| matches!(status, JobStatus::Running { done, .. } if *done > 2);
    window.wait("a step", |state| state.world.queue.running().is_some_and(|job| runs(&job.status)));
    assert!(window.shows("Preview. Picture 1–4 of 8, step"));
    window.click("Cancel job");
    window.wait("the end", |state| state.world.queue.jobs().is_empty());
    assert!(window.app.state().state.world.gallery.len() < 8);
}

#[test]
fn escape_cancels_and_a_waiting_job_leaves_at_once() {
    let mut window = Window::open();
    window.click("Results 8");
    window.click(GENERATE);
    window.click(GENERATE);
    window.wait("a step", |state| state.world.queue.running().is_some());
    assert_eq!(window.app.state().state.world.queue.jobs().len(), 2);
    let waiting = window.app.state().state.world.queue.jobs()[1].id;
    window.app.get_all_by_label("Cancel job").last().unwrap().click();
    window.wait("one job less", move |state| state.world.queue.get(waiting).is_none());
    window.app.key_press(Key::Escape);
    window.wait("the end", |state| state.world.queue.jobs().is_empty());
}

#[test]
fn a_size_off_the_grid_is_shown_at_its_control_and_not_made() {
    let mut window = Window::open();
    window.app.get_by_role_and_label(Role::SpinButton, "Width").set_value_accesskit(100.0);
    window.app.run_steps(3);
    assert!(window.is_disabled("Generate 100 × 128"));
    assert!(window.shows("Width: 128 to 2048 in steps of 64"), "the message stands under the size");
    window.app.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    window.app.run_steps(3);
    assert!(window.app.state().state.world.queue.jobs().is_empty());
    window.click("Size: back to 128 × 128");
    assert!(!window.is_disabled(GENERATE));
}

#[test]
fn all_settings_of_a_picture_come_back() {
    let mut window = Window::open();
    window.write(PROMPT, "a green car");
    window.write((Role::TextInput, "Seed"), "77");
    window.app.get_by_role_and_label(Role::SpinButton, "Steps").set_value_accesskit(7.0);
    window.app.run_steps(2);
    window.click("Results 2");
    window.click(GENERATE);
    window.wait("both pictures", |state| {
        state.world.gallery.len() == 2 && state.world.queue.jobs().is_empty()
    });
    let made = window.app.state().state.draft.clone();

    window.write(PROMPT, "something else");
    window.click("Steps: back to 20");
    window.click("Unlock the seed");
    window.click("Result 2");
    window.click("Reuse all settings");
    let draft = &window.app.state().state.draft;
    assert_eq!((draft.prompt.as_str(), draft.steps), ("a green car", made.steps));
    assert_eq!(
        (draft.seed, draft.seed_locked),
        (Some(78), true),
        "the seed of exactly this picture"
    );
}

#[test]
fn a_failed_job_keeps_its_card_until_it_is_dismissed() {
    let models = scratch();
    let file = golden("tiny-sd1/model.safetensors");
    // Without its config it is taken for SD 1.x and does not fit, which is seen when it is opened.
    std::fs::copy(file, models.path().join("misfit.safetensors")).unwrap();
    let mut window = Window::open_with_models(models.path());
    window.app.state_mut().state.draft.model = Some("local:misfit@1".to_owned());
    window.write(PROMPT, "a vase");
    window.click("Generate 512 × 512");
    let failed = |status: &JobStatus| matches!(status, JobStatus::Failed(_));
    window.wait("the failure", |state| {
        state.world.queue.jobs().iter().any(|job| failed(&job.status))
    });
    assert!(window.shows("shape"));
    window.click("Retry");
    window.wait("the second failure", |state| {
        state.world.queue.jobs().iter().any(|job| failed(&job.status))
    });
    window.click("Dismiss");
    assert!(window.app.state().state.world.queue.jobs().is_empty());
    assert!(!window.shows("shape"));
}

#[test]
fn without_an_engine_the_window_says_what_to_do() {
    let mut window = Window::open_without_runtime();
    window.wait("the status", |state| {
        matches!(state.world.status, latelier::jobs::Status::Unavailable(_))
    });
    let alert = window.app.query_all_by_role(Role::Alert).next().unwrap();
    let sentence = alert.accesskit_node().label().unwrap();
    assert!(sentence.contains("ORT_DYLIB_PATH"), "{sentence}");
    assert!(window.is_disabled(GENERATE));
}

#[test]
fn an_empty_prompt_is_no_reproach_but_cannot_be_made() {
    let mut window = Window::open();
    window.write(PROMPT, "");
    assert!(window.is_disabled(GENERATE));
    assert!(window.shows("Write what to draw first"));
}

#[test]
fn pictures_are_found_again_after_a_restart_by_word_and_by_arrow_key() {
    let folder = scratch();
    let home = latelier::library::Home::at(folder.path());
    let mut window = Window::open_in(&home);
    for prompt in ["a red fox", "a red car", "a snowman"] {
        window.write(PROMPT, prompt);
        let before = window.app.state().state.world.gallery.len();
        window.click(GENERATE);
        window.wait("the picture", move |state| state.world.gallery.len() > before);
    }
    drop(window);

    let mut window = Window::open_in(&home);
    assert_eq!(window.app.state().state.draft.prompt, "a snowman", "the form is as it was left");
    window.wait("all tasks", |state| {
        (0..3).all(|place| state.world.gallery.shown(place).unwrap().prompt().is_some())
    });
    assert_eq!(window.app.state().state.view.selected, Some(window.shown(0)));
    window.app.key_press(Key::ArrowRight);
    window.app.run_steps(3);
    assert_eq!(window.app.state().state.view.selected, Some(window.shown(1)));
    window.wait("the task of the chosen", |state| {
        state.world.gallery.shown(1).unwrap().task().is_some()
    });
    window.click("Reuse all settings");
    assert_eq!(window.app.state().state.draft.prompt, "a red car");

    window.write((Role::TextInput, "Search pictures"), "red FOX");
    assert_eq!(window.app.state().state.world.gallery.shown_len(), 1);
    window.app.get_by_role_and_label(Role::ListBoxOption, "Picture 1: a red fox");
    window.write((Role::TextInput, "Search pictures"), "zebra");
    assert_eq!(window.app.state().state.world.gallery.shown_len(), 0);
}

#[test]
fn a_large_picture_is_shown_by_its_thumbnail_and_in_its_own_size() {
    let folder = scratch();
    let home = latelier::library::Home::at(folder.path());
    std::fs::create_dir(home.results_dir()).unwrap();
    let uuid = uuid::Uuid::new_v4();
    let file = home.results_dir().join(format!("{uuid}.png"));
    start::write_picture(&file, 900, 600);
    let mut window = Window::open_in(&home);
    assert_eq!(window.app.state().state.view.selected, Some(uuid));
    window.wait_shown("Picture 1: no settings");
    let thumbnail = home.thumbnails_dir().join(format!("{uuid}.webp"));
    window.wait("the thumbnail", move |_| thumbnail.is_file());

    std::fs::remove_file(&file).unwrap();
    window.app.key_press(Key::F5);
    window.wait("the empty folder", |state| state.world.gallery.is_empty());
    let left = || std::fs::read_dir(home.thumbnails_dir()).unwrap().count();
    window.wait("the sweep", move |_| left() == 0);
}

/// The frames go on while folders are looked through; what is new comes by itself.
#[test]
fn models_that_come_and_go_are_seen_without_a_restart() {
    let folder = scratch();
    let mut window = Window::open_with_models(folder.path());
    let embeddings = folder.path().join("embeddings");
    std::fs::create_dir(&embeddings).unwrap();
    std::fs::copy(golden("embeddings/a1111.pt"), embeddings.join("arrived.pt")).unwrap();
    window.app.key_press(Key::F5);
    window.wait("the embedding", |state| {
        state.world.models.iter().any(|card| card.name == "arrived" && card.vectors == 2)
    });
    std::fs::remove_file(embeddings.join("arrived.pt")).unwrap();
    window.app.event(egui::Event::WindowFocused(true));
    window.wait("its end", |state| state.world.models.iter().all(|card| card.name != "arrived"));
}

#[test]
fn the_sheet_of_shortcuts_opens_and_closes() {
    let mut window = Window::open();
    window.app.key_press(Key::Questionmark);
    window.app.run_steps(3);
    assert!(window.shows("Keyboard shortcuts"));
    window.click("Close the sheet");
    assert!(!window.shows("Keyboard shortcuts"));
}

#[test]
fn a_small_window_keeps_every_control_reachable() {
    let mut window = Window::open();
    window.app.set_size(egui::vec2(900.0, 600.0));
    window.app.run_steps(4);
    let screen = egui::Rect::from_min_size(egui::Pos2::ZERO, egui::vec2(900.0, 600.0));
    let labels = [
        GENERATE,
        "Model",
        "Search pictures",
        "Start from this picture",
        "More actions",
        "Show only starred pictures",
        "Open a picture…",
        "Fold the gallery",
    ];
    for label in labels {
        let rect = window.app.get_by_label(label).rect();
        assert!(screen.contains_rect(rect), "{label}: {rect}");
    }
}

impl Window {
    fn shown(&self, place: usize) -> uuid::Uuid {
        self.app.state().state.world.gallery.shown(place).unwrap().image_uuid
    }
}

impl Window {
    /// Presses the one control of that name wherever the form is scrolled to.
    #[track_caller]
    fn press(&mut self, label: &str) {
        self.app.get_by_label(label).click_accesskit();
        self.app.run_steps(3);
    }
}
