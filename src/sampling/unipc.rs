//! UniPC-2 on predicted clean latents, with B₂(h) = eʰ − 1: Zhao et al. (2023), arXiv 2302.04867.
//!
//! In variance-exploding form the predictor of order 2 is DPM-Solver++(2M); what is new is the
//! corrector, which mends the point just reached with the prediction made there.

use ndarray::Zip;

use super::{Denoiser, Halt, Latent, Outside, Schedule, preserve_variance};

/// A point the solver has left: the latent there, what was predicted, its σ.
struct Point {
    x: Latent,
    denoised: Latent,
    sigma: f64,
}

pub(super) fn sample<D: Denoiser>(
    schedule: &Schedule,
    denoiser: &mut D,
    mut x: Latent,
    outside: &mut Outside<'_>,
) -> Result<Latent, Halt<D::Error>> {
    let mut end = 0.0;
    let mut before: Option<Point> = None;
    let mut before_that: Option<Point> = None;
    for (index, (level, next)) in schedule.pairs().enumerate() {
        let denoised = denoiser.denoise(&x, level).map_err(Halt::Failed)?;
        let sigma = f64::from(level.sigma);
        if let Some(start) = &before {
            x = correct(start, before_that.as_ref(), &denoised, sigma);
        }
        let here = Point { x, denoised, sigma };
        let last = index + 1 == schedule.steps();
        let history = if last { None } else { before.as_ref() };
        x = predict(&here, history, f64::from(next.sigma));
        // The corrector goes out from `here` and never reads what was put back.
        outside.put_back(&mut x, next, last);
        outside.report(schedule, index, &here.denoised)?;
        before_that = before.replace(here);
        end = next.sigma;
    }
    Ok(preserve_variance(x, end))
}

/// The latent at `sigma`, from the point before it and, for order 2, the one before that.
fn predict(start: &Point, earlier: Option<&Point>, sigma: f64) -> Latent {
    let shrink = sigma / start.sigma;
    let (keep, take) = (shrink as f32, (1.0 - shrink) as f32);
    let Some(earlier) = earlier else {
        let points = Zip::from(&start.x).and(&start.denoised);
        return points.map_collect(|x, d| x * keep + d * take);
    };
    let lead = (0.5 / ratio(start, earlier, sigma)) as f32;
    Zip::from(&start.x).and(&start.denoised).and(&earlier.denoised).map_collect(|x, d, e| {
        let slope = (e - d) * lead;
        x * keep + (d + slope) * take
    })
}

/// The latent at `sigma` again, now that the network has answered `arrived` there.
///
/// Of the order the predictor had: 2 when there was an `earlier` point.
fn correct(start: &Point, earlier: Option<&Point>, arrived: &Latent, sigma: f64) -> Latent {
    let shrink = sigma / start.sigma;
    let (keep, take) = (shrink as f32, (1.0 - shrink) as f32);
    let Some(earlier) = earlier else {
        let points = Zip::from(&start.x).and(&start.denoised).and(arrived);
        return points.map_collect(|x, d, a| x * keep + (d + 0.5 * (a - d)) * take);
    };
    let ratio = ratio(start, earlier, sigma);
    let (on_earlier, on_arrived) = corrector_weights(shrink.ln(), ratio);
    let (on_earlier, on_arrived) = ((on_earlier / ratio) as f32, on_arrived as f32);
    let points = Zip::from(&start.x).and(&start.denoised).and(&earlier.denoised).and(arrived);
    points.map_collect(|x, d, e, a| {
        let slope = (e - d) * on_earlier + (a - d) * on_arrived;
        x * keep + (d + slope) * take
    })
}

/// r of the paper: how far `earlier` lies from `start` in ln σ, in steps of the present one;
/// negative, as it lies behind.
fn ratio(start: &Point, earlier: &Point, sigma: f64) -> f64 {
    (start.sigma / earlier.sigma).ln() / (start.sigma / sigma).ln()
}

/// Solves the two order conditions of UniC-2 for the weights of both differences; `h` is −hₜ of
/// the paper, the step in ln σ.
fn corrector_weights(h: f64, ratio: f64) -> (f64, f64) {
    let b = h.exp_m1();
    let phi_2 = b / h - 1.0;
    let first = phi_2 / b;
    let second = (phi_2 / h - 0.5) * 2.0 / b;
    let on_earlier = (first - second) / (1.0 - ratio);
    (on_earlier, first - on_earlier)
}
