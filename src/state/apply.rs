//! What each action does: one call an arm.

mod engines;
mod jobs;
mod masking;

pub use masking::{MaskAction, MaskChange, MaskWork};

use std::sync::Arc;

use uuid::Uuid;

use super::{Action, Draft, Effect, State, Tone, Tool, Zoom};
use crate::jobs::{JobId, fresh_seed};
use crate::task::Task;

impl State {
    /// Does what the user wishes; returns what the shell has to do.
    pub fn apply(&mut self, action: Action) -> Option<Effect> {
        match action {
            Action::Generate => self.generate(self.preferences.engine),
            Action::Cancel(id) => self.cancel(id),
            Action::CancelRunning => self.cancel(self.world.queue.next_open()?.id),
            Action::Retry(id) => self.retry(id),
            Action::Dismiss(id) => self.dismiss(id),
            Action::MoveJob(..)
            | Action::ShiftJob(..)
            | Action::Duplicate(_)
            | Action::CancelWaiting => self.apply_to_queue(action),
            Action::UseEngine(_)
            | Action::GenerateRemotely
            | Action::AnswerBudget(_)
            | Action::KeepKey
            | Action::ForgetKey
            | Action::LookAtEngines
            | Action::SearchModels => self.apply_to_engines(action),
            Action::LookAtModels
            | Action::AddModel
            | Action::AddFolder
            | Action::ForgetModel
            | Action::NameModel
            | Action::Download
            | Action::PauseDownload(_)
            | Action::ResumeDownload(_)
            | Action::DropDownload(_) => self.apply_to_shelf(action),
            Action::ResumeWaiting => self.resume_waiting(),
            Action::DiscardWaiting => self.discard_waiting(),
            Action::DrawSeed => self.draw_seed(),
            Action::Select(image_uuid) => self.select(image_uuid),
            Action::Step(places) => self.step(places),
            Action::StepSibling(places) => self.step_sibling(places),
            Action::Follow => self.follow(),
            Action::Watch(id) => self.watch(id),
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

    /// Shows that job as long as it runs, then what runs besides.
    fn watch(&mut self, id: JobId) -> Option<Effect> {
        self.follow();
        self.view.watched = Some(id);
        None
    }

    pub(super) fn follow(&mut self) -> Option<Effect> {
        (self.view.following, self.view.watched) = (true, None);
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
