//! A mask that is painted on: strokes and shapes touch few pixels, and each is undone in one step.
//!
//! Knows no pointer and no window: places come in pixels, and what changed goes out as a rectangle.

mod brush;
mod history;
mod polygon;
mod stroke;

pub use brush::Brush;
pub use polygon::ellipse;

use super::{Extent, Mask, Rectangle};
use history::{Edit, History};
use polygon::Coverage;
use stroke::Stroke;

/// Pixels a side of the squares that history remembers.
const TILE: u32 = 128;

/// Whether painting adds to the mask or takes away from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ink {
    /// Towards 255, repainted.
    #[default]
    Add,
    /// Towards 0, kept.
    Remove,
}

impl Ink {
    /// `value` with `cover` (0–1) of this ink over it.
    fn over(self, value: u8, cover: f32) -> u8 {
        let (value, target) = (f32::from(value), if self == Self::Add { 255.0 } else { 0.0 });
        (value + (target - value) * cover).round() as u8
    }

    /// The other one.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Add => Self::Remove,
            Self::Remove => Self::Add,
        }
    }
}

/// A mask with its history.
#[derive(Clone, Debug)]
pub struct PaintedMask {
    mask: Mask,
    history: History,
    stroke: Option<Stroke>,
    changed: Option<Rectangle>,
    revision: u64,
    /// All pixels together, without an unfinished stroke.
    sum: u64,
}

impl PaintedMask {
    /// An empty mask of that size.
    #[must_use]
    pub fn new(extent: Extent) -> Self {
        Self::of(Mask::even(extent, 0))
    }

    /// Goes on with `mask`; nothing can be undone yet.
    #[must_use]
    pub fn of(mask: Mask) -> Self {
        let changed = whole(mask.extent);
        let sum = mask.bytes.iter().map(|&value| u64::from(value)).sum();
        Self { mask, history: History::default(), stroke: None, changed, revision: 0, sum }
    }

    /// The mask as it is now, an unfinished stroke included.
    #[must_use]
    pub const fn mask(&self) -> &Mask {
        &self.mask
    }

    /// Width and height.
    #[must_use]
    pub const fn extent(&self) -> Extent {
        self.mask.extent
    }

    /// Counts the changes, undone ones too; a mask with the same number is the same.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// How much of the picture is repainted, 0–1, without an unfinished stroke.
    #[must_use]
    pub fn share(&self) -> f32 {
        (self.sum as f64 / (self.extent().area().max(1) as f64 * 255.0)) as f32
    }

    /// The rectangle around all that changed since this was asked last.
    pub fn take_changed(&mut self) -> Option<Rectangle> {
        self.changed.take()
    }

    /// Begins a stroke with a dab at `at`, in pixels from the left upper corner.
    pub fn begin(&mut self, brush: Brush, ink: Ink, at: [f32; 2]) {
        self.end_stroke();
        self.stroke = Some(Stroke::new(brush, ink, at));
        self.stroke_to(at);
    }

    /// Draws the stroke on in a straight line; nothing without a stroke.
    pub fn stroke_to(&mut self, at: [f32; 2]) {
        let Some(stroke) = &mut self.stroke else { return };
        if let Some(changed) = stroke.draw_to(&mut self.mask, at) {
            self.changed = Some(join(self.changed, changed));
            self.revision += 1;
        }
    }

    /// Whether a stroke is being drawn.
    #[must_use]
    pub const fn is_drawing(&self) -> bool {
        self.stroke.is_some()
    }

    /// Ends the stroke; it is undone as a whole from now on.
    pub fn end_stroke(&mut self) {
        if let Some(stroke) = self.stroke.take() {
            self.remember(stroke.into_edit());
        }
    }

    /// Takes the unfinished stroke back.
    pub fn cancel_stroke(&mut self) {
        if let Some(stroke) = self.stroke.take() {
            let edit = stroke.into_edit();
            if let Some(place) = edit.place() {
                self.note(place);
            }
            edit.put_into(&mut self.mask);
        }
    }

    /// Fills a shape whose corners are given in pixels; what crosses itself is filled throughout.
    pub fn fill_shape(&mut self, corners: &[[f32; 2]], ink: Ink) {
        self.end_stroke();
        let Some(coverage) = Coverage::of(corners, self.extent()) else { return };
        let place = coverage.place;
        let before = Edit::under(&self.mask, place);
        let (width, left) = (self.mask.extent.width as usize, place.x as usize);
        coverage.each_row(|y, cover| {
            let start = y as usize * width + left;
            let row = self.mask.bytes.get_mut(start..start + cover.len()).unwrap_or_default();
            for (value, &cover) in row.iter_mut().zip(cover) {
                *value = ink.over(*value, cover);
            }
        });
        if self.remember(before) {
            self.note(place);
        }
    }

    /// Puts another mask of the same size in place of this one, to be undone in one step. A mask
    /// of another size changes nothing.
    pub fn replace(&mut self, mask: Mask) {
        self.end_stroke();
        if mask.extent != self.extent() {
            return;
        }
        let Some(place) = whole(mask.extent) else { return };
        let before = Edit::under(&self.mask, place);
        self.mask = mask;
        if self.remember(before) {
            self.note(place);
        }
    }

    /// Repaints nothing.
    pub fn clear(&mut self) {
        self.replace(Mask::even(self.extent(), 0));
    }

    /// Whether there is something to undo.
    #[must_use]
    pub fn can_undo(&self) -> bool {
        self.history.can_undo()
    }

    /// Whether there is something to do again.
    #[must_use]
    pub fn can_redo(&self) -> bool {
        self.history.can_redo()
    }

    /// Takes the last step back; an unfinished stroke is the last step.
    pub fn undo(&mut self) {
        self.end_stroke();
        if let Some(edit) = self.history.take_undo() {
            let after = self.swap(edit);
            self.history.put_redo(after);
        }
    }

    /// Does the step again that was taken back last.
    pub fn redo(&mut self) {
        self.end_stroke();
        if let Some(edit) = self.history.take_redo() {
            let before = self.swap(edit);
            self.history.put_undo(before);
        }
    }

    /// Puts remembered pixels back and remembers those that were there.
    fn swap(&mut self, edit: Edit) -> Edit {
        if let Some(place) = edit.place() {
            self.note(place);
        }
        let there = edit.put_into(&mut self.mask);
        self.sum = self.sum.saturating_add(there.sum_of(&self.mask)).saturating_sub(there.sum());
        there
    }

    /// A step was done and `before` is what lay there; whether it changed anything. What changed
    /// nothing leaves nothing to undo.
    fn remember(&mut self, before: Edit) -> bool {
        let before = before.without_same(&self.mask);
        if before.is_empty() {
            return false;
        }
        self.sum = self.sum.saturating_add(before.sum_of(&self.mask)).saturating_sub(before.sum());
        self.history.push(before);
        true
    }

    fn note(&mut self, place: Rectangle) {
        self.changed = Some(join(self.changed, place));
        self.revision += 1;
    }
}

/// All of a picture of that size; `None` when it has no pixels.
fn whole(extent: Extent) -> Option<Rectangle> {
    Rectangle::new(0, 0, extent.width, extent.height).within(extent)
}

/// The rectangle around both.
fn join(one: Option<Rectangle>, other: Rectangle) -> Rectangle {
    let Some(one) = one else { return other };
    let (x, y) = (one.x.min(other.x), one.y.min(other.y));
    let (right, bottom) = (one.right().max(other.right()), one.bottom().max(other.bottom()));
    Rectangle::new(x, y, right - x, bottom - y)
}

#[cfg(test)]
mod tests;
