//! A rough picture of a latent, one pixel a cell, cheap enough for every step.
//!
//! The decoder is nearly linear in the mean colour of a cell, so a map from four numbers to three
//! is fitted once to the model's own decoder; no table of constants for each model is needed.

use ndarray::{Array2, Array4, ArrayView3, Axis, Ix4};

use super::session::{Interrupt, Network, SessionError};
use super::vae;
use crate::pixels::{Extent, Picture};
use crate::sampling::{Latent, NoiseSource as _, TorchRng};

/// Side of the random latent to which the map is fitted; its cells are the samples.
const SIDE: usize = 16;

/// Added to the diagonal of the normal equations, against decoders that ignore a channel.
const RIDGE: f64 = 1e-3;

/// A linear map from latent channels (and a constant 1) to red, green and blue in −1 … 1.
#[derive(Clone, Debug)]
pub(super) struct Preview {
    /// `[channels + 1][3]`.
    weights: Vec<[f64; 3]>,
}

impl Preview {
    /// Fits the map to `decoder` by least squares over one small random latent.
    pub(super) fn fit(
        decoder: &mut Network,
        channels: usize,
        scaling_factor: f32,
        interrupt: &Interrupt,
    ) -> Result<Self, SessionError> {
        let latent: Latent = smooth(&TorchRng::new(0).randn((1, channels, SIDE, SIDE)));
        let image = vae::decode_values(decoder, &latent, scaling_factor, interrupt)?;
        let image = image.into_dimensionality::<Ix4>().map_err(|error| SessionError::Runtime {
            doing: "fitting the preview".to_owned(),
            message: error.to_string(),
        })?;
        Ok(Self::least_squares(&latent, &cell_means(&image)))
    }

    /// Solves `[latent, 1] · weights ≈ colours` for every colour.
    fn least_squares(latent: &Latent, colours: &Array4<f32>) -> Self {
        let channels = latent.dim().1;
        let size = channels + 1;
        let mut normal = Array2::<f64>::zeros((size, size + 3));
        for y in 0..SIDE {
            for x in 0..SIDE {
                let sample = |i: usize| {
                    if i < channels { f64::from(latent[[0, i, y, x]]) } else { 1.0 }
                };
                for i in 0..size {
                    for j in 0..size {
                        normal[[i, j]] += sample(i) * sample(j);
                    }
                    for colour in 0..3 {
                        normal[[i, size + colour]] +=
                            sample(i) * f64::from(colours[[0, colour, y, x]]);
                    }
                }
            }
        }
        for i in 0..size {
            normal[[i, i]] += RIDGE;
        }
        eliminate(&mut normal);
        let weights =
            (0..size).map(|i| [0, 1, 2].map(|colour| normal[[i, size + colour]])).collect();
        Self { weights }
    }

    /// The picture of `latent` `[channels, h, w]`, h × w pixels.
    pub(super) fn picture(&self, latent: &ArrayView3<'_, f32>) -> Option<Picture> {
        let (channels, height, width) = latent.dim();
        let mut rgba = Vec::with_capacity(height * width * 4);
        for y in 0..height {
            for x in 0..width {
                for colour in 0..3 {
                    let value: f64 = (0..channels)
                        .map(|c| f64::from(latent[[c, y, x]]) * self.weights[c][colour])
                        .sum::<f64>()
                        + self.weights[channels][colour];
                    rgba.push(((value / 2.0 + 0.5).clamp(0.0, 1.0) * 255.0) as u8);
                }
                rgba.push(u8::MAX);
            }
        }
        Picture::from_rgba(Extent::new(width as u32, height as u32), rgba)
    }
}

/// Noise with neighbours alike, as latents of pictures are: each cell the mean of four, rescaled.
fn smooth(noise: &Latent) -> Latent {
    let (_, _, height, width) = noise.dim();
    Latent::from_shape_fn(noise.dim(), |(n, c, y, x)| {
        let (below, right) = ((y + 1) % height, (x + 1) % width);
        let sum = noise[[n, c, y, x]]
            + noise[[n, c, below, x]]
            + noise[[n, c, y, right]]
            + noise[[n, c, below, right]];
        // Four independent values have twice the deviation of one.
        sum / 2.0
    })
}

/// The mean of every cell's pixels: `[1, 3, SIDE, SIDE]`.
fn cell_means(image: &Array4<f32>) -> Array4<f32> {
    let cell = image.dim().2 / SIDE;
    Array4::from_shape_fn((1, 3, SIDE, SIDE), |(_, colour, y, x)| {
        let rows = image.index_axis(Axis(0), 0);
        let rows = rows.index_axis(Axis(0), colour);
        let (top, left) = (y * cell, x * cell);
        rows.slice(ndarray::s![top..top + cell, left..left + cell]).mean().unwrap_or_default()
    })
}

/// Gauss–Jordan elimination with pivoting; leaves the solutions in the right-hand columns.
fn eliminate(rows: &mut Array2<f64>) {
    let (size, width) = rows.dim();
    for column in 0..size {
        let pivot = (column..size)
            .max_by(|&a, &b| rows[[a, column]].abs().total_cmp(&rows[[b, column]].abs()))
            .unwrap_or(column);
        for k in 0..width {
            rows.swap([column, k], [pivot, k]);
        }
        let scale = rows[[column, column]];
        for k in 0..width {
            rows[[column, k]] /= scale;
        }
        for row in 0..size {
            if row != column {
                let factor = rows[[row, column]];
                for k in 0..width {
                    rows[[row, k]] -= factor * rows[[column, k]];
                }
            }
        }
    }
}
