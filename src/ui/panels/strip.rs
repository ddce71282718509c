//! Pictures made together, side by side at the bottom of the canvas.

use eframe::egui;
use egui::{Rect, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};
use uuid::Uuid;

use super::canvas::follow_button;
use super::{bar, shield};
use crate::state::Action;
use crate::ui::textures::Look;
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::{IconButton, inside, toggle_button};
use crate::ui::{Cx, icons};

const THUMBNAIL: f32 = 56.0;
const GAP: f32 = 4.0;
/// Points that using and leaving take.
const VERDICT: f32 = 138.0;
const BAR: f32 = THUMBNAIL + 10.0;
/// Points the canvas always keeps for the strip, so that the picture does not move when it comes.
pub(super) const ROOM: f32 = BAR + 16.0;

/// What the strip shows.
struct Contents {
    pictures: Vec<Uuid>,
    /// Pictures that the running job still owes.
    owed: usize,
    /// A job runs, but something else is on the canvas.
    elsewhere: bool,
    /// The result that waits to be used or left.
    staged: Option<Uuid>,
}

fn contents(cx: &Cx<'_>) -> Contents {
    let gallery = &cx.world.gallery;
    let running = cx.world.queue.running();
    if cx.shows_start() {
        return Contents {
            pictures: Vec::new(),
            owed: 0,
            elsewhere: running.is_some(),
            staged: None,
        };
    }
    if let Some(job) = cx.world.followed(cx.view) {
        let made = gallery.made_together(&job.id.to_string());
        let left = job.pictures().saturating_sub(job.finished()) as usize;
        let several = made.len() + left > 1;
        let pictures = if several { made.to_vec() } else { Vec::new() };
        return Contents {
            owed: if several { left } else { 0 },
            pictures,
            elsewhere: false,
            staged: None,
        };
    }
    let siblings = cx.view.selected.map_or(&[][..], |selected| gallery.siblings(selected));
    let staged = cx.staged();
    let least = if staged.is_some() { 1 } else { 2 };
    let pictures = if siblings.len() >= least { siblings.to_vec() } else { Vec::new() };
    Contents { pictures, owed: 0, elsewhere: running.is_some(), staged }
}

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>, canvas: Rect) {
    let contents = contents(cx);
    let cells = contents.pictures.len() + contents.owed;
    if cells == 0 {
        if contents.elsewhere {
            let rect = Rect::from_center_size(
                pos2(canvas.center().x, canvas.bottom() - ROOM / 2.0),
                vec2(180.0, space::ROW),
            );
            inside(ui, ("follow", rect), |ui| {
                shield(ui, rect);
                follow_button(ui, cx);
            });
        }
        return;
    }
    let step = THUMBNAIL + GAP;
    let arrows = 2.0 * (space::ROW + GAP);
    let ends = arrows + 10.0 + contents.staged.map_or(0.0, |_| VERDICT);
    let most = ((canvas.width() - 2.0 * space::PANEL - ends) / step).floor().max(1.0) as usize;
    let shown = cells.min(most);
    let width = shown as f32 * step - GAP + ends;
    let rect = Rect::from_center_size(
        pos2(canvas.center().x, canvas.bottom() - space::PANEL - BAR / 2.0),
        vec2(width, BAR),
    );
    // With more pictures than room, those around the chosen one are shown.
    let chosen =
        contents.pictures.iter().position(|uuid| Some(*uuid) == cx.view.selected).unwrap_or(0);
    let first = (chosen + 1).saturating_sub(shown.div_ceil(2)).min(cells - shown);
    bar(ui, ("strip", rect), |ui| {
        ui.horizontal_centered(|ui| {
            ui.spacing_mut().item_spacing.x = GAP;
            let several = contents.pictures.len() > 1;
            arrow(ui, cx, (icons::PREVIOUS, "Previous of these"), (several, -1));
            for place in first..first + shown {
                match contents.pictures.get(place) {
                    Some(uuid) => cell(ui, cx, *uuid, place),
                    None => owed_cell(ui),
                }
            }
            arrow(ui, cx, (icons::NEXT, "Next of these"), (several, 1));
            if let Some(staged) = contents.staged {
                verdict(ui, cx, staged);
            }
        });
    });
}

/// Takes the result on the canvas in the start picture's place, or goes back to that.
fn verdict(ui: &mut Ui, cx: &mut Cx<'_>, staged: Uuid) {
    ui.add_space(GAP);
    let used = toggle_button(ui, (icons::CHECK, "Use this"), "Use this result", false);
    if used.on_hover_text("Go on from this result (Enter)").clicked() {
        cx.actions.push(Action::UseResult(staged));
    }
    let hint = "Back to the start picture (Esc); the results stay in the gallery";
    if IconButton::new(icons::CLOSE, "Leave the results").hint(hint).show(ui).clicked() {
        cx.actions.push(Action::LeaveResults);
    }
}

fn arrow(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    (icon, name): (char, &str),
    (enabled, places): (bool, isize),
) {
    ui.add_enabled_ui(enabled, |ui| {
        if IconButton::new(icon, name).show(ui).clicked() {
            cx.actions.push(Action::StepSibling(places));
        }
    });
}

fn cell(ui: &mut Ui, cx: &mut Cx<'_>, image_uuid: Uuid, place: usize) {
    let colours = palette(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(THUMBNAIL, THUMBNAIL), Sense::click());
    let chosen = cx.view.selected == Some(image_uuid);
    let name = format!("Result {}", place + 1);
    response.widget_info(|| WidgetInfo::selected(Role::ListBoxOption, true, chosen, &name));
    if let Some(entry) = cx.world.gallery.get(image_uuid)
        && let Look::Ready(drawable) = cx.textures.look(entry, cx.thumbnail(image_uuid))
    {
        super::gallery::paint_cover(ui, &drawable, (rect, theme::RADIUS - 2));
    } else {
        ui.painter().rect_filled(rect, theme::RADIUS - 2, colours.raised);
    }
    if chosen || response.has_focus() {
        let ring = Stroke::new(theme::RING, colours.accent);
        ui.painter().rect_stroke(rect, theme::RADIUS - 2, ring, StrokeKind::Inside);
    }
    if response.clicked() {
        cx.actions.push(Action::Select(image_uuid));
    }
}

fn owed_cell(ui: &mut Ui) {
    let colours = palette(ui);
    let (rect, _) = ui.allocate_exact_size(vec2(THUMBNAIL, THUMBNAIL), Sense::hover());
    let line = Stroke::new(theme::LINE, colours.line);
    ui.painter().rect(rect, theme::RADIUS - 2, colours.window, line, StrokeKind::Inside);
}
