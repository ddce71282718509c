//! Pictures used like prompts: the IP-Adapters of a request, from their files to the keys and values
//! that every step of the UNet takes beside the text's.
//!
//! diffusers' `load_ip_adapter` is the reference: the half for the negative prompt sees a picture of
//! zeros (plain adapters: an embedding of zeros), and several adapters add up.

use std::path::PathBuf;

use ndarray::{Array3, ArrayD, Axis, Ix3, Slice, concatenate};

use super::EngineError;
use super::image_encoder::{self, Eye, Features, Seen, Sight, once};
use super::loaded::Environment;
use super::session::{Input, Interrupt, Network, SessionError, release_freed_memory};
use crate::graph::{Emitted, GraphError, VisionOutput, image_key, image_prompt, image_value};
use crate::jobs::{Cancel, PictureSource};
use crate::task::{ImagePrompt, Request};
use crate::weights::{
    Checkpoint, CrossAttention, ImageProjection, IpAdapter, UnetConfig, cross_attentions,
};

/// Where adapters and guides come from.
pub(super) struct Sources<'a> {
    /// Folders of models, for image encoders.
    pub(super) models: &'a [PathBuf],
    pub(super) pictures: &'a dyn PictureSource,
    pub(super) cancel: &'a Cancel,
}

/// An image prompt whose files and guide were found to be usable.
pub(super) struct Opened {
    /// Its place in the task.
    index: usize,
    adapter: IpAdapter,
    projection: Emitted,
    eye: Eye,
    guide: Seen,
    weight: f32,
}

/// Opens everything that the image prompts of `request` need; computes nothing.
///
/// # Errors
/// When a file or a guide cannot be used, or an image encoder is missing.
pub(super) fn open(
    request: &Request,
    checkpoint: &Checkpoint,
    sources: &Sources<'_>,
) -> Result<Vec<Opened>, EngineError> {
    let prompts = request.image_prompts.iter().enumerate();
    prompts.map(|(index, prompt)| open_one(index, prompt, checkpoint, sources)).collect()
}

fn open_one(
    index: usize,
    prompt: &ImagePrompt,
    checkpoint: &Checkpoint,
    sources: &Sources<'_>,
) -> Result<Opened, EngineError> {
    let ImagePrompt { model, guide, weight } = prompt;
    let unusable = |why: String| EngineError::input(model_place(index), why);
    let adapter = IpAdapter::open(&model.path).map_err(|error| unusable(error.to_string()))?;
    adapter.require_fit(&checkpoint.unet_config).map_err(|error| unusable(error.to_string()))?;
    let broken = |error: GraphError| unusable(error.to_string());
    let projection = image_prompt(&adapter).map_err(broken)?;
    let encoder = image_encoder::find(&adapter, &model.path, sources.models)?;
    let output = match adapter.projection {
        ImageProjection::Linear { .. } => VisionOutput::Embedding,
        ImageProjection::PerToken | ImageProjection::Resampler(_) => VisionOutput::Penultimate,
    };
    let eye = Eye::of(&encoder, output).map_err(broken)?;
    let picture = sources
        .pictures
        .open(guide, sources.cancel)
        .map_err(|why| EngineError::input(format!("ipAdapters[{index}].guideImage"), why))?;
    let guide = eye.seen(&picture);
    Ok(Opened { index, adapter, projection, eye, guide, weight: *weight })
}

fn model_place(index: usize) -> String {
    format!("ipAdapters[{index}].model")
}

/// Runs image encoders and adapters for a job.
pub(super) struct Viewing<'a> {
    pub(super) environment: &'a Environment,
    pub(super) interrupt: &'a Interrupt,
    /// Features that earlier jobs computed; those of this job are put in.
    pub(super) known: &'a mut Features,
    /// Whether there is a half for the negative prompt.
    pub(super) guided: bool,
}

impl Viewing<'_> {
    /// The keys and values of `prompts` for a UNet of the shape `config`.
    ///
    /// # Errors
    /// When a network cannot be run, or gives values that are not numbers.
    pub(super) fn keys(
        &mut self,
        prompts: &[Opened],
        config: &UnetConfig,
    ) -> Result<ImageKeys, EngineError> {
        let layers = cross_attentions(config);
        let mut inputs = Vec::with_capacity(prompts.len() * layers.len() * 2);
        for (number, prompt) in prompts.iter().enumerate() {
            let all = match prompt.weight {
                0.0 => self.nothing(&layers),
                _ => self.keys_and_values(prompt)?,
            };
            inputs.extend(split(&all, &layers, (number, prompt.weight)));
        }
        if !prompts.is_empty() {
            release_freed_memory();
        }
        Ok(ImageKeys { inputs })
    }

    /// Keys and values that change nothing: those of a prompt of weight 0, whose place in the UNet stays,
    /// so that it need not be made anew when the weight comes back.
    fn nothing(&self, layers: &[CrossAttention]) -> Array3<f32> {
        let channels = layers.iter().map(|layer| 2 * layer.channels).sum();
        Array3::zeros((if self.guided { 2 } else { 1 }, 1, channels))
    }

    /// Those of one prompt side by side, `[1 or 2, image tokens, …]`, the negative half first.
    fn keys_and_values(&mut self, prompt: &Opened) -> Result<Array3<f32>, EngineError> {
        let Opened { index, adapter, projection, eye, guide, .. } = prompt;
        let positive =
            eye.look(Sight::Picture(guide), self.known, self.environment, self.interrupt)?;
        let negative = match (self.guided, adapter.projection) {
            (false, _) => None,
            (true, ImageProjection::Linear { .. }) => Some(ArrayD::zeros(positive.raw_dim())),
            (true, ImageProjection::PerToken | ImageProjection::Resampler(_)) => {
                Some(eye.look(Sight::Nothing, self.known, self.environment, self.interrupt)?)
            }
        };
        let finite = |values: &ArrayD<f32>| values.iter().all(|value| value.is_finite());
        let damaged = |what: &str, path: &std::path::Path| {
            let path = path.display();
            let why = format!("{what} gives values that are not numbers, it is damaged: {path}");
            EngineError::input(model_place(*index), why)
        };
        if !negative.iter().chain([&positive]).all(finite) {
            return Err(damaged("its image encoder", eye.file()));
        }
        let mut network = once(self.environment, "IP-Adapter", projection, self.interrupt)?;
        let mut rows = Vec::with_capacity(2);
        for features in negative.iter().chain([&positive]) {
            let inputs = vec![("features", Input::Floats(features.view()))];
            let row = network.run(inputs, self.interrupt)?;
            if !finite(&row) {
                return Err(damaged("this IP-Adapter", &adapter.component.path));
            }
            rows.push(row.into_dimensionality::<Ix3>().map_err(|error| shape(&error))?);
        }
        let rows: Vec<_> = rows.iter().map(|row| row.view()).collect();
        Ok(concatenate(Axis(0), &rows).map_err(|error| shape(&error))?)
    }
}

/// The keys and values of prompt `number` under the names of the UNet's inputs. Attention is linear in
/// its values, so that the weight goes into them.
fn split(
    all: &Array3<f32>,
    layers: &[CrossAttention],
    (number, weight): (usize, f32),
) -> Vec<(String, Array3<f32>)> {
    let mut start = 0;
    let mut take = |channels: usize| {
        let part = all.slice_axis(Axis(2), Slice::from(start..start + channels));
        start += channels;
        part.as_standard_layout().into_owned()
    };
    let both = layers.iter().flat_map(|CrossAttention { name, channels }| {
        let (keys, values) = (take(*channels), take(*channels) * weight);
        [(image_key(name, number), keys), (image_value(name, number), values)]
    });
    both.collect()
}

fn shape(error: &ndarray::ShapeError) -> SessionError {
    SessionError::Runtime { doing: "running the IP-Adapter".to_owned(), message: error.to_string() }
}

/// What the image prompts of a job add to every call of the UNet.
#[derive(Default)]
pub(super) struct ImageKeys {
    /// Name of the input, and `[rows, image tokens, channels]`: the rows of a conditioning's encodings.
    inputs: Vec<(String, Array3<f32>)>,
}

impl ImageKeys {
    /// The rows `order` of every input.
    pub(super) fn select(&self, order: &[usize]) -> Self {
        let select =
            |(name, array): &(String, Array3<f32>)| (name.clone(), array.select(Axis(0), order));
        Self { inputs: self.inputs.iter().map(select).collect() }
    }

    /// The inputs that `unet` takes: one that leaves out deep layers takes fewer.
    pub(super) fn inputs(&self, unet: &Network) -> Vec<(&str, Input<'_>)> {
        let taken = self.inputs.iter().filter(|(name, _)| unet.takes(name));
        taken.map(|(name, array)| (name.as_str(), Input::Floats(array.view().into_dyn()))).collect()
    }
}
