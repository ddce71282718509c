//! One task's way through the service: what to send next and when, what counts as an answer, when it
//! ends. Shared by both transports.
//!
//! Pure: no clock, no socket. Times are given, as the time since the engine was started.
//!
//! The rule that everything follows from: a task is sent under one taskUUID for ever. Whenever it is
//! not certain what the service knows of it, it is asked with `getResponse`; only when the service
//! does not know the task, and never has, it is sent (again).

mod hearing;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::backoff::Backoff;
use super::order::{Order, Outcome, Say};
use crate::protocol::ServiceError;

/// For the whole task, from the moment it may be sent.
pub(super) const WHOLE: Duration = Duration::from_mins(20);

/// For the acknowledgement of an asynchronous task and for the answer to `getResponse`.
const ANSWER: Duration = Duration::from_secs(30);

/// A synchronous task of which nothing was heard for so long is asked for: the service's own limit for
/// those is 120 s.
const QUIET: Duration = Duration::from_secs(130);

/// Between an error that leaves pictures open and the question what became of them.
const AFTER_ERROR: Duration = Duration::from_secs(5);

/// First and longest pause between two questions.
const FIRST_POLL: Duration = Duration::from_millis(500);
const LONGEST_POLL: Duration = Duration::from_secs(10);

/// Longest pause that a busy service is granted when it asks for one.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// Attempts that the service turns down for a reason that passes, before that is given up.
const TRIES: u32 = 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// To be sent at this time.
    Send { at: Duration },
    /// Sent; the last news of it came at this time.
    Sent { news: Duration },
    /// To be asked for at this time.
    Ask { at: Duration },
    /// Asked for at this time.
    Asked { at: Duration },
}

/// A task on its way.
#[derive(Clone, Debug)]
pub(super) struct Errand {
    order: Order,
    stage: Stage,
    began: Duration,
    poll: Duration,
    backoff: Backoff,
    /// How long the service has asked not to be asked again.
    asked_pause: Duration,
    /// Whether anything was sent, by this process or the one before it.
    sent: bool,
    /// Whether it was told that the task itself is sent.
    told_sent: bool,
    /// Whether the service has shown that it has the task: it is never sent again.
    known: bool,
    /// Whether messages of it may have been lost.
    doubtful: bool,
    /// Whether all that will come of it stood in the answer to the task itself.
    told_all: bool,
    /// The service's word that the task's name was used before.
    conflict: Option<ServiceError>,
    /// Whether it was ever asked for.
    has_asked: bool,
    /// Since when the service has not known a task that it had.
    missing: Option<Duration>,
    arrived: BTreeSet<Uuid>,
    errors: Vec<ServiceError>,
    /// Whether the current answer speaks of work in progress.
    in_progress: bool,
    /// Answers in a row, after an error, that spoke of no work in progress.
    idle: u32,
    outcome: Option<Outcome>,
}

impl Errand {
    pub(super) fn new(order: Order, seed: u64, now: Duration) -> Self {
        let known = !order.had.is_empty();
        let stage = if order.resumed { Stage::Ask { at: now } } else { Stage::Send { at: now } };
        Self {
            arrived: order.had.iter().copied().collect(),
            sent: order.resumed,
            told_sent: false,
            doubtful: order.resumed,
            told_all: false,
            conflict: None,
            order,
            stage,
            began: now,
            poll: FIRST_POLL,
            backoff: Backoff::new(seed),
            asked_pause: Duration::ZERO,
            known,
            has_asked: false,
            missing: None,
            errors: Vec::new(),
            in_progress: false,
            idle: 0,
            outcome: None,
        }
    }

    pub(super) const fn id(&self) -> Uuid {
        self.order.id
    }

    /// How it ended, once it has.
    pub(super) const fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// Whether the service may have the task.
    pub(super) const fn was_sent(&self) -> bool {
        self.sent
    }

    /// Whether `say` sends the task itself and that was not told yet. Tells it.
    pub(super) fn is_first_sent_by(&mut self, say: Say) -> bool {
        say == Say::Task && !std::mem::replace(&mut self.told_sent, true)
    }

    /// Whether it waits for an answer.
    pub(super) const fn is_waiting(&self) -> bool {
        matches!(self.stage, Stage::Sent { .. } | Stage::Asked { .. })
    }

    /// The message for `say`, an array of one task.
    pub(super) fn message(&self, say: Say) -> Value {
        match say {
            Say::Task => json!([self.order.task]),
            Say::GetResponse => json!([{ "taskType": "getResponse", "taskUUID": self.order.id }]),
        }
    }

    fn is_async(&self) -> bool {
        self.order.task.get("deliveryMethod").and_then(Value::as_str) == Some("async")
    }

    /// When to look at it again although nothing was heard.
    pub(super) fn wake_at(&self) -> Duration {
        let next = match self.stage {
            Stage::Send { at } | Stage::Ask { at } => at,
            Stage::Sent { news } if self.is_async() => news + ANSWER,
            Stage::Sent { news } => news + QUIET,
            Stage::Asked { at } => at + ANSWER,
        };
        next.min(self.ends_at())
    }

    /// When it ends at the latest.
    pub(super) fn ends_at(&self) -> Duration {
        self.began + WHOLE
    }

    /// What is to be sent now, if anything; it counts as sent.
    pub(super) fn due(&mut self, now: Duration) -> Option<Say> {
        if self.outcome.is_some() {
            return None;
        }
        if now >= self.ends_at() {
            self.outcome = Some(Outcome::TooLate { sent: self.sent });
            return None;
        }
        if now < self.wake_at() {
            return None;
        }
        if let Stage::Asked { .. } = self.stage
            && !self.try_again("it does not answer")
        {
            return None;
        }
        if let Stage::Send { .. } = self.stage {
            self.stage = Stage::Sent { news: now };
            self.sent = true;
            return Some(Say::Task);
        }
        // Sent long ago and not heard of since.
        self.doubtful |= matches!(self.stage, Stage::Sent { .. });
        self.stage = Stage::Asked { at: now };
        self.has_asked = true;
        self.in_progress = false;
        Some(Say::GetResponse)
    }

    /// Counts an attempt that failed; whether another one is left.
    fn try_again(&mut self, why: &str) -> bool {
        if self.backoff.failures() < TRIES {
            self.backoff.fail();
            return true;
        }
        let why = why.to_owned();
        self.outcome.get_or_insert(Outcome::Unreachable { sent: self.sent, why });
        false
    }

    /// Time until the next attempt, which the log tells of.
    fn pause_after(&mut self, why: &str) -> Duration {
        let (pause, task) = (self.backoff.pause(), self.order.id);
        let seconds = pause.as_secs_f32();
        tracing::warn!("task {task}: {why}; the next attempt is in {seconds:.0} s");
        pause
    }

    /// The message did not even leave.
    pub(super) fn turned_back(&mut self, say: Say, why: &str, now: Duration) {
        if say == Say::Task {
            self.sent = self.order.resumed;
        }
        if self.try_again(why) {
            let at = now + self.pause_after(why);
            self.stage = match say {
                Say::Task => Stage::Send { at },
                Say::GetResponse => Stage::Ask { at },
            };
        }
    }

    /// The connection broke: what was under way may or may not have arrived.
    pub(super) fn lost(&mut self, now: Duration) {
        self.doubtful = true;
        if self.is_waiting() {
            self.stage = Stage::Ask { at: now };
        }
    }

    /// The same, and it is not to be tried again before a while.
    pub(super) fn lost_for_a_while(&mut self, why: &str, now: Duration) {
        self.doubtful = true;
        if self.is_waiting() && self.try_again(why) {
            self.stage = Stage::Ask { at: now + self.pause_after(why) };
        }
    }

    /// Ends it, unless it has ended.
    pub(super) fn end(&mut self, outcome: Outcome) {
        self.outcome.get_or_insert(outcome);
    }
}
