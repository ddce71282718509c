//! What each sampler makes of a scheduler configuration.
//!
//! Defaults are those of the diffusers 0.42 scheduler classes, chosen the way `Class.from_config`
//! chooses them; a value that cannot be honoured is refused by name.

use std::str::FromStr;

use super::{Prediction, Sampler, ScheduleError, SchedulerConfig, SigmaSpacing};

/// Shapes of the β curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub(super) enum BetaSchedule {
    Linear,
    ScaledLinear,
    #[strum(serialize = "squaredcos_cap_v2")]
    SquaredCosine,
}

/// How timesteps are spread over training; table 2 of Lin et al. (2023).
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub(super) enum TimestepSpacing {
    Linspace,
    Leading,
    Trailing,
}

/// Where the last step lands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub(super) enum FinalSigma {
    Zero,
    SigmaMin,
}

/// A configuration completed with one sampler's defaults and found supported.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) sampler: Sampler,
    pub(super) train_steps: usize,
    pub(super) beta_range: (f64, f64),
    pub(super) beta_schedule: BetaSchedule,
    pub(super) trained_betas: Option<Vec<f32>>,
    pub(super) zero_snr: bool,
    pub(super) prediction: Prediction,
    pub(super) spacing: TimestepSpacing,
    pub(super) offset: usize,
    pub(super) alpha_to_one: bool,
    pub(super) final_sigma: FinalSigma,
    pub(super) karras: bool,
    pub(super) clip: Option<f32>,
    pub(super) lower_order_final: bool,
    pub(super) euler_at_final: bool,
    pub(super) original_steps: usize,
    pub(super) timestep_scaling: f64,
}

/// What one scheduler class assumes where the configuration is silent, and what it never asks.
struct Class {
    beta_range: (f64, f64),
    beta_schedule: BetaSchedule,
    spacing: TimestepSpacing,
    knows_zero_snr: bool,
    knows_final_sigma: bool,
    clips: Clips,
}

/// Whether a class clips the predicted latent.
enum Clips {
    Never,
    UnlessTold,
    IfTold,
}

impl Class {
    fn of(sampler: Sampler) -> Self {
        use BetaSchedule::{Linear, ScaledLinear};
        use TimestepSpacing::{Leading, Linspace};
        let (wide, stable) = ((0.0001, 0.02), (0.00085, 0.012));
        let (beta_range, beta_schedule, spacing, clips) = match sampler {
            Sampler::Euler | Sampler::EulerAncestral | Sampler::DpmPp2M | Sampler::UniPc => {
                (wide, Linear, Linspace, Clips::Never)
            }
            Sampler::Ddim => (wide, Linear, Leading, Clips::UnlessTold),
            Sampler::Lcm => (stable, ScaledLinear, Leading, Clips::IfTold),
            Sampler::Heun => (stable, Linear, Linspace, Clips::IfTold),
        };
        let knows_final_sigma =
            matches!(sampler, Sampler::Euler | Sampler::DpmPp2M | Sampler::UniPc);
        let knows_zero_snr = sampler != Sampler::Heun;
        Self { beta_range, beta_schedule, spacing, knows_zero_snr, knows_final_sigma, clips }
    }
}

impl SchedulerConfig {
    /// Completes the configuration with the defaults of `sampler`'s class.
    pub(super) fn rules(
        &self,
        sampler: Sampler,
        spacing: SigmaSpacing,
    ) -> Result<Rules, ScheduleError> {
        if !sampler.spacings().contains(&spacing) {
            return Err(ScheduleError::Spacing { sampler, spacing });
        }
        let class = Class::of(sampler);
        let knows_karras = sampler.spacings().contains(&SigmaSpacing::Karras);
        let karras =
            spacing == SigmaSpacing::Karras || knows_karras && self.use_karras_sigmas == Some(true);
        self.refused.check(sampler, karras)?;
        if sampler == Sampler::UniPc && self.lower_order_final == Some(false) {
            return Err(ScheduleError::unsupported("lower_order_final", &false));
        }
        let clips = match class.clips {
            Clips::Never => false,
            Clips::UnlessTold => self.clip_sample.unwrap_or(true),
            Clips::IfTold => self.clip_sample.unwrap_or(false),
        };
        let final_sigma = self.final_sigmas_type.as_ref().filter(|_| class.knows_final_sigma);
        let train_steps = self.num_train_timesteps.unwrap_or(1000);
        let beta_range = (
            self.beta_start.unwrap_or(class.beta_range.0),
            self.beta_end.unwrap_or(class.beta_range.1),
        );
        let offset = self.steps_offset.unwrap_or(0);
        self.check_ranges(train_steps, beta_range, offset)?;
        let original_steps = self.original_inference_steps.unwrap_or(50);
        if sampler == Sampler::Lcm && !(1..=train_steps).contains(&original_steps) {
            return Err(ScheduleError::unsupported("original_inference_steps", &original_steps));
        }
        Ok(Rules {
            sampler,
            train_steps,
            beta_range,
            beta_schedule: known(
                "beta_schedule",
                self.beta_schedule.as_ref(),
                class.beta_schedule,
            )?,
            trained_betas: self.trained_betas.clone(),
            zero_snr: class.knows_zero_snr && self.rescale_betas_zero_snr.unwrap_or(false),
            prediction: known(
                "prediction_type",
                self.prediction_type.as_ref(),
                Prediction::Epsilon,
            )?,
            spacing: known("timestep_spacing", self.timestep_spacing.as_ref(), class.spacing)?,
            offset,
            alpha_to_one: self.set_alpha_to_one.unwrap_or(true),
            final_sigma: known("final_sigmas_type", final_sigma, FinalSigma::Zero)?,
            karras,
            clip: clips.then_some(self.clip_sample_range.unwrap_or(1.0)),
            lower_order_final: self.lower_order_final.unwrap_or(true),
            euler_at_final: self.euler_at_final.unwrap_or(false),
            original_steps,
            timestep_scaling: self.timestep_scaling.unwrap_or(10.0),
        })
    }

    /// Refuses numbers no noising process has.
    fn check_ranges(
        &self,
        train_steps: usize,
        beta_range: (f64, f64),
        offset: usize,
    ) -> Result<(), ScheduleError> {
        if !(2..=100_000).contains(&train_steps) {
            return Err(ScheduleError::unsupported("num_train_timesteps", &train_steps));
        }
        for (key, beta) in [("beta_start", beta_range.0), ("beta_end", beta_range.1)] {
            if !is_beta(beta as f32) {
                return Err(ScheduleError::unsupported(key, &beta));
            }
        }
        if offset > train_steps {
            return Err(ScheduleError::unsupported("steps_offset", &offset));
        }
        if let Some(betas) = &self.trained_betas {
            if betas.len() != train_steps {
                return Err(ScheduleError::unsupported(
                    "trained_betas",
                    &format!("{} values", betas.len()),
                ));
            }
            if let Some(beta) = betas.iter().find(|beta| !is_beta(**beta)) {
                return Err(ScheduleError::unsupported("trained_betas", &beta));
            }
        }
        let limit = self.clip_sample_range.unwrap_or(1.0);
        if limit > 0.0 {
            Ok(())
        } else {
            Err(ScheduleError::unsupported("clip_sample_range", &limit))
        }
    }
}

/// Whether a step can add this share of noise: some, but not all, in f32.
fn is_beta(beta: f32) -> bool {
    let kept = 1.0 - beta;
    kept > 0.0 && kept < 1.0
}

/// The value named by `written`, or `default` where nothing is written.
fn known<T: FromStr>(
    key: &'static str,
    written: Option<&String>,
    default: T,
) -> Result<T, ScheduleError> {
    let Some(name) = written else { return Ok(default) };
    name.parse().ok().ok_or_else(|| ScheduleError::unsupported(key, name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampling::Schedule;

    fn refusal(json: &str, sampler: Sampler) -> String {
        let config = SchedulerConfig::from_json(json).unwrap();
        let rules = config.rules(sampler, SigmaSpacing::Model);
        rules.map(|_| ()).unwrap_err().to_string()
    }

    #[test]
    fn unsupported_values_are_refused_by_name() {
        use Sampler::{Ddim, DpmPp2M, Euler, Heun, Lcm, UniPc};
        for (sampler, key, value) in [
            (Euler, "beta_schedule", r#""sigmoid""#),
            (Euler, "prediction_type", r#""flow_prediction""#),
            (Lcm, "original_inference_steps", "0"),
            (Lcm, "original_inference_steps", "1001"),
            (Lcm, "timestep_spacing", r#""random""#),
            (Euler, "final_sigmas_type", r#""one""#),
            (Ddim, "_class_name", r#""EDMEulerScheduler""#),
            (Ddim, "thresholding", "true"),
            (Heun, "use_beta_sigmas", "true"),
            (Euler, "interpolation_type", r#""log_linear""#),
            (Euler, "timestep_type", r#""continuous""#),
            (DpmPp2M, "algorithm_type", r#""sde-dpmsolver++""#),
            (DpmPp2M, "solver_order", "3"),
            (DpmPp2M, "solver_type", r#""heun""#),
            (DpmPp2M, "lambda_min_clipped", "-5.1"),
            (DpmPp2M, "variance_type", r#""learned_range""#),
            (UniPc, "solver_type", r#""bh1""#),
            (UniPc, "predict_x0", "false"),
            (UniPc, "disable_corrector", "[0, 1]"),
            (UniPc, "lower_order_final", "false"),
            (Ddim, "num_train_timesteps", "1"),
            (Ddim, "num_train_timesteps", "1000000000000"),
            (Ddim, "beta_start", "-0.1"),
            (Ddim, "beta_end", "1.0"),
            (Ddim, "trained_betas", "[0.1, 0.2]"),
            (Ddim, "steps_offset", "5000"),
            (Ddim, "clip_sample_range", "-1.0"),
        ] {
            let message = refusal(&format!(r#"{{"{key}": {value}}}"#), sampler);
            assert!(message.contains(&format!("`{key}`")), "{sampler:?}, {key}: {message}");
        }
    }

    #[test]
    fn a_setting_the_class_never_reads_is_no_obstacle() {
        let json = r#"{"solver_order": 3, "thresholding": true, "final_sigmas_type": "one",
            "use_beta_sigmas": true, "something_new": {"a": 1}}"#;
        let config = SchedulerConfig::from_json(json).unwrap();
        assert!(config.rules(Sampler::EulerAncestral, SigmaSpacing::Model).is_ok());
    }

    #[test]
    fn a_model_that_asks_for_karras_gets_it() {
        let asks = SchedulerConfig { use_karras_sigmas: Some(true), ..SchedulerConfig::default() };
        let plain = SchedulerConfig::default();
        let karras = SigmaSpacing::Karras;
        for sampler in Sampler::ALL.iter().filter(|s| s.spacings().contains(&karras)) {
            let asked = Schedule::new(&asks, *sampler, SigmaSpacing::Model, 20).unwrap();
            assert_eq!(asked, Schedule::new(&plain, *sampler, karras, 20).unwrap());
            assert_ne!(asked, Schedule::new(&plain, *sampler, SigmaSpacing::Model, 20).unwrap());
        }
        assert!(Schedule::new(&asks, Sampler::Ddim, SigmaSpacing::Model, 20).is_ok());
    }
}
