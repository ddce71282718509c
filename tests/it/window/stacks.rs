//! Stacks in the form: put on, weighed, guided, taken off; what they hold stands in the task.

use std::fs;

use egui_kittest::kittest::{NodeT as _, Queryable as _};
use latelier::jobs::Status;
use latelier::library::Home;
use latelier::state::StackDraft;
use latelier::task::{
    AcceleratorOptions, ControlMode, ControlNet, ImageRef, IpAdapter, Lora, Preprocessor, Task,
};
use serde_json::json;
use uuid::Uuid;

use crate::support::{Window, golden, scratch};

const CONTROL: &str = "Edges (Canny)";

#[test]
fn a_lora_is_put_on_weighed_drawn_with_and_taken_off() {
    let mut window = Window::open();
    window.click("Add: LoRA");
    window.click("Ink outline");
    assert!(window.shows("Take off Ink outline"));
    window.set("Weight of Ink outline", -0.5);
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
    window.press("Take off Ink outline");
    assert!(!window.shows("Take off Ink outline"));
    assert_eq!(lora(&window), None);
}

/// Rows are drawn each frame; only the user changes what they hold.
#[test]
fn values_between_two_steps_of_a_slider_stay_as_they_were_typed_or_reused() {
    let mut window = Window::open();
    window.click("Add: LoRA");
    window.click("Ink outline");
    let weight = |window: &Window| window.state().draft.stacks.loras[0].says.weight;
    window.set("Weight of Ink outline", 0.33);
    window.app.run_steps(5);
    assert_eq!(weight(&window), Some(0.33));

    let task = json!({
        "taskType": "imageInference", "taskUUID": Uuid::new_v4().to_string(), "CFGScale": 7.25,
        "lora": [{ "model": "local:demo-outline@1", "weight": 0.725 }],
        "ipAdapters": [{ "model": "local:none@1", "weight": 3 }],
    });
    // The last weight is out of its range: it is told, and not put right in silence.
    let task: Task = serde_json::from_value(task).unwrap();
    let draft = &mut window.app.state_mut().state.draft;
    draft.stacks = StackDraft::from(&task);
    draft.cfg_scale = task.cfg_scale;
    let before = draft.clone();
    window.app.run_steps(5);
    assert_eq!(window.state().draft, before);
    window.set("Guidance", 7.04);
    assert_eq!(window.state().draft.cfg_scale, Some(7.04));
}

/// From the picture on the canvas to a picture that follows its edges.
#[test]
fn a_controlnet_is_guided_by_edges_and_drawn_with() {
    let mut window = Window::open();
    window.wait("the engine", |state| matches!(state.world.status, Status::Ready(_)));
    window.set("Steps", 6.0);
    window.press("Add: ControlNet");
    window.click(CONTROL);
    assert!(window.shows("Choose a guide picture"), "what is to be done is said");
    assert!(window.is_disabled("Generate 128 × 128"));
    let guide = format!("Guide of {CONTROL}");
    window.press(&guide);
    window.click("The picture on the canvas");
    assert!(window.shows("There is no picture on the canvas"));

    window.start_from_picture(128, 128);
    window.press(&guide);
    window.click("Edges (canny)");
    let guided =
        |state: &latelier::state::State| state.draft.stacks.controls[0].says.guide_image.clone();
    window.wait("the guide", |state| guided(state).is_some());
    assert_eq!(window.state().world.opening, 0);
    window.wait("its file", |state| match guided(state) {
        Some(ImageRef::Uuid(uuid)) => state.world.guide_file(uuid).is_some(),
        _ => false,
    });
    window.press("Remove the picture");
    window.set(&format!("Weight of {CONTROL}"), 0.75);
    window.set(&format!("From % of {CONTROL}"), 10.0);
    window.set(&format!("To % of {CONTROL}"), 90.0);
    window.press(&format!("{CONTROL} follows Guide"));
    window.press("More");
    window.press("DeepCache");
    window.set("Interval of DeepCache", 2.0);
    window.set("Branch of DeepCache", 1.0);

    let task = window.state().draft.to_task(Uuid::nil());
    let expected = ControlNet {
        model: Some("local:demo-canny@1".to_owned()),
        guide_image: guided(window.state()),
        weight: Some(0.75),
        start_step_percentage: Some(10),
        end_step_percentage: Some(90),
        control_mode: Some(ControlMode::ControlNet),
        ..ControlNet::default()
    };
    assert_eq!(task.control_net, Some(vec![expected]));
    let cached = AcceleratorOptions {
        deep_cache: Some(true),
        deep_cache_interval: Some(2),
        deep_cache_branch_id: Some(1),
        ..AcceleratorOptions::default()
    };
    assert_eq!(task.accelerator_options, Some(cached));
    window.click("Generate 128 × 128");
    window.wait("the picture", |state| state.world.gallery.newest().is_some());
    let made = window.state().world.gallery.newest().unwrap();
    assert_eq!(made.task().unwrap().control_net, task.control_net);
    assert!(made.speed_up.is_some_and(|times| times > 0.0));
    window.wait("the end", |state| state.world.queue.jobs().is_empty());
    assert!(window.shows("1 picture on this CPU, "), "the like of it was measured");
    window.press("DeepCache");
    assert!(!window.shows("1 picture on this CPU, "), "without it steps take another time");
}

/// By a network that the user put there; those whose network is missing say so.
#[test]
fn a_guide_is_drawn_by_a_network_of_the_user() {
    let mut window = Window::open();
    let folder = Home::at(window.folder()).annotators_dir();
    fs::create_dir_all(&folder).unwrap();
    fs::copy(golden("annotators/depth-open-14.onnx"), folder.join("depth.onnx")).unwrap();
    window.app.event(egui::Event::WindowFocused(true));
    window.wait("the network", |state| {
        let world = &state.world;
        world.annotator_missing(Preprocessor::Openpose).is_some()
            && world.annotator_missing(Preprocessor::Depth).is_none()
    });
    window.start_from_picture(96, 64);
    window.press("Add: ControlNet");
    window.click(CONTROL);
    window.press(&format!("Guide of {CONTROL}"));
    assert!(window.is_disabled("Pose (openpose)") && !window.is_disabled("Depth"));
    window.press("Depth");
    window.wait("the guide", |state| state.draft.stacks.controls[0].says.guide_image.is_some());
    assert!(window.state().world.notices.is_empty());
    let Some(ImageRef::Uuid(guide)) = window.state().draft.stacks.controls[0].says.guide_image
    else {
        panic!("guides are kept in the library")
    };
    window.wait("its file", move |state| state.world.guide_file(guide).is_some());
    let guide = latelier::library::read_picture(window.state().world.guide_file(guide).unwrap());
    assert_eq!(guide.unwrap().extent(), latelier::pixels::Extent::new(96, 64));
}

#[test]
fn steps_of_a_reused_window_are_seen_and_can_be_changed() {
    let mut window = Window::open();
    let task = json!({
        "taskType": "imageInference", "taskUUID": Uuid::new_v4().to_string(),
        "controlNet": [{ "model": "local:demo-canny@1", "guideImage": Uuid::new_v4().to_string(), "startStep": 3, "endStep": 6 }],
    });
    let stacks = StackDraft::from(&Task::from_json(&task).unwrap());
    window.app.state_mut().state.draft.stacks = stacks;
    window.app.run_steps(3);
    let control = |window: &Window| window.state().draft.stacks.controls[0].says.clone();
    window.set(&format!("To step of {CONTROL}"), 8.0);
    assert_eq!((control(&window).start_step, control(&window).end_step), (Some(3), Some(8)));
    window.press(&format!("Steps of {CONTROL}: back to 0 to 100 %"));
    window.set(&format!("From % of {CONTROL}"), 25.0);
    let ControlNet { start_step, start_step_percentage, .. } = control(&window);
    assert_eq!((start_step, start_step_percentage), (None, Some(25)));
    assert!(!window.shows(&format!("From step of {CONTROL}")));
}

#[test]
fn an_adapter_follows_the_picture_on_the_canvas() {
    let models = scratch();
    let adapter = golden("ip_adapter/plain.safetensors");
    fs::copy(adapter, models.path().join("likeness.safetensors")).unwrap();
    let mut window = Window::open_with_models(models.path());
    window.start_from_picture(96, 64);
    window.press("Add: IP-Adapter");
    window.click("likeness");
    window.set("Weight of likeness", 0.4);
    window.press("Guide of likeness");
    assert!(!window.shows("Edges (canny)"), "edges are a ControlNet's");
    window.click("The picture on the canvas");
    window
        .wait("the guide", |state| state.draft.stacks.image_prompts[0].says.guide_image.is_some());
    let seed = window.state().draft.seed_image.unwrap();
    let expected = IpAdapter {
        model: Some("local:likeness@1".to_owned()),
        guide_image: Some(ImageRef::Uuid(seed)),
        weight: Some(0.4),
        ..IpAdapter::default()
    };
    let task = window.state().draft.to_task(Uuid::nil());
    assert_eq!(task.ip_adapters, Some(vec![expected]), "the same content has the same name");
}

#[test]
fn what_cannot_be_used_is_seen_with_its_reason_and_not_chosen() {
    let models = scratch();
    let file = fs::read(golden("tiny-sd1/model.safetensors")).unwrap();
    fs::write(models.path().join("halved.safetensors"), &file[..file.len() / 2]).unwrap();
    fs::create_dir(models.path().join("loras")).unwrap();
    fs::write(models.path().join("loras/torn.safetensors"), "no model").unwrap();
    fs::write(models.path().join("loras/torn.latelier.json"), "{").unwrap();
    let mut window = Window::open_with_models(models.path());
    window.wait_shown("torn.latelier.json is not a model record");
    window.click("Model");
    let row = window.app.get_by_label_contains("halved");
    assert!(row.accesskit_node().is_disabled());
    window.app.key_press(egui::Key::Escape);
    window.app.run_steps(3);
    window.press("Add: LoRA");
    assert!(window.is_disabled("torn"));
}

/// The models of another family are there, faint, and cannot be put on.
#[test]
fn what_does_not_fit_is_faint_and_the_list_is_searched() {
    let models = scratch();
    let mut window = Window::open_with_models(models.path());
    window.click("Add: LoRA");
    assert!(!window.is_disabled("Ink outline"));
    window.write((egui::Role::TextInput, "Search: LoRA"), "no such name");
    assert!(!window.shows("Ink outline") && window.shows("called like that"));
    window.write((egui::Role::TextInput, "Search: LoRA"), "outline INK");
    assert!(window.shows("Ink outline"));
    window.write((egui::Role::TextInput, "Search: LoRA"), "civitai:12@34");
    window.click("Use civitai:12@34");
    let rows = &window.state().draft.stacks.loras;
    assert_eq!(rows[0].says.model.as_deref(), Some("civitai:12@34"));
    assert!(window.is_disabled("Generate 128 × 128"), "this machine has no such model");

    window.click("Add: LoRA");
    let search = |window: &Window| {
        let field = window.app.get_by_role_and_label(egui::Role::TextInput, "Search: LoRA");
        (field.is_focused(), field.value().unwrap_or_default())
    };
    assert_eq!(search(&window), (true, String::new()), "as it was the first time");
    window.write((egui::Role::TextInput, "Search: LoRA"), "outl");
    window.app.key_press(egui::Key::Escape);
    window.app.run_steps(3);
    window.click("Add: LoRA");
    assert_eq!(search(&window), (true, String::new()));
}

#[test]
fn a_row_that_is_off_stays_in_the_form_and_out_of_the_task() {
    let mut window = Window::open();
    window.click("Add: LoRA");
    window.click("Ink outline");
    window.set("Weight of Ink outline", 0.5);
    window.click("Use Ink outline");
    let lora = |window: &Window| window.state().draft.to_task(Uuid::nil()).lora;
    assert_eq!(lora(&window), None);
    assert!(window.shows("Take off Ink outline"));
    let saved = serde_json::to_string(&window.state().draft).unwrap();
    let back: latelier::state::Draft = serde_json::from_str(&saved).unwrap();
    assert_eq!(back, window.state().draft);
    assert!(back.stacks.loras[0].off && back.stacks.loras[0].says.weight == Some(0.5));
    window.click("Use Ink outline");
    assert_eq!(lora(&window).map(|rows| rows.len()), Some(1));
}

#[test]
fn rows_change_places_by_menu_and_by_dragging() {
    let mut window = Window::open();
    for weight in [0.1, 0.2, 0.3] {
        let row = Lora {
            model: Some("local:demo-outline@1".to_owned()),
            weight: Some(weight),
            ..Lora::default()
        };
        window.app.state_mut().state.draft.stacks.loras.push(row.into());
    }
    window.app.run_steps(3);
    let weights = |window: &Window| -> Vec<f64> {
        let rows = &window.state().draft.stacks.loras;
        rows.iter().filter_map(|row| row.says.weight).collect()
    };
    window.press("Move Ink outline 3");
    window.press("Move up");
    assert_eq!(weights(&window), [0.1, 0.3, 0.2]);
    window.press("Move Ink outline");
    assert!(window.is_disabled("Move up"), "it is the first");
    window.press("Move to the bottom");
    assert_eq!(weights(&window), [0.3, 0.2, 0.1]);

    let grip = |window: &Window, name: &str| window.app.get_by_label(name).rect().center();
    let from = grip(&window, "Move Ink outline");
    let to = grip(&window, "Move Ink outline 3") + egui::vec2(0.0, 30.0);
    window.app.hover_at(from);
    window.app.drag_at(from);
    window.app.run_steps(2);
    window.app.hover_at(from + (to - from) / 2.0);
    window.app.run_steps(2);
    window.app.hover_at(to);
    window.app.run_steps(2);
    window.app.drop_at(to);
    window.app.run_steps(3);
    assert_eq!(weights(&window), [0.2, 0.1, 0.3]);
}

#[test]
fn the_last_row_is_reached_in_a_small_window() {
    let mut window = Window::open();
    window.app.set_size(egui::vec2(900.0, 600.0));
    window.app.run_steps(4);
    window.press("Add: ControlNet");
    window.click(CONTROL);
    window.press("More");
    window.press("DeepCache");
    window.app.get_by_role_and_label(egui::Role::SpinButton, "Branch of DeepCache").scroll_to_me();
    window.app.run_steps(30);
    let screen = egui::Rect::from_min_size(egui::Pos2::ZERO, egui::vec2(900.0, 600.0));
    let generate = window.app.get_by_label("Generate 128 × 128").rect();
    for label in ["DeepCache", "Branch of DeepCache"] {
        let rect = window.app.get_all_by_label(label).last().unwrap().rect();
        assert!(screen.contains_rect(rect) && rect.bottom() < generate.top(), "{label}: {rect}");
    }
}
