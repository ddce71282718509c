//! The library of models: what there is, what is missing, and how more come in.

mod detail;
mod downloads;
mod list;

use eframe::egui;
use egui::{Ui, vec2};

use super::settings::sheet;
use crate::ui::Cx;
use crate::ui::theme::space;
use crate::ui::widgets::inside;

const SIZE: egui::Vec2 = vec2(980.0, 640.0);
/// Of what is said of the chosen model.
const DETAIL: f32 = 300.0;

pub(super) fn ui(ui: &Ui, cx: &mut Cx<'_>) {
    if !cx.view.sheets.models {
        return;
    }
    let closed = sheet(ui, "Models", SIZE, |ui| {
        let all = ui.available_rect_before_wrap();
        let foot = downloads::height(cx);
        let top = all.with_max_y(all.bottom() - foot - space::PANEL);
        let detail = DETAIL.min(top.width() / 2.0);
        let left = top.with_max_x(top.right() - detail - space::SECTION);
        let right = top.with_min_x(top.right() - detail);
        inside(ui, ("models list", left), |ui| list::ui(ui, cx));
        inside(ui, ("model", right), |ui| detail::ui(ui, cx));
        let below = all.with_min_y(all.bottom() - foot);
        inside(ui, ("more models", below), |ui| downloads::ui(ui, cx));
    });
    if closed {
        cx.view.sheets.models = false;
        cx.view.sheets.model_words.clear();
    }
}
