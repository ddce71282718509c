//! Numbers: a field to type or drag in, alone or beside a slider.

use std::ops::RangeInclusive;

use eframe::egui;
use egui::{
    Align, DragValue, Layout, Rect, Response, Slider, SliderClamping, Stroke, Ui, UiBuilder, pos2,
    vec2,
};

use super::{RowLabel, control_row, error_outline, tip};
use crate::ui::theme::{self, palette, space};

/// What a number may be and what it is called.
#[derive(Clone, Debug)]
pub struct Knob<'a> {
    /// The label, and the name for assistive technology.
    pub label: RowLabel<'a>,
    /// Smallest and largest value.
    pub range: RangeInclusive<f64>,
    /// What one step changes.
    pub step: f64,
    /// Digits after the point that are always shown; of a fraction one more when it has it.
    pub decimals: usize,
    /// What is wrong with the present value.
    pub problem: Option<&'a str>,
}

impl Knob<'_> {
    /// Digits after the point that a value may have.
    const fn most_decimals(&self) -> usize {
        if self.decimals == 0 { 0 } else { self.decimals + 1 }
    }

    /// `value` as it is shown.
    fn text(&self, value: f64) -> String {
        egui::emath::format_with_decimals_in_range(value, self.decimals..=self.most_decimals())
    }

    /// `value` with no more digits than can be shown.
    fn rounded(&self, value: f64) -> f64 {
        let tenths = 10_f64.powi(self.most_decimals() as i32);
        (value * tenths).round() / tenths
    }
}

/// What became of a value in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Nothing.
    Kept,
    /// The user set it.
    Set,
    /// The user went back to the default.
    Reset,
}

/// A label, a slider and a typed number in one row. A value is only changed by the user.
pub fn slider_row(ui: &mut Ui, knob: &Knob<'_>, value: &mut f64) -> Edit {
    let before = *value;
    let ((), back) = control_row(ui, knob.label, |ui| {
        let rail_width = ui.available_width() - space::NUMBER - space::GAP;
        slider(ui, knob, value, rail_width);
        number(ui, knob, value, space::NUMBER);
    });
    if back { Edit::Reset } else { Edit::of(knob, before, value) }
}

impl Edit {
    /// What became of a value that was `before`; one that was set gets no more digits than are shown.
    pub fn of(knob: &Knob<'_>, before: f64, value: &mut f64) -> Self {
        if (*value - before).abs() <= f64::EPSILON {
            return Self::Kept;
        }
        *value = knob.rounded(*value);
        Self::Set
    }
}

/// A slider without its number, `width` points long.
pub fn slider(ui: &mut Ui, knob: &Knob<'_>, value: &mut f64, width: f32) {
    let colours = palette(ui);
    let response = ui
        .scope(|ui| {
            // egui paints rail and knob in one colour: it only listens, the drawing is below.
            ui.set_opacity(0.0);
            ui.spacing_mut().slider_width = width;
            ui.spacing_mut().interact_size.y = KNOB_RADIUS * 2.5;
            let slider = Slider::new(value, knob.range.clone())
                .show_value(false)
                // To draw a value is not to change it: one between two steps stays.
                .clamping(SliderClamping::Edits)
                .step_by(knob.step)
                .max_decimals(knob.decimals);
            ui.add(slider).accessible_name(knob.label.name())
        })
        .inner;
    let response = tip(ui, response, knob.label.help);
    let rect = response.rect;
    let painter = ui.painter();
    let span = knob.range.end() - knob.range.start();
    let fraction = ((*value - knob.range.start()) / span).clamp(0.0, 1.0) as f32;
    let x = egui::lerp(rect.left() + KNOB_RADIUS..=rect.right() - KNOB_RADIUS, fraction);
    let rail = Rect::from_center_size(rect.center(), vec2(rect.width(), 4.0));
    painter.rect_filled(rail, 2.0, colours.line);
    // What may be negative is filled from nothing on.
    let nothing = ((0.0 - knob.range.start()) / span).clamp(0.0, 1.0) as f32;
    let zero = if nothing > 0.0 {
        egui::lerp(rect.left() + KNOB_RADIUS..=rect.right() - KNOB_RADIUS, nothing)
    } else {
        rect.left()
    };
    painter.rect_filled(
        rail.with_min_x(zero.min(x)).with_max_x(zero.max(x)),
        2.0,
        colours.rail_fill,
    );
    let grown = f32::from(response.hovered() || response.dragged());
    let ink = if ui.is_enabled() { colours.knob } else { colours.faint };
    painter.circle_filled(pos2(x, rect.center().y), KNOB_RADIUS + grown * 0.5, ink);
    if response.has_focus() {
        let ring = Stroke::new(theme::RING, colours.accent);
        painter.circle_stroke(pos2(x, rect.center().y), KNOB_RADIUS + 1.0, ring);
    }
}

/// Half the width of a slider's knob, in points.
pub(super) const KNOB_RADIUS: f32 = 7.0;

/// A number to type, or to change by dragging; `width` points wide.
pub fn number(ui: &mut Ui, knob: &Knob<'_>, value: &mut f64, width: f32) -> Response {
    number_with_unit(ui, "", (knob, value), width)
}

/// A [`number`] with its unit behind it.
pub fn number_with_unit(
    ui: &mut Ui,
    unit: &str,
    (knob, value): (&Knob<'_>, &mut f64),
    width: f32,
) -> Response {
    let (rect, _) = ui.allocate_exact_size(vec2(width, space::ROW), egui::Sense::hover());
    let builder = UiBuilder::new()
        .id_salt((knob.label.text, "number"))
        .max_rect(rect)
        .layout(Layout::right_to_left(Align::Center).with_main_align(Align::Max));
    let before = *value;
    let response = ui
        .scope_builder(builder, |ui| {
            let ring = Stroke::new(theme::LINE, palette(ui).accent);
            ui.visuals_mut().selection.stroke = ring;
            let field = DragValue::new(value)
                .range(knob.range.clone())
                .speed(knob.step * 0.25)
                .custom_formatter(|value, _| knob.text(value))
                .suffix(unit)
                .clamp_existing_to_range(false)
                .update_while_editing(false)
                .clip_text(true)
                .min_size(rect.size());
            ui.add(field).accessible_name(knob.label.name())
        })
        .inner;
    // What was out of range stays so until it is changed; keys alone would lead out of it.
    if (*value - before).abs() > f64::EPSILON {
        *value = value.max(*knob.range.start()).min(*knob.range.end());
    }
    if knob.problem.is_some() {
        error_outline(ui, rect);
    }
    tip(ui, response, knob.problem.unwrap_or(knob.label.help))
}

/// Points that a sign and four digits need.
const SIGN_AND_FOUR_DIGITS: f32 = 60.0;

/// A [`number`] with a faint sign at its left edge that says which one it is; a long number in a
/// narrow field takes its place.
pub fn number_with_sign(
    ui: &mut Ui,
    sign: &str,
    (knob, value): (&Knob<'_>, &mut f64),
    width: f32,
) -> Response {
    let response = ui
        .scope(|ui| {
            ui.spacing_mut().button_padding.x = 6.0;
            number(ui, knob, value, width)
        })
        .inner;
    if *value >= 1000.0 && width < SIGN_AND_FOUR_DIGITS {
        return response;
    }
    let at = response.rect.left_center() + vec2(7.0, 0.0);
    let colour = if ui.is_enabled() { palette(ui).dim } else { palette(ui).faint };
    ui.painter().text(at, egui::Align2::LEFT_CENTER, sign, theme::caption(), colour);
    response
}
