//! Which noise levels a sampler visits, and what the network is told at each.
//!
//! Equal to diffusers' `Class.from_config(config).set_timesteps(steps)`; knows no latent.

use super::rules::{FinalSigma, Rules, TimestepSpacing};
use super::spacing::{Inverse, ends, interpolate, karras, timesteps};
use super::training::Training;
use super::{NoiseLevel, Prediction, Sampler, ScheduleError, SchedulerConfig, SigmaSpacing};

/// The noise levels of one sampling loop, falling.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// The levels at which the network is asked, then the end (timestep 0, never asked).
    ///
    /// One a step and the end; for Heun two a step, except one for the last: all but the first are
    /// listed twice.
    pub levels: Vec<NoiseLevel>,

    sampler: Sampler,
    prediction: Prediction,
    init_noise_sigma: f32,
    steps: usize,

    /// σ each step of DDIM lands on, which need not be the next level; empty for the others.
    pub(super) landings: Vec<f32>,

    /// Limit of a predicted clean latent (DDIM, LCM, Heun).
    pub(super) clip: Option<f32>,

    /// Whether the last step of DPM++ is of first order.
    pub(super) first_order_last: bool,

    /// Factor on the timestep in LCM's boundary conditions.
    pub(super) timestep_scaling: f64,
}

impl Schedule {
    /// The schedule of `steps` steps (1 and more) for a model with this configuration.
    pub fn new(
        config: &SchedulerConfig,
        sampler: Sampler,
        spacing: SigmaSpacing,
        steps: usize,
    ) -> Result<Self, ScheduleError> {
        let rules = config.rules(sampler, spacing)?;
        let training = Training::new(&rules)?;
        let timesteps = timesteps(&rules, steps)?;
        let mut landings = Vec::new();
        let levels = match sampler {
            Sampler::Euler | Sampler::EulerAncestral | Sampler::Heun => {
                interpolated(&rules, &training, &timesteps)?
            }
            Sampler::DpmPp2M | Sampler::UniPc => {
                let levels = interpolated(&rules, &training, &timesteps)?;
                check_falling(&rules, &levels, steps)?;
                levels
            }
            Sampler::Ddim => {
                landings = ddim_landings(&rules, &training, &timesteps)?;
                at_training_steps(&rules, &training, &timesteps, landings.last().copied())?
            }
            Sampler::Lcm => at_training_steps(&rules, &training, &timesteps, None)?,
        };
        let init_noise_sigma = init_noise_sigma(&rules, &levels);
        let levels = if sampler == Sampler::Heun { twice_within(&levels) } else { levels };
        Ok(Self {
            levels,
            sampler,
            prediction: rules.prediction,
            init_noise_sigma,
            steps,
            landings,
            clip: rules.clip,
            first_order_last: rules.euler_at_final
                || rules.lower_order_final && steps < 15
                || rules.final_sigma == FinalSigma::Zero,
            timestep_scaling: rules.timestep_scaling,
        })
    }

    /// Standard deviation of the latent the loop starts from: fresh noise is multiplied by this.
    pub fn init_noise_sigma(&self) -> f32 {
        self.init_noise_sigma
    }

    /// The sampler this schedule was made for.
    pub fn sampler(&self) -> Sampler {
        self.sampler
    }

    /// What the network's output means, by the model's configuration.
    pub fn prediction(&self) -> Prediction {
        self.prediction
    }

    /// How many steps the loop takes, as the user counts them.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// The same schedule without its first `first` steps, to start from a picture; `None` when no
    /// step would be left.
    ///
    /// Such a start is the picture's latent plus noise times the first level's sigma.
    pub fn from_step(mut self, first: usize) -> Option<Self> {
        if first >= self.steps {
            return None;
        }
        let levels = if self.sampler == Sampler::Heun { 2 * first } else { first };
        self.levels.drain(..levels);
        if !self.landings.is_empty() {
            self.landings.drain(..first);
        }
        self.steps -= first;
        Some(self)
    }

    /// Each level with the one after it.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (NoiseLevel, NoiseLevel)> {
        self.levels.iter().copied().zip(self.levels.iter().copied().skip(1))
    }
}

/// Levels between training timesteps, interpolated in σ, or spread as Karras does.
fn interpolated(
    rules: &Rules,
    training: &Training,
    timesteps: &[f64],
) -> Result<Vec<NoiseLevel>, ScheduleError> {
    let table = training.sigmas();
    let mut sigmas: Vec<f64> = timesteps.iter().map(|t| interpolate(&table, *t)).collect();
    let mut timesteps = timesteps.to_vec();
    let mut end = training.sigma_min()?;
    if rules.karras {
        let multistep = matches!(rules.sampler, Sampler::DpmPp2M | Sampler::UniPc);
        let range = if multistep { &ends(&table) } else { &sigmas };
        sigmas = karras(range, timesteps.len());
        let inverse = Inverse::new(&table);
        timesteps = sigmas.iter().map(|sigma| rules.told(inverse.timestep(*sigma))).collect();
        if let (Sampler::UniPc, Some(last)) = (rules.sampler, sigmas.last()) {
            end = *last as f32;
        }
    }
    if rules.final_sigma == FinalSigma::Zero {
        end = 0.0;
    }
    let levels = sigmas
        .iter()
        .zip(&timesteps)
        .map(|(sigma, timestep)| NoiseLevel { sigma: *sigma as f32, timestep: *timestep as f32 });
    Ok(levels.chain([NoiseLevel { sigma: end, timestep: 0.0 }]).collect())
}

/// Multistep solvers divide by the distance of levels, so every step must go down.
fn check_falling(rules: &Rules, levels: &[NoiseLevel], steps: usize) -> Result<(), ScheduleError> {
    let inner = levels.get(..steps).unwrap_or_default();
    if inner.is_sorted_by(|a, b| a.sigma > b.sigma) {
        return Ok(());
    }
    Err(ScheduleError::Steps { sampler: rules.sampler, steps, most: steps - 1 })
}

/// Levels at whole training timesteps, then the end.
fn at_training_steps(
    rules: &Rules,
    training: &Training,
    timesteps: &[f64],
    end: Option<f32>,
) -> Result<Vec<NoiseLevel>, ScheduleError> {
    let mut levels = Vec::with_capacity(timesteps.len() + 1);
    for &timestep in timesteps {
        let sigma = training.sigma_at(timestep as usize)?;
        if rules.zero_snr
            && rules.prediction == Prediction::Epsilon
            && timestep as usize + 1 == rules.train_steps
        {
            // Pure noise hides the latent: no amount of predicted noise brings it back.
            return Err(ScheduleError::unsupported("prediction_type", &"epsilon"));
        }
        levels.push(NoiseLevel { sigma, timestep: timestep as f32 });
    }
    levels.push(NoiseLevel { sigma: end.unwrap_or(0.0), timestep: 0.0 });
    Ok(levels)
}

/// Where DDIM's steps land: one stride of training timesteps below each level.
fn ddim_landings(
    rules: &Rules,
    training: &Training,
    timesteps: &[f64],
) -> Result<Vec<f32>, ScheduleError> {
    let stride = rules.train_steps / timesteps.len().max(1);
    let end = if rules.alpha_to_one { 0.0 } else { training.sigma_min()? };
    timesteps
        .iter()
        .map(|timestep| match (*timestep as usize).checked_sub(stride) {
            Some(before) => training.sigma_at(before),
            None => Ok(end),
        })
        .collect()
}

/// Standard deviation of the starting latent in variance-exploding form.
fn init_noise_sigma(rules: &Rules, levels: &[NoiseLevel]) -> f32 {
    let first = levels.first().map_or(0.0, |level| level.sigma);
    let exploding =
        matches!(rules.sampler, Sampler::Euler | Sampler::EulerAncestral | Sampler::Heun);
    if exploding && rules.spacing != TimestepSpacing::Leading {
        first
    } else {
        f64::from(first).hypot(1.0) as f32
    }
}

/// All levels but the first and the end listed twice: where Heun asks again.
fn twice_within(levels: &[NoiseLevel]) -> Vec<NoiseLevel> {
    let last = levels.len() - 1;
    let copies = |(i, level): (usize, &NoiseLevel)| {
        std::iter::repeat_n(*level, if i == 0 || i == last { 1 } else { 2 })
    };
    levels.iter().enumerate().flat_map(copies).collect()
}

#[cfg(test)]
mod tests;
