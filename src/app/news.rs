//! What threads of the shell tell, and how the window takes it in: once a frame, before it draws.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::SystemTime;

use eframe::egui;
use uuid::Uuid;

use super::{App, wildcards};
use crate::jobs::{Failure, JobId, NsfwScore, OfferedDevice, Waiting};
use crate::library::{BringInError, DownloadState, StoredImage, Weighed};
use crate::pixels::Mask;
use crate::state::{
    Effect, GuideSlot, KeyStatus, Listing, MaskTicket, Meter, ModelFile, ModelSearch, Offer,
    Outlook, StartPicture, Tone,
};
use crate::task::{EngineKind, ModelCard, Task};

/// What a thread of the shell found or did.
pub(super) enum News {
    /// These pictures may show adult content.
    Judged(Vec<(Uuid, NsfwScore)>),
    /// The results folder holds these.
    Listed(Listing),
    /// This is what their files say.
    Read(Vec<StoredImage>),
    /// That picture was made with this task and cost so many US dollars.
    Task(Uuid, Option<Arc<Task>>, Option<f64>),
    /// These pictures are starred.
    Starred(Vec<Uuid>),
    /// The stars that were changed first are on disk, or could not be written.
    StarsKept,
    /// The files of these pictures were moved into the trash, or could not be.
    Deleted(Vec<Uuid>),
    /// The files of these of them are still among the results.
    NotDeleted(Vec<Uuid>),
    /// The files of these pictures are back.
    Restored(Vec<Uuid>),
    /// The files of these are still in the trash.
    NotRestored(Vec<Uuid>),
    /// The results folder is to be listed once more.
    LookAgain,
    /// These pixels are for the clipboard.
    Copy(egui::ColorImage),
    /// The picture that was brought in carries settings.
    Offered(Box<Offer>),
    /// A picture to start from is being brought in.
    Opening,
    /// The picture of that name was brought in, or could not be.
    Opened(String, Result<Uuid, BringInError>),
    /// The picture of that name is in the library as a guide, or could not be brought there.
    Guide(GuideSlot, String, Result<Uuid, BringInError>),
    /// Where that guide lies, if it is there.
    GuideFound(Uuid, Option<PathBuf>),
    /// What lies on disk of the picture to start from.
    Start(Uuid, StartPicture),
    /// What lies on disk of the mask of the library.
    Mask(Uuid, StartPicture),
    /// These are the pixels of a mask that was asked for; none when it is gone, else why not.
    MaskPixels(MaskTicket, Result<Option<Mask>, String>),
    /// The mask of this task, for that engine, was drawn and is kept under that name, or could not be.
    MaskDrawn(Box<Task>, EngineKind, Result<Uuid, BringInError>),
    /// The models folders were looked through; what of them cannot be used and is in no list.
    ModelsRead(Vec<String>),
    /// The prompts were counted.
    Counted(Meter),
    /// The folders of the user were looked through, for the time of that number.
    Folders(u64, Box<wildcards::Found>),
    /// What was waiting when Latelier stopped.
    Waiting(Vec<Waiting>),
    /// What the form's request takes.
    Foreseen(Box<Outlook>),
    /// What the parcel of that first job will cost, and whether it may be sent unasked; else why nobody
    /// knows.
    Weighed(JobId, Result<Weighed, String>),
    /// Where the key is, if there is one.
    Key(KeyStatus),
    /// The key was changed by the user.
    KeyChanged(KeyStatus),
    /// Devices that this machine offers.
    Devices(Vec<OfferedDevice>),
    /// Models of the service that was asked so.
    ModelsFound(ModelSearch, Result<Vec<ModelCard>, Failure>),
    /// What the files of models are, and the folders that are looked through.
    ModelFiles(HashMap<PathBuf, ModelFile>, Vec<PathBuf>),
    /// What lies there was added to the library, under this path.
    ModelAdded(PathBuf),
    /// The library was changed: it is looked through again.
    LibraryChanged,
    /// Where the downloads stand.
    Downloads(Vec<DownloadState>),
    /// Something to tell the user.
    Said(Tone, String),
}

/// Carries news and wakes the window.
#[derive(Clone)]
pub(super) struct Messenger {
    pub(super) sender: SyncSender<News>,
    pub(super) ctx: egui::Context,
}

impl Messenger {
    /// Whether anybody still listens.
    pub(super) fn send(&self, news: News) -> bool {
        let heard = self.sender.send(news).is_ok();
        self.ctx.request_repaint();
        heard
    }
}

impl App {
    /// Takes in everything that was told since the last frame.
    pub(super) fn take_in(&mut self) {
        while let Ok(event) = self.events.try_recv() {
            self.state.receive(&event);
        }
        while let Ok(news) = self.news.try_recv() {
            self.hear(news);
        }
        let status = self.engines.status(&self.state.preferences);
        self.state.set_status(status);
        let models = self.library.models();
        if self.library.is_read() && !Arc::ptr_eq(&models, &self.state.world.models) {
            self.state.set_models(models);
            if self.state.view.sheets.models {
                self.perform_on_shelf(Effect::LookAtModels);
            }
        }
        self.state.refresh(SystemTime::now());
    }

    pub(super) fn hear(&mut self, news: News) {
        match news {
            News::Judged(verdicts) => self.state.world.gallery.set_verdicts(verdicts),
            News::Listed(stored) => self.listed(stored),
            News::Read(read) => self.state.world.gallery.learn(read),
            News::Task(image_uuid, task, cost) => {
                self.state.world.gallery.set_task(image_uuid, task, cost);
            }
            News::Starred(starred) => self.state.world.gallery.set_stars(starred),
            News::StarsKept => self.state.world.gallery.stars_kept(),
            News::Deleted(images) => self.state.world.gallery.left(&images),
            News::NotDeleted(images) => self.state.not_deleted(&images),
            News::NotRestored(images) => self.state.world.gallery.not_restored(&images),
            News::Restored(images) => {
                self.textures.retry_broken();
                self.state.brought_back(&images);
            }
            News::LookAgain => self.reader.look_again(),
            News::Copy(image) => self.copied = Some(image),
            News::Offered(offer) => self.state.world.offer_settings(*offer),
            News::Opening => self.state.world.opening += 1,
            News::Opened(name, opened) => {
                if let Some(image_uuid) = self.opened(&name, opened) {
                    self.state.start_from(image_uuid);
                }
            }
            News::Guide(slot, name, brought) => {
                self.state.guide_made(slot);
                if let Some(image_uuid) = self.in_library(&name, brought) {
                    self.state.guide_brought(slot, image_uuid);
                }
            }
            News::GuideFound(image_uuid, path) => {
                self.state.world.set_guide_file(image_uuid, path);
            }
            News::Start(image_uuid, picture) => {
                self.textures.retry_broken();
                self.state.world.set_start(image_uuid, picture);
            }
            News::Mask(image_uuid, picture) => {
                self.textures.retry_broken();
                self.state.painting.ask_again();
                self.state.world.set_mask(image_uuid, picture);
            }
            News::MaskPixels(ticket, mask) => self.state.mask_arrived(ticket, mask),
            News::MaskDrawn(task, engine, drawn) => self.mask_drawn(*task, engine, drawn),
            News::ModelsRead(troubles) => self.models_read(troubles),
            News::Counted(meter) => self.state.world.meter = Some(meter),
            News::Folders(number, found) => self.looked(number, *found),
            News::Waiting(waiting) => self.state.world.waiting = waiting,
            News::Said(tone, text) => self.state.world.notify(tone, text),
            News::ModelFiles(..)
            | News::ModelAdded(_)
            | News::LibraryChanged
            | News::Downloads(_) => self.hear_of_shelf(news),
            News::Foreseen(_)
            | News::Weighed(..)
            | News::Key(_)
            | News::KeyChanged(_)
            | News::Devices(_)
            | News::ModelsFound(..) => self.hear_of_engines(news),
        }
    }

    /// Tells what cannot be used of the library, once; more than one in one notice.
    fn models_read(&mut self, troubles: Vec<String>) {
        let new: Vec<&String> =
            troubles.iter().filter(|text| !self.troubles.contains(*text)).collect();
        let told = match new.as_slice() {
            [] => None,
            [one] => Some((*one).clone()),
            [first, others @ ..] => Some(format!(
                "{first}\nAnd {} more, which `latelier models list` names",
                others.len()
            )),
        };
        if let Some(text) = told {
            self.state.world.notify(Tone::Failed, text);
        }
        self.troubles = troubles;
    }

    fn listed(&mut self, listing: Listing) {
        let before = self.state.world.gallery.set_stored(listing);
        if !before.is_empty() {
            self.on_a_thread(move |_| drop(before));
        }
        self.textures.retry_broken();
        // At start the newest picture is shown; later the choice is the user's.
        if self.state.view.selected.is_none() {
            self.state.select_newest();
        }
    }

    /// The picture of that name, if it could be brought in; says why when not.
    fn opened(&mut self, name: &str, opened: Result<Uuid, BringInError>) -> Option<Uuid> {
        self.state.world.opening = self.state.world.opening.saturating_sub(1);
        self.in_library(name, opened)
    }

    fn in_library(&mut self, name: &str, brought: Result<Uuid, BringInError>) -> Option<Uuid> {
        let fail = |error| {
            let text = format!("{name} cannot be opened: {error}");
            self.state.world.notify(Tone::Failed, text);
        };
        brought.map_err(fail).ok()
    }

    fn mask_drawn(&mut self, task: Task, engine: EngineKind, drawn: Result<Uuid, BringInError>) {
        match drawn {
            Ok(mask) => {
                if let Some(effect) = self.state.mask_drawn(task, engine, mask) {
                    self.perform(effect);
                }
            }
            Err(error) => {
                let text = format!("The mask could not be kept: {error}");
                self.state.world.notify(Tone::Failed, text);
            }
        }
    }
}
