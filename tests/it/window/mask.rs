//! A part of a picture painted anew: painted and dragged with the pointer, by numbers, taken back, kept.

use egui::{Key, Modifiers, Pos2, Role, Vec2, vec2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use latelier::library::{Home, read_picture, read_task};
use latelier::pixels::{Extent, Mask, Picture, Rectangle};
use latelier::state::{MaskShape, State, Tool};
use latelier::task::ImageRef;
use uuid::Uuid;

use super::PROMPT;
use crate::support::{Window, scratch};

const FILL: &str = "Fill 128 × 128";

#[test]
fn a_rectangle_is_dragged_and_only_what_it_covers_is_painted_anew() {
    let mut window = Window::open();
    let file = window.start_from_picture(128, 128);
    window.click("Rectangle");
    window.drag(vec2(-100.0, -60.0), vec2(60.0, 100.0));
    let drawn = Rectangle::new(39, 49, 40, 40);
    assert_eq!(covered(window.state()), Some(drawn), "4 points are a pixel");
    assert!(window.shows("10 % of the picture is made anew"));
    window.write(PROMPT, "a red heart");
    window.click(FILL);
    window.wait_for_results(1);

    let result = window.newest();
    let task = read_task(&result).unwrap().unwrap();
    let Some(ImageRef::Uuid(mask)) = task.mask_image else { panic!("{:?}", task.mask_image) };
    assert_eq!((task.seed_image.is_some(), task.mask_margin), (true, None));
    let kept = read_picture(&window.folder().join(format!("inputs/{mask}.png"))).unwrap();
    let (source, found) = (read_picture(&file).unwrap(), read_picture(&result).unwrap());
    let (mut inside, mut changed) = (0, 0);
    for place in 0..128 * 128 {
        let (x, y) = (place % 128, place / 128);
        let covered =
            (drawn.x..drawn.right()).contains(&x) && (drawn.y..drawn.bottom()).contains(&y);
        let at = |picture: &Picture| -> [u8; 4] {
            picture.rgba()[place as usize * 4..][..4].try_into().unwrap()
        };
        assert_eq!(at(&kept), if covered { [255; 4] } else { [0, 0, 0, 255] }, "{x}, {y}");
        if covered {
            inside += 1;
            changed += u32::from(at(&found) != at(&source));
        } else {
            assert_eq!(at(&found), at(&source), "{x}, {y}");
        }
    }
    assert!(inside == 1600 && changed > 1200, "{changed} of {inside}");

    window.click("Remove the picture");
    assert!(!window.state().draft.mask.is_there(), "the mask belonged to the picture");
    window.click("Reuse all settings");
    assert_eq!(window.state().draft.mask.kept(), Some(mask));
    window.wait_shown("A mask of the library, 10 % of the picture");
    assert_eq!(covered(window.state()), Some(drawn), "it can be painted on");
    window.click(FILL);
    window.wait_for_results(2);
    assert_eq!(
        read_task(&window.newest()).unwrap().unwrap().mask_image,
        Some(ImageRef::Uuid(mask))
    );
}

#[test]
fn strokes_are_round_erased_undone_one_by_one_and_joined_by_lines() {
    let mut window = Window::open();
    window.start_from_picture(128, 128);
    window.app.key_press(Key::B);
    window.app.run_steps(2);
    assert_eq!(window.state().view.tool, Tool::Brush);
    window.app.state_mut().state.view.tools.brush.size = 16.0;
    window.drag(vec2(-100.0, 0.0), vec2(100.0, 0.0));
    let stroke = mask(window.state());
    assert_eq!(covered(window.state()), Some(Rectangle::new(31, 56, 66, 16)));
    assert_eq!(window.state().draft.mask.shape, MaskShape::Painted);

    window.click("Eraser");
    window.drag(vec2(0.0, -100.0), vec2(0.0, 100.0));
    assert!(mask(window.state()).share() < stroke.share());
    window.app.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    window.app.run_steps(2);
    assert!(mask(window.state()) == stroke);
    window.app.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    window.app.run_steps(2);
    assert!(mask(window.state()).share() < stroke.share());

    // From where the eraser ended, in a straight line.
    window.click("Brush");
    let to = window.middle() + vec2(100.0, 100.0);
    window.app.hover_at(to);
    window.app.run_steps(2);
    window.app.event(egui::Event::ModifiersChanged(Modifiers::SHIFT));
    window.app.event(egui::Event::PointerButton {
        pos: to,
        button: egui::PointerButton::Primary,
        pressed: true,
        modifiers: Modifiers::SHIFT,
    });
    window.app.run_steps(2);
    window.app.event(egui::Event::ModifiersChanged(Modifiers::NONE));
    window.app.drop_at(to);
    window.app.run_steps(2);
    let line = covered(window.state()).unwrap();
    assert_eq!((line.right(), line.bottom()), (97, 97), "{line:?}");

    window.click("Undo the mask");
    window.click("Undo the mask");
    window.click("Undo the mask");
    assert!(window.shows("Vary 128 × 128") && window.is_disabled("Undo the mask"));
}

#[test]
fn a_mask_is_made_changed_and_taken_back_without_a_pointer() {
    let mut window = Window::open();
    assert!(window.is_disabled("Paint a mask"), "it is there, but waits for a picture");
    window.start_from_picture(96, 48);
    window.click("Refine the mask");
    for (name, value) in
        [("Mask X", 11.0), ("Mask Y", 12.0), ("Mask width", 30.0), ("Mask height", 9.0)]
    {
        window.set(name, value);
    }
    window.click("Add a rectangle");
    assert_eq!(covered(window.state()), Some(Rectangle::new(11, 12, 30, 9)));
    window.set("Pixels", 4.0);
    window.click("Grow");
    window.wait("the grown mask", |state| covered(state) == Some(Rectangle::new(7, 8, 38, 17)));
    window.click("Shrink");
    window.wait("the shrunk mask", |state| {
        covered(state).is_some_and(|place| place == Rectangle::new(11, 12, 30, 9))
    });
    window.click("Feather");
    window.wait("the soft mask", |state| covered(state) == Some(Rectangle::new(7, 8, 38, 17)));
    assert!(!window.is_disabled(FILL));
    window.app.key_press(Key::Escape);
    window.app.run_steps(2);
    let soft = mask(window.state());
    window.click("Invert the mask");
    window.wait("the opposite", move |state| mask(state) == soft.inverted());
    window.click("Clear the mask");
    window.wait("no mask", |state| !state.draft.mask.is_there());
    assert!(!window.shows(FILL) && window.shows("Vary 128 × 128"));
    for _ in 0..5 {
        window.click("Undo the mask");
    }
    assert_eq!(covered(window.state()), Some(Rectangle::new(11, 12, 30, 9)));
    window.click("Undo the mask");
    assert!(!window.state().draft.mask.is_there());
    assert!(window.is_disabled("Undo the mask") && window.is_disabled("Clear the mask"));
}

#[test]
fn drags_add_up_and_escape_ends_the_one_that_is_going_on() {
    let mut window = Window::open();
    window.start_from_picture(128, 128);
    window.click("Rectangle");
    window.drag(vec2(-80.0, -80.0), vec2(-40.0, -40.0));
    window.drag(vec2(400.0, 0.0), vec2(40.0, 40.0));
    assert_eq!(covered(window.state()), Some(Rectangle::new(44, 44, 84, 30)));
    let drawn = mask(window.state());
    for tool in ["Rectangle", "Brush", "Lasso", "Ellipse"] {
        if window.state().view.tool == Tool::Hand || tool != "Rectangle" {
            window.click(tool);
        }
        let middle = window.middle();
        window.app.hover_at(middle);
        window.app.drag_at(middle);
        window.app.run_steps(2);
        window.app.hover_at(middle + vec2(60.0, 60.0));
        window.app.run_steps(2);
        window.app.key_press(Key::Escape);
        window.app.run_steps(2);
        window.app.drop_at(middle + vec2(60.0, 60.0));
        window.app.run_steps(2);
        assert!(mask(window.state()) == drawn, "{tool}");
    }
}

#[test]
fn a_closed_line_is_filled_and_a_colour_is_chosen() {
    let mut window = Window::open();
    let file = window.start_from_picture(128, 128);
    window.click("Ellipse");
    window.drag(vec2(-100.0, -100.0), vec2(100.0, 100.0));
    let disc = mask(window.state());
    assert!((disc.share() - 0.1198).abs() < 0.002, "π·25² of 128²: {}", disc.share());
    window.click("Fill");
    window.press_at(vec2(-240.0, -240.0));
    window.wait("everything", |state| mask(state).share() > 0.99);
    window.click("Undo the mask");
    window.press_at(vec2(0.0, 0.0));
    window.wait("nothing", |state| !state.draft.mask.is_there());

    window.click("Choose by colour");
    window.app.state_mut().state.view.tools.tolerance = 9;
    window.press_at(vec2(-100.0, -100.0));
    window.wait("the colour", |state| state.draft.mask.is_there());
    let picture = read_picture(&file).unwrap();
    let chosen = Mask::of_colour(&picture, (39, 39), 9, false);
    assert!(mask(window.state()) == chosen);
}

#[test]
fn zooming_into_the_mask_is_part_of_the_task_and_its_limits_are_told() {
    let mut window = Window::open();
    window.start_from_picture(128, 128);
    window.add_rectangle();
    assert_eq!(window.state().draft.to_task(Uuid::nil()).mask_margin, None);
    window.click("Zoom into the mask");
    assert_eq!(window.state().draft.to_task(Uuid::nil()).mask_margin, Some(64));
    window.app.state_mut().state.draft.mask.margin = Some(20);
    // The number itself goes no lower; a task that was taken over may, and is not put right in silence.
    window.app.step();
    assert!(window.is_disabled(FILL));
    assert!(window.shows("Mask margin: 32 to 128"));
    window.click("Zoom into the mask");
    assert!(!window.is_disabled(FILL));
}

#[test]
fn a_picture_whose_mask_is_zoomed_into_is_told_to_stay_whole() {
    let mut window = Window::open();
    window.start_from_picture(192, 96);
    window.add_rectangle();
    assert!(window.shows(FILL) && window.shows("Start from: 192 × 96 is scaled and cut"));
    window.click("Zoom into the mask");
    let told = "painted around the mask, keeps its size";
    assert!(window.shows(&format!("Start from: 192 × 96 is {told}")));
    assert!(window.shows(&format!("Start picture. 192 × 96, {told}")));
    window.click("Fill 192 × 96");
    window.wait_for_results(1);
    assert_eq!(read_picture(&window.newest()).unwrap().extent(), Extent::new(192, 96));
}

#[test]
fn what_was_painted_is_there_after_a_restart_and_a_vanished_mask_is_told() {
    let folder = scratch();
    let home = Home::at(folder.path());
    let mut window = Window::open_in(&home);
    let file = folder.path().join("photo.png");
    super::start::write_picture(&file, 64, 64);
    window.drop_file(&file);
    window.wait_shown("Start from: 64 × 64");
    window.wait_shown("Start picture.");
    window.add_rectangle();
    let painted = mask(window.state());
    drop(window);

    let mut window = Window::open_in(&home);
    window.wait_shown("Start from: 64 × 64");
    window.wait("the mask", |state| state.painting.mask().is_some());
    assert!(mask(window.state()) == painted);
    assert!(!window.is_disabled(FILL));
    window.app.state_mut().state.draft.mask.shape = MaskShape::Kept(Uuid::new_v4());
    window.wait_shown("The mask is no longer in the library");
    assert!(window.is_disabled(FILL));
    window.click("Clear mask");
    assert!(!window.is_disabled("Vary 128 × 128"));
}

pub(super) fn mask(state: &State) -> Mask {
    state.painting.mask().unwrap().mask().clone()
}

/// The rectangle around all that is in the mask.
pub(super) fn covered(state: &State) -> Option<Rectangle> {
    let mask = state.painting.mask()?.mask();
    let Extent { width, .. } = mask.extent();
    let inside = |(at, &value): (usize, &u8)| (value > 0).then_some(at as u32);
    let places: Vec<u32> = mask.bytes().iter().enumerate().filter_map(inside).collect();
    let (top, bottom) = (places.first()? / width, places.last()? / width);
    let columns = || places.iter().map(|at| at % width);
    let (left, right) = (columns().min()?, columns().max()?);
    Some(Rectangle::new(left, top, right + 1 - left, bottom + 1 - top))
}

impl Window {
    pub(super) fn state(&self) -> &State {
        &self.app.state().state
    }

    /// Drops a picture of that size and waits until it is on the canvas.
    pub(super) fn start_from_picture(&mut self, width: u32, height: u32) -> std::path::PathBuf {
        let file = self.write_picture("photo.png", width, height);
        self.drop_file(&file);
        self.wait_shown(&format!("Start from: {}", Extent::new(width, height)));
        self.wait_shown("Start picture.");
        file
    }

    fn wait_for_results(&mut self, count: usize) {
        self.wait("the result", move |state| {
            state.world.gallery.len() == count && state.world.queue.jobs().is_empty()
        });
    }

    fn newest(&self) -> std::path::PathBuf {
        self.state().world.gallery.newest().unwrap().path.clone().unwrap()
    }

    /// The middle of the start picture on the canvas, while it fits.
    pub(super) fn middle(&self) -> Pos2 {
        let canvas = self.app.get_by_label_contains("Start picture.");
        assert_eq!(canvas.accesskit_node().role(), Role::Canvas);
        // The strip of results and the caption keep their room below.
        canvas.rect().center() - vec2(0.0, 41.0 + 7.0)
    }

    /// Drags on the canvas, places given from the middle of the start picture.
    pub(super) fn drag(&mut self, from: Vec2, to: Vec2) {
        let middle = self.middle();
        self.app.hover_at(middle + from);
        self.app.drag_at(middle + from);
        self.app.run_steps(2);
        for part in [0.3, 0.7, 1.0] {
            self.app.hover_at(middle + from + (to - from) * part);
            self.app.run_steps(2);
        }
        self.app.drop_at(middle + to);
        self.app.run_steps(3);
    }

    /// Presses the primary button on the canvas.
    fn press_at(&mut self, at: Vec2) {
        let at = self.middle() + at;
        self.app.hover_at(at);
        self.app.run_steps(2);
        self.app.drag_at(at);
        self.app.run_steps(2);
        self.app.drop_at(at);
        self.app.run_steps(2);
    }

    /// Adds a rectangle over the middle of the start picture.
    pub(super) fn add_rectangle(&mut self) {
        self.click("Refine the mask");
        self.click("Add a rectangle");
        self.app.key_press(Key::Escape);
        self.app.run_steps(2);
    }
}
