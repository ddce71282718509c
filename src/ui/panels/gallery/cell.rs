//! One picture of the grid: its thumbnail, its star, whether it is chosen, and what clicks on it do.

use eframe::egui;
use egui::{
    Align2, EventFilter, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2,
    vec2,
};
use uuid::Uuid;

use super::{menu, star};
use crate::state::{Action, GalleryAction, GalleryEntry};
use crate::ui::panels::cover;
use crate::ui::textures::{Drawable, Look};
use crate::ui::theme::{self, palette};
use crate::ui::{Cx, icons};

/// Longest prompt that is shown on hover, in characters.
const LONGEST_HINT: usize = 400;

/// Draws the picture at that place of the list into `rect`.
pub(super) fn ui(ui: &Ui, cx: &mut Cx<'_>, place: usize, rect: Rect) {
    let Some(entry) = cx.world.gallery.shown(place) else { return };
    let image_uuid = entry.image_uuid;
    let response = ui.interact(rect, ui.scope_id().with(image_uuid), Sense::click());
    let shown = cx.view.selected;
    let chosen = cx.view.gallery.marks.holds(image_uuid, shown);
    let covered = cx.covers(image_uuid);
    let starred = cx.world.gallery.is_starred(image_uuid);
    let number = place + 1;
    let how = [(covered, ", blurred"), (starred, ", starred")];
    let how: String = how.into_iter().filter_map(|(is, word)| is.then_some(word)).collect();
    let name = format!("Picture {number}{how}: {}", entry.prompt().unwrap_or("no settings"));
    response.widget_info(|| WidgetInfo::selected(Role::ListBoxOption, true, chosen, &name));
    // egui says of options only that they are pressed.
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_selected(chosen));
    keyboard(ui, cx, &response, shown == Some(image_uuid));
    thumbnail(ui, cx, entry, rect);
    outline(ui, &response, chosen);
    if chosen && cx.view.gallery.marks.count(shown) > 1 {
        tick(ui, rect);
    }
    star_ui(ui, cx, (image_uuid, rect), &response, &format!("picture {number}"));
    clicks(ui, cx, image_uuid, (&response, chosen));
    response.context_menu(|ui| menu::ui(ui, cx));
    if let Some(prompt) = entry.prompt() {
        let mut hint: String = prompt.chars().take(LONGEST_HINT).collect();
        if hint.len() < prompt.len() {
            hint.push('…');
        }
        response.on_hover_text(hint);
    }
    if covered {
        cover::ui(ui, cx, (image_uuid, rect), &format!("Show picture {number}"));
    }
}

/// Arrow keys move the choice, and the keyboard goes with it.
fn keyboard(ui: &Ui, cx: &mut Cx<'_>, response: &Response, shown: bool) {
    if shown && !response.has_focus() && std::mem::take(&mut cx.view.gallery.focus_chosen) {
        response.request_focus();
    }
    if response.has_focus() {
        cx.view.gallery.has_keyboard = true;
        let arrows = EventFilter {
            horizontal_arrows: true,
            vertical_arrows: true,
            ..EventFilter::default()
        };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, arrows));
    }
}

fn thumbnail(ui: &Ui, cx: &mut Cx<'_>, entry: &GalleryEntry, rect: Rect) {
    let colours = palette(ui);
    match cx.textures.look(entry, cx.thumbnail(entry.image_uuid)) {
        Look::Ready(drawable) => paint_cover(ui, &drawable, (rect, theme::RADIUS)),
        Look::Coming => {
            ui.painter().rect_filled(rect, theme::RADIUS, colours.raised);
        }
        Look::Broken => {
            ui.painter().rect_filled(rect, theme::RADIUS, colours.raised);
            let middle = Align2::CENTER_CENTER;
            let at = rect.center();
            ui.painter().text(at, middle, icons::ERROR, theme::icon(18.0), colours.dim);
            if rect.width() >= 100.0 {
                let at = at + vec2(0.0, 20.0);
                ui.painter().text(at, middle, "Damaged or gone", theme::caption(), colours.dim);
            }
        }
    }
}

fn outline(ui: &Ui, response: &Response, chosen: bool) {
    let colours = palette(ui);
    let ring = match (chosen || response.has_focus(), response.hovered()) {
        (true, _) => Stroke::new(theme::RING, colours.accent),
        (false, true) => Stroke::new(theme::RING, colours.line_hover),
        // White pictures would end nowhere on a white panel.
        (false, false) => Stroke::new(theme::LINE, colours.line),
    };
    ui.painter().rect_stroke(response.rect, theme::RADIUS, ring, StrokeKind::Inside);
}

/// The sign of a picture that is one of several chosen ones.
fn tick(ui: &Ui, rect: Rect) {
    let colours = palette(ui);
    let at = rect.left_top() + vec2(14.0, 14.0);
    ui.painter().circle_filled(at, 9.0, colours.accent);
    let icon = theme::icon(14.0);
    ui.painter().text(at, Align2::CENTER_CENTER, icons::CHECK, icon, colours.on_accent);
}

/// The star, on starred pictures and on the one under the pointer.
fn star_ui(
    ui: &Ui,
    cx: &mut Cx<'_>,
    (image_uuid, picture): (Uuid, Rect),
    response: &Response,
    name: &str,
) {
    let starred = cx.world.gallery.is_starred(image_uuid);
    let place = star::place(picture);
    let pointed = ui.rect_contains_pointer(picture);
    let id = ui.scope_id().with((image_uuid, "star"));
    let focused = ui.memory(|memory| memory.has_focus(id));
    if !(starred || pointed || focused || response.has_focus()) {
        return;
    }
    let star = ui.interact(place, id, Sense::click());
    let verb = if starred { "Unstar" } else { "Star" };
    star.widget_info(|| {
        WidgetInfo::selected(Role::Button, true, starred, format!("{verb} {name}"))
    });
    let hot = star.hovered() || star.has_focus();
    // On pictures of any kind, in both themes.
    let ground = theme::DARK.veil;
    ui.painter().circle_filled(place.center(), place.width() / 2.0 - 2.0, ground);
    let ink = if hot { theme::DARK.accent } else { theme::UNTINTED };
    star::paint(ui, (place.center(), 16.0), starred, ink);
    if star.clicked() {
        cx.actions.push(Action::Gallery(GalleryAction::StarOne(image_uuid)));
    }
    star.on_hover_text(if starred { "Take the star away (S)" } else { "Star (S)" });
}

fn clicks(ui: &Ui, cx: &mut Cx<'_>, image_uuid: Uuid, (response, chosen): (&Response, bool)) {
    let act = |action| Action::Gallery(action);
    if response.clicked() {
        let held = ui.input(|input| input.modifiers);
        cx.actions.push(match (held.command, held.shift) {
            (true, _) => act(GalleryAction::Mark(image_uuid)),
            (false, true) => act(GalleryAction::MarkTo(image_uuid)),
            (false, false) => Action::Select(image_uuid),
        });
    }
    // A menu is about what it was opened on.
    if response.secondary_clicked() && !chosen {
        cx.actions.push(Action::Select(image_uuid));
    }
    if response.double_clicked() {
        cx.actions.push(Action::ReuseSettings(image_uuid));
    }
}

/// Paints the largest centred part of a picture that has the shape of `rect` into it.
pub(in crate::ui::panels) fn paint_cover(ui: &Ui, drawable: &Drawable, (rect, radius): (Rect, u8)) {
    // How much wider the picture is than the place.
    let wider = drawable.extent.width as f32 / drawable.extent.height as f32 / rect.aspect_ratio();
    let uv = if wider > 1.0 {
        let cut = (1.0 - 1.0 / wider) / 2.0;
        Rect::from_min_max(pos2(cut, 0.0), pos2(1.0 - cut, 1.0))
    } else {
        let cut = (1.0 - wider) / 2.0;
        Rect::from_min_max(pos2(0.0, cut), pos2(1.0, 1.0 - cut))
    };
    egui::Image::new(&drawable.texture).uv(uv).corner_radius(radius).paint_at(ui, rect);
}
