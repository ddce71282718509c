//! `latelier bench-cache`: what `DeepCache` gains and what it changes, on tasks that ask for it.
//!
//! Makes each task's pictures with and without it, twice: the first runs load the networks.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{DONE, EngineArgs, ModelFolders};
use crate::engine::LocalEngine;
use crate::jobs::{EventSink, Job, Progress, Runner as _};
use crate::library::{Home, Library, Pictures, Results};
use crate::pixels::Picture;
use crate::task::{EngineKind, Problem, Task, resolve};

/// Arguments of `latelier bench-cache`.
#[derive(Clone, Debug, Args)]
pub struct BenchCacheArgs {
    /// A task, or an array of them, with `acceleratorOptions.deepCache`
    #[arg(value_name = "TASKS")]
    tasks: PathBuf,

    #[command(flatten)]
    models: ModelFolders,
}

/// Events that may wait to be read after a run.
const EVENTS: usize = 1 << 16;

pub(super) fn bench_cache(
    args: &BenchCacheArgs,
    engine: &EngineArgs,
    home: &Home,
) -> anyhow::Result<u8> {
    let text = fs::read_to_string(&args.tasks)
        .with_context(|| format!("cannot read {}", args.tasks.display()))?;
    let tasks = match serde_json::from_str(&text)? {
        Value::Array(tasks) => tasks,
        task => vec![task],
    };
    let library = Library::open(home, &args.models.folders)?;
    let folder = tempfile::Builder::new().prefix("bench-cache-").tempdir_in(home.root())?;
    let pictures = Pictures::new(home, &[]);
    let keeper = Arc::new(Results::new(folder.path(), pictures.clone()));
    let mut local = LocalEngine::new(engine.settings(home, keeper, Arc::new(pictures), false));
    for task in tasks {
        let task = Task::from_json(&task).map_err(told)?;
        let mut whole = task.clone();
        whole.accelerator_options.get_or_insert_default().deep_cache = Some(false);
        let mut timed = |task: &Task| {
            made(&mut local, &library, task)?;
            made(&mut local, &library, task)
        };
        let (expected, whole) = timed(&whole)?;
        let (found, short) = timed(&task)?;
        let (largest, mean) = difference(&found.picture, &expected.picture);
        let figures = json!({
            "prompt": task.positive_prompt,
            "acceleratorOptions": task.accelerator_options,
            "seconds": short.as_secs_f64(),
            "secondsWithout": whole.as_secs_f64(),
            "speedUpOfSteps": found.speed_up,
            "largestDifference": largest,
            "meanDifference": mean,
        });
        writeln!(io::stdout(), "{figures}")?;
    }
    Ok(DONE)
}

fn told(problems: Vec<Problem>) -> anyhow::Error {
    let messages: Vec<String> = problems.into_iter().map(|problem| problem.message).collect();
    anyhow::anyhow!(messages.join("\n"))
}

/// A task's first picture and what the engine says of it.
struct Made {
    picture: Picture,
    speed_up: Option<f32>,
}

/// Runs `task` under a fresh name; gives its first picture and how long all of it took.
fn made(
    local: &mut LocalEngine,
    library: &Library,
    task: &Task,
) -> anyhow::Result<(Made, Duration)> {
    let mut task = task.clone();
    task.task_uuid = Some(Uuid::new_v4().to_string());
    let request = resolve(&task, library, EngineKind::Local, 1);
    let request = request.map_err(told)?;
    let job = Job::new(Arc::new(request));
    let (sender, events) = sync_channel(EVENTS);
    let started = Instant::now();
    if let Err(failure) = local.run(&job, &EventSink::new(sender, Arc::new(|| {}))) {
        bail!("{failure}");
    }
    let took = started.elapsed();
    let record = events.try_iter().find_map(|event| match event.progress {
        Progress::Image(record) => Some(record),
        _ => None,
    });
    let record = record.context("the run made no picture")?;
    ensure!(record.picture.extent().area() > 0, "the picture is empty");
    Ok((Made { picture: record.picture.clone(), speed_up: record.speed_up }, took))
}

/// The largest and the mean difference of two pictures' colours, of 255.
fn difference(found: &Picture, expected: &Picture) -> (u8, f64) {
    let pairs = || {
        let pixels = found.rgba().chunks_exact(4).zip(expected.rgba().chunks_exact(4));
        pixels.flat_map(|(a, b)| a.iter().zip(b).take(3).map(|(a, b)| a.abs_diff(*b)))
    };
    let sum: f64 = pairs().map(f64::from).sum();
    (pairs().max().unwrap_or(0), sum / pairs().count().max(1) as f64)
}
