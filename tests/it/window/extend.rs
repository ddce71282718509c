//! A picture that grows: numbers, size and frame are one; how the picture is fitted is told.

use egui::Role;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use latelier::state::Mode;
use latelier::task::Outpaint;
use uuid::Uuid;

use crate::support::Window;

const RIGHT: &str = "Extend to the right";

#[test]
fn the_numbers_decide_the_size_and_the_button_says_so() {
    let mut window = Window::open();
    let number = |window: &Window, name: &str| {
        window.app.get_by_role_and_label(Role::SpinButton, name).accesskit_node().is_disabled()
    };
    assert!(number(&window, RIGHT), "it is there, but waits for a picture");
    window.start_from_picture(256, 192);
    assert!(window.shows("Start from: 256 × 192 is scaled and cut to 128 × 128"));
    window.set(RIGHT, 64.0);
    window.set("Extend above", 128.0);
    assert!(window.shows("Extend to 320 × 320"));
    assert!(window.shows("Start picture. 320 × 320, was 256 × 192"), "the frame is on the canvas");
    assert!(window.shows("Start from: 256 × 192 is used as it is"));
    assert!(window.shows("extends 256 × 192"));
    window.set("Seam blur", 12.0);
    let draft = &window.state().draft;
    let task = draft.to_task(Uuid::nil());
    let sides = Outpaint { top: Some(128), right: Some(64), blur: Some(12), ..Outpaint::default() };
    assert_eq!(task.outpaint, Some(sides));
    assert_eq!((task.width, task.height), (Some(320), Some(320)), "the final size");
    assert_eq!(draft.mode(), Mode::Extend);

    window.set("Width", 192.0);
    assert!(window.shows("Extend to 192 × 320"));
    assert!(window.shows("Start from: 256 × 192 is cut to 128 × 192"));
    window.click("Size: back to the picture's own");
    assert!(window.shows("Extend to 320 × 320"));
    window.click("Extend: back to no growth");
    assert!(window.shows("Vary 128 × 128"), "the model's own size again");
    assert_eq!(window.state().draft.to_task(Uuid::nil()).outpaint, None);
}

#[test]
fn a_result_no_larger_than_the_growth_leaves_the_window_alive() {
    let mut window = Window::open();
    window.start_from_picture(128, 128);
    for side in ["Extend above", RIGHT, "Extend below", "Extend to the left"] {
        window.set(side, 64.0);
    }
    assert!(window.shows("Extend to 256 × 256"));
    window.set("Width", 128.0);
    window.set("Height", 128.0);
    assert!(window.shows("Extend to 192 × 192"), "64 pixels of the picture are left");
    assert!(window.shows("Start from: 128 × 128 is scaled to 64 × 64"));
}

#[test]
fn a_side_off_the_grid_is_told_at_its_control() {
    let mut window = Window::open();
    window.start_from_picture(128, 128);
    window.set(RIGHT, 100.0);
    assert!(window.is_disabled("Extend to 228 × 128"));
    let problems = &window.state().world.problems;
    assert!(problems.iter().any(|problem| problem.concerns("outpaint.right")), "{problems:?}");
    window.set(RIGHT, 0.0);
    assert!(!window.is_disabled("Vary 128 × 128"));
}

#[test]
fn without_its_picture_nothing_grows() {
    let mut window = Window::open();
    window.start_from_picture(128, 128);
    window.set(RIGHT, 64.0);
    window.click("Remove the picture");
    let task = window.state().draft.to_task(Uuid::nil());
    assert_eq!((task.outpaint, task.width), (None, None));
    assert!(!window.is_disabled("Generate 128 × 128"));
    window.start_from_picture(192, 128);
    assert!(window.shows("Extend to 256 × 128"), "the numbers stay, the size is the new picture's");
}

impl Window {
    pub(super) fn set(&mut self, name: &str, value: f64) {
        self.app.get_by_role_and_label(Role::SpinButton, name).set_value_accesskit(value);
        self.app.run_steps(3);
    }
}
