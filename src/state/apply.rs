//! What each action does: one call an arm.

mod engines;
mod jobs;

use std::sync::Arc;

use uuid::Uuid;

use super::{Action, Draft, Effect, MaskHistory, State, Tone, Tool, Zoom};
use crate::jobs::fresh_seed;

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
            Action::ReuseSettings(image_uuid) => self.reuse_settings(image_uuid),
            Action::ReusePrompt(image_uuid) => self.reuse_prompt(image_uuid),
            Action::ReuseSeed(image_uuid) => self.reuse_seed(image_uuid),
            Action::OpenPicture => Some(Effect::OpenPicture),
            Action::StartFrom(image_uuid) => self.start_from_result(image_uuid),
            Action::RemovePicture => self.remove_picture(),
            Action::DrawMask => self.draw_mask(),
            Action::AddRectangle => self.add_rectangle(),
            Action::UndoMask => self.undo_mask(),
            Action::ClearMask => self.clear_mask(),
            Action::GuideByShown(slot) => Some(Effect::BringGuide(slot, self.shown_file()?)),
            Action::GuideByEdges(slot) => Some(Effect::DrawEdges(slot, self.shown_file()?)),
            Action::OpenGuide(slot) => Some(Effect::OpenGuide(slot)),
            Action::Export(image_uuid) => self.export(image_uuid),
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
        self.draft = Draft::from(task.as_ref());
        self.view.mask_history = MaskHistory::default();
        let lost = if task.seed_image.is_some() && self.draft.seed_image.is_none() {
            "the picture they start from"
        } else if task.mask_image.is_some() && !self.draft.mask.is_there() {
            "the mask"
        } else {
            return self.said("Settings");
        };
        let words = format!("Settings put into the form, but for {lost}: it is not in the library");
        self.world.notify(Tone::Done, words);
        None
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
        if self.draft.seed_image != image_uuid {
            self.view.mask_history = MaskHistory::default();
            self.view.drawing_from = None;
        }
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

    fn remove_picture(&mut self) -> Option<Effect> {
        self.form_starts_from(None);
        self.view.show_results();
        None
    }

    fn draw_mask(&mut self) -> Option<Effect> {
        let draws = self.view.start_shown && self.view.tool == Tool::Rectangle;
        if draws {
            self.view.tool = Tool::Hand;
        } else if self.draft.seed_image.is_some() {
            self.view.show_start();
            self.view.tool = Tool::Rectangle;
        }
        self.view.drawing_from = None;
        None
    }

    fn add_rectangle(&mut self) -> Option<Effect> {
        let extent = self.world.start_extent(&self.draft)?;
        self.draft.mask.add_in_the_middle(extent, &mut self.view.mask_history);
        self.view.show_start();
        None
    }

    fn undo_mask(&mut self) -> Option<Effect> {
        if self.draft.seed_image.is_some() {
            self.draft.mask.undo(&mut self.view.mask_history);
        }
        None
    }

    fn clear_mask(&mut self) -> Option<Effect> {
        self.draft.mask.clear(&mut self.view.mask_history);
        None
    }

    fn export(&mut self, image_uuid: Uuid) -> Option<Effect> {
        let path = self.world.gallery.get(image_uuid)?.path.clone();
        if path.is_none() {
            self.world.notify(
                Tone::Failed,
                "This picture could not be saved, so there is no file to copy",
            );
        }
        path.map(Effect::Export)
    }

    fn dismiss_notice(&mut self, id: u64) -> Option<Effect> {
        self.world.notices.retain(|notice| notice.id != id);
        None
    }
}

#[cfg(test)]
mod tests;
