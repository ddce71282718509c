//! `latelier run --explain`: what would become of tasks, before anything is computed.

use std::fmt::{self, Write as _};
use std::io::{self, Write as _};

use super::{DONE, FAILED};
use crate::engine::{Forecast, Mode};
use crate::library::{Library, Pictures};
use crate::task::{
    EngineKind, FieldReport, ImageRef, Problem, Request, Surroundings, Task, Verdict, portability,
    resolve,
};

/// Prints what would become of each task; fails when the local engine would refuse one.
pub(super) fn explain(
    tasks: &[Result<Task, Vec<Problem>>],
    library: &Library,
    pictures: &Pictures,
    mode: Option<Mode>,
) -> anyhow::Result<u8> {
    let mut out = io::stdout().lock();
    let mut code = DONE;
    let folders = library.folders();
    for task in tasks {
        match task {
            Ok(task) => {
                let explained = Explained::of(task, library, pictures);
                let forecast = |request: &Request| Forecast::of(request, mode, &folders).ok();
                writeln!(out, "{}", explained.text(forecast))?;
                if !explained.is_possible_here() {
                    code = FAILED;
                }
            }
            Err(problems) => {
                let messages = problems.iter().map(|problem| format!("refused: {problem}\n"));
                writeln!(out, "{}", messages.collect::<String>())?;
                code = FAILED;
            }
        }
    }
    Ok(code)
}

/// One task as it would be done.
struct Explained {
    fields: Vec<FieldReport>,
    request: Option<Request>,
}

impl Explained {
    /// Looks at `task` from all sides.
    fn of(task: &Task, library: &Library, pictures: &Pictures) -> Self {
        let size_of = |image: &ImageRef| pictures.size_of(image);
        let surroundings = Surroundings { catalog: library, size_of: &size_of };
        Self {
            fields: portability(task, &surroundings),
            request: resolve(task, library, EngineKind::Local, 1).ok(),
        }
    }

    /// Whether the local engine would make the picture.
    const fn is_possible_here(&self) -> bool {
        self.request.is_some()
    }

    /// The report for people; `forecast` is asked for the memory of a request that can be made.
    fn text(&self, forecast: impl FnOnce(&Request) -> Option<Forecast>) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        self.write(&mut text, forecast).ok();
        text
    }

    fn write(
        &self,
        out: &mut String,
        forecast: impl FnOnce(&Request) -> Option<Forecast>,
    ) -> fmt::Result {
        if let Some(request) = &self.request {
            writeln!(out, "{}", work(request))?;
        }
        let plain = |report: &&FieldReport| {
            (&report.local, &report.remote) == (&Verdict::Honoured, &Verdict::Honoured)
        };
        let honoured: Vec<&str> =
            self.fields.iter().filter(plain).map(|report| report.field.as_str()).collect();
        writeln!(out, "Honoured by both engines: {}", honoured.join(", "))?;
        for report in self.fields.iter().filter(|report| !plain(report)) {
            let field = if report.field.is_empty() { "the task" } else { &report.field };
            writeln!(out, "{field}")?;
            writeln!(out, "  local   {}", words(&report.local))?;
            writeln!(out, "  remote  {}", words(&report.remote))?;
        }
        match self.request.as_ref().map(forecast) {
            None => writeln!(out, "The local engine would refuse this task."),
            Some(None) => writeln!(out, "Memory: not known for this model."),
            Some(Some(forecast)) => writeln!(out, "{}", memory(&forecast)),
        }
    }
}

/// What would be done, in a line.
fn work(request: &Request) -> String {
    let pictures = match request.number_results {
        1 => "1 picture".to_owned(),
        number => format!("{number} pictures"),
    };
    let taken = request.start.as_ref().map_or(String::new(), |start| {
        format!(" ({} taken at strength {})", start.steps_taken(request.steps), start.strength)
    });
    format!(
        "{} ({}): {pictures} of {}, {} steps{taken}, {}, guidance {}",
        request.model.name,
        request.model.air,
        request.extent,
        request.steps,
        request.scheduler.name,
        request.cfg_scale
    )
}

fn words(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Honoured => "honoured".to_owned(),
        Verdict::Mapped(how) => format!("mapped: {how}"),
        Verdict::Unsupported(why) => format!("refused: {why}"),
    }
}

fn memory(forecast: &Forecast) -> String {
    let gib = |bytes: u64| format!("{:.2} GiB", bytes as f64 / f64::from(1 << 30));
    let available =
        forecast.available.map_or(String::new(), |bytes| format!("; {} are available", gib(bytes)));
    let stacks = match forecast.stacks {
        0 => String::new(),
        bytes => format!("stacks {}, ", gib(bytes)),
    };
    format!(
        "Memory in {} mode: about {} at most (weights {}, {stacks}a step's activations {}, decoding {}){available}",
        forecast.mode.name(),
        gib(forecast.peak),
        gib(forecast.weights),
        gib(forecast.activations),
        gib(forecast.decoding)
    )
}
