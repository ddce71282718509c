//! The library of models as the shell works on it: adding, naming, downloading, each on a thread.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use super::desk::UNSEEN;
use super::news::{Messenger, News};
use super::{App, sentence};
use crate::jobs::EngineMaker;
use crate::library::{Added, Addition, DownloadStage, DownloadState, Downloads, Home, Library};
use crate::state::{Effect, ModelFile, Tone};

/// The downloads of `home`, which tell the window.
pub(super) fn downloads(home: &Home, messenger: Messenger) -> io::Result<Downloads> {
    Downloads::open(
        home,
        Box::new(move |states| {
            messenger.send(News::Downloads(states));
        }),
    )
}

impl App {
    pub(super) fn perform_on_shelf(&mut self, effect: Effect) {
        let library = Arc::clone(&self.library);
        match effect {
            Effect::LookAtModels => {
                let maker = self.engines.maker();
                self.on_a_thread(move |messenger| look(&library, maker.as_ref(), messenger));
            }
            Effect::AddModel(path) => self.on_a_thread(move |messenger| {
                add(&library, path, messenger);
            }),
            Effect::AddFolder => self.on_a_thread(move |messenger| ask(&library, messenger)),
            Effect::ForgetModel(path) => self.on_a_thread(move |messenger| {
                match library.remove(&path) {
                    Ok(true) => say(messenger, Tone::Done, "Taken off the list; no file was touched"),
                    Ok(false) => say(messenger, Tone::Failed, "It was not added by hand: delete its file, or move it out of the models folder"),
                    Err(error) => say(messenger, Tone::Failed, &sentence(&error)),
                }
                messenger.send(News::LibraryChanged);
            }),
            Effect::NameModel(path, air) => self.on_a_thread(move |messenger| {
                match library.call(&path, &air) {
                    Ok(()) => say(messenger, Tone::Done, &format!("It is called {air} now")),
                    Err(error) => say(messenger, Tone::Failed, &sentence(&error)),
                }
                messenger.send(News::LibraryChanged);
            }),
            Effect::Download { .. }
            | Effect::PauseDownload(_)
            | Effect::ResumeDownload(_)
            | Effect::DropDownload(_) => self.order_download(effect),
            _ => {}
        }
    }

    fn order_download(&mut self, effect: Effect) {
        let ordered = match effect {
            Effect::Download { address, checksum } => {
                let added = self.downloads.add(&address, &checksum);
                added.map(|_| self.state.download_began())
            }
            Effect::PauseDownload(id) => self.downloads.pause(id),
            Effect::ResumeDownload(id) => self.downloads.resume(id),
            Effect::DropDownload(id) => self.downloads.forget(id),
            _ => Ok(()),
        };
        if let Err(error) = ordered {
            self.state.world.notify(Tone::Failed, sentence(&error));
        }
    }

    pub(super) fn hear_of_shelf(&mut self, news: News) {
        match news {
            News::ModelFiles(files, folders) => {
                self.state.world.shelf.files = files;
                self.state.world.shelf.folders = folders;
            }
            News::ModelAdded(path) => self.state.path_was_added(&path),
            News::LibraryChanged => {
                self.scanner.look_again();
                self.perform_on_shelf(Effect::LookAtModels);
            }
            News::Downloads(states) => self.hear_of_downloads(states),
            _ => {}
        }
    }

    fn hear_of_downloads(&mut self, states: Vec<DownloadState>) {
        let done = |states: &[DownloadState]| {
            let is_done = |state: &&DownloadState| matches!(state.stage, DownloadStage::Done(_));
            states.iter().filter(is_done).count()
        };
        let more = done(&states) > done(&self.state.world.shelf.downloads);
        self.state.world.shelf.downloads = states;
        // What its file is gets looked at when the scanner has found it.
        if more {
            self.scanner.look_again();
        }
    }
}

fn say(messenger: &Messenger, tone: Tone, text: &str) {
    messenger.send(News::Said(tone, text.to_owned()));
}

fn look(library: &Library, maker: &dyn EngineMaker, messenger: &Messenger) {
    let added = library.added_models();
    let folders = library.folders();
    let file = |path: &PathBuf| ModelFile {
        bytes: Library::size_of(path),
        added: added.contains(path),
        lacks: None,
    };
    let models = library.models();
    let files: HashMap<PathBuf, ModelFile> = (models.iter())
        .map(|card| {
            let lacks = maker.lacks(card, &folders);
            (card.path.clone(), ModelFile { lacks, ..file(&card.path) })
        })
        .collect();
    messenger.send(News::ModelFiles(files, library.added_folders()));
}

/// Adds a model or a folder of models for good, and tells.
pub(super) fn add(library: &Library, path: PathBuf, messenger: &Messenger) {
    let addition = Addition { path: path.clone(), air: None, kind: None };
    let added = library.add(&addition);
    if added.is_ok() {
        messenger.send(News::ModelAdded(path));
    }
    match added {
        Ok(Added::Model(card)) => say(messenger, Tone::Done, &format!("{} was added", card.name)),
        Ok(Added::Folder { models, program, .. }) => {
            let of = program.map(|program| format!(" of {program}")).unwrap_or_default();
            let text = format!("The folder{of} was added: {} models", models.len());
            say(messenger, Tone::Done, &text);
        }
        Err(error) => say(messenger, Tone::Failed, &sentence(&error)),
    }
    messenger.send(News::LibraryChanged);
}

/// Asks for a folder with the desktop's dialog.
fn ask(library: &Library, messenger: &Messenger) {
    let asked = Instant::now();
    match rfd::FileDialog::new().set_title("Use a folder of models").pick_folder() {
        Some(folder) => add(library, folder, messenger),
        None if asked.elapsed() < UNSEEN => {
            let text =
                "This desktop offers no file dialog: type the folder in the settings instead";
            say(messenger, Tone::Failed, text);
        }
        // The user changed their mind.
        None => {}
    }
}
