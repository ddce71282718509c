//! What there is a bounded amount of: so much for all, and of that so much for each key, so that the slow
//! or greedy work of one key leaves room for the others.
//!
//! Knows amounts and owners only, no clock: whoever waits sets the deadline.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::auth::Owner;
use super::limits::Limits;

/// A bounded amount of something: transfers, threads, bytes.
#[derive(Debug)]
pub(super) struct Shares {
    all: Arc<Semaphore>,
    /// What is left of each owner's part; owners who hold and wait for nothing are forgotten.
    each: Mutex<BTreeMap<Owner, Arc<Semaphore>>>,
    of_owner: u32,
}

/// A part of the amount, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    _own: Option<OwnedSemaphorePermit>,
    _all: Option<OwnedSemaphorePermit>,
}

impl Shares {
    /// `all` at a time, of which one owner has at most `of_owner`; both below 4 Gi.
    pub(super) fn new(all: usize, of_owner: usize) -> Self {
        let all = all.clamp(1, u32::MAX as usize);
        let of_owner = u32::try_from(of_owner.clamp(1, all)).unwrap_or(u32::MAX);
        Self { all: Arc::new(Semaphore::new(all)), each: Mutex::default(), of_owner }
    }

    /// The most that one owner can have at a time.
    pub(super) fn of_owner(&self) -> u64 {
        self.of_owner.into()
    }

    /// Waits for so much. Nobody gets more than an owner's part: who asks for more waits for that.
    pub(super) async fn take(&self, owner: &Owner, amount: u64) -> Share {
        let amount = amount.clamp(1, self.of_owner()) as u32;
        // The own part first: who waits for that does not stand in the way of others. The semaphores are
        // never closed.
        let own = self.part_of(owner).acquire_many_owned(amount).await.ok();
        let all = Arc::clone(&self.all).acquire_many_owned(amount).await.ok();
        Share { _own: own, _all: all }
    }

    fn part_of(&self, owner: &Owner) -> Arc<Semaphore> {
        let mut each = self.each.lock().unwrap_or_else(PoisonError::into_inner);
        each.retain(|_, part| Arc::strong_count(part) > 1);
        let part = each.entry(owner.clone());
        Arc::clone(part.or_insert_with(|| Arc::new(Semaphore::new(self.of_owner as usize))))
    }
}

/// Everything that the server rations.
#[derive(Debug)]
pub(super) struct Rations {
    /// Transfers from and to addresses of clients.
    pub(super) transfers: Shares,
    /// Messages that are taken in at once; each holds a thread.
    pub(super) messages: Shares,
    /// Bytes of bodies that came with a key.
    pub(super) bodies: Shares,
    /// Bytes of bodies whose key stands inside.
    pub(super) strangers: Shares,
    /// Bytes of answers that were made and not yet taken.
    pub(super) answers: Shares,
}

impl Rations {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            transfers: Shares::new(16, 4),
            messages: Shares::new(16, 4),
            bodies: Shares::new(limits.bodies, limits.bodies / 2),
            strangers: Shares::new(limits.message, limits.message),
            answers: Shares::new(limits.answer_bytes, limits.answer_bytes / 2),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn an_owner_who_takes_all_it_can_leaves_the_rest_to_others() {
        let shares = Shares::new(8, 3);
        let (one, other) = ("one".to_owned(), "other".to_owned());
        let mut held: Vec<Share> =
            (0..3).map(|_| shares.take(&one, 1).now_or_never().unwrap()).collect();
        // A hundred more of the same key wait for its own part, and for nothing else.
        let mut waiting: Vec<_> = (0..100).map(|_| Box::pin(shares.take(&one, 1))).collect();
        assert!(waiting.iter_mut().all(|one| one.now_or_never().is_none()));
        let foreign = shares.take(&other, 3).now_or_never().unwrap();
        held.pop();
        assert!(shares.take(&other, 1).now_or_never().is_none());
        drop((foreign, held, waiting));
        assert!(shares.take(&one, 3).now_or_never().is_some());
        assert_eq!(shares.each.lock().unwrap().len(), 1, "who holds nothing is forgotten");
    }

    #[test]
    fn no_key_can_have_all_of_anything() {
        let limits = Limits::default();
        let rations = Rations::new(&limits);
        let (one, other) = ("one".to_owned(), "other".to_owned());
        for shares in [&rations.transfers, &rations.messages, &rations.bodies, &rations.answers] {
            let _all = shares.take(&one, u64::MAX).now_or_never().unwrap();
            assert!(shares.take(&one, 1).now_or_never().is_none());
            assert!(shares.take(&other, 1).now_or_never().is_some());
        }
        assert!(rations.bodies.of_owner() >= limits.message as u64, "no body would ever fit");
    }

    #[test]
    fn who_asks_for_more_than_there_is_gets_an_owners_part() {
        let shares = Shares::new(8, 3);
        let me = "me".to_owned();
        let most = shares.take(&me, u64::MAX).now_or_never().unwrap();
        assert!(shares.take(&me, 1).now_or_never().is_none());
        drop(most);
        assert!(shares.take(&me, 0).now_or_never().is_some());
    }
}
