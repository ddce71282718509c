//! `ControlNets` of a run: their guides, when and how strongly each works, and their sessions, kept
//! warm between jobs.
//!
//! How `controlMode` changes a `ControlNet`'s residuals, of which there are `count`, the outermost
//! first and the middle's last (13 for SD 1.x):
//!
//! - `balanced`: as they are, times the weight.
//! - `controlnet`: for the positive prompt only, residual i times 10^(−1 + i / (count − 1)). Diffusers'
//!   guess mode (`ControlNetModel.forward`).
//! - `prompt`: for both prompts, residual i times 0.825^(count − 1 − i). "My prompt is more important"
//!   of sd-webui-controlnet, whose 0.825^(12 − i) this is for 13 residuals.
//!
//! A network that pools its residuals (`shuffle`) works for the positive prompt only and takes no
//! factors in `controlnet` mode, both as in diffusers.

mod warm;

use std::path::PathBuf;
use std::sync::Arc;

use ndarray::{Array1, Array3, Array4, ArrayD, Axis, IxDyn, Slice};

pub(super) use warm::Warm;

use super::loaded::Loaded;
use super::session::{Input, Interrupt, SessionError, release_freed_memory};
use super::{EngineError, Mode};
use crate::graph::{control_residual_names, control_residuals, controlnet_guide};
use crate::jobs::{Cancel, PictureSource};
use crate::pixels::{Extent, PaintArea, Picture};
use crate::sampling::Latent;
use crate::task::{Control, ControlMode, Request, Window};
use crate::weights::{ControlNet, UnetConfig};

/// Factor from a residual to the one further out in `prompt` mode.
const SOFT: f32 = 0.825;

/// The share of the outermost residual in `controlnet` mode, as a power of ten.
const OUTERMOST: f32 = -1.0;

/// A control of a request whose network and guide were found to be usable.
pub(super) struct Guide {
    net: Arc<ControlNet>,
    path: PathBuf,
    /// `[1, 3, height, width]` in 0–1.
    picture: Array4<f32>,
    weight: f32,
    window: Window,
    mode: ControlMode,
}

/// Reads the guides and networks that `request` names, before anything is computed with them.
///
/// # Errors
/// When one cannot be had, is damaged or does not fit the model; names its place in the task.
pub(super) fn open(
    request: &Request,
    area: Option<&PaintArea>,
    loaded: &mut Loaded,
    (pictures, cancel): (&dyn PictureSource, &Cancel),
) -> Result<Vec<Guide>, EngineError> {
    let mut guides = Vec::with_capacity(request.controls.len());
    for (index, control) in request.controls.iter().enumerate() {
        let Control { model, guide, weight, window, mode } = control;
        let unusable = |member: &str, why: String| {
            EngineError::input(format!("controlNet[{index}].{member}"), why)
        };
        let picture = pictures.open(guide, cancel).map_err(|why| unusable("guideImage", why))?;
        let (warm, checkpoint, environment) = loaded.controls();
        let net = warm.open(model, (checkpoint, environment), *weight != 0.0, cancel);
        let net = net.map_err(|why| unusable("model", why))?;
        // A guide shows the whole picture, also where only a part of it is painted.
        let picture = match area {
            Some(area) => area.guide(&picture, request.extent),
            None => picture.covering(request.extent),
        };
        let picture = values(&picture, net.blue_first);
        let path = model.path.clone();
        guides.push(Guide { net, path, picture, weight: *weight, window: *window, mode: *mode });
    }
    // Without a weight a ControlNet changes nothing; the UNet takes its residuals all the same, so that
    // it need not be made anew when the weight comes back.
    guides.retain(|guide| guide.weight > 0.0);
    Ok(guides)
}

/// A guide as its network takes it, `[1, 3, height, width]` in 0–1, alpha left out.
fn values(picture: &Picture, blue_first: bool) -> Array4<f32> {
    let Extent { width, height } = picture.extent();
    let (width, height) = (width as usize, height as usize);
    let rgba = picture.rgba();
    Array4::from_shape_fn((1, 3, height, width), |(_, channel, y, x)| {
        let channel = if blue_first { 2 - channel } else { channel };
        f32::from(rgba[(y * width + x) * 4 + channel]) / 255.0
    })
}

/// A control that is ready for every step.
pub(super) struct Ready {
    path: PathBuf,
    /// What the network makes of the guide, `[1, channels, h, w]`.
    embedding: ArrayD<f32>,
    /// What each residual is multiplied by.
    scales: ArrayD<f32>,
    window: Window,
    positive_only: bool,
}

/// Loads the networks of `guides` and shows each its guide.
pub(super) fn prepare(
    guides: &[Guide],
    loaded: &mut Loaded,
    mode: Mode,
    interrupt: &Interrupt,
) -> Result<Vec<Ready>, EngineError> {
    let mut ready = Vec::with_capacity(guides.len());
    let paths: Vec<&PathBuf> = guides.iter().map(|guide| &guide.path).collect();
    let reach = loaded.reach();
    let (warm, _, environment) = loaded.controls();
    warm.make_room(&paths);
    for Guide { net, path, picture, weight, window, mode: control_mode } in guides {
        let emit = |dialect| controlnet_guide(net, dialect);
        // It runs once: nothing packed ahead would pay.
        let mut embedder =
            environment.open("ControlNet's guide", Mode::LowMemory, interrupt, emit)?;
        let guide = vec![("guide", Input::Floats(picture.view().into_dyn()))];
        let embedding = embedder.run(guide, interrupt)?;
        drop(embedder);
        release_freed_memory();
        warm.load(path, (mode, reach), environment, interrupt)?;
        let count = control_residuals(&net.encoder).len();
        ready.push(Ready {
            path: path.clone(),
            embedding,
            scales: scales(*control_mode, *weight, (count, net.pools)).into_dyn(),
            window: *window,
            positive_only: net.pools || *control_mode == ControlMode::ControlNet,
        });
    }
    Ok(ready)
}

/// What each of `count` residuals is multiplied by, the outermost first.
fn scales(mode: ControlMode, weight: f32, (count, pools): (usize, bool)) -> Array1<f32> {
    let last = count.saturating_sub(1);
    Array1::from_shape_fn(count, |index| {
        let factor = match mode {
            ControlMode::Balanced => 1.0,
            ControlMode::Prompt => SOFT.powi((last - index) as i32),
            ControlMode::ControlNet if pools => 1.0,
            ControlMode::ControlNet => {
                10_f32.powf(OUTERMOST * (1.0 - index as f32 / last.max(1) as f32))
            }
        };
        factor * weight
    })
}

/// The controls of one sampling loop.
pub(super) struct Steering<'a> {
    ready: &'a [Ready],
    warm: &'a mut Warm,
    /// Channels and downscale of every residual.
    shapes: Vec<(usize, usize)>,
    names: Vec<String>,
    /// Predictions in the loop, and its steps.
    calls: usize,
    steps: usize,
}

/// What the UNet is about to be asked.
pub(super) struct Question<'a> {
    pub(super) sample: &'a Latent,
    pub(super) timestep: &'a Array1<f32>,
    pub(super) encodings: &'a Array3<f32>,
    /// Whether the first half of the rows is for the negative prompt.
    pub(super) guided: bool,
    /// So many residuals are heard, from the outermost; all when `None`.
    pub(super) reach: Option<usize>,
}

impl<'a> Steering<'a> {
    /// Of a loop of `steps` steps, in which the UNet of that shape is asked `calls` times.
    pub(super) fn new(
        ready: &'a [Ready],
        warm: &'a mut Warm,
        config: &UnetConfig,
        (calls, steps): (usize, usize),
    ) -> Self {
        let shapes = control_residuals(config);
        let names = control_residual_names(shapes.len());
        Self { ready, warm, shapes, names, calls, steps }
    }

    /// What the UNet takes beside its other inputs at `call` (from 0): each residual with the name
    /// of its input, the sum over all controls whose window holds the call.
    pub(super) fn residuals(
        &mut self,
        call: usize,
        question: &Question<'_>,
        interrupt: &Interrupt,
    ) -> Result<Vec<(&str, ArrayD<f32>)>, SessionError> {
        let mut sum: Option<Vec<ArrayD<f32>>> = None;
        let heard = question.reach.unwrap_or(usize::MAX).min(self.names.len());
        let shapes = self.shapes.get(..heard).unwrap_or_default();
        let active = |ready: &&Ready| ready.window.contains(call, self.calls, self.steps);
        for ready in self.ready.iter().filter(active) {
            let network = self.warm.network(&ready.path, question.reach)?;
            let rows = question.sample.len_of(Axis(0));
            let first = if question.guided && ready.positive_only { rows / 2 } else { 0 };
            let inputs = inputs(question, ready, Slice::from(first..));
            let answer = network.run_for(heard, inputs, interrupt)?;
            match &mut sum {
                None if first == 0 => sum = Some(answer),
                sum => {
                    let sum = sum.get_or_insert_with(|| zeros(shapes, question.sample));
                    for (sum, answer) in sum.iter_mut().zip(answer) {
                        let mut part = sum.slice_axis_mut(Axis(0), Slice::from(first..));
                        part += &answer;
                    }
                }
            }
        }
        let sum = sum.unwrap_or_else(|| zeros(shapes, question.sample));
        Ok(self.names.iter().map(String::as_str).zip(sum).collect())
    }
}

/// The inputs of a `ControlNet` for the rows of `rows`.
fn inputs<'a>(
    question: &'a Question<'_>,
    ready: &'a Ready,
    rows: Slice,
) -> Vec<(&'static str, Input<'a>)> {
    let Question { sample, timestep, encodings, .. } = question;
    vec![
        ("sample", Input::Floats(sample.slice_axis(Axis(0), rows).into_dyn())),
        ("timestep", Input::Floats(timestep.view().into_dyn())),
        ("encoder_hidden_states", Input::Floats(encodings.slice_axis(Axis(0), rows).into_dyn())),
        ("guide_embedding", Input::Floats(ready.embedding.view())),
        ("scales", Input::Floats(ready.scales.view())),
    ]
}

/// Residuals of a call that nothing guides.
fn zeros(shapes: &[(usize, usize)], sample: &Latent) -> Vec<ArrayD<f32>> {
    let (rows, _, height, width) = sample.dim();
    let side = |side: usize, downscale: usize| side.div_ceil(downscale);
    (shapes.iter())
        .map(|&(channels, downscale)| {
            let (height, width) = (side(height, downscale), side(width, downscale));
            ArrayD::zeros(IxDyn(&[rows, channels, height, width]))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: &Array1<f32>, expected: &[f32]) -> bool {
        found.len() == expected.len()
            && found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6)
    }

    /// torch.logspace(-1, 0, 13) and 0.825 ** (12 - i), as Python prints them.
    #[test]
    fn modes_weigh_the_thirteen_residuals_of_sd1_as_their_sources_do() {
        let of = |mode| scales(mode, 1.0, (13, false));
        assert!(close(&of(ControlMode::Balanced), &[1.0; 13]));
        let logspace = [
            0.1, 0.121_153, 0.146_78, 0.177_828, 0.215_443, 0.261_016, 0.316_228, 0.383_119,
            0.464_159, 0.562_341, 0.681_292, 0.825_404, 1.0,
        ];
        assert!(close(&of(ControlMode::ControlNet), &logspace));
        let soft = [
            0.099_414, 0.120_502, 0.146_063, 0.177_046, 0.214_601, 0.260_122, 0.315_3, 0.382_182,
            0.463_25, 0.561_516, 0.680_625, 0.825, 1.0,
        ];
        assert!(close(&of(ControlMode::Prompt), &soft));
    }

    #[test]
    fn a_weight_multiplies_and_pooling_takes_no_logspace() {
        assert!(close(
            &scales(ControlMode::ControlNet, 0.5, (3, false)),
            &[0.05, 0.158_113_88, 0.5]
        ));
        assert!(close(&scales(ControlMode::ControlNet, 0.5, (3, true)), &[0.5; 3]));
    }

    #[test]
    fn a_guide_becomes_planes_of_shares_in_the_order_its_network_wants() {
        let picture = Picture::from_fn(Extent::new(2, 1), |x, _| [255, 51, x as u8 * 102, 7]);
        let planes = |blue_first| values(&picture, blue_first).into_raw_vec_and_offset().0;
        assert_eq!(planes(false), [1.0, 1.0, 0.2, 0.2, 0.0, 0.4]);
        assert_eq!(planes(true), [0.0, 0.4, 0.2, 0.2, 1.0, 1.0]);
    }
}
