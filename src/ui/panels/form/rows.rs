//! Rows that several sections share: switches, words, texts, and the card of a feature that is there once.

use eframe::egui;
use egui::{Align2, Frame, Margin, Role, Sense, Stroke, TextEdit, Ui, WidgetInfo, vec2};

use super::picture::{help, range};
use super::{complaint, complaint_within, engine};
use crate::state::Refusal;
use crate::task::ParameterRow;
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::{
    Edit, IconButton, Knob, RowLabel, control_row, error_outline, paint_elided, refuse, refused,
    remark, segmented, slider_row, switch, tip,
};
use crate::ui::{Cx, icons};

/// A feature that a task holds once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Feature<'a> {
    /// What its card is called.
    pub(super) name: &'a str,
    /// Tells its card from others.
    pub(super) salt: &'a str,
    /// Said while the pointer rests on the name.
    pub(super) hint: &'a str,
}

/// A card with a switch and a cross; whether it is to be taken off.
pub(super) fn feature_card(
    ui: &mut Ui,
    feature: &Feature<'_>,
    off: &mut bool,
    body: impl FnOnce(&mut Ui),
) -> bool {
    let colours = palette(ui);
    let frame = Frame::new()
        .fill(colours.raised)
        .stroke(Stroke::new(theme::LINE, colours.line))
        .corner_radius(theme::RADIUS)
        .inner_margin(Margin { left: 8, right: 8, top: 5, bottom: 6 });
    let mut taken_off = false;
    ui.push_id(("feature", feature.salt), |ui| {
        frame.show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = 2.0;
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = 4.0;
                let size = vec2(ui.available_width() - 24.0 - 34.0 - 4.0, 24.0);
                let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
                let colour = if *off { colours.faint } else { colours.text };
                let at = (rect.left_center(), Align2::LEFT_CENTER);
                paint_elided(ui, at, feature.name, (theme::body(), colour), rect.width());
                response.widget_info(|| WidgetInfo::labeled(Role::Label, true, feature.name));
                tip(ui, response, feature.hint);
                let name = format!("Take off {}", feature.name);
                let close = IconButton::new(icons::CLOSE, &name).hint("Take off").size(24.0);
                taken_off = close.show(ui).clicked();
                let mut on = !*off;
                switch(ui, &format!("Use {}", feature.name), &mut on);
                *off = !on;
            });
            ui.add_enabled_ui(!*off, body);
        });
    });
    taken_off
}

/// A row that an engine may refuse for the chosen model: faint then, with the reason beside it. One that is
/// set all the same can be taken back.
pub(super) fn refusable(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    (parameter, set): (&str, bool),
    add: impl FnOnce(&mut Ui, &mut Cx<'_>),
) {
    let refusal = cx.world.refusals(engine(cx)).why(parameter).cloned();
    let Some(refusal) = refusal else { return add(ui, cx) };
    if set {
        add(ui, cx);
        let response = remark(ui, &refusal.short, palette(ui).error);
        tip(ui, response, &refusal.full);
        return;
    }
    let top = ui.cursor().min;
    refuse(ui, &refusal.short, |ui| add(ui, cx));
    let row = egui::Rect::from_min_max(top, ui.min_rect().right_bottom());
    why_not(ui, (parameter, row), &refusal);
}

/// What is disabled tells nothing by itself: the reason lies over it.
fn why_not(ui: &Ui, (salt, row): (&str, egui::Rect), refusal: &Refusal) {
    let id = ui.scope_id().with((salt, "why not"));
    let response = ui.interact(row, id, Sense::hover());
    let name = format!("{}: {}", label(salt), refusal.short);
    response.widget_info(|| WidgetInfo::labeled(Role::Label, false, &name));
    tip(ui, response, &refusal.full);
}

/// What the window calls a parameter.
pub(super) fn label(parameter: &str) -> &'static str {
    ParameterRow::find(parameter).map_or("", |row| row.label)
}

/// On, or not said.
pub(super) fn switch_row(
    ui: &mut Ui,
    (text, name, parameter): (&str, &str, &str),
    now: bool,
    note: &str,
) -> Option<bool> {
    let label = RowLabel { text, help: help(parameter), default: None, of: "" };
    let mut on = now;
    control_row(ui, label, |ui| {
        let response = switch(ui, name, &mut on);
        tip(ui, response, help(parameter));
        ui.add_space(space::ROW_GAP);
        let colours = palette(ui);
        let at = (ui.available_rect_before_wrap().left_center(), Align2::LEFT_CENTER);
        let refusal = refused(ui);
        // What is refused is faint already.
        let colour = if refusal.is_some() { colours.text } else { colours.faint };
        let note = refusal.as_deref().unwrap_or(note);
        paint_elided(ui, at, note, (theme::caption(), colour), ui.available_width());
    });
    (on != now).then_some(on)
}

/// One of a few words; the first is the default and not said.
pub(super) fn words_row<T: Copy + PartialEq>(
    ui: &mut Ui,
    (text, name, parameter): (&str, &str, &str),
    choices: &[(T, &str)],
    now: T,
) -> Option<T> {
    let label = RowLabel { text, help: help(parameter), default: None, of: "" };
    let mut chosen = now;
    control_row(ui, label, |ui| segmented(ui, name, choices, &mut chosen));
    (chosen != now).then_some(chosen)
}

/// A number with its documented range; `None` is the default.
pub(super) fn number_row(
    ui: &mut Ui,
    cx: &Cx<'_>,
    (text, of, parameter): (&str, &str, &str),
    (otherwise, step, decimals): (std::ops::RangeInclusive<f64>, f64, usize),
    (number, default): (&mut Option<f64>, f64),
) {
    let word = format!("{default:.decimals$}");
    let changed = number.is_some();
    let label =
        RowLabel { text, help: help(parameter), default: changed.then_some(word.as_str()), of };
    let problem = complaint(cx, &[parameter]);
    let range = range(parameter, otherwise);
    let knob = Knob { label, range, step, decimals, problem: problem.as_deref() };
    let mut value = number.unwrap_or(default);
    match ui.push_id(parameter, |ui| slider_row(ui, &knob, &mut value)).inner {
        Edit::Kept => {}
        Edit::Set => *number = Some(value),
        Edit::Reset => *number = None,
    }
}

/// The same for whole numbers.
pub(super) fn whole_row(
    ui: &mut Ui,
    cx: &Cx<'_>,
    (text, of, parameter): (&str, &str, &str),
    otherwise: std::ops::RangeInclusive<f64>,
    (number, default): (&mut Option<u32>, u32),
) {
    let mut value = number.map(f64::from);
    let parts = (&mut value, f64::from(default));
    number_row(ui, cx, (text, of, parameter), (otherwise, 1.0, 0), parts);
    *number = value.map(|value| value.round() as u32);
}

/// A line of text; an empty one is not said.
pub(super) fn text_row(
    ui: &mut Ui,
    cx: &Cx<'_>,
    (text, parameter, hint): (&str, &str, &str),
    says: &mut Option<String>,
) {
    let problem = complaint_within(cx, &[parameter]);
    let label = RowLabel { text, help: help(parameter), default: None, of: "" };
    control_row(ui, label, |ui| {
        let mut now = says.clone().unwrap_or_default();
        let hint = refused(ui).unwrap_or_else(|| hint.to_owned());
        let response = ui
            .scope(|ui| {
                ui.visuals_mut().selection.stroke.color = palette(ui).accent;
                let margin = Margin { left: 9, right: 9, top: 6, bottom: 6 };
                ui.add(
                    TextEdit::singleline(&mut now)
                        .font(theme::body())
                        .hint_text(hint)
                        .margin(margin)
                        .min_size(vec2(0.0, space::ROW))
                        .desired_width(ui.available_width()),
                )
            })
            .inner
            .accessible_name(text);
        if response.changed() {
            *says = (!now.trim().is_empty()).then(|| now.trim().to_owned());
        }
        if problem.is_some() {
            error_outline(ui, response.rect);
        }
        tip(ui, response, problem.as_deref().unwrap_or(help(parameter)));
    });
}
