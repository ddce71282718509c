//! Latents to pictures and back.

use ndarray::{Array4, ArrayD, Axis, Ix4, Slice, Zip};

use super::session::{Input, Interrupt, Network, SessionError};
use crate::pixels::{Extent, Picture};
use crate::sampling::{Latent, NoiseSource as _, RowNoise};

/// Decodes `latent` `[1, 4, h, w]` (as the sampler leaves it) to a picture.
pub(super) fn decode(
    decoder: &mut Network,
    latent: &Latent,
    scaling_factor: f32,
    interrupt: &Interrupt,
) -> Result<Picture, SessionError> {
    let image = decode_values(decoder, latent, scaling_factor, interrupt)?;
    picture(&image).ok_or_else(|| SessionError::Runtime {
        doing: "decoding the picture".to_owned(),
        message: format!("the decoder gave the shape {:?}", image.shape()),
    })
}

/// The decoder's own answer, `[1, 3, 8h, 8w]`, about −1 … 1.
pub(super) fn decode_values(
    decoder: &mut Network,
    latent: &Latent,
    scaling_factor: f32,
    interrupt: &Interrupt,
) -> Result<ArrayD<f32>, SessionError> {
    let unscaled: Array4<f32> = latent / scaling_factor;
    decoder.run(vec![("latent", Input::Floats(unscaled.view().into_dyn()))], interrupt)
}

/// The distribution of a picture's latent: mean and standard deviation of each value, scaled as
/// the sampler wants them.
pub(super) struct Posterior {
    mean: Latent,
    deviation: Latent,
}

impl Posterior {
    /// A latent of the distribution for each row of `noise`.
    pub(super) fn sample(&self, noise: &mut RowNoise) -> Latent {
        let (_, channels, height, width) = self.mean.dim();
        let mut latents = noise.randn((noise.rows(), channels, height, width));
        Zip::from(&mut latents)
            .and_broadcast(&self.mean)
            .and_broadcast(&self.deviation)
            .for_each(|value, &mean, &deviation| *value = *value * deviation + mean);
        latents
    }
}

/// Bounds of the log-variance, as diffusers' `DiagonalGaussianDistribution` clamps it.
const LOG_VARIANCE: (f32, f32) = (-30.0, 20.0);

/// Encodes `picture`, alpha left out; its sides are multiples of the latent's cell.
pub(super) fn encode(
    encoder: &mut Network,
    picture: &Picture,
    scaling_factor: f32,
    interrupt: &Interrupt,
) -> Result<Posterior, SessionError> {
    let image = values(picture);
    let moments =
        encoder.run(vec![("image", Input::Floats(image.view().into_dyn()))], interrupt)?;
    let moments = moments.into_dimensionality::<Ix4>().map_err(|error| SessionError::Runtime {
        doing: "encoding the picture".to_owned(),
        message: error.to_string(),
    })?;
    let half = moments.len_of(Axis(1)) / 2;
    let part = |slice: Slice| moments.slice_axis(Axis(1), slice).to_owned();
    let mean = part(Slice::from(..half)) * scaling_factor;
    let deviation = part(Slice::from(half..)).mapv_into(|log_variance| {
        (log_variance.clamp(LOG_VARIANCE.0, LOG_VARIANCE.1) / 2.0).exp() * scaling_factor
    });
    Ok(Posterior { mean, deviation })
}

/// A picture as `[1, 3, h, w]` in −1 … 1.
fn values(picture: &Picture) -> Array4<f32> {
    let Extent { width, height } = picture.extent();
    let (width, height) = (width as usize, height as usize);
    let rgba = picture.rgba();
    Array4::from_shape_fn((1, 3, height, width), |(_, channel, y, x)| {
        f32::from(rgba[(y * width + x) * 4 + channel]) / 255.0 * 2.0 - 1.0
    })
}

/// The first image of `[n, 3, h, w]` in −1 … 1, rounded to bytes as diffusers does.
fn picture(image: &ArrayD<f32>) -> Option<Picture> {
    let image = image.view().into_dimensionality::<Ix4>().ok()?;
    let image = image.index_axis(Axis(0), 0);
    let (channels, height, width) = image.dim();
    if channels != 3 {
        return None;
    }
    let byte = |value: f32| ((value / 2.0 + 0.5).clamp(0.0, 1.0) * 255.0).round_ties_even() as u8;
    let mut rgba = Vec::with_capacity(height * width * 4);
    for y in 0..height {
        for x in 0..width {
            rgba.extend((0..3).map(|channel| byte(image[[channel, y, x]])));
            rgba.push(u8::MAX);
        }
    }
    Picture::from_rgba(Extent::new(width as u32, height as u32), rgba)
}
