//! Euler steps: algorithm 2 of Karras et al. (2022) without churn.

use super::{Denoiser, Halt, Latent, Outside, Schedule};

pub(super) fn sample<D: Denoiser>(
    schedule: &Schedule,
    denoiser: &mut D,
    mut x: Latent,
    outside: &mut Outside<'_>,
) -> Result<Latent, Halt<D::Error>> {
    for (index, (level, next)) in schedule.pairs().enumerate() {
        let denoised = denoiser.denoise(&x, level).map_err(Halt::Failed)?;
        let dt = next.sigma - level.sigma;
        x.zip_mut_with(&denoised, |x, d| *x += (*x - d) / level.sigma * dt);
        outside.put_back(&mut x, next, index + 1 == schedule.steps());
        outside.report(schedule, index, &denoised)?;
    }
    Ok(x)
}
