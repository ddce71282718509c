//! The form: prompts, picture, sampling, and the button that makes it happen.

mod extension;
mod footer;
mod mask;
mod more;
mod picture;
mod prompt;
mod rows;
mod seed;
mod size;
mod stacks;
mod start;

use eframe::egui;
use egui::{Frame, Margin, Panel, ScrollArea, Sense, Ui};

use crate::task::{EngineKind, Kind, ParameterName, ParameterRow, Problem};
use crate::ui::Cx;
use crate::ui::theme::{palette, space};
use crate::ui::widgets::tip;

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    Panel::bottom("generate")
        .exact_size(footer::HEIGHT)
        .resizable(false)
        .frame(Frame::new().fill(palette(ui).panel).inner_margin(Margin::same(12)))
        .show(ui, |ui| footer::ui(ui, cx));
    let margin = Margin { left: 12, right: 12, top: 8, bottom: 12 };
    ScrollArea::vertical().auto_shrink(false).content_margin(margin).show(ui, |ui| {
        prompt::ui(ui, cx);
        ui.add_space(space::SECTION - space::ROW_GAP);
        picture::ui(ui, cx);
        ui.add_space(space::SECTION - space::ROW_GAP);
        stacks::ui(ui, cx);
        ui.add_space(space::ROW_GAP);
        more::ui(ui, cx);
    });
}

/// The engine that the form is for.
const fn engine(cx: &Cx<'_>) -> EngineKind {
    cx.preferences.engine
}

/// Draws controls that need a picture to start from; without one they are faint and say why. They
/// are always there, so that nothing moves when a picture is opened.
fn only_with_a_picture(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    name: &str,
    add: impl FnOnce(&mut Ui, &mut Cx<'_>),
) {
    let there = cx.draft.has_start();
    let row = ui.add_enabled_ui(there, |ui| add(ui, cx));
    if !there {
        // What is disabled tells nothing by itself: the reason lies over it.
        let id = ui.scope_id().with((name, "why not"));
        let over = ui.interact(row.response.rect, id, Sense::hover());
        tip(ui, over, &format!("{name} needs a picture to start from: open one first"));
    }
}

/// What is wrong with one of `parameters`, unless it only is missing.
fn complaint(cx: &Cx<'_>, parameters: &[&str]) -> Option<String> {
    cx.world
        .problems
        .iter()
        .filter(|problem| !problem.code.starts_with("missing"))
        .find(|problem| parameters.iter().any(|parameter| problem.concerns(parameter)))
        .map(sentence)
}

/// What is wrong with one of `parameters` or something inside it, unless it only is missing.
fn complaint_within(cx: &Cx<'_>, parameters: &[&str]) -> Option<String> {
    cx.world
        .problems
        .iter()
        .filter(|problem| !problem.code.starts_with("missing"))
        .find(|problem| parameters.iter().any(|parameter| problem.is_within(parameter)))
        .map(sentence)
}

/// The problem in as few words as a form has room for.
pub(super) fn sentence(problem: &Problem) -> String {
    let place = match &problem.parameter {
        Some(ParameterName::One(name)) => name.as_str(),
        _ => "",
    };
    if problem.code.starts_with("missing") && place.ends_with("].guideImage") {
        return "Choose a guide picture".to_owned();
    }
    if problem.code.starts_with("unknownWildcard") {
        return problem.message.split(':').next().unwrap_or_default().to_owned();
    }
    let row = match &problem.parameter {
        Some(ParameterName::One(name)) => ParameterRow::find(name),
        _ => None,
    };
    match (row, &problem.min, &problem.max, &problem.multiplier) {
        (Some(row), Some(min), Some(max), Some(step)) => {
            format!("{}: {min} to {max} in steps of {step}", row.label)
        }
        (Some(row), Some(min), Some(max), None) if is_number(row) => {
            format!("{}: {min} to {max}", row.label)
        }
        _ => problem.message.clone(),
    }
}

const fn is_number(row: &ParameterRow) -> bool {
    matches!(row.kind, Kind::Integer { .. } | Kind::Float { .. })
}
