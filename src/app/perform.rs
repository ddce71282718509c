//! What the state asks the shell for: each on a thread of its own.

use std::sync::Arc;

use eframe::egui;

use super::news::News;
use super::{App, desk, guides, masks, opener, threads, waiting};
use crate::jobs::{Event, Job, Progress};
use crate::state::{Effect, GalleryOrder, Tone};

impl App {
    /// Takes in a picture that was dropped on the window or pasted.
    pub(super) fn take_arrival(&mut self, ctx: &egui::Context) {
        if let Some(arrival) = opener::arrival(ctx) {
            let library = Arc::clone(&self.library);
            self.on_a_thread(opener::bring_in(self.pictures.clone(), library, arrival));
        }
    }

    /// Gives jobs to their engines; fails the cards of those that are not taken. The way of events would
    /// make this thread wait for itself.
    fn submit(&mut self, jobs: Vec<Job>) {
        for job in jobs {
            let id = job.id;
            if let Err(failure) = self.provider.submit(job, self.sink.clone()) {
                self.state.receive(&Event { job: id, progress: Progress::Failed(failure) });
                self.messenger.ctx.request_repaint();
            }
        }
    }

    pub(super) fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Submit(jobs) => self.submit(jobs),
            Effect::DrawMask(order) => {
                let text = format!("The mask could not be kept: {}", threads::lost());
                let lost = News::Said(Tone::Failed, text);
                self.on_a_thread_or(lost, masks::keep(self.pictures.clone(), order));
            }
            Effect::Mask(work) => match work.ticket() {
                Some(ticket) => self.on_a_thread_or(masks::lost(ticket), masks::work(work)),
                None => self.on_a_thread(masks::work(work)),
            },
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
                let lost = guides::lost(slot, &path);
                self.on_a_thread_or(lost, guides::draw(desk, path, (slot, preprocess)));
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
