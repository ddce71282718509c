//! A picture as it is judged: squares behind what is transparent, a grid when pixels are large.

use eframe::egui;
use egui::{Painter, Rect, Stroke, Ui, Vec2};

use super::WHOLE;
use crate::state::{View, Zoom};
use crate::ui::Cx;
use crate::ui::textures::{Drawable, Size};
use crate::ui::theme::{self, palette};

/// Points a side of the squares.
const SQUARE: f32 = 8.0;
/// Screen pixels a pixel from which pixels have hard edges, and from which lines part them.
const CRISP: f32 = 6.0;
const GRID: f32 = 12.0;

/// Draws the picture into `rect`.
pub(super) fn paint(
    ui: &Ui,
    cx: &mut Cx<'_>,
    painter: &Painter,
    (drawable, rect): (&Drawable, Rect),
) {
    if drawable.transparent {
        let squares = cx.textures.checkerboard(ui.ctx());
        let seen = rect.intersect(painter.clip_rect());
        if seen.is_positive() {
            // From the picture's corner, so that the squares move with it.
            let part = |at: egui::Pos2| ((at - rect.min) / (2.0 * SQUARE)).to_pos2();
            let uv = Rect::from_min_max(part(seen.min), part(seen.max));
            painter.image(squares, seen, uv, theme::UNTINTED);
        }
    }
    painter.image(drawable.texture.id(), rect, WHOLE, theme::UNTINTED);
    let scale = rect.width() / drawable.extent.width.max(1) as f32;
    if matches!(cx.view.zoom, Zoom::Free { .. }) && scale * ui.pixels_per_point() >= GRID {
        grid(ui, painter, rect, scale);
    }
}

/// How the picture is to be decoded for its present size on the screen.
pub(super) fn size(ui: &Ui, view: &View) -> Size {
    match view.zoom {
        Zoom::Free { scale, .. } if scale * ui.pixels_per_point() >= CRISP => Size::Crisp,
        Zoom::Free { .. } | Zoom::Fit => Size::Whole,
    }
}

fn grid(ui: &Ui, painter: &Painter, rect: Rect, scale: f32) {
    let seen = rect.intersect(painter.clip_rect());
    let line = Stroke::new(1.0 / ui.pixels_per_point(), palette(ui).pixel_grid);
    let first = |from: f32, origin: f32| ((from - origin) / scale).ceil().max(0.0) as u32;
    let (mut column, mut row) = (first(seen.left(), rect.left()), first(seen.top(), rect.top()));
    let at = |column: u32, row: u32| rect.min + Vec2::new(column as f32, row as f32) * scale;
    while at(column, 0).x <= seen.right() {
        painter.vline(at(column, 0).x, seen.y_range(), line);
        column += 1;
    }
    while at(0, row).y <= seen.bottom() {
        painter.hline(seen.x_range(), at(0, row).y, line);
        row += 1;
    }
}
