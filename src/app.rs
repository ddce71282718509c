//! The shell: takes in what threads report, draws, and does what actions ask for.
//!
//! The only place that knows both the window and the engines' contract. The window never waits:
//! disk, dialogs and decoding have threads of their own.

mod counter;
mod desk;
mod engine_room;
mod foreseer;
mod guides;
mod masks;
mod news;
mod opener;
mod perform;
mod reader;
mod saver;
mod scanner;
mod shelf;
mod threads;
mod tray;
mod waiting;
mod watcher;
mod wildcards;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant, SystemTime};

use eframe::egui;

use crate::jobs::{
    EngineMaker, Event, EventSink, GuideMaker, Journal, Journaled, Status, Switchboard,
};
use crate::library::{
    Bare, Downloads, Home, JournalError, JournalFolder, Library, Pictures, Thumbnails,
};
use crate::settings::Settings;
use crate::state::{Action, State, Tone};
use crate::ui::{self, Cx, Textures, theme};
use counter::Counter;
use engine_room::EngineRoom;
use foreseer::Foreseer;
use masks::MaskSaver;
use news::{Messenger, News};
use reader::Reader;
use saver::Saver;
use scanner::Scanner;
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
    let asked_for = Some(Instant::now());
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
    let open = |cc: &eframe::CreationContext<'_>| {
        let mut app = App::new(cc, services)?;
        app.asked_for = asked_for;
        Ok(Box::new(app) as Box<dyn eframe::App>)
    };
    eframe::run_native("latelier", options, Box::new(open))
}

/// What the window works with; tests give their own.
pub struct Services {
    /// Where results and settings lie.
    pub home: Home,
    /// Models.
    pub library: Arc<Library>,
    /// Makes the engines when they are first needed.
    pub engines: Arc<dyn EngineMaker>,
    /// Draws guides.
    pub guides: Arc<dyn GuideMaker>,
    /// Where jobs are written down before an engine hears of them; else why they are not.
    pub journal: Result<Arc<JournalFolder>, JournalError>,
    /// Whether the engines' results say nothing of their making; the window changes it.
    pub bare: Bare,
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
    // Gone before the engines: what these end at closing is not heard, and offered again.
    events: Receiver<Event>,
    news: Receiver<News>,
    home: Home,
    library: Arc<Library>,
    /// All engines behind the journal.
    provider: Journaled,
    engines: EngineRoom,
    guides: Arc<dyn GuideMaker>,
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
    mask_saver: MaskSaver,
    counter: Counter,
    /// How often the folders of the user were looked through.
    looks: u64,
    bare: Bare,
    /// Pixels for the clipboard, until the next frame.
    copied: Option<egui::ColorImage>,
    foreseer: Foreseer,
    downloads: Downloads,
    /// When this window was asked for, until the log has told how long its first frame took.
    asked_for: Option<Instant>,
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
        let Services { home, library, engines, guides, journal, bare } = services;
        let (mut state, saver) = restored(&home)?;
        let journal =
            journal.map_err(|error| state.world.notify(Tone::Failed, sentence(&error))).ok();
        let board = Arc::new(Switchboard::new(Arc::clone(&engines)));
        let entries = journal.clone().map(|journal| journal as Arc<dyn Journal>);
        let provider = Journaled::start(Box::new(Arc::clone(&board)), entries)?;
        let textures = Textures::start(ctx, &Thumbnails::new(&home))?;
        let reader = Reader::start(home.clone(), messenger.clone())?;
        let scanner = Scanner::start(Arc::clone(&library), messenger.clone())?;
        let pictures = Pictures::new(&home, &[]);
        let watcher = |tell| Watcher::start(pictures.clone(), messenger.clone(), tell);
        let (start_watcher, mask_watcher) = (watcher(News::Start)?, watcher(News::Mask)?);
        let mask_saver = MaskSaver::start(home.painting_dir())?;
        let counter = Counter::start(messenger.clone())?;
        let foreseer = Foreseer::start(Arc::clone(&engines), home.clone(), messenger.clone())?;
        state.world.shelf.results = home.results_dir();
        let downloads = shelf::downloads(&home, messenger.clone())?;
        let mut app = Self {
            state,
            events,
            news,
            home,
            library,
            provider,
            engines: EngineRoom::new(engines, board),
            guides,
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
            mask_saver,
            counter,
            looks: 0,
            bare,
            copied: None,
            foreseer,
            downloads,
            asked_for: None,
        };
        if let Some(journal) = app.journal.clone() {
            app.on_a_thread(waiting::claim(journal));
        }
        app.state.world.wildcards_folder = Some(app.home.wildcards_dir());
        app.look_at_folders();
        Ok(app)
    }

    /// Tells the log how long the first frame took; the second begins when the first is on the screen.
    fn tell_first_frame(&mut self, ctx: &egui::Context) {
        let Some(asked_for) = self.asked_for else { return };
        if ctx.cumulative_frame_nr() == 0 {
            ctx.request_repaint();
        } else {
            tracing::info!("first frame after {} ms", asked_for.elapsed().as_millis());
            self.asked_for = None;
        }
    }

    /// Gives every thread that follows the form what it says now; once a frame.
    fn follow_form(&mut self, ctx: &egui::Context) {
        self.saver.offer(&self.state, ctx);
        self.start_watcher.watch(self.state.draft.seed_image);
        if let Some(guide) = self.state.guide_to_find() {
            self.on_a_thread(guides::find(self.pictures.clone(), guide));
        }
        self.mask_watcher.watch(self.state.draft.mask.kept());
        if let Some((ticket, source)) = self.state.take_wanted_mask() {
            let (pictures, folder) = (self.pictures.clone(), self.home.painting_dir());
            let lost = masks::lost(ticket);
            self.on_a_thread_or(lost, masks::read((pictures, folder), ticket, source));
        }
        self.mask_saver.offer(&self.state, ctx);
        self.counter.count(self.state.world.texts(&self.state.draft));
        let local = &self.state.preferences.local;
        self.foreseer.ask(self.state.world.engines.outlook_question(), local);
        self.bare.set(self.state.view.gallery.save_bare);
        self.reader.hand_over();
        self.reader.fetch(self.state.wanted_task());
        if let Some(image) = self.copied.take() {
            ctx.copy_image(image);
            self.state.world.notify(Tone::Done, "Picture copied");
        }
        if self.state.world.gallery.is_searching() {
            ctx.request_repaint();
        }
        self.weigh_next();
        self.keep_order();
    }
}

/// The state as the last window left it, and who keeps it. A settings file that cannot be understood is
/// never written over.
fn restored(home: &Home) -> std::io::Result<(State, Saver)> {
    let file = home.settings_file();
    let (settings, trouble) = match Settings::read(&file) {
        Ok(settings) => (settings.unwrap_or_default(), None),
        Err(error) => (Settings::default(), Some((error, Settings::set_aside(&file)))),
    };
    let mut state = State::new(settings.draft.clone(), settings.view.clone());
    state.preferences = settings.preferences.clone();
    let Some((error, moved)) = trouble else {
        return Ok((state, Saver::start(file, settings)?));
    };
    let (text, saver) = match moved {
        Ok(place) => {
            let text =
                format!("Starting afresh: {error}. The file was set aside: {}", place.display());
            (text, Saver::start(file, settings)?)
        }
        Err(why) => {
            let text = format!(
                "Starting afresh, and nothing you change is kept: {error}, and the file cannot be set \
                 aside ({why}): {}",
                file.display()
            );
            (text, Saver::idle(settings))
        }
    };
    tracing::warn!("{text}");
    state.world.notify(Tone::Failed, text);
    Ok((state, saver))
}

/// An error as a sentence that stands alone.
fn sentence(error: &dyn std::error::Error) -> String {
    tracing::warn!("{error}");
    capitalised(&error.to_string())
}

fn capitalised(text: &str) -> String {
    let mut text = text.to_owned();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        self.tell_first_frame(ctx);
        self.take_arrival(ctx);
        // Models are brought with another program's window.
        let back = |event: &egui::Event| matches!(event, egui::Event::WindowFocused(true));
        if ctx.input(|input| input.events.iter().any(back)) {
            self.scanner.look_again();
            self.look_at_folders();
        }
        self.take_in();
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        let mut actions: Vec<Action> = Vec::new();
        let State { draft, view, painting, preferences, world, .. } = &mut self.state;
        let mut cx = Cx {
            draft,
            view,
            painting,
            preferences,
            world,
            textures: &mut self.textures,
            actions: &mut actions,
        };
        ui::draw(ui, &mut cx);
        for action in actions {
            if let Some(effect) = self.state.apply(action) {
                self.perform(effect);
            }
        }
        self.state.refresh(SystemTime::now());
        self.follow_form(ui.ctx());
        // A provider that is still starting wakes nobody when it is ready.
        if self.state.world.status == Status::Starting {
            ui.ctx().request_repaint_after(STARTING_POLL);
        }
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.mask_saver.finish(&self.state);
    }
}
