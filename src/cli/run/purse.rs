//! Before a task is paid for: what it will probably cost, and whether the day's limit allows it.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use uuid::Uuid;

use crate::library::{Estimate, Ledger, LedgerError, Promised, Stop, dollars};
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
        let bill = Bill {
            task: request.task_uuid,
            task_type: TaskType::ImageInference.as_str(),
            thing: "picture",
            of: format!("picture of {}", request.model.air),
            results: request.number_results,
        };
        let own = self.ledger.estimate(&request);
        let allowed = self.is_allowed(&bill, own);
        allowed.map(|()| request).map_err(|problem| vec![*problem])
    }

    /// The same for a task of another type that has so many results.
    pub(super) fn let_other_through(
        &mut self,
        task: Uuid,
        task_type: &str,
        results: u32,
    ) -> Result<(), Box<Problem>> {
        let of = format!("{task_type} task");
        let bill = Bill { task, task_type, thing: "result", of, results };
        let own = self.ledger.estimate_of_type(task_type, results);
        self.is_allowed(&bill, own)
    }

    fn is_allowed(
        &mut self,
        bill: &Bill<'_>,
        own: Result<Option<Estimate>, LedgerError>,
    ) -> Result<(), Box<Problem>> {
        let unreadable = |error: LedgerError| bill.stopped(&format!("{error}."));
        let own = own.map_err(unreadable)?;
        bill.tell(own);
        let price = (own, bill.results);
        let stop = self.ledger.stop(price, self.limit, self.promised).map_err(unreadable)?;
        if let Some(stop) = stop.filter(|stop| !is_wanted(&stop.to_string())) {
            let what_to_do = match stop {
                Stop::Unknown => format!(
                    "Run one task with one {} first: what it costs is learnt from its receipt.",
                    bill.thing
                ),
                Stop::Overrun(_) => "Raise --daily-limit, or run it tomorrow.".to_owned(),
            };
            return Err(bill.stopped(&format!("{stop}. {what_to_do}")));
        }
        self.promised.usd += own.map_or(0.0, |estimate| estimate.high);
        self.promised.unknown |= own.is_none();
        Ok(())
    }
}

/// What is about to be paid for.
struct Bill<'a> {
    task: Uuid,
    task_type: &'a str,
    /// What one result is called.
    thing: &'a str,
    /// One result of its kind.
    of: String,
    results: u32,
}

impl Bill<'_> {
    /// Why the task is not sent.
    fn stopped(&self, why: &str) -> Box<Problem> {
        let message = format!("Nothing was sent: {why}");
        Box::new(Problem {
            task_uuid: Some(self.task.to_string()),
            task_type: Some(self.task_type.to_owned()),
            ..Problem::new("dailyLimitReached", message)
        })
    }

    fn tell(&self, estimate: Option<Estimate>) {
        let text = match estimate {
            Some(Estimate { low, high }) if dollars(low) == dollars(high) => {
                format!("about {}", dollars(high))
            }
            Some(Estimate { low, high }) => format!("{} to {}", dollars(low), dollars(high)),
            None => format!("cost not known before the first {}", self.of),
        };
        // A closed standard error is no reason to stop.
        writeln!(io::stderr(), "{}: {text}", self.task).ok();
    }
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
