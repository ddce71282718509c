//! The ghost of a picture that grows: what is added, striped, and where the seam is blurred.

use eframe::egui;
use egui::{Align2, Painter, Rect, Stroke, StrokeKind, Ui, pos2};

use super::start::Ground;
use crate::state::Extension;
use crate::ui::theme::{self, palette};

/// Points from one stripe to the next.
const STRIPES: f32 = 20.0;
/// Stripes beyond this many are not worth drawing: the frame is far outside the window.
const MOST_STRIPES: usize = 400;

/// The four sides of the frame outside the picture's own part, in points, and their pixels.
fn sides(ground: &Ground, extension: &Extension) -> [(Rect, u32, Align2); 4] {
    let (frame, kept) = (ground.frame_on_screen(), ground.to_screen(ground.kept));
    let strip = |x: [f32; 2], y: [f32; 2]| Rect::from_min_max(pos2(x[0], y[0]), pos2(x[1], y[1]));
    let whole = [frame.left(), frame.right()];
    let middle = [kept.top(), kept.bottom()];
    let pixels = |side: Option<u32>| side.unwrap_or(0);
    [
        (strip(whole, [frame.top(), kept.top()]), pixels(extension.top), Align2::CENTER_TOP),
        (
            strip([kept.right(), frame.right()], middle),
            pixels(extension.right),
            Align2::RIGHT_CENTER,
        ),
        (
            strip(whole, [kept.bottom(), frame.bottom()]),
            pixels(extension.bottom),
            Align2::CENTER_BOTTOM,
        ),
        (strip([frame.left(), kept.left()], middle), pixels(extension.left), Align2::LEFT_CENTER),
    ]
}

/// Draws the frame around the start picture.
pub(super) fn paint(ui: &Ui, ground: &Ground, extension: &Extension, painter: &Painter) {
    let colours = palette(ui);
    for (strip, pixels, _) in sides(ground, extension) {
        if pixels > 0 {
            stripes(ui, strip, painter);
        }
    }
    seam(ui, ground, extension, painter);
    let line = Stroke::new(theme::LINE, colours.accent);
    painter.rect_stroke(ground.frame_on_screen(), 0.0, line, StrokeKind::Inside);
    for (strip, pixels, anchor) in sides(ground, extension) {
        if pixels > 0 {
            label(ui, (strip, anchor), pixels, painter);
        }
    }
}

fn stripes(ui: &Ui, strip: Rect, painter: &Painter) {
    let colours = palette(ui);
    let painter = painter.with_clip_rect(strip.intersect(painter.clip_rect()));
    let seen = painter.clip_rect();
    if !seen.is_positive() {
        return;
    }
    painter.rect_filled(strip, 0.0, colours.ghost);
    // From the window's origin, so that stripes of neighbouring sides meet.
    let first = ((seen.left() - seen.bottom()) / STRIPES).floor() * STRIPES;
    let stroke = Stroke::new(STRIPES / 2.0 / std::f32::consts::SQRT_2, colours.ghost_stripe);
    for number in 0..MOST_STRIPES {
        let x = first + number as f32 * STRIPES;
        if x + seen.top() > seen.right() {
            break;
        }
        let ends = [pos2(x + seen.top(), seen.top()), pos2(x + seen.bottom(), seen.bottom())];
        painter.line_segment(ends, stroke);
    }
}

/// The band of the old picture along each growing side in which it gives way to the new.
fn seam(ui: &Ui, ground: &Ground, extension: &Extension, painter: &Painter) {
    let Some(blur) = extension.blur.filter(|blur| *blur > 0) else { return };
    let reach = blur as f32 * ground.growth_scale() * ground.scale;
    let kept = ground.to_screen(ground.kept);
    let grows = |side: Option<u32>| if side.unwrap_or(0) > 0 { reach } else { 0.0 };
    let [top, right] = [grows(extension.top), grows(extension.right)];
    let [bottom, left] = [grows(extension.bottom), grows(extension.left)];
    let inner =
        Rect::from_min_max(kept.min + egui::vec2(left, top), kept.max - egui::vec2(right, bottom));
    for band in super::start::around(kept, inner) {
        painter.rect_filled(band, 0.0, palette(ui).seam);
    }
}

/// `+64` on the outer edge of a side.
fn label(ui: &Ui, (strip, anchor): (Rect, Align2), pixels: u32, painter: &Painter) {
    let colours = palette(ui);
    let style = (theme::title(), colours.on_accent);
    let galley = painter.layout_no_wrap(format!("+{pixels}"), style.0, style.1);
    let size = galley.size() + egui::vec2(12.0, 4.0);
    // Outside the handle; where the window ends before that, in the middle of the side.
    let outwards = (anchor.pos_in_rect(&strip) - strip.center()).normalized();
    let outside = anchor.pos_in_rect(&strip) + outwards * (size / 2.0 + egui::vec2(8.0, 8.0));
    let seen = painter.clip_rect().shrink2(size / 2.0 + egui::vec2(4.0, 4.0));
    if !seen.is_positive() {
        return;
    }
    let middle = strip.intersect(painter.clip_rect()).center();
    let at = if seen.contains(outside) { outside } else { middle.clamp(seen.min, seen.max) };
    let pill = Rect::from_center_size(at, size);
    painter.rect_filled(pill, 4, colours.accent);
    painter.galley(pill.center() - galley.size() / 2.0, galley, style.1);
}
