//! The menu of the chosen pictures: for a right click on one of them, and behind the last button.

use eframe::egui;
use egui::{Align2, Response, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use super::actions::{START_FROM, file_refusal, settings_refusal};
use crate::state::{Action, ExportTexts, GalleryAction, GuideSlot};
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::paint_elided;
use crate::ui::{Cx, icons};

const WIDTH: f32 = 264.0;
const LINE: f32 = 26.0;
/// Room for a tick.
const TICK: f32 = 28.0;
/// Room for keys.
const KEYS: f32 = 52.0;

/// What a line of the menu says.
struct Item<'a> {
    label: &'a str,
    keys: &'a str,
    refusal: Option<&'a str>,
    /// Set where the line turns something on and off.
    on: Option<bool>,
}

impl<'a> Item<'a> {
    const fn new(label: &'a str, keys: &'a str, refusal: Option<&'a str>) -> Self {
        Self { label, keys, refusal, on: None }
    }
}

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    ui.set_width(WIDTH);
    ui.spacing_mut().item_spacing.y = 0.0;
    let entry = cx.view.selected.and_then(|selected| cx.world.gallery.get(selected));
    let (file, settings) = (file_refusal(entry), settings_refusal(entry));
    use_it(ui, cx, (file, settings));
    separator(ui);
    keep_it(ui, cx, (file, settings));
    separator(ui);
    all_of_them(ui, cx);
}

fn use_it(ui: &mut Ui, cx: &mut Cx<'_>, (file, settings): (Option<&str>, Option<&str>)) {
    let Some(selected) = cx.view.selected else { return };
    for (item, action) in [
        (Item::new(START_FROM, "", file), Action::StartFrom(selected)),
        (Item::new("Reuse all settings", "Enter", settings), Action::ReuseSettings(selected)),
        (Item::new("Reuse the prompt", "", settings), Action::ReusePrompt(selected)),
        (Item::new("Reuse the seed", "", settings), Action::ReuseSeed(selected)),
    ] {
        act(ui, cx, &item, action);
    }
    let slots = guide_slots(cx);
    if slots.is_empty() {
        let why = "Add a ControlNet or an IP-Adapter to the form first";
        item(ui, &Item::new("Use as guide", "", file.or(Some(why))));
    }
    for (name, slot) in slots {
        let label = format!("Guide {name} by it");
        act(ui, cx, &Item::new(&label, "", file), Action::GuideByShown(slot));
    }
}

fn keep_it(ui: &mut Ui, cx: &mut Cx<'_>, (file, settings): (Option<&str>, Option<&str>)) {
    let count = cx.view.gallery.marks.count(cx.view.selected);
    let starred = cx.view.selected.is_some_and(|it| cx.world.gallery.is_starred(it));
    let none = (count == 0).then_some("Choose a picture first");
    let star = if starred && count == 1 { "Take the star away" } else { "Star" };
    let two = (count != 2).then_some("Choose two pictures: the second with Ctrl and a click");
    gallery(ui, cx, &Item::new(star, "S", none), GalleryAction::Star);
    gallery(ui, cx, &Item::new("Compare", "C", two), GalleryAction::Compare);
    gallery(ui, cx, &Item::new("Copy the picture", "Ctrl C", none), GalleryAction::CopyPicture);
    if item(ui, &Item::new("Copy the task as JSON", "", settings)).clicked() {
        copy_task(ui, cx);
        ui.close();
    }
    let (kept, removed) = (ExportTexts::Kept, ExportTexts::Removed);
    let (copy, bare) = if count > 1 {
        ("Export copies…", "Export copies without settings…")
    } else {
        ("Export a copy…", "Export a copy without settings…")
    };
    gallery(ui, cx, &Item::new(copy, "Ctrl E", file), GalleryAction::Export(kept));
    gallery(ui, cx, &Item::new(bare, "", file), GalleryAction::Export(removed));
    let reveal = Item::new("Show in the file manager", "", file);
    gallery(ui, cx, &reveal, GalleryAction::Reveal);
    let delete = if count > 1 { "Delete the chosen" } else { "Delete" };
    gallery(ui, cx, &Item::new(delete, "Del", none), GalleryAction::Delete);
}

fn all_of_them(ui: &mut Ui, cx: &mut Cx<'_>) {
    let undo = (!cx.world.gallery.can_undo()).then_some("Nothing was deleted since the start");
    let nothing = (cx.world.gallery.shown_len() == 0).then_some("There is no picture");
    gallery(ui, cx, &Item::new("Undo deleting", "", undo), GalleryAction::UndoDelete(None));
    let empty = Item::new("Empty the trash…", "", None);
    gallery(ui, cx, &empty, GalleryAction::OfferEmptyTrash);
    gallery(ui, cx, &Item::new("Choose all", "Ctrl A", nothing), GalleryAction::MarkAll);
    act(ui, cx, &Item::new("Open the folder", "", None), Action::OpenResults);
    let on = Some(cx.view.gallery.save_bare);
    let bare = Item { on, ..Item::new("Save new pictures without settings", "", None) };
    let hint = "What they were made with is then known on this computer only";
    if item(ui, &bare).on_hover_text(hint).clicked() {
        cx.view.gallery.save_bare = !cx.view.gallery.save_bare;
    }
}

/// Rows of the form that take a guide, by the names of their models.
fn guide_slots(cx: &Cx<'_>) -> Vec<(String, GuideSlot)> {
    let name = |air: Option<&String>| {
        let card = cx.world.models.iter().find(|card| Some(&card.air.to_string()) == air);
        card.map(|card| card.name.clone()).or(air.cloned()).unwrap_or_default()
    };
    let stacks = &cx.draft.stacks;
    let controls = stacks.controls.iter();
    let controls =
        controls.map(|row| (name(row.says.model.as_ref()), GuideSlot::Control(row.id())));
    let prompts = stacks.image_prompts.iter();
    let prompts =
        prompts.map(|row| (name(row.says.model.as_ref()), GuideSlot::ImagePrompt(row.id())));
    controls.chain(prompts).collect()
}

/// Puts what makes the picture again onto the clipboard, as `latelier run` takes it.
fn copy_task(ui: &Ui, cx: &Cx<'_>) {
    let entry = cx.view.selected.and_then(|selected| cx.world.gallery.get(selected));
    let task = entry.and_then(|entry| entry.task()).map(|task| [task.as_ref()]);
    if let Some(Ok(json)) = task.map(|task| serde_json::to_string_pretty(&task)) {
        ui.ctx().copy_text(json);
    }
}

fn gallery(ui: &mut Ui, cx: &mut Cx<'_>, line: &Item<'_>, action: GalleryAction) {
    act(ui, cx, line, Action::Gallery(action));
}

fn act(ui: &mut Ui, cx: &mut Cx<'_>, line: &Item<'_>, action: Action) {
    if item(ui, line).clicked() {
        cx.actions.push(action);
        ui.close();
    }
}

fn separator(ui: &mut Ui) {
    let colours = palette(ui);
    let (rect, _) = ui.allocate_exact_size(vec2(WIDTH, 9.0), Sense::hover());
    let line = egui::Stroke::new(theme::LINE, colours.line);
    ui.painter().hline(rect.x_range(), rect.center().y, line);
}

fn item(ui: &mut Ui, item: &Item<'_>) -> Response {
    let enabled = item.refusal.is_none();
    ui.add_enabled_ui(enabled, |ui| {
        let colours = palette(ui);
        let (rect, response) = ui.allocate_exact_size(vec2(WIDTH, LINE), Sense::click());
        response.widget_info(|| match item.on {
            Some(on) => WidgetInfo::selected(Role::MenuItemCheckBox, enabled, on, item.label),
            None => WidgetInfo::labeled(Role::MenuItem, enabled, item.label),
        });
        let hot = enabled && (response.hovered() || response.has_focus());
        if hot {
            ui.painter().rect_filled(rect, theme::RADIUS, colours.raised_hover);
        }
        let middle = rect.center().y;
        if item.on == Some(true) {
            let at = pos2(rect.right() - space::GAP - 8.0, middle);
            let icon = theme::icon(16.0);
            ui.painter().text(at, Align2::CENTER_CENTER, icons::CHECK, icon, colours.accent);
        }
        let ink = if enabled { colours.text } else { colours.faint };
        let right = match (item.on, item.keys) {
            (Some(_), _) => TICK,
            (None, "") => space::GAP,
            (None, _) => KEYS,
        };
        let width = WIDTH - space::GAP - right;
        let at = (pos2(rect.left() + space::GAP, middle), Align2::LEFT_CENTER);
        paint_elided(ui, at, item.label, (theme::body(), ink), width);
        let at = (pos2(rect.right() - space::GAP, middle), Align2::RIGHT_CENTER);
        paint_elided(ui, at, item.keys, (theme::caption(), colours.dim), KEYS);
        match item.refusal {
            Some(refusal) => response.on_disabled_hover_text(refusal),
            None => response,
        }
    })
    .inner
}
