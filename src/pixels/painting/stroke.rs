//! One stroke of the brush: covers each pixel as much as its nearest part does, never twice.

use std::collections::BTreeMap;

use super::history::{Edit, Tile};
use super::{Brush, Ink, Mask, Rectangle, TILE};

/// A stroke that is being drawn.
#[derive(Clone, Debug)]
pub(super) struct Stroke {
    brush: Brush,
    ink: Ink,
    last: [f32; 2],
    /// By the tile's number: its pixels before the stroke, and how much of each the stroke covers.
    touched: BTreeMap<u32, Touched>,
}

#[derive(Clone, Debug)]
struct Touched {
    before: Tile,
    cover: Vec<u8>,
}

impl Stroke {
    pub(super) fn new(brush: Brush, ink: Ink, at: [f32; 2]) -> Self {
        Self { brush: brush.within_range(), ink, last: at, touched: BTreeMap::new() }
    }

    /// Draws a straight line to `at`; returns the rectangle that changed.
    pub(super) fn draw_to(&mut self, mask: &mut Mask, at: [f32; 2]) -> Option<Rectangle> {
        let line = Line::new(self.last, at);
        self.last = at;
        let place = line.around(self.brush.reach()).and_then(|place| place.within(mask.extent))?;
        // Half a tile's diagonal more: a slanted line passes most tiles of the rectangle around it by.
        let near = self.brush.reach() + TILE as f32 * std::f32::consts::FRAC_1_SQRT_2;
        for number in Tile::numbers(place, mask.extent) {
            if line.distance(Tile::middle(number, mask.extent)) > near {
                continue;
            }
            let touched = self.touched.entry(number).or_insert_with(|| {
                let before = Tile::read(mask, number);
                let cover = vec![0; before.place().width as usize * before.place().height as usize];
                Touched { before, cover }
            });
            touched.paint((self.brush, self.ink), &line, (mask, place));
        }
        Some(place)
    }

    /// How many tiles it touched.
    #[cfg(test)]
    pub(super) fn touched(&self) -> usize {
        self.touched.len()
    }

    /// What undoes it.
    pub(super) fn into_edit(self) -> Edit {
        Edit::new(self.touched.into_values().map(|touched| touched.before).collect())
    }
}

impl Touched {
    /// Paints the part of `line` that lies on this tile and in `place`.
    fn paint(
        &mut self,
        (brush, ink): (Brush, Ink),
        line: &Line,
        (mask, place): (&mut Mask, Rectangle),
    ) {
        let tile = self.before.place();
        let (left, right) = (tile.x.max(place.x), tile.right().min(place.right()));
        let (top, bottom) = (tile.y.max(place.y), tile.bottom().min(place.bottom()));
        let reach = brush.reach();
        let width = mask.extent.width as usize;
        for y in top..bottom {
            let row = (y - tile.y) as usize * tile.width as usize;
            for x in left..right {
                let distance = line.distance([x as f32 + 0.5, y as f32 + 0.5]);
                if distance >= reach {
                    continue;
                }
                let cover = (brush.cover(distance) * 255.0).round() as u8;
                let at = row + (x - tile.x) as usize;
                let Some(most) = self.cover.get_mut(at).filter(|most| **most < cover) else {
                    continue;
                };
                *most = cover;
                let cover = f32::from(cover) / 255.0 * brush.opacity;
                if let Some(value) = mask.bytes.get_mut(y as usize * width + x as usize) {
                    *value = ink.over(self.before.value(at), cover);
                }
            }
        }
    }
}

/// A straight line between two places, in pixels.
struct Line {
    from: [f32; 2],
    along: [f32; 2],
    /// One over the squared length; 0 for a dot.
    inverse: f32,
}

impl Line {
    fn new(from: [f32; 2], to: [f32; 2]) -> Self {
        let along = [to[0] - from[0], to[1] - from[1]];
        let squared = along[0] * along[0] + along[1] * along[1];
        let inverse = if squared > 0.0 { 1.0 / squared } else { 0.0 };
        Self { from, along, inverse }
    }

    /// How far a place is from the nearest point of the line.
    fn distance(&self, at: [f32; 2]) -> f32 {
        let [x, y] = [at[0] - self.from[0], at[1] - self.from[1]];
        let share = ((x * self.along[0] + y * self.along[1]) * self.inverse).clamp(0.0, 1.0);
        (x - self.along[0] * share).hypot(y - self.along[1] * share)
    }

    /// The pixels that come within `reach` of it; `None` when they all lie left of or above pixel 0.
    fn around(&self, reach: f32) -> Option<Rectangle> {
        let side = |from: f32, along: f32| {
            let (least, most) = (from.min(from + along) - reach, from.max(from + along) + reach);
            // Casts stop at 0 and at the greatest number.
            let (least, most) = (least.floor() as u32, most.ceil().max(0.0) as u32);
            (least, most.saturating_sub(least))
        };
        let (x, width) = side(self.from[0], self.along[0]);
        let (y, height) = side(self.from[1], self.along[1]);
        (width > 0 && height > 0).then_some(Rectangle::new(x, y, width, height))
    }
}
