//! Before a task is paid for: what it will probably cost, and whether the day's limit allows it.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use crate::library::{Estimate, Ledger, LedgerError, Overrun, dollars};
use crate::task::{Problem, Request, TaskType};

/// The money of one run.
pub(super) struct Purse<'a> {
    ledger: &'a Ledger,
    /// US dollars a day.
    limit: Option<f64>,
    /// What the tasks that were let through will cost at most.
    promised: f64,
}

impl<'a> Purse<'a> {
    pub(super) const fn new(ledger: &'a Ledger, limit: Option<f64>) -> Self {
        Self { ledger, limit, promised: 0.0 }
    }

    /// Says on standard error what `request` will probably cost. Over the limit it asks whoever sits
    /// at the terminal; without one, the answer is no.
    pub(super) fn let_through(&mut self, request: Request) -> Result<Request, Vec<Problem>> {
        let allowed = self.is_allowed(&request);
        allowed.map(|()| request).map_err(|problem| vec![*problem])
    }

    fn is_allowed(&mut self, request: &Request) -> Result<(), Box<Problem>> {
        let unreadable = |error: LedgerError| stopped(request, &format!("{error}."));
        let own = self.ledger.estimate(request).map_err(unreadable)?;
        tell(request, own);
        let high = own.map(|estimate| estimate.high);
        if let Some(limit) = self.limit {
            // What was let through just now is not in the ledger yet.
            let all = Estimate { low: 0.0, high: self.promised + high.unwrap_or(0.0) };
            let expected = (high.is_some() || self.promised > 0.0).then_some(all);
            if let Some(overrun) = self.ledger.overrun(limit, expected).map_err(unreadable)?
                && !is_wanted(&overrun)
            {
                let why = format!("{overrun}. Raise --daily-limit, or run it tomorrow.");
                return Err(stopped(request, &why));
            }
        }
        self.promised += high.unwrap_or(0.0);
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
fn is_wanted(overrun: &Overrun) -> bool {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return false;
    }
    let mut answer = String::new();
    let asked = write!(io::stderr(), "{overrun}. Send it all the same? [y/N] ");
    asked.is_ok()
        && io::stdin().lock().read_line(&mut answer).is_ok()
        && ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
}
