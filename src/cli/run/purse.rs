//! Before a task is paid for: what it will probably cost, and whether the day's limit allows it.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use crate::library::{Estimate, Ledger, LedgerError, Promised, Stop, Weighed, dollars};
use crate::task::{Problem, Request, TaskType};

/// The money of one run.
pub(super) struct Purse<'a> {
    ledger: &'a Ledger,
    /// US dollars a day.
    limit: Option<f64>,
    /// What the tasks that were let through will cost.
    promised: Promised,
}

impl<'a> Purse<'a> {
    pub(super) fn new(ledger: &'a Ledger, limit: Option<f64>) -> Self {
        Self { ledger, limit, promised: Promised::default() }
    }

    /// Says on standard error what `request` will probably cost. Over the limit it asks whoever sits
    /// at the terminal; without one, the answer is no.
    pub(super) fn let_through(&mut self, request: Request) -> Result<Request, Vec<Problem>> {
        let allowed = self.is_allowed(&request);
        allowed.map(|()| request).map_err(|problem| vec![*problem])
    }

    fn is_allowed(&mut self, request: &Request) -> Result<(), Box<Problem>> {
        let weighed = self.ledger.weigh(request, self.limit, self.promised);
        let Weighed { estimate, stop } =
            weighed.map_err(|error: LedgerError| stopped(request, &format!("{error}.")))?;
        tell(request, estimate);
        if let Some(stop) = stop.filter(|stop| !is_wanted(&stop.to_string())) {
            let what_to_do = match stop {
                Stop::Unknown => {
                    "Run one task with one picture first: what it costs is learnt from its receipt."
                }
                Stop::Overrun(_) => "Raise --daily-limit, or run it tomorrow.",
            };
            return Err(stopped(request, &format!("{stop}. {what_to_do}")));
        }
        self.promised.usd += estimate.map_or(0.0, |estimate| estimate.high);
        self.promised.unknown |= estimate.is_none();
        Ok(())
    }
}

/// Why a task is not sent.
fn stopped(request: &Request, why: &str) -> Box<Problem> {
    let message = format!("Nothing was sent: {why}");
    Box::new(Problem {
        task_uuid: Some(request.task_uuid.to_string()),
        task_type: Some(TaskType::ImageInference.as_str().to_owned()),
        ..Problem::new("dailyLimitReached", message)
    })
}

fn tell(request: &Request, estimate: Option<Estimate>) {
    let model = &request.model.air;
    let text = match estimate {
        Some(Estimate { low, high }) if dollars(low) == dollars(high) => {
            format!("about {}", dollars(high))
        }
        Some(Estimate { low, high }) => format!("{} to {}", dollars(low), dollars(high)),
        None => format!("cost not known before the first picture of {model}"),
    };
    // A closed standard error is no reason to stop.
    writeln!(io::stderr(), "{}: {text}", request.task_uuid).ok();
}

/// Asks whoever sits at the terminal.
fn is_wanted(why: &str) -> bool {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return false;
    }
    let mut answer = String::new();
    let asked = write!(io::stderr(), "{why}. Send it all the same? [y/N] ");
    asked.is_ok()
        && io::stdin().lock().read_line(&mut answer).is_ok()
        && ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
}
