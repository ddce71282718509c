//! A part of a range of whole numbers: a slider with two knobs and both numbers to type.

use std::ops::RangeInclusive;

use eframe::egui;
use egui::{RangeSlider, Rect, Stroke, Ui, pos2, vec2};

use super::number::{KNOB_RADIUS, Knob, number};
use super::{RowLabel, control_row, tip};
use crate::ui::theme::{self, palette, space};

/// A row with two knobs.
#[derive(Clone, Debug)]
pub struct Span<'a> {
    /// What the row is about.
    pub label: RowLabel<'a>,
    /// What the typed numbers are called, first and last.
    pub names: [&'a str; 2],
    /// Smallest and largest number.
    pub range: RangeInclusive<u32>,
    /// How far the knobs stay apart.
    pub apart: u32,
}

/// Width of each typed number.
const NUMBER: f32 = 40.0;

/// Draws the row. Returns what the user changed both numbers to, if they did, and whether they went back to the
/// default.
pub fn span_row(ui: &mut Ui, span: &Span<'_>, now: [u32; 2]) -> (Option<[u32; 2]>, bool) {
    let (changed, back) = control_row(ui, span.label, |ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        let rail = ui.available_width() - 2.0 * (NUMBER + 4.0);
        let mut wanted = now;
        slider(ui, span, &mut wanted, rail);
        let (least, most) = (*span.range.start(), *span.range.end());
        let bounds = [
            least..=now[1].saturating_sub(span.apart).max(least),
            now[0].saturating_add(span.apart).min(most)..=most,
        ];
        for ((name, bounds), value) in span.names.into_iter().zip(bounds).zip(&mut wanted) {
            let label = RowLabel { text: name, default: None, ..span.label };
            let range = f64::from(*bounds.start())..=f64::from(*bounds.end());
            let knob = Knob { label, range, step: 1.0, decimals: 0, problem: None };
            let mut typed = f64::from(*value);
            ui.spacing_mut().button_padding.x = 5.0;
            number(ui, &knob, &mut typed, NUMBER);
            *value = typed.round() as u32;
        }
        (wanted != now).then_some(wanted)
    });
    (changed, back)
}

fn slider(ui: &mut Ui, span: &Span<'_>, [low, high]: &mut [u32; 2], width: f32) {
    let colours = palette(ui);
    let before = [*low, *high];
    let response = ui
        .scope(|ui| {
            // egui paints rail and knobs in its own way: it only listens, the drawing is below.
            ui.set_opacity(0.0);
            ui.spacing_mut().slider_width = width;
            ui.spacing_mut().interact_size.y = KNOB_RADIUS * 2.5;
            let slider = RangeSlider::new(low, high, span.range.clone())
                .show_value(false)
                .min_separation(span.apart);
            ui.add(slider)
        })
        .inner;
    // To draw a value is not to change it.
    if !response.dragged() && !response.has_focus() && !response.changed() {
        [*low, *high] = before;
    }
    let rect = Rect::from_center_size(response.rect.center(), vec2(width, response.rect.height()));
    let place = |value: u32| {
        let (least, most) = (f64::from(*span.range.start()), f64::from(*span.range.end()));
        let share = (f64::from(value) - least) / (most - least).max(1.0);
        egui::lerp(
            rect.left() + KNOB_RADIUS..=rect.right() - KNOB_RADIUS,
            share.clamp(0.0, 1.0) as f32,
        )
    };
    let (from, to) = (place(*low), place(*high));
    let painter = ui.painter();
    let rail = Rect::from_center_size(rect.center(), vec2(rect.width(), 4.0));
    painter.rect_filled(rail, 2.0, colours.line);
    painter.rect_filled(rail.with_min_x(from).with_max_x(to), 2.0, colours.rail_fill);
    let ink = if ui.is_enabled() { colours.knob } else { colours.faint };
    for x in [from, to] {
        painter.circle_filled(pos2(x, rect.center().y), KNOB_RADIUS - 1.0, ink);
        if response.has_focus() {
            let ring = Stroke::new(theme::RING, colours.accent);
            painter.circle_stroke(pos2(x, rect.center().y), KNOB_RADIUS, ring);
        }
    }
    tip(ui, response, span.label.help);
    ui.add_space(space::ROW_GAP - 4.0);
}
