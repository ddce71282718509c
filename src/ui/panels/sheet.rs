//! The sheet of shortcuts; a click on keys gives others.

use eframe::egui;
use egui::{Align2, Id, Modal, Role, Sense, Ui, WidgetInfo, vec2};

use crate::state::Recording;
use crate::ui::shortcuts::{Shortcut, sheet};
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::{IconButton, paint_elided};
use crate::ui::{Cx, icons};

const WIDTH: f32 = 400.0;
const KEYS: f32 = 150.0;

pub(super) fn ui(ui: &Ui, cx: &mut Cx<'_>) {
    if !cx.view.shortcuts_open {
        return;
    }
    let colours = palette(ui);
    let frame = super::floating(ui).inner_margin(16);
    let modal = Modal::new(Id::unique("shortcuts")).frame(frame).backdrop_color(colours.veil);
    let response = modal.show(ui.ctx(), |ui| {
        ui.set_width(WIDTH);
        let closed = title(ui);
        ui.add_space(space::GAP);
        let room = (ui.ctx().content_rect().height() - 240.0).max(160.0);
        egui::ScrollArea::vertical().max_height(room).auto_shrink([false, true]).show(ui, |ui| {
            for shortcut in sheet() {
                own_line(ui, cx, shortcut);
            }
        });
        line(ui, "Zoom at the pointer", "Wheel");
        line(ui, "Fit, 100 %", "Double click");
        line(ui, "Start from the picture, take the task on the clipboard", "Ctrl V");
        line(ui, "Weigh the selected words more, less", "Ctrl ↑ ↓");
        line(ui, "Choose one more; all up to here", "Ctrl, Shift click");
        ui.add_space(space::ROW_GAP);
        let trouble = cx.view.sheets.recording.as_ref().and_then(|now| now.trouble.clone());
        let (words, colour) = match (&cx.view.sheets.recording, trouble) {
            (_, Some(trouble)) => (trouble, colours.error),
            (Some(_), None) => (
                "Press the new keys. Esc leaves it, Backspace takes the usual ones.".to_owned(),
                colours.text,
            ),
            (None, None) => ("Click on keys to change them.".to_owned(), colours.faint),
        };
        ui.label(egui::RichText::new(words).font(theme::caption()).color(colour));
        closed
    });
    if (response.should_close() && cx.view.sheets.recording.is_none()) || response.inner {
        cx.view.shortcuts_open = false;
        cx.view.sheets.recording = None;
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

/// A line whose keys can be changed.
fn own_line(ui: &mut Ui, cx: &mut Cx<'_>, shortcut: &Shortcut) {
    if !shortcut.is_changeable() {
        return line(ui, shortcut.label, shortcut.keys);
    }
    let colours = palette(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(WIDTH - 8.0, 24.0), Sense::hover());
    let keys = shortcut.keys(cx.preferences);
    let name = format!("{}: {keys}", shortcut.label);
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &name));
    let at = (rect.left_center(), Align2::LEFT_CENTER);
    paint_elided(ui, at, shortcut.label, (theme::body(), colours.dim), WIDTH - KEYS);
    let place = rect.with_min_x(rect.right() - KEYS);
    let button = ui.interact(place, response.id.with("keys"), Sense::click());
    let now = cx.view.sheets.recording.as_ref().is_some_and(|now| now.label == shortcut.label);
    let change = format!("Change the keys: {}", shortcut.label);
    button.widget_info(|| WidgetInfo::labeled(Role::Button, true, &change));
    let own = cx.preferences.shortcuts.contains_key(shortcut.label);
    let (words, colour) = match (now, own) {
        (true, _) => ("press keys…", colours.accent),
        (false, true) => (keys.as_str(), colours.accent),
        (false, false) => (keys.as_str(), colours.text),
    };
    if button.hovered() || button.has_focus() || now {
        ui.painter().rect_filled(
            place.expand2(vec2(6.0, 0.0)),
            theme::RADIUS,
            colours.raised_hover,
        );
    }
    let at = (place.right_center(), Align2::RIGHT_CENTER);
    paint_elided(ui, at, words, (theme::body(), colour), KEYS);
    if button.clicked() {
        let label = shortcut.label.to_owned();
        cx.view.sheets.recording = Some(Recording { label, trouble: None });
        // The field would take what is pressed next.
        ui.memory_mut(|memory| memory.surrender_focus(button.id));
    }
}

fn line(ui: &mut Ui, label: &str, keys: &str) {
    let colours = palette(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(WIDTH - 8.0, 24.0), Sense::hover());
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
        (rect.right_center(), Align2::RIGHT_CENTER),
        keys,
        (theme::body(), colours.text),
        100.0,
    );
}
