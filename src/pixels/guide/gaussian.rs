//! Gaussian blur of one plane with the very bell, for rules whose thresholds were set with it.
//!
//! As OpenCV blurs 32-bit floats: the bell is cut off at four standard deviations, and what lies
//! beyond the border is mirrored without repeating the outermost pixel. `pixels::blur` is faster
//! and only nearly a bell.

use super::{Stop, Stopped, go_on};
use crate::pixels::Extent;

/// `plane`, row by row, blurred with a standard deviation of `sigma` pixels.
pub(super) fn gaussian(
    plane: &[f32],
    extent: Extent,
    sigma: f64,
    stop: Stop<'_>,
) -> Result<Vec<f32>, Stopped> {
    let bell = bell(sigma);
    let reach = bell.len() - 1;
    let (width, height) = (extent.width as usize, extent.height as usize);
    let mut across = vec![0.0; plane.len()];
    let mut line = vec![0.0; width + 2 * reach];
    for (row, blurred) in plane.chunks_exact(width).zip(across.chunks_exact_mut(width)) {
        go_on(stop)?;
        for (at, value) in line.iter_mut().enumerate() {
            *value = row[mirrored(at as isize - reach as isize, width)];
        }
        weigh(&bell, blurred, |far| (&line[reach - far..], &line[reach + far..]));
    }
    let mut down = vec![0.0; plane.len()];
    for (y, blurred) in down.chunks_exact_mut(width).enumerate() {
        go_on(stop)?;
        let row = |y: isize| &across[mirrored(y, height) * width..][..width];
        let y = y as isize;
        weigh(&bell, blurred, |far| (row(y - far as isize), row(y + far as isize)));
    }
    Ok(down)
}

/// The bell from its middle outwards; both of its sides add up to one.
fn bell(sigma: f64) -> Vec<f32> {
    // OpenCV's width for floats, an odd number around eight deviations and one.
    let reach = (((sigma * 8.0 + 1.0).round_ties_even() as usize) | 1) / 2;
    let heights: Vec<f64> =
        (0..=reach).map(|far| (-((far * far) as f64) / (2.0 * sigma * sigma)).exp()).collect();
    let sum = 2.0 * heights.iter().sum::<f64>() - 1.0;
    heights.into_iter().map(|height| (height / sum) as f32).collect()
}

/// Adds up `bell` over the values that lie `far` before and behind each.
fn weigh<'a>(bell: &[f32], sums: &mut [f32], sides: impl Fn(usize) -> (&'a [f32], &'a [f32])) {
    let (middle, _) = sides(0);
    sums.iter_mut().zip(middle).for_each(|(sum, value)| *sum = bell[0] * value);
    for (far, weight) in bell.iter().enumerate().skip(1) {
        let (before, behind) = sides(far);
        for ((sum, before), behind) in sums.iter_mut().zip(before).zip(behind) {
            *sum += weight * (before + behind);
        }
    }
}

/// The place in `0..length` that a mirror on the outermost places shows at `at`.
pub(super) fn mirrored(at: isize, length: usize) -> usize {
    let Some(last) = length.checked_sub(1).filter(|last| *last > 0) else { return 0 };
    let place = at.rem_euclid(2 * last as isize) as usize;
    if place <= last { place } else { 2 * last - place }
}
