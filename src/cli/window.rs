//! Without a command: the window over the local engine.

use std::sync::Arc;

use super::{DONE, EngineArgs};
use crate::app::{self, Services};
use crate::engine::{LocalEngine, LocalGuides, SearchPath, Settings};
use crate::jobs::Worker;
use crate::library::{Bare, Home, JournalFolder, Library, Pictures, Results};

pub(super) fn window(engine: &EngineArgs, home: &Home) -> anyhow::Result<u8> {
    let library = Arc::new(Library::unread(home, &[])?);
    let pictures = Pictures::new(home, &[]);
    let bare = Bare::default();
    let keeper = Arc::new(Results::of_home(home, pictures.clone()).with_bare(&bare));
    let settings = engine.settings(home, keeper, Arc::new(pictures), true);
    let folders = Arc::clone(&library);
    let settings = Settings { models: Arc::new(move || folders.folders()), ..settings };
    let provider = Box::new(Worker::start("local", move || LocalEngine::new(settings))?);
    let journal = JournalFolder::open(home, &home.results_dir()).map(Arc::new);
    let search = SearchPath::usual(&home.runtime_dir());
    let guides = Arc::new(LocalGuides { search, threads: engine.threads() });
    // The toolkit's error cannot be sent between threads, which `anyhow` asks for.
    app::run(Services { home: home.clone(), library, provider, guides, journal, bare })
        .map_err(|error| anyhow::anyhow!("the window cannot be opened: {error}"))?;
    Ok(DONE)
}
