//! Guides for ControlNets that need no network: a rule over the pixels of a picture.
//!
//! Each rule is one that ControlNets were trained or are used with, and is held against its Python
//! form (`tests/goldens/guides.py`). Pure and deterministic; works for any size from 1 × 1.

mod area;
mod canny;
mod gaussian;
mod lines;
mod plane;
mod shuffle;
mod skeleton;

use super::{Extent, Picture};

pub use area::TILE_RATES;
pub use skeleton::{Joint, Skeleton, draw_lines};

/// How a guide is made of a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum GuideRule {
    /// White one-pixel edges on black (Canny 1986), as OpenCV's `Canny` draws them of the greys:
    /// Sobel 3 × 3, `|dx| + |dy|`, a pixel beyond the border as the nearest one inside.
    Canny {
        /// A gradient above this goes on an edge, 0–255.
        low: u8,
        /// A gradient above this begins an edge, 0–255.
        high: u8,
    },

    /// The picture itself; each pixel the mean of `rate` × `rate` of its own, both sides divided by
    /// `rate` and rounded down, where that is at least 1.1 (A1111's `tile_resample`).
    Tile {
        /// How many times smaller, one of [`TILE_RATES`].
        rate: f32,
    },

    /// The picture's colours, poured together by a smooth random flow (content shuffle).
    Shuffle {
        /// The same seed gives the same flow.
        seed: u64,
    },

    /// White strokes on black: where a blur of 5 pixels is lighter than one of 0.5 by more than 16
    /// in every channel (A1111's `scribble_xdog`, threshold 32).
    Scribble,

    /// White on black, soft: Sobel magnitude of the picture blurred by 1.5 pixels, the strongest
    /// channel, its 99th percentile white.
    SoftEdge,

    /// White lines on black: how much darker each pixel is than its surroundings, blurred by 6
    /// pixels, the median of what is darker by more than 8 at half brightness (A1111's
    /// `lineart_standard`).
    Lineart,
}

/// Somebody asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stopped")]
pub struct Stopped;

/// Says whether somebody asked to stop; asked between rows.
type Stop<'a> = &'a dyn Fn() -> bool;

/// Goes on, unless somebody asked to stop.
fn go_on(stop: Stop<'_>) -> Result<(), Stopped> {
    if stop() { Err(Stopped) } else { Ok(()) }
}

impl Picture {
    /// The guide that `rule` makes of the picture; what is transparent counts as white. Of the
    /// picture's size, but for a tile. Takes up to a few seconds for a picture of 2048 × 2048;
    /// `stop` is asked every few milliseconds.
    ///
    /// # Errors
    /// [`Stopped`] once `stop` says so.
    pub fn guide(&self, rule: GuideRule, stop: &dyn Fn() -> bool) -> Result<Self, Stopped> {
        if self.extent().area() == 0 {
            return Ok(self.clone());
        }
        let opaque = self.over_white();
        match rule {
            GuideRule::Canny { low, high } => canny::canny(&opaque, (low, high), stop),
            GuideRule::Tile { rate } => area::tile(&opaque, rate, stop),
            GuideRule::Shuffle { seed } => shuffle::shuffle(&opaque, seed, stop),
            GuideRule::Scribble => lines::scribble(&opaque, stop),
            GuideRule::SoftEdge => lines::soft_edge(&opaque, stop),
            GuideRule::Lineart => lines::lineart(&opaque, stop),
        }
    }

    /// The picture without alpha, white behind it: cut off to whole numbers, as annotators do.
    #[must_use]
    pub fn over_white(&self) -> Self {
        if self.rgba().chunks_exact(4).all(|pixel| pixel[3] == u8::MAX) {
            return self.clone();
        }
        let mut rgba = self.rgba().to_vec();
        for pixel in rgba.chunks_exact_mut(4) {
            let alpha = f32::from(pixel[3]) / 255.0;
            for value in &mut pixel[..3] {
                *value = (f32::from(*value) * alpha + 255.0 * (1.0 - alpha)) as u8;
            }
            pixel[3] = u8::MAX;
        }
        Self::from_rgba(self.extent(), rgba).unwrap_or_else(|| self.clone())
    }
}

/// A grey picture of `greys`, row by row.
fn grey_picture(extent: Extent, greys: impl IntoIterator<Item = u8>) -> Picture {
    let rgba: Vec<u8> = greys.into_iter().flat_map(|grey| [grey, grey, grey, u8::MAX]).collect();
    Picture::from_rgba(extent, rgba).unwrap_or_else(|| black(extent))
}

fn black(extent: Extent) -> Picture {
    Picture::from_fn(extent, |_, _| [0, 0, 0, u8::MAX])
}

#[cfg(test)]
mod tests;
