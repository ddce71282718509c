//! Scheduler settings of which only one value is supported.
//!
//! Knows which scheduler class would read which key; a key the class never reads is no obstacle.

use serde::Deserialize;

use super::{Sampler, ScheduleError};

/// Settings found in `scheduler_config.json` that change the mathematics in ways no sampler here
/// follows. Missing, null or the class's default: fine; else [`super::Schedule::new`] refuses.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct RefusedSettings {
    /// The class the file was written by; `EDM…` and `FlowMatch…` are other noising processes.
    #[serde(rename = "_class_name")]
    pub class_name: Option<String>,

    /// Only `false`.
    pub use_exponential_sigmas: Option<bool>,

    /// Only `false`.
    pub use_beta_sigmas: Option<bool>,

    /// Only `false`.
    pub use_lu_lambdas: Option<bool>,

    /// Only `false`.
    pub use_flow_sigmas: Option<bool>,

    /// Dynamic thresholding; only `false`.
    pub thresholding: Option<bool>,

    /// Only `linear`.
    pub interpolation_type: Option<String>,

    /// Only `discrete`.
    pub timestep_type: Option<String>,

    /// Lowest Karras sigma; only from the training curve.
    pub sigma_min: Option<f64>,

    /// Highest Karras sigma; only from the training curve.
    pub sigma_max: Option<f64>,

    /// Only `dpmsolver++` (and `deis`, which diffusers reads as that).
    pub algorithm_type: Option<String>,

    /// Only 2.
    pub solver_order: Option<usize>,

    /// Only `midpoint` for DPM++ and `bh2` for `UniPC`, each with the names diffusers reads as that.
    pub solver_type: Option<String>,

    /// Only unlimited (missing, null or `-Infinity`).
    pub lambda_min_clipped: Option<f64>,

    /// Only networks that predict no variance.
    pub variance_type: Option<String>,

    /// Only `true`.
    pub predict_x0: Option<bool>,

    /// Only empty.
    pub disable_corrector: Option<Vec<usize>>,
}

impl RefusedSettings {
    /// Refuses the first setting that `sampler`'s class would read and nothing here can honour.
    pub(super) fn check(&self, sampler: Sampler, karras: bool) -> Result<(), ScheduleError> {
        let process = self.class_name.as_deref().unwrap_or_default();
        if process.starts_with("EDM") || process.starts_with("FlowMatch") {
            return Err(ScheduleError::unsupported("_class_name", &process));
        }
        match sampler {
            Sampler::EulerAncestral => Ok(()),
            Sampler::Ddim | Sampler::Lcm => self.check_thresholding(),
            Sampler::Heun => self.check_spacing(karras),
            Sampler::Euler => {
                self.check_spacing(karras)?;
                only("interpolation_type", self.interpolation_type.as_deref(), &["linear"])?;
                only("timestep_type", self.timestep_type.as_deref(), &["discrete"])
            }
            Sampler::DpmPp2M => {
                self.check_thresholding()?;
                self.check_spacing(karras)?;
                self.check_dpm_solver()
            }
            Sampler::UniPc => {
                self.check_thresholding()?;
                self.check_spacing(karras)?;
                self.check_unipc()
            }
        }
    }

    fn check_thresholding(&self) -> Result<(), ScheduleError> {
        only("thresholding", self.thresholding, &[false])
    }

    fn check_spacing(&self, karras: bool) -> Result<(), ScheduleError> {
        only("use_exponential_sigmas", self.use_exponential_sigmas, &[false])?;
        only("use_beta_sigmas", self.use_beta_sigmas, &[false])?;
        only("sigma_min", self.sigma_min.filter(|_| karras), &[])?;
        only("sigma_max", self.sigma_max.filter(|_| karras), &[])
    }

    fn check_dpm_solver(&self) -> Result<(), ScheduleError> {
        only("use_lu_lambdas", self.use_lu_lambdas, &[false])?;
        only("use_flow_sigmas", self.use_flow_sigmas, &[false])?;
        only("algorithm_type", self.algorithm_type.as_deref(), &["dpmsolver++", "deis"])?;
        only("solver_order", self.solver_order, &[2])?;
        let midpoint = ["midpoint", "logrho", "bh1", "bh2"];
        only("solver_type", self.solver_type.as_deref(), &midpoint)?;
        only("lambda_min_clipped", self.lambda_min_clipped, &[])?;
        let fixed = ["fixed_small", "fixed_small_log", "fixed_large", "fixed_large_log"];
        only("variance_type", self.variance_type.as_deref(), &fixed)
    }

    fn check_unipc(&self) -> Result<(), ScheduleError> {
        only("use_flow_sigmas", self.use_flow_sigmas, &[false])?;
        only("solver_order", self.solver_order, &[2])?;
        let bh2 = ["bh2", "midpoint", "heun", "logrho"];
        only("solver_type", self.solver_type.as_deref(), &bh2)?;
        only("predict_x0", self.predict_x0, &[true])?;
        let skipped = self.disable_corrector.as_ref().and_then(|steps| steps.first());
        only("disable_corrector", skipped.copied(), &[])
    }
}

/// Accepts a missing value or one of `supported`.
fn only<T: PartialEq + ToString>(
    key: &'static str,
    value: Option<T>,
    supported: &[T],
) -> Result<(), ScheduleError> {
    match value {
        Some(value) if !supported.contains(&value) => Err(ScheduleError::unsupported(key, &value)),
        _ => Ok(()),
    }
}
