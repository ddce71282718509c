//! Over a blurred picture: says why it is blurred and offers to show it.

use eframe::egui;
use egui::{Align2, Rect, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2};
use uuid::Uuid;

use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::paint_elided;
use crate::ui::{Cx, words};

/// The button, in points.
const WIDTH: f32 = 60.0;
const HEIGHT: f32 = 26.0;
/// Below this height only the button has room.
const ROOM_FOR_WORDS: f32 = 96.0;

/// Draws the button in the middle of the picture's `rect`; `name` is read aloud.
pub(super) fn ui(ui: &Ui, cx: &mut Cx<'_>, (image_uuid, rect): (Uuid, Rect), name: &str) {
    let colours = palette(ui);
    let button = Rect::from_center_size(rect.center(), vec2(WIDTH, HEIGHT));
    let id = ui.scope_id().with((image_uuid, "cover"));
    // A drag as well, which would be one on the canvas below.
    let response = ui.interact(button, id, Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, name));
    let fill = if response.hovered() { colours.raised_hover } else { colours.panel };
    let line = if response.has_focus() {
        Stroke::new(theme::RING, colours.accent)
    } else {
        Stroke::new(theme::LINE, colours.line)
    };
    ui.painter().rect(button, theme::RADIUS, fill, line, StrokeKind::Inside);
    let middle = Align2::CENTER_CENTER;
    ui.painter().text(button.center(), middle, "Show", theme::body(), colours.text);
    if rect.height() >= ROOM_FOR_WORDS {
        let words = "May be adult content";
        let strip = Rect::from_center_size(
            button.center_top() - vec2(0.0, space::GAP + 10.0),
            vec2(rect.width().min(160.0) - 2.0 * space::ROW_GAP, 20.0),
        );
        ui.painter().rect_filled(strip, theme::RADIUS, colours.panel);
        let style = (theme::caption(), colours.text);
        paint_elided(ui, (strip.center(), middle), words, style, strip.width() - space::ROW_GAP);
    }
    if response.clicked() {
        cx.view.uncovered.insert(image_uuid);
    }
    if let Some(verdict) = cx.world.gallery.verdict(image_uuid) {
        response.on_hover_text(words::verdict(verdict));
    }
}
