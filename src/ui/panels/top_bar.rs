//! The bar on top: name, model, what it really runs on, folds, theme, shortcuts.

use eframe::egui;
use egui::{Align, Align2, ComboBox, Layout, RichText, Sense, Ui, WidgetInfo, vec2};

use crate::jobs::{Device, Status};
use crate::state::ThemeChoice;
use crate::task::ModelCard;
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::{IconButton, error_outline, paint_elided};
use crate::ui::{Cx, icons};

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let rect = ui.max_rect();
    let colours = palette(ui);
    ui.scope_builder(
        egui::UiBuilder::new().max_rect(rect.shrink2(vec2(space::PANEL, 0.0))),
        |ui| {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.spacing_mut().item_spacing.x = 2.0;
                right_side(ui, cx);
                ui.add_space(space::GAP);
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    ui.spacing_mut().item_spacing.x = space::PANEL;
                    fold_button(ui, &mut cx.view.form_open, &Fold::FORM);
                    ui.label(RichText::new("Latelier").font(theme::strong()).color(colours.text));
                    model_picker(ui, cx);
                    device(ui, &cx.world.status);
                });
            });
        },
    );
}

fn right_side(ui: &mut Ui, cx: &mut Cx<'_>) {
    fold_button(ui, &mut cx.view.gallery_open, &Fold::GALLERY);
    let shortcuts = IconButton::new(icons::KEYBOARD, "Shortcuts").hint("Shortcuts (?)");
    if shortcuts.show(ui).clicked() {
        cx.view.shortcuts_open = true;
    }
    let task = IconButton::new(icons::JSON, "Task as JSON").hint("The task as JSON (Ctrl J)");
    if task.active(cx.view.task_sheet.open).show(ui).clicked() {
        super::task_sheet::toggle(cx);
    }
    let (icon, hint) = match cx.view.theme {
        ThemeChoice::Dark => (icons::DARK, "Theme: dark (Ctrl ,)"),
        ThemeChoice::Light => (icons::LIGHT, "Theme: light (Ctrl ,)"),
        ThemeChoice::System => (icons::SYSTEM, "Theme: as the system (Ctrl ,)"),
    };
    if IconButton::new(icon, "Theme").hint(hint).show(ui).clicked() {
        cx.view.theme = cx.view.theme.next();
    }
    let folder = IconButton::new(icons::FOLDER, "Open the results folder");
    if folder.show(ui).clicked() {
        cx.actions.push(crate::state::Action::OpenResults);
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

fn model_picker(ui: &mut Ui, cx: &mut Cx<'_>) {
    const WIDTH: f32 = 248.0;
    let colours = palette(ui);
    let chosen = cx.world.chosen_model(cx.draft).cloned();
    let (name, kind) = match (&chosen, &cx.draft.model) {
        (Some(card), _) => (card.name.clone(), card.architecture.label().to_owned()),
        (None, _) if !cx.world.models_read => ("Looking for models…".to_owned(), String::new()),
        (None, Some(air)) => (air.clone(), "not in the library".to_owned()),
        (None, None) => ("No model yet".to_owned(), String::new()),
    };
    let text_width = WIDTH.min(ui.available_width() - 40.0).max(120.0);
    let response = ui
        .scope(|ui| {
            ui.spacing_mut().button_padding = vec2(10.0, 4.0);
            let combo = ComboBox::from_id_salt("model")
                .width(text_width)
                .icon(unfold_icon)
                .selected_text(RichText::new(" ").font(theme::body()));
            combo.show_ui(ui, |ui| model_list(ui, cx)).response
        })
        .inner
        .accessible_name("Model");
    // Painted by hand: the name gives way before the architecture does.
    let inner = response.rect.shrink2(vec2(10.0, 0.0)).with_max_x(response.rect.right() - 28.0);
    let small = paint_elided_kind(ui, inner, &kind);
    let room = (inner.width() - small - space::GAP).max(40.0);
    let drawn = paint_elided(
        ui,
        (inner.left_center(), Align2::LEFT_CENTER),
        &name,
        (theme::body(), colours.text),
        room,
    );
    let kind_at = (drawn.right_center() + vec2(space::GAP, 0.0), Align2::LEFT_CENTER);
    paint_elided(
        ui,
        kind_at,
        &kind,
        (theme::body(), colours.faint),
        inner.right() - drawn.right() - space::GAP,
    );
    let problem = cx.world.problems.iter().find(|problem| problem.concerns("model"));
    if let (Some(problem), Some(_)) = (problem, &cx.draft.model) {
        error_outline(ui, response.rect);
        response.on_hover_text(&problem.message);
    } else if let Some(card) = &chosen {
        response.on_hover_text(model_hint(card));
    } else {
        response.on_hover_text("Put a model into the models folder and press F5.");
    }
}

/// Points the architecture's word takes.
fn paint_elided_kind(ui: &Ui, inner: egui::Rect, kind: &str) -> f32 {
    let galley = ui.painter().layout_no_wrap(kind.to_owned(), theme::body(), palette(ui).faint);
    galley.size().x.min(inner.width() / 2.0)
}

fn model_hint(card: &ModelCard) -> String {
    let defaults = &card.defaults;
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

fn device(ui: &mut Ui, status: &Status) {
    let colours = palette(ui);
    let (dot, text, hint) = match status {
        Status::Starting => {
            (colours.faint, "Starting…".to_owned(), "Looking for ONNX Runtime".to_owned())
        }
        Status::Ready(Device { name, fallback: None }) => (
            colours.ok,
            format!("Local · {name}"),
            format!("Pictures are made on this machine: {name}"),
        ),
        Status::Ready(Device { name, fallback: Some(why) }) => {
            (colours.caution, format!("Local · {name}"), why.clone())
        }
        Status::Unavailable(failure) => {
            (colours.error, "Local · not available".to_owned(), failure.headline.clone())
        }
    };
    let width = ui.available_width();
    if width < 40.0 {
        return;
    }
    let galley = crate::ui::widgets::elided(ui, &text, theme::body(), colours.dim, width - 16.0);
    let (rect, response) =
        ui.allocate_exact_size(vec2(galley.size().x + 16.0, space::ROW), Sense::hover());
    ui.painter().circle_filled(rect.left_center() + vec2(4.0, 0.0), 3.5, dot);
    let at = egui::pos2(rect.left() + 14.0, rect.center().y - galley.size().y / 2.0);
    ui.painter().galley(at, galley, colours.dim);
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Status, true, &text));
    response.on_hover_text(hint);
}
