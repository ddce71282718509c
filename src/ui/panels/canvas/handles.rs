//! The eight handles of the frame: pulled, the picture grows on that side.

use eframe::egui;
use egui::{
    Color32, CursorIcon, EventFilter, Id, Key, Pos2, Rect, Response, Role, Sense, Stroke,
    StrokeKind, Ui, Vec2, WidgetInfo, vec2,
};

use super::sight::points;
use super::start::{Framed, Ground};
use crate::pixels::Extent;
use crate::state::{Extension, Pull, Zoom};
use crate::ui::Cx;
use crate::ui::theme::{self, palette};

/// What one press of an arrow key pulls, in pixels of the result.
const STEP: f32 = 64.0;
/// Names what a handle remembers while it is pulled.
const GRIP: &str = "grip";
/// Points within which the pointer gets hold of a handle.
const REACH: f32 = 20.0;

/// A handle by the sides it pulls, and its name.
const HANDLES: [([i8; 2], &str, CursorIcon); 8] = [
    ([0, -1], "Pull the top", CursorIcon::ResizeVertical),
    ([1, 0], "Pull the right side", CursorIcon::ResizeHorizontal),
    ([0, 1], "Pull the bottom", CursorIcon::ResizeVertical),
    ([-1, 0], "Pull the left side", CursorIcon::ResizeHorizontal),
    ([-1, -1], "Pull the top left corner", CursorIcon::ResizeNwSe),
    ([1, -1], "Pull the top right corner", CursorIcon::ResizeNeSw),
    ([1, 1], "Pull the bottom right corner", CursorIcon::ResizeNwSe),
    ([-1, 1], "Pull the bottom left corner", CursorIcon::ResizeNeSw),
];

/// A pull that is going on.
#[derive(Clone)]
struct Grip {
    /// Where the pointer took hold, in points.
    from: Pos2,
    /// The numbers then.
    began: Extension,
    /// Pixels of the picture that one pixel of the result covers.
    growth_scale: f32,
    /// The picture stays where it is: its left upper corner in points, and points a pixel of it.
    origin: Pos2,
    ground_scale: f32,
}

/// Draws the handles and lets them be pulled. While a tool paints they are there only around a
/// picture that grows: elsewhere they would lie on what is painted.
pub(super) fn ui(ui: &Ui, cx: &mut Cx<'_>, ground: &Ground, stage: Rect) {
    if cx.view.tool.paints() && !cx.draft.extends() {
        return;
    }
    let source = cx.draft.extension.source_for(ground.extent);
    let growth = Some(&cx.draft.extension);
    // Before the first pull: around what would grow, not around what the form's size cuts out.
    let frame = ground.rect(Framed::new(ground.extent, source, growth).frame);
    for (handle, name, cursor) in HANDLES {
        let rect = place(frame, handle);
        let id = ui.scope_id().with(("handle", handle));
        // One that is pulled may be pulled out of sight.
        let pulled = ui.data(|data| data.get_temp::<Grip>(id.with(GRIP))).is_some();
        if !pulled && !ui.max_rect().intersects(rect) {
            continue;
        }
        let response =
            ui.interact(Rect::from_center_size(rect.center(), reach(rect)), id, Sense::drag());
        response.widget_info(|| WidgetInfo::labeled(Role::Splitter, true, name));
        let response = response.on_hover_cursor(cursor);
        draw(ui, &response, (rect, handle));
        by_keys(ui, cx, &response, (handle, ground.extent));
        by_pointer(ui, cx, (&response, id), (handle, ground, stage));
        let hint = "Drag to paint more of the picture; Alt both sides, Shift keeps the shape";
        response.on_hover_text(hint);
    }
}

/// Corners are small squares, sides bars along them.
fn place(frame: Rect, [x, y]: [i8; 2]) -> Rect {
    let at = frame.center() + vec2(f32::from(x), f32::from(y)) * frame.size() / 2.0;
    let size = match (x, y) {
        (0, _) => vec2(34.0_f32.min(frame.width() / 3.0), 5.0),
        (_, 0) => vec2(5.0, 34.0_f32.min(frame.height() / 3.0)),
        _ => Vec2::splat(9.0),
    };
    Rect::from_center_size(at, size)
}

fn reach(rect: Rect) -> Vec2 {
    rect.size().max(Vec2::splat(REACH))
}

fn draw(ui: &Ui, response: &Response, (rect, [x, y]): (Rect, [i8; 2])) {
    let colours = palette(ui);
    let hot = response.hovered() || response.dragged() || response.has_focus();
    let colour = if hot { colours.accent_hover } else { colours.accent };
    let painter = ui.painter_at(ui.max_rect());
    if x != 0 && y != 0 {
        let fill: Color32 = if hot { colour } else { colours.surround };
        painter.rect(rect, 2.0, fill, Stroke::new(theme::RING, colour), StrokeKind::Inside);
    } else {
        painter.rect(
            rect,
            2.5,
            colour,
            Stroke::new(theme::LINE, colours.surround),
            StrokeKind::Outside,
        );
    }
    if response.has_focus() {
        let ring = Stroke::new(theme::RING, colours.accent);
        painter.rect_stroke(rect.expand(4.0), theme::RADIUS, ring, StrokeKind::Inside);
    }
}

/// Arrow keys pull a handle that has the keyboard by a step.
fn by_keys(ui: &Ui, cx: &mut Cx<'_>, response: &Response, (handle, extent): ([i8; 2], Extent)) {
    if !response.has_focus() {
        return;
    }
    let filter =
        EventFilter { horizontal_arrows: true, vertical_arrows: true, ..EventFilter::default() };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
    let arrows = [
        (Key::ArrowLeft, [-STEP, 0.0]),
        (Key::ArrowRight, [STEP, 0.0]),
        (Key::ArrowUp, [0.0, -STEP]),
        (Key::ArrowDown, [0.0, STEP]),
    ];
    let modifiers = ui.input(|input| input.modifiers);
    for (key, by) in arrows {
        if ui.input(|input| input.key_pressed(key)) {
            let source = Some(cx.draft.extension.source_for(extent));
            let began = Extension { source, ..cx.draft.extension.clone() };
            let pull = Pull { handle, by, both: modifiers.alt, even: modifiers.shift };
            cx.draft.extension.pull(&began, pull);
        }
    }
}

fn by_pointer(
    ui: &Ui,
    cx: &mut Cx<'_>,
    (response, id): (&Response, Id),
    (handle, ground, stage): ([i8; 2], &Ground, Rect),
) {
    let grip_id = id.with(GRIP);
    if response.drag_started()
        && let Some(from) = ui.input(|input| input.pointer.press_origin())
    {
        let source = cx.draft.extension.source_for(ground.extent);
        let began = Extension { source: Some(source), ..cx.draft.extension.clone() };
        let growth_scale = Framed::new(ground.extent, source, None).growth_scale;
        let (origin, ground_scale) = (ground.origin(), ground.scale);
        let grip = Grip { from, began, growth_scale, origin, ground_scale };
        ui.data_mut(|data| data.insert_temp(grip_id, grip));
    }
    let Some(grip) = ui.data(|data| data.get_temp::<Grip>(grip_id)) else { return };
    if let Some(at) = response.interact_pointer_pos().filter(|_| response.dragged()) {
        let by = (at - grip.from) / (grip.ground_scale * grip.growth_scale);
        let modifiers = ui.input(|input| input.modifiers);
        let pull = Pull { handle, by: by.into(), both: modifiers.alt, even: modifiers.shift };
        cx.draft.extension.pull(&grip.began, pull);
        hold_still(cx, &grip, (ground, stage));
    }
    if response.drag_stopped() {
        ui.data_mut(|data| data.remove::<Grip>(grip_id));
        if !stage.contains_rect(ground.frame_on_screen()) {
            cx.view.zoom = Zoom::Fit;
        }
    }
}

/// Keeps the picture where it is while its frame changes around it.
fn hold_still(cx: &mut Cx<'_>, grip: &Grip, (ground, stage): (&Ground, Rect)) {
    let source = cx.draft.extension.source_for(ground.extent);
    let growth = Some(&cx.draft.extension);
    let frame = Framed::new(ground.extent, source, growth).frame;
    let all = frame.union(Rect::from_min_size(Pos2::ZERO, points(ground.extent)));
    let centre = grip.origin + all.center().to_vec2() * grip.ground_scale;
    let offset = centre - stage.center();
    cx.view.zoom = Zoom::Free { scale: grip.ground_scale, offset_in_ui: offset.into() };
}
