//! The bar below the grid: what can be done with the chosen picture, or with all that are chosen.

use eframe::egui;
use egui::{Align2, Popup, Rect, Response, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use super::menu;
use crate::state::{Action, ExportTexts, GalleryAction, GalleryEntry, Settings};
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::{IconButton, inside, paint_elided};
use crate::ui::{Cx, icons, words};

/// What the button is called that makes a result the picture to start from.
pub(super) const START_FROM: &str = "Start from this picture";

/// A button of the bar.
struct Tool<'a> {
    icon: char,
    name: &'a str,
    /// Shown on hover, with its key.
    hint: &'a str,
    refusal: Option<&'a str>,
    active: bool,
    does: Does,
}

enum Does {
    Nothing,
    Act(Action),
    Details,
    Menu,
}

impl<'a> Tool<'a> {
    fn new(icon: char, name: &'a str, does: Does) -> Self {
        Self { icon, name, hint: name, refusal: None, active: false, does }
    }

    fn hint(self, hint: &'a str) -> Self {
        Self { hint, ..self }
    }

    fn refused(self, refusal: Option<&'a str>) -> Self {
        Self { refusal, ..self }
    }
}

const fn act(action: GalleryAction) -> Does {
    Does::Act(Action::Gallery(action))
}

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let count = cx.view.gallery.marks.count(cx.view.selected);
    let row = ui.max_rect();
    if count > 1 {
        let told = told_width(row);
        chosen(ui, row.with_max_x(row.left() + told), count);
        tools(ui, cx, row.with_min_x(row.left() + told), several(cx, count));
    } else {
        tools(ui, cx, row, single(cx));
    }
}

fn told_width(row: Rect) -> f32 {
    (row.width() * 0.34).clamp(48.0, 120.0)
}

/// Tells how many pictures are chosen.
fn chosen(ui: &Ui, rect: Rect, count: usize) {
    let colours = palette(ui);
    let text = format!("{} chosen", words::count(count));
    let at = (pos2(rect.left() + 4.0, rect.center().y), Align2::LEFT_CENTER);
    paint_elided(ui, at, &text, (theme::body(), colours.accent), rect.width() - 4.0);
    let response = ui.interact(rect, ui.scope_id().with("chosen"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &text));
    response.on_hover_text(text);
}

/// Buttons for one picture.
fn single(cx: &Cx<'_>) -> Vec<Tool<'static>> {
    let entry = cx.view.selected.and_then(|selected| cx.world.gallery.get(selected));
    let (settings, file) = (settings_refusal(entry), file_refusal(entry));
    let none = entry.is_none().then_some("Choose a picture first");
    let with = |action: fn(uuid::Uuid) -> Action| {
        entry.map_or(Does::Nothing, |entry| Does::Act(action(entry.image_uuid)))
    };
    let details = Tool::new(icons::DETAILS, "Details", Does::Details).hint("Details (I)");
    vec![
        Tool::new(icons::START, START_FROM, with(Action::StartFrom)).refused(file),
        Tool::new(icons::SETTINGS, "Reuse all settings", with(Action::ReuseSettings))
            .hint("Reuse all settings (Enter)")
            .refused(settings),
        Tool::new(icons::DICE, "Reuse the seed", with(Action::ReuseSeed)).refused(settings),
        Tool::new(icons::COMPARE, "Compare two pictures", act(GalleryAction::Compare)).refused(
            none.or(Some("Choose two pictures to compare: the second with Ctrl and a click")),
        ),
        Tool { active: cx.view.gallery.details_open, ..details },
        Tool::new(icons::EXPORT, "Export a copy", act(GalleryAction::Export(ExportTexts::Kept)))
            .hint("Export a copy (Ctrl E)")
            .refused(file),
        Tool::new(icons::DELETE, "Delete", act(GalleryAction::Delete))
            .hint("Delete (Del); it can be undone")
            .refused(none),
        Tool::new(icons::MORE, "More actions", Does::Menu),
    ]
}

/// Buttons for all that are chosen.
fn several(cx: &Cx<'_>, count: usize) -> Vec<Tool<'static>> {
    let two = (count != 2).then_some("Two pictures can be compared, not more");
    let compare = Tool::new(icons::COMPARE, "Compare two pictures", act(GalleryAction::Compare));
    let export = act(GalleryAction::Export(ExportTexts::Kept));
    vec![
        Tool::new(icons::STAR, "Star the chosen pictures", act(GalleryAction::Star))
            .hint("Star, or take the stars away (S)"),
        Tool { active: cx.view.compares().is_some(), ..compare }.hint("Compare (C)").refused(two),
        Tool::new(icons::EXPORT, "Export copies of the chosen pictures", export)
            .hint("Export copies (Ctrl E)"),
        Tool::new(icons::DELETE, "Delete the chosen pictures", act(GalleryAction::Delete))
            .hint("Delete (Del); it can be undone"),
        Tool::new(icons::MORE, "More actions", Does::Menu),
        Tool::new(icons::CLOSE, "Choose one picture only", act(GalleryAction::MarkNone))
            .hint("Choose one only (Esc)"),
    ]
}

fn tools(ui: &mut Ui, cx: &mut Cx<'_>, row: Rect, tools: Vec<Tool<'_>>) {
    let step = row.width() / tools.len() as f32;
    let side = space::ROW.min(step.floor());
    for (place, tool) in tools.into_iter().enumerate() {
        let centre = pos2(row.left() + step * (place as f32 + 0.5), row.center().y);
        let rect = Rect::from_center_size(centre.round(), vec2(side, space::ROW));
        inside(ui, (tool.name, rect), |ui| tool_ui(ui, cx, &tool, side));
    }
}

fn tool_ui(ui: &mut Ui, cx: &mut Cx<'_>, tool: &Tool<'_>, side: f32) {
    let hint = tool.refusal.unwrap_or(tool.hint);
    let button = IconButton::new(tool.icon, tool.name).hint(hint).active(tool.active).size(side);
    let response = button.enabled(tool.refusal.is_none()).show(ui);
    match tool.does {
        Does::Menu => more(&response, cx),
        Does::Act(action) if response.clicked() => cx.actions.push(action),
        Does::Details if response.clicked() => {
            cx.view.gallery.details_open = !cx.view.gallery.details_open;
        }
        Does::Nothing | Does::Act(_) | Does::Details => {}
    }
}

fn more(button: &Response, cx: &mut Cx<'_>) {
    Popup::menu(button).accessible_name("More actions").show(|ui| menu::ui(ui, cx));
}

/// Why nothing can be done with the file; `None` when it can.
pub(super) fn file_refusal(entry: Option<&GalleryEntry>) -> Option<&'static str> {
    match entry {
        None => Some("Choose a picture first"),
        Some(entry) if entry.path.is_none() => Some("This picture could not be saved"),
        Some(_) => None,
    }
}

/// Why its settings cannot be used; `None` when they can.
pub(super) fn settings_refusal(entry: Option<&GalleryEntry>) -> Option<&'static str> {
    match entry.map(|entry| &entry.settings) {
        None => Some("Choose a picture first"),
        Some(Settings::Unread | Settings::Stored) => Some("Still reading this picture's settings"),
        Some(Settings::Missing) => Some("This picture carries no settings"),
        Some(Settings::Known(_)) => None,
    }
}
