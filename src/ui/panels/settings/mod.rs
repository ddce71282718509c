//! The settings: engines, folders, look. Changed at once; there is nothing to confirm.

mod engines;
mod folders;
mod look;

use eframe::egui;
use egui::{
    Align2, Id, Margin, Modal, Rect, Role, ScrollArea, Sense, Stroke, Ui, WidgetInfo, vec2,
};

use crate::state::SettingsPage;
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::{IconButton, inside, paint_elided};
use crate::ui::{Cx, icons};

const WIDTH: f32 = 640.0;
const HEIGHT: f32 = 460.0;
const NAVIGATION: f32 = 136.0;
/// Below this width the pages' names stand above the page.
const ROOM_FOR_NAVIGATION: f32 = 480.0;

const PAGES: &[(SettingsPage, &str)] = &[
    (SettingsPage::Engines, "Engines"),
    (SettingsPage::Folders, "Folders"),
    (SettingsPage::Look, "Look"),
];

pub(super) fn ui(ui: &Ui, cx: &mut Cx<'_>) {
    let Some(page) = cx.view.sheets.settings else { return };
    let response = sheet(ui, "Settings", vec2(WIDTH, HEIGHT), |ui| {
        let rest = ui.available_rect_before_wrap();
        let line = Stroke::new(theme::LINE, palette(ui).line);
        let place = if rest.width() < ROOM_FOR_NAVIGATION {
            let top = rest.with_max_y(rest.top() + space::ROW);
            inside(ui, ("pages", top), |ui| {
                let width = top.width() / PAGES.len() as f32 - space::GAP;
                ui.horizontal(|ui| pages(ui, cx, page, width));
            });
            ui.painter().hline(rest.x_range(), top.bottom() + space::GAP, line);
            rest.with_min_y(top.bottom() + space::SECTION)
        } else {
            let left = rest.with_max_x(rest.left() + NAVIGATION);
            inside(ui, ("pages", left), |ui| pages(ui, cx, page, NAVIGATION - space::PANEL));
            ui.painter().vline(left.right(), rest.y_range(), line);
            rest.with_min_x(left.right() + space::SECTION)
        };
        inside(ui, ("page", place), |ui| {
            ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                ui.set_max_width(place.width() - space::GAP);
                match page {
                    SettingsPage::Engines => engines::ui(ui, cx),
                    SettingsPage::Folders => folders::ui(ui, cx),
                    SettingsPage::Look => look::ui(ui, cx),
                }
            });
        });
    });
    if response {
        cx.view.sheets.close_settings(cx.preferences);
    }
    cx.view.sheets.focus_key = false;
}

/// A sheet over the window with a title; whether it is to be closed.
pub(in crate::ui::panels) fn sheet(
    ui: &Ui,
    title: &str,
    size: egui::Vec2,
    add: impl FnOnce(&mut Ui),
) -> bool {
    let colours = palette(ui);
    let room = ui.ctx().content_rect().size() - vec2(64.0, 64.0);
    let size = size.min(room);
    let frame = super::floating(ui).inner_margin(16);
    let modal = Modal::new(Id::unique(("sheet", title))).frame(frame).backdrop_color(colours.veil);
    let response = modal.show(ui.ctx(), |ui| {
        ui.set_min_size(size);
        ui.set_max_size(size);
        let closed = heading(ui, title);
        ui.add_space(space::GAP);
        add(ui);
        closed
    });
    response.should_close() || response.inner
}

fn heading(ui: &mut Ui, title: &str) -> bool {
    let colours = palette(ui);
    let (rect, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), space::ROW), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Heading, true, title));
    let at = (rect.left_center(), Align2::LEFT_CENTER);
    paint_elided(ui, at, title, (theme::button(), colours.text), rect.width() - 40.0);
    let place = Rect::from_min_max(rect.right_top() - vec2(space::ROW, 0.0), rect.right_bottom());
    inside(ui, ("close", place), |ui| {
        IconButton::new(icons::CLOSE, "Close the sheet").hint("Close (Esc)").show(ui).clicked()
    })
}

fn pages(ui: &mut Ui, cx: &mut Cx<'_>, now: SettingsPage, width: f32) {
    let colours = palette(ui);
    ui.spacing_mut().item_spacing.y = 2.0;
    for (page, name) in PAGES {
        let (rect, response) = ui.allocate_exact_size(vec2(width, space::ROW), Sense::click());
        let chosen = *page == now;
        response.widget_info(|| WidgetInfo::selected(Role::Tab, true, chosen, *name));
        if chosen || response.hovered() {
            ui.painter().rect_filled(rect, theme::RADIUS, colours.raised);
        }
        if response.has_focus() {
            let ring = Stroke::new(theme::RING, colours.accent);
            ui.painter().rect_stroke(rect, theme::RADIUS, ring, egui::StrokeKind::Inside);
        }
        let ink = if chosen { colours.text } else { colours.dim };
        let at = (rect.left_center() + vec2(10.0, 0.0), Align2::LEFT_CENTER);
        paint_elided(ui, at, name, (theme::body(), ink), rect.width() - 16.0);
        if response.clicked() {
            cx.view.sheets.settings = Some(*page);
        }
    }
}

/// Words in the dim colour of a caption, over as many lines as they need.
fn caption(ui: &mut Ui, words: &str) {
    let text = egui::RichText::new(words).font(theme::caption()).color(palette(ui).faint);
    ui.add(egui::Label::new(text).wrap());
}

/// One line of text at the left of so many points, in full on hover.
fn plain(ui: &mut Ui, (words, colour): (&str, egui::Color32), width: f32) {
    let (rect, response) = ui.allocate_exact_size(vec2(width.max(0.0), space::ROW), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, words));
    let at = (rect.left_center(), Align2::LEFT_CENTER);
    paint_elided(ui, at, words, (theme::body(), colour), rect.width());
    response.on_hover_text(words);
}

/// A field of one line that is named.
pub(in crate::ui::panels) fn field(
    ui: &mut Ui,
    text: &mut String,
    (name, hint): (&str, &str),
    width: f32,
) -> egui::Response {
    let edit = egui::TextEdit::singleline(text)
        .hint_text(hint)
        .desired_width(width - 16.0)
        .min_size(vec2(width, space::ROW))
        .margin(Margin::symmetric(8, 5));
    ui.add(edit).accessible_name(name)
}
