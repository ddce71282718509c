//! The walk through the studio, killed at any moment: what was finished or queued is there afterwards.
//!
//! The walk is taken by this test program in a process of its own, whose folder is watched from here.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use latelier::library::{Home, read_picture, read_task};
use latelier::state::Tone;
use serde_json::Value;
use uuid::Uuid;

use crate::support::{SCRATCH, Window, scratch};

/// At how many moments the walk is killed; `LATELIER_KILLS` asks for more.
const MOMENTS: u32 = 5;
/// How often the folder is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(3);

#[test]
#[expect(clippy::print_stderr, reason = "figures for who asks for more kills")]
fn killed_at_any_moment_of_the_walk_nothing_is_lost_and_the_window_opens_again() {
    let whole = {
        let folder = scratch();
        let mut walker = Walker::start(folder.path());
        let start = Instant::now();
        while walker.is_under_way() {
            walker.look();
            thread::sleep(LOOK);
        }
        assert!(walker.process.wait().unwrap().success(), "the walk itself fails");
        assert_eq!(walker.pictures.len(), 8, "what is seen from outside");
        start.elapsed()
    };
    let moments = std::env::var("LATELIER_KILLS").ok().and_then(|text| text.parse().ok());
    let moments = moments.unwrap_or(MOMENTS);
    let (mut pictures, mut jobs) = (0, 0);
    for round in 0..moments {
        // Spread over the walk; the odd share keeps them from meeting the same steps.
        let moment = whole.mul_f64((f64::from(round) + 0.37) / f64::from(moments));
        let folder = scratch();
        let mut walker = Walker::start(folder.path());
        let start = Instant::now();
        while start.elapsed() < moment && walker.is_under_way() {
            walker.look();
            thread::sleep(LOOK);
        }
        walker.kill();
        walker.look();
        pictures += walker.pictures.len();
        jobs += walker.jobs.len();
        walker.nothing_is_lost();
    }
    eprintln!("{moments} kills over {whole:.1?}: {jobs} jobs seen, {pictures} pictures finished");
    assert!(pictures > 0 && jobs > pictures, "no kill met the walk at work: {jobs}, {pictures}");
}

/// A walk in another process, and what was seen of it on the disk.
struct Walker {
    process: Child,
    home: Home,
    /// Every task that was ever in the journal, with the number of its pictures.
    jobs: BTreeMap<String, usize>,
    /// Every picture that was ever finished.
    pictures: BTreeSet<Uuid>,
}

impl Walker {
    fn start(folder: &Path) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "window::walk::from_the_first_start_to_the_next"]);
        command.env(SCRATCH, folder);
        // A group of its own, so that its server dies with it.
        command.process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self {
            process: command.spawn().unwrap(),
            home: Home::at(folder.join("home")),
            jobs: BTreeMap::new(),
            pictures: BTreeSet::new(),
        }
    }

    fn is_under_way(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }

    fn kill(&mut self) {
        // SAFETY: a signal to our own child and those it started.
        #[expect(unsafe_code, reason = "the standard library kills no groups")]
        let sent = unsafe { libc::kill(-self.process.id().cast_signed(), libc::SIGKILL) };
        assert!(sent == 0 || !self.is_under_way(), "the walk was not to be killed");
        self.process.wait().unwrap();
    }

    /// Takes down what is in the journal and among the results.
    fn look(&mut self) {
        for name in names(&self.home.journal_dir(), ".json") {
            // An entry may go while it is read.
            let Ok(bytes) = fs::read(self.home.journal_dir().join(&name)) else { continue };
            let entry: Value = serde_json::from_slice(&bytes).unwrap();
            let images = entry["images"].as_array().unwrap().len();
            let task = entry["task"]["taskUUID"].as_str().unwrap();
            self.jobs.insert(task.to_owned(), images);
        }
        self.pictures.extend(self.finished());
    }

    /// The pictures that lie in the results folder.
    fn finished(&self) -> BTreeSet<Uuid> {
        let names = names(&self.home.results_dir(), ".png");
        names.iter().filter_map(|name| name.strip_suffix(".png")?.parse().ok()).collect()
    }

    /// Opens the window over what is left.
    fn nothing_is_lost(&self) {
        let finished = self.finished();
        assert!(self.pictures.is_subset(&finished), "a finished picture is gone");
        let mut made: BTreeMap<String, usize> = BTreeMap::new();
        for name in &finished {
            let file = self.home.results_dir().join(format!("{name}.png"));
            read_picture(&file).unwrap();
            let task = read_task(&file).unwrap().unwrap();
            *made.entry(task.task_uuid.unwrap()).or_default() += 1;
        }
        let owed: Vec<&String> = (self.jobs.iter())
            .filter(|(task, pictures)| made.get(*task).is_none_or(|made| made < *pictures))
            .map(|(task, _)| task)
            .collect();

        let mut window = Window::open_in(&self.home);
        // The walk cancels one job: that one may be gone.
        window.wait("the jobs that are owed", |state| state.world.waiting.len() + 1 >= owed.len());
        let world = &window.state().world;
        assert_eq!(world.gallery.len(), finished.len());
        let failed = world.notices.iter().find(|notice| notice.tone == Tone::Failed);
        assert!(failed.is_none(), "{}", failed.unwrap().text);
        let is_waiting = |task: &&&String| {
            world.waiting.iter().any(|waiting| waiting.task.task_uuid.as_ref() == Some(**task))
        };
        let kept = owed.iter().filter(is_waiting).count();
        assert!(kept + 1 >= owed.len(), "a queued job is gone");
    }
}

/// The names of a folder's files that end in `ending`, those that are being written left out.
fn names(folder: &Path, ending: &str) -> Vec<String> {
    let files = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.ends_with(ending) && !name.starts_with('.')).collect()
}
