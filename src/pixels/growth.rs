//! Growing a picture at its sides: where the old part lies, and what the new part is seeded with.

use super::blur::blurred;
use super::{Extent, Mask, Picture};

/// How far a picture grows, in pixels, and how wide its seam is blurred.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Growth {
    /// New rows above.
    pub top: u32,
    /// New columns to the right.
    pub right: u32,
    /// New rows below.
    pub bottom: u32,
    /// New columns to the left.
    pub left: u32,
    /// Width of the band of old pixels along the seam that old and new share.
    pub blur: u32,
}

impl Growth {
    /// The old part of a result of `extent`, at least one pixel a side.
    pub(super) fn inner(self, extent: Extent) -> Extent {
        let side = |whole: u32, first: u32, last: u32| {
            whole.saturating_sub(first.saturating_add(last)).max(1)
        };
        Extent::new(
            side(extent.width, self.left, self.right),
            side(extent.height, self.top, self.bottom),
        )
    }

    /// How much of the new picture is seen in a result of `extent`: all of it in the new part, less
    /// and less of it across the blurred band, none beyond; `mask`, of the old part's size, shows
    /// more of it there.
    pub(super) fn mask(self, extent: Extent, mask: Option<&Mask>) -> Mask {
        let inner = self.inner(extent);
        let picture = Picture::from_fn(extent, |x, y| {
            let place = |at: u32, start: u32, length: u32| {
                u32::try_from(i64::from(at) - i64::from(start)).ok().filter(|&at| at < length)
            };
            let column = place(x, self.left, inner.width);
            let shown = match (column, place(y, self.top, inner.height)) {
                (Some(x), Some(y)) => {
                    let at = (y * inner.width + x) as usize;
                    let own = mask.and_then(|mask| mask.bytes().get(at)).copied().unwrap_or(0);
                    own.max(self.band(x, y, inner))
                }
                _ => u8::MAX,
            };
            [shown, shown, shown, u8::MAX]
        });
        Mask::from_picture(&picture)
    }

    /// How much of the new is seen at a pixel of the old part, because of the blurred band.
    fn band(self, x: u32, y: u32, inner: Extent) -> u8 {
        let sides = [
            (self.left, x),
            (self.top, y),
            (self.right, inner.width - 1 - x),
            (self.bottom, inner.height - 1 - y),
        ];
        let nearest = sides.iter().filter(|(grows, _)| *grows > 0).map(|(_, far)| *far).min();
        let Some(far) = nearest.filter(|&far| far < self.blur) else { return 0 };
        let left = 1.0 - (far as f32 + 0.5) / self.blur as f32;
        // Smoothstep: no crease where the band begins and ends.
        (left * left * (3.0 - 2.0 * left) * 255.0).round() as u8
    }
}

/// Standard deviations, in pixels, of the blurs that a new side is mixed of.
const BLURS: [f32; 6] = [0.0, 2.0, 4.0, 8.0, 16.0, 32.0];

/// How much the blur grows with each pixel of distance from the old part.
const BLUR_BY_DISTANCE: f32 = 1.0 / 3.0;

/// `picture` with the new sides around it, seeded from it: the colours of its border go on, and
/// lose their detail with the distance. Of the seedings that were compared (grey, stretched border,
/// mirror image, quilted patches, each with and without blur and noise) this one left the smallest
/// step at the seam, and unlike a mirror it repeats nothing.
pub(super) fn grown(picture: &Picture, growth: Growth) -> Picture {
    let Extent { width, height } = picture.extent();
    let extent =
        Extent::new(width + growth.left + growth.right, height + growth.top + growth.bottom);
    let beyond = |at: u32, start: u32, length: u32| {
        let from_start = i64::from(at) - i64::from(start);
        let inside = from_start.clamp(0, i64::from(length) - 1);
        (inside as u32, (from_start - inside) as f32)
    };
    let stretched = Picture::from_fn(extent, |x, y| {
        picture.at(beyond(x, growth.left, width).0, beyond(y, growth.top, height).0)
    });
    let sigma_at = |x: u32, y: u32| {
        let (_, across) = beyond(x, growth.left, width);
        let (_, down) = beyond(y, growth.top, height);
        across.hypot(down) * BLUR_BY_DISTANCE
    };
    let sharp = channels(&stretched);
    let mut rgba = stretched.rgba().to_vec();
    let mut lower = sharp.clone();
    for (low, high) in BLURS.into_iter().zip(BLURS.into_iter().skip(1)) {
        let upper = sharp.each_ref().map(|channel| blurred(channel, extent, high));
        let mut further = false;
        for (at, pixel) in rgba.chunks_exact_mut(4).enumerate() {
            let (x, y) = (at as u32 % extent.width, at as u32 / extent.width);
            let sigma = sigma_at(x, y);
            further |= sigma > high;
            if sigma <= low {
                continue;
            }
            let share = ((sigma - low) / (high - low)).min(1.0);
            for (value, (lower, upper)) in pixel.iter_mut().zip(lower.iter().zip(&upper)) {
                *value = (lower[at] * (1.0 - share) + upper[at] * share).round() as u8;
            }
        }
        if !further {
            break;
        }
        lower = upper;
    }
    Picture::from_rgba(extent, rgba).unwrap_or(stretched)
}

/// Red, green and blue, each row by row.
fn channels(picture: &Picture) -> [Vec<f32>; 3] {
    std::array::from_fn(|channel| {
        picture.rgba().chunks_exact(4).map(|pixel| f32::from(pixel[channel])).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROWTH: Growth = Growth { top: 0, right: 64, bottom: 128, left: 0, blur: 8 };

    fn lined() -> Picture {
        Picture::from_fn(Extent::new(64, 64), |x, y| [x as u8 * 3, y as u8 * 3, 90, 255])
    }

    #[test]
    fn the_old_part_is_untouched_and_the_new_goes_on_from_it() {
        let extent = Extent::new(128, 192);
        let all = grown(&lined(), GROWTH);
        assert_eq!((all.extent(), GROWTH.inner(extent)), (extent, Extent::new(64, 64)));
        let far = |a: [u8; 4], b: [u8; 4]| a.iter().zip(b).map(|(a, b)| a.abs_diff(b)).max();
        for at in 0..64 {
            assert_eq!(all.at(at, 63), lined().at(at, 63));
            assert!(far(all.at(64, at), lined().at(63, at)) <= Some(2), "right, {at}");
            assert!(far(all.at(at, 64), lined().at(at, 63)) <= Some(2), "below, {at}");
        }
        // Far from the old part little of its detail is left.
        let spread = |y: u32| all.at(63, y)[0] - all.at(0, y)[0];
        assert!(spread(64) > 170 && spread(190) < 120, "{} {}", spread(64), spread(190));
    }

    #[test]
    fn the_mask_is_white_in_the_new_part_and_fades_across_the_band() {
        let extent = Extent::new(128, 192);
        let mask = GROWTH.mask(extent, None);
        let at = |x: usize, y: usize| mask.bytes()[y * 128 + x];
        assert_eq!((at(64, 0), at(0, 64), at(127, 191)), (255, 255, 255));
        assert_eq!((at(0, 0), at(55, 0), at(0, 55)), (0, 0, 0), "8 pixels of blur");
        let band: Vec<u8> = (56..64).map(|x| at(x, 0)).collect();
        assert!(band.is_sorted() && band[0] > 0 && band[7] < 255, "{band:?}");

        let repainted = (0..64 * 64).map(|i| if i == 5 { 200 } else { 0 }).collect();
        let repainted = Mask::from_bytes(Extent::new(64, 64), repainted).unwrap();
        assert_eq!(GROWTH.mask(extent, Some(&repainted)).bytes()[5], 200);
    }
}
