//! What needs the desktop: the file dialog and the file manager. Both may wait for the user.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::news::{Messenger, News};
use crate::library::write_atomically;
use crate::state::Tone;

/// No one dismisses a dialog faster than this: it never appeared.
pub(super) const UNSEEN: Duration = Duration::from_millis(250);

/// Asks where to, then copies the file there.
pub(super) fn export(path: PathBuf) -> impl FnOnce(&Messenger) + Send + 'static {
    move |messenger| {
        let name =
            path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let asked = Instant::now();
        let target =
            rfd::FileDialog::new().set_title("Export a copy").set_file_name(name).save_file();
        match target {
            Some(target) => copy(&path, &target, messenger),
            None if asked.elapsed() < UNSEEN => {
                let text = format!(
                    "This desktop offers no file dialog. The picture lies at {}",
                    path.display()
                );
                messenger.send(News::Said(Tone::Failed, text));
            }
            // The user changed their mind.
            None => {}
        }
    }
}

fn copy(path: &Path, target: &Path, messenger: &Messenger) {
    let written = std::fs::read(path).and_then(|bytes| write_atomically(target, &bytes));
    let news = match written {
        Ok(()) => News::Said(Tone::Done, format!("Copied to {}", target.display())),
        Err(error) => News::Said(Tone::Failed, format!("The copy could not be written: {error}")),
    };
    messenger.send(news);
}

/// Shows `folder` in the system's file manager.
pub(super) fn open_folder(folder: PathBuf) -> impl FnOnce(&Messenger) + Send + 'static {
    move |messenger| {
        let shown = std::fs::create_dir_all(&folder)
            .and_then(|()| Command::new(OPENER).arg(&folder).status());
        // Windows' Explorer answers 1 even when it opened the folder.
        let failed = match shown {
            Ok(status) => !status.success() && !cfg!(windows),
            Err(_) => true,
        };
        if failed {
            let text = format!(
                "This desktop offers no file manager. The pictures lie in {}",
                folder.display()
            );
            messenger.send(News::Said(Tone::Failed, text));
        }
    }
}

const OPENER: &str = if cfg!(windows) {
    "explorer"
} else if cfg!(target_os = "macos") {
    "open"
} else {
    "xdg-open"
};
