//! What a frame of the window costs: CPU time of the window's thread, without the graphics card.
//!
//! The real window over a home with 100 000 results. The first run makes them (some minutes in a debug
//! build); they stay in the target folder. `LATELIER_BENCH_PICTURES` changes how many.

#![expect(clippy::print_stdout, reason = "a program for developers, who read what it prints")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use eframe::{App as _, egui};
use egui::{Event, Modifiers, Pos2, RawInput, Rect, ViewportId, vec2};
use latelier::app::{App, Services};
use latelier::jobs::{
    Cancel, Device, EngineMaker, EngineOrder, EventSink, Failure, FailureKind, GuideMaker,
    GuideOrder, Job, LocalWish, MadeEngine, MemoryNeed, OfferedDevice, Runner, Worker,
};
use latelier::library::{Bare, Home, Index, Library, Pictures};
use latelier::pixels::{Brush, Extent, FileFormat, Picture, encode};
use latelier::state::{Action, Tool};
use latelier::task::{ModelCard, Request, Task};
use uuid::Uuid;

/// Results in the gallery.
const PICTURES: usize = 100_000;
/// Jobs in the queue.
const JOBS: usize = 500;
/// Frames of a scenario.
const FRAMES: usize = 600;
/// The window, in points.
const WINDOW: [f32; 2] = [1440.0, 900.0];
/// What a frame may take in the median and at the 99th percentile, in milliseconds.
const TARGET: (f64, f64) = (4.0, 8.0);

fn main() -> ExitCode {
    let count = std::env::var("LATELIER_BENCH_PICTURES").ok();
    let count = count.and_then(|count| count.parse().ok()).unwrap_or(PICTURES);
    let home = Home::at(Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("frames-{count}")));
    fill(&home, count);
    let mut window = Window::open(&home, count);
    println!("{:<44} {:>8.2} once", "the listing of the folder taken in", window.longest);
    println!("{count} pictures, {FRAMES} frames each, CPU ms of the window's thread a frame");
    println!("{:<44} {:>8} {:>8} {:>8}", "", "median", "p99", "most");
    let rows = [
        row("gallery, scrolled by 60 points a frame", scroll(&mut window)),
        row("gallery, jumps of 7000 points", jumps(&mut window)),
        row("gallery, a search typed letter by letter", search(&mut window)),
        row("gallery, the choice walks with arrow keys", walk(&mut window)),
        row("canvas, a soft brush of 128 px on 2048²", paint(&mut window, &home)),
        row("queue, 500 jobs in its list", queue(&mut window)),
    ];
    let asleep = sleeps(&mut window);
    println!("{:<44} {}", "idle window", if asleep { "repaints nothing" } else { "REPAINTS" });
    if asleep && rows.into_iter().all(|within| within) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Prints a row; whether it keeps the target.
fn row(name: &str, mut millis: Vec<f64>) -> bool {
    millis.sort_by(f64::total_cmp);
    let at = |share: f64| millis[((millis.len() - 1) as f64 * share).round() as usize];
    let (median, p99, most) = (at(0.5), at(0.99), at(1.0));
    let within = median <= TARGET.0 && p99 <= TARGET.1;
    let told = if within { "" } else { "  above the target" };
    println!("{name:<44} {median:>8.2} {p99:>8.2} {most:>8.2}{told}");
    within
}

fn scroll(window: &mut Window) -> Vec<f64> {
    (0..FRAMES).map(|_| window.frame(wheel(-60.0))).collect()
}

fn jumps(window: &mut Window) -> Vec<f64> {
    let jump = |frame: usize| if frame.is_multiple_of(10) { -7000.0 } else { 0.0 };
    (0..FRAMES).map(|frame| window.frame(wheel(jump(frame)))).collect()
}

fn search(window: &mut Window) -> Vec<f64> {
    const TYPED: &str = "lighthouse 41 -market";
    let typed = |frame: usize| TYPED[..(frame / 8) % TYPED.len()].to_owned();
    let millis = (0..FRAMES).map(|frame| {
        window.app.state.view.search = typed(frame);
        window.frame(Vec::new())
    });
    let millis = millis.collect();
    window.app.state.view.search.clear();
    window.settle();
    millis
}

fn walk(window: &mut Window) -> Vec<f64> {
    let press = |key, pressed| Event::Key {
        key,
        physical_key: None,
        pressed,
        repeat: false,
        modifiers: Modifiers::NONE,
    };
    let keys = [egui::Key::ArrowDown, egui::Key::ArrowRight];
    (0..FRAMES)
        .map(|frame| {
            let key = keys[frame % 2];
            window.frame(vec![press(key, true), press(key, false)])
        })
        .collect()
}

/// A stroke that goes on in every frame, as fast as a hand: 84 pixels a frame.
fn paint(window: &mut Window, home: &Home) -> Vec<f64> {
    let extent = Extent::new(2048, 2048);
    let pixel = |x: u32, y: u32| [(x / 8) as u8, (y / 8) as u8, (x ^ y) as u8, 255];
    let bytes = encode(&Picture::from_fn(extent, pixel), FileFormat::Png, "").expect("a picture");
    let start = Pictures::new(home, &[]).keep(&bytes).expect("room on the disk");
    window.app.state.start_from(start);
    while window.app.state.world.start_extent(&window.app.state.draft).is_none() {
        window.frame(Vec::new());
        std::thread::sleep(Duration::from_millis(5));
    }
    window.settle();
    window.app.state.apply(Action::Take(Tool::Brush));
    window.app.state.view.tools.brush = Brush { size: 128.0, hardness: 0.2, opacity: 1.0 };
    window.settle();
    // The picture is about 600 points wide: a circle of 200 points around its middle.
    let at = |frame: usize| {
        let turn = frame as f32 * 0.13;
        egui::pos2(740.0 + turn.cos() * (60.0 + turn), 380.0 + turn.sin() * (60.0 + turn))
    };
    window.frame(vec![Event::PointerMoved(at(0))]);
    window.frame(vec![button(at(0), true)]);
    let millis: Vec<f64> =
        (1..=FRAMES).map(|frame| window.frame(vec![Event::PointerMoved(at(frame))])).collect();
    window.frame(vec![button(at(FRAMES), false)]);
    window.settle();
    let share = window.app.state.painting.share().unwrap_or_default();
    assert!(share > 0.05, "something was painted: {share}");
    millis
}

fn button(pos: Pos2, pressed: bool) -> Event {
    let (button, modifiers) = (egui::PointerButton::Primary, Modifiers::NONE);
    Event::PointerButton { pos, button, pressed, modifiers }
}

/// The list of all jobs, scrolled, while the first one is being made.
fn queue(window: &mut Window) -> Vec<f64> {
    window.app.state.draft.seed_image = None;
    window.settle();
    for _ in 0..JOBS {
        window.generate();
    }
    assert_eq!(window.app.state.world.queue.jobs().len(), JOBS);
    window.app.state.view.sheets.queue = true;
    window.settle();
    let over = egui::pos2(720.0, 600.0);
    let millis = (0..FRAMES).map(|frame| {
        let points = if frame < FRAMES / 2 { -40.0 } else { 40.0 };
        window.frame(wheel_at(over, points))
    });
    let millis = millis.collect();
    window.app.state.view.sheets.queue = false;
    window.app.state.apply(Action::CancelWaiting);
    window.app.state.apply(Action::CancelRunning);
    let start = Instant::now();
    while !window.app.state.world.queue.jobs().is_empty() && start.elapsed().as_secs() < 30 {
        window.frame(Vec::new());
        std::thread::sleep(Duration::from_millis(5));
    }
    millis
}

/// Whether nothing is drawn any more while nothing happens.
fn sleeps(window: &mut Window) -> bool {
    window.settle();
    window.repaint_after() == Duration::MAX
}

/// The real window, driven by hand.
struct Window {
    app: App,
    frame: eframe::Frame,
    ctx: egui::Context,
    started: Instant,
    repaint_after: Duration,
    /// CPU milliseconds of the longest frame.
    longest: f64,
}

impl Window {
    fn open(home: &Home, count: usize) -> Self {
        let ctx = egui::Context::default();
        let cc = eframe::CreationContext::_new_kittest(ctx.clone());
        let library = Arc::new(Library::unread(home, &[]).expect("a library"));
        let journal = latelier::library::JournalFolder::open(home, &home.results_dir());
        let journal = journal.map(Arc::new);
        let (bare, engines) = (Bare::default(), Arc::new(IdleEngines));
        let guides = Arc::new(NoGuides);
        let services = Services { home: home.clone(), library, engines, guides, journal, bare };
        let app = App::new(&cc, services).expect("a window");
        let frame = eframe::Frame::_new_kittest();
        let mut window = Self {
            app,
            frame,
            ctx,
            started: Instant::now(),
            repaint_after: Duration::ZERO,
            longest: 0.0,
        };
        while window.app.state.world.gallery.len() < count {
            window.frame(Vec::new());
            std::thread::sleep(Duration::from_millis(5));
        }
        window.settle();
        window
    }

    /// One frame with these events; its CPU time in milliseconds.
    fn frame(&mut self, events: Vec<Event>) -> f64 {
        let screen = Rect::from_min_size(Pos2::ZERO, WINDOW.into());
        let input = RawInput {
            screen_rect: Some(screen),
            time: Some(self.started.elapsed().as_secs_f64()),
            events,
            focused: true,
            ..RawInput::default()
        };
        let begin = thread_time();
        let (app, frame, ctx) = (&mut self.app, &mut self.frame, &self.ctx);
        let output = ctx.run_ui(input, |ui| {
            app.logic(ui.ctx(), frame);
            app.ui(ui, frame);
        });
        let triangles = ctx.tessellate(output.shapes.clone(), output.pixels_per_point);
        let spent = thread_time().saturating_sub(begin);
        assert!(!triangles.is_empty(), "something is drawn");
        self.repaint_after = output.viewport_output[&ViewportId::ROOT].repaint_delay;
        output.drop_without_applying_deltas();
        let millis = spent.as_secs_f64() * 1000.0;
        self.longest = self.longest.max(millis);
        millis
    }

    /// Presses Ctrl and Enter.
    fn generate(&mut self) {
        let press = |pressed| Event::Key {
            key: egui::Key::Enter,
            physical_key: None,
            pressed,
            repeat: false,
            modifiers: Modifiers::COMMAND,
        };
        self.frame(vec![press(true), press(false)]);
    }

    /// How long the window would sleep.
    const fn repaint_after(&self) -> Duration {
        self.repaint_after
    }

    /// Frames until nothing more comes, ten seconds at most.
    fn settle(&mut self) {
        let start = Instant::now();
        let mut quiet = 0;
        while quiet < 20 && start.elapsed() < Duration::from_secs(10) {
            self.frame(Vec::new());
            quiet = if self.repaint_after == Duration::MAX { quiet + 1 } else { 0 };
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// The wheel with the pointer over the gallery.
fn wheel(points: f32) -> Vec<Event> {
    wheel_at(egui::pos2(WINDOW[0] - 140.0, WINDOW[1] / 2.0), points)
}

fn wheel_at(over: Pos2, points: f32) -> Vec<Event> {
    let wheel = Event::MouseWheel {
        unit: egui::MouseWheelUnit::Point,
        delta: vec2(0.0, points),
        phase: egui::TouchPhase::Move,
        source: egui::MouseWheelSource::Wheel,
        modifiers: Modifiers::NONE,
    };
    vec![Event::PointerMoved(over), wheel]
}

/// Makes an engine that is always busy with its first job.
struct IdleEngines;

impl EngineMaker for IdleEngines {
    fn make(&self, _order: &EngineOrder) -> Result<MadeEngine, Failure> {
        let provider = Box::new(Worker::start("local", || Idle).expect("a thread"));
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

/// Draws no guides.
struct NoGuides;

impl GuideMaker for NoGuides {
    fn make(&self, _order: &GuideOrder<'_>, _cancel: &Cancel) -> Result<Picture, Failure> {
        Err(Failure::new(FailureKind::Other, "No guides are drawn here"))
    }
}

/// A provider that never ends its first job by itself.
struct Idle;

impl Runner for Idle {
    fn prepare(&mut self) -> Result<Device, Failure> {
        Ok(Device { name: "CPU".to_owned(), fallback: None })
    }

    fn run(&mut self, job: &Job, _events: &EventSink) -> Result<(), Failure> {
        while !job.cancel.is_cancelled() {
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

/// Makes the results and their index, unless an earlier run did.
fn fill(home: &Home, count: usize) {
    let made = home.root().join("made");
    if made.is_file() {
        return;
    }
    println!("making {count} pictures in {}", home.root().display());
    fs::remove_dir_all(home.root()).ok();
    fs::create_dir_all(home.results_dir()).expect("a folder");
    for number in 0..count {
        let (path, bytes) = picture(home, number);
        fs::write(path, bytes).expect("room on the disk");
    }
    Index::open(home).and_then(|index| index.refresh()).expect("an index");
    fs::write(made, "").expect("room on the disk");
}

fn picture(home: &Home, number: usize) -> (PathBuf, Vec<u8>) {
    const WORDS: [&str; 6] = ["harbour", "lighthouse", "orchard", "glacier", "market", "violin"];
    let mut task = Task::new(Uuid::new_v4());
    let word = WORDS[number % WORDS.len()];
    let prompt = format!("a {word} at dusk, oil on canvas, soft light, number {}", number % 97);
    task.positive_prompt = Some(prompt);
    task.model = Some("local:demo@1".to_owned());
    task.seed = Some(number as u64 + 1);
    let pixel = |x: u32, y: u32| [number as u8, (x * 10) as u8, (y * 10) as u8, 255];
    let picture = Picture::from_fn(Extent::new(24, 24), pixel);
    let json = serde_json::to_string(&task).expect("a task is JSON");
    let bytes = encode(&picture, FileFormat::Png, json.as_str()).expect("a small picture");
    (home.results_dir().join(format!("{}.png", Uuid::new_v4())), bytes)
}

/// CPU time of this thread; what other processes take does not count.
#[cfg(unix)]
fn thread_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    #[expect(unsafe_code, reason = "the only way to this clock")]
    // SAFETY: the call writes into `time`, which lives on.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(failed, 0, "every system has this clock");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Where there is no such clock, the one on the wall.
#[cfg(not(unix))]
fn thread_time() -> Duration {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}
