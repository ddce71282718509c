//! The window in a test: opened over the real engine, waited for, clicked by label.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use latelier::app::{App, Services};
use latelier::cli::Engines;
use latelier::engine::{
    ClassifierPath, EngineError, LocalGuides, RuntimeError, SearchPath, Settings,
};
use latelier::jobs::{
    Device, EngineMaker, EngineOrder, EventSink, Failure, Job, Journal, Keeper, LocalWish,
    MadeEngine, MemoryNeed, OfferedDevice, PictureSource, Runner, Worker,
};
use latelier::library::{Bare, Home, JournalFolder, Library, Pictures, Results};
use latelier::state::State;
use latelier::task::{ModelCard, Request};

use super::scratch;
use crate::support;

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_mins(2);

/// The window's size at first start, in points.
const SIZE: egui::Vec2 = egui::vec2(1440.0, 900.0);

/// A window over the real engine and the demo model, in a folder that goes away with it.
pub(crate) struct Window {
    pub(crate) app: Harness<'static, App>,
    folder: Option<tempfile::TempDir>,
}

impl Window {
    /// A first start.
    pub(crate) fn open() -> Self {
        let folder = scratch();
        let mut window = Self::open_in(&Home::at(folder.path()));
        window.folder = Some(folder);
        window
    }

    /// A start in a folder that may have been used before.
    pub(crate) fn open_in(home: &Home) -> Self {
        Self::over(home, Library::unread(support::home(), &[]).unwrap())
    }

    /// A start in a folder with a library of its own.
    pub(crate) fn open_alone(home: &Home) -> Self {
        Self::over(home, Library::unread(home, &[]).unwrap())
    }

    /// A first start with the models of `folder` beside the demo model.
    pub(crate) fn open_with_models(models: &Path) -> Self {
        let folder = scratch();
        let home = Home::at(folder.path());
        let library = Library::unread(support::home(), &[models.to_owned()]).unwrap();
        let mut window = Self::over(&home, library);
        window.folder = Some(folder);
        window
    }

    /// A first start on a machine without ONNX Runtime.
    pub(crate) fn open_without_runtime() -> Self {
        let folder = scratch();
        let home = Home::at(folder.path());
        let library = Library::unread(support::home(), &[]).unwrap();
        let mut window = Self::with(&home, library, |_| Arc::new(NoEngines));
        window.folder = Some(folder);
        window
    }

    /// A start in a window of that many points.
    pub(crate) fn open_sized(home: &Home, size: egui::Vec2) -> Self {
        let library = Library::unread(support::home(), &[]).unwrap();
        let bare = Bare::default();
        let engines = |journal| -> Arc<dyn EngineMaker> { Arc::new(engines(home, journal, &bare)) };
        Self::sized(home, (library, bare.clone()), engines, size)
    }

    fn over(home: &Home, library: Library) -> Self {
        let bare = Bare::default();
        let engines = |journal| -> Arc<dyn EngineMaker> { Arc::new(engines(home, journal, &bare)) };
        Self::sized(home, (library, bare.clone()), engines, SIZE)
    }

    fn with(
        home: &Home,
        library: Library,
        engines: impl FnOnce(Option<Weak<dyn Journal>>) -> Arc<dyn EngineMaker>,
    ) -> Self {
        Self::sized(home, (library, Bare::default()), engines, SIZE)
    }

    fn sized(
        home: &Home,
        (library, bare): (Library, Bare),
        engines: impl FnOnce(Option<Weak<dyn Journal>>) -> Arc<dyn EngineMaker>,
        size: egui::Vec2,
    ) -> Self {
        let library = Arc::new(library);
        let journal = JournalFolder::open(home, &home.results_dir()).map(Arc::new);
        let engines =
            engines(journal.as_ref().ok().map(|it| Arc::downgrade(it) as Weak<dyn Journal>));
        let search = SearchPath::usual(&support::home().runtime_dir());
        let guides = Arc::new(LocalGuides { search, threads: 2 });
        let services = Services { home: home.clone(), library, engines, guides, journal, bare };
        let builder = Harness::builder().with_size(size).with_max_steps(64).allow_missing_glyphs();
        #[cfg(feature = "pictures")]
        let builder = builder.wgpu();
        let app = builder.build_eframe(|cc| App::new(cc, services).unwrap());
        let mut window = Self { app, folder: None };
        window.wait("the models", |state| state.world.models_read);
        window.wait("the results folder", |state| state.world.gallery.is_listed());
        window
    }

    /// Frames until `there`, on the clock; says what was waited for when it never comes.
    #[track_caller]
    pub(crate) fn wait(&mut self, what: &str, there: impl Fn(&State) -> bool) {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            self.app.step();
            if there(&self.app.state().state) {
                // One more, so that what is drawn is what is known.
                self.app.step();
                return;
            }
            thread::sleep(Duration::from_millis(2));
        }
        panic!("never came: {what}");
    }

    /// Frames until something whose name contains `text` is on screen.
    #[track_caller]
    pub(crate) fn wait_shown(&mut self, text: &str) {
        let start = Instant::now();
        while !self.shows(text) {
            assert!(start.elapsed() < PATIENCE, "never shown: {text}");
            self.app.step();
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// The folder of a first start.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.as_ref().expect("only a first start has one").path()
    }

    /// Clicks the one thing of that name.
    #[track_caller]
    pub(crate) fn click(&mut self, label: &str) {
        self.app.get_by_label(label).click();
        self.app.run_steps(3);
    }

    /// Replaces what a field holds.
    #[track_caller]
    pub(crate) fn write(&mut self, (role, label): (egui::Role, &str), text: &str) {
        self.app.get_by_role_and_label(role, label).set_text_value_accesskit(text);
        self.app.run_steps(3);
    }

    /// Whether anything whose name contains `text` is on screen.
    pub(crate) fn shows(&self, text: &str) -> bool {
        self.app.query_all_by_label_contains(text).next().is_some()
    }

    /// Whether the one thing of that name cannot be used.
    #[track_caller]
    pub(crate) fn is_disabled(&self, label: &str) -> bool {
        self.app.get_by_label(label).accesskit_node().is_disabled()
    }
}

/// The engines as the program makes them, their pictures going to `home`.
fn engines(home: &Home, journal: Option<Weak<dyn Journal>>, bare: &Bare) -> Engines {
    let pictures = Pictures::new(home, &[]);
    let keeper: Arc<dyn Keeper> =
        Arc::new(Results::of_home(home, pictures.clone()).with_bare(bare));
    let pictures: Arc<dyn PictureSource> = Arc::new(pictures);
    let local = Settings {
        search: SearchPath::usual(&support::home().runtime_dir()),
        device: None,
        threads: 2,
        mode: None,
        together: None,
        classifier: ClassifierPath::usual(&support::home().runtime_dir()),
        previews: true,
        keeper: Arc::clone(&keeper),
        pictures: Arc::clone(&pictures),
        models: Arc::new(Vec::new),
    };
    Engines { home: home.clone(), local, keeper, pictures, journal }
}

/// Makes the engine that is there without ONNX Runtime.
struct NoEngines;

impl EngineMaker for NoEngines {
    fn make(&self, _order: &EngineOrder) -> Result<MadeEngine, Failure> {
        let provider = Box::new(Worker::start("local", || NoRuntime).unwrap());
        Ok(MadeEngine { provider, at_once: 1, search: None })
    }

    fn memory(&self, _request: &Request, _wish: &LocalWish) -> Option<MemoryNeed> {
        None
    }

    fn devices(&self) -> Vec<OfferedDevice> {
        Vec::new()
    }

    fn lacks(&self, _card: &ModelCard, _folders: &[PathBuf]) -> Option<String> {
        None
    }
}

/// What the engine is without ONNX Runtime. A stand-in only because a process can load the
/// library once and the other tests have; the failure is the engine's own.
struct NoRuntime;

impl Runner for NoRuntime {
    fn prepare(&mut self) -> Result<Device, Failure> {
        let error = RuntimeError { user_folder: "runtime".into(), tried: Vec::new() };
        Err(EngineError::from(error).into_failure())
    }

    fn run(&mut self, _job: &Job, _events: &EventSink) -> Result<(), Failure> {
        self.prepare().map(|_| ())
    }
}
