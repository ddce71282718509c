//! What an errand makes of what it hears: results, errors, answers taken in as a whole.

use std::time::Duration;

use uuid::Uuid;

use super::{AFTER_ERROR, Errand, FIRST_POLL, LONGEST_PAUSE, LONGEST_POLL, Stage, TRIES};
use crate::protocol::{Family, Item, ServiceError};
use crate::remote::order::Outcome;

/// An answer may come in several frames, so that one without work in progress says little.
const IDLE_ANSWERS: u32 = 2;

/// How long the service may say that it does not know a task which it had: results that could not be
/// delivered are pushed for 120 s after a connection was lost.
const FORGOTTEN: Duration = Duration::from_secs(150);

/// The longest that a synchronous task is worked at. Its pictures come by themselves, and `getResponse`
/// need not know it.
const SYNCHRONOUS: Duration = Duration::from_mins(2);

impl Errand {
    /// Takes a result in; whether it is one that has not been seen.
    pub(in crate::remote) fn hear(&mut self, item: &Item, now: Duration) -> bool {
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
    pub(in crate::remote) fn hear_error(&mut self, error: ServiceError, now: Duration) {
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

    /// Notes how long the service wants to be left alone, if it said so with the errors that are taken in
    /// next. Never longer than [`LONGEST_PAUSE`], and the task ends in its time all the same.
    pub(in crate::remote) fn leave_alone_for(&mut self, pause: Option<Duration>) {
        self.asked_pause = pause.unwrap_or_default().min(LONGEST_PAUSE);
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
            (None, false) if self.may_still_deliver() => SYNCHRONOUS,
            (None, false) => AFTER_ERROR * 4,
        };
        if now.saturating_sub(since) < patience {
            self.ask_after_a_pause(now);
            return;
        }
        tracing::info!("task {} is not known any more: {}", self.order.id, error.code);
        let first = self.errors.first().or(self.conflict.as_ref().filter(|_| !self.doubtful));
        let first = first.cloned();
        if !self.doubtful && self.conflict.is_none() && self.may_still_deliver() {
            self.end(Outcome::Unsettled(first));
        } else {
            self.end(first.map_or(Outcome::Forgotten, Outcome::Failed));
        }
    }

    /// Whether results may come although the service does not know the task when it is asked: those of
    /// synchronous tasks come by themselves, unless they all stood in one answer.
    fn may_still_deliver(&self) -> bool {
        !self.is_async() && !self.told_all
    }

    /// The service is too busy, or stumbled.
    fn hear_passing(&mut self, error: ServiceError, now: Duration) {
        if self.backoff.failures() >= TRIES {
            self.end(self.verdict(error));
            return;
        }
        self.backoff.fail();
        let at = now + self.backoff.pause().max(self.asked_pause);
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
    pub(in crate::remote) fn answered(&mut self, now: Duration) {
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
    pub(in crate::remote) fn answered_at_once(&mut self, now: Duration) {
        self.told_all |= self.known && !self.is_async();
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

/// A name for a result without one, so that it counts once: made of all that it says, but for how far it
/// is, which only the answer to a question tells.
fn name_of(item: &Item) -> Uuid {
    use sha2::{Digest as _, Sha256};
    let mut said = item.as_json().clone();
    said.retain(|name, _| !["status", "progress"].contains(&name.as_str()));
    let text = serde_json::to_string(&said).unwrap_or_default();
    let digest = Sha256::digest(text.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Uuid::from_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;
    use crate::remote::order::{Order, Say};

    fn sent() -> Errand {
        let order = Order {
            id: Uuid::from_u128(1),
            task: Map::from_iter([("deliveryMethod".to_owned(), json!("async"))]),
            expected: 1,
            had: Vec::new(),
            resumed: false,
        };
        let mut errand = Errand::new(order, 7, Duration::ZERO);
        assert_eq!(errand.due(Duration::ZERO), Some(Say::Task));
        errand
    }

    /// When the task is sent again after it was turned down with this wish.
    fn next_after(errand: &mut Errand, pause: Option<u64>, now: Duration) -> Duration {
        errand.leave_alone_for(pause.map(Duration::from_secs));
        errand.hear_error(ServiceError::new("rateLimitExceeded", "m"), now);
        errand.wake_at().saturating_sub(now)
    }

    #[test]
    fn a_busy_service_is_left_alone_for_as_long_as_it_asks_within_bounds() {
        let seconds = Duration::from_secs;
        assert_eq!(next_after(&mut sent(), Some(20), seconds(1)), seconds(20));
        assert_eq!(next_after(&mut sent(), Some(86_400), seconds(1)), LONGEST_PAUSE);
        // Less than our own pause is not taken up; and nothing is remembered from the time before.
        let mut errand = sent();
        assert!(next_after(&mut errand, Some(0), seconds(1)) >= Duration::from_millis(800));
        assert_eq!(next_after(&mut errand, Some(60), seconds(2)), seconds(60));
        assert!(next_after(&mut errand, None, seconds(62)) <= seconds(5));
    }

    #[test]
    fn a_result_without_a_name_counts_once_pushed_and_asked_for() {
        let enhanced = |status: Option<&str>, text: &str| {
            let mut item = json!({ "taskType": "promptEnhance", "text": text });
            if let Some(status) = status {
                item["status"] = status.into();
            }
            let reply = crate::protocol::Reply::read(&json!({ "data": [item] }).to_string());
            reply.unwrap().data.remove(0)
        };
        let mut errand = sent();
        errand.order.expected = 2;
        assert!(errand.hear(&enhanced(None, "a fox"), Duration::ZERO));
        assert!(!errand.hear(&enhanced(Some("success"), "a fox"), Duration::ZERO));
        assert_eq!(errand.outcome(), None);
        assert!(errand.hear(&enhanced(Some("success"), "a red fox"), Duration::ZERO));
        assert_eq!(errand.outcome(), Some(&Outcome::Complete));
    }

    #[test]
    fn the_wish_of_a_busy_service_does_not_prolong_the_task() {
        let mut errand = sent();
        let late = errand.ends_at().saturating_sub(Duration::from_secs(10));
        assert_eq!(next_after(&mut errand, Some(200), late), Duration::from_secs(10));
        assert_eq!(errand.due(errand.ends_at()), None);
        assert!(matches!(errand.outcome(), Some(Outcome::TooLate { .. })));
    }
}
