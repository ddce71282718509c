//! Stacks in the form: put on, weighed, guided, taken off; what they hold stands in the task.

use latelier::jobs::Status;
use latelier::task::{ImageRef, Lora};
use uuid::Uuid;

use crate::support::Window;

#[test]
fn a_lora_is_put_on_weighed_drawn_with_and_taken_off() {
    let mut window = Window::open();
    window.click("Add: LoRA");
    window.click("Ink outline");
    assert!(window.shows("Take off Ink outline"));
    window.set("Weight", -0.5);
    let model = Some("local:demo-outline@1".to_owned());
    let worn = Lora { model, weight: Some(-0.5), ..Lora::default() };
    let lora = |window: &Window| window.state().draft.to_task(Uuid::nil()).lora;
    assert_eq!(lora(&window), Some(vec![worn]));
    assert_eq!(window.state().world.problems, []);

    window.wait("the engine", |state| matches!(state.world.status, Status::Ready(_)));
    window.set("Steps", 2.0);
    window.click("Generate 128 × 128");
    window.wait("the picture", |state| state.world.gallery.newest().is_some());
    window.click("Take off Ink outline");
    assert!(!window.shows("Take off Ink outline"));
    assert_eq!(lora(&window), None);
}

#[test]
fn a_controlnet_waits_for_its_guide_which_the_canvas_can_give() {
    let mut window = Window::open();
    window.click("Add: ControlNet");
    window.click("Edges (Canny)");
    assert!(window.is_disabled("Generate 128 × 128"), "it has no guide");
    window.start_from_picture(128, 128);
    window.click("Guide");
    window.click("The edges of the picture on the canvas");
    let guide = |state: &latelier::state::State| state.draft.stacks.controls[0].guide_image.clone();
    window.wait("the guide", |state| matches!(guide(state), Some(ImageRef::Uuid(_))));
    assert!(!window.is_disabled("Vary 128 × 128"));
    window.set("To", 50.0);
    let control = window.state().draft.to_task(Uuid::nil()).control_net.unwrap().remove(0);
    assert_eq!(control.end_step_percentage, Some(50));
    assert_eq!(control.model.as_deref(), Some("local:demo-canny@1"));
}
