//! What becomes of a mask besides painting: taken back with the form, left with its picture, changed elsewhere.

use egui::{Key, Modifiers, Role};
use latelier::pixels::{Extent, Rectangle};
use latelier::state::MaskShape;

use super::mask::{covered, mask};
use crate::support::Window;

/// Squares of the mask on the graphics card.
fn squares(window: &Window) -> usize {
    let textures = window.app.ctx.tex_manager();
    let textures = textures.read();
    textures.allocated().filter(|(_, texture)| texture.name == "mask").count()
}

#[test]
fn the_form_as_it_was_comes_back_with_the_mask_as_it_was() {
    let mut window = Window::open();
    window.start_from_picture(128, 128);
    window.add_rectangle();
    let painted = covered(window.state());
    assert!(painted.is_some());
    let seed_image = window.state().draft.seed_image.unwrap();
    let saved = window.folder().join(format!("painting/{seed_image}.png"));
    window.wait("the saved mask", move |_| saved.is_file());

    window.app.key_press_modifiers(Modifiers::COMMAND, Key::J);
    window.app.run_steps(4);
    let text = window.state().view.task_sheet.text.clone();
    let mut task: serde_json::Value = serde_json::from_str(&text).unwrap();
    task[0]["steps"] = serde_json::json!(7);
    window.write((Role::MultilineTextInput, "Task as JSON"), &task.to_string());
    assert_eq!(window.state().draft.steps, Some(7));
    window.app.state_mut().state.draft.mask.shape = MaskShape::Nowhere;
    window.app.run_steps(3);
    assert_eq!(covered(window.state()), None);
    window.click("Back to the form as it was");
    assert_eq!(window.state().draft.mask.shape, MaskShape::Painted);
    window.wait("the painted mask", move |state| covered(state) == painted);
}

#[test]
fn a_mask_leaves_the_graphics_card_with_its_picture() {
    let mut window = Window::open();
    window.start_from_picture(128, 128);
    window.add_rectangle();
    assert_eq!(squares(&window), 1);
    window.click("Remove the picture");
    window.app.run_steps(2);
    assert_eq!(squares(&window), 0);
}

#[test]
fn while_the_mask_is_changed_elsewhere_nothing_else_is_done_to_it() {
    let mut window = Window::open();
    window.start_from_picture(128, 128);
    window.add_rectangle();
    let before = mask(window.state());
    let all = ["Undo the mask", "Invert the mask", "Undo the stroke", "Import a mask"];
    for name in all {
        assert!(!window.is_disabled(name), "{name}");
    }
    // A change whose answer does not come.
    let painting = &mut window.app.state_mut().state.painting;
    let ticket = painting.ticket(Some(Extent::new(128, 128))).unwrap();
    window.app.run_steps(3);
    assert!(window.shows("working on the mask"));
    for name in all {
        assert!(window.is_disabled(name), "{name}");
    }
    assert!(mask(window.state()) == before && window.state().painting.is_waiting());

    // It comes after all.
    window.app.state_mut().state.mask_arrived(ticket, Ok(Some(before.inverted())));
    window.app.run_steps(3);
    assert!(!window.shows("working on the mask"));
    window.click("Undo the mask");
    assert!(mask(window.state()) == before, "nothing of its history was lost");

    // To clear the mask ends the waiting, for a dialog that nobody answers, say.
    let painting = &mut window.app.state_mut().state.painting;
    let late = painting.ticket(Some(Extent::new(128, 128))).unwrap();
    window.app.run_steps(3);
    window.click("Clear the mask");
    window.wait("none of it", |state| {
        !state.painting.is_waiting() && !mask(state).repaints_anything()
    });
    window.app.state_mut().state.mask_arrived(late, Ok(Some(before.inverted())));
    window.app.run_steps(3);
    assert!(!mask(window.state()).repaints_anything(), "too late");
    window.click("Undo the mask");
    assert!(mask(window.state()) == before);
    window.app.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::I);
    window.wait("all of it", |state| {
        covered(state) == Some(Rectangle::new(0, 0, 128, 128)) && mask(state).share() > 0.999
    });
}
