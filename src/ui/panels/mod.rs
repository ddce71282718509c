//! The window's panels, one file each, and how they share it.

mod budget;
mod canvas;
mod compare;
mod cover;
mod engine_bar;
mod form;
mod gallery;
mod model_picker;
mod models;
mod notices;
mod queue;
mod settings;
mod sheet;
mod strip;
pub(super) mod task_sheet;
mod top_bar;
mod waiting;
mod welcome;

use eframe::egui;
use egui::{CentralPanel, Frame, Panel, Rect, Sense, Stroke, Ui, Vec2};

use super::Cx;
use super::theme::{self, palette, space};
use super::widgets::inside;

/// Least width the picture keeps when the window is small.
const CANVAS_MIN: f32 = 300.0;
/// Least width of the form and of the gallery.
const FORM_MIN: f32 = 288.0;
const GALLERY_MIN: f32 = 176.0;

/// Points between the edge of a floating bar and what is in it.
const BAR_EDGE: f32 = 5.0;

/// Lays the panels out: bar on top, form left, gallery right, queue below, the picture in the middle.
pub(super) fn draw(ui: &mut Ui, cx: &mut Cx<'_>) {
    let colours = palette(ui);
    let width = ui.available_width();
    let plain = |fill| Frame::new().fill(fill);
    Panel::top("top bar")
        .exact_size(space::TOP_BAR)
        .resizable(false)
        .frame(plain(colours.window))
        .show(ui, |ui| top_bar::ui(ui, cx));

    // A little less is still better than folding.
    cx.view.fold_for_want_of_room(width >= FORM_MIN + CANVAS_MIN + GALLERY_MIN - 64.0);
    let mut form_open = cx.view.form_open;
    Panel::left("form")
        .default_size(space::FORM)
        .size_range(FORM_MIN..=(width * 0.4).clamp(FORM_MIN, 480.0))
        .resizable(true)
        .frame(plain(colours.panel))
        .show_collapsible(ui, &mut form_open, |ui| form::ui(ui, cx));
    cx.view.form_open = form_open;

    let mut gallery_open = cx.view.gallery_open;
    let gallery_max = (ui.available_width() - CANVAS_MIN).clamp(GALLERY_MIN, 640.0);
    Panel::right("gallery")
        .default_size(space::GALLERY)
        .size_range(GALLERY_MIN..=gallery_max)
        .resizable(true)
        .frame(plain(colours.panel))
        .show_collapsible(ui, &mut gallery_open, |ui| gallery::ui(ui, cx));
    cx.view.gallery_open = gallery_open;

    Panel::bottom("queue")
        .exact_size(space::QUEUE)
        .resizable(false)
        .frame(plain(colours.panel))
        .show(ui, |ui| queue::ui(ui, cx));
    let canvas = CentralPanel::no_frame().frame(plain(colours.surround));
    let shown = cx.view.compares();
    let canvas = canvas.show(ui, |ui| match shown {
        Some(compare) => compare::ui(ui, cx, compare),
        None => canvas::ui(ui, cx),
    });
    let canvas = canvas.response.rect;
    notices::ui(ui, cx, canvas);
    task_sheet::ui(ui, cx);
    sheet::ui(ui, cx);
    models::ui(ui, cx);
    settings::ui(ui, cx);
    budget::ui(ui, cx);
}

/// A bar that floats over the canvas, as large as `rect`.
fn bar<R>(ui: &mut Ui, (salt, rect): (&str, Rect), add: impl FnOnce(&mut Ui) -> R) -> R {
    inside(ui, (salt, rect), |ui| {
        shield(ui, rect);
        floating(ui)
            .show(ui, |ui| {
                ui.set_min_size(rect.size() - 2.0 * Vec2::splat(BAR_EDGE));
                add(ui)
            })
            .inner
    })
}

/// Keeps the pointer from what lies below `rect`: without it a press on a button would also be one on the
/// canvas, which can be dragged while a button cannot. Out of the keyboard's way.
fn shield(ui: &Ui, rect: Rect) {
    ui.interact(rect, ui.scope_id().with("shield"), Sense::CLICK | Sense::DRAG);
}

/// The frame of what floats over the window.
fn floating(ui: &Ui) -> Frame {
    let colours = palette(ui);
    Frame::new()
        .fill(colours.panel)
        .stroke(Stroke::new(theme::LINE, colours.line))
        .corner_radius(theme::RADIUS_FLOATING)
        .inner_margin(4)
}
