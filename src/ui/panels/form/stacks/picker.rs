//! The library as a list to choose from: searched by name, what does not fit is faint and says why.

use std::sync::Arc;

use eframe::egui;
use egui::{Align2, Id, Popup, Role, ScrollArea, Sense, Ui, WidgetInfo, vec2};

use super::super::engine;
use super::Stack;
use crate::task::{Air, EngineKind, ModelCard, ModelKind};
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::{IconButton, paint_elided, search_field, side_menu, tip};
use crate::ui::{Cx, icons};

const WIDTH: f32 = 320.0;
const ROW: f32 = 30.0;

/// The plus of a stack; what is chosen is put at its end.
pub(super) fn add_button(ui: &mut Ui, cx: &mut Cx<'_>, stack: Stack) {
    let name = format!("Add: {}", stack.title);
    let button = IconButton::new(icons::ADD, &name).size(22.0).show(ui);
    if let Some(air) = pick(ui, cx, (&button, stack.kind, stack.title)) {
        cx.draft.stacks.add(stack.kind, &air);
    }
}

/// The list behind `button`; the identifier of the model that was chosen.
pub(in crate::ui::panels::form) fn pick(
    ui: &Ui,
    cx: &Cx<'_>,
    (button, kind, title): (&egui::Response, ModelKind, &str),
) -> Option<String> {
    let popup = side_menu(ui, button, WIDTH);
    let Some(shown) = popup.show(|ui| list(ui, cx, kind, title)) else {
        // The next time it opens as it did the first time.
        ui.data_mut(|data| {
            data.remove::<String>(search_id(title));
            data.remove::<bool>(search_id(title));
        });
        return None;
    };
    let chosen = shown.inner?;
    Popup::close_all(ui.ctx());
    Some(chosen)
}

/// Names what was typed into the list of that title, and whether it had the keyboard since it opened.
fn search_id(title: &str) -> Id {
    Id::unique(("picker", title))
}

fn list(ui: &mut Ui, cx: &Cx<'_>, kind: ModelKind, title: &str) -> Option<String> {
    ui.set_width(WIDTH);
    let id = search_id(title);
    let mut search = ui.data(|data| data.get_temp::<String>(id)).unwrap_or_default();
    let name = format!("Search: {title}");
    let hint = match engine(cx) {
        EngineKind::Local => "Search the library",
        EngineKind::Remote => "Search, or type an AIR such as civitai:1@2",
    };
    let field = search_field(ui, &mut search, &name, hint);
    if ui.data(|data| data.get_temp::<bool>(id)).is_none() {
        field.request_focus();
        ui.data_mut(|data| data.insert_temp(id, true));
    }
    ui.add_space(space::ROW_GAP);
    let base = cx.world.chosen_model(cx.draft);
    let mut found: Vec<(&Arc<ModelCard>, Option<String>)> = cx
        .world
        .models
        .iter()
        .filter(|card| card.kind == kind && holds(card, &search))
        .map(|card| (card, unfit(card, base)))
        .collect();
    found.sort_by_key(|(card, unfit)| (unfit.is_some(), card.name.to_lowercase()));
    let mut chosen = typed(ui, cx, &search);
    ScrollArea::vertical().max_height(9.0 * ROW).auto_shrink([false, true]).show_rows(
        ui,
        ROW,
        found.len(),
        |ui, rows| {
            for (card, unfit) in found.get(rows).unwrap_or_default() {
                if choice(ui, card, unfit.as_deref()) {
                    chosen = Some(card.air.to_string());
                }
            }
        },
    );
    if found.is_empty() && chosen.is_none() {
        ui.colored_label(palette(ui).dim, nothing(cx, kind, &search));
    }
    ui.data_mut(|data| data.insert_temp(id, search));
    chosen
}

/// Why the list is empty and what to do.
fn nothing(cx: &Cx<'_>, kind: ModelKind, search: &str) -> String {
    if !cx.world.models_read {
        "Looking for models…".to_owned()
    } else if search.trim().is_empty() {
        format!("The library has no {kind} yet. Put one into the models folder.")
    } else {
        format!("No {kind} of the library is called like that.")
    }
}

/// An identifier that was typed in full, for models that only the service has; whether it was taken.
fn typed(ui: &mut Ui, cx: &Cx<'_>, search: &str) -> Option<String> {
    let air: Air = search.trim().parse().ok()?;
    if cx.world.models.iter().any(|card| card.air == air) {
        return None;
    }
    let words = format!("Use {air}");
    let button = egui::Button::selectable(false, &words).min_size(vec2(WIDTH, ROW));
    let response = ui.add(button);
    let clicked = response.clicked();
    let says = match engine(cx) {
        EngineKind::Local => "Not in the library: this machine cannot draw with it",
        EngineKind::Remote => "Not in the library: the service says whether it has it",
    };
    ui.colored_label(palette(ui).faint, says);
    (clicked || ui.input(|input| input.key_pressed(egui::Key::Enter))).then(|| air.to_string())
}

/// Whether the card's words hold all that is searched for.
fn holds(card: &ModelCard, search: &str) -> bool {
    let text = format!("{} {} {}", card.name, card.air, card.architecture).to_lowercase();
    search.split_whitespace().all(|word| text.contains(&word.to_lowercase()))
}

/// Why the model cannot be chosen.
fn unfit(card: &ModelCard, base: Option<&Arc<ModelCard>>) -> Option<String> {
    if let Some(fault) = &card.fault {
        return Some(format!("Cannot be used: {fault}"));
    }
    let base = base.filter(|base| !base.architecture.fits(card.architecture))?;
    Some(format!(
        "Made for {}; the model {} is of {}",
        card.architecture, base.name, base.architecture
    ))
}

/// A model of the list; whether it was chosen.
fn choice(ui: &mut Ui, card: &ModelCard, unfit: Option<&str>) -> bool {
    let row = ui.add_enabled_ui(unfit.is_none(), |ui| {
        let colours = palette(ui);
        let enabled = ui.is_enabled();
        let size = vec2(ui.available_width(), ROW - ui.spacing().item_spacing.y);
        let (rect, response) = ui.allocate_exact_size(size, Sense::click());
        response.widget_info(|| WidgetInfo::labeled(Role::Button, enabled, &card.name));
        if enabled && (response.hovered() || response.has_focus()) {
            ui.painter().rect_filled(rect, theme::RADIUS, colours.raised_hover);
        }
        let text = rect.shrink2(vec2(8.0, 0.0));
        let family = card.architecture.label();
        let at = (text.right_center(), Align2::RIGHT_CENTER);
        let style = (theme::caption(), colours.faint);
        let taken = paint_elided(ui, at, family, style, 110.0).width();
        let at = (text.left_center(), Align2::LEFT_CENTER);
        let colour = if enabled { colours.text } else { colours.faint };
        paint_elided(
            ui,
            at,
            &card.name,
            (theme::body(), colour),
            text.width() - taken - space::GAP,
        );
        response
    });
    let clicked = row.inner.clicked();
    let says = unfit.map_or_else(|| card.air.to_string(), str::to_owned);
    tip(ui, row.inner, &says);
    clicked
}
