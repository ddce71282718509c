//! DDIM without noise: equation 12 of Song et al. (2021) with η = 0.
//!
//! Steps by whole strides of training timesteps, which can miss the next level; the latent is then
//! read as if it had hit it, in variance-preserving form, as the reference does.

use ndarray::Zip;

use super::{Denoiser, Halt, Latent, Outside, Schedule, preserve_variance};

pub(super) fn sample<D: Denoiser>(
    schedule: &Schedule,
    denoiser: &mut D,
    mut x: Latent,
    outside: &mut Outside<'_>,
) -> Result<Latent, Halt<D::Error>> {
    let mut landed = 0.0;
    for (index, ((level, next), landing)) in schedule.pairs().zip(&schedule.landings).enumerate() {
        let mut denoised = denoiser.denoise(&x, level).map_err(Halt::Failed)?;
        Zip::from(&mut x).and(&mut denoised).for_each(|x, d| {
            // The noise is what the unclipped latent leaves over.
            let noise = (*x - *d) / level.sigma;
            if let Some(limit) = schedule.clip {
                *d = d.clamp(-limit, limit);
            }
            *x = *d + landing * noise;
        });
        landed = *landing;
        if landed.to_bits() != next.sigma.to_bits() {
            let scale = f64::from(next.sigma).hypot(1.0) / f64::from(landed).hypot(1.0);
            x *= scale as f32;
        }
        outside.put_back(&mut x, next, index + 1 == schedule.steps());
        outside.report(schedule, index, &denoised)?;
    }
    Ok(preserve_variance(x, landed))
}
