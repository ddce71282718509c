//! How steps are spread: timesteps over training, sigmas over their range.
//!
//! Number for number what numpy gives in diffusers' `set_timesteps`; knows no latent and no level.

use super::rules::{BetaSchedule, Rules, TimestepSpacing};
use super::{Sampler, ScheduleError};

/// The training timesteps to visit, falling; fractions for the samplers that take them.
pub(super) fn timesteps(rules: &Rules, steps: usize) -> Result<Vec<f64>, ScheduleError> {
    let train = rules.train_steps;
    // Multistep solvers plan one point more and leave it to the end level.
    let points = match rules.sampler {
        Sampler::DpmPp2M | Sampler::UniPc => steps.saturating_add(1),
        _ => steps,
    };
    let most = match (rules.sampler, rules.spacing) {
        (Sampler::Lcm, _) => rules.original_steps,
        (Sampler::DpmPp2M | Sampler::UniPc, TimestepSpacing::Leading) => train - 1,
        _ => train,
    };
    if steps == 0 || steps > most {
        return Err(ScheduleError::Steps { sampler: rules.sampler, steps, most });
    }
    if rules.sampler == Sampler::Lcm {
        return Ok(distilled_timesteps(rules, steps));
    }
    let mut timesteps: Vec<f64> = match rules.spacing {
        TimestepSpacing::Linspace => {
            let rising = linspace((train - 1) as f64, points);
            match rules.sampler {
                Sampler::Euler | Sampler::EulerAncestral | Sampler::Heun => {
                    rising.rev().map(|t| f64::from(t as f32)).collect()
                }
                _ => rising.rev().map(f64::round_ties_even).collect(),
            }
        }
        TimestepSpacing::Leading => {
            let ratio = train / points;
            (0..points).rev().map(|i| (i * ratio + rules.offset) as f64).collect()
        }
        TimestepSpacing::Trailing => {
            // The difference is taken from the rounded first two values, as numpy.arange does: it
            // decides ties. (numpy's arange sometimes has one value too many; ours never.)
            let train = train as f64;
            let stride = train - (train - train / steps as f64);
            (0..steps).map(|i| (train - i as f64 * stride).round_ties_even() - 1.0).collect()
        }
    };
    timesteps.truncate(steps);
    Ok(timesteps)
}

/// Timesteps of a latent consistency model: evenly spread over those it was distilled at.
fn distilled_timesteps(rules: &Rules, steps: usize) -> Vec<f64> {
    let original = rules.original_steps;
    let skip = rules.train_steps / original;
    let stride = original as f64 / steps as f64;
    (0..steps)
        .map(|i| (original - (i as f64 * stride) as usize) * skip - 1)
        .map(|timestep| timestep as f64)
        .collect()
}

impl Rules {
    /// A timestep found from σ, as this sampler's class tells it to the network.
    pub(super) fn told(&self, timestep: f64) -> f64 {
        match self.sampler {
            Sampler::DpmPp2M if self.beta_schedule == BetaSchedule::SquaredCosine => {
                timestep.trunc()
            }
            Sampler::DpmPp2M | Sampler::UniPc => timestep.round_ties_even(),
            _ => timestep,
        }
    }
}

/// `count` values from 0 to `end` as `numpy.linspace` has them.
fn linspace(end: f64, count: usize) -> impl DoubleEndedIterator<Item = f64> {
    let step = if count > 1 { end / (count - 1) as f64 } else { 0.0 };
    (0..count).map(move |i| if i > 0 && i + 1 == count { end } else { i as f64 * step })
}

/// The value of a table at a fractional index, held at its ends.
pub(super) fn interpolate(table: &[f32], at: f64) -> f64 {
    let at = at.clamp(0.0, (table.len() - 1) as f64);
    let low = at as usize;
    let value = |i: usize| f64::from(table[i.min(table.len() - 1)]);
    (value(low + 1) - value(low)).mul_add(at - low as f64, value(low))
}

/// The noisiest and the cleanest of a rising table.
pub(super) fn ends(table: &[f32]) -> Vec<f64> {
    let ends = [table.last(), table.first()];
    ends.into_iter().flatten().map(|sigma| f64::from(*sigma)).collect()
}

/// Karras et al. (2022), equation 5 with ρ = 7, over the range of `sigmas` (falling).
pub(super) fn karras(sigmas: &[f64], count: usize) -> Vec<f64> {
    const RHO: f64 = 7.0;
    let (Some(max), Some(min)) = (sigmas.first(), sigmas.last()) else { return Vec::new() };
    let (from, to) = (max.powf(1.0 / RHO), min.powf(1.0 / RHO));
    linspace(1.0, count).map(|ramp| (from + ramp * (to - from)).powf(RHO)).collect()
}

/// Finds the training timestep of a σ, by linear interpolation in ln σ.
pub(super) struct Inverse {
    log_sigmas: Vec<f32>,
}

impl Inverse {
    pub(super) fn new(table: &[f32]) -> Self {
        Self { log_sigmas: table.iter().map(|sigma| sigma.ln()).collect() }
    }

    pub(super) fn timestep(&self, sigma: f64) -> f64 {
        let log_sigma = sigma.max(1e-10).ln();
        let below = self.log_sigmas.partition_point(|log| f64::from(*log) <= log_sigma);
        let low = below.saturating_sub(1).min(self.log_sigmas.len() - 2);
        let (from, to) = (f64::from(self.log_sigmas[low]), f64::from(self.log_sigmas[low + 1]));
        low as f64 + ((from - log_sigma) / (from - to)).clamp(0.0, 1.0)
    }
}
