//! How much of each place rectangles with fading edges cover, as shapes to draw: what
//! `pixels::Mask` gives pixel by pixel, for any size on screen and without a picture in between.

use crate::pixels::{Extent, Rectangle};

/// How far rectangles that touch the border reach beyond it, in pixels: further than any edge fades.
const BEYOND: f64 = 256.0;
/// Parts that each fading edge is drawn in where there are few.
const PARTS: usize = 4;
/// Lines from which edges are drawn in one part each.
const MANY_LINES: usize = 32;

/// A piece of the drawing: its corners, clockwise from the left upper one, and the cover there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Piece {
    /// Left and right edge, in pixels.
    pub(super) xs: [f32; 2],
    /// Upper and lower edge, in pixels.
    pub(super) ys: [f32; 2],
    /// Cover at the corners, 0–1.
    pub(super) cover: [f32; 4],
}

/// The pieces that make up the mask of a picture of that size; empty places are left out.
pub(super) fn pieces(extent: Extent, rectangles: &[Rectangle], feather: u32) -> Vec<Piece> {
    let union = Union::new(extent, rectangles);
    let size = [f64::from(extent.width), f64::from(extent.height)];
    let half = f64::from(feather) + 0.5;
    let lines = |edges: &[f64], most: f64| -> Vec<f64> {
        let offsets = if feather == 0 { [0.0, 0.0] } else { [-half, half] };
        let lines = edges.iter().flat_map(|edge| offsets.map(|offset| edge + offset));
        let lines = in_order(lines.chain([0.0, most]).filter(|at| (0.0..=most).contains(at)));
        if feather == 0 || lines.len() > MANY_LINES { lines } else { finer(&lines) }
    };
    let (xs, ys) = (lines(&union.xs, size[0]), lines(&union.ys, size[1]));
    let mut pieces = Vec::new();
    for down in ys.windows(2) {
        for across in xs.windows(2) {
            let (&[left, right], &[top, bottom]) = (across, down) else { continue };
            let corners = [(left, top), (right, top), (right, bottom), (left, bottom)];
            let cover = if feather == 0 {
                [union.covers(f64::midpoint(left, right), f64::midpoint(top, bottom)); 4]
            } else {
                corners.map(|(x, y)| union.mean(x, y, half))
            };
            if cover.iter().any(|cover| *cover > 1e-6) {
                let cover = cover.map(|cover| cover as f32);
                let (xs, ys) = ([left as f32, right as f32], [top as f32, bottom as f32]);
                pieces.push(Piece { xs, ys, cover });
            }
        }
    }
    pieces
}

fn in_order(lines: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut lines: Vec<f64> = lines.collect();
    lines.sort_by(f64::total_cmp);
    lines.dedup();
    lines
}

/// Lines between the lines: cover is a product of two slopes there, which triangles only come near.
fn finer(lines: &[f64]) -> Vec<f64> {
    let between = |pair: &[f64]| -> Vec<f64> {
        let &[from, to] = pair else { return Vec::new() };
        (0..PARTS).map(|part| from + (to - from) * part as f64 / PARTS as f64).collect()
    };
    lines.windows(2).flat_map(between).chain(lines.last().copied()).collect()
}

/// The rectangles together, on the grid of their edges.
struct Union {
    xs: Vec<f64>,
    ys: Vec<f64>,
    /// Covered area left of and above each crossing of the grid, row by row.
    sums: Vec<f64>,
}

impl Union {
    fn new(extent: Extent, rectangles: &[Rectangle]) -> Self {
        let reach = |from: u32, to: u32, most: u32| {
            let from = if from == 0 { -BEYOND } else { f64::from(from) };
            let to = if to >= most { f64::from(most) + BEYOND } else { f64::from(to) };
            [from, to]
        };
        let areas: Vec<[[f64; 2]; 2]> = rectangles
            .iter()
            .filter_map(|one| one.within(extent))
            .map(|one| {
                let across = reach(one.x, one.right(), extent.width);
                [across, reach(one.y, one.bottom(), extent.height)]
            })
            .collect();
        let xs = in_order(areas.iter().flat_map(|[across, _]| *across));
        let ys = in_order(areas.iter().flat_map(|[_, down]| *down));
        let mut union = Self { sums: vec![0.0; xs.len() * ys.len()], xs, ys };
        union.add_up(&areas);
        union
    }

    fn add_up(&mut self, areas: &[[[f64; 2]; 2]]) {
        let inside = |x: f64, y: f64| {
            areas.iter().any(|[[left, right], [top, bottom]]| {
                (left..right).contains(&&x) && (top..bottom).contains(&&y)
            })
        };
        let columns = self.xs.len();
        for (row, down) in self.ys.windows(2).enumerate() {
            let mut sum = 0.0;
            for (column, across) in self.xs.windows(2).enumerate() {
                let (&[left, right], &[top, bottom]) = (across, down) else { continue };
                if inside(left, top) {
                    sum += (right - left) * (bottom - top);
                }
                let above = self.sums.get(row * columns + column + 1).copied().unwrap_or(0.0);
                if let Some(here) = self.sums.get_mut((row + 1) * columns + column + 1) {
                    *here = above + sum;
                }
            }
        }
    }

    /// Covered area left of and above a place.
    fn area(&self, x: f64, y: f64) -> f64 {
        let (Some((column, right)), Some((row, down))) = (share(&self.xs, x), share(&self.ys, y))
        else {
            return 0.0;
        };
        let sum = |row: usize, column: usize| {
            self.sums.get(row * self.xs.len() + column).copied().unwrap_or(0.0)
        };
        let above = sum(row, column) * (1.0 - right) + sum(row, column + 1) * right;
        let below = sum(row + 1, column) * (1.0 - right) + sum(row + 1, column + 1) * right;
        above * (1.0 - down) + below * down
    }

    /// The covered share of the square that reaches `half` from a place to each side.
    fn mean(&self, x: f64, y: f64, half: f64) -> f64 {
        let area = self.area(x + half, y + half)
            - self.area(x - half, y + half)
            - self.area(x + half, y - half)
            + self.area(x - half, y - half);
        (area / (4.0 * half * half)).clamp(0.0, 1.0)
    }

    /// 1 where a rectangle is, 0 elsewhere; not on an edge.
    fn covers(&self, x: f64, y: f64) -> f64 {
        self.mean(x, y, 0.25).round()
    }
}

/// The line before `at` and how far it is to the next one, 0–1; the ends beyond the lines.
fn share(lines: &[f64], at: f64) -> Option<(usize, f64)> {
    let before = lines.partition_point(|line| *line <= at).clamp(1, lines.len().max(2) - 1) - 1;
    let (from, to) = (*lines.get(before)?, *lines.get(before + 1)?);
    Some((before, ((at - from) / (to - from)).clamp(0.0, 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::Mask;

    /// The cover in the middle of a pixel.
    fn cover(pieces: &[Piece], x: u32, y: u32) -> f32 {
        let (x, y) = (x as f32 + 0.5, y as f32 + 0.5);
        let holds = |[from, to]: [f32; 2], at: f32| (from..to).contains(&at);
        let Some(piece) = pieces.iter().find(|one| holds(one.xs, x) && holds(one.ys, y)) else {
            return 0.0;
        };
        let share = |[from, to]: [f32; 2], at: f32| (at - from) / (to - from);
        let (right, down) = (share(piece.xs, x), share(piece.ys, y));
        let [a, b, c, d] = piece.cover;
        (a * (1.0 - right) + b * right) * (1.0 - down) + (d * (1.0 - right) + c * right) * down
    }

    #[test]
    fn what_is_drawn_is_what_the_mask_will_be() {
        let extent = Extent::new(97, 61);
        let drawings: [&[Rectangle]; 4] = [
            &[Rectangle::new(10, 12, 40, 30)],
            &[Rectangle::new(10, 12, 40, 30), Rectangle::new(30, 30, 60, 99)],
            &[
                Rectangle::new(0, 0, 30, 61),
                Rectangle::new(30, 5, 9, 9),
                Rectangle::new(80, 0, 1, 1),
            ],
            &[],
        ];
        for rectangles in drawings {
            for feather in [0, 1, 7, 64] {
                let mask = Mask::from_rectangles(extent, rectangles).softened(feather);
                let picture = mask.to_picture();
                let pieces = pieces(extent, rectangles, feather);
                for (place, pixel) in picture.rgba().chunks_exact(4).enumerate() {
                    let (x, y) = (place as u32 % extent.width, place as u32 / extent.width);
                    let drawn = cover(&pieces, x, y) * 255.0;
                    let far = (drawn - f32::from(pixel[0])).abs();
                    assert!(far < 1.5, "{rectangles:?} {feather}: {x}, {y}: {drawn} {pixel:?}");
                }
            }
        }
    }

    #[test]
    fn the_most_rectangles_stay_few_pieces() {
        let many: Vec<Rectangle> =
            (0..32).map(|i| Rectangle::new(3 + i * 17, 5 + i * 13, 40 + i, 30 + i)).collect();
        assert!(pieces(Extent::new(1024, 1024), &many, 9).len() < 20_000);
    }
}
