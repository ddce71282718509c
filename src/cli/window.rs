//! Without a command: the window over both engines.

use std::sync::{Arc, Weak};

use super::{DONE, EngineArgs, Engines};
use crate::app::{self, Services};
use crate::engine::{LocalGuides, SearchPath, Settings};
use crate::jobs::{Journal, PictureSource};
use crate::library::{Bare, Home, JournalFolder, Library, Pictures, Results};

pub(super) fn window(engine: &EngineArgs, home: &Home) -> anyhow::Result<u8> {
    let library = Arc::new(Library::unread(home, &[])?);
    let pictures = Pictures::new(home, &[]);
    let bare = Bare::default();
    let keeper = Arc::new(Results::of_home(home, pictures.clone()).with_bare(&bare));
    let journal = JournalFolder::open(home, &home.results_dir()).map(Arc::new);
    let pictures: Arc<dyn PictureSource> = Arc::new(pictures);
    let local = engine.settings(home, Arc::<Results>::clone(&keeper), Arc::clone(&pictures), true);
    let folders = Arc::clone(&library);
    let engines = Arc::new(Engines {
        home: home.clone(),
        local: Settings { models: Arc::new(move || folders.folders()), ..local },
        keeper,
        pictures,
        journal: journal.as_ref().ok().map(|journal| {
            let journal: Weak<JournalFolder> = Arc::downgrade(journal);
            journal as Weak<dyn Journal>
        }),
    });
    let search = SearchPath::usual(&home.runtime_dir());
    let guides = Arc::new(LocalGuides { search, threads: engine.threads() });
    // The toolkit's error cannot be sent between threads, which `anyhow` asks for.
    app::run(Services { home: home.clone(), library, engines, guides, journal, bare })
        .map_err(|error| anyhow::anyhow!("the window cannot be opened: {error}"))?;
    Ok(DONE)
}
