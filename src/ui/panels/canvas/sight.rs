//! How a picture lies on the stage: fitted, or moved and zoomed by hand.

use eframe::egui;
use egui::{
    CursorIcon, Event, Key, MouseWheelUnit, PointerButton, Pos2, Rect, Response, Ui, Vec2, vec2,
};

use crate::pixels::Extent;
use crate::state::{View, Zoom};

/// Points above and below a picture that fits.
pub(super) const MARGIN: f32 = 32.0;
/// Points beside it: the tools have their place there.
const MARGIN_BESIDE: f32 = 60.0;
/// Points below the picture for its caption.
const CAPTION: f32 = 28.0;
/// A fitted picture is never drawn larger than this many points a pixel.
const FIT_MAX: f32 = 4.0;
/// Least and largest screen pixels a pixel when zoomed by hand: 5 to 2000 %.
const SCALES: std::ops::RangeInclusive<f32> = 0.05..=20.0;
/// Where the wheel stops on its way, and where the keys go; screen pixels a pixel.
const STOPS: [f32; 14] =
    [0.05, 0.1, 0.25, 0.333, 0.5, 0.667, 1.0, 1.5, 2.0, 3.0, 4.0, 8.0, 16.0, 20.0];
/// What one notch of the wheel makes it larger by.
const NOTCH: f32 = 1.25;

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
    let room =
        (stage.size() - vec2(2.0 * MARGIN_BESIDE, 2.0 * MARGIN + CAPTION)).max(Vec2::splat(64.0));
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

/// Wheel and keys zoom, dragging moves, a double click goes to and fro between fit and 100 %.
pub(super) fn pan_and_zoom(
    ui: &Ui,
    view: &mut View,
    (response, pan): (&Response, Pan),
    (size, stage): (Vec2, Rect),
) {
    let rect = place(ui, view, size, stage);
    let scale = rect.width() / size.x;
    let pixels = ui.pixels_per_point();
    let mut zoomed = None;
    let pinch = if pan == Pan::Any { ui.input(egui::InputState::zoom_delta) } else { 1.0 };
    let by_wheel = response.hover_pos().map(|at| (at, wheeled(ui, scale * pixels) * pinch));
    let by_keys = keyed(ui, scale * pixels).map(|wanted| (stage.center(), wanted));
    if let Some((at, wanted)) = by_keys.or(by_wheel) {
        // A fitted picture may be smaller than that already, and stays so.
        let least = SCALES.start().min(scale * pixels);
        let wanted = wanted.clamp(least, *SCALES.end()) / pixels;
        if (wanted / scale - 1.0).abs() > 1e-4 {
            let centre = at + (rect.center() - at) * (wanted / scale);
            zoomed = Some((wanted, centre - stage.center()));
        }
    }
    let space = ui.input(|input| input.key_down(Key::Space)) && nothing_focused(ui);
    let moves = pan == Pan::Any || space || response.dragged_by(PointerButton::Middle);
    if moves && response.dragged() && response.drag_delta() != Vec2::ZERO {
        zoomed = Some((scale, rect.center() + response.drag_delta() - stage.center()));
    }
    if space && response.hovered() {
        let held = response.dragged();
        ui.set_cursor_icon(if held { CursorIcon::Grabbing } else { CursorIcon::Grab });
    }
    if let Some((scale, offset)) = zoomed {
        view.zoom = Zoom::Free { scale, offset_in_ui: offset.into() };
    }
    if pan == Pan::Any && response.double_clicked() {
        view.zoom = toggled(ui, view.zoom);
    }
}

fn nothing_focused(ui: &Ui) -> bool {
    ui.memory(|memory| memory.focused().is_none())
}

/// The scale after this frame's wheel, which is not held up by other meanings of Ctrl.
fn wheeled(ui: &Ui, scale: f32) -> f32 {
    ui.input(|input| {
        let turn = |scale: f32, event: &Event| match event {
            Event::MouseWheel { modifiers, .. } if modifiers.command => scale,
            Event::MouseWheel { unit: MouseWheelUnit::Point, delta, .. } => {
                scale * (delta.y / 240.0).exp()
            }
            Event::MouseWheel { delta, .. } => stopped(scale, scale * NOTCH.powf(delta.y)),
            _ => scale,
        };
        input.events.iter().fold(scale, turn)
    })
}

/// `wanted`, or the first stop on the way to it.
fn stopped(scale: f32, wanted: f32) -> f32 {
    let (least, most) = (scale.min(wanted) * 1.001, scale.max(wanted) / 1.001);
    let on_the_way = |stop: &&f32| (least..most).contains(*stop);
    let stop = if wanted > scale {
        STOPS.iter().find(on_the_way)
    } else {
        STOPS.iter().rev().find(on_the_way)
    };
    stop.copied().unwrap_or(wanted)
}

/// The next stop in the direction of a key.
fn keyed(ui: &Ui, scale: f32) -> Option<f32> {
    if !nothing_focused(ui) {
        return None;
    }
    let pressed = |key| ui.input(|input| input.modifiers.is_none() && input.key_pressed(key));
    if pressed(Key::Plus) || pressed(Key::Equals) {
        STOPS.iter().find(|stop| **stop > scale * 1.001).copied()
    } else if pressed(Key::Minus) {
        STOPS.iter().rev().find(|stop| **stop < scale / 1.001).copied()
    } else {
        pressed(Key::Num1).then_some(1.0)
    }
}

fn toggled(ui: &Ui, zoom: Zoom) -> Zoom {
    match zoom {
        Zoom::Fit => Zoom::Free { scale: 1.0 / ui.pixels_per_point(), offset_in_ui: [0.0, 0.0] },
        Zoom::Free { .. } => Zoom::Fit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wheel_stops_where_pixels_are_even_and_goes_on_from_there() {
        for (scale, wanted, stop) in [
            (0.9, 1.125, 1.0),
            (1.0, 1.25, 1.25),
            (1.25, 1.5625, 1.5),
            (1.1, 0.88, 1.0),
            (1.0, 0.8, 0.8),
            (0.6, 0.48, 0.5),
            (19.0, 23.75, 20.0),
        ] {
            assert!((stopped(scale, wanted) - stop).abs() < 1e-6, "{scale} to {wanted}");
        }
    }
}
