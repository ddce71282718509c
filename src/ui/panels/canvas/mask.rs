//! The mask over the start picture: a tint, the outlines of its rectangles, and drawing more.

use eframe::egui;
use egui::{
    CursorIcon, Mesh, Painter, PointerButton, Pos2, Rect, Response, Stroke, StrokeKind, Ui, pos2,
};

use super::coverage::pieces;
use super::start::Ground;
use crate::pixels::{Extent, Rectangle, covering_window};
use crate::state::{MaskShape, StartPicture, Tool};
use crate::ui::Cx;
use crate::ui::textures::{Look, Size};
use crate::ui::theme::{self, palette};

/// Draws the mask as it is.
pub(super) fn paint(ui: &Ui, cx: &mut Cx<'_>, ground: &Ground, painter: &Painter) {
    match &cx.draft.mask.shape {
        MaskShape::Nowhere => {}
        MaskShape::Kept(image_uuid) => {
            let image_uuid = *image_uuid;
            let Some(StartPicture::Here { path, extent }) = cx.world.mask_picture(cx.draft) else {
                return;
            };
            let look = cx.textures.look_in_file(image_uuid, path, Size::Stencil);
            let Look::Ready(drawable) = look else { return };
            let shape = ground.kept;
            let window = covering_window(*extent, Extent::new(shape.width, shape.height));
            let part = in_parts(window, *extent);
            let place = ground.to_screen(shape);
            painter.image(drawable.texture.id(), place, part, palette(ui).mask);
        }
        MaskShape::Drawn(rectangles) => {
            tint(ui, ground, (rectangles, cx.draft.mask.feather), painter);
            let colours = palette(ui);
            for (place, one) in rectangles.iter().enumerate() {
                let last = place + 1 == rectangles.len();
                let line = if last { colours.mask_line } else { colours.mask };
                outline(ground.to_screen(*one), Stroke::new(theme::LINE, line), painter);
            }
        }
    }
}

/// `window` as shares of the whole picture.
fn in_parts(window: Rectangle, whole: Extent) -> Rect {
    let (width, height) = (whole.width.max(1) as f32, whole.height.max(1) as f32);
    let at = |x: u32, y: u32| pos2(x as f32 / width, y as f32 / height);
    Rect::from_min_max(at(window.x, window.y), at(window.right(), window.bottom()))
}

fn outline(rect: Rect, stroke: Stroke, painter: &Painter) {
    painter.rect_stroke(rect, 0.0, stroke, StrokeKind::Inside);
}

fn tint(ui: &Ui, ground: &Ground, (rectangles, feather): (&[Rectangle], u32), painter: &Painter) {
    let colour = palette(ui).mask;
    let mut mesh = Mesh::default();
    for piece in pieces(ground.extent, rectangles, feather) {
        let ([left, right], [top, bottom]) = (piece.xs, piece.ys);
        let corners = [(left, top), (right, top), (right, bottom), (left, bottom)];
        let first = mesh.vertices.len() as u32;
        for ((x, y), cover) in corners.into_iter().zip(piece.cover) {
            mesh.colored_vertex(ground.point(pos2(x, y)), colour.gamma_multiply(cover));
        }
        mesh.add_triangle(first, first + 1, first + 2);
        mesh.add_triangle(first, first + 2, first + 3);
    }
    painter.add(mesh);
}

/// Dragging adds a rectangle while its tool is chosen.
pub(super) fn draw(ui: &Ui, cx: &mut Cx<'_>, ground: &Ground, response: &Response) {
    if cx.view.tool != Tool::Rectangle {
        return;
    }
    if response.hovered() {
        ui.set_cursor_icon(CursorIcon::Crosshair);
    }
    if response.drag_started_by(PointerButton::Primary) {
        let origin = ui.input(|input| input.pointer.press_origin());
        cx.view.drawing_from = origin.map(|origin| ground.pixel(origin).into());
    }
    let Some(from) = cx.view.drawing_from.map(Pos2::from) else { return };
    let Some(to) = response.interact_pointer_pos().map(|pointer| ground.pixel(pointer)) else {
        return;
    };
    let drawn = between(from, to, ground.extent);
    if response.drag_stopped() {
        cx.view.drawing_from = None;
        if let Some(drawn) = drawn {
            cx.draft.mask.add(drawn, &mut cx.view.mask_history);
        }
    } else if let Some(drawn) = drawn {
        let colours = palette(ui);
        let painter = ui.painter_at(ui.max_rect());
        let place = ground.to_screen(drawn);
        painter.rect_filled(place, 0.0, colours.mask);
        outline(place, Stroke::new(theme::LINE, colours.mask_line), &painter);
        size_beside(ui, drawn, place, &painter);
    }
}

/// The size of what is being drawn, at its lower right corner.
fn size_beside(ui: &Ui, drawn: Rectangle, place: Rect, painter: &Painter) {
    let words = Extent::new(drawn.width, drawn.height).to_string();
    super::start::pill(ui, painter, (place.right_bottom() + egui::vec2(4.0, 4.0), words));
}

/// The whole pixels between two places, as far as they lie on the picture; none for a mere slip.
fn between(a: Pos2, b: Pos2, extent: Extent) -> Option<Rectangle> {
    let side = |a: f32, b: f32, most: u32| {
        let whole = |at: f32| at.round().clamp(0.0, most as f32) as u32;
        let (from, to) = (whole(a.min(b)), whole(a.max(b)));
        (from, to - from)
    };
    let (x, width) = side(a.x, b.x, extent.width);
    let (y, height) = side(a.y, b.y, extent.height);
    (width > 0 && height > 0).then_some(Rectangle { x, y, width, height })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drag_in_any_direction_gives_the_pixels_between() {
        let extent = Extent::new(100, 50);
        let drawn = Some(Rectangle::new(10, 20, 30, 10));
        assert_eq!(between(pos2(10.2, 19.9), pos2(40.4, 30.0), extent), drawn);
        assert_eq!(between(pos2(40.4, 30.0), pos2(10.2, 19.9), extent), drawn);
        let over = between(pos2(-50.0, 40.0), pos2(500.0, 90.0), extent);
        assert_eq!(over, Some(Rectangle::new(0, 40, 100, 10)));
        assert_eq!(between(pos2(200.0, 10.0), pos2(300.0, 20.0), extent), None);
        assert_eq!(between(pos2(10.0, 10.0), pos2(10.3, 30.0), extent), None);
    }
}
