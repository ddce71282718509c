//! The page of folders: where models are looked for, and where pictures go.

use eframe::egui;
use egui::Ui;

use super::{caption, field, plain};
use crate::state::Action;
use crate::ui::theme::{palette, space};
use crate::ui::widgets::{IconButton, section_title, text_button};
use crate::ui::{Cx, icons};

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    section_title(ui, "Models", "nothing is copied", None);
    let folders = cx.world.shelf.folders.clone();
    for (place, folder) in folders.iter().enumerate() {
        let text = folder.display().to_string();
        let width = ui.available_width();
        ui.horizontal(|ui| {
            let colour = palette(ui).text;
            plain(ui, (&text, colour), width - 44.0);
            // The first one is the home folder's own.
            if place > 0 {
                let name = format!("Remove the folder {text}");
                let remove =
                    IconButton::new(icons::CLOSE, &name).hint("Look here no more").size(24.0);
                if remove.show(ui).clicked() {
                    cx.view.sheets.model = Some(folder.clone());
                    cx.actions.push(Action::ForgetModel);
                }
            }
        });
    }
    ui.horizontal(|ui| {
        let width = ui.available_width() - 144.0;
        let name = ("Folder of models to add", "A folder, also of ComfyUI, A1111 or Forge");
        field(ui, &mut cx.view.sheets.path, name, width);
        let typed = !cx.view.sheets.path.trim().is_empty();
        let add = ui.add_enabled_ui(typed, |ui| text_button(ui, "Add"));
        if add.inner.clicked() {
            cx.actions.push(Action::AddModel);
        }
        if text_button(ui, "Choose…").clicked() {
            cx.actions.push(Action::AddFolder);
        }
    });
    ui.add_space(space::SECTION);
    section_title(ui, "Pictures", "", None);
    ui.horizontal(|ui| {
        let text = cx.world.shelf.results.display().to_string();
        let width = ui.available_width() - 72.0;
        let colour = palette(ui).text;
        plain(ui, (&text, colour), width);
        if text_button(ui, "Open").clicked() {
            cx.actions.push(Action::OpenResults);
        }
    });
    caption(ui, "LATELIER_HOME moves every file that the program keeps.");
}
