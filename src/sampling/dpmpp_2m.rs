//! DPM-Solver++(2M), midpoint form: Lu et al. (2022), arXiv 2211.01095, algorithm 2.

use ndarray::Zip;

use super::{Denoiser, Halt, Latent, Outside, Schedule, preserve_variance};

pub(super) fn sample<D: Denoiser>(
    schedule: &Schedule,
    denoiser: &mut D,
    mut x: Latent,
    outside: &mut Outside<'_>,
) -> Result<Latent, Halt<D::Error>> {
    let mut end = 0.0;
    // The prediction before, and λ = −ln σ of its level.
    let mut before: Option<(Latent, f64)> = None;
    for (index, (level, next)) in schedule.pairs().enumerate() {
        let denoised = denoiser.denoise(&x, level).map_err(Halt::Failed)?;
        let last = index + 1 == schedule.steps();
        let shrink = f64::from(next.sigma) / f64::from(level.sigma);
        let lambda = -f64::from(level.sigma).ln();
        let (keep, take) = (shrink as f32, (1.0 - shrink) as f32);
        match &before {
            Some((earlier, earlier_lambda)) if !(last && schedule.first_order_last) => {
                let h = -shrink.ln();
                let lead = (0.5 * h / (lambda - earlier_lambda)) as f32;
                Zip::from(&mut x).and(&denoised).and(earlier).for_each(|x, d, e| {
                    *x = *x * keep + (d + (d - e) * lead) * take;
                });
            }
            _ => x.zip_mut_with(&denoised, |x, d| *x = *x * keep + d * take),
        }
        outside.put_back(&mut x, next, index + 1 == schedule.steps());
        outside.report(schedule, index, &denoised)?;
        before = Some((denoised, lambda));
        end = next.sigma;
    }
    Ok(preserve_variance(x, end))
}
