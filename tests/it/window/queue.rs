//! Many jobs: their order, by menu, keyboard and pointer, and what becomes of it.

use std::fs;

use egui::{Key, Modifiers, Role};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use latelier::library::{Home, JournalFolder};
use latelier::state::{JobStatus, State};

use super::{GENERATE, PROMPT};
use crate::support::{Window, scratch};

/// A window whose first job lasts, with one waiting job for each prompt.
fn with_jobs(home: &Home, prompts: &[&str]) -> Window {
    let mut window = Window::open_in(home);
    window.app.get_by_role_and_label(Role::SpinButton, "Steps").set_value_accesskit(100.0);
    window.app.run_steps(2);
    window.click("Results 8");
    window.write(PROMPT, "it lasts");
    window.click(GENERATE);
    window.wait("its turn", |state| state.world.queue.running().is_some());
    window.click("Results 1");
    window.app.get_by_role_and_label(Role::SpinButton, "Steps").set_value_accesskit(1.0);
    window.app.run_steps(2);
    for prompt in prompts {
        window.write(PROMPT, prompt);
        window.click(GENERATE);
    }
    window
}

fn order(state: &State) -> Vec<String> {
    state.world.queue.waiting().map(|job| job.request.positive_prompt.clone()).collect()
}

/// The row of the list whose name contains that.
fn row<'a>(window: &'a Window, name: &'a str) -> egui_kittest::Node<'a> {
    window.app.get_by_label_contains(name)
}

#[test]
fn what_waits_is_moved_by_keyboard_menu_and_pointer_and_made_in_that_order() {
    let folder = scratch();
    let mut window = with_jobs(&Home::at(folder.path()), &["one", "two", "three"]);
    window.click("All jobs");
    row(&window, "Queued: Generate: three.").focus();
    window.app.run_steps(2);
    window.app.key_press_modifiers(Modifiers::ALT, Key::ArrowUp);
    window.app.run_steps(3);
    assert_eq!(order(&window.app.state().state), ["one", "three", "two"]);

    let (from, to) = (
        row(&window, "Queued: Generate: two.").rect().center(),
        row(&window, "Queued: Generate: one.").rect(),
    );
    let to = egui::pos2(from.x, to.top() + 2.0);
    window.app.hover_at(from);
    window.app.drag_at(from);
    window.app.run_steps(2);
    for part in [0.3, 0.6, 1.0] {
        window.app.hover_at(from + (to - from) * part);
        window.app.run_steps(1);
    }
    window.app.drop_at(to);
    window.app.run_steps(3);
    assert_eq!(order(&window.app.state().state), ["two", "one", "three"]);

    // Those of the cards come before those of the list.
    window.app.get_all_by_label("More about this job").last().unwrap().click();
    window.app.run_steps(3);
    window.click("Move to the front");
    window.click("Close the list");
    assert_eq!(order(&window.app.state().state), ["three", "two", "one"]);

    window.app.get_all_by_label("Cancel job").next().unwrap().click();
    window.wait("all pictures", |state| state.world.queue.jobs().is_empty());
    let state = &window.app.state().state;
    let made: Vec<String> = (0..3)
        .map(|place| state.world.gallery.shown(place).unwrap().prompt().unwrap().to_owned())
        .collect();
    assert_eq!(made, ["one", "two", "three"], "the newest first");
}

#[test]
fn the_order_survives_a_restart() {
    let folder = scratch();
    let home = Home::at(folder.path());
    let mut window = with_jobs(&home, &["one", "two", "three"]);
    window.click("All jobs");
    row(&window, "Queued: Generate: three.").focus();
    window.app.run_steps(2);
    for _ in 0..2 {
        window.app.key_press_modifiers(Modifiers::ALT, Key::ArrowUp);
        window.app.run_steps(3);
    }
    let journal = home.journal_dir();
    let orders = move || {
        let names = fs::read_dir(&journal).unwrap().map(|it| it.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().ends_with(".order")).count()
    };
    window.wait("the order on disk", |_| orders() == 1);
    // Another window keeps an order of its own.
    let other = JournalFolder::open(&home, &home.results_dir()).unwrap();
    other.keep_order(1, &[]);
    assert_eq!(orders(), 2);
    drop(other);
    assert_eq!(orders(), 1, "it owes nothing");
    drop(window);
    let mut window = Window::open_in(&home);
    window.wait("what waited", |state| !state.world.waiting.is_empty());
    let prompts: Vec<String> = (window.app.state().state.world.waiting.iter())
        .filter_map(|waiting| waiting.task.positive_prompt.clone())
        .filter(|prompt| prompt != "it lasts")
        .collect();
    assert_eq!(prompts, ["three", "one", "two"]);
    // Which of them can be made is known when the models are.
    for read in [false, true] {
        window.app.state_mut().state.world.models_read = read;
        window.app.run_steps(2);
        assert_eq!(window.is_disabled("Resume"), !read);
    }
}

#[test]
fn hundreds_of_jobs_are_few_rows_and_leave_at_once() {
    let folder = scratch();
    let mut window = with_jobs(&Home::at(folder.path()), &["many"]);
    for _ in 0..300 {
        window.app.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
        window.app.step();
    }
    window.app.run_steps(2);
    assert_eq!(window.app.state().state.world.queue.waiting().count(), 301);
    window.click("All jobs");
    let rows = window.app.query_all_by_label_contains("Queued: ").count();
    assert!((5..20).contains(&rows), "{rows} rows are drawn");
    let cards = window.app.query_all_by_label_contains("Job: many").count();
    assert!((1..10).contains(&cards), "{cards} cards are drawn");
    window.click("Cancel all waiting");
    assert_eq!(window.app.state().state.world.queue.waiting().count(), 0);
    window.click("Cancel job");
    window.wait("the end", |state| state.world.queue.jobs().is_empty());
    assert_eq!(window.app.state().state.world.gallery.len(), 0, "none of them was made");
}

#[test]
fn once_more_draws_from_another_seed() {
    let folder = scratch();
    let mut window = with_jobs(&Home::at(folder.path()), &["one"]);
    window.click("More about this job");
    window.click("Once more, with another seed");
    let state = &window.app.state().state;
    let seeds: Vec<u64> = state.world.queue.waiting().map(|job| job.request.seed).collect();
    assert_eq!((seeds.len(), order(state)), (2, vec!["one".to_owned(), "one".to_owned()]));
    assert_ne!(seeds[0], seeds[1]);
    window.click("All jobs");
    row_delete(&mut window);
    assert_eq!(window.app.state().state.world.queue.waiting().count(), 1);
    window.app.key_press(Key::Escape);
    window.app.run_steps(3);
    assert!(!window.app.state().state.view.sheets.queue);
    let runs =
        |state: &State| state.world.queue.jobs().iter().any(|job| job.status != JobStatus::Waiting);
    assert!(runs(&window.app.state().state), "Esc closed the list and cancelled nothing");
}

/// Takes the last waiting job out by the keyboard.
fn row_delete(window: &mut Window) {
    let rows: Vec<_> = window.app.query_all_by_label_contains("Queued: Generate: one.").collect();
    let last = rows.last().unwrap();
    assert!(!last.accesskit_node().is_disabled());
    last.focus();
    window.app.run_steps(2);
    window.app.key_press(Key::Delete);
    window.app.run_steps(3);
    // The row that had the keyboard is gone; nothing else takes it.
    window.app.run_steps(2);
}
