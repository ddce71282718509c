//! What the state asks the shell for: each on a thread of its own.

use eframe::egui;

use super::{App, desk, guides, masks, opener, waiting};
use crate::state::Effect;

impl App {
    /// Takes in a picture that was dropped on the window or pasted.
    pub(super) fn take_arrival(&mut self, ctx: &egui::Context) {
        if let Some(arrival) = opener::arrival(ctx) {
            self.on_a_thread(opener::bring_in(self.pictures.clone(), arrival));
        }
    }

    pub(super) fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Submit(job) => self.provider.submit(job, self.sink.clone()),
            Effect::DrawMask(order) => self.on_a_thread(masks::draw(self.pictures.clone(), order)),
            Effect::Resume(jobs) => {
                for job in jobs {
                    self.provider.submit(job, self.sink.clone());
                }
            }
            Effect::Discard(jobs) => {
                if let Some(journal) = self.journal.clone() {
                    self.on_a_thread(waiting::discard(journal, jobs));
                }
            }
            Effect::OpenPicture => self.on_a_thread(opener::ask(self.pictures.clone())),
            Effect::BringGuide(slot, path) => {
                self.on_a_thread(guides::whole(self.pictures.clone(), path, slot));
            }
            Effect::DrawEdges(slot, path) => {
                self.on_a_thread(guides::edges(self.pictures.clone(), path, slot));
            }
            Effect::OpenGuide(slot) => {
                self.on_a_thread(guides::ask(self.pictures.clone(), slot));
            }
            Effect::Export(path) => self.on_a_thread(desk::export(path)),
            Effect::OpenResults => {
                self.on_a_thread(desk::open_folder(self.home.results_dir()));
            }
            Effect::Rescan => {
                self.reader.look_again();
                self.scanner.look_again();
                self.engines.renew_failed();
            }
            Effect::KeepKey(_)
            | Effect::ForgetKey
            | Effect::LookAtEngines
            | Effect::SearchModels(_) => self.perform_on_engines(effect),
            Effect::LookAtModels
            | Effect::AddModel(_)
            | Effect::AddFolder
            | Effect::ForgetModel(_)
            | Effect::NameModel(..)
            | Effect::Download { .. }
            | Effect::PauseDownload(_)
            | Effect::ResumeDownload(_)
            | Effect::DropDownload(_) => self.perform_on_shelf(effect),
        }
    }
}
