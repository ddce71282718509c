//! The sheet of shortcuts.

use eframe::egui;
use egui::{Align2, Frame, Id, Modal, Role, ScrollArea, Sense, Stroke, Ui, WidgetInfo, vec2};

use crate::ui::shortcuts::sheet;
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::{IconButton, paint_elided};
use crate::ui::{Cx, icons};

const WIDTH: f32 = 352.0;
/// Room for the bar that scrolls.
const SCROLL: f32 = 12.0;

pub(super) fn ui(ui: &Ui, cx: &mut Cx<'_>) {
    if !cx.view.shortcuts_open {
        return;
    }
    let colours = palette(ui);
    let frame = Frame::new()
        .fill(colours.panel)
        .stroke(Stroke::new(theme::LINE, colours.line))
        .corner_radius(theme::RADIUS_FLOATING)
        .inner_margin(16);
    let modal = Modal::new(Id::unique("shortcuts")).frame(frame).backdrop_color(colours.veil);
    let response = modal.show(ui.ctx(), |ui| {
        ui.set_width(WIDTH);
        let closed = title(ui);
        ui.add_space(space::GAP);
        let room = ui.ctx().content_rect().height() - 120.0;
        let area = ScrollArea::vertical().max_height(room).min_scrolled_height(room);
        area.show(ui, |ui| {
            for shortcut in sheet() {
                line(ui, shortcut.label, shortcut.keys);
            }
            line(ui, "Choose one more; all up to here", "Ctrl, Shift click");
            line(ui, "Zoom at the pointer", "Wheel");
            line(ui, "Fit, 100 %", "Double click");
            line(ui, "Start from the picture on the clipboard", "Ctrl V");
        });
        closed
    });
    if response.should_close() || response.inner {
        cx.view.shortcuts_open = false;
    }
}

fn title(ui: &mut Ui) -> bool {
    let colours = palette(ui);
    ui.horizontal(|ui| {
        let (rect, response) =
            ui.allocate_exact_size(vec2(WIDTH - 36.0, space::ROW), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Heading, true, "Keyboard shortcuts"));
        let at = (rect.left_center(), Align2::LEFT_CENTER);
        paint_elided(ui, at, "Keyboard shortcuts", (theme::button(), colours.text), rect.width());
        IconButton::new(icons::CLOSE, "Close the sheet").hint("Close (Esc)").show(ui).clicked()
    })
    .inner
}

fn line(ui: &mut Ui, label: &str, keys: &str) {
    let colours = palette(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(WIDTH, 24.0), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{label}: {keys}")));
    paint_elided(
        ui,
        (rect.left_center(), Align2::LEFT_CENTER),
        label,
        (theme::body(), colours.dim),
        WIDTH - 100.0,
    );
    paint_elided(
        ui,
        (rect.right_center() - vec2(SCROLL, 0.0), Align2::RIGHT_CENTER),
        keys,
        (theme::body(), colours.text),
        100.0,
    );
}
