//! Shapes: how much of each pixel lies inside a closed line.

use super::super::{Extent, Rectangle};

/// Lines each row of pixels is cut into; along a line the cover is exact.
const LINES: u32 = 8;

/// The corners of an ellipse that fills the rectangle between two places.
#[must_use]
pub fn ellipse(from: [f32; 2], to: [f32; 2]) -> Vec<[f32; 2]> {
    let centre = [f32::midpoint(from[0], to[0]), f32::midpoint(from[1], to[1])];
    let radii = [(to[0] - from[0]).abs() / 2.0, (to[1] - from[1]).abs() / 2.0];
    // A corner every four pixels leaves the line within a hundredth of one.
    let count = ((radii[0] + radii[1]) as u32).clamp(32, 1024);
    let corner = |number: u32| {
        let (sin, cos) = (number as f32 / count as f32 * std::f32::consts::TAU).sin_cos();
        [centre[0] + radii[0] * cos, centre[1] + radii[1] * sin]
    };
    (0..count).map(corner).collect()
}

/// How much of each pixel a shape covers.
#[derive(Debug)]
pub(super) struct Coverage {
    /// The pixels around the shape.
    pub(super) place: Rectangle,
    /// 0–1 for each of them, row by row.
    pub(super) cover: Vec<f32>,
}

impl Coverage {
    /// Of the shape with these corners, on a picture of that size; `None` when it lies beside it.
    pub(super) fn of(corners: &[[f32; 2]], extent: Extent) -> Option<Self> {
        let place = around(corners)?.within(extent)?;
        let mut cover = vec![0.0; place.width as usize * place.height as usize];
        for (y, row) in (place.y..).zip(cover.chunks_exact_mut(place.width as usize)) {
            for line in 0..LINES {
                let height = y as f32 + (line as f32 + 0.5) / LINES as f32;
                for [from, to] in spans(corners, height) {
                    add(row, [from - place.x as f32, to - place.x as f32]);
                }
            }
            for cover in row {
                *cover = (*cover / LINES as f32).min(1.0);
            }
        }
        Some(Self { place, cover })
    }
}

fn around(corners: &[[f32; 2]]) -> Option<Rectangle> {
    let side = |axis: usize| {
        let values = corners.iter().filter_map(|corner| corner.get(axis).copied());
        let (least, most) = values
            .filter(|value| value.is_finite())
            .fold((f32::MAX, f32::MIN), |(least, most), value| (least.min(value), most.max(value)));
        let (least, most) = (least.floor().max(0.0) as u32, most.ceil().max(0.0) as u32);
        (least, most.saturating_sub(least))
    };
    let ((x, width), (y, height)) = (side(0), side(1));
    (width > 0 && height > 0).then_some(Rectangle::new(x, y, width, height))
}

/// The parts of a horizontal line that lie inside, by the nonzero rule: a line that crosses itself
/// leaves no holes.
fn spans(corners: &[[f32; 2]], height: f32) -> Vec<[f32; 2]> {
    let next = corners.iter().cycle().skip(1);
    let mut crossings: Vec<(f32, i32)> = corners
        .iter()
        .zip(next)
        .filter_map(|(&[x, y], &[to_x, to_y])| {
            let down = y <= height && to_y > height;
            let up = to_y <= height && y > height;
            let at = x + (height - y) / (to_y - y) * (to_x - x);
            (down || up).then_some((at, if down { 1 } else { -1 }))
        })
        .collect();
    crossings.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut spans, mut winding, mut from) = (Vec::new(), 0, 0.0);
    for (at, turn) in crossings {
        if winding == 0 {
            from = at;
        }
        winding += turn;
        if winding == 0 {
            spans.push([from, at]);
        }
    }
    spans
}

/// Adds what lies between two places to a row of pixels.
fn add(row: &mut [f32], [from, to]: [f32; 2]) {
    let (from, to) = (from.max(0.0), to.min(row.len() as f32));
    if from >= to {
        return;
    }
    let first = from as usize;
    for (place, cover) in row.iter_mut().enumerate().take(to.ceil() as usize).skip(first) {
        let (left, right) = (place as f32, place as f32 + 1.0);
        *cover += to.min(right) - from.max(left);
    }
}
