//! The page of the look: theme, scale, shortcuts.

use eframe::egui;
use egui::{RichText, Ui};

use crate::state::ThemeChoice;
use crate::ui::theme::{palette, space};
use crate::ui::widgets::{IconButton, RowLabel, control_row, segmented, text_button};
use crate::ui::{Cx, icons};

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let label = |text, help| RowLabel { text, help, default: None, of: "" };
    control_row(
        ui,
        label("Theme", "Greys are neutral in both, so that they tint no picture."),
        |ui| {
            let options = [ThemeChoice::Dark, ThemeChoice::Light, ThemeChoice::System]
                .map(|it| (it, it.label()));
            segmented(ui, "Theme", &options, &mut cx.view.theme);
        },
    );
    control_row(ui, label("Scale", "How large everything is drawn (Ctrl + and Ctrl -)."), |ui| {
        ui.spacing_mut().item_spacing.x = space::ROW_GAP;
        let percent = cx.preferences.scale_percent;
        let smaller = IconButton::new(icons::REMOVE, "Smaller").framed().enabled(percent > 75);
        if smaller.show(ui).clicked() {
            cx.preferences.rescale(-1);
        }
        let text = RichText::new(format!("{percent} %")).color(palette(ui).text);
        ui.add_sized([52.0, space::ROW], egui::Label::new(text));
        let larger = IconButton::new(icons::ADD, "Larger").framed().enabled(percent < 200);
        if larger.show(ui).clicked() {
            cx.preferences.rescale(1);
        }
        if percent != 100 && text_button(ui, "100 %").clicked() {
            cx.preferences.scale_percent = 100;
        }
    });
    control_row(ui, label("Shortcuts", "All of them, and other keys for them (?)."), |ui| {
        if text_button(ui, "Show and change…").clicked() {
            cx.view.sheets.close_settings(cx.preferences);
            cx.view.shortcuts_open = true;
        }
    });
}
