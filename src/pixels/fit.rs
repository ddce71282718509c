//! Bringing a picture to another size.

use super::region::Region;
use super::{Extent, Picture, Rectangle};

impl Picture {
    /// The picture scaled so that it covers `extent`, and what stands out cut off evenly on both
    /// sides. A picture of that size already is not touched.
    #[must_use]
    pub fn covering(&self, extent: Extent) -> Self {
        let own = self.extent();
        if own == extent || own.area() == 0 || extent.area() == 0 {
            return self.clone();
        }
        let Rectangle { x, y, width, height } = covering_window(own, extent);
        let window = Region { x: x.into(), y: y.into(), extent: Extent::new(width, height) };
        self.cut(window).scaled(extent)
    }

    /// The picture with its longest side at `side` pixels, each the mean of those it covers;
    /// `None` for one that is not larger.
    #[must_use]
    pub fn shrunk(&self, side: u32) -> Option<Self> {
        let Extent { width, height } = self.extent();
        let longest = width.max(height);
        if longest <= side || side == 0 {
            return None;
        }
        let scaled = |length: u32| {
            let length = u64::from(length) * u64::from(side) / u64::from(longest);
            (length as u32).max(1)
        };
        let small = Extent::new(scaled(width), scaled(height));
        let span = |at: u32, of: u32, from: u32| {
            let start = u64::from(at) * u64::from(from) / u64::from(of);
            let end = (u64::from(at + 1) * u64::from(from)).div_ceil(u64::from(of));
            (start as usize, end as usize)
        };
        let row_length = width as usize * 4;
        let mut rgba = Vec::with_capacity(small.area() * 4);
        for y in 0..small.height {
            let (top, bottom) = span(y, small.height, height);
            for x in 0..small.width {
                let (left, right) = span(x, small.width, width);
                let mut sums = [0_u64; 4];
                for row in self.rgba().chunks_exact(row_length).take(bottom).skip(top) {
                    for pixel in row.get(left * 4..right * 4)?.chunks_exact(4) {
                        sums.iter_mut()
                            .zip(pixel)
                            .for_each(|(sum, &value)| *sum += u64::from(value));
                    }
                }
                let count = (((bottom - top) * (right - left)) as u64).max(1);
                rgba.extend(sums.map(|sum| ((sum + count / 2) / count) as u8));
            }
        }
        Self::from_rgba(small, rgba)
    }
}

/// The part of a picture of the size `own` that [`Picture::covering`] keeps for `extent`: the largest
/// centred one of that shape, at least one pixel a side. All of it where either has no pixels.
#[must_use]
pub fn covering_window(own: Extent, extent: Extent) -> Rectangle {
    if own.area() == 0 || extent.area() == 0 {
        return Rectangle::new(0, 0, own.width, own.height);
    }
    let wide = u64::from(own.width) * u64::from(extent.height);
    let tall = u64::from(own.height) * u64::from(extent.width);
    let (width, height) = if wide > tall {
        ((tall / u64::from(extent.height)).max(1) as u32, own.height)
    } else {
        (own.width, (wide / u64::from(extent.width)).max(1) as u32)
    };
    Rectangle { x: (own.width - width) / 2, y: (own.height - height) / 2, width, height }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Left half red, right half blue.
    fn halves(width: u32, height: u32) -> Picture {
        let pixels = (0..width * height)
            .flat_map(|i| if i % width < width / 2 { [255, 0, 0, 255] } else { [0, 0, 255, 255] });
        Picture::from_rgba(Extent::new(width, height), pixels.collect::<Vec<u8>>()).unwrap()
    }

    #[test]
    fn the_middle_of_a_wide_picture_is_kept() {
        let square = halves(400, 100).covering(Extent::new(64, 64));
        assert_eq!(square.extent(), Extent::new(64, 64));
        let at = |x: usize| &square.rgba()[(32 * 64 + x) * 4..(32 * 64 + x) * 4 + 3];
        assert_eq!(at(2), [255, 0, 0]);
        assert_eq!(at(61), [0, 0, 255]);
    }

    #[test]
    fn extreme_shapes_give_the_asked_size() {
        for (width, height) in [(1, 1), (1, 5000), (5000, 1), (3, 7), (128, 128)] {
            let fitted = halves(width, height).covering(Extent::new(128, 192));
            assert_eq!(fitted.extent(), Extent::new(128, 192), "{width} × {height}");
        }
        assert_eq!(halves(64, 64).covering(Extent::new(64, 64)), halves(64, 64));
    }

    #[test]
    fn a_shrunk_picture_keeps_shape_and_mean() {
        let extent = Extent::new(600, 300);
        let rgba: Vec<u8> = (0..extent.area())
            .flat_map(|i| [if i % 2 == 0 { 0 } else { 200 }, 7, 9, 255])
            .collect();
        let small = Picture::from_rgba(extent, rgba).unwrap().shrunk(150).unwrap();
        assert_eq!(small.extent(), Extent::new(150, 75));
        assert!(small.rgba().chunks_exact(4).all(|pixel| *pixel == [100, 7, 9, 255]));
    }

    #[test]
    fn a_small_picture_is_not_shrunk_and_a_line_keeps_a_pixel() {
        assert!(halves(150, 2).shrunk(150).is_none());
        assert_eq!(halves(5000, 1).shrunk(256).unwrap().extent(), Extent::new(256, 1));
    }

    #[test]
    fn the_window_has_the_shape_of_the_target() {
        let window = covering_window(Extent::new(1000, 500), Extent::new(128, 128));
        assert_eq!(window, Rectangle::new(250, 0, 500, 500));
        let window = covering_window(Extent::new(500, 1000), Extent::new(128, 64));
        assert_eq!(window, Rectangle::new(0, 375, 500, 250));
    }

    #[test]
    fn without_pixels_the_window_is_the_whole_picture() {
        let (some, none) = (Extent::new(30, 20), Extent::new(0, 0));
        for extent in [none, Extent::new(0, 64), Extent::new(64, 0)] {
            assert_eq!(covering_window(some, extent), Rectangle::new(0, 0, 30, 20), "{extent}");
        }
        assert_eq!(covering_window(none, some), Rectangle::new(0, 0, 0, 0));
    }
}
