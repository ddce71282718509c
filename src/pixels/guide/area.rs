//! Making a picture smaller so that each new pixel is the mean of what it covers, parts of pixels
//! included: OpenCV's `INTER_AREA`, with which guides are scaled everywhere.

use std::ops::RangeInclusive;

use super::{Stop, Stopped, go_on};
use crate::pixels::region::Region;
use crate::pixels::{Extent, Picture, covering_window};

/// How many times smaller a tile may be than its picture (A1111's `Down Sampling Rate`).
pub const TILE_RATES: RangeInclusive<f32> = 1.0..=8.0;

/// Below this a tile is the picture itself, as in A1111.
const LEAST_RATE: f32 = 1.1;

/// Goes on whatever happens: what is asked when nobody can stop.
const NEVER: Stop<'static> = &|| false;

pub(super) fn tile(picture: &Picture, rate: f32, stop: Stop<'_>) -> Result<Picture, Stopped> {
    if rate < LEAST_RATE || rate.is_nan() {
        return Ok(picture.clone());
    }
    let side = |length: u32| ((f64::from(length) / f64::from(rate)) as u32).max(1);
    let Extent { width, height } = picture.extent();
    averaged(picture, Extent::new(side(width), side(height)), stop)
}

impl Picture {
    /// The picture made smaller to cover `extent`, what stands out cut off evenly on both sides;
    /// each pixel is the mean of what it covers. `None` when it is smaller than that.
    #[must_use]
    pub fn reduced(&self, extent: Extent) -> Option<Self> {
        let own = self.extent();
        if extent.area() == 0 || extent.width > own.width || extent.height > own.height {
            return None;
        }
        let window = covering_window(own, extent);
        let (x, y) = (window.x.into(), window.y.into());
        let part = Region { x, y, extent: Extent::new(window.width, window.height) };
        averaged(&self.cut(part), extent, NEVER).ok()
    }
}

/// `picture` at `extent`, no side longer than its own.
fn averaged(picture: &Picture, extent: Extent, stop: Stop<'_>) -> Result<Picture, Stopped> {
    let own = picture.extent();
    if own == extent {
        return Ok(picture.clone());
    }
    let (columns, rows) = (shares(own.width, extent.width), shares(own.height, extent.height));
    let length = own.width as usize * 4;
    let mut rgba = Vec::with_capacity(extent.area() * 4);
    let mut line = vec![0.0_f32; length];
    for Share { first, weights } in &rows {
        go_on(stop)?;
        line.fill(0.0);
        for (row, weight) in picture.rgba().chunks_exact(length).skip(*first).zip(weights) {
            line.iter_mut().zip(row).for_each(|(sum, &value)| *sum += f32::from(value) * weight);
        }
        for Share { first, weights } in &columns {
            let mut sums = [0.0_f32; 4];
            for (pixel, weight) in line.chunks_exact(4).skip(*first).zip(weights) {
                sums.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += value * weight);
            }
            rgba.extend(sums.map(|sum| sum.round().clamp(0.0, 255.0) as u8));
        }
    }
    Ok(Picture::from_rgba(extent, rgba).unwrap_or_else(|| picture.clone()))
}

/// The pixels that one new pixel covers.
struct Share {
    first: usize,
    /// How much of the new pixel each of them is.
    weights: Vec<f32>,
}

/// The shares of all `new` pixels of a side of `own`.
fn shares(own: u32, new: u32) -> Vec<Share> {
    let scale = f64::from(own) / f64::from(new);
    let share = |at: u32| {
        let (start, end) = (f64::from(at) * scale, (f64::from(at + 1) * scale).min(own.into()));
        let first = (start as u32).min(own - 1);
        let behind = (end.ceil() as u32).clamp(first + 1, own);
        let covered = |pixel: u32| end.min(f64::from(pixel + 1)) - start.max(pixel.into());
        let weights = (first..behind).map(|pixel| (covered(pixel) / (end - start)) as f32);
        Share { first: first as usize, weights: weights.collect() }
    };
    (0..new).map(share).collect()
}
