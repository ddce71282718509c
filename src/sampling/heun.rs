//! Heun steps: algorithm 2 of Karras et al. (2022) without churn; two predictions a step, one for
//! the last.

use ndarray::Zip;

use super::{Denoiser, Halt, Latent, NoiseLevel, Outside, Schedule};

pub(super) fn sample<D: Denoiser>(
    schedule: &Schedule,
    denoiser: &mut D,
    mut x: Latent,
    outside: &mut Outside<'_>,
) -> Result<Latent, Halt<D::Error>> {
    let mut ask = |x: &Latent, level: NoiseLevel| {
        let mut denoised = denoiser.denoise(x, level).map_err(Halt::Failed)?;
        if let Some(limit) = schedule.clip {
            denoised.mapv_inplace(|d| d.clamp(-limit, limit));
        }
        Ok(denoised)
    };
    for (index, (level, next)) in schedule.pairs().step_by(2).enumerate() {
        let dt = next.sigma - level.sigma;
        let mut denoised = ask(&x, level)?;
        let mut slope = Zip::from(&x).and(&denoised).map_collect(|x, d| (x - d) / level.sigma);
        if next.sigma > 0.0 {
            let mut guess = Zip::from(&x).and(&slope).map_collect(|x, slope| x + slope * dt);
            outside.put_back(&mut guess, next, false);
            denoised = ask(&guess, next)?;
            Zip::from(&mut slope).and(&guess).and(&denoised).for_each(|slope, guess, d| {
                *slope = f32::midpoint(*slope, (guess - d) / next.sigma);
            });
        }
        x.scaled_add(dt, &slope);
        outside.put_back(&mut x, next, index + 1 == schedule.steps());
        outside.report(schedule, index, &denoised)?;
    }
    Ok(x)
}
