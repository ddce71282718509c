//! What a session makes of the frames that come.

use std::time::Duration;

use super::{Command, Link, PING_EVERY, Session};
use crate::protocol::{Family, Reply, ServiceError};
use crate::remote::order::Outcome;

/// Frames in a row that are no answers before the connection is given up.
const MALFORMED: u32 = 5;

impl Session {
    pub(super) fn hear(&mut self, text: &str, now: Duration) {
        let text = self.key.hidden_in(text);
        let reply = match Reply::read(&text) {
            Ok(reply) => reply,
            Err(error) => return self.hear_nonsense(&error.to_string(), now),
        };
        self.malformed = 0;
        match self.link {
            Link::Authenticating { .. } => self.hear_of_the_key(&reply, now),
            Link::Up { .. } => self.hear_of_tasks(reply, now),
            _ => {}
        }
    }

    /// A frame that is no answer may have been one about any task.
    fn hear_nonsense(&mut self, why: &str, now: Duration) {
        tracing::warn!("{why}");
        self.malformed += 1;
        if self.malformed >= MALFORMED {
            self.malformed = 0;
            return self.give_up_connection("what it sends are no answers of the API", now);
        }
        if let Link::Up { .. } = self.link {
            let errands = self.errands.values_mut();
            errands.for_each(|errand| errand.lost_for_a_while(why, now));
        }
    }

    fn hear_of_the_key(&mut self, reply: &Reply, now: Duration) {
        if let Some(name) = reply.data.iter().find_map(|item| item.text("connectionSessionUUID")) {
            if self.name.as_deref().is_some_and(|old| old != name) {
                tracing::info!(
                    "the service began a new session: what it held for the old one is asked for"
                );
            }
            self.name = Some(name.to_owned());
            self.link = Link::Up { since: now };
            self.tell_of_reach(None);
            self.pinged = None;
            self.next_ping = now + PING_EVERY;
            self.idle_since = now;
            return;
        }
        let Some(error) = reply.errors.first() else { return };
        let of_the_session = self.name.is_some() && error.family() != Family::Auth;
        if of_the_session {
            // The service does not know the old session any more: a new one will do.
            tracing::info!(
                "the session cannot be taken up again ({}): a new one is begun",
                error.code
            );
            self.name = None;
            self.link = Link::Connecting { since: now };
            self.authenticate(now);
        } else if error.family().is_retryable() || error.family() == Family::Unknown {
            self.give_up_connection(&error.message.clone(), now);
        } else {
            self.refused(error, now);
        }
    }

    /// The key is not taken: nothing can go on, and everybody is told.
    pub(super) fn refused(&mut self, error: &ServiceError, now: Duration) {
        self.commands.push(Command::HangUp);
        self.link = Link::Down { until: now };
        self.name = None;
        for errand in self.errands.values_mut() {
            // What was sent may have been made and paid for: it must stay to be asked for.
            errand.end(if errand.was_sent() {
                let why = format!("it refuses the account: {}", error.message);
                Outcome::Unreachable { sent: true, why }
            } else {
                Outcome::Failed(error.clone())
            });
        }
    }

    fn hear_of_tasks(&mut self, reply: Reply, now: Duration) {
        let mut answered = Vec::new();
        for item in reply.data {
            if item.task_type() == "ping" || item.as_json().contains_key("pong") {
                self.pinged = None;
                continue;
            }
            let Some(errand) = item.task_uuid().and_then(|id| self.errands.get_mut(&id)) else {
                tracing::debug!(
                    "a result of a task that is not waited for: {:?}",
                    item.task_uuid()
                );
                continue;
            };
            let id = errand.id();
            if item.text("status").is_some() {
                answered.push(id);
            }
            if errand.hear(&item, now) {
                self.backoff.succeed();
                self.commands.push(Command::Deliver(id, item));
            }
        }
        for error in reply.errors {
            match error.task_uuid {
                Some(id) => {
                    if error.is_outcome {
                        answered.push(id);
                    }
                    if let Some(errand) = self.errands.get_mut(&id) {
                        errand.hear_error(error, now);
                    }
                }
                None => self.hear_of_nobody(&error, now),
            }
        }
        for id in answered {
            if let Some(errand) = self.errands.get_mut(&id) {
                errand.answered(now);
            }
        }
    }

    /// An error that names no task: of the account, or of a task that has to be found out.
    fn hear_of_nobody(&mut self, error: &ServiceError, now: Duration) {
        tracing::warn!("the service says {}: {}", error.code, error.message);
        if error.family() == Family::Auth {
            return self.refused(error, now);
        }
        let mut waiting: Vec<_> =
            self.errands.values_mut().filter(|errand| errand.is_waiting()).collect();
        match waiting.as_mut_slice() {
            // It can be nobody else's.
            [only] => only.hear_error(error.clone(), now),
            several => {
                for errand in several {
                    errand.lost_for_a_while(&error.message, now);
                }
            }
        }
    }
}
