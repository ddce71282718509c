//! The WebSocket session: connect, authenticate, keep alive, carry tasks, come back after a drop.
//!
//! Pure: events and the time go in, orders come out. No clock, no socket; the key leaves it in the
//! message that carries it and nowhere else.

mod events;
mod hearing;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use uuid::Uuid;

use super::backoff::Backoff;
use super::errand::Errand;
use super::order::Outcome;
use crate::protocol::{Family, Key, ServiceError};

pub(super) use self::events::{Closed, Command, Event};

/// To reach the service.
const CONNECT: Duration = Duration::from_secs(15);

/// For the answer to the key.
const AUTHENTICATE: Duration = Duration::from_secs(15);

/// Between two pings; the service closes connections on which nothing came for 120 s.
const PING_EVERY: Duration = Duration::from_secs(30);

/// For the answer to a ping.
const PONG: Duration = Duration::from_secs(10);

/// For a text to be written, however long it is and slow the line.
const WRITE: Duration = Duration::from_mins(3);

/// A connection without a task is closed after so long.
const IDLE: Duration = Duration::from_mins(1);

/// A connection that lasted so long was a good one.
const GOOD: Duration = Duration::from_mins(1);

/// Attempts to connect in a row before that is given up.
const TRIES: u32 = 10;

/// "Message too big" (RFC 6455, 7.4.1).
const TOO_BIG: u16 = 1009;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    /// No connection; one is tried at that time, if any task is waiting.
    Down {
        until: Duration,
    },
    Connecting {
        since: Duration,
    },
    Authenticating {
        since: Duration,
    },
    Up {
        since: Duration,
    },
}

/// The session and the tasks it carries.
pub(super) struct Session {
    key: Key,
    link: Link,
    /// Names the session to the service, which keeps undelivered results for it.
    name: Option<String>,
    errands: BTreeMap<Uuid, Errand>,
    backoff: Backoff,
    seed: u64,
    pinged: Option<Duration>,
    /// Texts that were to be sent and are not written yet.
    unwritten: usize,
    /// When the last one was written, or the first one given.
    wrote: Duration,
    next_ping: Duration,
    idle_since: Duration,
    malformed: u32,
    /// Whether it was told that the service is out of reach.
    is_out_of_reach: bool,
    commands: Vec<Command>,
}

impl Session {
    /// A session that connects when the first task comes. `seed` makes the jitter of pauses.
    pub(super) fn new(key: Key, seed: u64) -> Self {
        Self {
            key,
            link: Link::Down { until: Duration::ZERO },
            name: None,
            errands: BTreeMap::new(),
            backoff: Backoff::new(seed),
            seed,
            pinged: None,
            unwritten: 0,
            wrote: Duration::ZERO,
            next_ping: Duration::ZERO,
            idle_since: Duration::ZERO,
            malformed: 0,
            is_out_of_reach: false,
            commands: Vec::new(),
        }
    }

    /// Takes an event in at time `now`; what is to be done comes back, in order.
    pub(super) fn take(&mut self, event: Event, now: Duration) -> Vec<Command> {
        match event {
            Event::Submit(order) => {
                self.seed = self.seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
                self.errands.insert(order.id, Errand::new(*order, self.seed, now));
            }
            Event::Forget(id) => {
                self.errands.remove(&id);
            }
            Event::Opened => self.authenticate(now),
            Event::Frame(text) => self.hear(&text, now),
            Event::Written => self.written(now),
            Event::Closed(closed) => {
                let why = self.key.hidden_in(&closed.why).into_owned();
                self.closed(&Closed { why, ..closed }, now);
            }
            Event::Tick => {}
        }
        self.go_on(now);
        std::mem::take(&mut self.commands)
    }

    /// When to call [`Self::take`] with [`Event::Tick`] at the latest; `None` when nothing is waited for.
    pub(super) fn wake_at(&self) -> Option<Duration> {
        let errands = self.errands.values().map(Errand::wake_at).min();
        let link = match self.link {
            Link::Down { until } => (!self.errands.is_empty()).then_some(until),
            Link::Connecting { since } => Some(since + CONNECT),
            Link::Authenticating { since } => Some(since + AUTHENTICATE),
            Link::Up { .. } => {
                let pong = self.pong_by();
                let idle = self.errands.is_empty().then(|| self.idle_since + IDLE);
                let ping = pong.or(Some(self.next_ping));
                [idle, ping].into_iter().flatten().min()
            }
        };
        // Without a connection an errand can only run out of time.
        let errands = match self.link {
            Link::Up { .. } => errands,
            _ => self.errands.values().map(Errand::ends_at).min(),
        };
        [errands, link].into_iter().flatten().min()
    }

    fn authenticate(&mut self, now: Duration) {
        if self.link != (Link::Connecting { since: self.since() }) {
            return;
        }
        self.link = Link::Authenticating { since: now };
        let mut task = json!({ "taskType": "authentication", "apiKey": self.key.reveal() });
        if let (Some(name), Some(members)) = (&self.name, task.as_object_mut()) {
            members.insert("connectionSessionUUID".to_owned(), name.as_str().into());
        }
        self.send(&json!([task]), now);
    }

    fn since(&self) -> Duration {
        match self.link {
            Link::Down { until } => until,
            Link::Connecting { since } | Link::Authenticating { since } | Link::Up { since } => {
                since
            }
        }
    }

    fn written(&mut self, now: Duration) {
        self.wrote = now;
        self.unwritten = self.unwritten.saturating_sub(1);
        if self.unwritten == 0 && self.pinged.is_some() {
            // Behind a long text the ping itself left only now.
            self.pinged = Some(now);
        }
    }

    /// When the answer to a ping must be there; while a long text is being written, when that must be.
    fn pong_by(&self) -> Option<Duration> {
        let at = self.pinged?;
        Some(if self.unwritten == 0 { at + PONG } else { at.max(self.wrote) + WRITE })
    }

    fn send(&mut self, message: &Value, now: Duration) {
        if self.unwritten == 0 {
            self.wrote = now;
        }
        self.unwritten += 1;
        self.commands.push(Command::Send(message.to_string()));
    }

    /// Does what has become due.
    fn go_on(&mut self, now: Duration) {
        self.end_what_has_ended(now);
        match self.link {
            Link::Down { until } if now >= until && !self.errands.is_empty() => {
                self.link = Link::Connecting { since: now };
                self.unwritten = 0;
                self.commands.push(Command::Connect);
            }
            Link::Connecting { since } if now >= since + CONNECT => {
                self.give_up_connection("it cannot be reached within 15 s", now);
            }
            Link::Authenticating { since } if now >= since + AUTHENTICATE => {
                self.give_up_connection("it does not answer to the key within 15 s", now);
            }
            Link::Up { .. } => self.keep_alive(now),
            _ => {}
        }
        if let Link::Up { .. } = self.link {
            self.send_what_is_due(now);
        }
        self.end_what_has_ended(now);
    }

    fn keep_alive(&mut self, now: Duration) {
        if self.pong_by().is_some_and(|deadline| now >= deadline) {
            return self.give_up_connection("it does not answer to pings", now);
        }
        if self.errands.is_empty() && now >= self.idle_since + IDLE {
            self.commands.push(Command::HangUp);
            self.link = Link::Down { until: now };
            self.name = None;
            return;
        }
        if self.pinged.is_none() && now >= self.next_ping {
            self.pinged = Some(now);
            self.next_ping = now + PING_EVERY;
            self.send(&json!([{ "taskType": "ping", "ping": true }]), now);
        }
    }

    fn send_what_is_due(&mut self, now: Duration) {
        let mut messages = Vec::new();
        for errand in self.errands.values_mut() {
            if let Some(say) = errand.due(now) {
                messages.push(errand.message(say));
                if errand.is_first_sent_by(say) {
                    self.commands.push(Command::Sent(errand.id()));
                }
            }
        }
        for message in messages {
            self.send(&message, now);
        }
    }

    fn end_what_has_ended(&mut self, now: Duration) {
        // Those that cannot be sent for want of a connection run out of time all the same.
        for errand in self.errands.values_mut().filter(|errand| now >= errand.ends_at()) {
            errand.due(now);
        }
        let ended: Vec<Uuid> = (self.errands.values())
            .filter(|errand| errand.outcome().is_some())
            .map(Errand::id)
            .collect();
        for id in ended {
            let errand = self.errands.remove(&id);
            if let Some(outcome) = errand.as_ref().and_then(Errand::outcome) {
                self.commands.push(Command::End(id, outcome.clone()));
            }
            self.idle_since = now;
        }
        if self.errands.is_empty() {
            // The next one finds out for itself.
            self.tell_of_reach(None);
        }
    }

    fn give_up_connection(&mut self, why: &str, now: Duration) {
        self.commands.push(Command::HangUp);
        self.closed(&Closed { why: why.to_owned(), ..Closed::default() }, now);
    }

    fn closed(&mut self, closed: &Closed, now: Duration) {
        if let Link::Down { .. } = self.link {
            return;
        }
        if let Link::Up { since } = self.link
            && now >= since + GOOD
        {
            self.backoff.succeed();
        }
        self.pinged = None;
        if closed.code == Some(TOO_BIG) {
            let waiting = self.errands.values_mut().filter(|errand| errand.is_waiting());
            // Of several, nobody knows whose message it was: they are asked for.
            if let [only] = waiting.collect::<Vec<_>>().as_mut_slice() {
                only.end(Outcome::TooLarge);
                self.link = Link::Down { until: now };
                return;
            }
        }
        let family = closed.status.and_then(Family::of_status);
        if let Some(family @ (Family::Auth | Family::Quota)) = family {
            let code = if family == Family::Auth { "unauthorized" } else { "paymentRequired" };
            return self.refused(&ServiceError::new(code, &*closed.why), now);
        }
        self.backoff.fail();
        if closed.is_final || self.backoff.failures() > TRIES {
            self.give_up(&closed.why, now);
            return;
        }
        // The first time at once: most drops are of the line, and the service keeps results for 120 s.
        let was_up = matches!(self.link, Link::Up { .. }) && self.backoff.failures() == 1;
        let pause = if was_up { Duration::ZERO } else { self.backoff.pause() };
        if !self.errands.is_empty() {
            let (why, code, seconds) = (&closed.why, closed.code, pause.as_secs_f32());
            tracing::warn!(
                "the connection to the service ended: {why} (code {code:?}); the next attempt is in \
                 {seconds:.0} s"
            );
        }
        // What is mended at once is nobody's concern.
        if !pause.is_zero() {
            self.tell_of_reach(Some(closed.why.clone()));
        }
        self.link = Link::Down { until: now + pause };
        self.errands.values_mut().for_each(|errand| errand.lost(now));
    }

    fn tell_of_reach(&mut self, trouble: Option<String>) {
        if trouble.is_some() || self.is_out_of_reach {
            self.is_out_of_reach = trouble.is_some();
            self.commands.push(Command::OutOfReach(trouble));
        }
    }

    /// Tells everybody that the service cannot be reached; the next task tries anew.
    fn give_up(&mut self, why: &str, now: Duration) {
        self.link = Link::Down { until: now };
        self.backoff.succeed();
        self.name = None;
        for errand in self.errands.values_mut() {
            let sent = errand.was_sent();
            errand.end(Outcome::Unreachable { sent, why: why.to_owned() });
        }
    }
}

#[cfg(test)]
mod tests;
