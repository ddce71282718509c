//! The UNet as the sampler's denoiser, with classifier-free guidance.

use std::time::Instant;

use ndarray::{Array1, Array3, Axis, Ix4, Slice, concatenate};

use super::EngineError;
use super::control::{Question, Steering};
use super::deep_cache::{Pace, Shortcut};
use super::image_prompt::ImageKeys;
use super::session::{Input, Interrupt, Network, SessionError};
use crate::sampling::{Denoiser, Latent, NoiseLevel, Prediction, guide, model_input};

/// What a prompt asks of every step.
pub(super) struct Conditioning {
    /// `[1, tokens, channels]`, or `[2, …]` with the negative prompt first when guided; for several
    /// pictures at once so many of each.
    pub(super) encodings: Array3<f32>,
    /// What pictures say beside the text, in the same rows.
    pub(super) images: ImageKeys,
    /// Guidance scale; `None` without guidance.
    pub(super) guidance: Option<f32>,
}

impl Conditioning {
    /// The same for `rows` pictures at once: the negative prompts first, where there are any.
    pub(super) fn repeated(&self, rows: usize) -> Self {
        let order: Vec<usize> = (0..self.encodings.len_of(Axis(0)))
            .flat_map(|prompt| std::iter::repeat_n(prompt, rows))
            .collect();
        Self {
            encodings: self.encodings.select(Axis(0), &order),
            images: self.images.select(&order),
            guidance: self.guidance,
        }
    }
}

/// A UNet that predicts clean latents for one conditioning.
pub(super) struct Guided<'a> {
    pub(super) unet: &'a mut Network,
    pub(super) conditioning: &'a Conditioning,
    pub(super) prediction: Prediction,
    pub(super) interrupt: &'a Interrupt,
    /// `ControlNets`; the UNet takes residuals where there are any.
    pub(super) steering: Option<Steering<'a>>,
    /// The UNet's outer layers, for most calls.
    pub(super) shortcut: Option<Shortcut<'a>>,
    /// Network calls so far, and how long they took.
    pub(super) calls: usize,
    pub(super) pace: Pace,
}

impl Denoiser for Guided<'_> {
    type Error = EngineError;

    fn denoise(&mut self, noisy: &Latent, level: NoiseLevel) -> Result<Latent, EngineError> {
        self.calls += 1;
        let input = model_input(noisy, level.sigma);
        let output = match self.conditioning.guidance {
            None => self.predict(&input, level.timestep)?,
            Some(scale) => {
                let both = stacked(&input, &input)?;
                let output = self.predict(&both, level.timestep)?;
                let half = output.len_of(Axis(0)) / 2;
                let part = |slice: Slice| output.slice_axis(Axis(0), slice).to_owned();
                guide(&part(Slice::from(..half)), &part(Slice::from(half..)), scale)
            }
        };
        if output.iter().any(|value| !value.is_finite()) {
            return Err(EngineError::NotNumbers { part: "UNet", step: self.calls });
        }
        Ok(self.prediction.denoised(noisy, output, level.sigma))
    }
}

impl Guided<'_> {
    fn predict(&mut self, input: &Latent, timestep: f32) -> Result<Latent, EngineError> {
        let timestep = Array1::from_elem(1, timestep);
        let encodings = &self.conditioning.encodings;
        let guided = self.conditioning.guidance.is_some();
        let (started, call) = (Instant::now(), self.calls - 1);
        let shortcut = self.shortcut.as_ref();
        let deep = shortcut.and_then(|shortcut| shortcut.deep_feature(call));
        let reach = shortcut.filter(|_| deep.is_some()).map(Shortcut::reach);
        let question = Question { sample: input, timestep: &timestep, encodings, guided, reach };
        let residuals = match &mut self.steering {
            Some(steering) => steering.residuals(call, &question, self.interrupt)?,
            None => Vec::new(),
        };
        let mut inputs = vec![
            ("sample", Input::Floats(input.view().into_dyn())),
            ("timestep", Input::Floats(timestep.view().into_dyn())),
            ("encoder_hidden_states", Input::Floats(encodings.view().into_dyn())),
        ];
        for (name, residual) in &residuals {
            inputs.push((name, Input::Floats(residual.view())));
        }
        if let Some(deep) = &deep {
            inputs.push(("deep_feature", Input::Floats(deep.view())));
        }
        let output = match &mut self.shortcut {
            Some(shortcut) if deep.is_some() => {
                inputs.extend(self.conditioning.images.inputs(shortcut.outer));
                shortcut.outer.run(inputs, self.interrupt)?
            }
            shortcut => {
                inputs.extend(self.conditioning.images.inputs(self.unet));
                match shortcut {
                    Some(shortcut) => shortcut.whole(self.unet, inputs, self.interrupt)?,
                    None => self.unet.run(inputs, self.interrupt)?,
                }
            }
        };
        self.pace.count(started, reach.is_none());
        output.into_dimensionality::<Ix4>().map_err(|error| shape(&error).into())
    }
}

fn stacked(a: &Latent, b: &Latent) -> Result<Latent, EngineError> {
    concatenate(Axis(0), &[a.view(), b.view()]).map_err(|error| shape(&error).into())
}

fn shape(error: &ndarray::ShapeError) -> SessionError {
    SessionError::Runtime { doing: "predicting noise".to_owned(), message: error.to_string() }
}
