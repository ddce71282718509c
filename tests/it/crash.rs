//! Killed at any moment: no finished picture and no accepted job is lost, and none is made twice.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use latelier::library::{Home, Index, read_picture, read_task};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Answered, Window, answered, demo_task, latelier, scratch};

/// At how many moments the program is killed; `LATELIER_KILLS` asks for more.
const MOMENTS: u32 = 12;

/// A home folder with its own models, and the program in it.
struct Place {
    folder: tempfile::TempDir,
    home: Home,
}

impl Place {
    fn new() -> Self {
        let folder = scratch();
        let home = Home::at(folder.path().join("home"));
        Self { folder, home }
    }

    fn program(&self) -> Command {
        let mut command = latelier();
        command.env("LATELIER_HOME", self.home.root());
        command
    }

    fn start(&self, tasks: &[Value]) -> Child {
        let file = self.folder.path().join("tasks.json");
        fs::write(&file, json!(tasks).to_string()).unwrap();
        let mut command = self.program();
        command.arg("run").arg(file).arg("--out").arg(self.home.results_dir());
        quiet(&mut command).spawn().unwrap()
    }

    fn resume(&self) -> Answered {
        answered(&self.program().args(["run", "--resume"]).output().unwrap())
    }

    /// The files of the results folder, those that are being written left out.
    fn results(&self) -> Vec<PathBuf> {
        let files = files(&self.home.results_dir());
        files.into_iter().filter(|path| !is_unfinished(path)).collect()
    }

    /// Every picture of `tasks`, as task and seed, with its file and when that was written. Each
    /// file of the folder must open and carry its task.
    fn made(&self, tasks: &[Value]) -> BTreeMap<(String, u64), (PathBuf, SystemTime)> {
        let ours: BTreeSet<&str> = tasks.iter().map(uuid_of).collect();
        let mut made = BTreeMap::new();
        for path in self.results() {
            read_picture(&path).unwrap();
            let task = read_task(&path).unwrap().unwrap();
            let (uuid, seed) = (task.task_uuid.unwrap(), task.seed.unwrap());
            if ours.contains(uuid.as_str()) {
                let written = fs::metadata(&path).unwrap().modified().unwrap();
                let twin = made.insert((uuid, seed), (path, written));
                assert!(twin.is_none(), "made twice: {twin:?}");
            }
        }
        made
    }

    /// The UUIDs of the tasks in the journal.
    fn journaled(&self) -> BTreeSet<String> {
        let files = files(&self.home.journal_dir());
        files
            .into_iter()
            .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
            .map(|path| {
                let entry: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
                uuid_of(&entry["task"]).to_owned()
            })
            .collect()
    }
}

fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null())
}

/// The files of a folder; none when it is not there.
fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
}

fn is_unfinished(path: &Path) -> bool {
    path.file_name().unwrap().to_string_lossy().starts_with(".writing-")
}

fn uuid_of(task: &Value) -> &str {
    task["taskUUID"].as_str().unwrap()
}

fn number_of(task: &Value) -> u64 {
    task["numberResults"].as_u64().unwrap_or(1)
}

/// Ten small jobs that make thirteen pictures; some leave the seed to the program.
fn ten_jobs() -> Vec<Value> {
    (0..10)
        .map(|number| {
            let mut task = demo_task();
            task["steps"] = json!(1 + number % 2);
            task["outputFormat"] = json!(["PNG", "JPG", "WEBP"][number % 3]);
            if number % 3 == 1 {
                task["numberResults"] = json!(2);
            }
            if number % 2 == 0 {
                task.as_object_mut().unwrap().remove("seed");
            }
            task
        })
        .collect()
}

/// Kills the process after `moment`, unless it has ended; whether it was killed.
fn kill_after(mut child: Child, moment: Duration) -> bool {
    thread::sleep(moment);
    let killed = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    killed
}

/// A generator of moments that is the same every time (Marsaglia's xorshift, 2003).
struct Dice(u64);

impl Dice {
    fn up_to(&mut self, most: Duration) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        most.mul_f64((self.0 >> 11) as f64 / (1_u64 << 53) as f64)
    }
}

#[test]
fn killed_at_any_moment_the_queue_goes_on_where_it_was() {
    let place = Place::new();
    let whole_run = {
        // The first start unpacks the demo model; the second is like all that follow.
        assert!(place.start(&[demo_task()]).wait().unwrap().success());
        let start = Instant::now();
        assert!(place.start(&ten_jobs()).wait().unwrap().success());
        start.elapsed()
    };
    let moments = std::env::var("LATELIER_KILLS").ok().and_then(|text| text.parse().ok());
    let mut dice = Dice(0x5EED_0F71_ED1C_E000);
    let (mut early, mut half_way, mut late) = (0, 0, 0);
    for round in 0..moments.unwrap_or(MOMENTS) {
        let tasks = ten_jobs();
        let killed = kill_after(place.start(&tasks), dice.up_to(whole_run));
        // Every other time the second attempt is killed, too.
        let mut attempts = vec![place.made(&tasks)];
        let accepted = accepted(&place, &tasks, &attempts[0]);
        if round % 2 == 1 {
            let mut again = place.program();
            again.args(["run", "--resume"]);
            kill_after(quiet(&mut again).spawn().unwrap(), dice.up_to(whole_run));
            attempts.push(place.made(&tasks));
        }
        let answer = place.resume();
        assert_eq!(answer.code, 0, "{}", answer.json);
        let made = place.made(&tasks);
        for earlier in &attempts {
            for (picture, file) in earlier {
                assert_eq!(made.get(picture), Some(file), "a finished picture is left as it is");
            }
        }
        for (place_in_queue, task) in tasks.iter().enumerate() {
            let of_task: Vec<u64> = (made.keys())
                .filter(|(uuid, _)| uuid == uuid_of(task))
                .map(|(_, seed)| *seed)
                .collect();
            let wanted = if place_in_queue < accepted { number_of(task) } else { 0 };
            assert_eq!(of_task.len() as u64, wanted, "job {place_in_queue} of round {round}");
            let first = task["seed"].as_u64().or(of_task.first().copied()).unwrap_or_default();
            assert_eq!(of_task, (first..first + wanted).collect::<Vec<u64>>());
        }
        nothing_is_left_over(&place);
        match attempts[0].len() {
            _ if !killed => late += 1,
            0 => early += 1,
            _ => half_way += 1,
        }
    }
    assert!(half_way > 0, "no kill met the queue at work: {early} before, {late} after it");
}

/// How many of the tasks were accepted: those in the journal and those that are finished. They are
/// the first of the queue, and all of it once a picture is there.
fn accepted(
    place: &Place,
    tasks: &[Value],
    made: &BTreeMap<(String, u64), (PathBuf, SystemTime)>,
) -> usize {
    let journaled = place.journaled();
    let is_accepted = |task: &&Value| {
        let uuid = uuid_of(task);
        let count = made.keys().filter(|(made, _)| made == uuid).count() as u64;
        journaled.contains(uuid) || count == number_of(task)
    };
    let accepted = tasks.iter().filter(is_accepted).count();
    assert_eq!(accepted, tasks.iter().take_while(is_accepted).count());
    assert!(made.is_empty() || accepted == tasks.len(), "a job was started before all were safe");
    accepted
}

/// After all is done: everything is in the index, nothing is waiting, nothing lies about.
fn nothing_is_left_over(place: &Place) {
    let index = Index::open(&place.home).unwrap();
    let results: BTreeSet<PathBuf> = place.results().into_iter().collect();
    let rows = index.list().unwrap();
    assert!(rows.iter().all(|row| row.about.as_ref().unwrap().has_task));
    assert_eq!(rows.into_iter().map(|row| row.path).collect::<BTreeSet<_>>(), results);
    assert_eq!(index.refresh().unwrap(), 0, "the index knew them all");
    assert_eq!(files(&place.home.journal_dir()), Vec::<PathBuf>::new());
    for folder in [place.home.results_dir(), place.home.root().to_owned()] {
        let unfinished: Vec<PathBuf> = files(&folder);
        assert!(!unfinished.iter().any(|path| is_unfinished(path)), "{unfinished:?}");
    }
}

/// Starts a queue whose pictures go to the results folder and kills it after the first picture.
fn killed_half_way(place: &Place, tasks: &[Value]) {
    let mut child = place.start(tasks);
    let start = Instant::now();
    while place.results().is_empty() {
        assert!(start.elapsed() < Duration::from_mins(2), "no picture came");
        assert!(child.try_wait().unwrap().is_none(), "it ended first");
        thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

/// A queue that takes long enough to be met at work.
fn long_jobs() -> Vec<Value> {
    let long = |number: u64| {
        let mut task = demo_task();
        task["steps"] = json!(12);
        task["numberResults"] = json!(number);
        task
    };
    vec![long(2), long(3)]
}

#[test]
fn a_later_run_hints_at_what_is_waiting_and_resuming_tells_all_of_it() {
    let place = Place::new();
    let nothing = place.resume();
    assert_eq!((nothing.code, &nothing.json), (0, &json!({ "data": [] })));
    assert!(nothing.stderr.contains("No job is waiting"), "{}", nothing.stderr);

    let tasks = long_jobs();
    killed_half_way(&place, &tasks);
    let before = place.made(&tasks).len();
    let file = place.folder.path().join("one.json");
    fs::write(&file, json!([demo_task()]).to_string()).unwrap();
    let out = place.folder.path().join("elsewhere");
    let other = place.program().arg("run").arg(&file).arg("--out").arg(&out).output().unwrap();
    let hint = String::from_utf8(other.stderr).unwrap();
    let left = 5 - before;
    assert!(hint.starts_with(&format!("{left} picture")), "{hint}");
    assert!(hint.contains("`latelier run --resume`"), "{hint}");

    let answer = place.resume();
    assert_eq!(answer.code, 0, "{}", answer.json);
    // A task that was half done is answered whole, one that was done is not answered again.
    let done = if before >= 2 { 2 } else { 0 };
    assert_eq!(answer.pictures().len(), 5 - done, "{}", answer.json);
    assert!(answer.pictures().iter().all(|path| path.is_file()));
    assert!(place.resume().stderr.contains("No job is waiting"));
}

#[test]
fn a_task_whose_model_is_gone_keeps_waiting() {
    let place = Place::new();
    let models = scratch();
    let mut task = demo_task();
    task["numberResults"] = json!(8);
    task["steps"] = json!(12);
    task["model"] = json!("local:other@1");
    crate::support::copy_demo_model(&models.path().join("other"));
    let file = place.folder.path().join("one.json");
    fs::write(&file, json!([task]).to_string()).unwrap();
    let mut run = place.program();
    run.arg("run").arg(&file).arg("--models").arg(models.path());
    run.arg("--out").arg(place.folder.path());
    let mut child = quiet(&mut run).spawn().unwrap();
    while place.journaled().is_empty() {
        assert!(child.try_wait().unwrap().is_none(), "it ended first");
        thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();

    let answer = place.resume();
    assert_eq!((answer.code, answer.error_codes().len()), (1, 1), "{}", answer.json);
    let mut again = place.program();
    let answer =
        answered(&again.args(["run", "--resume", "--models"]).arg(models.path()).output().unwrap());
    assert_eq!((answer.code, answer.pictures().len()), (0, 8), "{}", answer.json);
}

#[test]
fn the_window_offers_what_a_killed_run_left_and_makes_the_rest() {
    let place = Place::new();
    let tasks = long_jobs();
    killed_half_way(&place, &tasks);
    let before = place.made(&tasks);
    let left = 5 - before.len();
    let mut window = Window::open_in(&place.home);
    window.wait("the offer", |state| !state.world.waiting.is_empty());
    let verb = if left == 1 { "picture was" } else { "pictures were" };
    assert!(window.shows(&format!("{left} {verb} waiting when Latelier stopped")));
    window.click("Resume");
    assert!(!window.shows("waiting when Latelier stopped"));
    window.wait("the rest", |state| {
        state.world.gallery.len() == 5 && state.world.queue.jobs().is_empty()
    });
    let made = place.made(&tasks);
    assert_eq!(made.len(), 5);
    assert!(before.iter().all(|(picture, file)| made.get(picture) == Some(file)));
    drop(window);
    nothing_is_left_over(&place);
}

#[test]
fn what_is_discarded_is_not_offered_again() {
    let place = Place::new();
    killed_half_way(&place, &long_jobs());
    let mut window = Window::open_in(&place.home);
    window.wait("the offer", |state| !state.world.waiting.is_empty());
    window.click("Discard");
    assert!(!window.shows("waiting when Latelier stopped"));
    window.wait("the journal", |_| place.journaled().is_empty());
    drop(window);
    nothing_is_left_over(&place);
}

#[test]
fn what_cannot_be_resumed_says_why_and_keeps_waiting() {
    let place = Place::new();
    killed_half_way(&place, &long_jobs());
    let entries = files(&place.home.journal_dir());
    let entry = entries.iter().rfind(|path| path.extension().unwrap() == "json").unwrap();
    let text = fs::read_to_string(entry).unwrap();
    fs::write(entry, text.replace("local:demo@1", "local:gone@1")).unwrap();
    let mut window = Window::open_in(&place.home);
    window.wait("the offer", |state| !state.world.waiting.is_empty());
    let offered = window.app.state().state.world.waiting.len();
    window.click("Resume");
    let state = &window.app.state().state;
    let text = &state.world.notices[0].text;
    assert!(text.contains("Cannot be resumed") && text.contains("local:gone@1"), "{text}");
    assert_eq!(state.world.waiting.len(), 1);
    assert_eq!(state.world.queue.jobs().len(), offered - 1, "the others are resumed");
    assert!(window.shows("waiting when Latelier stopped"));
}

#[test]
fn closing_the_window_keeps_its_queue_but_not_what_was_cancelled() {
    let folder = scratch();
    let home = Home::at(folder.path());
    let mut window = Window::open_in(&home);
    window.click("Results 8");
    for _ in 0..3 {
        window.click("Generate 128 × 128");
    }
    window.wait("a step", |state| state.world.queue.running().is_some());
    let queued: Vec<Uuid> =
        window.app.state().state.world.queue.jobs().iter().map(|job| job.id).collect();
    window.app.state_mut().state.apply(latelier::state::Action::Cancel(queued[1]));
    drop(window);

    let mut window = Window::open_in(&home);
    window.wait("the offer", |state| !state.world.waiting.is_empty());
    let state = &window.app.state().state;
    let waiting: Vec<Uuid> = state.world.waiting.iter().map(|waiting| waiting.id).collect();
    assert_eq!(waiting, [queued[0], queued[2]]);
    let owed = state.world.waiting_pictures();
    assert_eq!(owed + state.world.gallery.len(), 16);
    window.click("Resume");
    window.wait("all", |state| state.world.gallery.len() == 16);
}

#[test]
fn a_damaged_entry_is_told_and_blocks_nothing() {
    let folder = scratch();
    let home = Home::at(folder.path());
    fs::create_dir_all(home.journal_dir()).unwrap();
    let entry = home.journal_dir().join(format!("{}.000000.json", Uuid::new_v4()));
    fs::write(&entry, "{\"version\":1,").unwrap();
    let mut window = Window::open_in(&home);
    window.wait("the notice", |state| !state.world.notices.is_empty());
    let text = window.app.state().state.world.notices[0].text.clone();
    let aside = format!("{}.damaged", entry.display());
    assert!(text.contains("set aside") && text.ends_with(&aside), "{text}");
    assert!(!window.is_disabled("Generate 128 × 128"));
}

#[test]
fn a_picture_that_was_deleted_is_not_made_again() {
    let place = Place::new();
    killed_half_way(&place, &long_jobs());
    let made = place.results().len();
    let mut window = Window::open_in(&place.home);
    window.wait("the offer", |state| !state.world.waiting.is_empty());
    let owed = window.app.state().state.world.waiting_pictures();
    window.app.key_press(egui::Key::Delete);
    window.wait("the move", |_| place.results().len() == made - 1);
    drop(window);

    let mut window = Window::open_in(&place.home);
    window.wait("the offer", |state| !state.world.waiting.is_empty());
    assert_eq!(window.app.state().state.world.waiting_pictures(), owed);
    window.click("More actions");
    window.click("Empty the trash…");
    window.click("Delete them for good");
    window.wait_shown("The trash is empty");
    drop(window);

    let mut window = Window::open_in(&place.home);
    window.wait("the offer", |state| !state.world.waiting.is_empty());
    assert_eq!(window.app.state().state.world.waiting_pictures(), owed);
    window.click("Resume");
    window.wait("the rest", |state| state.world.queue.jobs().is_empty());
    assert_eq!(place.results().len(), made - 1 + owed);
    drop(window);
    nothing_is_left_over(&place);
}
