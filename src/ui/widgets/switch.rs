//! On or off.

use eframe::egui;
use egui::{Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};

use crate::ui::theme::{self, palette};

const TRACK: egui::Vec2 = vec2(30.0, 18.0);

/// A switch of that name; a click turns it.
pub fn switch(ui: &mut Ui, name: &str, on: &mut bool) -> Response {
    let colours = palette(ui);
    let enabled = ui.is_enabled();
    let (rect, mut response) = ui.allocate_exact_size(vec2(TRACK.x, TRACK.y + 6.0), Sense::click());
    if response.clicked() {
        *on = !*on;
        response.mark_changed();
    }
    response.widget_info(|| WidgetInfo::selected(Role::Switch, enabled, *on, name));
    let track = Rect::from_center_size(rect.center(), TRACK);
    let round = TRACK.y / 2.0;
    let way = ui.ctx().animate_bool(response.id, *on);
    let hot = enabled && response.hovered();
    let fill = if *on { colours.accent } else { colours.field };
    let line = match (*on, hot) {
        (true, _) => fill,
        (false, true) => colours.line_hover,
        (false, false) => colours.line,
    };
    let stroke = Stroke::new(theme::LINE, line);
    ui.painter().rect(track, round, fill, stroke, StrokeKind::Inside);
    let x = egui::lerp(track.left() + round..=track.right() - round, way);
    let knob = if *on { colours.on_accent } else { colours.dim };
    ui.painter().circle_filled(pos2(x, track.center().y), round - 4.0, knob);
    if response.has_focus() {
        let ring = Stroke::new(theme::RING, colours.accent);
        ui.painter().rect_stroke(track.expand(3.0), round + 3.0, ring, StrokeKind::Inside);
    }
    response
}
