//! The window in a test: opened over the real engine, waited for, clicked by label.

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use latelier::app::{App, Services};
use latelier::engine::{
    ClassifierPath, EngineError, LocalEngine, LocalGuides, RuntimeError, SearchPath, Settings,
};
use latelier::jobs::{Device, EventSink, Failure, Job, Runner, Worker};
use latelier::library::{Bare, Home, JournalFolder, Library, Pictures, Results};
use latelier::state::State;

use super::scratch;
use crate::support;

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_mins(2);

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
        Self::with_engine(home, Library::unread(support::home(), &[]).unwrap())
    }

    /// A first start with the models of `folder` beside the demo model.
    pub(crate) fn open_with_models(models: &Path) -> Self {
        let folder = scratch();
        let home = Home::at(folder.path());
        let library = Library::unread(support::home(), &[models.to_owned()]).unwrap();
        let mut window = Self::with_engine(&home, library);
        window.folder = Some(folder);
        window
    }

    /// A first start on a machine without ONNX Runtime.
    pub(crate) fn open_without_runtime() -> Self {
        let folder = scratch();
        let home = Home::at(folder.path());
        let library = Library::unread(support::home(), &[]).unwrap();
        let provider = Worker::start("local", || NoRuntime).unwrap();
        let mut window = Self::over(&home, library, provider, Bare::default());
        window.folder = Some(folder);
        window
    }

    fn with_engine(home: &Home, library: Library) -> Self {
        let bare = Bare::default();
        Self::over(home, library, engine(home, &bare), bare)
    }

    /// A start in a window of that many points.
    pub(crate) fn open_sized(home: &Home, size: egui::Vec2) -> Self {
        let library = Library::unread(support::home(), &[]).unwrap();
        let bare = Bare::default();
        Self::sized(home, (library, engine(home, &bare)), bare, size)
    }

    fn over(home: &Home, library: Library, provider: Worker, bare: Bare) -> Self {
        Self::sized(home, (library, provider), bare, egui::vec2(1440.0, 900.0))
    }

    fn sized(
        home: &Home,
        (library, provider): (Library, Worker),
        bare: Bare,
        size: egui::Vec2,
    ) -> Self {
        let (library, provider) = (Arc::new(library), Box::new(provider));
        let journal = JournalFolder::open(home, &home.results_dir()).map(Arc::new);
        let search = SearchPath::usual(&support::home().runtime_dir());
        let guides = Arc::new(LocalGuides { search, threads: 2 });
        let services = Services { home: home.clone(), library, provider, guides, journal, bare };
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

/// The engine as the program starts it, its pictures going to `home`.
fn engine(home: &Home, bare: &Bare) -> Worker {
    let pictures = Pictures::new(home, &[]);
    let settings = Settings {
        search: SearchPath::usual(&support::home().runtime_dir()),
        device: None,
        threads: 2,
        mode: None,
        together: None,
        classifier: ClassifierPath::usual(&support::home().runtime_dir()),
        previews: true,
        keeper: Arc::new(Results::of_home(home, pictures.clone()).with_bare(bare)),
        pictures: Arc::new(pictures),
        models: Arc::new(Vec::new),
    };
    Worker::start("local", move || LocalEngine::new(settings)).unwrap()
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
