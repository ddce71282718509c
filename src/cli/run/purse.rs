//! Before a task is paid for: what it will probably cost, and whether the day's limit allows it.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use uuid::Uuid;

use crate::library::{Estimate, Ledger, LedgerError, dollars};
use crate::task::{Problem, Request, TaskType};

/// The money of one run.
pub(super) struct Purse<'a> {
    ledger: &'a Ledger,
    /// US dollars a day.
    limit: Option<f64>,
    /// What the tasks that were let through will cost at most.
    promised: f64,
    /// Whether one of them costs nobody knows how much: then the limit cannot be kept for another.
    unknown: bool,
}

impl<'a> Purse<'a> {
    pub(super) const fn new(ledger: &'a Ledger, limit: Option<f64>) -> Self {
        Self { ledger, limit, promised: 0.0, unknown: false }
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
        let high = own.map(|estimate| estimate.high);
        if let Some(limit) = self.limit {
            let whole_limit = self.unknown || (high.is_none() && bill.results > 1);
            let stop = "its cost is not known yet, and the limit could be passed";
            if whole_limit && !is_wanted(stop) {
                let why = format!(
                    "{stop}. Run one task with one {} first: what it costs is learnt from its receipt.",
                    bill.thing
                );
                return Err(bill.stopped(&why));
            }
            // What was let through just now is not in the ledger yet.
            let all = Estimate { low: 0.0, high: self.promised + high.unwrap_or(0.0) };
            let expected = (high.is_some() || self.promised > 0.0).then_some(all);
            if let Some(overrun) = self.ledger.overrun(limit, expected).map_err(unreadable)?
                && !is_wanted(&overrun.to_string())
            {
                let why = format!("{overrun}. Raise --daily-limit, or run it tomorrow.");
                return Err(bill.stopped(&why));
            }
        }
        self.promised += high.unwrap_or(0.0);
        self.unknown |= high.is_none();
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
