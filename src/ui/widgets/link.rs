//! Small words that act, in a line of caption.

use eframe::egui;
use egui::{Align2, Color32, Rect, Response, Role, Sense, Stroke, Ui, WidgetInfo, vec2};

use super::elided;
use crate::ui::theme::{self, palette, space};

/// Words in the accent; a line stands below them while the pointer or the keyboard is there.
pub fn link(ui: &mut Ui, words: &str) -> Response {
    let width = ui.available_width();
    let galley = elided(ui, words, theme::caption(), Color32::PLACEHOLDER, width);
    let (rect, response) =
        ui.allocate_exact_size(vec2(galley.size().x, space::CAPTION), Sense::click());
    draw(ui, (rect, response), words)
}

/// The same at the right end of `line`; returns what is left of the line besides.
pub fn link_at_right(ui: &Ui, line: Rect, words: &str) -> (Response, Rect) {
    let galley = elided(ui, words, theme::caption(), Color32::PLACEHOLDER, line.width());
    let rect = Align2::RIGHT_CENTER.anchor_size(line.right_center(), galley.size());
    let rect = Rect::from_x_y_ranges(rect.x_range(), line.y_range());
    let response = ui.interact(rect, ui.scope_id().with(("link", words)), Sense::click());
    let rest = line.with_max_x(rect.left() - space::GAP);
    (draw(ui, (rect, response), words), rest)
}

fn draw(ui: &Ui, (rect, response): (Rect, Response), words: &str) -> Response {
    let colours = palette(ui);
    let enabled = ui.is_enabled();
    response.widget_info(|| WidgetInfo::labeled(Role::Link, enabled, words));
    let colour = match (enabled, response.hovered()) {
        (false, _) => colours.faint,
        (true, true) => colours.accent_hover,
        (true, false) => colours.accent,
    };
    let galley = elided(ui, words, theme::caption(), colour, rect.width() + 1.0);
    let at = Align2::LEFT_CENTER.anchor_size(rect.left_center(), galley.size());
    ui.painter().galley(at.min, galley, colour);
    if enabled && (response.hovered() || response.has_focus()) {
        ui.painter().hline(at.x_range(), at.bottom() - 1.0, Stroke::new(theme::LINE, colour));
    }
    response
}
