//! The local engine as a runner of jobs: request in, pictures out, one job at a time.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use ndarray::Axis;

use super::control::{self, Ready, Steering};
use super::deep_cache::{self, Pace, Shortcut};
use super::device::{Chosen, choose};
use super::embeddings::Embeddings;
use super::image_prompt::{self, Opened, Sources};
use super::loaded::{Denoisers, Environment, Loaded, Part, Prompts};
use super::preview::Preview;
use super::runtime::{Runtime, SearchPath};
use super::safety::{Classifier, ClassifierPath};
use super::sampling_loop::{Conditioning, Guided};
use super::session::{Interrupt, SessionError, release_freed_memory};
use super::start::{SetOut, Start};
use super::{EngineError, Mode, mode, start, together};
use crate::graph::UnetInputs;
use crate::jobs::{
    Device, EventSink, Failure, ImageRecord, Job, Keeper, NsfwScore, Owed, PictureSource, Progress,
    Runner,
};
use crate::pixels::{PaintArea, Picture};
use crate::sampling::{
    Halt, Latent, NoiseSource as _, Outside, RowNoise, Schedule, ScheduleError, SchedulerConfig,
    Step,
};
use crate::task::{ModelCard, Request, StartFrom};
use crate::weights::Checkpoint;

/// What the engine is told when it starts.
#[derive(Clone)]
pub struct Settings {
    /// Where ONNX Runtime is looked for.
    pub search: SearchPath,
    /// The only device to use beside the CPU (`LATELIER_DEVICE`); any that works when `None`.
    pub device: Option<String>,
    /// Threads of the CPU kernels.
    pub threads: usize,
    /// How to hold weights; chosen from the work when `None`.
    pub mode: Option<Mode>,
    /// How many pictures of a job take their steps together; chosen from the work when `None`.
    pub together: Option<u32>,
    /// Where the network behind `checkNSFW` is looked for.
    pub classifier: ClassifierPath,
    /// Whether steps come with a rough picture.
    pub previews: bool,
    /// Where finished pictures go.
    pub keeper: Arc<dyn Keeper>,
    /// Where the pictures that tasks name come from.
    pub pictures: Arc<dyn PictureSource>,
    /// Tells the folders of models, in which the image encoders of IP-Adapters are looked for; asked for
    /// each job, since folders are added while the engine lives.
    pub models: Arc<dyn Fn() -> Vec<PathBuf> + Send + Sync>,
}

/// Runs jobs on this machine.
pub struct LocalEngine {
    settings: Settings,
    environment: Option<Environment>,
    loaded: Option<Loaded>,
    classifier: Option<Classifier>,
}

impl LocalEngine {
    /// An engine that has looked for nothing yet.
    #[must_use]
    pub const fn new(settings: Settings) -> Self {
        Self { settings, environment: None, loaded: None, classifier: None }
    }

    fn environment(&mut self) -> Result<Environment, EngineError> {
        if let Some(environment) = &self.environment {
            return Ok(environment.clone());
        }
        let runtime = Runtime::find(&self.settings.search)?;
        let device = choose(&runtime, self.settings.device.as_deref());
        let environment = Environment { runtime, device, threads: self.settings.threads };
        self.environment = Some(environment.clone());
        Ok(environment)
    }

    /// The model of `card`, kept from the last job if it is the same.
    fn open(&mut self, card: &ModelCard) -> Result<&mut Loaded, EngineError> {
        let environment = self.environment()?;
        if !self.loaded.as_ref().is_some_and(|loaded| loaded.is(card)) {
            self.loaded = None;
            release_freed_memory();
        }
        match &mut self.loaded {
            Some(loaded) => Ok(loaded),
            empty => Ok(empty.insert(Loaded::open(environment, card)?)),
        }
    }

    fn generate(&mut self, job: &Job, events: &EventSink) -> Result<(), EngineError> {
        let runtime = self.environment()?.runtime;
        let interrupt = Interrupt::new(&runtime)?;
        let on_cancel = interrupt.clone();
        job.cancel.on_cancel(move || on_cancel.interrupt());

        let mut classifier = self.take_classifier(&job.request, &interrupt)?;
        let made = self.make(job, events, &interrupt, classifier.as_mut());
        self.keep_classifier(classifier);
        self.settle();
        made
    }

    /// Makes the pictures that the job still owes.
    fn make(
        &mut self,
        job: &Job,
        events: &EventSink,
        interrupt: &Interrupt,
        mut classifier: Option<&mut Classifier>,
    ) -> Result<(), EngineError> {
        let Settings {
            mode: wanted, together, previews, keeper, pictures, threads, models, ..
        } = self.settings.clone();
        let loaded = self.open(&job.request.model)?;
        let device = describe(loaded.device(), threads);
        events.send(job.id, Progress::Started { device });
        let mode = wanted.unwrap_or_else(|| {
            mode::choose(&job.request, loaded.checkpoint(), loaded.held(Part::Unet))
        });
        let run = Run { job, events, interrupt, mode };
        // First what can be wrong with the task: nothing is computed for a picture that is none.
        let area = start::area(&job.request, pictures.as_ref(), &job.cancel)?;
        loaded.wear(&job.request.loras)?;
        let width = loaded.checkpoint().text_config.hidden_size;
        let embeddings = Embeddings::open(&job.request.embeddings, width)?;
        let guides = control::open(&job.request, loaded, pictures.as_ref(), &job.cancel)?;
        let sources =
            Sources { models: &models(), pictures: pictures.as_ref(), cancel: &job.cancel };
        let image_prompts = image_prompt::open(&job.request, loaded.checkpoint(), &sources)?;
        let deep_feature =
            deep_cache::feature(job.request.deep_cache, &loaded.checkpoint().unet_config)?;
        loaded.shape_unet(UnetInputs {
            control_residuals: !guides.is_empty(),
            image_prompts: image_prompts.len(),
            deep_feature,
        });
        let conditioning = run.condition(loaded, &embeddings, &image_prompts)?;
        let start = area.zip(job.request.start.as_ref());
        let start = start.map(|(area, from)| run.start(loaded, area, from)).transpose()?;
        let controls = control::prepare(&guides, loaded, mode, interrupt)?;
        let preview = if previews { Some(loaded.preview(mode, interrupt)?) } else { None };
        let given = Given { conditioning, start, controls, preview };
        let at_once = together.unwrap_or_else(|| together::choose(&job.request, loaded));
        let mut not_sent = None;
        for owed in job.owed.chunks(at_once.max(1) as usize) {
            let started = Instant::now();
            let Sampled { latents, speed_up } = run.sample(loaded, &given, owed)?;
            let share = started.elapsed() / latents.len() as u32;
            for (&Owed { index, image_uuid }, latent) in owed.iter().zip(latents) {
                let started = Instant::now();
                let picture = run.paint(loaded, &given, &latent)?;
                let nsfw = run.check(classifier.as_deref_mut(), &picture)?;
                let record = ImageRecord {
                    image_uuid,
                    request: Arc::clone(&job.request),
                    index,
                    seed: job.request.seed + u64::from(index),
                    picture,
                    nsfw,
                    path: None,
                    elapsed: share + started.elapsed(),
                    speed_up,
                };
                let record = keep(record, keeper.as_ref(), job, events)?;
                // A picture that does not arrive is no reason to make the others wait.
                not_sent = not_sent.or(keeper.deliver(&record, &job.cancel).err());
            }
        }
        not_sent.map_or(Ok(()), |failure| Err(EngineError::Keep(failure)))
    }

    /// Frees what need not stay until the next job.
    fn settle(&mut self) {
        if let Some(loaded) = &mut self.loaded {
            let memory_counts = loaded.held(Part::Unet) != Some(Mode::Fast);
            loaded.controls().0.settle(memory_counts);
        }
    }

    /// Keeps the classifier for the next job, unless memory is what counts.
    fn keep_classifier(&mut self, classifier: Option<Classifier>) {
        let held = self.loaded.as_ref().and_then(|loaded| loaded.held(Part::Unet));
        if held == Some(Mode::Fast) {
            self.classifier = classifier.or(self.classifier.take());
        } else if classifier.or(self.classifier.take()).is_some() {
            release_freed_memory();
        }
    }

    /// The classifier, if `request` asks for one: kept from the last job or loaded, before anything
    /// else is done.
    fn take_classifier(
        &mut self,
        request: &Request,
        interrupt: &Interrupt,
    ) -> Result<Option<Classifier>, EngineError> {
        if !request.check_nsfw {
            return Ok(None);
        }
        if let Some(classifier) = self.classifier.take() {
            return Ok(Some(classifier));
        }
        let file = self.settings.classifier.find()?;
        let Environment { runtime, threads, .. } = self.environment()?;
        Ok(Some(Classifier::open(&runtime, file, threads, interrupt)?))
    }
}

impl Runner for LocalEngine {
    fn prepare(&mut self) -> Result<Device, Failure> {
        let environment = self.environment().map_err(EngineError::into_failure)?;
        Ok(describe(&environment.device, environment.threads))
    }

    fn run(&mut self, job: &Job, events: &EventSink) -> Result<(), Failure> {
        self.generate(job, events).map_err(|error| {
            tracing::debug!("job {} ended: {error:?}", job.id);
            error.into_failure()
        })
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

/// Saves a picture and tells of it; one that cannot be saved is still shown.
fn keep(
    mut record: ImageRecord,
    keeper: &dyn Keeper,
    job: &Job,
    events: &EventSink,
) -> Result<Arc<ImageRecord>, EngineError> {
    let kept = keeper.keep(&record);
    record.path = kept.as_ref().ok().cloned();
    let record = Arc::new(record);
    events.send(job.id, Progress::Image(Arc::clone(&record)));
    kept.map(|_| record).map_err(EngineError::Keep)
}

fn describe(chosen: &Chosen, threads: usize) -> Device {
    let name = match threads {
        _ if chosen.name() != "CPU" => chosen.name(),
        1 => "CPU · 1 thread".to_owned(),
        threads => format!("CPU · {threads} threads"),
    };
    let fallback = (!chosen.passed_over.is_empty()).then(|| chosen.passed_over.join("\n"));
    Device { name, fallback }
}

/// What all pictures of a job share.
struct Given {
    conditioning: Conditioning,
    start: Option<Start>,
    controls: Vec<Ready>,
    preview: Option<Preview>,
}

/// What sampling has left: a latent for each picture.
struct Sampled {
    latents: Vec<Latent>,
    /// What `DeepCache` has gained.
    speed_up: Option<f32>,
}

/// One job on its way through the model.
struct Run<'a> {
    job: &'a Job,
    events: &'a EventSink,
    interrupt: &'a Interrupt,
    mode: Mode,
}

impl Run<'_> {
    fn request(&self) -> &Request {
        &self.job.request
    }

    /// Encodes the prompts, pictures first: they can still turn out to be unusable. The text encoder
    /// is freed afterwards where memory is what counts.
    fn condition(
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
    fn start(
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
    fn paint(
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
    fn check(
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
    fn sample(
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
        let steering = (!given.controls.is_empty())
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

/// Every row of `latents` as a latent of its own.
fn one_by_one(latents: &Latent) -> Vec<Latent> {
    latents.axis_chunks_iter(Axis(0), 1).map(|row| row.to_owned()).collect()
}
