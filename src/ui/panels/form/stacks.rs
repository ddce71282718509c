//! Stacks: LoRAs, embeddings, guides. One block a model: its name, its weight, its guide.

use eframe::egui;
use egui::{Align2, ComboBox, Sense, Ui, vec2};

use super::super::top_bar::unfold_icon;
use super::picture::{help, range};
use crate::state::{Action, GuideSlot};
use crate::task::{ControlMode, ImageRef, ModelCard, ModelKind};
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::{
    Edit, IconButton, Knob, RowLabel, control_row, paint_elided, section_title, segmented,
    slider_row,
};
use crate::ui::{Cx, icons};

/// Those whose problems the section's title tells.
const PARAMETERS: [&str; 5] =
    ["lora", "embeddings", "controlNet", "ipAdapters", "acceleratorOptions"];

/// Kinds that are stacked: what the row is called, the parameter, the kind.
const KINDS: [(&str, &str, ModelKind); 4] = [
    ("LoRA", "lora", ModelKind::Lora),
    ("Embedding", "embeddings", ModelKind::Embedding),
    ("ControlNet", "controlNet", ModelKind::ControlNet),
    ("IP-Adapter", "ipAdapters", ModelKind::IpAdapter),
];

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let problem = cx
        .world
        .problems
        .iter()
        .find(|problem| PARAMETERS.iter().any(|name| problem.is_within(name)));
    let problem = problem.map(|problem| problem.message.clone());
    section_title(ui, "Stacks", "", problem.as_deref());
    for (name, parameter, kind) in KINDS {
        add_row(ui, cx, (name, parameter), kind);
        match kind {
            ModelKind::Lora => loras(ui, cx),
            ModelKind::Embedding => embeddings(ui, cx),
            ModelKind::ControlNet => controls(ui, cx),
            _ => image_prompts(ui, cx),
        }
    }
    deep_cache(ui, cx);
}

/// The row that puts a model of the library on its stack.
fn add_row(ui: &mut Ui, cx: &mut Cx<'_>, (name, parameter): (&str, &str), kind: ModelKind) {
    let models = std::sync::Arc::clone(&cx.world.models);
    let base = cx.draft.model.as_deref().and_then(|air| cx.world.checkpoint(air)).cloned();
    let fits = |card: &ModelCard| {
        card.kind == kind
            && base.as_ref().is_none_or(|base| base.architecture.fits(card.architecture))
    };
    let cards: Vec<&ModelCard> =
        models.iter().map(AsRef::as_ref).filter(|card| fits(card)).collect();
    let label = RowLabel { text: name, help: help(parameter), default: None };
    let mut chosen = None;
    control_row(ui, label, |ui| {
        let text = if cards.is_empty() { "None in the library" } else { "Add…" };
        ui.add_enabled_ui(!cards.is_empty(), |ui| {
            ComboBox::from_id_salt(("add", name))
                .width(ui.available_width())
                .icon(unfold_icon)
                .selected_text(text)
                .truncate()
                .show_ui(ui, |ui| {
                    for card in &cards {
                        let hint = card.air.to_string();
                        if ui.selectable_label(false, &card.name).on_hover_text(hint).clicked() {
                            chosen = Some((*card).clone());
                        }
                    }
                })
                .response
                .accessible_name(format!("Add: {name}"));
        });
    });
    if let Some(card) = chosen {
        cx.draft.stacks.add(&card);
    }
}

fn loras(ui: &mut Ui, cx: &mut Cx<'_>) {
    for index in 0..cx.draft.stacks.loras.len() {
        let air = cx.draft.stacks.loras[index].model.clone();
        if head(ui, cx, "lora", (index, air.as_deref())) {
            cx.draft.stacks.loras.remove(index);
            return;
        }
        let weight = &mut cx.draft.stacks.loras[index].weight;
        weigh(ui, ("lora", index), -4.0..=4.0, weight);
    }
}

fn embeddings(ui: &mut Ui, cx: &mut Cx<'_>) {
    for index in 0..cx.draft.stacks.embeddings.len() {
        let air = cx.draft.stacks.embeddings[index].model.clone();
        if head(ui, cx, "embeddings", (index, air.as_deref())) {
            cx.draft.stacks.embeddings.remove(index);
            return;
        }
        let weight = &mut cx.draft.stacks.embeddings[index].weight;
        weigh(ui, ("embeddings", index), -4.0..=4.0, weight);
    }
}

fn controls(ui: &mut Ui, cx: &mut Cx<'_>) {
    for index in 0..cx.draft.stacks.controls.len() {
        let control = &cx.draft.stacks.controls[index];
        let (air, guided) = (control.model.clone(), control.guide_image.clone());
        if head(ui, cx, "controlNet", (index, air.as_deref())) {
            cx.draft.stacks.controls.remove(index);
            return;
        }
        guide(ui, cx, (GuideSlot::Control(index), guided.as_ref()));
        let control = &mut cx.draft.stacks.controls[index];
        weigh(ui, ("controlNet", index), 0.0..=1.0, &mut control.weight);
        window(ui, index, control);
        mode(ui, index, &mut control.control_mode);
    }
}

fn image_prompts(ui: &mut Ui, cx: &mut Cx<'_>) {
    for index in 0..cx.draft.stacks.image_prompts.len() {
        let adapter = &cx.draft.stacks.image_prompts[index];
        let (air, guided) = (adapter.model.clone(), adapter.guide_image.clone());
        if head(ui, cx, "ipAdapters", (index, air.as_deref())) {
            cx.draft.stacks.image_prompts.remove(index);
            return;
        }
        guide(ui, cx, (GuideSlot::ImagePrompt(index), guided.as_ref()));
        let weight = &mut cx.draft.stacks.image_prompts[index].weight;
        weigh(ui, ("ipAdapters", index), 0.0..=1.0, weight);
    }
}

/// The model's name and the button that takes it off. Returns whether it was pressed.
fn head(ui: &mut Ui, cx: &Cx<'_>, parameter: &str, (index, air): (usize, Option<&str>)) -> bool {
    let air = air.unwrap_or_default();
    let card = cx.world.models.iter().find(|card| card.air.to_string() == air);
    let name = card.map_or_else(|| format!("{air}, not in the library"), |card| card.name.clone());
    let place = format!("{parameter}[{index}]");
    let wrong = cx.world.problems.iter().find(|problem| problem.is_within(&place));
    let wrong = wrong.map(|problem| problem.message.clone());
    let colours = palette(ui);
    let mut pressed = false;
    ui.push_id((parameter, index), |ui| {
        ui.horizontal(|ui| {
            let width = ui.available_width() - space::ROW - ui.spacing().item_spacing.x;
            let (rect, response) = ui.allocate_exact_size(vec2(width, space::ROW), Sense::hover());
            let colour =
                if wrong.is_some() || card.is_none() { colours.error } else { colours.text };
            let at = (rect.left_center(), Align2::LEFT_CENTER);
            paint_elided(ui, at, &name, (theme::body(), colour), rect.width());
            response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, &name));
            response.on_hover_text(wrong.as_deref().unwrap_or(air));
            let remove = format!("Take off {name}");
            pressed = IconButton::new(icons::CLOSE, &remove).show(ui).clicked();
        });
    });
    pressed
}

fn weigh(
    ui: &mut Ui,
    (parameter, index): (&str, usize),
    otherwise: std::ops::RangeInclusive<f64>,
    weight: &mut Option<f64>,
) {
    const DEFAULT: f64 = 1.0;
    let name = format!("{parameter}[].weight");
    let changed = weight.is_some_and(|weight| (weight - DEFAULT).abs() > f64::EPSILON);
    let label = RowLabel { text: "Weight", help: help(&name), default: changed.then_some("1.00") };
    let knob =
        Knob { label, range: range(&name, otherwise), step: 0.05, decimals: 2, problem: None };
    let mut value = weight.unwrap_or(DEFAULT);
    let edit = ui.push_id((parameter, index, "weight"), |ui| slider_row(ui, &knob, &mut value));
    match edit.inner {
        Edit::Kept => {}
        Edit::Set => *weight = Some(value),
        Edit::Reset => *weight = None,
    }
}

/// Where a guide comes from.
fn guide(ui: &mut Ui, cx: &mut Cx<'_>, (slot, image): (GuideSlot, Option<&ImageRef>)) {
    let edges = matches!(slot, GuideSlot::Control(_));
    let label = RowLabel { text: "Guide", help: help("controlNet[].guideImage"), default: None };
    let text = match image {
        None => "Choose a picture…",
        Some(ImageRef::Uuid(_)) => "A picture of the library",
        Some(_) => "A picture of the task",
    };
    let choices = [
        (true, "The picture on the canvas", Action::GuideByShown(slot)),
        (edges, "The edges of the picture on the canvas", Action::GuideByEdges(slot)),
        (true, "Open a file…", Action::OpenGuide(slot)),
    ];
    let mut chosen = None;
    ui.push_id(("guide", format!("{slot:?}")), |ui| {
        control_row(ui, label, |ui| {
            ComboBox::from_id_salt("guide")
                .width(ui.available_width())
                .icon(unfold_icon)
                .selected_text(text)
                .truncate()
                .show_ui(ui, |ui| {
                    for (there, name, action) in choices {
                        if there && ui.selectable_label(false, name).clicked() {
                            chosen = Some(action);
                        }
                    }
                })
                .response
                .accessible_name("Guide");
        });
    });
    cx.actions.extend(chosen);
}

/// The steps that a `ControlNet` guides, in percent.
fn window(ui: &mut Ui, index: usize, control: &mut crate::task::ControlNet) {
    let rows = [
        ("From", "startStepPercentage", 0, &mut control.start_step_percentage),
        ("To", "endStepPercentage", 100, &mut control.end_step_percentage),
    ];
    // Windows in steps come from a task that is reused; they stay as they are.
    if control.start_step.is_some() || control.end_step.is_some() {
        return;
    }
    for (text, member, default, percentage) in rows {
        let name = format!("controlNet[].{member}");
        let word = format!("{default} %");
        let changed = percentage.is_some_and(|percent| percent != default);
        let label = RowLabel { text, help: help(&name), default: changed.then_some(&word) };
        let knob =
            Knob { label, range: range(&name, 0.0..=100.0), step: 1.0, decimals: 0, problem: None };
        let mut value = f64::from(percentage.unwrap_or(default));
        let edit = ui.push_id((index, member), |ui| slider_row(ui, &knob, &mut value)).inner;
        match edit {
            Edit::Kept => {}
            Edit::Set => *percentage = Some(value.round() as u32),
            Edit::Reset => *percentage = None,
        }
    }
}

fn mode(ui: &mut Ui, index: usize, mode: &mut Option<ControlMode>) {
    const CHOICES: [(ControlMode, &str); 3] = [
        (ControlMode::Prompt, "Prompt"),
        (ControlMode::Balanced, "Balanced"),
        (ControlMode::ControlNet, "Guide"),
    ];
    let label = RowLabel { text: "Follows", help: help("controlNet[].controlMode"), default: None };
    let before = mode.unwrap_or(ControlMode::Balanced);
    let mut now = before;
    ui.push_id((index, "mode"), |ui| {
        control_row(ui, label, |ui| segmented(ui, "Follows", &CHOICES, &mut now));
    });
    if now != before {
        *mode = Some(now);
    }
}

/// Whether deep features are kept between steps.
fn deep_cache(ui: &mut Ui, cx: &mut Cx<'_>) {
    const CHOICES: [(bool, &str); 2] = [(false, "Off"), (true, "On")];
    let label =
        RowLabel { text: "DeepCache", help: help("acceleratorOptions.deepCache"), default: None };
    let before = cx.draft.stacks.deep_cache();
    let mut on = before;
    control_row(ui, label, |ui| segmented(ui, "DeepCache", &CHOICES, &mut on));
    if on != before {
        cx.draft.stacks.set_deep_cache(on);
    }
}
