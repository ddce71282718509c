//! A picture in memory and its size.

use std::fmt;
use std::sync::Arc;

/// Width and height in pixels.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub struct Extent {
    /// Pixels from left to right.
    pub width: u32,

    /// Pixels from top to bottom.
    pub height: u32,
}

impl Extent {
    /// An extent of `width` × `height` pixels.
    #[must_use]
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    /// The number of pixels.
    #[must_use]
    pub const fn area(self) -> usize {
        self.width as usize * self.height as usize
    }
}

impl fmt::Display for Extent {
    /// `768 × 512`, the way the window writes sizes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} × {}", self.width, self.height)
    }
}

/// An 8-bit RGBA picture, straight alpha, rows from top to bottom. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    extent: Extent,
    rgba: Arc<[u8]>,
}

impl Picture {
    /// A picture over `rgba`, four bytes a pixel; `None` when the length does not fit `extent`.
    #[must_use]
    pub fn from_rgba(extent: Extent, rgba: impl Into<Arc<[u8]>>) -> Option<Self> {
        let rgba = rgba.into();
        (rgba.len() == extent.area() * 4).then_some(Self { extent, rgba })
    }

    /// A picture whose pixel at column `x` and row `y` is `pixel(x, y)`.
    #[must_use]
    pub fn from_fn(extent: Extent, mut pixel: impl FnMut(u32, u32) -> [u8; 4]) -> Self {
        let Extent { width, height } = extent;
        let mut rgba = Vec::with_capacity(extent.area() * 4);
        for y in 0..height {
            for x in 0..width {
                rgba.extend(pixel(x, y));
            }
        }
        Self { extent, rgba: rgba.into() }
    }

    /// The pixel at column `x` and row `y`, which lie inside.
    pub(super) fn at(&self, x: u32, y: u32) -> [u8; 4] {
        let at = (y as usize * self.extent.width as usize + x as usize) * 4;
        [self.rgba[at], self.rgba[at + 1], self.rgba[at + 2], self.rgba[at + 3]]
    }

    /// Width and height.
    #[must_use]
    pub const fn extent(&self) -> Extent {
        self.extent
    }

    /// Four bytes a pixel, row by row.
    #[must_use]
    pub fn rgba(&self) -> &[u8] {
        &self.rgba
    }
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Picture({})", self.extent)
    }
}
