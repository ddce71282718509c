//! `DeepCache` (Ma et al. 2023): most calls compute only the UNet's outer layers, on what the deeper ones
//! gave at the last whole call.
//!
//! Calls are counted from 0 in each sampling loop, Heun's second ones too; every `interval`-th is whole.
//! The rule is that of the package `DeepCache` 0.1.1 (`DeepCacheSDHelper`, uniform), whose branches this
//! numbers through: `branch` is the skip connection up to which the encoder is computed, 0 the first
//! convolution alone. In between, `ControlNets` answer for that part only: nothing else of their answer
//! is heard.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ndarray::ArrayD;

use super::EngineError;
use super::session::{Input, Interrupt, Network, SessionError};
use crate::graph::DeepFeature;
use crate::task::DeepCache;
use crate::weights::UnetConfig;

/// What the UNet is written to do about a task's `DeepCache`; whole calls only need nothing.
///
/// # Errors
/// When the model has no such branch; names the parameter.
pub(super) fn feature(
    asked: Option<DeepCache>,
    config: &UnetConfig,
) -> Result<DeepFeature, EngineError> {
    let Some(DeepCache { interval, branch }) = asked else { return Ok(DeepFeature::Inside) };
    let branches = config.skip_channels().len();
    if branch as usize >= branches {
        return Err(EngineError::input(
            "acceleratorOptions.deepCacheBranchId",
            format!("this model has the branches 0 to {}", branches.saturating_sub(1)),
        ));
    }
    Ok(if interval > 1 { DeepFeature::Given(branch as usize) } else { DeepFeature::Inside })
}

/// The outer layers of a UNet and what the deeper ones gave last, for one sampling loop.
pub(super) struct Shortcut<'a> {
    /// For calls that go on with the deep feature, which it takes.
    pub(super) outer: &'a mut Network,
    branch: usize,
    interval: usize,
    deep: Option<Arc<ArrayD<f32>>>,
}

impl<'a> Shortcut<'a> {
    /// Over `outer`, which takes the deep feature that was asked for.
    pub(super) const fn new(outer: &'a mut Network, asked: DeepCache) -> Self {
        let DeepCache { interval, branch } = asked;
        Self { outer, branch: branch as usize, interval: interval as usize, deep: None }
    }

    /// What the deeper layers gave last, if `call` is to go on with that.
    pub(super) fn deep_feature(&self, call: usize) -> Option<Arc<ArrayD<f32>>> {
        let deep = self.deep.as_ref().filter(|_| !call.is_multiple_of(self.interval.max(1)));
        deep.map(Arc::clone)
    }

    /// How many control residuals the outer layers take.
    pub(super) const fn reach(&self) -> usize {
        self.branch + 1
    }

    /// The noise that the `whole` network predicts, whose deep feature is kept.
    pub(super) fn whole(
        &mut self,
        whole: &mut Network,
        inputs: Vec<(&str, Input<'_>)>,
        interrupt: &Interrupt,
    ) -> Result<ArrayD<f32>, SessionError> {
        let mut outputs = whole.run_for(2, inputs, interrupt)?;
        self.deep = outputs.pop().map(Arc::new);
        Ok(outputs.swap_remove(0))
    }
}

/// How long the calls of a sampling loop took.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    whole: Spent,
    short: Spent,
}

#[derive(Clone, Copy, Debug, Default)]
struct Spent {
    calls: u32,
    time: Duration,
}

impl Pace {
    /// Counts a call that began at `started`.
    pub(super) fn count(&mut self, started: Instant, is_whole: bool) {
        let spent = if is_whole { &mut self.whole } else { &mut self.short };
        spent.calls += 1;
        spent.time += started.elapsed();
    }

    /// How many times as fast the calls were as if all had been whole; `None` when they were.
    pub(super) fn speed_up(&self) -> Option<f32> {
        let Self { whole, short } = self;
        if whole.calls == 0 || short.calls == 0 {
            return None;
        }
        let all_whole = whole.time.as_secs_f64() / f64::from(whole.calls)
            * f64::from(whole.calls + short.calls);
        let took = (whole.time + short.time).as_secs_f64();
        (took > 0.0).then(|| (all_whole / took) as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_speed_up_is_that_over_whole_calls_alone() {
        let spent = |calls, millis| Spent { calls, time: Duration::from_millis(millis) };
        let speed = |whole, short| Pace { whole, short }.speed_up();
        // 4 · 300 ms instead of 300 + 3 · 100.
        assert_eq!(speed(spent(1, 300), spent(3, 300)), Some(2.0));
        assert_eq!(speed(spent(5, 500), Spent::default()), None);
    }

    #[test]
    fn a_branch_that_the_model_has_not_is_named_with_those_it_has() {
        let config = UnetConfig::default();
        let asked = |interval, branch| feature(Some(DeepCache { interval, branch }), &config);
        assert_eq!(asked(3, 11).unwrap(), DeepFeature::Given(11));
        assert_eq!(asked(1, 11).unwrap(), DeepFeature::Inside);
        let EngineError::Input { parameter, why } = asked(3, 12).unwrap_err() else { panic!() };
        assert_eq!(parameter, "acceleratorOptions.deepCacheBranchId");
        assert!(why.contains("0 to 11"), "{why}");
        assert_eq!(feature(None, &config).unwrap(), DeepFeature::Inside);
    }
}
