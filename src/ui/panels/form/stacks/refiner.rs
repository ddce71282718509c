//! The refiner: an SDXL model that finishes the picture, and when it takes over.

use eframe::egui;
use egui::Ui;

use super::super::rows::{Feature, feature_card};
use super::super::{complaint_within, engine};
use super::picker;
use crate::state::StackRow;
use crate::task::{ModelKind, Refiner};
use crate::ui::panels::form::picture::help;
use crate::ui::widgets::{
    Edit, IconButton, Knob, RowLabel, control_row, section_head, segmented, slider_row,
};
use crate::ui::{Cx, icons};

/// When it takes over where nothing else is said, in percent: as the SDXL report does.
const USUAL: u32 = 80;

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let problem = complaint_within(cx, &["refiner"]);
    let refusal = cx.world.refusals(engine(cx)).why("refiner").cloned();
    let there = cx.draft.stacks.refiner.is_some();
    section_head(ui, "Refiner", problem.as_deref(), |ui| {
        if !there {
            ui.add_enabled_ui(refusal.is_none(), |ui| {
                let button = IconButton::new(icons::ADD, "Add: Refiner").size(22.0).show(ui);
                if let Some(air) = picker::pick(ui, cx, (&button, ModelKind::Checkpoint, "Refiner"))
                {
                    cx.draft.stacks.add(ModelKind::Checkpoint, &air);
                }
            });
        }
        if let Some(refusal) = &refusal {
            super::refusal_words(ui, refusal);
        }
    });
    let defaults = cx.world.defaults(cx.draft);
    let steps = cx.draft.steps(&defaults).max(2);
    let Some(row) = &mut cx.draft.stacks.refiner else { return };
    let air = row.says.model.clone().unwrap_or_default();
    let card = cx.world.card(&air);
    let name = card.map_or_else(|| air.clone(), |card| card.name.clone());
    let feature = Feature { name: &name, salt: "refiner", hint: &air };
    let StackRow { off, says, .. } = row;
    if feature_card(ui, &feature, off, |ui| start(ui, steps, says)) {
        cx.draft.stacks.refiner = None;
    }
}

/// When it takes over: in percent or as a step.
fn start(ui: &mut Ui, steps: u32, says: &mut Refiner) {
    const UNITS: [(bool, &str); 2] = [(false, "percent"), (true, "step")];
    let mut in_steps = says.start_step.is_some();
    let before = in_steps;
    let label = RowLabel {
        text: "Counted in",
        help: "Whether the refiner takes over at a share of the steps or at one of them.",
        default: None,
        of: "Refiner",
    };
    control_row(ui, label, |ui| segmented(ui, "Refiner counted in", &UNITS, &mut in_steps));
    if in_steps != before {
        let percent = says.start_step_percentage.unwrap_or(USUAL);
        let step = says.start_step.unwrap_or(steps.saturating_mul(percent) / 100).clamp(2, steps);
        (says.start_step, says.start_step_percentage) =
            if in_steps { (Some(step), None) } else { (None, Some(percent)) };
    }
    let (text, parameter, range, now) = if in_steps {
        let now = says.start_step.unwrap_or(2);
        ("From step", "refiner.startStep", 2.0..=f64::from(steps), now)
    } else {
        let now = says.start_step_percentage.unwrap_or(USUAL);
        ("From %", "refiner.startStepPercentage", 1.0..=99.0, now)
    };
    let label = RowLabel { text, help: help(parameter), default: None, of: "Refiner" };
    let knob = Knob { label, range, step: 1.0, decimals: 0, problem: None };
    let mut value = f64::from(now);
    if slider_row(ui, &knob, &mut value) == Edit::Set {
        let value = value.round() as u32;
        if in_steps {
            says.start_step = Some(value);
        } else {
            says.start_step_percentage = Some(value);
        }
    }
}
