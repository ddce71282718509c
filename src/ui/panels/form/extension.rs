//! How far the start picture grows: a number for each side, and the blur of the seam.

use eframe::egui;
use egui::Ui;

use super::picture::{help, range};
use super::{complaint, only_with_a_picture};
use crate::ui::Cx;
use crate::ui::widgets::{Edit, Knob, RowLabel, control_row, number_with_sign, slider_row};

/// What sides grow in steps of.
const GRID: u32 = 64;

/// Order of the API: clockwise from the top.
const SIDES: [(&str, &str, &str); 4] = [
    ("↑", "Extend above", "outpaint.top"),
    ("→", "Extend to the right", "outpaint.right"),
    ("↓", "Extend below", "outpaint.bottom"),
    ("←", "Extend to the left", "outpaint.left"),
];

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    only_with_a_picture(ui, cx, "Extend", |ui, cx| {
        sides(ui, cx);
    });
    if cx.draft.extends() {
        blur(ui, cx);
    }
}

fn sides(ui: &mut Ui, cx: &mut Cx<'_>) {
    let label = RowLabel {
        text: "Extend",
        help: "Pixels added on each side of the picture, in steps of 64; 0 adds none.",
        default: cx.draft.extends().then_some("no growth"),
        of: "",
    };
    let ((), back) = control_row(ui, label, |ui| numbers(ui, cx));
    if back {
        let extension = &mut cx.draft.extension;
        (extension.top, extension.right) = (None, None);
        (extension.bottom, extension.left) = (None, None);
    }
}

fn numbers(ui: &mut Ui, cx: &mut Cx<'_>) {
    const GAP: f32 = 4.0;
    ui.spacing_mut().item_spacing.x = GAP;
    let count = SIDES.len() as f32;
    let width = (ui.available_width() - GAP * (count - 1.0)) / count;
    for (sign, name, parameter) in SIDES {
        let problem = complaint(cx, &["outpaint", parameter]);
        let label = RowLabel { text: name, help: help(parameter), default: None, of: "" };
        let problem = problem.as_deref();
        let knob = Knob { label, range: 0.0..=2048.0, step: 16.0, decimals: 0, problem };
        let extension = &mut cx.draft.extension;
        let side = match parameter {
            "outpaint.top" => &mut extension.top,
            "outpaint.right" => &mut extension.right,
            "outpaint.bottom" => &mut extension.bottom,
            _ => &mut extension.left,
        };
        let before = side.unwrap_or(0);
        let mut value = f64::from(before);
        let response = number_with_sign(ui, sign, (&knob, &mut value), width);
        // Typed values are kept as they are, right or wrong, so that the problem can be shown.
        let typed = value.round() as u32;
        let now = if response.dragged() && typed != before { on_grid(value) } else { typed };
        if now != before {
            *side = (now > 0).then_some(now);
            cx.view.show_start();
        }
    }
}

/// The nearest multiple of 64.
fn on_grid(value: f64) -> u32 {
    (value / f64::from(GRID)).round() as u32 * GRID
}

fn blur(ui: &mut Ui, cx: &mut Cx<'_>) {
    let problem = complaint(cx, &["outpaint.blur"]);
    let now = cx.draft.extension.blur.unwrap_or(0);
    let label = RowLabel {
        text: "Seam blur",
        help: help("outpaint.blur"),
        default: (now > 0).then_some("0"),
        of: "",
    };
    let knob = Knob {
        label,
        range: range("outpaint.blur", 0.0..=32.0),
        step: 1.0,
        decimals: 0,
        problem: problem.as_deref(),
    };
    let mut value = f64::from(now);
    match slider_row(ui, &knob, &mut value) {
        Edit::Kept => {}
        Edit::Set => {
            cx.draft.extension.blur = Some(value.round() as u32).filter(|blur| *blur > 0);
        }
        Edit::Reset => cx.draft.extension.blur = None,
    }
}
