//! What actions about jobs do: from the form to a job, and what becomes of one that waits or failed.

use std::sync::Arc;

use uuid::Uuid;

use crate::jobs::{Job, JobId, Status, Waiting, fresh_seed};
use crate::library::Estimate;
use crate::state::{Action, Effect, JobEntry, JobStatus, MaskOrder, State, Tone};
use crate::task::{EngineKind, ImageRef, Problem, Task, resolve};

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
            return self.submit(&task, engine).map_err(|problems| {
                if engine != self.preferences.engine {
                    // The form is the other engine's: these are not its problems.
                    return self.tell(problems);
                }
                self.world.problems = problems;
                Told
            });
        }
        if self.painting.is_waiting() {
            self.world.notify(Tone::Failed, "The mask is still being read or changed");
            return Err(Told);
        }
        let to_check = self.world.filled(self.task_to_check());
        if let Err(problems) = resolve(&to_check, &self.world, engine, 1) {
            self.world.problems = problems;
            return Err(Told);
        }
        let mask = self.painting.mask().ok_or(Told)?.mask().clone();
        Ok(Some(Effect::DrawMask(Box::new(MaskOrder { mask, task, engine }))))
    }

    /// Goes on with a task whose mask was drawn: it is in the library under that name.
    pub fn mask_drawn(&mut self, task: Task, engine: EngineKind, mask: Uuid) -> Option<Effect> {
        let task = Task { mask_image: Some(ImageRef::Uuid(mask)), ..task };
        self.submit_or_tell(&task, engine).ok().flatten()
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

    /// Makes jobs of what was waiting, each on its own engine. What cannot be resumed, such as a job
    /// whose model is gone, keeps waiting.
    pub(super) fn resume_waiting(&mut self) -> Option<Effect> {
        let mut jobs = Vec::new();
        for waiting in std::mem::take(&mut self.world.waiting) {
            match resolve(&waiting.task, &self.world, waiting.engine, fresh_seed()) {
                Ok(request) => {
                    let finished = waiting.made();
                    let Waiting { owed, service, .. } = waiting;
                    let job = Job::resume(Arc::new(request), owed);
                    jobs.push(Job { finished, service, ..job });
                }
                Err(problems) => {
                    let why = problems.into_iter().next().map(|problem| problem.message);
                    let text = format!("Cannot be resumed: {}", why.unwrap_or_default());
                    self.world.notify(Tone::Failed, text);
                    self.world.waiting.push(waiting);
                }
            }
        }
        for job in &jobs {
            self.world.queue.push(JobEntry::new(job));
        }
        if jobs.is_empty() {
            return None;
        }
        self.follow();
        Some(Effect::Resume(jobs))
    }

    pub(super) fn discard_waiting(&mut self) -> Option<Effect> {
        let waiting = std::mem::take(&mut self.world.waiting);
        let ids: Vec<JobId> = waiting.iter().map(|waiting| waiting.id).collect();
        (!ids.is_empty()).then_some(Effect::Discard(ids))
    }

    /// Makes a job of a task that need not be the form's any more, or says why not.
    fn submit_or_tell(&mut self, task: &Task, engine: EngineKind) -> Result<Option<Effect>, Told> {
        let submitted = self.submit(task, engine);
        submitted.map_err(|problems| self.tell(problems))
    }

    fn tell(&mut self, problems: Vec<Problem>) -> Told {
        let why = problems.into_iter().next().map(|problem| problem.message);
        self.world.notify(Tone::Failed, why.unwrap_or_default());
        Told
    }

    /// Makes a job of the task; else what keeps it from being one. What costs money is weighed first.
    fn submit(&mut self, task: &Task, engine: EngineKind) -> Result<Option<Effect>, Vec<Problem>> {
        let request = Arc::new(resolve(task, &self.world, engine, fresh_seed())?);
        let job = Job::new(request);
        if engine == EngineKind::Local {
            return Ok(Some(self.send(job, None)));
        }
        self.preferences.remember_model(&job.request.model.air.to_string());
        let service = self.preferences.service();
        self.world.engines.to_weigh.push(Job { service, ..job });
        Ok(None)
    }

    /// Gives the job away.
    pub(in crate::state) fn send(&mut self, job: Job, price: Option<Estimate>) -> Effect {
        let mut entry = JobEntry::new(&job);
        entry.price = price;
        self.world.queue.push(entry);
        self.follow();
        Effect::Submit(job)
    }

    pub(super) fn cancel(&mut self, id: JobId) -> Option<Effect> {
        self.world.queue.cancel(id);
        None
    }

    pub(super) fn retry(&mut self, id: JobId) -> Option<Effect> {
        let failed = self.world.queue.get(id)?;
        if failed.is_interrupted() {
            // The service may have it: it is asked for, not made anew.
            let job = failed.again();
            self.world.queue.remove(id);
            self.world.queue.push(JobEntry::new(&job));
            return Some(Effect::Resume(vec![job]));
        }
        let (task, engine) = (anew(&failed.request.task), failed.engine());
        let effect = self.submit_or_tell(&task, engine).ok()?;
        self.world.queue.remove(id);
        effect
    }

    /// The same once more; with the same seed it would be the same picture.
    fn duplicate(&mut self, id: JobId) -> Option<Effect> {
        let job = self.world.queue.get(id)?;
        let engine = job.engine();
        let task = Task { seed: Some(fresh_seed()), ..anew(&job.request.task) };
        self.submit_or_tell(&task, engine).ok()?
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
