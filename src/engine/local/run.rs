//! One job on its way through the model: prompts and pictures encoded, sampled, decoded.

use std::ops::ControlFlow;

use ndarray::Axis;

use crate::engine::control::{Ready, Steering};
use crate::engine::deep_cache::{Pace, Shortcut};
use crate::engine::embeddings::Embeddings;
use crate::engine::image_prompt::Opened;
use crate::engine::loaded::{Denoisers, Loaded, Part, Prompts};
use crate::engine::preview::Preview;
use crate::engine::safety::Classifier;
use crate::engine::sampling_loop::{Conditioning, Guided};
use crate::engine::session::{Interrupt, SessionError};
use crate::engine::start::{SetOut, Start};
use crate::engine::{EngineError, Mode};
use crate::jobs::{EventSink, Job, NsfwScore, Owed, Progress};
use crate::pixels::{PaintArea, Picture};
use crate::sampling::{
    Halt, Latent, NoiseSource as _, Outside, RowNoise, Schedule, ScheduleError, SchedulerConfig,
    Step,
};
use crate::task::{Request, StartFrom};
use crate::weights::Checkpoint;

/// What all pictures of a job share.
pub(super) struct Given {
    pub(super) conditioning: Conditioning,
    pub(super) start: Option<Start>,
    pub(super) controls: Vec<Ready>,
    pub(super) preview: Option<Preview>,
}

/// What sampling has left: a latent for each picture.
pub(super) struct Sampled {
    pub(super) latents: Vec<Latent>,
    /// What `DeepCache` has gained.
    pub(super) speed_up: Option<f32>,
}

/// One job on its way through the model.
pub(super) struct Run<'a> {
    pub(super) job: &'a Job,
    pub(super) events: &'a EventSink,
    pub(super) interrupt: &'a Interrupt,
    pub(super) mode: Mode,
}

impl Run<'_> {
    fn request(&self) -> &Request {
        &self.job.request
    }

    /// Encodes the prompts, pictures first: they can still turn out to be unusable. The text encoder
    /// is freed afterwards where memory is what counts.
    pub(super) fn condition(
        &self,
        loaded: &mut Loaded,
        embeddings: &Embeddings,
        image_prompts: &[Opened],
    ) -> Result<Conditioning, EngineError> {
        let request = self.request();
        let guidance = (request.cfg_scale > 1.0).then_some(request.cfg_scale);
        let images = loaded.image_keys(image_prompts, guidance.is_some(), self.interrupt)?;
        let prompts = Prompts {
            positive: &request.positive_prompt,
            negative: &request.negative_prompt,
            guided: guidance.is_some(),
            syntax: request.prompt_weighting.into(),
            clip_skip: request.clip_skip as usize,
            embeddings,
        };
        let encodings = loaded.encode(&prompts, self.mode, self.interrupt)?;
        if self.mode == Mode::LowMemory {
            loaded.unload(Part::TextEncoder);
        }
        Ok(Conditioning { encodings, images, guidance })
    }

    /// The picture to start from, encoded.
    pub(super) fn start(
        &self,
        loaded: &mut Loaded,
        area: PaintArea,
        from: &StartFrom,
    ) -> Result<Start, EngineError> {
        let posterior = loaded.encode_picture(area.picture(), self.mode, self.interrupt)?;
        if self.mode == Mode::LowMemory {
            loaded.unload(Part::VaeEncoder);
        }
        let steps_taken = from.steps_taken(self.request().steps);
        Ok(Start { area, posterior, strength: from.strength, steps_taken })
    }

    /// The finished picture of `latent`.
    pub(super) fn paint(
        &self,
        loaded: &mut Loaded,
        given: &Given,
        latent: &Latent,
    ) -> Result<Picture, EngineError> {
        let painted = loaded.decode(latent, self.mode, self.interrupt)?;
        Ok(match &given.start {
            Some(start) => start.area.put_back(painted),
            None => painted,
        })
    }

    /// What `classifier`, if there is one, says of a finished picture.
    pub(super) fn check(
        &self,
        classifier: Option<&mut Classifier>,
        picture: &Picture,
    ) -> Result<Option<NsfwScore>, EngineError> {
        let Some(classifier) = classifier else { return Ok(None) };
        let score = classifier.score(picture, self.interrupt)?;
        Ok(Some(NsfwScore { score, threshold: NsfwScore::THRESHOLD }))
    }

    /// Noise, or a noisy picture, to the latents of the pictures `owed`, which take their steps
    /// together. Each is what it would be alone.
    pub(super) fn sample(
        &self,
        loaded: &mut Loaded,
        given: &Given,
        owed: &[Owed],
    ) -> Result<Sampled, EngineError> {
        let request = self.request();
        let mut noise = RowNoise::new(owed.iter().map(|owed| request.seed + u64::from(owed.index)));
        let schedule = self.schedule(loaded)?;
        let (x, schedule, masked) = match &given.start {
            None => {
                let fresh = noise.randn(self.shape(loaded, noise.rows()));
                (fresh * schedule.init_noise_sigma(), schedule, None)
            }
            Some(start) => {
                let cell = loaded.checkpoint().vae_config.downscale() as u32;
                match start.set_out(request.steps, schedule, cell, &mut noise) {
                    SetOut::Steps(begin) => (begin.x, begin.schedule, begin.masked),
                    SetOut::NoStep(latents) => {
                        return Ok(Sampled { latents: one_by_one(&latents), speed_up: None });
                    }
                }
            }
        };
        let config = loaded.checkpoint().unet_config.clone();
        let Denoisers { unet, outer, controls } = loaded.denoisers(self.mode, self.interrupt)?;
        // One prediction for each level but the end.
        let length = (schedule.levels.len() - 1, schedule.steps());
        let steering = (!request.controls.is_empty())
            .then(|| Steering::new(&given.controls, controls, &config, length));
        let mut denoiser = Guided {
            unet,
            conditioning: &given.conditioning.repeated(noise.rows()),
            prediction: schedule.prediction(),
            interrupt: self.interrupt,
            steering,
            shortcut: outer
                .zip(request.deep_cache)
                .map(|(outer, asked)| Shortcut::new(outer, asked)),
            calls: 0,
            pace: Pace::default(),
        };
        let mut on_step = |step: Step<'_>| self.report(owed, &step, given.preview.as_ref());
        let mut outside =
            Outside { noise: &mut noise, on_step: &mut on_step, masked: masked.as_ref() };
        let sampler = schedule.sampler();
        let latents = sampler.sample(&schedule, &mut denoiser, x, &mut outside);
        let mut latents = latents.map_err(|halt| match halt {
            Halt::Stopped => SessionError::Interrupted.into(),
            Halt::Failed(error) => error,
        })?;
        if let Some(masked) = &masked {
            masked.finish(&mut latents);
        }
        let speed_up = denoiser.pace.speed_up();
        if let Some(times) = speed_up {
            tracing::info!(times, calls = denoiser.calls, "DeepCache made the steps faster");
        }
        Ok(Sampled { latents: one_by_one(&latents), speed_up })
    }

    fn schedule(&self, loaded: &Loaded) -> Result<Schedule, EngineError> {
        let request = self.request();
        let (sampler, spacing) = request
            .scheduler
            .recipe
            .ok_or(EngineError::SchedulerNotHere(request.scheduler.name))?;
        let config = scheduler_config(loaded.checkpoint())?;
        Ok(Schedule::new(&config, sampler, spacing, request.steps as usize)?)
    }

    /// The shape of `rows` latents, `[rows, channels, height / cell, width / cell]`.
    fn shape(&self, loaded: &Loaded, rows: usize) -> (usize, usize, usize, usize) {
        let vae = &loaded.checkpoint().vae_config;
        let side = |pixels: u32| pixels as usize / vae.downscale();
        let extent = self.request().extent;
        (rows, vae.latent_channels, side(extent.height), side(extent.width))
    }

    /// Tells of a step that the pictures `owed` took together.
    fn report(&self, owed: &[Owed], step: &Step<'_>, preview: Option<&Preview>) -> ControlFlow<()> {
        let (done, total) = (step.index as u32 + 1, step.total as u32);
        for (&Owed { index: image, .. }, denoised) in owed.iter().zip(step.denoised.outer_iter()) {
            if self.job.cancel.is_cancelled() {
                return ControlFlow::Break(());
            }
            let preview = preview.and_then(|preview| preview.picture(&denoised));
            self.events.send(self.job.id, Progress::Step { image, done, total, preview });
        }
        ControlFlow::Continue(())
    }
}

/// The model's scheduler settings, with the two corrections that diffusers' SD 1.x pipeline makes
/// to old configs: steps are counted from 1, and predicted latents are not clipped.
fn scheduler_config(checkpoint: &Checkpoint) -> Result<SchedulerConfig, ScheduleError> {
    let config = match &checkpoint.scheduler_config {
        Some(json) => SchedulerConfig::from_json(&json.to_string())?,
        None => SchedulerConfig::default(),
    };
    Ok(SchedulerConfig { steps_offset: Some(1), clip_sample: Some(false), ..config })
}

/// Every row of `latents` as a latent of its own.
fn one_by_one(latents: &Latent) -> Vec<Latent> {
    latents.axis_chunks_iter(Axis(0), 1).map(|row| row.to_owned()).collect()
}
