//! One model: what it is, what it lacks, what it is called, and what can be done with it.

use eframe::egui;
use egui::{Label, RichText, Ui};

use super::list::kind;
use crate::state::Action;
use crate::task::{EngineKind, ModelCard, ModelKind};
use crate::ui::panels::settings::field;
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::text_button;
use crate::ui::{Cx, words};

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let colours = palette(ui);
    let chosen = cx.view.sheets.model.as_ref();
    let card = chosen.and_then(|path| cx.world.models.iter().find(|card| card.path == *path));
    let Some(card) = card.cloned() else {
        ui.label(RichText::new("Choose a model to see what it is").color(colours.faint));
        return;
    };
    egui::ScrollArea::vertical().id_salt("detail").auto_shrink(false).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = space::ROW_GAP;
        let name = RichText::new(&card.name).font(theme::button()).color(colours.text);
        ui.add(Label::new(name).wrap());
        facts(ui, cx, &card);
        ui.add_space(space::GAP);
        ui.label(RichText::new("AIR, as tasks call it").font(theme::caption()).color(colours.dim));
        ui.horizontal(|ui| {
            let width = ui.available_width() - 74.0;
            field(ui, &mut cx.view.sheets.air, ("AIR of the model", "source:id@version"), width);
            let changed = cx.view.sheets.air.trim() != card.air.to_string();
            if ui.add_enabled_ui(changed, |ui| text_button(ui, "Rename")).inner.clicked() {
                cx.actions.push(Action::NameModel);
            }
        });
        ui.add_space(space::GAP);
        use_it(ui, cx, &card);
    });
}

fn facts(ui: &mut Ui, cx: &Cx<'_>, card: &ModelCard) {
    let colours = palette(ui);
    let file = cx.world.shelf.files.get(&card.path);
    let dim = |text: String| Label::new(RichText::new(text).color(colours.dim)).wrap();
    let size = file.map(|file| format!(" · {}", words::bytes(file.bytes))).unwrap_or_default();
    ui.add(dim(format!("{}{size}", kind(card))));
    if card.kind == ModelKind::Checkpoint {
        let defaults = &card.defaults;
        ui.add(dim(format!("Draws best at {}, {} steps", defaults.extent, defaults.steps)));
    }
    if card.vectors > 0 {
        ui.add(dim(format!("Takes {} tokens of a prompt", card.vectors)));
    }
    if !card.trigger_words.is_empty() {
        ui.add(dim(format!("Words: {}", card.trigger_words.join(", "))));
    }
    let path = card.path.display().to_string();
    let text = RichText::new(path).font(theme::caption()).color(colours.faint);
    ui.add(Label::new(text).wrap().selectable(true));
    let lacks = file.and_then(|file| file.lacks.as_ref());
    for why in card.fault.iter().chain(lacks) {
        ui.add_space(space::ROW_GAP);
        ui.add(
            Label::new(RichText::new(format!("Cannot be used: {why}")).color(colours.caution))
                .wrap(),
        );
    }
}

/// Whether the form may name it as it is now: a checkpoint of this machine only for the engine here.
pub(super) fn is_usable(cx: &Cx<'_>, card: &ModelCard) -> bool {
    let fits = cx.preferences.engine == EngineKind::Local || card.kind != ModelKind::Checkpoint;
    card.fault.is_none() && fits
}

fn use_it(ui: &mut Ui, cx: &mut Cx<'_>, card: &ModelCard) {
    ui.horizontal(|ui| {
        let (words, hint) = match card.kind {
            ModelKind::Checkpoint => ("Use this model", "The form draws with it"),
            _ => ("Add to the form", "A row in its stack"),
        };
        let usable = card.kind != ModelKind::Vae && is_usable(cx, card);
        let button = ui.add_enabled_ui(usable, |ui| text_button(ui, words)).inner;
        if button.on_hover_text(hint).clicked() {
            if card.kind == ModelKind::Checkpoint {
                cx.draft.model = Some(card.air.to_string());
            } else {
                cx.draft.stacks.add(card.kind, &card.air.to_string());
                cx.view.form_open = true;
            }
            cx.view.sheets.models = false;
        }
        let added = cx.world.shelf.files.get(&card.path).is_some_and(|file| file.added);
        if added && text_button(ui, "Take off the list").clicked() {
            cx.actions.push(Action::ForgetModel);
        }
    });
}
