//! One task's way through the service: what to send next and when, what counts as an answer, when it
//! ends. Shared by both transports.
//!
//! Pure: no clock, no socket. Times are given, as the time since the engine was started.
//!
//! The rule that everything follows from: a task is sent under one taskUUID for ever. Whenever it is
//! not certain what the service knows of it, it is asked with `getResponse`; only when the service
//! does not know the task, and never has, it is sent (again).

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::backoff::Backoff;
use super::order::{Order, Outcome, Say};
use crate::protocol::{Family, Item, ServiceError};

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

/// An answer may come in several frames, so that one without work in progress says little.
const IDLE_ANSWERS: u32 = 2;

/// How long the service may say that it does not know a task which it had: results that could not be
/// delivered are pushed for 120 s after a connection was lost.
const FORGOTTEN: Duration = Duration::from_secs(150);

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
    /// Whether anything was sent, by this process or the one before it.
    sent: bool,
    /// Whether the service has shown that it has the task: it is never sent again.
    known: bool,
    /// Whether messages of it may have been lost.
    doubtful: bool,
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
            doubtful: order.resumed,
            conflict: None,
            order,
            stage,
            began: now,
            poll: FIRST_POLL,
            backoff: Backoff::new(seed),
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

    /// Takes a result in; whether it is one that has not been seen.
    pub(super) fn hear(&mut self, item: &Item, now: Duration) -> bool {
        self.known = true;
        self.missing = None;
        if is_still_running(item) {
            self.in_progress = true;
            match self.stage {
                Stage::Sent { .. } if self.is_async() => self.ask_after_a_pause(now),
                Stage::Sent { .. } => self.stage = Stage::Sent { news: now },
                _ => {}
            }
            return false;
        }
        if let Stage::Sent { .. } = self.stage {
            self.stage = Stage::Sent { news: now };
        }
        let name = item.image_uuid().unwrap_or_else(|| name_of(item));
        let fresh = self.arrived.insert(name);
        if fresh {
            self.backoff.succeed();
            self.poll = FIRST_POLL;
        }
        self.settle();
        fresh
    }

    /// Takes an error in.
    pub(super) fn hear_error(&mut self, error: ServiceError, now: Duration) {
        if self.outcome.is_some() {
            return;
        }
        let asked = matches!(self.stage, Stage::Asked { .. } | Stage::Ask { .. });
        let family = error.family();
        if error.is_known_task() && self.sent {
            self.known = true;
            match self.stage {
                // As the answer to a question it says nothing new.
                Stage::Asked { .. } => self.ask_after_a_pause(now),
                _ => self.stage = Stage::Ask { at: now },
            }
            self.conflict = Some(error);
        } else if asked && error.is_unknown_task() {
            self.hear_unknown(&error, now);
        } else if self.has_asked && error.is_unknown_task() {
            // A late answer to a question from before the task was sent (again).
            self.ask_after_a_pause(now);
        } else if matches!(family, Family::RateLimit)
            || (family == Family::Server && !error.is_outcome)
        {
            self.hear_passing(error, now);
        } else {
            self.hear_final(error, now);
        }
    }

    /// The service does not have the task.
    fn hear_unknown(&mut self, error: &ServiceError, now: Duration) {
        if !self.known {
            self.stage = Stage::Send { at: now };
            return;
        }
        let since = *self.missing.get_or_insert(now);
        let patience = match (&self.conflict, self.doubtful) {
            (_, true) => FORGOTTEN,
            // Nothing was lost: the name was used for another task, long ago.
            (Some(_), false) => Duration::ZERO,
            (None, false) => AFTER_ERROR * 4,
        };
        if now.saturating_sub(since) < patience {
            self.ask_after_a_pause(now);
        } else {
            tracing::info!("task {} is not known any more: {}", self.order.id, error.code);
            let first = self.errors.first().or(self.conflict.as_ref().filter(|_| !self.doubtful));
            self.end(first.cloned().map_or(Outcome::Forgotten, Outcome::Failed));
        }
    }

    /// The service is too busy, or stumbled.
    fn hear_passing(&mut self, error: ServiceError, now: Duration) {
        if self.backoff.failures() >= TRIES {
            self.end(self.verdict(error));
            return;
        }
        self.backoff.fail();
        let at = now + self.backoff.pause();
        // What was turned down for being too much has not been taken; after a stumble nobody knows.
        let turned_down = matches!(self.stage, Stage::Sent { .. }) && !self.known;
        self.stage = if turned_down && error.family() == Family::RateLimit {
            Stage::Send { at }
        } else {
            Stage::Ask { at }
        };
    }

    /// How an error ends it. One that answers a question is about the question, unless it says that it is
    /// what became of the task: pictures may have been made, and must stay to be asked for.
    fn verdict(&self, error: ServiceError) -> Outcome {
        let asked = matches!(self.stage, Stage::Asked { .. } | Stage::Ask { .. });
        if self.sent && asked && !error.is_outcome && self.errors.len() <= 1 {
            return Outcome::Unreachable { sent: true, why: error.message };
        }
        Outcome::Failed(error)
    }

    /// The task, or a picture of it, ended in an error.
    fn hear_final(&mut self, error: ServiceError, now: Duration) {
        let same = |other: &ServiceError| {
            (&other.code, &other.message, other.image_uuid)
                == (&error.code, &error.message, error.image_uuid)
        };
        if self.errors.iter().any(same) {
            return;
        }
        let whole = error.image_uuid.is_none() && error.family().ends_the_task();
        self.errors.push(error.clone());
        self.idle = 0;
        if whole {
            self.end(self.verdict(error));
            return;
        }
        self.known |= self.sent;
        self.settle();
        if self.outcome.is_none() && !matches!(self.stage, Stage::Ask { .. }) {
            self.stage = Stage::Ask { at: now + AFTER_ERROR };
        }
    }

    /// Ends it when nothing is owed any more.
    fn settle(&mut self) {
        if self.arrived.len() + self.errors.len() >= self.order.expected {
            let outcome = self.errors.first().cloned().map_or(Outcome::Complete, Outcome::Failed);
            self.end(outcome);
        }
    }

    /// An answer has been taken in as a whole.
    pub(super) fn answered(&mut self, now: Duration) {
        let Stage::Asked { .. } = self.stage else { return };
        self.idle = if self.in_progress { 0 } else { self.idle + 1 };
        match self.errors.first() {
            // What is left of a task with errors is not being worked at.
            Some(first) if self.idle >= IDLE_ANSWERS => {
                let outcome = Outcome::Failed(first.clone());
                self.end(outcome);
            }
            _ => self.ask_after_a_pause(now),
        }
    }

    /// An HTTP answer to the task itself has been taken in as a whole: nothing else will come of it.
    pub(super) fn answered_at_once(&mut self, now: Duration) {
        if let Stage::Sent { .. } = self.stage {
            self.ask_after_a_pause(now);
        }
        self.answered(now);
    }

    fn ask_after_a_pause(&mut self, now: Duration) {
        self.poll = self.poll.mul_f64(1.5).min(LONGEST_POLL);
        self.stage = Stage::Ask { at: now + self.poll };
    }
}

/// Whether a result only tells that the task goes on.
fn is_still_running(item: &Item) -> bool {
    // An upload of a model tells of each stage.
    let state = item.text("status").unwrap_or_default();
    let without_picture = item.task_type() == "imageInference" && item.image().is_none();
    item.is_pending()
        || (without_picture && !["success", "completed"].contains(&state))
        || (item.task_type() == "modelUpload" && !["ready", "failed"].contains(&state))
}

/// A name for a result without one, so that it counts once: made of all that it says.
fn name_of(item: &Item) -> Uuid {
    use sha2::{Digest as _, Sha256};
    let text = serde_json::to_string(item.as_json()).unwrap_or_default();
    let digest = Sha256::digest(text.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Uuid::from_bytes(bytes)
}
