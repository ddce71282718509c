//! How long the studio takes from the start of its process to its first frame on the screen.
//!
//! Starts the real program again and again over a home of its own and reads its log; wants a display
//! (`Xvfb` will do). The first start of all, with nothing in the disk's cache, is not among them.

#![expect(clippy::print_stdout, reason = "a program for developers, who read what it prints")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Instant;

/// Starts that are measured.
const STARTS: usize = 20;
/// What the first frame may take in the median, in milliseconds.
const TARGET: f64 = 300.0;
/// What the log says then.
const FIRST_FRAME: &str = "first frame after";

fn main() -> ExitCode {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("start");
    std::fs::create_dir_all(&home).expect("room on the disk");
    if start(&home).is_none() {
        println!("The window did not open: is there a display?");
        return ExitCode::FAILURE;
    }
    let mut millis: Vec<f64> = (0..STARTS).filter_map(|_| start(&home)).collect();
    millis.sort_by(f64::total_cmp);
    assert_eq!(millis.len(), STARTS, "every window opened");
    let (least, median, most) = (millis[0], millis[STARTS / 2], millis[STARTS - 1]);
    println!("process start to first frame on the screen, {STARTS} starts, ms");
    println!("least {least:.0}, median {median:.0}, most {most:.0}");
    if median <= TARGET { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Milliseconds from starting the process to its word that the first frame is on the screen.
fn start(home: &Path) -> Option<f64> {
    let begun = Instant::now();
    let mut studio = Studio(
        Command::new(env!("CARGO_BIN_EXE_latelier"))
            .env("LATELIER_HOME", home)
            .env("LATELIER_LOG", "latelier=info")
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts"),
    );
    let log = BufReader::new(studio.0.stderr.take()?);
    let said = log.lines().map_while(Result::ok).find(|line| line.contains(FIRST_FRAME));
    said.map(|_| begun.elapsed().as_secs_f64() * 1000.0)
}

/// A window that is closed when nobody waits for it any more.
struct Studio(Child);

impl Drop for Studio {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}
