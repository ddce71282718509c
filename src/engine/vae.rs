//! Latents to pictures.

use ndarray::{Array4, ArrayD, Axis, Ix4};

use super::session::{Input, Interrupt, Network, SessionError};
use crate::pixels::{Extent, Picture};
use crate::sampling::Latent;

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
