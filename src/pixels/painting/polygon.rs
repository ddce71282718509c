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

/// How much of each pixel a shape covers, told row by row.
#[derive(Debug)]
pub(super) struct Coverage {
    /// The pixels around the shape.
    pub(super) place: Rectangle,
    /// From the top down, so that a row meets only those that cross it.
    edges: Vec<Edge>,
}

impl Coverage {
    /// Of the shape with these corners, on a picture of that size; `None` when it lies beside it.
    pub(super) fn of(corners: &[[f32; 2]], extent: Extent) -> Option<Self> {
        let place = around(corners)?.within(extent)?;
        let next = corners.iter().cycle().skip(1);
        let mut edges: Vec<Edge> = corners
            .iter()
            .zip(next)
            .map(|(&from, &to)| Edge { from, to })
            // Those along a row cross none.
            .filter(|edge| edge.top() < edge.bottom())
            .collect();
        edges.sort_by(|a, b| a.top().total_cmp(&b.top()));
        Some(Self { place, edges })
    }

    /// Tells of each row of [`Self::place`] its number and how much of its pixels is covered, 0–1.
    pub(super) fn each_row(&self, mut tell: impl FnMut(u32, &[f32])) {
        let mut row = Row::new(self.place.width as usize);
        let mut coming = self.edges.iter().peekable();
        let mut crossing: Vec<&Edge> = Vec::new();
        for y in self.place.y..self.place.bottom() {
            for line in 0..LINES {
                let height = y as f32 + (line as f32 + 0.5) / LINES as f32;
                while let Some(edge) = coming.next_if(|edge| edge.top() <= height) {
                    crossing.push(edge);
                }
                crossing.retain(|edge| edge.bottom() > height);
                for [from, to] in spans(&crossing, height) {
                    row.add([from - self.place.x as f32, to - self.place.x as f32]);
                }
            }
            tell(y, row.finish());
        }
    }
}

/// A side of the shape.
#[derive(Debug)]
struct Edge {
    from: [f32; 2],
    to: [f32; 2],
}

impl Edge {
    const fn top(&self) -> f32 {
        self.from[1].min(self.to[1])
    }

    const fn bottom(&self) -> f32 {
        self.from[1].max(self.to[1])
    }

    /// Where a horizontal line crosses it, and whether it goes down there, 1, or up, −1.
    fn crossed(&self, height: f32) -> (f32, i32) {
        let ([x, y], [to_x, to_y]) = (self.from, self.to);
        let at = x + (height - y) / (to_y - y) * (to_x - x);
        (at, if to_y > y { 1 } else { -1 })
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
fn spans(crossing: &[&Edge], height: f32) -> Vec<[f32; 2]> {
    let mut crossings: Vec<(f32, i32)> = crossing.iter().map(|edge| edge.crossed(height)).collect();
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

/// A row of pixels while its lines are added up. What a line covers as a whole is written down at its
/// ends only: wide shapes cost no more than narrow ones.
struct Row {
    parts: Vec<f32>,
    /// How many lines more than on the pixel before cover this one as a whole.
    steps: Vec<f32>,
    cover: Vec<f32>,
}

impl Row {
    fn new(width: usize) -> Self {
        Self { parts: vec![0.0; width], steps: vec![0.0; width], cover: vec![0.0; width] }
    }

    /// Adds what lies between two places.
    fn add(&mut self, [from, to]: [f32; 2]) {
        let (from, to) = (from.max(0.0), to.min(self.parts.len() as f32));
        if from >= to {
            return;
        }
        let (first, last) = (from as usize, to.ceil() as usize - 1);
        if first == last {
            put(&mut self.parts, first, to - from);
            return;
        }
        put(&mut self.parts, first, first as f32 + 1.0 - from);
        put(&mut self.parts, last, to - last as f32);
        put(&mut self.steps, first + 1, 1.0);
        put(&mut self.steps, last, -1.0);
    }

    /// How much of each pixel is covered, 0–1; the next row begins empty.
    fn finish(&mut self) -> &[f32] {
        let mut whole = 0.0;
        let sums = self.parts.iter_mut().zip(&mut self.steps);
        for (cover, (part, step)) in self.cover.iter_mut().zip(sums) {
            whole += std::mem::take(step);
            *cover = ((whole + std::mem::take(part)) / LINES as f32).min(1.0);
        }
        &self.cover
    }
}

fn put(row: &mut [f32], at: usize, more: f32) {
    if let Some(value) = row.get_mut(at) {
        *value += more;
    }
}
