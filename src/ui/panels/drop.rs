//! While files hang over the window: what letting them go does.

use eframe::egui;
use egui::{Id, Modal, RichText, Ui};

use crate::ui::theme::{self, palette};

pub(super) fn ui(ui: &Ui) {
    if ui.input(|input| input.raw.hovered_files.is_empty()) {
        return;
    }
    let colours = palette(ui);
    let frame = super::floating(ui).inner_margin(16);
    let modal = Modal::new(Id::unique("drop")).frame(frame).backdrop_color(colours.veil);
    modal.show(ui.ctx(), |ui| {
        let strong = RichText::new("Drop a picture to start from it").font(theme::strong());
        ui.label(strong.color(colours.text));
        let more =
            "Its settings are offered, if it carries any. Models and folders join the library.";
        ui.label(RichText::new(more).font(theme::caption()).color(colours.faint));
    });
}
