//! The shell: takes in what threads report, draws, and does what actions ask for.
//!
//! The only place that knows both the window and the engine's contract. The window never waits:
//! disk, dialogs and decoding have threads of their own.

mod counter;
mod desk;
mod guides;
mod masks;
mod opener;
mod reader;
mod saver;
mod scanner;
mod shelf;
mod waiting;
mod watcher;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, SystemTime};

use eframe::egui;

use crate::jobs::{Event, EventSink, Journal, Journaled, NsfwScore, Provider, Status, Waiting};
use crate::library::{
    Bare, BringInError, Home, JournalError, JournalFolder, Library, Pictures, StoredImage,
    Thumbnails,
};
use crate::settings::Settings;
use crate::state::{
    Action, Effect, GalleryOrder, GuideSlot, Listing, Meter, Offer, StartPicture, State, Tone,
};
use crate::task::Task;
use crate::ui::{self, Cx, Textures, theme};
use counter::Counter;
use reader::Reader;
use saver::Saver;
use scanner::Scanner;
use uuid::Uuid;
use watcher::Watcher;

/// Events of jobs that may wait for the window; a provider that is faster waits for it.
const EVENTS_WAITING: usize = 256;
/// News of the shell's own threads that may wait.
const NEWS_WAITING: usize = 16;

/// How often a provider that is still starting is asked.
const STARTING_POLL: Duration = Duration::from_millis(150);

/// The window's size at first start, in points.
const FIRST_SIZE: [f32; 2] = [1440.0, 900.0];
/// Below this the form and the picture have no room beside each other.
const LEAST_SIZE: [f32; 2] = [900.0, 600.0];

/// Opens the window and returns when it is closed.
///
/// # Errors
/// When there is no display, or no OpenGL to draw with.
pub fn run(services: Services) -> Result<(), eframe::Error> {
    let viewport = egui::ViewportBuilder::default()
        .with_title("Latelier")
        .with_app_id("latelier")
        .with_inner_size(FIRST_SIZE)
        .with_min_inner_size(LEAST_SIZE);
    let options = eframe::NativeOptions {
        viewport,
        // Chosen by name: which renderer is the default depends on features of other crates.
        renderer: eframe::Renderer::Glow,
        persistence_path: Some(services.home.root().join("window.ron")),
        ..eframe::NativeOptions::default()
    };
    eframe::run_native("latelier", options, Box::new(|cc| Ok(Box::new(App::new(cc, services)?))))
}

/// What the window works with; tests give their own.
pub struct Services {
    /// Where results and settings lie.
    pub home: Home,
    /// Models.
    pub library: Arc<Library>,
    /// Makes the pictures.
    pub provider: Box<dyn Provider>,
    /// Where jobs are written down before the provider hears of them; else why they are not.
    pub journal: Result<Arc<JournalFolder>, JournalError>,
    /// Whether the provider's results say nothing of their making; the window changes it.
    pub bare: Bare,
}

/// What a thread of the shell found or did.
enum News {
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
    /// The files of these pictures are back.
    Restored(Vec<Uuid>),
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
    /// The mask of this task was drawn and is kept under that name, or could not be.
    MaskDrawn(Box<Task>, Result<Uuid, BringInError>),
    /// The models folders were looked through; what of them cannot be used and is in no list.
    ModelsRead(Vec<String>),
    /// The prompts were counted.
    Counted(Meter),
    /// What was waiting when Latelier stopped.
    Waiting(Vec<Waiting>),
    /// Something to tell the user.
    Said(Tone, String),
}

/// Carries news and wakes the window.
#[derive(Clone)]
struct Messenger {
    sender: SyncSender<News>,
    ctx: egui::Context,
}

impl Messenger {
    /// Whether anybody still listens.
    fn send(&self, news: News) -> bool {
        let heard = self.sender.send(news).is_ok();
        self.ctx.request_repaint();
        heard
    }
}

/// Why the window could not be built.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The system gives no thread.
    #[error("the system gives no thread: {0}")]
    Thread(#[from] std::io::Error),
}

/// The window.
pub struct App {
    /// Everything it shows.
    pub state: State,
    // Gone before the provider: what that ends at closing is not heard, and offered again.
    events: Receiver<Event>,
    news: Receiver<News>,
    home: Home,
    library: Arc<Library>,
    provider: Box<dyn Provider>,
    journal: Option<Arc<JournalFolder>>,
    textures: Textures,
    sink: EventSink,
    messenger: Messenger,
    reader: Reader,
    saver: Saver,
    scanner: Scanner,
    /// What of the library cannot be used, as it was told.
    troubles: Vec<String>,
    pictures: Pictures,
    start_watcher: Watcher,
    mask_watcher: Watcher,
    counter: Counter,
    bare: Bare,
    /// Pixels for the clipboard, until the next frame.
    copied: Option<egui::ColorImage>,
}

impl App {
    /// Builds the window and starts its threads.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn new(cc: &eframe::CreationContext<'_>, services: Services) -> Result<Self, AppError> {
        let ctx = &cc.egui_ctx;
        theme::install(ctx);
        let (sender, events) = sync_channel(EVENTS_WAITING);
        let wake = ctx.clone();
        let sink = EventSink::new(sender, Arc::new(move || wake.request_repaint()));
        let (sender, news) = sync_channel(NEWS_WAITING);
        let messenger = Messenger { sender, ctx: ctx.clone() };
        let Services { home, library, provider, journal, bare } = services;
        let settings_file = home.settings_file();
        let (settings, trouble) = match Settings::read(&settings_file) {
            Ok(settings) => (settings.unwrap_or_default(), None),
            Err(error) => (Settings::default(), Some(error)),
        };
        let mut state = State::new(settings.draft.clone(), settings.view.clone());
        if let Some(error) = trouble {
            tracing::warn!("{}: {error}", settings_file.display());
            state.world.notify(Tone::Failed, format!("Starting afresh: {error}"));
        }
        let journal =
            journal.map_err(|error| state.world.notify(Tone::Failed, sentence(&error))).ok();
        let provider = journaled(provider, journal.as_ref())?;
        let textures = Textures::start(ctx, &Thumbnails::new(&home))?;
        let reader = Reader::start(home.clone(), messenger.clone())?;
        let saver = Saver::start(settings_file, settings)?;
        let scanner = Scanner::start(Arc::clone(&library), messenger.clone())?;
        let pictures = Pictures::new(&home, &[]);
        let watcher = |tell| Watcher::start(pictures.clone(), messenger.clone(), tell);
        let (start_watcher, mask_watcher) = (watcher(News::Start)?, watcher(News::Mask)?);
        let counter = Counter::start(messenger.clone())?;
        let mut app = Self {
            state,
            events,
            news,
            home,
            library,
            provider,
            journal,
            textures,
            sink,
            messenger,
            reader,
            saver,
            scanner,
            troubles: Vec::new(),
            pictures,
            start_watcher,
            mask_watcher,
            counter,
            bare,
            copied: None,
        };
        if let Some(journal) = app.journal.clone() {
            app.on_a_thread(waiting::claim(journal));
        }
        Ok(app)
    }

    fn take_in(&mut self) {
        while let Ok(event) = self.events.try_recv() {
            self.state.receive(&event);
        }
        while let Ok(news) = self.news.try_recv() {
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
                    self.state.world.set_mask(image_uuid, picture);
                }
                News::MaskDrawn(task, drawn) => self.mask_drawn(*task, drawn),
                News::ModelsRead(troubles) => self.models_read(troubles),
                News::Counted(meter) => self.state.world.meter = Some(meter),
                News::Waiting(waiting) => self.state.world.waiting = waiting,
                News::Said(tone, text) => self.state.world.notify(tone, text),
            }
        }
        self.state.world.status = self.provider.status();
        let models = self.library.models();
        if self.library.is_read() && !Arc::ptr_eq(&models, &self.state.world.models) {
            self.state.set_models(models);
        }
        self.state.refresh(SystemTime::now());
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

    fn mask_drawn(&mut self, task: Task, drawn: Result<Uuid, BringInError>) {
        match drawn {
            Ok(mask) => {
                if let Some(effect) = self.state.mask_drawn(task, mask) {
                    self.perform(effect);
                }
            }
            Err(error) => {
                let text = format!("The mask could not be kept: {error}");
                self.state.world.notify(Tone::Failed, text);
            }
        }
    }

    /// Takes in a picture that was dropped on the window or pasted.
    fn take_arrival(&mut self, ctx: &egui::Context) {
        if let Some(arrival) = opener::arrival(ctx) {
            let library = Arc::clone(&self.library);
            self.on_a_thread(opener::bring_in(self.pictures.clone(), library, arrival));
        }
    }

    fn perform(&mut self, effect: Effect) {
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
            Effect::OpenPicture => {
                self.on_a_thread(opener::ask(self.pictures.clone(), Arc::clone(&self.library)));
            }
            Effect::BringGuide(slot, path) => {
                self.on_a_thread(guides::whole(self.pictures.clone(), path, slot));
            }
            Effect::DrawEdges(slot, path) => {
                self.on_a_thread(guides::edges(self.pictures.clone(), path, slot));
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
            }
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

    fn on_a_thread(&mut self, work: impl FnOnce(&Messenger) + Send + 'static) {
        let messenger = self.messenger.clone();
        let started =
            std::thread::Builder::new().name("desk".to_owned()).spawn(move || work(&messenger));
        if let Err(error) = started {
            self.state.world.notify(Tone::Failed, format!("The system gives no thread: {error}"));
        }
    }
}

/// The provider behind the journal, if there is one.
fn journaled(
    provider: Box<dyn Provider>,
    journal: Option<&Arc<JournalFolder>>,
) -> std::io::Result<Box<dyn Provider>> {
    let Some(journal) = journal else { return Ok(provider) };
    Ok(Box::new(Journaled::start(provider, Arc::clone(journal) as Arc<dyn Journal>)?))
}

/// An error as a sentence that stands alone.
fn sentence(error: &dyn std::error::Error) -> String {
    tracing::warn!("{error}");
    let mut text = error.to_string();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        self.take_arrival(ctx);
        // Models are brought with another program's window.
        let back = |event: &egui::Event| matches!(event, egui::Event::WindowFocused(true));
        if ctx.input(|input| input.events.iter().any(back)) {
            self.scanner.look_again();
        }
        self.take_in();
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        let mut actions: Vec<Action> = Vec::new();
        let State { draft, view, world, .. } = &mut self.state;
        let mut cx = Cx { draft, view, world, textures: &mut self.textures, actions: &mut actions };
        ui::draw(ui, &mut cx);
        for action in actions {
            if let Some(effect) = self.state.apply(action) {
                self.perform(effect);
            }
        }
        self.state.refresh(SystemTime::now());
        self.saver.offer(&self.state, ui.ctx());
        self.start_watcher.watch(self.state.draft.seed_image);
        if let Some(guide) = self.state.guide_to_find() {
            self.on_a_thread(guides::find(self.pictures.clone(), guide));
        }
        self.mask_watcher.watch(self.state.draft.mask.kept());
        self.counter.count(self.state.world.texts(&self.state.draft));
        self.bare.set(self.state.view.gallery.save_bare);
        self.reader.hand_over();
        self.reader.fetch(self.state.wanted_task());
        if let Some(image) = self.copied.take() {
            ui.ctx().copy_image(image);
            self.state.world.notify(Tone::Done, "Picture copied");
        }
        if self.state.world.gallery.is_searching() {
            ui.ctx().request_repaint();
        }
        // A provider that is still starting wakes nobody when it is ready.
        if self.state.world.status == Status::Starting {
            ui.ctx().request_repaint_after(STARTING_POLL);
        }
    }
}
