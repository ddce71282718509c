//! Models that follow a picture: ControlNets with their steps and mode, IP-Adapters.

use eframe::egui;
use egui::{ComboBox, Rect, Sense, Stroke, StrokeKind, Ui, Vec2};

use super::super::gallery::paint_cover;
use super::super::top_bar::unfold_icon;
use super::picture::{help, range};
use super::stacks::Row;
use crate::state::{Action, GuideSlot};
use crate::task::{ControlMode, ControlNet, ImageRef};
use crate::ui::textures::Look;
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::{Edit, Knob, RowLabel, control_row, segmented, slider_row};
use crate::ui::{Cx, icons};

pub(super) fn controls(ui: &mut Ui, cx: &mut Cx<'_>) {
    let defaults = cx.world.defaults(cx.draft);
    let steps = cx.draft.steps(&defaults);
    for index in 0..cx.draft.stacks.controls.len() {
        let control = &cx.draft.stacks.controls[index];
        let (slot, guide) = (GuideSlot::Control(control.id()), control.says.guide_image.clone());
        let row = Row::new(cx, ("controlNet", index), control.says.model.as_deref());
        let removed = row.show(ui, |ui| {
            guide_row(ui, cx, (slot, guide.as_ref()), &row.name);
            let control = &mut cx.draft.stacks.controls[index].says;
            row.weight(ui, 0.0..=1.0, &mut control.weight);
            window(ui, (&row.name, steps), control);
            mode(ui, &row.name, &mut control.control_mode);
        });
        if removed {
            cx.draft.stacks.controls.remove(index);
            return;
        }
    }
}

pub(super) fn image_prompts(ui: &mut Ui, cx: &mut Cx<'_>) {
    for index in 0..cx.draft.stacks.image_prompts.len() {
        let adapter = &cx.draft.stacks.image_prompts[index];
        let slot = GuideSlot::ImagePrompt(adapter.id());
        let guide = adapter.says.guide_image.clone();
        let row = Row::new(cx, ("ipAdapters", index), adapter.says.model.as_deref());
        let removed = row.show(ui, |ui| {
            guide_row(ui, cx, (slot, guide.as_ref()), &row.name);
            row.weight(ui, 0.0..=1.0, &mut cx.draft.stacks.image_prompts[index].says.weight);
        });
        if removed {
            cx.draft.stacks.image_prompts.remove(index);
            return;
        }
    }
}

/// The guide, small, and where another one comes from.
fn guide_row(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    (slot, image): (GuideSlot, Option<&ImageRef>),
    of: &str,
) {
    let (parameter, edges) = match slot {
        GuideSlot::Control(_) => ("controlNet[].guideImage", true),
        GuideSlot::ImagePrompt(_) => ("ipAdapters[].guideImage", false),
    };
    let label = RowLabel { text: "Guide", help: help(parameter), default: None, of };
    let text = match image {
        None => "Choose a guide picture",
        Some(ImageRef::Uuid(_)) => "A picture of the library",
        Some(_) => "A picture of the task",
    };
    let choices = [
        (true, "The picture on the canvas", Action::GuideByShown(slot)),
        (edges, "The edges of the picture on the canvas", Action::GuideByEdges(slot)),
        (true, "Open a file…", Action::OpenGuide(slot)),
    ];
    let mut chosen = None;
    ui.push_id(("guide", slot), |ui| {
        control_row(ui, label, |ui| {
            if let Some(ImageRef::Uuid(image_uuid)) = image {
                thumbnail(ui, cx, *image_uuid);
            }
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
                .accessible_name(label.name());
        });
    });
    cx.actions.extend(chosen);
}

/// The guide in the height of a row; empty until its file is found and read.
fn thumbnail(ui: &mut Ui, cx: &mut Cx<'_>, image_uuid: uuid::Uuid) {
    let colours = palette(ui);
    let (place, response) = ui.allocate_exact_size(Vec2::splat(space::ROW), Sense::hover());
    ui.painter().rect_filled(place, theme::RADIUS, colours.field);
    let size = cx.thumbnail(image_uuid);
    let look = cx.world.guide_file(image_uuid).map(|path| {
        let look = cx.textures.look_in_file(image_uuid, path, size);
        (look, path)
    });
    match look {
        Some((Look::Ready(drawable), _)) => {
            paint_cover(ui, &drawable, (place, theme::RADIUS));
        }
        Some((Look::Broken, path)) => {
            let icon = (icons::ERROR, theme::icon(18.0), colours.error);
            ui.painter().text(place.center(), egui::Align2::CENTER_CENTER, icon.0, icon.1, icon.2);
            response.on_hover_text(format!("This guide is gone or damaged: {}", path.display()));
        }
        Some((Look::Coming, _)) | None => {}
    }
    outline(ui, place);
}

fn outline(ui: &Ui, place: Rect) {
    let stroke = Stroke::new(theme::LINE, palette(ui).line);
    ui.painter().rect_stroke(place, theme::RADIUS, stroke, StrokeKind::Inside);
}

/// An edge of the steps that a `ControlNet` guides: as a share of them, or as one of them.
struct Edge<'a> {
    text: &'static str,
    percent: (&'static str, u32, &'a mut Option<u32>),
    step: (&'static str, &'static str, &'a mut Option<u32>),
}

/// The steps that a `ControlNet` guides, in percent; as numbers of steps where a task that is reused has
/// them so.
fn window(ui: &mut Ui, (of, steps): (&str, u32), control: &mut ControlNet) {
    let edges = [
        Edge {
            text: "From %",
            percent: ("startStepPercentage", 0, &mut control.start_step_percentage),
            step: ("From step", "startStep", &mut control.start_step),
        },
        Edge {
            text: "To %",
            percent: ("endStepPercentage", 100, &mut control.end_step_percentage),
            step: ("To step", "endStep", &mut control.end_step),
        },
    ];
    for Edge { text, percent: (member, default, percent), step: (step_text, step_member, step) } in
        edges
    {
        let word = format!("{default} %");
        if let Some(now) = *step {
            let parameter = format!("controlNet[].{step_member}");
            let help = help(&parameter);
            let label = RowLabel { text: step_text, help, default: Some(&word), of };
            *step = whole_row(ui, (label, 1.0..=f64::from(steps.max(1))), (Some(now), now));
            continue;
        }
        let parameter = format!("controlNet[].{member}");
        let changed = percent.is_some_and(|percent| percent != default);
        let default_word = changed.then_some(word.as_str());
        let label = RowLabel { text, help: help(&parameter), default: default_word, of };
        let range = range(&parameter, 0.0..=100.0);
        *percent = whole_row(ui, (label, range), (*percent, default));
    }
}

/// A row for a whole number, `otherwise` when there is none; gives what it is then.
fn whole_row(
    ui: &mut Ui,
    (label, range): (RowLabel<'_>, std::ops::RangeInclusive<f64>),
    (number, otherwise): (Option<u32>, u32),
) -> Option<u32> {
    let knob = Knob { label, range, step: 1.0, decimals: 0, problem: None };
    let mut value = f64::from(number.unwrap_or(otherwise));
    match ui.push_id(label.text, |ui| slider_row(ui, &knob, &mut value)).inner {
        Edit::Kept => number,
        Edit::Set => Some(value.round() as u32),
        Edit::Reset => None,
    }
}

fn mode(ui: &mut Ui, of: &str, mode: &mut Option<ControlMode>) {
    const CHOICES: [(ControlMode, &str); 3] = [
        (ControlMode::Prompt, "Prompt"),
        (ControlMode::Balanced, "Balanced"),
        (ControlMode::ControlNet, "Guide"),
    ];
    let help = help("controlNet[].controlMode");
    let label = RowLabel { text: "Follows", help, default: None, of };
    let before = mode.unwrap_or(ControlMode::Balanced);
    let mut now = before;
    let name = format!("{of} follows");
    control_row(ui, label, |ui| segmented(ui, &name, &CHOICES, &mut now));
    if now != before {
        *mode = Some(now);
    }
}
