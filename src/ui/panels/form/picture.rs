//! How the picture is made: what it starts from, size, steps, guidance, scheduler, seed, how many.

use eframe::egui;
use egui::{Align2, ComboBox, Ui};

use super::super::top_bar::unfold_icon;
use super::{complaint, engine, extension, mask, only_with_a_picture, seed, size, start};
use crate::jobs::NsfwScore;
use crate::task::{
    DEFAULT_STRENGTH, EngineKind, Kind, ModelDefaults, ParameterRow, SCHEDULERS, SchedulerRow,
};
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::{
    Edit, Knob, RowLabel, control_row, error_outline, number, paint_elided, section_title,
    segmented, slider_row, tip,
};
use crate::ui::{Cx, words};

/// Those whose problems the section's title tells; the size has a line of its own.
const PARAMETERS: [&str; 16] = [
    "seedImage",
    "strength",
    "maskImage",
    "maskMargin",
    "outpaint",
    "outpaint.top",
    "outpaint.right",
    "outpaint.bottom",
    "outpaint.left",
    "outpaint.blur",
    "steps",
    "CFGScale",
    "scheduler",
    "seed",
    "numberResults",
    "checkNSFW",
];

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let defaults = cx.world.defaults(cx.draft);
    let problem = complaint(cx, &PARAMETERS);
    let (fits, _) = size::fitness(cx, &defaults);
    section_title(ui, "Picture", &fits, problem.as_deref());
    start::ui(ui, cx, &defaults);
    only_with_a_picture(ui, cx, "Strength", strength);
    mask::ui(ui, cx);
    extension::ui(ui, cx);
    size::ui(ui, cx, &defaults);
    steps(ui, cx, &defaults);
    guidance(ui, cx, &defaults);
    scheduler(ui, cx, &defaults);
    seed::ui(ui, cx);
    results(ui, cx);
}

/// Whether two values are not shown as the same.
fn differ(one: f64, other: f64) -> bool {
    (one - other).abs() > 1e-4
}

/// How far to leave the picture.
fn strength(ui: &mut Ui, cx: &mut Cx<'_>) {
    const DEFAULT: &str = "0.80";
    let label = RowLabel {
        text: "Strength",
        help: help("strength"),
        default: differ(cx.draft.strength(), DEFAULT_STRENGTH).then_some(DEFAULT),
        of: "",
    };
    let problem = complaint(cx, &["strength"]);
    let knob = Knob {
        label,
        range: range("strength", 0.0..=1.0),
        step: 0.01,
        decimals: 2,
        problem: problem.as_deref(),
    };
    let mut value = cx.draft.strength();
    match slider_row(ui, &knob, &mut value) {
        Edit::Kept => {}
        Edit::Set => cx.draft.strength = Some(value),
        Edit::Reset => cx.draft.strength = None,
    }
}

fn steps(ui: &mut Ui, cx: &mut Cx<'_>, defaults: &ModelDefaults) {
    let default = defaults.steps.to_string();
    let label = RowLabel {
        text: "Steps",
        help: help("steps"),
        default: (cx.draft.steps(defaults) != defaults.steps).then_some(&default),
        of: "",
    };
    let problem = complaint(cx, &["steps"]);
    let knob = Knob {
        label,
        range: range("steps", 1.0..=100.0),
        step: 1.0,
        decimals: 0,
        problem: problem.as_deref(),
    };
    let mut value = f64::from(cx.draft.steps(defaults));
    match slider_row(ui, &knob, &mut value) {
        Edit::Kept => {}
        Edit::Set => cx.draft.steps = Some(value.round() as u32),
        Edit::Reset => cx.draft.steps = None,
    }
}

fn guidance(ui: &mut Ui, cx: &mut Cx<'_>, defaults: &ModelDefaults) {
    let default = format!("{:.1}", defaults.cfg_scale);
    let label = RowLabel {
        text: "Guidance",
        help: help("CFGScale"),
        default: differ(cx.draft.cfg_scale(defaults), f64::from(defaults.cfg_scale))
            .then_some(&default),
        of: "",
    };
    let problem = complaint(cx, &["CFGScale"]);
    let knob = Knob {
        label,
        range: range("CFGScale", 0.0..=50.0),
        step: 0.1,
        decimals: 1,
        problem: problem.as_deref(),
    };
    let mut value = cx.draft.cfg_scale(defaults);
    match slider_row(ui, &knob, &mut value) {
        Edit::Kept => {}
        Edit::Set => cx.draft.cfg_scale = Some(value),
        Edit::Reset => cx.draft.cfg_scale = None,
    }
}

fn scheduler(ui: &mut Ui, cx: &mut Cx<'_>, defaults: &ModelDefaults) {
    let now = cx.draft.scheduler(defaults).to_owned();
    let label = RowLabel {
        text: "Scheduler",
        help: help("scheduler"),
        default: (now != defaults.scheduler).then_some(&defaults.scheduler),
        of: "",
    };
    let problem = complaint(cx, &["scheduler"]);
    let mut chosen = None;
    let remote = engine(cx) == EngineKind::Remote;
    let ((), back) = control_row(ui, label, |ui| {
        let response = ComboBox::from_id_salt("scheduler")
            .width(ui.available_width())
            .icon(unfold_icon)
            .selected_text(&now)
            .truncate()
            .show_ui(ui, |ui| {
                let there = |row: &&SchedulerRow| {
                    row.alias_of.is_none() && (remote || row.recipe.is_some())
                };
                for row in SCHEDULERS.iter().filter(there) {
                    if ui.selectable_label(row.name == now, row.name).clicked() {
                        chosen = Some(row.name.to_owned());
                    }
                }
            })
            .response
            .accessible_name("Scheduler");
        if let Some(problem) = problem {
            error_outline(ui, response.rect);
            tip(ui, response, &problem);
        }
    });
    if back {
        cx.draft.scheduler = None;
    } else if chosen.is_some() {
        cx.draft.scheduler = chosen;
    }
}

fn results(ui: &mut Ui, cx: &mut Cx<'_>) {
    const COUNTS: [(u32, &str); 4] = [(1, "1"), (2, "2"), (4, "4"), (8, "8")];
    let label = RowLabel { text: "Results", help: help("numberResults"), default: None, of: "" };
    let before = cx.draft.number_results();
    let mut count = before;
    let problem = complaint(cx, &["numberResults"]);
    control_row(ui, label, |ui| {
        segmented(ui, "Results", &COUNTS, &mut count);
        let range = range("numberResults", 1.0..=20.0);
        let label = RowLabel { text: "Number of results", ..label };
        let problem = problem.as_deref();
        let knob = Knob { label, range, step: 1.0, decimals: 0, problem };
        let mut value = f64::from(count);
        ui.add_space((ui.available_width() - space::NUMBER).max(0.0));
        number(ui, &knob, &mut value, space::NUMBER);
        count = value.round() as u32;
    });
    if count != before {
        cx.draft.number_results = Some(count);
    }
}

/// Whether results are checked for adult content; nothing is sent while they are not.
pub(super) fn safety(ui: &mut Ui, cx: &mut Cx<'_>) {
    const NAME: &str = "Check for adult content";
    const CHOICES: [(bool, &str); 2] = [(false, "Off"), (true, "On")];
    let from = words::percent(NsfwScore::THRESHOLD);
    let tooltip = format!(
        "{} A picture that scores {from} or more is blurred until you ask to see it.",
        help("checkNSFW")
    );
    let label = RowLabel { text: "Safety", help: &tooltip, default: None, of: "" };
    let before = cx.draft.check_nsfw.unwrap_or(false);
    let mut on = before;
    control_row(ui, label, |ui| {
        segmented(ui, NAME, &CHOICES, &mut on);
        ui.add_space(space::GAP);
        let at = (ui.available_rect_before_wrap().left_center(), Align2::LEFT_CENTER);
        let style = (theme::caption(), palette(ui).faint);
        paint_elided(ui, at, "adult content", style, ui.available_width());
    });
    if on != before {
        cx.draft.check_nsfw = on.then_some(true);
    }
}

/// The tooltip the parameter's row gives.
pub(super) fn help(parameter: &str) -> &'static str {
    ParameterRow::find(parameter).map_or("", |row| row.help)
}

/// The documented range of a number.
pub(super) fn range(
    parameter: &str,
    otherwise: std::ops::RangeInclusive<f64>,
) -> std::ops::RangeInclusive<f64> {
    match ParameterRow::find(parameter).map(|row| row.kind) {
        Some(Kind::Integer { min, max: Some(max), .. }) => min as f64..=max as f64,
        Some(Kind::Float { min, max }) => min..=max,
        _ => otherwise,
    }
}
