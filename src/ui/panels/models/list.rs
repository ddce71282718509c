//! Every model in a line: kind, family, size, AIR. Only what is seen is drawn.

use std::sync::Arc;

use eframe::egui;
use egui::{
    Align2, RichText, Role, ScrollArea, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2,
};

use super::detail::is_usable;
use crate::task::{ModelCard, ModelKind};
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::{paint_elided, search_field, segmented};
use crate::ui::{Cx, icons, words};

const ROW: f32 = 40.0;

/// Kinds that the list can be narrowed to.
const KINDS: &[(Option<ModelKind>, &str)] = &[
    (None, "All"),
    (Some(ModelKind::Checkpoint), "Checkpoints"),
    (Some(ModelKind::Lora), "LoRA"),
    (Some(ModelKind::ControlNet), "ControlNet"),
    (Some(ModelKind::Embedding), "Embeddings"),
    (Some(ModelKind::IpAdapter), "IP-Adapter"),
    (Some(ModelKind::Vae), "VAE"),
];

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let hint = format!("Search {} models", words::count(cx.world.models.len()));
    search_field(ui, &mut cx.view.sheets.model_words, "Search models", &hint);
    ui.add_space(space::ROW_GAP);
    ScrollArea::horizontal().id_salt("kinds").show(ui, |ui| {
        segmented(ui, "Show", KINDS, &mut cx.view.sheets.model_kind);
    });
    ui.add_space(space::GAP);
    let shown: Vec<Arc<ModelCard>> =
        cx.world.models.iter().filter(|card| is_shown(cx, card)).cloned().collect();
    if shown.is_empty() {
        let words = if !cx.world.models_read {
            "Looking through the folders…"
        } else if cx.world.models.is_empty() {
            "No model yet: add a folder of models below, or download one"
        } else {
            "No model is called that"
        };
        ui.label(RichText::new(words).color(palette(ui).dim));
        return;
    }
    ui.spacing_mut().item_spacing.y = 0.0;
    ScrollArea::vertical().auto_shrink(false).show_rows(ui, ROW, shown.len(), |ui, seen| {
        for card in &shown[seen] {
            row(ui, cx, card);
        }
    });
}

fn is_shown(cx: &Cx<'_>, card: &ModelCard) -> bool {
    let sheets = &cx.view.sheets;
    if sheets.model_kind.is_some_and(|kind| kind != card.kind) {
        return false;
    }
    let words = sheets.model_words.to_lowercase();
    if words.trim().is_empty() {
        return true;
    }
    let text = format!(
        "{} {} {} {} {}",
        card.name,
        card.air,
        card.kind,
        card.architecture.label(),
        card.path.display()
    );
    let text = text.to_lowercase();
    words.split_whitespace().all(|word| text.contains(word))
}

fn row(ui: &mut Ui, cx: &mut Cx<'_>, card: &ModelCard) {
    let colours = palette(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::click());
    let chosen = cx.view.sheets.model.as_ref() == Some(&card.path);
    let file = cx.world.shelf.files.get(&card.path);
    let lacks = card.fault.is_some() || file.is_some_and(|file| file.lacks.is_some());
    let name = format!("Model {}: {} {}", card.name, card.architecture.label(), card.kind);
    response.widget_info(|| WidgetInfo::selected(Role::ListBoxOption, true, chosen, &name));
    let inner = rect.shrink2(vec2(0.0, 1.0));
    if chosen || response.hovered() {
        ui.painter().rect_filled(inner, theme::RADIUS, colours.raised);
    }
    if response.has_focus() {
        let ring = Stroke::new(theme::RING, colours.accent);
        ui.painter().rect_stroke(inner, theme::RADIUS, ring, StrokeKind::Inside);
    }
    let left = rect.left() + space::GAP;
    let size = file.map(|file| words::bytes(file.bytes)).unwrap_or_default();
    let right = rect.right() - space::GAP;
    let at = |x: f32, y: f32, align| (pos2(x, rect.top() + y), align);
    let taken = paint_elided(
        ui,
        at(right, 13.0, Align2::RIGHT_CENTER),
        &size,
        (theme::caption(), colours.dim),
        90.0,
    );
    let mut name_left = left;
    if lacks {
        let centre = pos2(left + 7.0, rect.top() + 13.0);
        let sign = (icons::WARNING, theme::icon(14.0));
        ui.painter().text(centre, Align2::CENTER_CENTER, sign.0, sign.1, colours.caution);
        name_left += 20.0;
    }
    let width = taken.left() - space::GAP - name_left;
    let ink = if card.fault.is_some() { colours.faint } else { colours.text };
    paint_elided(
        ui,
        at(name_left, 13.0, Align2::LEFT_CENTER),
        &card.name,
        (theme::body(), ink),
        width,
    );
    let kind = format!("{} · {}", kind(card), card.air);
    let style = (theme::caption(), colours.faint);
    paint_elided(ui, at(left, 29.0, Align2::LEFT_CENTER), &kind, style, right - left);
    if response.clicked() {
        choose(cx, card);
    }
    let is_checkpoint = card.kind == ModelKind::Checkpoint;
    if response.double_clicked() && is_checkpoint && is_usable(cx, card) {
        cx.draft.model = Some(card.air.to_string());
        cx.view.sheets.models = false;
    }
}

/// `Checkpoint · SD 1.5`.
pub(super) fn kind(card: &ModelCard) -> String {
    let kind = card.kind.to_string();
    let kind = if kind.starts_with(char::is_lowercase) {
        let mut letters = kind.chars();
        letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
    } else {
        kind
    };
    format!("{kind} · {}", card.architecture.label())
}

fn choose(cx: &mut Cx<'_>, card: &ModelCard) {
    cx.view.sheets.model = Some(card.path.clone());
    cx.view.sheets.air = card.air.to_string();
}
