//! Matching the colours of what was painted to the picture around it.

use super::blur::blurred;
use super::{Mask, Picture};

/// Standard deviation, in pixels, of the surroundings that a colour is matched to.
const SURROUNDINGS: f32 = 12.0;

/// `painted` with its colours drawn towards those of `original` near what stays.
///
/// A model gives back even the parts it should keep a little darker or paler; that error, known
/// where `shown` is 0, is taken off the painted part beside it and fades with the distance
/// (the idea of gradient-domain cloning: Pérez, Gangnet and Blake, 2003). All of one size.
pub(super) fn evened_out(painted: &Picture, original: &Picture, shown: &Mask) -> Picture {
    let extent = painted.extent();
    let stays: Vec<f32> =
        shown.bytes().iter().map(|&shown| f32::from(u8::from(shown == 0))).collect();
    let known = blurred(&stays, extent, SURROUNDINGS);
    let errors: [Vec<f32>; 3] = std::array::from_fn(|channel| {
        let pairs = original.rgba().chunks_exact(4).zip(painted.rgba().chunks_exact(4));
        let error: Vec<f32> = pairs
            .zip(&stays)
            .map(|((a, b), stays)| stays * (f32::from(a[channel]) - f32::from(b[channel])))
            .collect();
        blurred(&error, extent, SURROUNDINGS)
    });
    let mut rgba = painted.rgba().to_vec();
    for (at, pixel) in rgba.chunks_exact_mut(4).enumerate() {
        // At a straight edge half the surroundings are known; further out the correction fades.
        let surroundings = known[at].max(0.5);
        for (value, error) in pixel.iter_mut().zip(&errors) {
            *value = (f32::from(*value) + error[at] / surroundings).round().clamp(0.0, 255.0) as u8;
        }
    }
    Picture::from_rgba(extent, rgba).unwrap_or_else(|| painted.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::Extent;

    #[test]
    fn a_drift_is_gone_at_the_seam_and_left_alone_far_away() {
        let extent = Extent::new(200, 8);
        let original = Picture::from_fn(extent, |_, _| [100, 150, 200, 255]);
        // The model's picture is 10 too dark everywhere.
        let painted = Picture::from_fn(extent, |_, _| [90, 140, 190, 255]);
        let shown = (0..extent.area()).map(|i| if i % 200 < 100 { 0 } else { 255 }).collect();
        let shown = Mask::from_bytes(extent, shown).unwrap();
        let even = evened_out(&painted, &original, &shown);
        let red = |x: u32| even.at(x, 4)[0];
        assert!(red(100).abs_diff(100) <= 1, "{}", red(100));
        assert!(red(112) > 91 && red(112) < 100, "{}", red(112));
        assert_eq!(red(199), 90);
        assert_eq!(even.at(199, 0), [90, 140, 190, 255]);
    }

    #[test]
    fn without_a_drift_nothing_changes() {
        let extent = Extent::new(30, 30);
        let picture = Picture::from_fn(extent, |x, y| [x as u8 * 8, y as u8 * 8, 7, 255]);
        let shown = (0..900).map(|i| if i % 30 < 9 { 0 } else { 200 }).collect();
        let shown = Mask::from_bytes(extent, shown).unwrap();
        assert_eq!(evened_out(&picture, &picture, &shown), picture);
    }
}
