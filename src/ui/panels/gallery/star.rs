//! The star: drawn filled, since the icon font has outlines only.

use std::f32::consts::TAU;

use eframe::egui;
use egui::epaint::{Mesh, Vertex, WHITE_UV};
use egui::{Align2, Color32, Pos2, Rect, Shape, Ui, pos2, vec2};

use crate::ui::icons;
use crate::ui::theme;

/// Inner radius of a five-pointed star for an outer one of 1.
const WAIST: f32 = 0.42;

/// Draws a star of that height around `centre`: full, or its outline only.
pub(super) fn paint(ui: &Ui, (centre, size): (Pos2, f32), full: bool, colour: Color32) {
    let painter = ui.painter();
    painter.text(centre, Align2::CENTER_CENTER, icons::STAR, theme::icon(size), colour);
    if full {
        // The outline lies a twelfth of the size inside its box; it makes the edges smooth.
        painter.add(Shape::mesh(fan(centre + vec2(0.0, size * 0.03), size * 0.38, colour)));
    }
}

fn fan(centre: Pos2, radius: f32, colour: Color32) -> Mesh {
    let mut mesh = Mesh::default();
    let mut vertex = |pos: Pos2| mesh.vertices.push(Vertex { pos, uv: WHITE_UV, color: colour });
    vertex(centre);
    for corner in 0..10 {
        let angle = TAU * (corner as f32 / 10.0 - 0.25);
        let reach = if corner % 2 == 0 { radius } else { radius * WAIST };
        vertex(centre + reach * vec2(angle.cos(), angle.sin()));
    }
    for corner in 0..10 {
        mesh.add_triangle(0, corner + 1, (corner + 1) % 10 + 1);
    }
    mesh
}

/// Where the star of a picture is: in its upper right corner.
pub(super) fn place(picture: Rect) -> Rect {
    let side = 24.0_f32.min(picture.width() / 2.0);
    Rect::from_min_size(pos2(picture.right() - side - 2.0, picture.top() + 2.0), vec2(side, side))
}
