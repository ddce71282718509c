//! What a ControlNet's card holds below its name: the weight, and behind the fine adjustment its steps and mode.

use eframe::egui;
use egui::{Id, Ui};

use super::card::{self, Part};
use super::facts::RowFacts;
use crate::task::{ControlMode, ControlNet};
use crate::ui::panels::form::picture::help;
use crate::ui::widgets::{IconButton, RowLabel, Span, control_row, segmented, span_row};
use crate::ui::{Cx, icons};

/// Whether the card shows its steps and mode.
fn unfolded(ui: &Ui, row: &RowFacts) -> bool {
    ui.data(|data| data.get_temp(Id::unique(("fine", row.id)))).unwrap_or(true)
}

/// Folds the steps and the mode.
pub(super) fn tune_button(ui: &mut Ui, row: &RowFacts, size: f32) {
    let open = unfolded(ui, row);
    let name = format!("Steps and mode of {}", row.name);
    let hint = if open { "Fold steps and mode" } else { "Show steps and mode" };
    let button = IconButton::new(icons::TUNE, &name).hint(hint).active(open).size(size);
    if button.show(ui).clicked() {
        ui.data_mut(|data| data.insert_temp(Id::unique(("fine", row.id)), !open));
    }
}

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>, (row, part): (&RowFacts, Part)) {
    let defaults = cx.world.defaults(cx.draft);
    let steps = cx.draft.steps(&defaults).max(2);
    let says = &mut cx.draft.stacks.controls[row.index].says;
    match part {
        Part::Line => card::weight(ui, row, 0.0..=1.0, &mut says.weight),
        Part::Below if unfolded(ui, row) => {
            ui.spacing_mut().item_spacing.y = 2.0;
            ui.add_space(2.0);
            window(ui, (&row.name, steps), says);
            mode(ui, &row.name, &mut says.control_mode);
        }
        Part::Below => {}
    }
}

/// The steps that are guided: in percent, or as numbers of steps where a task that is reused has them so.
fn window(ui: &mut Ui, (of, steps): (&str, u32), control: &mut ControlNet) {
    let in_steps = control.start_step.is_some() || control.end_step.is_some();
    let (names, range, now) = if in_steps {
        let percent = |share: Option<u32>, otherwise: u32| {
            share.map_or(otherwise, |share| steps.saturating_mul(share).div_ceil(100).max(1))
        };
        let first = control.start_step.unwrap_or(percent(control.start_step_percentage, 1));
        let last = control.end_step.unwrap_or(percent(control.end_step_percentage, steps));
        (["From step", "To step"], 1..=steps, [first, last])
    } else {
        let first = control.start_step_percentage.unwrap_or(0);
        let last = control.end_step_percentage.unwrap_or(100);
        (["From %", "To %"], 0..=100, [first, last])
    };
    let (text, whole) = if in_steps { ("Steps", "0 to 100 %") } else { ("Steps %", "all") };
    let changed = in_steps || now != [0, 100];
    let label = RowLabel {
        text,
        help: "The part of the steps that is guided. Early steps decide what is where, late ones \
               the details.",
        default: changed.then_some(whole),
        of,
    };
    let (wanted, back) = span_row(ui, &Span { label, names, range, apart: 1 }, now);
    if back {
        (control.start_step, control.end_step) = (None, None);
        (control.start_step_percentage, control.end_step_percentage) = (None, None);
    } else if let Some([first, last]) = wanted {
        let changed = |place: usize, value: u32| now.get(place) != Some(&value);
        if in_steps {
            if changed(0, first) {
                (control.start_step, control.start_step_percentage) = (Some(first), None);
            }
            if changed(1, last) {
                (control.end_step, control.end_step_percentage) = (Some(last), None);
            }
        } else {
            if changed(0, first) {
                control.start_step_percentage = Some(first);
            }
            if changed(1, last) {
                control.end_step_percentage = Some(last);
            }
        }
    }
}

fn mode(ui: &mut Ui, of: &str, mode: &mut Option<ControlMode>) {
    const CHOICES: [(ControlMode, &str); 3] = [
        (ControlMode::Prompt, "Prompt"),
        (ControlMode::Balanced, "Both"),
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
