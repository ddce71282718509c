//! The first five minutes: what can be drawn at once, and where models or a key come from. Nothing of it
//! has to be done.

use eframe::egui;
use egui::{
    Align2, Color32, FontId, Rect, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2,
};

use crate::state::{Action, KeyStatus, Mode, SettingsPage};
use crate::task::EngineKind;
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::{chip, inside, paint_elided};
use crate::ui::{Cx, icons};

const WIDTH: f32 = 500.0;
const HEIGHT: f32 = 330.0;
/// Between the picture's edge and the words.
const MARGIN: f32 = 24.0;
/// Examples that are offered.
const EXAMPLES: usize = 3;
/// A way to begin.
const DOOR: f32 = 56.0;

/// Draws it in the middle of `stage`, where there is nothing else to show.
pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>, stage: Rect) {
    let width = (stage.width() - 2.0 * MARGIN).clamp(160.0, WIDTH);
    let height = HEIGHT.min(stage.height());
    let rect = Rect::from_center_size(stage.center(), vec2(width, height));
    inside(ui, ("welcome", rect), |ui| {
        ui.vertical_centered(|ui| {
            invite(ui, cx, width);
            ui.add_space(space::SECTION);
            examples(ui, cx, width);
            ui.add_space(space::SECTION);
            doors(ui, cx, width);
        });
    });
}

fn line(ui: &mut Ui, words: &str, (font, colour): (FontId, Color32), (width, height): (f32, f32)) {
    let (rect, response) = ui.allocate_exact_size(vec2(width, height), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, words));
    paint_elided(ui, (rect.center(), Align2::CENTER_CENTER), words, (font, colour), width);
}

fn invite(ui: &mut Ui, cx: &Cx<'_>, width: f32) {
    let colours = palette(ui);
    let chosen = cx.world.model_of_form(cx.draft);
    let is_remote = cx.world.engines.kind == EngineKind::Remote;
    // A narrow canvas gets the shorter invitation rather than a clipped one.
    let invitation = match (&chosen, cx.draft.mode()) {
        (None, _) if is_remote => "Choose a model, then say what to draw",
        (None, _) => "No model yet",
        _ if width < 320.0 => "Say what to draw",
        (_, Mode::Generate) => "Say what to draw, then Generate",
        (_, Mode::Vary) => "Say what to draw, then Vary",
        (_, Mode::Fill) => "Say what to draw, then Fill",
        (_, Mode::Extend) => "Say what to draw, then Extend",
    };
    line(ui, invitation, (theme::display(), colours.text), (width, 32.0));
    let below = match chosen {
        Some(card) => format!("{} draws best at {}", card.name, card.defaults.extent),
        None if is_remote => "Any model of the service, by its name or its AIR".to_owned(),
        None => "Use a folder of models, or the service".to_owned(),
    };
    line(ui, &below, (theme::body(), colours.dim), (width, 24.0));
}

/// Prompts that the chosen model is known to do well; a click writes one.
fn examples(ui: &mut Ui, cx: &mut Cx<'_>, width: f32) {
    let card = cx.world.chosen_model(cx.draft).cloned();
    let card = card.filter(|card| !card.examples.is_empty());
    let Some(card) = card else { return };
    let faint = palette(ui).faint;
    line(ui, "Begin with one of these", (theme::caption(), faint), (width, 20.0));
    for example in card.examples.iter().take(EXAMPLES) {
        if chip(ui, example, &format!("Use the prompt: {example}")).clicked() {
            cx.draft.prompt.clone_from(example);
        }
    }
}

/// Models from elsewhere, and the service.
fn doors(ui: &mut Ui, cx: &mut Cx<'_>, width: f32) {
    let narrow = width < 400.0;
    let one = if narrow { width } else { (width - space::GAP) / 2.0 };
    let (row, _) = ui.allocate_exact_size(
        vec2(width, if narrow { 2.0 * DOOR + space::GAP } else { DOOR }),
        Sense::hover(),
    );
    let first = Rect::from_min_size(row.min, vec2(one, DOOR));
    let by = if narrow { vec2(0.0, DOOR + space::GAP) } else { vec2(one + space::GAP, 0.0) };
    let second = first.translate(by);
    let words = ("Use a models folder", "Also ComfyUI’s, A1111’s, Forge’s");
    if door(ui, (first, icons::FOLDER), words) {
        cx.view.sheets.settings = Some(SettingsPage::Folders);
        cx.actions.extend([Action::LookAtModels, Action::AddFolder]);
    }
    let has_key = matches!(cx.world.engines.key, KeyStatus::Present(_));
    let words = if has_key {
        ("Use the service", "There is a key: switch to Remote")
    } else {
        ("Enter an API key", "The service draws, for money")
    };
    if door(ui, (second, icons::KEY), words) {
        if has_key {
            cx.actions.push(Action::UseEngine(EngineKind::Remote));
        } else {
            cx.view.sheets.enter_key();
            cx.actions.push(Action::LookAtEngines);
        }
    }
}

fn door(ui: &Ui, (rect, icon): (Rect, char), (title, says): (&str, &str)) -> bool {
    let colours = palette(ui);
    let response = ui.interact(rect, ui.scope_id().with(title), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, title));
    let hot = response.hovered();
    let stroke = if response.has_focus() {
        Stroke::new(theme::RING, colours.accent)
    } else {
        Stroke::new(theme::LINE, if hot { colours.line_hover } else { colours.line })
    };
    let fill = if hot { colours.raised_hover } else { colours.panel };
    ui.painter().rect(rect, theme::RADIUS_FLOATING, fill, stroke, StrokeKind::Inside);
    let sign = pos2(rect.left() + 26.0, rect.center().y);
    ui.painter().text(sign, Align2::CENTER_CENTER, icon, theme::icon(20.0), colours.dim);
    let left = rect.left() + 48.0;
    let width = rect.right() - space::GAP - left;
    let at = |y: f32| (pos2(left, rect.top() + y), Align2::LEFT_CENTER);
    paint_elided(ui, at(19.0), title, (theme::body(), colours.text), width);
    paint_elided(ui, at(38.0), says, (theme::caption(), colours.faint), width);
    response.clicked()
}
