//! Reads the lists that stand for words of prompts, on a thread.

use std::sync::Arc;

use super::news::{Messenger, News};
use crate::library::{Home, read_wildcards};
use crate::prompt::Wildcards;
use crate::state::World;

/// Reads the lists of `home`.
pub(super) fn read(home: Home) -> impl FnOnce(&Messenger) + Send + 'static {
    move |messenger| {
        messenger.send(News::Wildcards(read_wildcards(&home)));
    }
}

/// Takes lists in that are new; the same ones leave everything as it is.
pub(super) fn take_in(world: &mut World, lists: Wildcards) {
    if *world.wildcards != lists {
        world.wildcards = Arc::new(lists);
    }
}
