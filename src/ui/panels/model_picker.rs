//! Which checkpoint draws: one of the library, or on the service any that it has, by its AIR.

use std::sync::Arc;

use eframe::egui;
use egui::{
    Align2, ComboBox, Key, Popup, PopupCloseBehavior, RichText, Sense, Stroke, StrokeKind, Ui, vec2,
};

use crate::state::{Action, ModelsFound};
use crate::task::{Air, EngineKind, ModelCard};
use crate::ui::Cx;
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::{error_outline, paint_elided, search_field};

const WIDTH: f32 = 248.0;
/// The button of the library beside it, with its gaps.
const LIBRARY: f32 = 44.0;
/// Below this width a model's family gives way to its name.
const ROOM_FOR_KIND: f32 = 110.0;

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    // Beside it the button of the library has room.
    let text_width = WIDTH.min(ui.available_width() - 40.0 - LIBRARY).max(104.0);
    let response = match cx.preferences.engine {
        EngineKind::Local => local(ui, cx, text_width),
        EngineKind::Remote => remote(ui, cx, text_width),
    };
    let response = response.accessible_name("Model");
    let (name, kind) = shown(cx);
    paint_name(ui, response.rect, &name, &kind);
    let problem = cx.world.problems.iter().find(|problem| problem.concerns("model"));
    if let (Some(problem), Some(_)) = (problem, &cx.draft.model) {
        error_outline(ui, response.rect);
        response.on_hover_text(&problem.message);
    } else if let Some(card) = cx.world.model_of_form(cx.draft) {
        response.on_hover_text(model_hint(&card));
    } else {
        response.on_hover_text(match cx.preferences.engine {
            EngineKind::Local => "Add a model: Ctrl M opens the library.",
            EngineKind::Remote => "Choose a model of the service by its name or its AIR.",
        });
    }
}

/// The chosen model's name, and its family.
fn shown(cx: &Cx<'_>) -> (String, String) {
    let is_remote = cx.preferences.engine == EngineKind::Remote;
    match (cx.world.model_of_form(cx.draft), &cx.draft.model) {
        (Some(card), _) if cx.world.chosen_model(cx.draft).is_some() => {
            (card.name.clone(), card.architecture.label().to_owned())
        }
        (Some(card), Some(air)) if card.name != *air => (card.name.clone(), air.clone()),
        (Some(card), _) => (card.name.clone(), String::new()),
        (None, Some(air)) if is_remote => (air.clone(), "no AIR".to_owned()),
        (None, None) if is_remote => ("Choose a model".to_owned(), String::new()),
        (None, _) if !cx.world.models_read => ("Looking for models…".to_owned(), String::new()),
        (None, Some(air)) => (air.clone(), "not in the library".to_owned()),
        (None, None) => ("No model yet".to_owned(), String::new()),
    }
}

fn local(ui: &mut Ui, cx: &mut Cx<'_>, width: f32) -> egui::Response {
    ui.scope(|ui| {
        ui.spacing_mut().button_padding = vec2(10.0, 4.0);
        let combo = ComboBox::from_id_salt("model")
            .width(width)
            .icon(super::top_bar::unfold_icon)
            .selected_text(RichText::new(" ").font(theme::body()));
        combo.show_ui(ui, |ui| model_list(ui, cx)).response
    })
    .inner
}

/// Painted by hand: the name gives way before the family does.
fn paint_name(ui: &Ui, rect: egui::Rect, name: &str, kind: &str) {
    let colours = palette(ui);
    let inner = rect.shrink2(vec2(10.0, 0.0)).with_max_x(rect.right() - 28.0);
    let kind = if inner.width() < ROOM_FOR_KIND { "" } else { kind };
    let galley = ui.painter().layout_no_wrap(kind.to_owned(), theme::body(), colours.faint);
    let small = galley.size().x.min(inner.width() / 2.0);
    let room = inner.width() - small - space::GAP;
    let at = (inner.left_center(), Align2::LEFT_CENTER);
    let drawn = paint_elided(ui, at, name, (theme::body(), colours.text), room);
    let kind_at = (drawn.right_center() + vec2(space::GAP, 0.0), Align2::LEFT_CENTER);
    let width = inner.right() - drawn.right() - space::GAP;
    paint_elided(ui, kind_at, kind, (theme::body(), colours.faint), width);
}

fn model_hint(card: &ModelCard) -> String {
    let defaults = &card.defaults;
    if card.path.as_os_str().is_empty() {
        return format!("{}\nA model of the service\n{}", card.name, card.air);
    }
    format!(
        "{}\n{} {}, drawn best at {}\n{}",
        card.name,
        card.architecture.label(),
        card.kind,
        defaults.extent,
        card.air
    )
}

fn model_list(ui: &mut Ui, cx: &mut Cx<'_>) {
    let colours = palette(ui);
    let mut none = true;
    for card in cx.world.checkpoints() {
        none = false;
        let air = card.air.to_string();
        let chosen = cx.draft.model.as_deref() == Some(&air);
        let kind = RichText::new(card.architecture.label()).color(colours.dim);
        let row = egui::Button::selectable(chosen, card.name.as_str()).right_text(kind).truncate();
        let size = vec2(ui.available_width().max(240.0), space::ROW);
        if let Some(why) = &card.fault {
            let response = ui.add_enabled_ui(false, |ui| ui.add_sized(size, row)).inner;
            response.on_disabled_hover_text(format!("Cannot be used: {why}"));
            continue;
        }
        let response = ui.add_sized(size, row);
        if response.on_hover_text(model_hint(card)).clicked() {
            cx.draft.model = Some(air);
        }
    }
    if none {
        ui.label(RichText::new("The library holds no checkpoint.").color(colours.dim));
    }
}

/// A button that opens a field and lists: what was used, and what the service finds.
fn remote(ui: &mut Ui, cx: &mut Cx<'_>, width: f32) -> egui::Response {
    let colours = palette(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(width + 8.0, space::ROW), Sense::click());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, "Model"));
    let line = if response.has_focus() {
        Stroke::new(theme::RING, colours.accent)
    } else {
        Stroke::new(theme::LINE, if response.hovered() { colours.line_hover } else { colours.line })
    };
    ui.painter().rect(rect, theme::RADIUS, colours.field, line, StrokeKind::Inside);
    let sign =
        egui::Rect::from_center_size(rect.right_center() - vec2(16.0, 0.0), vec2(14.0, 14.0));
    super::top_bar::unfold_icon(ui, sign, ui.visuals().noninteractive(), false);
    Popup::from_toggle_button_response(&response)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .width(380.0)
        .show(|ui| remote_list(ui, cx));
    response
}

fn remote_list(ui: &mut Ui, cx: &mut Cx<'_>) {
    let colours = palette(ui);
    ui.set_width(368.0);
    let field =
        search_field(ui, &mut cx.view.sheets.model_words, "Model of the service", "AIR or a name");
    if ui.memory(|memory| memory.focused().is_none()) {
        field.request_focus();
    }
    let words = cx.view.sheets.model_words.trim().to_owned();
    let air: Option<Air> = words.parse().ok();
    let entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    if let Some(air) = air {
        let name = format!("Use {air}");
        if row(ui, (&name, ""), false).clicked() || entered {
            choose(ui, cx, air.to_string());
        }
    } else if !words.is_empty() {
        let name = format!("Search {} for “{words}”", cx.world.engines.service);
        if row(ui, (&name, ""), false).clicked() || entered {
            cx.actions.push(Action::SearchModels);
        }
    }
    let caption = |ui: &mut Ui, words: &str| {
        ui.add_space(space::ROW_GAP);
        ui.label(RichText::new(words).font(theme::caption()).color(colours.faint));
    };
    match cx.world.engines.found.clone() {
        ModelsFound::Nothing => {}
        ModelsFound::Searching(_) => caption(ui, "Asking the service…"),
        ModelsFound::Failed(why) => {
            ui.add_space(space::ROW_GAP);
            ui.add(egui::Label::new(RichText::new(why).color(colours.error)).wrap());
        }
        ModelsFound::Found(cards) if cards.is_empty() => {
            caption(ui, "The service has none of that");
        }
        ModelsFound::Found(cards) => {
            caption(ui, "Found");
            egui::ScrollArea::vertical().max_height(260.0).show(ui, |ui| found(ui, cx, &cards));
        }
    }
    let recent = cx.preferences.recent_models.clone();
    if !recent.is_empty() {
        caption(ui, "Used before");
        for air in recent {
            if row(ui, (&air, ""), cx.draft.model.as_deref() == Some(&air)).clicked() {
                choose(ui, cx, air);
            }
        }
    }
}

fn found(ui: &mut Ui, cx: &mut Cx<'_>, cards: &[Arc<ModelCard>]) {
    for card in cards {
        let air = card.air.to_string();
        let chosen = cx.draft.model.as_deref() == Some(&air);
        if row(ui, (&card.name, &air), chosen).clicked() {
            choose(ui, cx, air);
        }
    }
}

fn choose(ui: &Ui, cx: &mut Cx<'_>, air: String) {
    cx.draft.model = Some(air);
    cx.view.sheets.model_words.clear();
    Popup::close_all(ui.ctx());
}

fn row(ui: &mut Ui, (name, right): (&str, &str), chosen: bool) -> egui::Response {
    let right = RichText::new(right).font(theme::caption()).color(palette(ui).faint);
    let button = egui::Button::selectable(chosen, name).right_text(right).truncate();
    ui.add_sized(vec2(ui.available_width(), space::ROW), button).accessible_name(name)
}
