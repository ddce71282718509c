//! Multistep latent consistency sampling: Luo et al. (2023), arXiv 2310.04378, algorithm 3.
//!
//! Each step jumps to a clean latent and noises it again to the next level.

use ndarray::Zip;

use super::{Denoiser, Halt, Latent, Outside, Schedule};

/// Standard deviation of clean data in the boundary conditions.
const SIGMA_DATA: f64 = 0.5;

pub(super) fn sample<D: Denoiser>(
    schedule: &Schedule,
    denoiser: &mut D,
    mut x: Latent,
    outside: &mut Outside<'_>,
) -> Result<Latent, Halt<D::Error>> {
    for (index, (level, next)) in schedule.pairs().enumerate() {
        let mut denoised = denoiser.denoise(&x, level).map_err(Halt::Failed)?;
        let t = f64::from(level.timestep) * schedule.timestep_scaling;
        let root = t.hypot(SIGMA_DATA);
        // The boundary condition mixes in the latent as the network saw it, of unit variance.
        let skip = (SIGMA_DATA / root).powi(2) / f64::from(level.sigma).hypot(1.0);
        let (skip, out) = (skip as f32, (t / root) as f32);
        Zip::from(&mut denoised).and(&x).for_each(|d, x| {
            if let Some(limit) = schedule.clip {
                *d = d.clamp(-limit, limit);
            }
            *d = *d * out + x * skip;
        });
        x.assign(&denoised);
        if index + 1 < schedule.steps() {
            let noise = outside.noise.randn(x.dim());
            x.scaled_add(next.sigma, &noise);
        }
        outside.put_back(&mut x, next, index + 1 == schedule.steps());
        outside.report(schedule, index, &denoised)?;
    }
    Ok(x)
}
