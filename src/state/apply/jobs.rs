//! What actions about jobs do: from the form to a job, and what becomes of one that waits or failed.

use std::sync::Arc;

use uuid::Uuid;

use crate::jobs::{Job, JobId, Owed, Status, Waiting, fresh_seed};
use crate::state::{Action, Effect, JobStatus, MaskOrder, Parcel, State, Tone};
use crate::task::{EngineKind, ImageRef, Problem, Request, Task, resolve};

/// Why nothing is made before the start picture's size is known.
const STILL_READ: &str = "The picture to start from is still being read";

/// The user was told why a task is no job.
struct Told;

impl State {
    pub(super) fn apply_to_queue(&mut self, action: Action) -> Option<Effect> {
        match action {
            Action::MoveJob(id, place) => self.world.queue.move_to(id, place),
            Action::ShiftJob(id, places) => self.world.queue.shift(id, places),
            Action::CancelWaiting => self.world.queue.cancel_waiting(),
            Action::Duplicate(id) => return self.duplicate(id),
            _ => {}
        }
        None
    }

    pub(super) fn generate(&mut self, engine: EngineKind) -> Option<Effect> {
        self.available(engine)?;
        if let Some(reason) = self.world.start_refusal(&self.draft) {
            self.world.notify(Tone::Failed, reason);
            return None;
        }
        let from_library = self.draft.seed_image.is_some();
        if from_library && self.draft.extends() && self.draft.extension.source.is_none() {
            self.world.notify(Tone::Failed, STILL_READ);
            return None;
        }
        let problems = self.world.wildcard_problems(&self.draft);
        if !problems.is_empty() {
            self.world.problems = problems;
            return None;
        }
        let task = self.world.complete(self.draft.to_task(Uuid::new_v4()), &self.draft);
        if task.seed.is_none() {
            self.draft.seed = Some(fresh_seed());
        }
        let seed = self.draft.seed;
        let task = self.world.filled(Task { seed, ..task });
        let effect = self.submit_or_draw(task, engine).ok()?;
        self.view.prompts.note(&self.draft.prompt, &self.draft.negative_prompt);
        effect
    }

    /// Makes a job of the task; where a mask was drawn, its picture has to come first.
    fn submit_or_draw(&mut self, task: Task, engine: EngineKind) -> Result<Option<Effect>, Told> {
        if !self.draft.repaints() || task.mask_image.is_some() {
            let job = self.job_of(&task, engine);
            let job = job.map_err(|problems| self.tell_of_form(engine, problems))?;
            return Ok(self.hand_in(job, None));
        }
        let drawn = self.painting.mask().filter(|_| !self.painting.is_waiting());
        let Some(mask) = drawn.map(|painted| painted.mask().clone()) else {
            self.world.notify(Tone::Failed, "The mask is still being read or changed");
            return Err(Told);
        };
        let to_check = self.world.filled(self.task_to_check());
        let checked = resolve(&to_check, &self.world, engine, 1);
        checked.map_err(|problems| self.tell_of_form(engine, problems))?;
        Ok(Some(Effect::DrawMask(Box::new(MaskOrder { mask, task, engine }))))
    }

    /// Says what is wrong with the form: at its controls, unless it is another engine's form.
    fn tell_of_form(&mut self, engine: EngineKind, problems: Vec<Problem>) -> Told {
        if engine != self.preferences.engine {
            return self.tell(problems);
        }
        self.world.problems = problems;
        Told
    }

    /// Goes on with a task whose mask was drawn: it is in the library under that name.
    pub fn mask_drawn(&mut self, task: Task, engine: EngineKind, mask: Uuid) -> Option<Effect> {
        let task = Task { mask_image: Some(ImageRef::Uuid(mask)), ..task };
        let job = self.job_or_tell(&task, engine).ok()?;
        self.hand_in(job, None)
    }

    /// Says why nothing can be made when nothing can. What the other engine can do is not known here.
    fn available(&mut self, engine: EngineKind) -> Option<()> {
        let Status::Unavailable(failure) = &self.world.status else { return Some(()) };
        if engine != self.preferences.engine {
            return Some(());
        }
        let headline = failure.headline.clone();
        self.world.notify(Tone::Failed, headline);
        None
    }

    /// Makes jobs of what was waiting, each on its own engine; those of a service are weighed first. What
    /// cannot be resumed, such as a job whose model is gone, keeps waiting.
    pub(super) fn resume_waiting(&mut self) -> Option<Effect> {
        let (mut local, mut sent, mut new) = (Vec::new(), Vec::new(), Vec::new());
        for waiting in self.world.waiting.clone() {
            if self.world.parcels().flat_map(|parcel| &parcel.jobs).any(|job| job.id == waiting.id)
            {
                continue;
            }
            match resolve(&waiting.task, &self.world, waiting.engine, fresh_seed()) {
                Ok(request) => {
                    let job = resumed(waiting, request);
                    match job.request.engine {
                        EngineKind::Local => local.push((job, None)),
                        EngineKind::Remote if job.sent => sent.push(job),
                        EngineKind::Remote => new.push(job),
                    }
                }
                Err(problems) => {
                    let why = problems.into_iter().next().map(|problem| problem.message);
                    let text = format!("Cannot be resumed: {}", why.unwrap_or_default());
                    self.world.notify(Tone::Failed, text);
                }
            }
        }
        let parcels = [sent, new].into_iter().filter(|jobs| !jobs.is_empty());
        let parcels = parcels.map(|jobs| Parcel { jobs, retried: None });
        self.world.engines.to_weigh.extend(parcels);
        self.world.waiting.retain(|waiting| local.iter().all(|(job, _)| job.id != waiting.id));
        self.give_away(local)
    }

    pub(super) fn discard_waiting(&mut self) -> Option<Effect> {
        let waiting = std::mem::take(&mut self.world.waiting);
        let ids: Vec<JobId> = waiting.iter().map(|waiting| waiting.id).collect();
        (!ids.is_empty()).then_some(Effect::Discard(ids))
    }

    /// Makes a job of a task that need not be the form's any more, or says why not.
    fn job_or_tell(&mut self, task: &Task, engine: EngineKind) -> Result<Job, Told> {
        self.job_of(task, engine).map_err(|problems| self.tell(problems))
    }

    fn tell(&mut self, problems: Vec<Problem>) -> Told {
        let why = problems.into_iter().next().map(|problem| problem.message);
        self.world.notify(Tone::Failed, why.unwrap_or_default());
        Told
    }

    /// A job of the task; else what keeps it from being one.
    fn job_of(&self, task: &Task, engine: EngineKind) -> Result<Job, Vec<Problem>> {
        let request = Arc::new(resolve(task, &self.world, engine, fresh_seed())?);
        let is_remote = engine == EngineKind::Remote;
        let service = is_remote.then(|| self.preferences.remote().service());
        Ok(Job { service, ..Job::new(request) })
    }

    /// Gives the job away in place of the failed one; what costs money is weighed first.
    fn hand_in(&mut self, job: Job, retried: Option<JobId>) -> Option<Effect> {
        if job.request.engine == EngineKind::Remote {
            self.preferences.remember_model(&job.request.model.air.to_string());
            self.world.engines.to_weigh.push(Parcel { jobs: vec![job], retried });
            return None;
        }
        if let Some(failed) = retried {
            self.world.queue.remove(failed);
        }
        self.give_away(vec![(job, None)])
    }

    pub(super) fn cancel(&mut self, id: JobId) -> Option<Effect> {
        self.world.queue.cancel(id);
        None
    }

    pub(super) fn retry(&mut self, id: JobId) -> Option<Effect> {
        let failed = self.world.queue.get(id)?;
        if failed.is_interrupted() {
            // It is in the journal, and the service may have it: it is asked for, not made anew.
            let (job, price) = (failed.again(), failed.price_left());
            self.world.queue.remove(id);
            return self.give_away(vec![(job, price)]);
        }
        if !failed.owes() || self.world.parcels().any(|parcel| parcel.retried == Some(id)) {
            return None;
        }
        let (rest, engine) = (failed.again(), failed.engine());
        let mut task = anew(&failed.request.task);
        match engine {
            EngineKind::Local => task.seed = Some(failed.request.seed),
            EngineKind::Remote => narrow(&mut task, &rest.owed),
        }
        let mut job = self.job_or_tell(&task, engine).ok()?;
        if engine == EngineKind::Local {
            let fresh = |owed: Owed| Owed { image_uuid: Uuid::new_v4(), ..owed };
            job.owed = rest.owed.into_iter().map(fresh).collect();
            job.finished = rest.finished;
        }
        self.hand_in(job, Some(id))
    }

    /// The same once more; with the same seed it would be the same picture.
    fn duplicate(&mut self, id: JobId) -> Option<Effect> {
        let job = self.world.queue.get(id)?;
        let engine = job.engine();
        let task = Task { seed: Some(fresh_seed()), ..anew(&job.request.task) };
        let job = self.job_or_tell(&task, engine).ok()?;
        self.hand_in(job, None)
    }

    pub(super) fn dismiss(&mut self, id: JobId) -> Option<Effect> {
        if matches!(self.world.queue.get(id)?.status, JobStatus::Failed(_)) {
            self.world.queue.remove(id);
        }
        None
    }
}

/// The task under another name.
fn anew(task: &Task) -> Task {
    Task { task_uuid: Some(Uuid::new_v4().to_string()), ..task.clone() }
}

/// The job that was waiting, for what is left of it.
fn resumed(waiting: Waiting, request: Request) -> Job {
    let finished = waiting.made();
    // Older journals do not say so of each job that was sent.
    let sent = waiting.sent || !finished.is_empty();
    let Waiting { owed, service, .. } = waiting;
    Job { finished, sent, service, ..Job::resume(Arc::new(request), owed) }
}

/// Has the task make only those of its pictures. Picture k has the task's seed and k; pictures that do
/// not follow one another get another seed, so that none is made twice.
fn narrow(task: &mut Task, owed: &[Owed]) {
    let Some(first) = owed.first().map(|owed| owed.index) else { return };
    let in_a_row = owed.iter().zip(first..).all(|(owed, index)| owed.index == index);
    let seed = |seed: u64| if in_a_row { seed + u64::from(first) } else { fresh_seed() };
    task.seed = task.seed.map(seed);
    task.number_results = Some(owed.len() as u32);
}
