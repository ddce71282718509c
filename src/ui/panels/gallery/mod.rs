//! Finished pictures: search, a grid by days, details of the chosen one, what one can do with them.

mod actions;
mod cell;
mod details;
mod empty;
mod grid;
mod menu;
mod search;
mod star;

use eframe::egui;
use egui::{Frame, Margin, Panel, Ui};

use crate::ui::Cx;
use crate::ui::theme::palette;

pub(super) use cell::paint_cover;

/// Height of the details at first, in points.
const DETAILS: f32 = 240.0;
/// Height that the grid keeps in any case, in points.
const GRID_MIN: f32 = 150.0;

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let plain = |x, y| Frame::new().fill(palette(ui).panel).inner_margin(Margin::symmetric(x, y));
    let (top, bottom, details) = (plain(12, 12), plain(8, 8), plain(0, 0));
    Panel::top("gallery search")
        .exact_size(52.0)
        .resizable(false)
        .show_separator_line(false)
        .frame(top)
        .show(ui, |ui| search::ui(ui, cx));
    Panel::bottom("gallery actions")
        .exact_size(44.0)
        .resizable(false)
        .frame(bottom)
        .show(ui, |ui| actions::ui(ui, cx));
    if cx.view.gallery.details_open {
        let most = (ui.available_height() - GRID_MIN).max(100.0);
        Panel::bottom("gallery details")
            .default_size(DETAILS)
            .size_range(100.0..=most)
            .resizable(true)
            .frame(details)
            .show(ui, |ui| details::ui(ui, cx));
    }
    if cx.world.gallery.shown_len() == 0 {
        empty::ui(ui, cx);
    } else {
        grid::ui(ui, cx);
    }
}
