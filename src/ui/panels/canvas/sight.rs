//! How a picture lies on the stage: fitted, or moved and zoomed by hand.

use eframe::egui;
use egui::{PointerButton, Pos2, Rect, Response, Ui, Vec2, vec2};

use crate::pixels::Extent;
use crate::state::{View, Zoom};

/// Points around a picture that fits.
pub(super) const MARGIN: f32 = 32.0;
/// Points below the picture for its caption.
const CAPTION: f32 = 28.0;
/// A fitted picture is never drawn larger than this many points a pixel.
const FIT_MAX: f32 = 4.0;
/// Least and largest points a pixel when zoomed by hand.
const SCALES: std::ops::RangeInclusive<f32> = 0.05..=32.0;

/// Which drags move the picture.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Pan {
    /// Any.
    Any,
    /// Those with the middle button; the others draw.
    Middle,
}

/// One point a pixel.
pub(super) fn points(extent: Extent) -> Vec2 {
    vec2(extent.width as f32, extent.height as f32)
}

/// Points a pixel when what is `size` pixels large fits the stage.
fn fit_scale(size: Vec2, stage: Rect) -> f32 {
    let room = (stage.size() - vec2(2.0 * MARGIN, 2.0 * MARGIN + CAPTION)).max(Vec2::splat(64.0));
    (room.x / size.x).min(room.y / size.y).min(FIT_MAX)
}

/// Points a pixel as it is drawn now.
pub(super) fn scale(view: &View, size: Vec2, stage: Rect) -> f32 {
    match view.zoom {
        Zoom::Fit => fit_scale(size, stage),
        Zoom::Free { scale, .. } => scale,
    }
}

/// Where what is `size` pixels large lies on the stage, on whole screen pixels.
pub(super) fn place(ui: &Ui, view: &View, size: Vec2, stage: Rect) -> Rect {
    let offset = match view.zoom {
        Zoom::Fit => vec2(0.0, -CAPTION / 4.0),
        Zoom::Free { offset_in_ui, .. } => offset_in_ui.into(),
    };
    let size = size * scale(view, size, stage);
    let pixels = ui.pixels_per_point();
    let snap = |point: Pos2| ((point.to_vec2() * pixels).round() / pixels).to_pos2();
    let min = snap(stage.center() + offset - size / 2.0);
    Rect::from_min_size(min, size)
}

/// Wheel zooms at the pointer, dragging moves, a double click goes to and fro between fit and 100 %.
pub(super) fn pan_and_zoom(
    ui: &Ui,
    view: &mut View,
    (response, pan): (&Response, Pan),
    (size, stage): (Vec2, Rect),
) {
    let rect = place(ui, view, size, stage);
    let scale = rect.width() / size.x;
    let mut zoomed = None;
    if let Some(pointer) = response.hover_pos() {
        let (wheel, pinch) = ui.input(|input| (input.smooth_scroll_delta().y, input.zoom_delta()));
        let factor = pinch * (wheel / 240.0).exp();
        if (factor - 1.0).abs() > 1e-4 {
            let wanted = (scale * factor).clamp(*SCALES.start(), *SCALES.end());
            let centre = pointer + (rect.center() - pointer) * (wanted / scale);
            zoomed = Some((wanted, centre - stage.center()));
        }
    }
    let moves = pan == Pan::Any || response.dragged_by(PointerButton::Middle);
    if moves && response.dragged() && response.drag_delta() != Vec2::ZERO {
        zoomed = Some((scale, rect.center() + response.drag_delta() - stage.center()));
    }
    if let Some((scale, offset)) = zoomed {
        view.zoom = Zoom::Free { scale, offset_in_ui: offset.into() };
    }
    if pan == Pan::Any && response.double_clicked() {
        view.zoom = toggled(ui, view.zoom);
    }
}

fn toggled(ui: &Ui, zoom: Zoom) -> Zoom {
    match zoom {
        Zoom::Fit => Zoom::Free { scale: 1.0 / ui.pixels_per_point(), offset_in_ui: [0.0, 0.0] },
        Zoom::Free { .. } => Zoom::Fit,
    }
}
