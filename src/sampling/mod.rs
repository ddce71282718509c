//! The diffusion mathematics: noise, noise schedules, samplers, prediction types, guidance.
//!
//! Pure `f32` arithmetic on latents. Nothing here knows what a network session, a file, a clock or
//! a window is; randomness comes only from a [`NoiseSource`] the caller seeds.

mod config;
mod ddim;
mod dpmpp_2m;
mod euler;
mod euler_ancestral;
#[cfg(test)]
mod goldens;
mod guidance;
mod heun;
#[cfg(test)]
mod laws;
mod lcm;
mod masked;
mod noise;
mod prediction;
mod refused;
mod rules;
mod schedule;
mod spacing;
mod training;
mod unipc;

use std::ops::ControlFlow;

pub use config::{ScheduleError, SchedulerConfig};
pub use guidance::guide;
pub use masked::Masked;
pub use noise::{NoiseSource, RowNoise, TorchRng};
pub use prediction::{Prediction, model_input};
pub use refused::RefusedSettings;
pub use schedule::Schedule;

/// Latent values, `[batch, channels, height / 8, width / 8]`.
pub type Latent = ndarray::Array4<f32>;

/// How noisy a latent is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoiseLevel {
    /// Standard deviation of the noise when the clean latent has scale 1 (variance-exploding form).
    pub sigma: f32,

    /// What the network is told, `0 .. num_train_timesteps`; a fraction for Euler and Heun.
    pub timestep: f32,
}

/// Predicts the clean latent hidden in a noisy one.
///
/// Guidance, inpaint blending and control are denoisers wrapping denoisers.
pub trait Denoiser {
    /// Why a prediction failed.
    type Error;

    /// The predicted clean latent x₀ of `noisy` = x₀ + `level.sigma` · noise.
    fn denoise(&mut self, noisy: &Latent, level: NoiseLevel) -> Result<Latent, Self::Error>;
}

/// The samplers a user can choose, each the equal of one diffusers scheduler class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::VariantArray)]
pub enum Sampler {
    /// `EulerDiscreteScheduler`.
    Euler,
    /// `EulerAncestralDiscreteScheduler`.
    EulerAncestral,
    /// `DDIMScheduler` with η = 0.
    Ddim,
    /// `DPMSolverMultistepScheduler` of order 2.
    DpmPp2M,
    /// `UniPCMultistepScheduler` of order 2.
    UniPc,
    /// `LCMScheduler`, for latent consistency models only.
    Lcm,
    /// `HeunDiscreteScheduler`: two predictions a step.
    Heun,
}

/// How the noise levels are spread between the noisiest and the cleanest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::VariantArray)]
pub enum SigmaSpacing {
    /// As the model's scheduler configuration says.
    Model,
    /// Karras et al. (2022), equation 5, with ρ = 7.
    Karras,
}

impl Sampler {
    /// Every sampler.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;

    /// The spacings this sampler can use, the model's own first.
    pub fn spacings(self) -> &'static [SigmaSpacing] {
        match self {
            Self::Euler | Self::DpmPp2M | Self::UniPc | Self::Heun => SigmaSpacing::ALL,
            Self::EulerAncestral | Self::Ddim | Self::Lcm => &[SigmaSpacing::Model],
        }
    }

    /// Runs the whole loop from the noisy `x` to a latent ready for the VAE.
    ///
    /// `schedule` must have been made for this sampler. `x` has the first level's noise: fresh
    /// noise times [`Schedule::init_noise_sigma`], or a picture's latent plus noise times the
    /// first level's sigma. An error of the denoiser is passed on as [`Halt::Failed`].
    pub fn sample<D: Denoiser>(
        self,
        schedule: &Schedule,
        denoiser: &mut D,
        x: Latent,
        outside: &mut Outside<'_>,
    ) -> Result<Latent, Halt<D::Error>> {
        debug_assert_eq!(self, schedule.sampler(), "the schedule was made for another sampler");
        match self {
            Self::Euler => euler::sample(schedule, denoiser, x, outside),
            Self::EulerAncestral => euler_ancestral::sample(schedule, denoiser, x, outside),
            Self::Ddim => ddim::sample(schedule, denoiser, x, outside),
            Self::DpmPp2M => dpmpp_2m::sample(schedule, denoiser, x, outside),
            Self::UniPc => unipc::sample(schedule, denoiser, x, outside),
            Self::Lcm => lcm::sample(schedule, denoiser, x, outside),
            Self::Heun => heun::sample(schedule, denoiser, x, outside),
        }
    }
}

impl SigmaSpacing {
    /// Every spacing.
    pub const ALL: &'static [Self] = <Self as strum::VariantArray>::VARIANTS;
}

/// What a sampler shows after each step.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// Which step ended, from 0.
    pub index: usize,

    /// How many steps the loop has, as the user counts them.
    pub total: usize,

    /// The clean latent as predicted in this step; what a preview shows.
    pub denoised: &'a Latent,
}

/// Called after each step; break to stop.
pub type OnStep<'a> = dyn FnMut(Step<'_>) -> ControlFlow<()> + 'a;

/// What a sampling loop needs from outside itself.
pub struct Outside<'a> {
    /// Fresh noise for the samplers that add some (Euler ancestral, LCM).
    pub noise: &'a mut dyn NoiseSource,

    /// Told after each step.
    pub on_step: &'a mut OnStep<'a>,

    /// What is put back after each step, when only a part is repainted.
    pub masked: Option<&'a Masked>,
}

impl Outside<'_> {
    /// Puts back what stays into the latent that a prediction has led to. The end is left to
    /// [`Masked::finish`], which needs no noise.
    fn put_back(&self, x: &mut Latent, next: NoiseLevel, last: bool) {
        if let Some(masked) = self.masked.filter(|_| !last) {
            masked.put_back(x, next.sigma);
        }
    }

    /// Tells of one finished step and asks whether to go on.
    fn report<E>(
        &mut self,
        schedule: &Schedule,
        index: usize,
        denoised: &Latent,
    ) -> Result<(), Halt<E>> {
        match (self.on_step)(Step { index, total: schedule.steps(), denoised }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Halt::Stopped),
        }
    }
}

/// Why a sampler returned without a latent.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Halt<E> {
    /// `on_step` asked to stop.
    #[error("sampling was stopped")]
    Stopped,

    /// The denoiser failed.
    #[error(transparent)]
    Failed(E),
}

/// Brings a latent from variance-exploding to variance-preserving form: x / √(σ² + 1).
fn preserve_variance(mut x: Latent, sigma: f32) -> Latent {
    if sigma > 0.0 {
        let scale = (1.0 / f64::from(sigma).hypot(1.0)) as f32;
        x *= scale;
    }
    x
}
