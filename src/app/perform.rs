//! What the state asks the shell for: each on a thread of its own.

use std::sync::Arc;

use eframe::egui;

use super::{App, desk, guides, masks, opener, waiting};
use crate::state::{Effect, GalleryOrder};

impl App {
    /// Takes in a picture that was dropped on the window or pasted.
    pub(super) fn take_arrival(&mut self, ctx: &egui::Context) {
        if let Some(arrival) = opener::arrival(ctx) {
            let library = Arc::clone(&self.library);
            self.on_a_thread(opener::bring_in(self.pictures.clone(), library, arrival));
        }
    }

    pub(super) fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Submit(job) => self.provider.submit(job, self.sink.clone()),
            Effect::DrawMask(order) => self.on_a_thread(masks::keep(self.pictures.clone(), order)),
            Effect::Mask(work) => self.on_a_thread(masks::work(work)),
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
            Effect::OpenPicture => {
                self.on_a_thread(opener::ask(self.pictures.clone(), Arc::clone(&self.library)));
            }
            Effect::BringGuide(slot, path) => {
                self.on_a_thread(guides::whole(self.pictures.clone(), path, slot));
            }
            Effect::DrawGuide(slot, path, preprocess) => {
                let desk = guides::Desk {
                    pictures: self.pictures.clone(),
                    maker: Arc::clone(&self.guides),
                    home: self.home.clone(),
                    library: Arc::clone(&self.library),
                };
                self.on_a_thread(guides::draw(desk, path, (slot, preprocess)));
            }
            Effect::OpenGuide(slot) => {
                self.on_a_thread(guides::ask(self.pictures.clone(), slot));
            }
            Effect::Gallery(order) => self.perform_in_gallery(order),
            Effect::OpenResults => {
                self.on_a_thread(desk::open_folder(self.home.results_dir()));
            }
            Effect::Rescan => {
                self.reader.look_again();
                self.scanner.look_again();
                self.engines.renew_failed();
                self.look_at_folders();
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

    fn perform_in_gallery(&mut self, order: GalleryOrder) {
        match order {
            GalleryOrder::Star(..)
            | GalleryOrder::Delete(_)
            | GalleryOrder::Restore(_)
            | GalleryOrder::EmptyTrash => self.reader.order(order),
            GalleryOrder::Export(paths, texts) => self.on_a_thread(desk::export(paths, texts)),
            GalleryOrder::Reveal(path) => self.on_a_thread(desk::reveal(path)),
            GalleryOrder::CopyPicture(entry) => self.on_a_thread(desk::copy_picture(*entry)),
        }
    }
}
