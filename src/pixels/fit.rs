//! Bringing a picture to another size.

use image::imageops::{self, FilterType};
use image::{ImageBuffer, Rgba};

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
        let Some(image) =
            ImageBuffer::<Rgba<u8>, _>::from_raw(own.width, own.height, self.rgba().to_vec())
        else {
            return self.clone();
        };
        let Rectangle { x, y, width, height } = covering_window(own, extent);
        let cut = imageops::crop_imm(&image, x, y, width, height).to_image();
        let scaled = imageops::resize(&cut, extent.width, extent.height, FilterType::Lanczos3);
        Self::from_rgba(extent, scaled.into_raw()).unwrap_or_else(|| self.clone())
    }
}

/// The part of a picture of the size `own` that [`Picture::covering`] keeps for `extent`: the largest
/// centred one of that shape, at least one pixel a side.
#[must_use]
pub fn covering_window(own: Extent, extent: Extent) -> Rectangle {
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
    fn the_window_has_the_shape_of_the_target() {
        let window = covering_window(Extent::new(1000, 500), Extent::new(128, 128));
        assert_eq!(window, Rectangle::new(250, 0, 500, 500));
        let window = covering_window(Extent::new(500, 1000), Extent::new(128, 64));
        assert_eq!(window, Rectangle::new(0, 375, 500, 250));
    }
}
