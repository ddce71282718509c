//! One of a few values, side by side.

use eframe::egui;
use egui::{Align2, Rect, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};

use crate::ui::theme::{self, palette, space};

/// Least width of a segment, and the room around its word.
const SEGMENT: f32 = 30.0;
const AROUND: f32 = 18.0;
const INSET: f32 = 2.0;

/// Shows `options` (value and word) in one frame; `name` comes before each word for assistive technology. Returns
/// where the frame is.
pub fn segmented<T: Copy + PartialEq>(
    ui: &mut Ui,
    name: &str,
    options: &[(T, &str)],
    chosen: &mut T,
) -> Rect {
    let colours = palette(ui);
    let width = |ui: &Ui, word: &str| {
        let galley = ui.painter().layout_no_wrap(word.to_owned(), theme::body(), colours.text);
        (galley.size().x + AROUND).max(SEGMENT).round()
    };
    let widths: Vec<f32> = options.iter().map(|(_, word)| width(ui, word)).collect();
    let size = vec2(widths.iter().sum::<f32>() + 2.0 * INSET, space::ROW);
    let (frame, response) = ui.allocate_exact_size(size, Sense::hover());
    let line = Stroke::new(theme::LINE, colours.line);
    ui.painter().rect(frame, theme::RADIUS, colours.field, line, StrokeKind::Inside);
    let mut left = frame.left() + INSET;
    for (place, ((value, word), width)) in options.iter().zip(widths).enumerate() {
        let min = pos2(left, frame.top() + INSET);
        let rect = Rect::from_min_size(min, vec2(width, space::ROW - 2.0 * INSET));
        left += width;
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
    frame
}
