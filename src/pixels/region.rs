//! Rectangles of a picture: where a mask lies, what is cut out of it, what is pasted back.

use image::imageops::{self, FilterType};
use image::{ImageBuffer, Rgba};

use super::{Extent, Mask, Picture};

/// A rectangle of pixels that may reach outside its picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Region {
    /// Leftmost column.
    pub(super) x: i64,
    /// Topmost row.
    pub(super) y: i64,
    /// Width and height, at least one pixel each.
    pub(super) extent: Extent,
}

impl Region {
    /// The whole of a picture of that size.
    pub(super) const fn whole(extent: Extent) -> Self {
        Self { x: 0, y: 0, extent }
    }

    /// The smallest rectangle around all of `mask` that is not black; `None` when nothing is.
    pub(super) fn of_mask(mask: &Mask) -> Option<Self> {
        let Extent { width, height } = mask.extent();
        let at = |x: u32, y: u32| mask.bytes()[y as usize * width as usize + x as usize] > 0;
        let row = |y: u32| (0..width).any(|x| at(x, y));
        let column = |x: u32| (0..height).any(|y| at(x, y));
        let (top, bottom) = ((0..height).find(|&y| row(y))?, (0..height).rfind(|&y| row(y))?);
        let (left, right) = ((0..width).find(|&x| column(x))?, (0..width).rfind(|&x| column(x))?);
        let extent = Extent::new(right - left + 1, bottom - top + 1);
        Some(Self { x: left.into(), y: top.into(), extent })
    }

    /// The rectangle with `margin` more pixels on each side.
    pub(super) fn with_margin(self, margin: u32) -> Self {
        let Self { x, y, extent: Extent { width, height } } = self;
        let extent = Extent::new(width + 2 * margin, height + 2 * margin);
        Self { x: x - i64::from(margin), y: y - i64::from(margin), extent }
    }

    /// The smallest rectangle with the shape of `shape` around this one, moved into a picture of
    /// `within` as far as it goes. What is larger than the picture reaches outside evenly.
    pub(super) fn shaped(self, shape: Extent, within: Extent) -> Self {
        let Extent { width, height } = self.extent;
        let scaled = |side: u32, by: u32, of: u32| {
            (u64::from(side) * u64::from(by)).div_ceil(u64::from(of.max(1))) as u32
        };
        let wide = u64::from(width) * u64::from(shape.height);
        let tall = u64::from(height) * u64::from(shape.width);
        let extent = if wide >= tall {
            Extent::new(width, scaled(width, shape.height, shape.width))
        } else {
            Extent::new(scaled(height, shape.width, shape.height), height)
        };
        Self {
            x: placed(self.x, width, extent.width, within.width),
            y: placed(self.y, height, extent.height, within.height),
            extent,
        }
    }
}

/// Where a side of `length` begins that is centred on `old` pixels from `start`, moved between 0
/// and `whole`.
fn placed(start: i64, old: u32, length: u32, whole: u32) -> i64 {
    let (length, whole) = (i64::from(length), i64::from(whole));
    if length >= whole {
        return (whole - length) / 2;
    }
    (start - (length - i64::from(old)) / 2).clamp(0, whole - length)
}

/// The pixel of `0..length` that a mirror at both ends shows at `at`.
fn mirrored(at: i64, length: u32) -> u32 {
    let length = i64::from(length);
    let period = at.rem_euclid(2 * length);
    if period < length { period as u32 } else { (2 * length - 1 - period) as u32 }
}

impl Picture {
    /// The pixels of `region`; outside the picture its mirror image is seen.
    pub(super) fn cut(&self, region: Region) -> Self {
        let Extent { width, height } = self.extent();
        Self::from_fn(region.extent, |x, y| {
            let column = mirrored(region.x + i64::from(x), width);
            self.at(column, mirrored(region.y + i64::from(y), height))
        })
    }

    /// The picture with `piece` laid over it, its top left corner at `(x, y)`; what reaches outside
    /// is left out.
    pub(super) fn with_piece(&self, piece: &Self, (x, y): (i64, i64)) -> Self {
        Self::from_fn(self.extent(), |column, row| {
            let inside = |at: u32, start: i64, length: u32| {
                u32::try_from(i64::from(at) - start).ok().filter(|&at| at < length)
            };
            let Extent { width, height } = piece.extent();
            match (inside(column, x, width), inside(row, y, height)) {
                (Some(x), Some(y)) => piece.at(x, y),
                _ => self.at(column, row),
            }
        })
    }

    /// The picture at another size, its shape changed if need be (Lanczos).
    pub(super) fn scaled(&self, extent: Extent) -> Self {
        let own = self.extent();
        if own == extent {
            return self.clone();
        }
        let Some(image) =
            ImageBuffer::<Rgba<u8>, _>::from_raw(own.width, own.height, self.rgba().to_vec())
        else {
            return self.clone();
        };
        let scaled = imageops::resize(&image, extent.width, extent.height, FilterType::Lanczos3);
        Self::from_rgba(extent, scaled.into_raw()).unwrap_or_else(|| self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(x: i64, y: i64, width: u32, height: u32) -> Region {
        Region { x, y, extent: Extent::new(width, height) }
    }

    /// Each pixel says where it is.
    fn map(width: u32, height: u32) -> Picture {
        let pixel = |i: u32| [(i % width) as u8, (i / width) as u8, 0, 255];
        let rgba: Vec<u8> = (0..width * height).flat_map(pixel).collect();
        Picture::from_rgba(Extent::new(width, height), rgba).unwrap()
    }

    #[test]
    fn a_region_takes_the_shape_and_stays_inside_while_it_can() {
        let picture = Extent::new(400, 300);
        let square = Extent::new(64, 64);
        assert_eq!(region(100, 100, 60, 20).shaped(square, picture), region(100, 80, 60, 60));
        // At the corner it is moved, not cut.
        assert_eq!(region(-32, -32, 80, 100).shaped(square, picture), region(0, 0, 100, 100));
        assert_eq!(region(370, 290, 60, 60).shaped(square, picture), region(340, 240, 60, 60));
        // Higher than the picture: as much above as below.
        assert_eq!(region(10, 0, 360, 300).shaped(square, picture), region(10, -30, 360, 360));
        let wide = Extent::new(128, 64);
        assert_eq!(region(50, 50, 50, 50).shaped(wide, picture), region(25, 50, 100, 50));
    }

    #[test]
    fn a_mask_is_found_to_the_pixel() {
        let mut rgba = [0, 0, 0, 255].repeat(20 * 10);
        for (x, y) in [(3, 2), (17, 8)] {
            let at = (y * 20 + x) * 4;
            rgba[at..at + 3].fill(255);
        }
        let mask = Picture::from_rgba(Extent::new(20, 10), rgba).unwrap();
        assert_eq!(Region::of_mask(&Mask::from_picture(&mask)), Some(region(3, 2, 15, 7)));
        let black = Picture::from_rgba(Extent::new(2, 2), [0, 0, 0, 255].repeat(4)).unwrap();
        assert_eq!(Region::of_mask(&Mask::from_picture(&black)), None);
    }

    #[test]
    fn what_is_cut_out_and_laid_back_is_the_same_picture() {
        let picture = map(12, 9);
        for part in [region(2, 3, 5, 4), region(-3, -2, 8, 20), region(9, 6, 30, 2)] {
            let piece = picture.cut(part);
            assert_eq!(piece.extent(), part.extent);
            assert_eq!(picture.with_piece(&piece, (part.x, part.y)), picture, "{part:?}");
        }
        let corner = picture.cut(region(-2, 8, 4, 3));
        let columns: Vec<u8> = corner.rgba().chunks_exact(4).map(|pixel| pixel[0]).collect();
        let rows: Vec<u8> = corner.rgba().chunks_exact(4).map(|pixel| pixel[1]).collect();
        assert_eq!(columns, [1, 0, 0, 1].repeat(3));
        assert_eq!(rows, [[8; 4], [8; 4], [7; 4]].concat());
    }
}
