//! Dragging a waiting job to another place: in the row of cards and in the list.

use eframe::egui;
use egui::{CursorIcon, Id, Rangef, Rect, Response, Stroke, Ui, vec2};

use crate::jobs::JobId;
use crate::state::Action;
use crate::ui::Cx;
use crate::ui::theme::{self, palette};

/// The job that is being dragged.
fn held(ui: &Ui) -> Option<JobId> {
    ui.data(|data| data.get_temp(Id::unique("dragged job")))
}

/// Takes the job in hand when its card or handle is pulled.
pub(super) fn begin(ui: &Ui, response: &Response, job: JobId) {
    if response.drag_started() {
        ui.data_mut(|data| data.insert_temp(Id::unique("dragged job"), job));
    }
}

/// Shows where it would go in a row of cards, and puts it there when it is let go.
pub(super) fn in_row(ui: &Ui, cx: &mut Cx<'_>, waiting: &[(JobId, Rect)]) {
    let place = |at: egui::Pos2| waiting.iter().filter(|(_, card)| card.center().x < at.x).count();
    let mark = |place: usize| {
        let (x, card) = edge(waiting, place, |card| (card.left() - 6.0, card.right() + 6.0))?;
        Some((x, card.y_range()))
    };
    // Not into the list above.
    let area = ui.clip_rect().expand2(vec2(40.0, 0.0));
    follow(ui, cx, (waiting, area), &place, &|ui, place| {
        let Some((x, span)) = mark(place) else { return };
        ui.painter().vline(x, span, Stroke::new(theme::RING, palette(ui).accent));
    });
}

/// The same in a list of rows.
pub(super) fn in_list(ui: &Ui, cx: &mut Cx<'_>, waiting: &[(JobId, Rect)]) {
    let place = |at: egui::Pos2| waiting.iter().filter(|(_, row)| row.center().y < at.y).count();
    let mark = |place: usize| -> Option<(f32, Rangef)> {
        let (y, row) = edge(waiting, place, |row| (row.top(), row.bottom()))?;
        Some((y, row.x_range()))
    };
    let area = ui.clip_rect().expand2(vec2(40.0, 4.0));
    scroll(ui, area);
    follow(ui, cx, (waiting, area), &place, &|ui, place| {
        let Some((y, span)) = mark(place) else { return };
        ui.painter().hline(span, y, Stroke::new(theme::RING, palette(ui).accent));
    });
}

/// Where the mark of that place stands, from the edges of its neighbours.
fn edge(
    waiting: &[(JobId, Rect)],
    place: usize,
    edges: impl Fn(&Rect) -> (f32, f32),
) -> Option<(f32, Rect)> {
    match waiting.get(place) {
        Some((_, rect)) => Some((edges(rect).0, *rect)),
        None => waiting.last().map(|(_, rect)| (edges(rect).1, *rect)),
    }
}

/// Scrolls the list while something is held near its upper or lower edge.
fn scroll(ui: &Ui, area: Rect) {
    /// Points from the edge, and points a frame.
    const EDGE: f32 = 24.0;
    const STEP: f32 = 6.0;
    let at = ui.input(|input| input.pointer.interact_pos());
    let Some(at) = at.filter(|at| held(ui).is_some() && area.contains(*at)) else { return };
    let step = if at.y < area.top() + EDGE {
        STEP
    } else if at.y > area.bottom() - EDGE {
        -STEP
    } else {
        return;
    };
    ui.scroll_with_delta(vec2(0.0, step));
    ui.ctx().request_repaint();
}

fn follow(
    ui: &Ui,
    cx: &mut Cx<'_>,
    (waiting, area): (&[(JobId, Rect)], Rect),
    place: &dyn Fn(egui::Pos2) -> usize,
    mark: &dyn Fn(&Ui, usize),
) {
    let Some(job) = held(ui) else { return };
    let Some(from) = waiting.iter().position(|(id, _)| *id == job) else { return };
    let Some(at) = ui.input(|input| input.pointer.interact_pos()) else { return };
    if !area.contains(at) {
        return;
    }
    ui.ctx().set_cursor_icon(CursorIcon::Grabbing);
    let gap = place(at);
    mark(ui, gap);
    if ui.input(|input| input.pointer.any_released()) {
        ui.data_mut(|data| data.remove::<JobId>(Id::unique("dragged job")));
        // Its own place is free then.
        let to = if gap > from { gap - 1 } else { gap };
        if to != from {
            cx.actions.push(Action::MoveJob(job, to));
        }
    }
}

/// Lets go of what was dropped beside everything; once a frame.
pub(super) fn end(ui: &Ui) {
    if !ui.input(|input| input.pointer.any_down() || input.pointer.any_released()) {
        ui.data_mut(|data| data.remove::<JobId>(Id::unique("dragged job")));
    }
}
