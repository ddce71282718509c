//! Stacks in the form: put on, weighed, taken off; what they hold stands in the task.

use egui_kittest::kittest::Queryable as _;
use latelier::jobs::Status;
use latelier::task::Lora;
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
    // Below what the form shows without scrolling.
    window.app.get_by_label("Take off Ink outline").click_accesskit();
    window.app.run_steps(3);
    assert!(!window.shows("Take off Ink outline"));
    assert_eq!(lora(&window), None);
}
