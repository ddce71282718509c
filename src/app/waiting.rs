//! Jobs that were waiting when Latelier stopped: looked for at start, forgotten on request.

use std::sync::Arc;

use super::news::{Messenger, News};
use super::sentence;
use crate::jobs::{JobId, Journal as _};
use crate::library::{Claim, JournalFolder};
use crate::state::Tone;

/// Takes over what stopped processes left behind for this window's results, and tells of it.
pub(super) fn claim(journal: Arc<JournalFolder>) -> impl FnOnce(&Messenger) + Send + 'static {
    move |messenger| match journal.claim(Claim::Ours) {
        Ok(claimed) => {
            for text in claimed.set_aside {
                messenger.send(News::Said(Tone::Failed, text));
            }
            messenger.send(News::Waiting(claimed.waiting));
        }
        Err(error) => {
            messenger.send(News::Said(Tone::Failed, sentence(&error)));
        }
    }
}

/// Takes jobs out of the journal.
pub(super) fn discard(
    journal: Arc<JournalFolder>,
    jobs: Vec<JobId>,
) -> impl FnOnce(&Messenger) + Send + 'static {
    move |_| jobs.into_iter().for_each(|id| journal.strike(id))
}
