//! What each action does: one call an arm.

mod masking;

pub use masking::{MaskAction, MaskChange, MaskWork};

use std::sync::Arc;

use uuid::Uuid;

use super::{Action, Draft, Effect, JobEntry, JobStatus, MaskOrder, State, Tone, Tool, Zoom};
use crate::jobs::{Job, JobId, Status, fresh_seed};
use crate::task::{EngineKind, ImageRef, Problem, Task, resolve};

/// Why nothing is made before the start picture's size is known.
const STILL_READ: &str = "The picture to start from is still being read";

impl State {
    /// Does what the user wishes; returns what the shell has to do.
    pub fn apply(&mut self, action: Action) -> Option<Effect> {
        match action {
            Action::Generate => self.generate(),
            Action::Cancel(id) => self.cancel(id),
            Action::CancelRunning => self.cancel(self.world.queue.next_open()?.id),
            Action::Retry(id) => self.retry(id),
            Action::Dismiss(id) => self.dismiss(id),
            Action::ResumeWaiting => self.resume_waiting(),
            Action::DiscardWaiting => self.discard_waiting(),
            Action::DrawSeed => self.draw_seed(),
            Action::Select(image_uuid) => self.select(image_uuid),
            Action::Step(places) => self.step(places),
            Action::StepSibling(places) => self.step_sibling(places),
            Action::Follow => self.follow(),
            Action::ReuseSettings(image_uuid) => self.reuse_settings(image_uuid),
            Action::ReusePrompt(image_uuid) => self.reuse_prompt(image_uuid),
            Action::ReuseSeed(image_uuid) => self.reuse_seed(image_uuid),
            Action::OpenPicture => Some(Effect::OpenPicture),
            Action::StartFrom(image_uuid) => self.start_from_result(image_uuid),
            Action::UseResult(image_uuid) => self.use_result(image_uuid),
            Action::LeaveResults => self.leave_results(),
            Action::RemovePicture => self.remove_picture(),
            Action::Take(tool) => self.take(tool),
            Action::Mask(action) => self.mask_action(action),
            Action::GuideByShown(slot) => Some(Effect::BringGuide(slot, self.shown_file()?)),
            Action::GuideByPicture(slot, picture) => self.guide_by_picture(slot, picture),
            Action::DrawGuide(slot, tool) => self.draw_guide(slot, tool),
            Action::OpenGuide(slot) => Some(Effect::OpenGuide(slot)),
            Action::Gallery(action) => self.gallery_action(action),
            Action::OpenResults => Some(Effect::OpenResults),
            Action::Rescan => Some(Effect::Rescan),
            Action::DismissNotice(id) => self.dismiss_notice(id),
        }
    }

    fn generate(&mut self) -> Option<Effect> {
        self.available()?;
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
        let task = self.world.complete(self.draft.to_task(Uuid::new_v4()));
        if task.seed.is_none() {
            self.draft.seed = Some(fresh_seed());
        }
        let seed = self.draft.seed;
        let task = self.world.filled(Task { seed, ..task });
        let effect = self.submit_or_draw(task)?;
        self.view.prompts.note(&self.draft.prompt, &self.draft.negative_prompt);
        Some(effect)
    }

    /// Makes a job of the task; where a mask was drawn, its picture has to come first.
    fn submit_or_draw(&mut self, task: Task) -> Option<Effect> {
        if !self.draft.repaints() || task.mask_image.is_some() {
            let submitted = self.submit(&task);
            return submitted.map_err(|problems| self.world.problems = problems).ok();
        }
        if self.painting.is_waiting() {
            self.world.notify(Tone::Failed, "The mask is still being read or changed");
            return None;
        }
        let to_check = self.world.filled(self.task_to_check());
        let problems = resolve(&to_check, &self.world, EngineKind::Local, 1).err();
        if let Some(problems) = problems {
            self.world.problems = problems;
            return None;
        }
        let mask = self.painting.mask()?.mask().clone();
        Some(Effect::DrawMask(Box::new(MaskOrder { mask, task })))
    }

    /// Goes on with a task whose mask was drawn: it is in the library under that name.
    pub fn mask_drawn(&mut self, task: Task, mask: Uuid) -> Option<Effect> {
        self.submit_or_tell(&Task { mask_image: Some(ImageRef::Uuid(mask)), ..task })
    }

    /// Says why nothing can be made when nothing can.
    fn available(&mut self) -> Option<()> {
        let Status::Unavailable(failure) = &self.world.status else { return Some(()) };
        let headline = failure.headline.clone();
        self.world.notify(Tone::Failed, headline);
        None
    }

    /// Makes jobs of what was waiting. What cannot be resumed, such as a job whose model is gone,
    /// keeps waiting.
    fn resume_waiting(&mut self) -> Option<Effect> {
        self.available()?;
        let mut jobs = Vec::new();
        for waiting in std::mem::take(&mut self.world.waiting) {
            if waiting.engine == EngineKind::Remote {
                // The local engine must not make what the service may have made already.
                let text =
                    "A job of the service waits: close the window and use latelier run --resume";
                self.world.notify(Tone::Failed, text.to_owned());
                self.world.waiting.push(waiting);
                continue;
            }
            match resolve(&waiting.task, &self.world, EngineKind::Local, fresh_seed()) {
                Ok(request) => jobs.push(Job::resume(Arc::new(request), waiting.owed)),
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

    fn discard_waiting(&mut self) -> Option<Effect> {
        let waiting = std::mem::take(&mut self.world.waiting);
        let ids: Vec<JobId> = waiting.iter().map(|waiting| waiting.id).collect();
        (!ids.is_empty()).then_some(Effect::Discard(ids))
    }

    /// Makes a job of a task that need not be the form's any more, or says why not.
    fn submit_or_tell(&mut self, task: &Task) -> Option<Effect> {
        let submitted = self.submit(task);
        let tell = |problems: Vec<Problem>| {
            let why = problems.into_iter().next().map(|problem| problem.message);
            self.world.notify(Tone::Failed, why.unwrap_or_default());
        };
        submitted.map_err(tell).ok()
    }

    /// Makes a job of the task; else what keeps it from being one.
    fn submit(&mut self, task: &Task) -> Result<Effect, Vec<Problem>> {
        let request = Arc::new(resolve(task, &self.world, EngineKind::Local, fresh_seed())?);
        let job = Job::new(request);
        self.world.queue.push(JobEntry::new(&job));
        self.follow();
        Ok(Effect::Submit(job))
    }

    fn cancel(&mut self, id: JobId) -> Option<Effect> {
        self.world.queue.cancel(id);
        None
    }

    fn retry(&mut self, id: JobId) -> Option<Effect> {
        let failed = self.world.queue.get(id)?;
        let task =
            Task { task_uuid: Some(Uuid::new_v4().to_string()), ..(*failed.request.task).clone() };
        let effect = self.submit_or_tell(&task)?;
        self.world.queue.remove(id);
        Some(effect)
    }

    fn dismiss(&mut self, id: JobId) -> Option<Effect> {
        if matches!(self.world.queue.get(id)?.status, JobStatus::Failed(_)) {
            self.world.queue.remove(id);
        }
        None
    }

    fn draw_seed(&mut self) -> Option<Effect> {
        self.draft.seed = Some(fresh_seed());
        self.draft.seed_locked = true;
        None
    }

    fn select(&mut self, image_uuid: Uuid) -> Option<Effect> {
        self.world.gallery.get(image_uuid)?;
        self.view.gallery.choose_one();
        self.view.selected = Some(image_uuid);
        self.view.following = false;
        self.view.show_results();
        None
    }

    /// Shows the newest picture, if there is one.
    pub fn select_newest(&mut self) {
        let newest = self.world.gallery.newest().map(|entry| entry.image_uuid);
        self.view.selected = newest;
    }

    fn step(&mut self, places: isize) -> Option<Effect> {
        let gallery = &self.world.gallery;
        let last = gallery.shown_len().checked_sub(1)?;
        let place = match self.view.selected.and_then(|selected| gallery.shown_place(selected)) {
            Some(place) => place.saturating_add_signed(places).min(last),
            None => 0,
        };
        let image_uuid = gallery.shown(place)?.image_uuid;
        self.view.reveal_selected = true;
        self.select(image_uuid)
    }

    fn step_sibling(&mut self, places: isize) -> Option<Effect> {
        let selected = self.view.selected?;
        let siblings = self.world.gallery.siblings(selected);
        let place = siblings.iter().position(|sibling| *sibling == selected)?;
        let image_uuid = *siblings.get(place.checked_add_signed(places)?)?;
        self.view.reveal_selected = true;
        self.select(image_uuid)
    }

    fn follow(&mut self) -> Option<Effect> {
        self.view.following = true;
        self.view.zoom = Zoom::Fit;
        self.view.show_results();
        None
    }

    fn reuse_settings(&mut self, image_uuid: Uuid) -> Option<Effect> {
        let task = Arc::clone(self.world.gallery.get(image_uuid)?.task()?);
        self.put_into_form(&task);
        self.said("Settings")
    }

    /// Puts all settings of `task` into the form.
    pub(super) fn put_into_form(&mut self, task: &Task) {
        let own_format = self.draft.more.output_format;
        self.draft = Draft::from(task);
        // What other programs wrote says nothing about the files to write here.
        self.draft.more.output_format = task.output_format.or(own_format);
    }

    fn reuse_prompt(&mut self, image_uuid: Uuid) -> Option<Effect> {
        let draft = Draft::from(self.world.gallery.get(image_uuid)?.task()?.as_ref());
        self.draft.prompt = draft.prompt;
        self.draft.negative_prompt = draft.negative_prompt;
        self.said("Prompt")
    }

    fn reuse_seed(&mut self, image_uuid: Uuid) -> Option<Effect> {
        self.draft.seed = Some(self.world.gallery.get(image_uuid)?.task()?.seed?);
        self.draft.seed_locked = true;
        self.said("Seed")
    }

    fn said(&mut self, what: &str) -> Option<Effect> {
        self.world.notify(Tone::Done, format!("{what} put into the form"));
        None
    }

    /// Starts from a picture of the library; the form shows it.
    pub fn start_from(&mut self, image_uuid: Uuid) {
        self.form_starts_from(Some(image_uuid));
        self.view.form_open = true;
        self.view.show_start();
    }

    fn form_starts_from(&mut self, image_uuid: Option<Uuid>) {
        self.draft.start_from(image_uuid);
    }

    fn start_from_result(&mut self, image_uuid: Uuid) -> Option<Effect> {
        if self.world.gallery.get(image_uuid)?.path.is_some() {
            self.start_from(image_uuid);
        } else {
            self.world.notify(
                Tone::Failed,
                "This picture could not be saved, so there is no file to start from",
            );
        }
        None
    }

    fn use_result(&mut self, image_uuid: Uuid) -> Option<Effect> {
        self.world.gallery.get(image_uuid)?.path.as_ref()?;
        let extension = &mut self.draft.extension;
        (extension.top, extension.right) = (None, None);
        (extension.bottom, extension.left) = (None, None);
        self.start_from(image_uuid);
        None
    }

    fn leave_results(&mut self) -> Option<Effect> {
        self.view.show_start();
        None
    }

    fn remove_picture(&mut self) -> Option<Effect> {
        self.form_starts_from(None);
        self.view.show_results();
        None
    }

    /// Takes a tool in hand; the one in hand is laid down.
    fn take(&mut self, tool: Tool) -> Option<Effect> {
        if self.view.start_shown && self.view.tool == tool {
            self.view.tool = Tool::Hand;
        } else if self.draft.seed_image.is_some() {
            self.view.show_start();
            self.view.tool = tool;
            if let Some(extent) = self.world.start_extent(&self.draft) {
                self.view.tools.fit(extent);
            }
        }
        self.painting.outline.clear();
        None
    }

    fn dismiss_notice(&mut self, id: u64) -> Option<Effect> {
        self.world.notices.retain(|notice| notice.id != id);
        None
    }
}

#[cfg(test)]
mod tests;
