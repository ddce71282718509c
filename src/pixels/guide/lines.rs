//! Lines without a network: scribbles, soft edges, line art.

use super::gaussian::{gaussian, mirrored};
use super::plane::channel;
use super::{Stop, Stopped, go_on, grey_picture};
use crate::pixels::{Extent, Picture};

/// Blurs whose difference makes a scribble, and how large it must be: `scribble_xdog` doubles the
/// difference and takes what is above 32.
const SCRIBBLE_FINE: f64 = 0.5;
const SCRIBBLE_COARSE: f64 = 5.0;
const SCRIBBLE_LEVEL: u8 = 16;

/// The surroundings that line art is held against; what counts as darker; the least median.
const LINEART_SIGMA: f64 = 6.0;
const LINEART_DARKER: f32 = 8.0;
const LINEART_LEAST: f32 = 16.0;

/// Soft edges: the blur before, and the least gradient, in greys a pixel, that is white.
const SOFT_SIGMA: f64 = 1.5;
const SOFT_LEAST: f32 = 8.0;

/// Sobel's weights add up to this for a step of one grey a pixel.
const SOBEL: f32 = 8.0;

/// `scribble_xdog`, but for a difference of 128 and more: that one counts it in bytes, which
/// begin again at 256, and loses its strongest strokes.
pub(super) fn scribble(picture: &Picture, stop: Stop<'_>) -> Result<Picture, Stopped> {
    let extent = picture.extent();
    let strokes = least(picture, |plane| {
        let fine = gaussian(plane, extent, SCRIBBLE_FINE, stop)?;
        let coarse = gaussian(plane, extent, SCRIBBLE_COARSE, stop)?;
        Ok(coarse.iter().zip(fine).map(|(coarse, fine)| coarse - fine).collect())
    })?;
    // Cut off to bytes on the way, from white downwards.
    let level = |difference: f32| u8::MAX - (255.0 - difference).clamp(0.0, 255.0) as u8;
    Ok(grey_picture(
        extent,
        strokes.into_iter().map(|d| if level(d) > SCRIBBLE_LEVEL { u8::MAX } else { 0 }),
    ))
}

/// `lineart_standard`.
pub(super) fn lineart(picture: &Picture, stop: Stop<'_>) -> Result<Picture, Stopped> {
    let extent = picture.extent();
    let darker = least(picture, |plane| {
        let around = gaussian(plane, extent, LINEART_SIGMA, stop)?;
        Ok(around.iter().zip(plane).map(|(around, own)| around - own).collect())
    })?;
    let darker: Vec<f32> = darker.into_iter().map(|value| value.clamp(0.0, 255.0)).collect();
    let lines = darker.iter().copied().filter(|value| *value > LINEART_DARKER).collect();
    let scale = median(lines).unwrap_or(0.0).max(LINEART_LEAST);
    Ok(grey_picture(
        extent,
        darker.into_iter().map(|value| (value / scale * 127.0).clamp(0.0, 255.0) as u8),
    ))
}

/// For each pixel the least of what `rule` makes of its three channels.
fn least(
    picture: &Picture,
    rule: impl Fn(&[f32]) -> Result<Vec<f32>, Stopped>,
) -> Result<Vec<f32>, Stopped> {
    let mut least = rule(&channel(picture, 0))?;
    for of in 1..3 {
        let other = rule(&channel(picture, of))?;
        least.iter_mut().zip(other).for_each(|(least, other)| *least = least.min(other));
    }
    Ok(least)
}

/// The middle value, or the mean of both; `None` of nothing.
fn median(mut values: Vec<f32>) -> Option<f32> {
    let middle = values.len() / 2;
    if values.is_empty() {
        return None;
    }
    let even = values.len().is_multiple_of(2);
    let (below, upper, _) = values.select_nth_unstable_by(middle, f32::total_cmp);
    let upper = *upper;
    let lower = below.iter().copied().max_by(f32::total_cmp).filter(|_| even);
    Some(lower.map_or(upper, |lower| f32::midpoint(lower, upper)))
}

pub(super) fn soft_edge(picture: &Picture, stop: Stop<'_>) -> Result<Picture, Stopped> {
    let extent = picture.extent();
    let mut edges = vec![0.0_f32; extent.area()];
    for of in 0..3 {
        let smooth = gaussian(&channel(picture, of), extent, SOFT_SIGMA, stop)?;
        steepest(&smooth, extent, &mut edges, stop)?;
    }
    let mut sorted = edges.clone();
    let at = (sorted.len() - 1) * 99 / 100;
    let (_, white, _) = sorted.select_nth_unstable_by(at, f32::total_cmp);
    let white = white.max(SOFT_LEAST);
    let grey = |edge: f32| (edge / white * 255.0).clamp(0.0, 255.0).round() as u8;
    Ok(grey_picture(extent, edges.into_iter().map(grey)))
}

/// Raises `edges` to the length of Sobel's gradient of `plane`, in its units a pixel.
fn steepest(
    plane: &[f32],
    extent: Extent,
    edges: &mut [f32],
    stop: Stop<'_>,
) -> Result<(), Stopped> {
    let (width, height) = (extent.width as usize, extent.height as usize);
    for (y, edges) in edges.chunks_exact_mut(width).enumerate() {
        go_on(stop)?;
        let line = |y: isize| &plane[mirrored(y, height) * width..][..width];
        let (above, own, below) = (line(y as isize - 1), line(y as isize), line(y as isize + 1));
        for (x, edge) in edges.iter_mut().enumerate() {
            let (left, right) = (mirrored(x as isize - 1, width), mirrored(x as isize + 1, width));
            let down = |x: usize| above[x] + 2.0 * own[x] + below[x];
            let across = |line: &[f32]| line[left] + 2.0 * line[x] + line[right];
            let length = (down(right) - down(left)).hypot(across(below) - across(above)) / SOBEL;
            *edge = edge.max(length);
        }
    }
    Ok(())
}
