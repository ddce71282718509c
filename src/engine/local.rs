//! The local engine as a runner of jobs: request in, pictures out, one job at a time.

mod run;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use run::{Given, Run, Sampled};

use super::device::{Chosen, choose};
use super::embeddings::Embeddings;
use super::image_prompt::{self, Sources};
use super::loaded::{Environment, Loaded, Part};
use super::runtime::{Runtime, SearchPath};
use super::safety::{Classifier, ClassifierPath};
use super::session::{Interrupt, release_freed_memory};
use super::{EngineError, Mode, control, deep_cache, mode, start, together};
use crate::graph::UnetInputs;
use crate::jobs::{
    Device, EventSink, Failure, ImageRecord, Job, Keeper, Owed, PictureSource, Progress, Runner,
};
use crate::task::{ModelCard, Request};

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
        let models = models();
        let loaded = self.open(&job.request.model)?;
        let device = describe(loaded.device(), threads);
        events.send(job.id, Progress::Started { device });
        let mode = wanted.unwrap_or_else(|| mode::choose_on(&job.request, loaded, &models));
        let run = Run { job, events, interrupt, mode };
        // First what can be wrong with the task: nothing is computed for a picture that is none.
        let area = start::area(&job.request, pictures.as_ref(), &job.cancel)?;
        loaded.wear(&job.request.loras, interrupt)?;
        let width = loaded.checkpoint().text_config.hidden_size;
        let embeddings = Embeddings::open(&job.request.embeddings, width)?;
        let source = (pictures.as_ref(), &job.cancel);
        let guides = control::open(&job.request, area.as_ref(), loaded, source)?;
        let sources = Sources { models: &models, pictures: pictures.as_ref(), cancel: &job.cancel };
        let image_prompts = image_prompt::open(&job.request, loaded.checkpoint(), &sources)?;
        let deep_feature =
            deep_cache::feature(job.request.deep_cache, &loaded.checkpoint().unet_config)?;
        loaded.shape_unet(UnetInputs {
            control_residuals: !job.request.controls.is_empty(),
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
                    seed: Some(job.request.seed + u64::from(index)),
                    picture,
                    file: None,
                    cost: None,
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
