//! Content shuffle: each pixel is taken from where a smooth random flow points.
//!
//! The flow is a coarse grid of random numbers, one every 256 pixels, enlarged with cubic curves and
//! stretched to reach from side to side (ControlNet 1.1's `ContentShuffleDetector`).

use super::{Stop, Stopped, go_on};
use crate::pixels::{Extent, Picture};

/// Pixels between two numbers of the grid, and around the part of it that is used.
const SPACING: usize = 256;

/// The bend of the cubic curves (Keys 1981), as OpenCV has it.
const BEND: f64 = -0.75;

/// Four numbers of a side of the grid and their weights, for one pixel.
type Taps = [(usize, f64); 4];

pub(super) fn shuffle(picture: &Picture, seed: u64, stop: Stop<'_>) -> Result<Picture, Stopped> {
    let extent = picture.extent();
    let mut random = SplitMix(seed);
    let columns = flow(extent, extent.width, &mut random, stop)?;
    let rows = flow(extent, extent.height, &mut random, stop)?;
    let mut rgba = Vec::with_capacity(extent.area() * 4);
    for (count, (x, y)) in columns.into_iter().zip(rows).enumerate() {
        if count.is_multiple_of(1 << 14) {
            go_on(stop)?;
        }
        rgba.extend(between(picture, f64::from(x), f64::from(y)));
    }
    Ok(Picture::from_rgba(extent, rgba).unwrap_or_else(|| picture.clone()))
}

/// For each pixel the place on a side of `length` pixels that it is taken from.
fn flow(
    extent: Extent,
    length: u32,
    random: &mut SplitMix,
    stop: Stop<'_>,
) -> Result<Vec<f32>, Stopped> {
    let (width, height) = (extent.width as usize, extent.height as usize);
    let (columns, rows) = (width / SPACING + 2, height / SPACING + 2);
    let grid: Vec<f64> = (0..columns * rows).map(|_| random.number()).collect();
    let (along, down) = (taps(width, columns), taps(height, rows));
    let mut places = Vec::with_capacity(extent.area());
    for down in &down {
        go_on(stop)?;
        let line: Vec<f64> = (0..columns)
            .map(|x| down.iter().map(|(y, weight)| grid[y * columns + x] * weight).sum())
            .collect();
        let place = |taps: &Taps| taps.iter().map(|(x, weight)| line[*x] * weight).sum::<f64>();
        places.extend(along.iter().map(|taps| place(taps) as f32));
    }
    let least = places.iter().copied().fold(f32::INFINITY, f32::min);
    let most = places.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    // One pixel alone stays where it is.
    let stretch = if most > least { (length - 1) as f32 / (most - least) } else { 0.0 };
    for place in &mut places {
        *place = (*place - least) * stretch;
    }
    Ok(places)
}

/// The taps of the `length` pixels that lie [`SPACING`] inside the enlarged grid.
fn taps(length: usize, numbers: usize) -> Vec<Taps> {
    let scale = numbers as f64 / (length + 2 * SPACING) as f64;
    let tap = |at: usize| {
        let place = ((at + SPACING) as f64 + 0.5) * scale - 0.5;
        let first = place.floor();
        let weights = cubic(place - first);
        std::array::from_fn(|tap| {
            let number = (first as isize + tap as isize - 1).clamp(0, numbers as isize - 1);
            (number as usize, weights[tap])
        })
    };
    (0..length).map(tap).collect()
}

/// The weights of the four numbers around a place `part` behind the second.
fn cubic(part: f64) -> [f64; 4] {
    let outer = |far: f64| ((BEND * far - 5.0 * BEND) * far + 8.0 * BEND) * far - 4.0 * BEND;
    let inner = |far: f64| ((BEND + 2.0) * far - (BEND + 3.0)) * far * far + 1.0;
    let (before, own, behind) = (outer(part + 1.0), inner(part), inner(1.0 - part));
    [before, own, behind, 1.0 - before - own - behind]
}

/// The colour between the four pixels around `(x, y)`, which lies inside.
fn between(picture: &Picture, x: f64, y: f64) -> [u8; 4] {
    let Extent { width, height } = picture.extent();
    let (left, top) = ((x as u32).min(width - 1), (y as u32).min(height - 1));
    let (right, bottom) = ((left + 1).min(width - 1), (top + 1).min(height - 1));
    let (across, down) = (x - f64::from(left), y - f64::from(top));
    let corners = [(left, top), (right, top), (left, bottom), (right, bottom)];
    let [a, b, c, d] = corners.map(|(x, y)| picture.at(x, y).map(f64::from));
    std::array::from_fn(|of| {
        let upper = a[of] + (b[of] - a[of]) * across;
        let lower = c[of] + (d[of] - c[of]) * across;
        (upper + (lower - upper) * down).round_ties_even() as u8
    })
}

/// `SplitMix64` (Steele, Lea, Flood 2014): small, and the same everywhere.
struct SplitMix(u64);

impl SplitMix {
    /// The next number from 0 up to 1.
    fn number(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}
