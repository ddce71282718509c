//! Who makes the pictures: this machine or the service, on what, and what is missing for that.

use eframe::egui;
use egui::{Sense, Ui, WidgetInfo, vec2};

use crate::jobs::{Device, FailureKind, Status};
use crate::state::Action;
use crate::task::{EngineKind, ParameterRow};
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::{elided, segmented, text_button};
use crate::ui::{Cx, words};

/// What the form would lose on the other engine is named up to here.
const NAMED: usize = 6;

/// The two engines side by side.
pub(super) fn segment(ui: &mut Ui, cx: &mut Cx<'_>) {
    let mut chosen = cx.preferences.engine;
    let options = [(EngineKind::Local, "Local"), (EngineKind::Remote, "Remote")];
    let frame = segmented(ui, "Engine", &options, &mut chosen);
    if chosen != cx.preferences.engine {
        cx.actions.push(Action::UseEngine(chosen));
    }
    for (place, (kind, _)) in options.iter().enumerate() {
        let half = vec2(frame.width() / 2.0, frame.height());
        let min = frame.min + vec2(half.x * place as f32, 0.0);
        let id = ui.scope_id().with(("engine hint", place));
        let over = ui.interact(egui::Rect::from_min_size(min, half), id, Sense::hover());
        over.on_hover_text(hint(cx, *kind));
    }
}

/// What the engine is, and what of the form it would refuse.
fn hint(cx: &Cx<'_>, kind: EngineKind) -> String {
    let what = match kind {
        EngineKind::Local => "Pictures are made on this machine (ONNX Runtime)".to_owned(),
        EngineKind::Remote => {
            format!("Pictures are made by {}, for money", cx.world.engines.service)
        }
    };
    let refused = cx.world.engines.refused_by(kind);
    if refused.is_empty() || kind == cx.world.engines.kind {
        return what;
    }
    let name = |place: &str| {
        ParameterRow::find(place).map_or_else(|| place.to_owned(), |row| row.label.to_owned())
    };
    let mut lines: Vec<String> = refused
        .iter()
        .take(NAMED)
        .map(|(place, why)| match *place {
            "" => format!("– {why}"),
            place => format!("– {}: {why}", name(place)),
        })
        .collect();
    if refused.len() > NAMED {
        lines.push(format!("– and {} more", refused.len() - NAMED));
    }
    format!("{what}.\nThe form stays. Not taken there:\n{}", lines.join("\n"))
}

/// Why the service cannot be reached at the moment, as far as a job found out.
fn out_of_reach<'a>(cx: &Cx<'a>) -> Option<&'a String> {
    cx.world.queue.jobs().iter().find_map(|job| job.out_of_reach.as_ref())
}

/// What the chosen engine really runs on, or what to do so that it runs.
pub(super) fn device(ui: &mut Ui, cx: &mut Cx<'_>) {
    let is_remote = cx.world.engines.kind == EngineKind::Remote;
    let colours = palette(ui);
    let (dot, text, hint) = match &cx.world.status {
        Status::Starting => {
            let hint = if is_remote { "Looking for the key" } else { "Looking for ONNX Runtime" };
            (colours.faint, "Starting…".to_owned(), hint.to_owned())
        }
        Status::Ready(Device { name, fallback: None })
            if let Some(why) = out_of_reach(cx).filter(|_| is_remote) =>
        {
            (colours.caution, format!("{name}: no connection"), format!("Trying again: {why}"))
        }
        Status::Ready(Device { name, fallback: None }) if is_remote => (
            colours.ok,
            name.clone(),
            format!("Pictures are made by {name}; it is asked when the first job comes"),
        ),
        Status::Ready(Device { name, fallback: None }) => {
            (colours.ok, name.clone(), format!("Pictures are made on this machine: {name}"))
        }
        Status::Ready(Device { name, fallback: Some(why) }) => {
            (colours.caution, name.clone(), why.clone())
        }
        Status::Unavailable(failure) if failure.kind == FailureKind::KeyRefused => {
            let refused = cx.world.engines.refused.is_some();
            let text = if refused { "The key was refused" } else { "No key yet" };
            (colours.error, text.to_owned(), failure.headline.clone())
        }
        Status::Unavailable(failure) => {
            (colours.error, "Not available".to_owned(), failure.headline.clone())
        }
    };
    let button = if needs_key(cx) { 104.0 } else { 0.0 };
    let width = ui.available_width() - button;
    if width >= 40.0 {
        let galley = elided(ui, &text, theme::body(), colours.dim, width - 16.0);
        let (rect, response) =
            ui.allocate_exact_size(vec2(galley.size().x + 16.0, space::ROW), Sense::hover());
        ui.painter().circle_filled(rect.left_center() + vec2(4.0, 0.0), 3.5, dot);
        let at = egui::pos2(rect.left() + 14.0, rect.center().y - galley.size().y / 2.0);
        ui.painter().galley(at, galley, colours.dim);
        response.widget_info(|| WidgetInfo::labeled(egui::Role::Status, true, &text));
        response.on_hover_text(hint);
    }
    if needs_key(cx) && ui.available_width() > 90.0 && text_button(ui, words::ENTER_KEY).clicked() {
        cx.view.sheets.enter_key();
        cx.actions.push(Action::LookAtEngines);
    }
}

/// Whether the chosen engine waits for a key.
pub(super) fn needs_key(cx: &Cx<'_>) -> bool {
    matches!(&cx.world.status, Status::Unavailable(failure) if failure.kind == FailureKind::KeyRefused)
}
