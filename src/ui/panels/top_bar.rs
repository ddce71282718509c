//! The bar on top: name, engine, model, what it really runs on, folds, shortcuts, settings.

use eframe::egui;
use egui::{Align, Align2, Layout, RichText, Ui, vec2};

use super::{engine_bar, model_picker};
use crate::state::{Action, SettingsPage};
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::IconButton;
use crate::ui::{Cx, icons};

/// Below this width of the bar the program's name gives way.
const ROOM_FOR_NAME: f32 = 1000.0;

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let rect = ui.max_rect();
    let colours = palette(ui);
    let inner = egui::UiBuilder::new().max_rect(rect.shrink2(vec2(space::PANEL, 0.0)));
    ui.scope_builder(inner, |ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 2.0;
            right_side(ui, cx);
            ui.add_space(space::GAP);
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.spacing_mut().item_spacing.x = space::PANEL;
                fold_button(ui, &mut cx.view.form_open, &Fold::FORM);
                if rect.width() >= ROOM_FOR_NAME {
                    ui.label(RichText::new("Latelier").font(theme::strong()).color(colours.text));
                }
                engine_bar::segment(ui, cx);
                model_picker::ui(ui, cx);
                ui.spacing_mut().item_spacing.x = space::ROW_GAP;
                library_button(ui, cx);
                ui.add_space(space::ROW_GAP);
                ui.spacing_mut().item_spacing.x = space::GAP;
                engine_bar::device(ui, cx);
            });
        });
    });
}

fn library_button(ui: &mut Ui, cx: &mut Cx<'_>) {
    let library = IconButton::new(icons::MODELS, "Models").hint("The library of models (Ctrl M)");
    if library.show(ui).clicked() {
        cx.view.sheets.models = true;
        cx.actions.push(Action::LookAtModels);
    }
}

fn right_side(ui: &mut Ui, cx: &mut Cx<'_>) {
    fold_button(ui, &mut cx.view.gallery_open, &Fold::GALLERY);
    let settings = IconButton::new(icons::GEAR, "Settings").hint("Settings (Ctrl ,)");
    if settings.show(ui).clicked() {
        cx.view.sheets.settings = Some(SettingsPage::default());
        cx.actions.extend([Action::LookAtEngines, Action::LookAtModels]);
    }
    let shortcuts = IconButton::new(icons::KEYBOARD, "Shortcuts").hint("Shortcuts (?)");
    if shortcuts.show(ui).clicked() {
        cx.view.shortcuts_open = true;
    }
    let task = IconButton::new(icons::JSON, "Task as JSON").hint("The task as JSON (Ctrl J)");
    if task.active(cx.view.task_sheet.open).show(ui).clicked() {
        super::task_sheet::toggle(cx);
    }
}

/// How a side panel is folded: icon and name when open, icon and name when folded.
struct Fold {
    open: (char, &'static str),
    folded: (char, &'static str),
}

impl Fold {
    const FORM: Self = Self {
        open: (icons::LEFT_CLOSE, "Fold the form"),
        folded: (icons::LEFT_OPEN, "Show the form"),
    };
    const GALLERY: Self = Self {
        open: (icons::RIGHT_CLOSE, "Fold the gallery"),
        folded: (icons::RIGHT_OPEN, "Show the gallery"),
    };
}

fn fold_button(ui: &mut Ui, open: &mut bool, fold: &Fold) {
    let (icon, name) = if *open { fold.open } else { fold.folded };
    if IconButton::new(icon, name).show(ui).clicked() {
        *open = !*open;
    }
}

/// Two small arrows that say: a list opens here.
pub(super) fn unfold_icon(ui: &Ui, rect: egui::Rect, _: &egui::style::WidgetVisuals, _: bool) {
    let colour = palette(ui).dim;
    ui.painter().text(
        rect.center(),
        Align2::CENTER_CENTER,
        icons::UNFOLD,
        theme::icon(18.0),
        colour,
    );
}
