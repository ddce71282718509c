//! How a run over a picture begins: the picture, its mask, and the first noisy latent.

use ndarray::Array2;

use super::EngineError;
use super::vae::Posterior;
use crate::jobs::{Cancel, PictureSource};
use crate::pixels::PaintArea;
use crate::sampling::{Latent, Masked, NoiseSource as _, RowNoise, Schedule};
use crate::task::{ImageRef, Request};

/// A picture to start from, encoded.
pub(super) struct Start {
    pub(super) area: PaintArea,
    pub(super) posterior: Posterior,
    /// The share of the steps that are taken, 0–1.
    pub(super) strength: f64,
    /// So many steps that is.
    pub(super) steps_taken: u32,
}

/// What is painted of the picture to start from; `None` without one.
///
/// # Errors
/// When a picture cannot be had, or the mask leaves nothing to paint.
pub(super) fn area(
    request: &Request,
    pictures: &dyn PictureSource,
    cancel: &Cancel,
) -> Result<Option<PaintArea>, EngineError> {
    let &Request { ref start, extent, .. } = request;
    let Some(from) = start else { return Ok(None) };
    let open = |image: &ImageRef, parameter: &'static str| {
        let picture = pictures.open(image, cancel);
        picture.map_err(|why| EngineError::input(parameter, why))
    };
    let picture = open(&from.image, "seedImage")?;
    let mask = from.mask.as_ref().map(|mask| open(mask, "maskImage")).transpose()?;
    let area = match (mask, from.growth, from.mask_margin) {
        (mask, Some(growth), _) => PaintArea::extended(&picture, mask.as_ref(), growth, extent),
        (Some(mask), None, Some(margin)) => PaintArea::zoomed(&picture, &mask, margin, extent)
            .ok_or_else(|| {
                let why = format!(
                    "around this mask nothing of the shape {extent} fits into the picture; \
                     choose a size nearer to the mask's shape"
                );
                EngineError::input("maskMargin", why)
            })?,
        (Some(mask), None, None) => PaintArea::masked(&picture, &mask, extent),
        (None, None, _) => PaintArea::whole(&picture, extent),
    };
    if area.repaint().is_some_and(|mask| !mask.repaints_anything()) {
        let why = "nothing in it is white, so nothing would be painted";
        return Err(EngineError::input("maskImage", why));
    }
    Ok(Some(area))
}

/// How a run begins.
pub(super) enum SetOut {
    /// With these steps.
    Steps(Box<Beginning>),
    /// Not at all: `strength` leaves no step, and these are latents of the picture itself.
    NoStep(Latent),
}

/// What the first step begins with, one row for each picture that is made together.
pub(super) struct Beginning {
    pub(super) x: Latent,
    /// The levels that are left.
    pub(super) schedule: Schedule,
    pub(super) masked: Option<Masked>,
}

impl Start {
    /// The noisy latents to begin with, one for each row of `noise`, over what `strength` leaves of
    /// the whole `schedule`; `cell` is the pixels of a latent cell.
    ///
    /// Draws in diffusers' order: the latent of the picture, the noise, and for a mask the latent
    /// of the masked picture, which a UNet of 4 channels has no use for.
    pub(super) fn set_out(
        &self,
        steps: u32,
        schedule: Schedule,
        cell: u32,
        noise: &mut RowNoise,
    ) -> SetOut {
        let known = self.posterior.sample(noise);
        let from_noise_alone = schedule.init_noise_sigma();
        let skipped = steps - self.steps_taken;
        let Some(schedule) = schedule.from_step(skipped as usize) else {
            return SetOut::NoStep(known);
        };
        let fresh = noise.randn(known.dim());
        let first = schedule.levels[0].sigma;
        let Some(mask) = self.area.repaint() else {
            let x = known + fresh * first;
            return SetOut::Steps(Box::new(Beginning { x, schedule, masked: None }));
        };
        noise.randn(known.dim());
        // At full strength diffusers repaints from noise alone.
        let x = if self.strength >= 1.0 {
            &fresh * from_noise_alone
        } else {
            &known + &(&fresh * first)
        };
        let (_, _, height, width) = known.dim();
        let repaint = Array2::from_shape_fn((height, width), |(y, x)| {
            mask.repaints(x as u32 * cell, y as u32 * cell)
        });
        let masked = Some(Masked { known, noise: fresh, repaint });
        SetOut::Steps(Box::new(Beginning { x, schedule, masked }))
    }
}
