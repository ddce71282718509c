//! How far the start picture grows on each side, and to which size it is fitted first.

use serde::{Deserialize, Serialize};

use crate::pixels::Extent;
use crate::task::{Outpaint, Task};

/// What the sides of a picture and of its growth are multiples of.
const GRID: u32 = 64;
/// The longest side of a result.
const LONGEST: u32 = 2048;

/// A handle of the frame, and how far it was pulled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pull {
    /// Which side across, −1 the left, 1 the right, 0 neither; and down, −1 the top, 1 the bottom.
    pub handle: [i8; 2],
    /// How far, to the right and down, in pixels of the result.
    pub by: [f32; 2],
    /// The opposite side goes as far.
    pub both: bool,
    /// The frame keeps its shape.
    pub even: bool,
}

impl Pull {
    /// How far the left and right, and the top and bottom side go outwards.
    fn sides_of(self, source: Extent, began: &Extension) -> [[f32; 2]; 2] {
        let growth = began.growth();
        // As floats: a task that was taken over may say any number.
        let size = [
            source.width as f32 + growth.width as f32,
            source.height as f32 + growth.height as f32,
        ];
        let [x, y] = self.handle.map(f32::from);
        // Outwards, for the side the handle belongs to.
        let mut out = [self.by[0] * x, self.by[1] * y];
        if self.even {
            let share = |axis: usize| out[axis] / size[axis];
            let most = if share(0).abs() >= share(1).abs() { share(0) } else { share(1) };
            out = [most * size[0], most * size[1]];
        }
        let axis = |handle: f32, out: f32| match handle {
            _ if handle == 0.0 && self.even => [out / 2.0, out / 2.0],
            _ if handle == 0.0 => [0.0, 0.0],
            _ if self.both => [out, out],
            _ if handle < 0.0 => [out, 0.0],
            _ => [0.0, out],
        };
        [axis(x, out[0]), axis(y, out[1])]
    }
}

/// The numbers of `outpaint`; no number is no growth.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Extension {
    /// New rows above, in steps of 64.
    pub top: Option<u32>,

    /// New columns to the right, in steps of 64.
    pub right: Option<u32>,

    /// New rows below, in steps of 64.
    pub bottom: Option<u32>,

    /// New columns to the left, in steps of 64.
    pub left: Option<u32>,

    /// How far the seam is blurred, 0–32 pixels.
    pub blur: Option<u32>,

    /// The size that the start picture is brought to before it grows; not known before the picture is.
    pub source: Option<Extent>,

    /// Whether the user, or a task that was taken over, chose [`Self::source`].
    pub source_is_set: bool,
}

impl Extension {
    /// Whether any side grows.
    #[must_use]
    pub fn grows(&self) -> bool {
        [self.top, self.right, self.bottom, self.left].iter().any(|side| side.unwrap_or(0) > 0)
    }

    /// New pixels from left to right and from top to bottom.
    #[must_use]
    pub fn growth(&self) -> Extent {
        let sum = |a: Option<u32>, b: Option<u32>| a.unwrap_or(0).saturating_add(b.unwrap_or(0));
        Extent::new(sum(self.left, self.right), sum(self.top, self.bottom))
    }

    /// Each side so much further out, in pixels of the result; `began` is where the pull began, its
    /// source included. Sides stay on the grid, never go into the picture, and the result stays no
    /// longer than 2048 a side: the picture gives way where nobody chose its size, all is drawn
    /// smaller then.
    pub fn pull(&mut self, began: &Self, by: Pull) {
        let source = began.source.unwrap_or(Extent::new(GRID, GRID));
        let [across, down] = by.sides_of(Extent::new(source.width, source.height), began);
        let place = |[before, after]: [Option<u32>; 2], [less, more]: [f32; 2], source: u32| {
            let wanted = |side: Option<u32>, by: f32| (side.unwrap_or(0) as f32 + by).max(0.0);
            let all = source as f32 + wanted(before, less) + wanted(after, more);
            let (room, scale) = if self.source_is_set {
                (LONGEST.saturating_sub(source).max(GRID) / GRID * GRID, 1.0)
            } else {
                (LONGEST - GRID, (LONGEST as f32 / all).min(1.0))
            };
            let snap = |side: Option<u32>, by: f32| {
                let steps = (wanted(side, by) * scale / GRID as f32).round();
                (steps as u32).saturating_mul(GRID)
            };
            let (mut one, mut other) = (snap(before, less), snap(after, more));
            // The side that was pulled gives way.
            if less.abs() > more.abs() {
                one = one.min(room.saturating_sub(other));
            }
            other = other.min(room.saturating_sub(one));
            one = one.min(room.saturating_sub(other));
            [one, other].map(|side| (side > 0).then_some(side))
        };
        [self.left, self.right] = place([began.left, began.right], across, source.width);
        [self.top, self.bottom] = place([began.top, began.bottom], down, source.height);
    }

    /// The size of the result, once the start picture's is known.
    #[must_use]
    pub fn result(&self) -> Option<Extent> {
        let (source, growth) = (self.source?, self.growth());
        Some(Extent::new(
            source.width.saturating_add(growth.width),
            source.height.saturating_add(growth.height),
        ))
    }

    /// Makes the result of that size, the growth as it is. Of the picture, 64 pixels a side are left
    /// at least: a result no larger than the growth would have nothing to grow from.
    pub fn set_result(&mut self, extent: Extent) {
        let growth = self.growth();
        let left = |whole: u32, growth: u32| whole.saturating_sub(growth).max(GRID);
        let source =
            Extent::new(left(extent.width, growth.width), left(extent.height, growth.height));
        (self.source, self.source_is_set) = (Some(source), true);
    }

    /// Lets the picture decide where a size without pixels was stored.
    pub(crate) fn forget_empty_source(&mut self) {
        if self.source.is_some_and(|source| source.width == 0 || source.height == 0) {
            self.reset_source();
        }
    }

    /// Lets the start picture's own size decide again.
    pub fn reset_source(&mut self) {
        (self.source, self.source_is_set) = (None, false);
    }

    /// Fits a start picture of that size, unless its size was chosen.
    pub(super) fn fit(&mut self, picture: Extent) {
        self.source = Some(self.source_for(picture));
    }

    /// The size that a picture of that size is brought to before it grows: the chosen one, else one
    /// near its own whose sides are multiples of 64 and leave room to grow.
    #[must_use]
    pub fn source_for(&self, picture: Extent) -> Extent {
        self.source.filter(|_| self.source_is_set).unwrap_or_else(|| self.fitted(picture))
    }

    fn fitted(&self, picture: Extent) -> Extent {
        let growth = self.growth();
        let room = |growth: u32| LONGEST.saturating_sub(growth).max(GRID);
        let (across, down) = (room(growth.width), room(growth.height));
        let share = |room: u32, side: u32| f64::from(room) / f64::from(side.max(1));
        let scale = share(across, picture.width).min(share(down, picture.height)).min(1.0);
        let steps = |side: u32, room: u32| {
            let exact = f64::from(side) * scale / f64::from(GRID);
            [exact.floor(), exact.ceil()].map(|steps| (steps as u32).clamp(1, room / GRID) * GRID)
        };
        let (widths, heights) = (steps(picture.width, across), steps(picture.height, down));
        // The least is cut off where the shape is nearest to the picture's own.
        let shape = |extent: Extent| f64::from(extent.width) / f64::from(extent.height.max(1));
        let cut = |extent: Extent| (shape(extent) / shape(picture)).ln().abs();
        let sizes = widths
            .into_iter()
            .flat_map(|width| heights.into_iter().map(move |height| Extent::new(width, height)));
        let nearest = sizes.min_by(|a, b| cut(*a).total_cmp(&cut(*b)));
        nearest.unwrap_or(Extent::new(GRID, GRID))
    }

    /// As a task carries it; `None` when no side grows.
    #[must_use]
    pub fn to_outpaint(&self) -> Option<Outpaint> {
        let Self { top, right, bottom, left, blur, .. } = *self;
        self.grows().then(|| Outpaint { top, right, bottom, left, blur, ..Outpaint::default() })
    }
}

impl From<&Task> for Extension {
    /// Takes the numbers, and from the final size the one the start picture is brought to.
    fn from(task: &Task) -> Self {
        let Some(Outpaint { top, right, bottom, left, blur, .. }) = task.outpaint else {
            return Self::default();
        };
        let mut extension = Self { top, right, bottom, left, blur, ..Self::default() };
        let growth = extension.growth();
        if let (Some(width), Some(height)) = (task.width, task.height)
            && width > growth.width
            && height > growth.height
        {
            extension.set_result(Extent::new(width, height));
        }
        extension
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_fitted_to_the_grid_and_leaves_room_to_grow() {
        let right = |pixels| Extension { right: Some(pixels), ..Extension::default() };
        let cases = [
            (right(128), Extent::new(640, 384), Extent::new(768, 384)),
            (right(64), Extent::new(1000, 700), Extent::new(1088, 704)),
            (right(64), Extent::new(1200, 800), Extent::new(1152 + 64, 768)),
            (right(512), Extent::new(4096, 2048), Extent::new(2048, 768)),
            (right(64), Extent::new(3, 5), Extent::new(128, 64)),
            (right(64), Extent::new(2048, 100), Extent::new(2048, 128)),
        ];
        for (mut extension, picture, result) in cases {
            extension.fit(picture);
            assert_eq!(extension.result(), Some(result), "{picture}");
        }
    }

    #[test]
    fn handles_pull_sides_on_the_grid_and_never_into_the_picture() {
        let source = Some(Extent::new(512, 256));
        let began =
            Extension { right: Some(64), source, source_is_set: true, ..Extension::default() };
        let pull = |handle, by| Pull { handle, by, both: false, even: false };
        let cases = [
            // top, right, bottom, left
            (pull([1, 0], [70.0, 500.0]), [0, 128, 0, 0]),
            (pull([1, 0], [-300.0, 0.0]), [0, 0, 0, 0]),
            (pull([-1, -1], [-130.0, -31.0]), [0, 64, 0, 128]),
            (pull([-1, 1], [-33.0, 100.0]), [0, 64, 128, 64]),
            (Pull { both: true, ..pull([1, 0], [64.0, 0.0]) }, [0, 128, 0, 64]),
            (Pull { even: true, ..pull([1, 1], [576.0, 0.0]) }, [0, 640, 256, 0]),
            (Pull { even: true, ..pull([1, 0], [576.0, 0.0]) }, [128, 640, 128, 0]),
            (pull([1, 0], [90_000.0, 0.0]), [0, 1536, 0, 0]),
            (pull([-1, 0], [-90_000.0, 0.0]), [0, 64, 0, 1472]),
            (pull([0, -1], [f32::NAN, f32::NAN]), [0, 64, 0, 0]),
        ];
        for (by, sides) in cases {
            let mut extension = began.clone();
            extension.pull(&began, by);
            let Extension { top, right, bottom, left, .. } = extension;
            assert_eq!([top, right, bottom, left].map(|side| side.unwrap_or(0)), sides, "{by:?}");
            let result = extension.result().unwrap();
            assert!(result.width <= 2048 && result.height <= 2048);
        }
    }

    #[test]
    fn a_large_picture_gives_way_to_what_is_pulled_and_the_side_follows_the_pointer() {
        let picture = Extent::new(2048, 1024);
        for (by, wanted) in [(128.0, 128), (1024.0, 704), (2048.0, 1024), (1e9, 1984)] {
            let began = Extension { source: Some(picture), ..Extension::default() };
            let mut extension = began.clone();
            extension
                .pull(&began, Pull { handle: [1, 0], by: [by, 0.0], both: false, even: false });
            extension.fit(picture);
            let result = extension.result().unwrap();
            assert_eq!((extension.right, result.width), (Some(wanted), 2048), "{by}");
            // Half as wide as the picture where it is pulled half as far as the picture is wide.
            let share = wanted as f32 / (2048 - wanted) as f32;
            assert!(by > 1e6 || (share - by / 2048.0).abs() < 0.05, "{by}: {share}");
        }
    }

    #[test]
    fn a_chosen_size_stays_until_it_is_reset() {
        let mut extension = Extension { top: Some(64), ..Extension::default() };
        extension.fit(Extent::new(512, 512));
        extension.set_result(Extent::new(256, 320));
        extension.fit(Extent::new(512, 512));
        assert_eq!(extension.source, Some(Extent::new(256, 256)));
        extension.reset_source();
        extension.fit(Extent::new(512, 512));
        assert_eq!(extension.result(), Some(Extent::new(512, 576)));
    }

    #[test]
    fn a_result_no_larger_than_the_growth_leaves_a_picture_to_grow() {
        let side = Some(64);
        let mut extension =
            Extension { top: side, right: side, bottom: side, left: side, ..Extension::default() };
        for (asked, result) in [
            (Extent::new(128, 128), Extent::new(192, 192)),
            (Extent::new(1, 704), Extent::new(192, 704)),
            (Extent::new(0, 0), Extent::new(192, 192)),
        ] {
            extension.set_result(asked);
            assert_eq!(extension.result(), Some(result), "{asked}");
        }
    }

    #[test]
    fn sides_beyond_all_bounds_do_not_overflow() {
        let mut extension =
            Extension { left: Some(u32::MAX), right: Some(u32::MAX), ..Extension::default() };
        extension.fit(Extent::new(512, 512));
        assert_eq!(extension.result(), Some(Extent::new(u32::MAX, 64)));
        for source_is_set in [false, true] {
            let source = Some(Extent::new(u32::MAX, 64));
            let began = Extension { source, source_is_set, ..extension.clone() };
            let mut extension = began.clone();
            let by = [90_000.0, 90_000.0];
            extension.pull(&began, Pull { handle: [1, 1], by, both: true, even: true });
            assert!(extension.growth().width <= 2048, "{extension:?}");
        }
    }
}
