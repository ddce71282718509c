//! The pointer over the canvas: bars keep it, events keep their order, low and narrow windows keep their tools.

use egui::{CursorIcon, Event, Modifiers, PointerButton, Pos2, Vec2, vec2};
use egui_kittest::kittest::Queryable as _;
use latelier::library::Home;
use latelier::pixels::Rectangle;
use latelier::state::{Tool, Zoom};

use super::mask::{covered, mask};
use crate::support::{Window, scratch};

fn button(pos: Pos2, pressed: bool) -> Event {
    Event::PointerButton {
        pos,
        button: PointerButton::Primary,
        pressed,
        modifiers: Modifiers::NONE,
    }
}

impl Window {
    /// All of that in one frame.
    fn at_once(&mut self, events: impl IntoIterator<Item = Event>) {
        self.app.input_mut().events.extend(events);
        self.app.step();
        self.app.run_steps(2);
    }

    /// Presses the button at a place, and lets it go there when `then` has looked.
    fn press_there(&mut self, at: Pos2, then: impl FnOnce(&Self)) {
        self.app.hover_at(at);
        self.app.run_steps(2);
        self.app.drag_at(at);
        self.app.run_steps(2);
        then(self);
        self.app.drop_at(at);
        self.app.run_steps(3);
    }
}

#[test]
fn a_press_on_a_bar_is_none_on_the_canvas() {
    let mut window = Window::open();
    window.start_from_picture(128, 128);
    window.click("Brush");
    window.app.state_mut().state.view.tools.brush.size = 16.0;
    window.drag(vec2(-40.0, 0.0), vec2(40.0, 0.0));
    let stroke = mask(window.state());
    // The picture lies under all bars.
    let near = Zoom::Free { scale: 20.0, offset_in_ui: [0.0, 0.0] };
    let tools = window.app.get_by_label("Brush").rect();
    let gap =
        Pos2::new(tools.center().x, window.app.get_by_label("Undo the mask").rect().top() - 4.0);
    for (what, at) in [
        ("a button", window.at("Brush")),
        ("a faint button", window.at("Redo the mask")),
        ("a gap", gap),
        ("the bar's edge", Pos2::new(tools.left() - 3.0, tools.center().y)),
        ("beside the numbers", window.at("Fit the picture") - vec2(22.0, 15.0)),
        ("the size in per cent", window.at("Show the picture at 100 %")),
    ] {
        window.app.state_mut().state.view.zoom = near;
        window.app.run_steps(2);
        window.press_there(at, |window| assert!(mask(window.state()) == stroke, "{what}"));
        assert!(mask(window.state()) == stroke, "{what}");
        window.app.hover_at(at);
        window.app.run_steps(2);
        let cursor = window.app.output().platform_output.cursor_icon;
        assert_ne!(cursor, CursorIcon::None, "{what}: the pointer is seen");
    }
    window.app.state_mut().state.view.zoom = near;
    window.app.run_steps(2);
    window.press_there(window.at("Undo the mask"), |_| {});
    assert!(!window.state().draft.mask.is_there(), "what was undone is the stroke");
    // Right beside the bars the canvas is painted on.
    window.app.state_mut().state.view.zoom = near;
    window.app.run_steps(2);
    window.press_there(tools.center() + vec2(60.0, 60.0), |window| {
        assert!(window.state().painting.mask().unwrap().is_drawing());
    });
}

#[test]
fn what_happens_within_a_frame_keeps_its_order() {
    let mut window = Window::open();
    window.start_from_picture(128, 128);
    window.click("Brush");
    window.app.state_mut().state.view.tools.brush.size = 8.0;
    let middle = window.middle();
    let at = |x: f32, y: f32| middle + vec2(x, y) * 4.0;
    window.app.hover_at(at(0.0, 0.0));
    window.app.run_steps(2);
    let moved = |x: f32, y: f32| Event::PointerMoved(at(x, y));
    // Down and up: a dab, and what comes after is none of it.
    window.at_once([button(at(0.0, 0.0), true), button(at(0.0, 0.0), false), moved(30.0, 0.0)]);
    assert_eq!(covered(window.state()), Some(Rectangle::new(60, 60, 8, 8)));
    window.click("Undo the mask");

    window.app.hover_at(at(-20.0, 0.0));
    window.app.run_steps(2);
    window.at_once([button(at(-20.0, 0.0), true), moved(20.0, 0.0)]);
    window.at_once([button(at(20.0, 0.0), false), moved(50.0, 50.0)]);
    assert_eq!(covered(window.state()), Some(Rectangle::new(40, 60, 48, 8)));
    window.click("Undo the mask");

    // What came before the press is no corner of the shape.
    window.click("Lasso");
    window.app.hover_at(at(-20.0, -20.0));
    window.app.run_steps(2);
    window.at_once([
        moved(60.0, 60.0),
        moved(-20.0, -20.0),
        button(at(-20.0, -20.0), true),
        moved(20.0, -20.0),
        moved(20.0, 20.0),
    ]);
    window.at_once([moved(-20.0, 20.0), button(at(-20.0, 20.0), false), moved(-60.0, 60.0)]);
    assert_eq!(covered(window.state()), Some(Rectangle::new(44, 44, 40, 40)));
}

#[test]
fn the_tools_are_there_in_a_low_window() {
    let folder = scratch();
    // 1440 × 900 pixels at 200 %.
    let size = vec2(720.0, 450.0);
    let mut window = Window::open_sized(&Home::at(folder.path()), size);
    window.click("Fold the gallery");
    let file = folder.path().join("photo.png");
    super::start::write_picture(&file, 64, 64);
    window.drop_file(&file);
    window.wait_shown("Start picture.");
    let canvas = window.app.get_by_label_contains("Start picture.").rect();
    for name in ["Move the picture", "Choose by colour", "Redo the mask", "Clear the mask"] {
        let rect = window.app.get_by_label(name).rect();
        assert!(canvas.contains_rect(rect), "{name}: {rect} of {canvas}");
    }
    window.click("Brush");
    assert_eq!(window.state().view.tool, Tool::Brush);
    assert!(!window.shows("Opacity"), "it has no room");
    window.click("More settings of the tool");
    window.set("Opacity", 40.0);
    assert!((window.state().view.tools.brush.opacity - 0.4).abs() < 0.01);
}

#[test]
fn a_picture_that_grows_is_drawn_in_windows_of_every_size() {
    for size in [vec2(450.0, 300.0), vec2(700.0, 420.0), vec2(330.0, 240.0), vec2(200.0, 150.0)] {
        let folder = scratch();
        let mut window = Window::open_sized(&Home::at(folder.path()), size);
        let file = folder.path().join("photo.png");
        super::start::write_picture(&file, 64, 64);
        window.drop_file(&file);
        window.wait("the picture", |state| state.world.start_extent(&state.draft).is_some());
        let extension = &mut window.app.state_mut().state.draft.extension;
        [extension.top, extension.right, extension.bottom, extension.left] = [Some(64); 4];
        window.app.run_steps(3);
        for tool in [Tool::Brush, Tool::Lasso, Tool::Colour, Tool::Hand] {
            window.app.state_mut().state.view.tool = tool;
            window.app.run_steps(2);
        }
        assert!(window.state().draft.extends(), "{size}");
    }
}

#[test]
fn a_picture_that_fits_only_very_small_stays_fitted_under_the_pointer() {
    let mut window = Window::open();
    window.start_from_picture(16_000, 40);
    let canvas = window.app.get_by_label_contains("Start picture.").rect();
    for by in [Vec2::ZERO, vec2(30.0, 20.0)] {
        window.app.hover_at(canvas.center() + by);
        window.app.run_steps(2);
        assert_eq!(window.state().view.zoom, Zoom::Fit);
    }
    window.app.event(Event::MouseWheel {
        unit: egui::MouseWheelUnit::Line,
        delta: vec2(0.0, -1.0),
        phase: egui::TouchPhase::Move,
        source: egui::MouseWheelSource::Unknown,
        modifiers: Modifiers::NONE,
    });
    window.app.run_steps(2);
    assert_eq!(window.state().view.zoom, Zoom::Fit, "it becomes no larger by going out");
}

#[test]
fn the_tools_make_room_for_the_sheet_that_lies_over_them() {
    let mut window = Window::open();
    window.start_from_picture(128, 128);
    assert!(window.shows("Lasso") && window.shows("Redo the mask"));
    window.app.key_press_modifiers(Modifiers::COMMAND, egui::Key::J);
    window.app.run_steps(4);
    assert!(!window.shows("Lasso") && !window.shows("Redo the mask"));
    assert!(window.shows("Fit the picture"), "the other bars are beside it");
    window.click("Close the task");
    window.app.run_steps(2);
    assert!(window.shows("Lasso") && window.shows("Redo the mask"));
}
