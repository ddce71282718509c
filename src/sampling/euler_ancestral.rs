//! Ancestral sampling with Euler steps (k-diffusion, η = 1): each step goes further down than the
//! next level and adds fresh noise to come back up to it.

use ndarray::Zip;

use super::{Denoiser, Halt, Latent, Outside, Schedule};

pub(super) fn sample<D: Denoiser>(
    schedule: &Schedule,
    denoiser: &mut D,
    mut x: Latent,
    outside: &mut Outside<'_>,
) -> Result<Latent, Halt<D::Error>> {
    for (index, (level, next)) in schedule.pairs().enumerate() {
        let denoised = denoiser.denoise(&x, level).map_err(Halt::Failed)?;
        let (down, up) = ancestral_step(level.sigma, next.sigma);
        let dt = down - level.sigma;
        // Drawn even where none is added, so that the generator goes on as in diffusers.
        let noise = outside.noise.randn(x.dim());
        Zip::from(&mut x).and(&denoised).and(&noise).for_each(|x, d, noise| {
            *x += (*x - d) / level.sigma * dt + noise * up;
        });
        outside.put_back(&mut x, next, index + 1 == schedule.steps());
        outside.report(schedule, index, &denoised)?;
    }
    Ok(x)
}

/// The σ to step down to from `from`, and the σ of the noise that leads up to `to`.
fn ancestral_step(from: f32, to: f32) -> (f32, f32) {
    let (from, to) = (f64::from(from), f64::from(to));
    let down = to * to / from;
    let up = (to * to - down * down).max(0.0).sqrt();
    (down as f32, up as f32)
}
