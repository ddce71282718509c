//! Sessions: what outlives a connection for a while, so that its results can follow the client.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::auth::Owner;
use super::outbox::Outbox;

/// Most sessions that are kept; beyond, those that were left first go.
const MOST: usize = 2048;

/// Every session by its name.
#[derive(Debug)]
pub(super) struct Sessions<M> {
    open: Mutex<HashMap<Uuid, Session<M>>>,
    keep: Duration,
}

#[derive(Debug)]
struct Session<M> {
    owner: Owner,
    outbox: Arc<Outbox<M>>,
    /// When its connection ended; `None` while there is one.
    left: Option<Instant>,
}

/// A connection's hold on a session.
#[derive(Clone, Debug)]
pub(super) struct Attached<M> {
    pub(super) session: Uuid,
    pub(super) outbox: Arc<Outbox<M>>,
    pub(super) connection: u64,
}

impl<M: Clone> Sessions<M> {
    /// Sessions are kept for `keep` after their connection ended.
    pub(super) fn new(keep: Duration) -> Self {
        Self { open: Mutex::default(), keep }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<Uuid, Session<M>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session called `wanted`, if it is this owner's and not too old; else a new one.
    pub(super) fn attach(&self, owner: &Owner, wanted: Option<&str>, now: Instant) -> Attached<M> {
        let wanted = wanted.and_then(|wanted| Uuid::try_parse(wanted).ok());
        let mut open = self.open();
        self.forget(&mut open, now);
        let known = wanted.filter(|wanted| open.get(wanted).is_some_and(|it| it.owner == *owner));
        let name = known.unwrap_or_else(Uuid::new_v4);
        let session = open.entry(name).or_insert_with(|| Session {
            owner: owner.clone(),
            outbox: Arc::new(Outbox::new()),
            left: None,
        });
        session.left = None;
        let connection = session.outbox.attach();
        Attached { session: name, outbox: Arc::clone(&session.outbox), connection }
    }

    /// That connection has ended; unless another one has taken the session over, it now waits.
    pub(super) fn leave(&self, attached: &Attached<M>, now: Instant) {
        let mut open = self.open();
        if let Some(session) = open.get_mut(&attached.session)
            && attached.outbox.is_attached(attached.connection)
        {
            session.left = Some(now);
        }
    }

    /// Forgets sessions that nobody came back to.
    pub(super) fn sweep(&self, now: Instant) {
        self.forget(&mut self.open(), now);
    }

    fn forget(&self, open: &mut HashMap<Uuid, Session<M>>, now: Instant) {
        open.retain(|_, session| session.left.is_none_or(|left| now < left + self.keep));
        if open.len() >= MOST {
            let oldest = open.iter().filter_map(|(name, it)| Some((it.left?, *name))).min();
            if let Some((_, name)) = oldest {
                open.remove(&name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEP: Duration = Duration::from_mins(2);

    #[test]
    fn a_session_can_be_taken_up_by_its_owner_within_its_time() {
        let sessions: Sessions<&str> = Sessions::new(KEEP);
        let (me, other) = ("me".to_owned(), "other".to_owned());
        let start = Instant::now();
        let first = sessions.attach(&me, None, start);
        first.outbox.push("result");
        sessions.leave(&first, start);

        let name = first.session.to_string();
        let foreign = sessions.attach(&other, Some(&name), start);
        assert_ne!(foreign.session, first.session);
        let again = sessions.attach(&me, Some(&name), start + KEEP / 2);
        assert_eq!(again.session, first.session);
        assert_eq!(again.outbox.next(again.connection), Some((1, "result")));

        sessions.leave(&again, start + KEEP / 2);
        let late = sessions.attach(&me, Some(&name), start + KEEP * 2);
        assert_ne!(late.session, first.session);
        assert_eq!(late.outbox.next(late.connection), None);
    }

    #[test]
    fn a_session_that_was_taken_over_is_not_left_by_the_older_connection() {
        let sessions: Sessions<&str> = Sessions::new(KEEP);
        let (me, start) = ("me".to_owned(), Instant::now());
        let first = sessions.attach(&me, None, start);
        let name = first.session.to_string();
        let second = sessions.attach(&me, Some(&name), start);
        sessions.leave(&first, start);
        sessions.sweep(start + KEEP * 2);
        assert_eq!(sessions.attach(&me, Some(&name), start + KEEP * 2).session, second.session);
    }
}
