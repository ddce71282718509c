//! Jobs in the order of their turns, how far each is and how long it will take.

mod clock;
mod order;
mod service_times;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::clock::Clock;
use self::service_times::ServiceTimes;
use super::StackWork;
use crate::jobs::{Device, Failure, FailureKind, Job, JobId, Owed, Progress};
use crate::library::Estimate;
use crate::pixels::{Extent, Picture};
use crate::task::{EngineKind, Request};

/// Where a job stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobStatus {
    /// Its turn has not come.
    Waiting,
    /// Its turn has come; no step is done yet.
    Loading,
    /// Steps are being done.
    Running {
        /// Steps finished of the picture that was heard of last.
        done: u32,
        /// Steps of each picture.
        total: u32,
    },
    /// Somebody asked for its end, which has not come yet.
    Stopping,
    /// It ended with an error.
    Failed(Failure),
}

/// A job that has not ended well yet.
#[derive(Debug)]
pub struct JobEntry {
    /// Names the job.
    pub id: JobId,

    /// What it makes.
    pub request: Arc<Request>,

    /// Where it stands.
    pub status: JobStatus,

    /// What it really runs on, once it does.
    pub device: Option<Device>,

    /// What it will probably cost.
    pub price: Option<Estimate>,

    /// The job as it was given away.
    job: Job,

    /// Its pictures that are on disk.
    made: Vec<Owed>,

    /// When its turn came.
    began: Option<Instant>,

    /// Why its service is out of reach at the moment.
    pub out_of_reach: Option<String>,

    /// The last rough picture of the present state, and how many came before it.
    pub preview: Option<(Picture, u64)>,

    /// Which pictures of the request it makes: not all of them after a restart.
    owed: Vec<u32>,

    /// Steps finished of each owed picture that was begun.
    steps: Vec<u32>,

    /// Owed pictures finished.
    finished: u32,

    clock: Clock,
}

impl JobEntry {
    pub(super) fn new(job: &Job) -> Self {
        Self {
            id: job.id,
            request: Arc::clone(&job.request),
            status: JobStatus::Waiting,
            device: None,
            price: None,
            job: job.clone(),
            made: Vec::new(),
            began: None,
            out_of_reach: None,
            preview: None,
            owed: job.owed.iter().map(|owed| owed.index).collect(),
            steps: Vec::new(),
            finished: 0,
            clock: Clock::default(),
        }
    }

    /// Whether the job is the provider's at the moment.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        matches!(self.status, JobStatus::Loading | JobStatus::Running { .. })
    }

    /// Whether it was asked to end and has not yet.
    #[must_use]
    pub const fn is_stopping(&self) -> bool {
        matches!(self.status, JobStatus::Stopping)
    }

    /// Whether the job will still make pictures.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.status, JobStatus::Waiting | JobStatus::Loading | JobStatus::Running { .. })
    }

    /// How much of the whole job is done, 0–1.
    #[must_use]
    pub fn fraction(&self) -> f32 {
        match self.status {
            JobStatus::Running { total, .. } => {
                let all = total * self.pictures();
                self.steps_done() as f32 / all.max(1) as f32
            }
            // The service tells of no steps.
            JobStatus::Loading => self.finished as f32 / self.pictures().max(1) as f32,
            _ => 0.0,
        }
    }

    /// How many pictures it makes: fewer than its request names when some were finished before a
    /// restart.
    #[must_use]
    pub const fn pictures(&self) -> u32 {
        self.owed.len() as u32
    }

    /// Which of its pictures are being made, from 0: several when they take their steps together.
    #[must_use]
    pub fn at_work(&self) -> Range<u32> {
        self.finished..(self.steps.len() as u32).max(self.finished + 1)
    }

    /// Who makes it.
    #[must_use]
    pub fn engine(&self) -> EngineKind {
        self.request.engine
    }

    /// How many of its pictures are there.
    #[must_use]
    pub const fn finished(&self) -> u32 {
        self.finished
    }

    /// Since when it is at work.
    #[must_use]
    pub const fn began(&self) -> Option<Instant> {
        self.began
    }

    /// Whether the service may have it still: then it is asked for and not made anew.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        matches!(&self.status, JobStatus::Failed(failure) if failure.kind == FailureKind::Interrupted)
    }

    /// The job again, for what is left of it.
    pub(super) fn again(&self) -> Job {
        let made = |owed: &Owed| self.made.iter().any(|made| made.index == owed.index);
        let owed = self.job.owed.iter().copied().filter(|owed| !made(owed)).collect();
        let finished = [self.job.finished.clone(), self.made.clone()].concat();
        let service = self.job.service.clone();
        let sent = self.job.sent || self.is_interrupted();
        Job { finished, sent, service, ..Job::resume(Arc::clone(&self.request), owed) }
    }

    /// What the pictures that are not there yet will probably cost.
    pub(super) fn price_left(&self) -> Option<Estimate> {
        let left = self.pictures().saturating_sub(self.finished);
        self.price.map(|price| price.share(left as usize, self.owed.len()))
    }

    /// The address of the service that it was sent to.
    pub(super) fn service(&self) -> Option<&str> {
        self.job.service.as_deref()
    }

    /// Whether one of its pictures is not on disk.
    #[must_use]
    pub fn owes(&self) -> bool {
        self.made.len() < self.owed.len()
    }

    fn steps_done(&self) -> u32 {
        self.steps.iter().sum()
    }

    /// Where the picture `image` of the request is among those owed.
    fn place(&self, image: u32) -> Option<usize> {
        self.owed.iter().position(|owed| *owed == image)
    }

    fn step(&mut self, place: usize, done: u32, now: Instant) {
        self.steps.resize(self.steps.len().max(place + 1), 0);
        self.steps[place] = done;
        self.clock.step(now, self.steps_done(), done == 1 && self.finished == 0);
    }
}

/// What decides how long a step takes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct PaceKey {
    model: String,
    extent: Extent,
    guided: bool,
    stacks: StackWork,
}

/// What one picture took.
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// A step.
    step_secs: f64,
    /// Everything else: reading the prompt, decoding, saving.
    rest_secs: f64,
}

/// Something whose time can be told once the like of it was made.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// AIR of the checkpoint.
    pub model: &'a str,
    /// Size of each picture.
    pub extent: Extent,
    /// Steps of each picture.
    pub steps: u32,
    /// Guidance scale; the network runs twice a step above 1.
    pub cfg_scale: f64,
    /// What the stacks change about a step.
    pub stacks: StackWork,
    /// How many pictures.
    pub pictures: u32,
}

/// Jobs in the order of their turns, and what was measured on those that ended.
#[derive(Debug, Default)]
pub struct Queue {
    jobs: Vec<JobEntry>,
    paces: HashMap<PaceKey, Pace>,
    service_times: ServiceTimes,
    moves: u64,
}

impl Queue {
    /// All jobs in the order of their turns.
    #[must_use]
    pub fn jobs(&self) -> &[JobEntry] {
        &self.jobs
    }

    /// The job of that name.
    #[must_use]
    pub fn get(&self, id: JobId) -> Option<&JobEntry> {
        self.jobs.iter().find(|job| job.id == id)
    }

    /// The job the provider works at.
    #[must_use]
    pub fn running(&self) -> Option<&JobEntry> {
        self.jobs.iter().find(|job| job.is_running())
    }

    /// The job that runs, or the one that waits first.
    #[must_use]
    pub fn next_open(&self) -> Option<&JobEntry> {
        self.running().or_else(|| self.jobs.iter().find(|job| job.is_open()))
    }

    /// How long `plan` takes; `None` until the like of it was measured.
    #[must_use]
    pub fn estimate(&self, plan: &Plan<'_>) -> Option<Duration> {
        let key = PaceKey {
            model: plan.model.to_owned(),
            extent: plan.extent,
            guided: plan.cfg_scale > 1.0,
            stacks: plan.stacks,
        };
        let pace = self.paces.get(&key)?;
        let secs =
            f64::from(plan.pictures) * (f64::from(plan.steps) * pace.step_secs + pace.rest_secs);
        Duration::try_from_secs_f64(secs).ok()
    }

    /// How long the job still takes, from its own steps or those of the like of it.
    #[must_use]
    pub fn time_left(&self, job: &JobEntry) -> Option<Duration> {
        let pace = self.paces.get(&pace_key(&job.request));
        let JobStatus::Running { total, .. } = job.status else {
            return None;
        };
        let step_secs = job.clock.step_secs().or_else(|| pace.map(|pace| pace.step_secs))?;
        let pictures = job.pictures().saturating_sub(job.finished);
        let steps = (total * job.pictures()).saturating_sub(job.steps_done());
        let rest_secs = pace.map_or(0.0, |pace| pace.rest_secs) * f64::from(pictures);
        Duration::try_from_secs_f64(f64::from(steps) * step_secs + rest_secs).ok()
    }

    pub(super) fn push(&mut self, job: JobEntry) {
        self.jobs.push(job);
        self.give_turns();
    }

    /// Takes the job out, whatever its state.
    pub(super) fn remove(&mut self, id: JobId) -> Option<JobEntry> {
        let place = self.jobs.iter().position(|job| job.id == id)?;
        Some(self.jobs.remove(place))
    }

    /// Asks the job to end. A running one says so until it does; a waiting one leaves at once.
    pub(super) fn cancel(&mut self, id: JobId) {
        let Some(place) = self.jobs.iter().position(|job| job.id == id && job.is_open()) else {
            return;
        };
        let job = &mut self.jobs[place];
        job.job.cancel.cancel();
        if job.status == JobStatus::Waiting {
            self.jobs.remove(place);
        } else {
            job.status = JobStatus::Stopping;
        }
    }

    /// Takes in the news of one job. Jobs that end well, or because the user asked, leave the queue.
    pub(super) fn receive(&mut self, id: JobId, progress: &Progress, now: Instant) {
        let Some(place) = self.jobs.iter().position(|job| job.id == id) else { return };
        let job = &mut self.jobs[place];
        let stopping = job.status == JobStatus::Stopping;
        match progress {
            Progress::Started { device } => {
                job.device = Some(device.clone());
                job.began.get_or_insert(now);
                if !stopping {
                    job.status = JobStatus::Loading;
                }
            }
            Progress::Step { image, done, total, preview } if !stopping => {
                job.status = JobStatus::Running { done: *done, total: *total };
                let Some(place) = job.place(*image) else { return };
                job.step(place, *done, now);
                // Of several pictures at once the first is watched.
                let watched = place == job.finished as usize;
                if let Some(preview) = preview.as_ref().filter(|_| watched) {
                    let count = job.preview.as_ref().map_or(0, |(_, count)| count + 1);
                    job.preview = Some((preview.clone(), count));
                }
            }
            Progress::Queued | Progress::Step { .. } => {}
            Progress::OutOfReach(why) => job.out_of_reach.clone_from(why),
            Progress::Image(record) => {
                job.finished += 1;
                // What could not be saved is still owed.
                if record.path.is_some() {
                    job.made.push(Owed { index: record.index, image_uuid: record.image_uuid });
                }
                // The steps really done: fewer than asked for when it starts from a picture.
                if let (Some(step_secs), JobStatus::Running { total, .. }) =
                    (job.clock.step_secs(), &job.status)
                {
                    let steps_secs = f64::from(*total) * step_secs;
                    let rest_secs = (record.elapsed.as_secs_f64() - steps_secs).max(0.0);
                    self.paces.insert(pace_key(&record.request), Pace { step_secs, rest_secs });
                }
            }
            Progress::Failed(failure) => {
                job.status = JobStatus::Failed(failure.clone());
                job.out_of_reach = None;
            }
            Progress::Finished => {
                let job = self.jobs.remove(place);
                self.service_times.note(&job, now);
            }
            Progress::Cancelled => {
                self.jobs.remove(place);
            }
        }
    }
}

fn pace_key(request: &Request) -> PaceKey {
    PaceKey {
        model: request.model.air.to_string(),
        extent: request.extent,
        guided: request.cfg_scale > 1.0,
        stacks: StackWork::from(request),
    }
}

#[cfg(test)]
mod tests;
