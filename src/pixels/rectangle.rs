//! A rectangle of pixels, and how a picture is cut to another shape.

use super::Extent;

/// A rectangle of pixels; may reach beyond the picture it is drawn on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Rectangle {
    /// Pixels left of it.
    pub x: u32,

    /// Pixels above it.
    pub y: u32,

    /// Pixels from its left to its right.
    pub width: u32,

    /// Pixels from its top to its bottom.
    pub height: u32,
}

impl Rectangle {
    /// A rectangle with its left upper corner at (`x`, `y`).
    #[must_use]
    pub const fn new(x: u32, y: u32, width: u32, height: u32) -> Self {
        Self { x, y, width, height }
    }

    /// The first column right of it.
    #[must_use]
    pub const fn right(self) -> u32 {
        self.x.saturating_add(self.width)
    }

    /// The first row below it.
    #[must_use]
    pub const fn bottom(self) -> u32 {
        self.y.saturating_add(self.height)
    }

    /// The part on a picture of that size; `None` when no pixel is.
    #[must_use]
    pub fn within(self, extent: Extent) -> Option<Self> {
        let width = self.right().min(extent.width).saturating_sub(self.x);
        let height = self.bottom().min(extent.height).saturating_sub(self.y);
        (width > 0 && height > 0).then_some(Self { width, height, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hangs_over_the_edge_is_cut_off() {
        let extent = Extent::new(10, 8);
        let cases = [
            (Rectangle::new(2, 2, 3, 3), Some(Rectangle::new(2, 2, 3, 3))),
            (Rectangle::new(8, 7, 9, 9), Some(Rectangle::new(8, 7, 2, 1))),
            (Rectangle::new(0, 0, u32::MAX, u32::MAX), Some(Rectangle::new(0, 0, 10, 8))),
            (Rectangle::new(9, 0, u32::MAX, 1), Some(Rectangle::new(9, 0, 1, 1))),
            (Rectangle::new(10, 0, 5, 5), None),
            (Rectangle::new(0, 0, 0, 5), None),
        ];
        for (rectangle, within) in cases {
            assert_eq!(rectangle.within(extent), within, "{rectangle:?}");
        }
    }
}
