//! The stacks of a request: further models, how strongly each works, and when.
//!
//! Knows which card a task means, not what is in its file.

use std::sync::Arc;

use super::wire::{AcceleratorOptions, ControlNet, IpAdapter};
use super::{Air, Catalog, ControlMode, ImageRef, ModelCard, ModelKind, Task};

/// A LoRA or an embedding with its strength.
#[derive(Clone, Debug, PartialEq)]
pub struct Weighted {
    /// The file.
    pub model: Arc<ModelCard>,
    /// −4…4; 0 leaves the picture as it is.
    pub weight: f32,
}

/// A `ControlNet`, its guide, and when it guides.
#[derive(Clone, Debug, PartialEq)]
pub struct Control {
    /// The network.
    pub model: Arc<ModelCard>,
    /// The guide, already preprocessed.
    pub guide: ImageRef,
    /// 0–1.
    pub weight: f32,
    /// The steps that are guided.
    pub window: Window,
    /// Which counts more: the prompt or the guide.
    pub mode: ControlMode,
}

/// An IP-Adapter and the picture it follows.
#[derive(Clone, Debug, PartialEq)]
pub struct ImagePrompt {
    /// The network.
    pub model: Arc<ModelCard>,
    /// The picture.
    pub guide: ImageRef,
    /// 0–1.
    pub weight: f32,
}

/// Reuse of the UNet's deep features between steps (Ma et al. 2023, `DeepCache`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeepCache {
    /// Every so many steps everything is computed, at least 1.
    pub interval: u32,
    /// The branch that is still computed in between, from 0, the shallowest.
    pub branch: u32,
}

/// A part of the steps that a run takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    start: Edge,
    end: Edge,
}

/// Where a window begins or ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Edge {
    /// A step, counted from 1; it belongs to the window.
    Step(u32),
    /// A share of the steps, in percent.
    Percent(u32),
}

impl Window {
    /// Every step.
    pub const ALL: Self = Self { start: Edge::Percent(0), end: Edge::Percent(100) };

    /// What `control` says; steps go before percentages, of which `resolve` lets one through.
    fn of(control: &ControlNet) -> Self {
        let edge = |step: Option<u32>, percent: Option<u32>, otherwise| match (step, percent) {
            (Some(step), _) => Edge::Step(step),
            (None, Some(percent)) => Edge::Percent(percent),
            (None, None) => otherwise,
        };
        let ControlNet { start_step, start_step_percentage, end_step, end_step_percentage, .. } =
            control;
        Self {
            start: edge(*start_step, *start_step_percentage, Self::ALL.start),
            end: edge(*end_step, *end_step_percentage, Self::ALL.end),
        }
    }

    /// Whether prediction `call` of `calls` (from 0) belongs to the window, in a run of `steps`
    /// steps; Heun's sampler predicts twice a step. The rule for percentages is that of diffusers'
    /// `control_guidance_start` and `control_guidance_end`.
    #[must_use]
    pub fn contains(&self, call: usize, calls: usize, steps: usize) -> bool {
        let share = |done: usize| done as f64 / calls.max(1) as f64;
        let step = call * steps / calls.max(1) + 1;
        let begun = match self.start {
            Edge::Step(first) => step >= first as usize,
            Edge::Percent(percent) => share(call) >= f64::from(percent) / 100.0,
        };
        let ended = match self.end {
            Edge::Step(last) => step > last as usize,
            Edge::Percent(percent) => share(call + 1) > f64::from(percent) / 100.0,
        };
        begun && !ended
    }
}

/// The further models of `task` that the library has; `resolve` has complained about the others.
pub(super) struct Stacks<'a> {
    pub(super) task: &'a Task,
    catalog: &'a dyn Catalog,
}

impl<'a> Stacks<'a> {
    pub(super) const fn of(task: &'a Task, catalog: &'a dyn Catalog) -> Self {
        Self { task, catalog }
    }

    fn card(&self, air: Option<&str>, kind: ModelKind) -> Option<Arc<ModelCard>> {
        let air: Air = air?.parse().ok()?;
        self.catalog.model(&air).filter(|card| card.kind == kind)
    }

    fn weighted(
        &self,
        air: Option<&str>,
        weight: Option<f64>,
        kind: ModelKind,
    ) -> Option<Weighted> {
        Some(Weighted { model: self.card(air, kind)?, weight: strength(weight) })
    }

    /// `lora`, in the task's order.
    pub(super) fn loras(&self) -> Vec<Weighted> {
        let loras = self.task.lora.iter().flatten();
        loras
            .filter_map(|lora| self.weighted(lora.model.as_deref(), lora.weight, ModelKind::Lora))
            .collect()
    }

    /// `embeddings`, in the task's order.
    pub(super) fn embeddings(&self) -> Vec<Weighted> {
        let embeddings = self.task.embeddings.iter().flatten();
        embeddings
            .filter_map(|embedding| {
                let air = embedding.model.as_deref();
                self.weighted(air, embedding.weight, ModelKind::Embedding)
            })
            .collect()
    }

    /// `controlNet`, in the task's order.
    pub(super) fn controls(&self) -> Vec<Control> {
        let control = |control: &ControlNet| {
            Some(Control {
                model: self.card(control.model.as_deref(), ModelKind::ControlNet)?,
                guide: control.guide_image.clone()?,
                weight: strength(control.weight),
                window: Window::of(control),
                mode: control.control_mode.unwrap_or(ControlMode::Balanced),
            })
        };
        self.task.control_net.iter().flatten().filter_map(control).collect()
    }

    /// `ipAdapters`, in the task's order.
    pub(super) fn image_prompts(&self) -> Vec<ImagePrompt> {
        let image_prompt = |adapter: &IpAdapter| {
            Some(ImagePrompt {
                model: self.card(adapter.model.as_deref(), ModelKind::IpAdapter)?,
                guide: adapter.guide_image.clone()?,
                weight: strength(adapter.weight),
            })
        };
        self.task.ip_adapters.iter().flatten().filter_map(image_prompt).collect()
    }
}

/// The documented default of every weight is 1.
fn strength(weight: Option<f64>) -> f32 {
    weight.unwrap_or(1.0) as f32
}

impl DeepCache {
    /// The documented default of the interval.
    pub const INTERVAL: u32 = 3;

    /// What `options` say, if they switch it on.
    #[must_use]
    pub fn of(options: Option<&AcceleratorOptions>) -> Option<Self> {
        let options = options.filter(|options| options.deep_cache == Some(true))?;
        Some(Self {
            interval: options.deep_cache_interval.unwrap_or(Self::INTERVAL),
            branch: options.deep_cache_branch_id.unwrap_or(0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guided(window: Window, calls: usize, steps: usize) -> Vec<usize> {
        (0..calls).filter(|&call| window.contains(call, calls, steps)).collect()
    }

    #[test]
    fn a_window_of_steps_holds_its_first_and_its_last() {
        let window = Window { start: Edge::Step(2), end: Edge::Step(4) };
        assert_eq!(guided(window, 6, 6), [1, 2, 3]);
        let open = Window { start: Edge::Step(5), end: Edge::Percent(100) };
        assert_eq!(guided(open, 6, 6), [4, 5]);
    }

    #[test]
    fn heuns_second_predictions_belong_to_their_step() {
        // Calls 0,1 | 2,3 | 4,5 | 6 of four steps.
        let window = Window { start: Edge::Step(2), end: Edge::Step(3) };
        assert_eq!(guided(window, 7, 4), [2, 3, 4, 5]);
    }

    /// 1.0 - float(i / n < start or (i + 1) / n > end), as diffusers computes it.
    #[test]
    fn percentages_follow_the_reference() {
        let window = |start, end| Window { start: Edge::Percent(start), end: Edge::Percent(end) };
        assert_eq!(guided(window(0, 100), 4, 4), [0, 1, 2, 3]);
        assert_eq!(guided(window(25, 75), 4, 4), [1, 2]);
        assert_eq!(guided(window(26, 74), 4, 4), [0; 0]);
        assert_eq!(guided(window(30, 70), 10, 10), [3, 4, 5, 6]);
        assert_eq!(guided(window(0, 1), 20, 20), [0; 0]);
    }
}
