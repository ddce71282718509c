//! One of a few values, side by side.

use eframe::egui;
use egui::{Align2, Rect, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2};

use crate::ui::theme::{self, palette, space};

const SEGMENT: f32 = 30.0;
const INSET: f32 = 2.0;

/// Shows `options` (value and word) in one frame; `name` comes before each word for assistive technology.
pub fn segmented<T: Copy + PartialEq>(
    ui: &mut Ui,
    name: &str,
    options: &[(T, &str)],
    chosen: &mut T,
) {
    let colours = palette(ui);
    let size = vec2(SEGMENT * options.len() as f32 + 2.0 * INSET, space::ROW);
    let (frame, response) = ui.allocate_exact_size(size, Sense::hover());
    let line = Stroke::new(theme::LINE, colours.line);
    ui.painter().rect(frame, theme::RADIUS, colours.field, line, StrokeKind::Inside);
    for (place, (value, word)) in options.iter().enumerate() {
        let min = frame.min + vec2(INSET + SEGMENT * place as f32, INSET);
        let rect = Rect::from_min_size(min, vec2(SEGMENT, space::ROW - 2.0 * INSET));
        let segment = ui.interact(rect, response.id.with(place), Sense::click());
        let is_chosen = *chosen == *value;
        segment.widget_info(|| {
            WidgetInfo::selected(Role::RadioButton, true, is_chosen, format!("{name} {word}"))
        });
        if segment.clicked() {
            *chosen = *value;
        }
        if is_chosen {
            ui.painter().rect_filled(rect, theme::RADIUS - 2, colours.raised_hover);
        }
        let colour = if is_chosen || segment.hovered() { colours.text } else { colours.dim };
        ui.painter().text(rect.center(), Align2::CENTER_CENTER, word, theme::body(), colour);
        if segment.has_focus() {
            let ring = Stroke::new(theme::RING, colours.accent);
            ui.painter().rect_stroke(rect, theme::RADIUS - 2, ring, StrokeKind::Inside);
        }
    }
}
