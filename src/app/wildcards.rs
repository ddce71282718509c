//! Reads what the user puts into folders besides models, on a thread: lists of words, annotators.

use std::sync::Arc;

use super::{App, Messenger, News, guides};
use crate::library::{Annotators, Home, Library, read_wildcards};
use crate::prompt::Wildcards;
use crate::task::Preprocessor;

/// What lies in the folders.
pub(super) struct Found {
    wildcards: Wildcards,
    annotators_missing: Vec<(Preprocessor, String)>,
}

/// Looks through the folders of `home` and those of the library, for the time `number`.
pub(super) fn look(
    number: u64,
    home: Home,
    library: Arc<Library>,
) -> impl FnOnce(&Messenger) + Send + 'static {
    move |messenger| {
        let wildcards = read_wildcards(&home);
        let annotators = Annotators::new(&home, &library.folders());
        let found = Found { wildcards, annotators_missing: guides::lacking(&annotators) };
        messenger.send(News::Folders(number, Box::new(found)));
    }
}

impl App {
    /// Looks through the folders again; only what the last look finds counts.
    pub(super) fn look_at_folders(&mut self) {
        self.looks += 1;
        self.on_a_thread(look(self.looks, self.home.clone(), Arc::clone(&self.library)));
    }

    /// Takes in what was found. An earlier look may come later: it is too old then.
    pub(super) fn looked(&mut self, number: u64, found: Found) {
        if number != self.looks {
            return;
        }
        let world = &mut self.state.world;
        world.annotators_missing = found.annotators_missing;
        // The same lists leave everything as it is.
        if *world.wildcards != found.wildcards {
            world.wildcards = Arc::new(found.wildcards);
        }
    }
}
