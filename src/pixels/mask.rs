//! A mask: how much of each pixel is repainted.

use super::blur::blurred;
use super::{Extent, Picture};

/// Weights of red, green and blue in grey, of 65 536 (ITU-R 601-2, as Pillow rounds them).
const GREY: [u32; 3] = [19_595, 38_470, 7_471];

/// From this value a pixel counts as repainted where only yes or no is possible.
const REPAINTED: u8 = 128;

/// Below this a mask changes no pixel that anybody would see: what lossy files leave in black.
const TRACE: u8 = 8;

/// What a blurred edge has left two standard deviations outside: Φ(−2) of the normal distribution.
const FADED: f32 = 0.022_75;

/// One byte a pixel: 0 stays, 255 is repainted, between is mixed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    pub(super) extent: Extent,
    pub(super) bytes: Vec<u8>,
}

impl Mask {
    /// The greys of `picture`; its alpha is not looked at.
    #[must_use]
    pub fn from_picture(picture: &Picture) -> Self {
        let grey = |pixel: &[u8]| {
            let sum: u32 = GREY.iter().zip(pixel).map(|(w, &v)| w * u32::from(v)).sum();
            ((sum + 0x8000) >> 16) as u8
        };
        Self { extent: picture.extent(), bytes: picture.rgba().chunks_exact(4).map(grey).collect() }
    }

    /// A mask over `bytes`, one a pixel; `None` when the length does not fit `extent`.
    #[must_use]
    pub fn from_bytes(extent: Extent, bytes: Vec<u8>) -> Option<Self> {
        (bytes.len() == extent.area()).then_some(Self { extent, bytes })
    }

    /// A mask of one value throughout.
    #[must_use]
    pub fn even(extent: Extent, value: u8) -> Self {
        Self { extent, bytes: vec![value; extent.area()] }
    }

    /// One byte a pixel, row by row.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The mask as a grey picture.
    #[must_use]
    pub fn to_picture(&self) -> Picture {
        let width = self.extent.width as usize;
        Picture::from_fn(self.extent, |x, y| {
            let grey = self.bytes[y as usize * width + x as usize];
            [grey, grey, grey, u8::MAX]
        })
    }

    /// The mask with a soft edge of `width` pixels outside what is repainted; where it is lighter
    /// than that edge already, it stays as it is.
    #[must_use]
    pub fn feathered(&self, width: u32) -> Self {
        let plane: Vec<f32> =
            self.bytes.iter().map(|&v| f32::from(u8::from(v >= REPAINTED))).collect();
        // Blurred with half the width, a straight edge falls from one half to nearly nothing
        // within the width.
        let soft = blurred(&plane, self.extent, width as f32 / 2.0);
        let bytes = self.bytes.iter().zip(soft).map(|(&own, soft)| {
            let ramp = ((soft - FADED) / (0.5 - FADED)).clamp(0.0, 1.0);
            let outside = if own >= REPAINTED { 0 } else { (ramp * 255.0).round() as u8 };
            own.max(outside)
        });
        Self { extent: self.extent, bytes: bytes.collect() }
    }

    /// The mask without what is too faint to be seen.
    #[must_use]
    pub(super) fn without_traces(&self) -> Self {
        let seen = |&value: &u8| if value < TRACE { 0 } else { value };
        Self { extent: self.extent, bytes: self.bytes.iter().map(seen).collect() }
    }

    /// How much of the picture is repainted, 0–1: the mean of its values.
    #[must_use]
    pub fn share(&self) -> f32 {
        let sum: u64 = self.bytes.iter().map(|&value| u64::from(value)).sum();
        (sum as f64 / (self.bytes.len().max(1) as f64 * 255.0)) as f32
    }

    /// Whether anything is repainted, where only yes or no is possible.
    #[must_use]
    pub fn repaints_anything(&self) -> bool {
        self.bytes.iter().any(|&value| value >= REPAINTED)
    }

    /// Width and height.
    #[must_use]
    pub const fn extent(&self) -> Extent {
        self.extent
    }

    /// Whether the pixel is repainted, where only yes or no is possible.
    #[must_use]
    pub fn repaints(&self, x: u32, y: u32) -> bool {
        let at = y as usize * self.extent.width as usize + x as usize;
        self.bytes.get(at).is_some_and(|&byte| byte >= REPAINTED)
    }

    /// `painted` where the mask is white, `original` where it is black, mixed between. Where the
    /// mask is 0 the original's bytes are kept as they are. `None` when the sizes differ.
    #[must_use]
    pub fn compose(&self, original: &Picture, painted: &Picture) -> Option<Picture> {
        if original.extent() != self.extent || painted.extent() != self.extent {
            return None;
        }
        let mut rgba = original.rgba().to_vec();
        let pixels = rgba.chunks_exact_mut(4).zip(painted.rgba().chunks_exact(4));
        for ((under, over), &mask) in pixels.zip(&self.bytes) {
            let (white, black) = (u32::from(mask), u32::from(u8::MAX - mask));
            for (under, &over) in under.iter_mut().zip(over) {
                let mixed = u32::from(over) * white + u32::from(*under) * black;
                // Rounded; exact at both ends.
                *under = ((mixed + 127) / 255) as u8;
            }
        }
        Picture::from_rgba(self.extent, rgba)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(values: &[[u8; 3]]) -> Picture {
        let rgba: Vec<u8> = values.iter().flat_map(|[r, g, b]| [*r, *g, *b, 255]).collect();
        Picture::from_rgba(Extent::new(values.len() as u32, 1), rgba).unwrap()
    }

    #[test]
    fn black_keeps_every_bit_white_takes_the_new_and_grey_mixes() {
        let mask = Mask::from_picture(&picture(&[[0; 3], [255; 3], [128; 3]]));
        let original = picture(&[[13, 77, 201]; 3]);
        let painted = picture(&[[200, 100, 0]; 3]);
        let composed = mask.compose(&original, &painted).unwrap();
        assert_eq!(&composed.rgba()[..8], [13, 77, 201, 255, 200, 100, 0, 255]);
        assert_eq!(&composed.rgba()[8..], [107, 89, 100, 255]);
        assert!(mask.compose(&picture(&[[0; 3]]), &painted).is_none());
    }

    #[test]
    fn a_feather_falls_evenly_and_ends() {
        let extent = Extent::new(100, 40);
        let bytes = (0..4000).map(|i| if i % 100 < 50 { 255 } else { 0 }).collect();
        let soft = Mask::from_bytes(extent, bytes).unwrap().feathered(16);
        let row = &soft.bytes()[2000..2100];
        assert!(row[..50].iter().all(|&v| v == 255));
        assert!(row[50..].is_sorted_by(|a, b| a >= b), "{row:?}");
        assert!((100..170).contains(&row[54]), "half way after a quarter: {}", row[54]);
        assert!(row[67..].iter().all(|&v| v == 0), "{row:?}");
    }

    #[test]
    fn greys_keep_their_value_under_a_feather() {
        let extent = Extent::new(60, 1);
        let bytes = (0..60)
            .map(|x| {
                if x < 20 {
                    255
                } else if x < 40 {
                    160
                } else {
                    60
                }
            })
            .collect();
        let soft = Mask::from_bytes(extent, bytes).unwrap().feathered(8);
        assert_eq!((soft.bytes()[10], soft.bytes()[30], soft.bytes()[55]), (255, 160, 60));
        assert!(soft.bytes()[41] > 60, "the edge of what is repainted fades");
    }

    #[test]
    fn half_way_up_counts_as_repainted() {
        let mask = Mask::from_picture(&picture(&[[127; 3], [128; 3], [255, 0, 0], [0, 255, 0]]));
        let repainted: Vec<bool> = (0..4).map(|x| mask.repaints(x, 0)).collect();
        // Green is the brightest of the three colours.
        assert_eq!(repainted, [false, true, false, true]);
    }
}
