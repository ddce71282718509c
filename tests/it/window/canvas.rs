//! The canvas: sides are pulled, results are used or left, pixels are looked at closely.

use egui::{Key, Modifiers, Pos2, Vec2, vec2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use latelier::library::read_picture;
use latelier::pixels::Extent;
use latelier::state::{Mode, Zoom};

use crate::support::Window;

/// Pixels added at the top, on the right, below and on the left.
fn growth(window: &Window) -> [u32; 4] {
    let extension = &window.state().draft.extension;
    let sides = [extension.top, extension.right, extension.bottom, extension.left];
    sides.map(|side| side.unwrap_or(0))
}

#[test]
fn a_side_is_pulled_with_the_pointer_and_the_numbers_follow() {
    let mut window = Window::open();
    window.start_from_picture(128, 128);
    let from = window.at("Pull the right side");
    // A pixel is four points: 75 pixels are nearer to one step than to two.
    window.pull(from, vec2(300.0, 40.0), Modifiers::NONE);
    assert_eq!(growth(&window), [0, 64, 0, 0]);
    assert_eq!(window.state().draft.mode(), Mode::Extend);
    assert!(window.shows("Extend to 192 × 128"));
    assert_eq!(window.state().view.zoom, Zoom::Fit, "the frame did not fit any more");

    let from = window.at("Pull the right side");
    window.pull(from, vec2(-900.0, 0.0), Modifiers::NONE);
    assert_eq!(growth(&window), [0; 4], "never into the picture");
    assert!(window.shows("Vary 128 × 128"));

    let from = window.at("Pull the bottom right corner");
    window.pull(from, vec2(250.0, 250.0), Modifiers::ALT);
    assert_eq!(growth(&window), [64; 4], "both sides");
    let from = window.at("Pull the top");
    window.pull(from, vec2(0.0, -200.0), Modifiers::NONE);
    let [top, others @ ..] = growth(&window);
    assert!(top > 64 && others == [64; 3], "{top}");
}

#[test]
fn a_handle_with_the_keyboard_goes_by_steps() {
    let mut window = Window::open();
    window.start_from_picture(256, 128);
    window.app.get_by_label("Pull the left side").focus();
    window.app.run_steps(2);
    window.app.key_press(Key::ArrowLeft);
    window.app.run_steps(2);
    window.app.key_press(Key::ArrowLeft);
    window.app.run_steps(2);
    assert_eq!(growth(&window), [0, 0, 0, 128]);
    assert!(window.shows("Extend to 384 × 128"));
    window.app.key_press(Key::ArrowRight);
    window.app.run_steps(2);
    assert_eq!(growth(&window), [0, 0, 0, 64]);
    assert!(window.app.get_by_label("Pull the left side").accesskit_node().is_focused());
}

#[test]
fn a_result_takes_the_start_pictures_place_or_is_left() {
    let mut window = Window::open();
    window.start_from_picture(128, 128);
    let first = window.state().draft.seed_image;
    window.set("Extend to the right", 64.0);
    window.click("Extend to 192 × 128");
    window.wait("the result", |state| {
        state.world.gallery.len() == 1 && state.world.queue.jobs().is_empty()
    });
    window.app.key_press(Key::Escape);
    window.app.run_steps(3);
    assert!(window.shows("Start picture. 192 × 128, was 128 × 128"), "left, the form is as it was");
    assert!(!window.shows("Use this result"));

    window.click("Back to the results");
    window.click("Use this result");
    let result = window.state().world.gallery.newest().unwrap();
    assert_eq!(window.state().draft.seed_image, Some(result.image_uuid));
    assert_ne!(window.state().draft.seed_image, first);
    let extent = read_picture(result.path.as_ref().unwrap()).unwrap().extent();
    assert_eq!(extent, Extent::new(192, 128));
    assert_eq!(growth(&window), [0; 4], "it has grown already");
    window.wait_shown("Start from: 192 × 128");
}

#[test]
fn keys_and_wheel_go_from_stop_to_stop_and_space_moves() {
    let mut window = Window::open();
    window.start_from_picture(128, 128);
    let scale = |window: &Window| match window.state().view.zoom {
        Zoom::Free { scale, .. } => scale,
        Zoom::Fit => 4.0,
    };
    for (key, wanted) in [(Key::Minus, 3.0), (Key::Minus, 2.0), (Key::Plus, 3.0), (Key::Num1, 1.0)]
    {
        window.app.key_press(key);
        window.app.run_steps(2);
        assert!((scale(&window) - wanted).abs() < 0.01, "{key:?}: {}", scale(&window));
    }
    let at = window.app.get_by_label_contains("Start picture.").rect().center();
    window.app.hover_at(at);
    for wanted in [1.25, 1.5, 1.875, 2.0] {
        window.app.event(egui::Event::MouseWheel {
            unit: egui::MouseWheelUnit::Line,
            delta: vec2(0.0, 1.0),
            phase: egui::TouchPhase::Move,
            source: egui::MouseWheelSource::Unknown,
            modifiers: Modifiers::NONE,
        });
        window.app.run_steps(2);
        assert!((scale(&window) - wanted).abs() < 0.01, "{wanted}: {}", scale(&window));
    }
    // With a brush in hand, Ctrl and the wheel are the brush's.
    window.app.key_press(Key::B);
    window.app.run_steps(2);
    let size = window.state().view.tools.brush.size;
    window.app.event(egui::Event::Zoom(1.5));
    window.app.run_steps(2);
    assert!((window.state().view.tools.brush.size / size - 1.5).abs() < 0.01);
    assert!((scale(&window) - 2.0).abs() < 0.01);

    let offset = |window: &Window| match window.state().view.zoom {
        Zoom::Free { offset_in_ui, .. } => Vec2::from(offset_in_ui),
        Zoom::Fit => panic!("fitted"),
    };
    let before = offset(&window);
    window.app.key_down(Key::Space);
    window.app.run_steps(2);
    window.pull(at, vec2(50.0, 30.0), Modifiers::NONE);
    window.app.key_up(Key::Space);
    window.app.run_steps(2);
    let moved = offset(&window) - before;
    assert!((moved - vec2(50.0, 30.0)).length() < 1.0, "{moved}");
    assert!(!window.state().draft.mask.is_there(), "nothing was painted");
}

impl Window {
    /// The middle of what has that name.
    pub(super) fn at(&self, label: &str) -> Pos2 {
        self.app.get_by_label(label).rect().center()
    }

    /// Drags from a place with keys held.
    pub(super) fn pull(&mut self, from: Pos2, by: Vec2, modifiers: Modifiers) {
        self.app.event(egui::Event::ModifiersChanged(modifiers));
        self.app.hover_at(from);
        self.app.run_steps(2);
        self.app.drag_at(from);
        self.app.run_steps(2);
        for part in [0.3, 0.7, 1.0] {
            self.app.hover_at(from + by * part);
            self.app.run_steps(2);
        }
        self.app.drop_at(from + by);
        self.app.run_steps(3);
        self.app.event(egui::Event::ModifiersChanged(Modifiers::NONE));
        self.app.run_steps(2);
    }
}
