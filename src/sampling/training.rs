//! The noising process a network was trained on: β per timestep, and the noise levels that follow.
//!
//! Rounds where torch rounds (β in f32, products in f64), so that levels agree to the last digits.

use std::f64::consts::FRAC_PI_2;

use super::rules::{BetaSchedule, Rules};
use super::{Sampler, ScheduleError};

/// Share of the clean latent's variance left at each training timestep (ᾱ of Ho et al., 2020).
pub(super) struct Training {
    alphas_cumprod: Vec<f32>,
}

impl Training {
    pub(super) fn new(rules: &Rules) -> Result<Self, ScheduleError> {
        let count = rules.train_steps;
        let (start, end) = rules.beta_range;
        let mut betas = match (&rules.trained_betas, rules.beta_schedule) {
            (Some(betas), _) => betas.clone(),
            (None, BetaSchedule::Linear) => linspace(start as f32, end as f32, count),
            (None, BetaSchedule::ScaledLinear) => {
                let roots = linspace(start.sqrt() as f32, end.sqrt() as f32, count);
                roots.into_iter().map(|root| root * root).collect()
            }
            (None, BetaSchedule::SquaredCosine) => squared_cosine(count),
        };
        if rules.zero_snr {
            betas = without_terminal_signal(&betas);
        }
        let mut alphas_cumprod = cumulative_alphas(&betas);
        let exact_end = matches!(rules.sampler, Sampler::Ddim | Sampler::Lcm);
        if rules.zero_snr
            && !exact_end
            && let Some(last) = alphas_cumprod.last_mut()
        {
            // The least positive half-precision number, as diffusers has it: σ stays finite.
            *last = 1.0 / (1 << 24) as f32;
        }
        let signal = if rules.zero_snr && exact_end { count - 1 } else { count };
        if alphas_cumprod.iter().take(signal).any(|alpha| !(*alpha > 0.0 && *alpha < 1.0)) {
            // Betas so large, or so many, that nothing of the picture is left in f32.
            return Err(ScheduleError::unsupported("num_train_timesteps", &count));
        }
        Ok(Self { alphas_cumprod })
    }

    /// σ of every training timestep, rising.
    pub(super) fn sigmas(&self) -> Vec<f32> {
        self.alphas_cumprod.iter().map(|alpha| ((1.0 - alpha) / alpha).sqrt()).collect()
    }

    /// σ of the least noisy training timestep.
    pub(super) fn sigma_min(&self) -> Result<f32, ScheduleError> {
        self.sigma_at(0)
    }

    /// σ of one training timestep; pure noise counts as σ = 2²⁰, which no digit tells from infinity.
    pub(super) fn sigma_at(&self, timestep: usize) -> Result<f32, ScheduleError> {
        let alpha = self
            .alphas_cumprod
            .get(timestep)
            .copied()
            .ok_or_else(|| ScheduleError::unsupported("steps_offset", &timestep))?;
        Ok(if alpha > 0.0 { ((1.0 - alpha) / alpha).sqrt() } else { (1 << 20) as f32 })
    }
}

/// `torch.linspace` in f32: from each end to the middle, multiplied and added without rounding
/// between.
fn linspace(start: f32, end: f32, count: usize) -> Vec<f32> {
    let step = (end - start) / (count - 1) as f32;
    (0..count)
        .map(|i| {
            if i < count / 2 {
                step.mul_add(i as f32, start)
            } else {
                (-step).mul_add((count - 1 - i) as f32, end)
            }
        })
        .collect()
}

/// The cosine curve of Nichol and Dhariwal (2021), β at most 0.999.
fn squared_cosine(count: usize) -> Vec<f32> {
    let alpha_bar = |i: usize| {
        let t = i as f64 / count as f64;
        ((t + 0.008) / 1.008 * FRAC_PI_2).cos().powi(2)
    };
    (0..count).map(|i| (1.0 - alpha_bar(i + 1) / alpha_bar(i)).min(0.999) as f32).collect()
}

/// Running product of 1 − β.
fn cumulative_alphas(betas: &[f32]) -> Vec<f32> {
    let mut product = 1.0_f64;
    betas
        .iter()
        .map(|beta| {
            product *= f64::from(1.0 - beta);
            product as f32
        })
        .collect()
}

/// Algorithm 1 of Lin et al. (2023): shifts and scales √ᾱ so that the last one is 0.
fn without_terminal_signal(betas: &[f32]) -> Vec<f32> {
    let roots: Vec<f32> = cumulative_alphas(betas).into_iter().map(f32::sqrt).collect();
    let (Some(&first), Some(&last)) = (roots.first(), roots.last()) else { return Vec::new() };
    let scale = first / (first - last);
    let mut before = 1.0;
    roots
        .into_iter()
        .map(|root| {
            let root = (root - last) * scale;
            let alpha_bar = root * root;
            let alpha = alpha_bar / before;
            before = alpha_bar;
            1.0 - alpha
        })
        .collect()
}
