//! What needs the desktop: file dialogs, the file manager, the clipboard. They may wait for the user.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use eframe::egui::ColorImage;

use super::news::{Messenger, News};
use crate::library::{read_picture, write_atomically};
use crate::pixels::{Extent, without_texts};
use crate::state::{ExportTexts, GalleryEntry, Tone};

/// No one dismisses a dialog faster than this: it never appeared.
pub(super) const UNSEEN: Duration = Duration::from_millis(250);

/// Asks where to, then copies the files there, with or without what they say of their making.
pub(super) fn export(
    paths: Vec<PathBuf>,
    texts: ExportTexts,
) -> impl FnOnce(&Messenger) + Send + 'static {
    move |messenger| {
        let asked = Instant::now();
        let dialog = rfd::FileDialog::new();
        let told = match paths.as_slice() {
            [path] => {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let dialog = dialog.set_title("Export a copy").set_file_name(name);
                dialog.save_file().map(|target| copy(path, &target, texts))
            }
            paths => {
                let dialog = dialog.set_title("Export copies into a folder");
                dialog.pick_folder().map(|folder| copy_all(paths, &folder, texts))
            }
        };
        match told {
            Some((tone, text)) => {
                messenger.send(News::Said(tone, text));
            }
            None if asked.elapsed() < UNSEEN => {
                let folder = paths.first().and_then(|path| path.parent()).unwrap_or(Path::new(""));
                let text = format!(
                    "This desktop offers no file dialog. Pictures lie in {}",
                    folder.display()
                );
                messenger.send(News::Said(Tone::Failed, text));
            }
            // The user changed their mind.
            None => {}
        }
    }
}

fn copy(path: &Path, target: &Path, texts: ExportTexts) -> (Tone, String) {
    match write_copy(path, target, texts) {
        Ok(()) => (Tone::Done, format!("Copied to {}", target.display())),
        Err(error) => (Tone::Failed, not_copied(path, error.as_ref())),
    }
}

/// Copies into `folder` under names that nobody has there.
fn copy_all(paths: &[PathBuf], folder: &Path, texts: ExportTexts) -> (Tone, String) {
    for (done, path) in paths.iter().enumerate() {
        if let Err(error) = write_copy(path, &free_name(folder, path), texts) {
            let text = not_copied(path, error.as_ref());
            let some = format!("{text}\n{done} of {} were copied", paths.len());
            return (Tone::Failed, if done == 0 { text } else { some });
        }
    }
    (Tone::Done, format!("{} pictures copied to {}", paths.len(), folder.display()))
}

fn not_copied(path: &Path, error: &dyn std::error::Error) -> String {
    format!("The copy could not be written ({error}): {}", path.display())
}

/// The file's name in `folder`, with a number where there is one of that name.
fn free_name(folder: &Path, path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default();
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    let numbered = (2_u32..).map(|number| folder.join(format!("{stem} {number}.{ending}")));
    let mut names = std::iter::once(folder.join(name)).chain(numbered);
    names.find(|place| !place.exists()).unwrap_or_else(|| folder.join(name))
}

fn write_copy(
    path: &Path,
    target: &Path,
    texts: ExportTexts,
) -> Result<(), Box<dyn std::error::Error>> {
    let bytes = std::fs::read(path)?;
    let bytes = match texts {
        ExportTexts::Kept => bytes,
        ExportTexts::Removed => without_texts(&bytes)?,
    };
    write_atomically(target, &bytes)?;
    Ok(())
}

/// Reads the picture for the clipboard.
pub(super) fn copy_picture(entry: GalleryEntry) -> impl FnOnce(&Messenger) + Send + 'static {
    move |messenger| {
        let read = match (&entry.picture, &entry.path) {
            (Some(picture), _) => Ok(picture.clone()),
            (None, Some(path)) => read_picture(path).map_err(|error| error.to_string()),
            (None, None) => Err("it could not be saved".to_owned()),
        };
        messenger.send(match read {
            Ok(picture) => {
                let Extent { width, height } = picture.extent();
                let size = [width as usize, height as usize];
                News::Copy(ColorImage::from_rgba_unmultiplied(size, picture.rgba()))
            }
            Err(error) => {
                let path = entry.path.unwrap_or_default();
                let text = format!("The picture cannot be copied: {error}. {}", path.display());
                News::Said(Tone::Failed, text)
            }
        });
    }
}

/// Shows the file in the system's file manager, marked where the system can do that.
pub(super) fn reveal(path: PathBuf) -> impl FnOnce(&Messenger) + Send + 'static {
    move |messenger| {
        let shown = if cfg!(windows) {
            let mut argument = std::ffi::OsString::from("/select,");
            argument.push(&path);
            // Explorer answers 1 even when it opened the folder.
            Command::new("explorer").arg(argument).status().is_ok()
        } else if cfg!(target_os = "macos") {
            done(Command::new("open").arg("-R").arg(&path))
        } else {
            done(&mut show_items(&path))
        };
        if !shown {
            open_folder(path.parent().unwrap_or(&path).to_owned())(messenger);
        }
    }
}

fn done(command: &mut Command) -> bool {
    let command = command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// What freedesktop.org's file managers understand on the session bus.
fn show_items(path: &Path) -> Command {
    let address = url::Url::from_file_path(path).map(String::from).unwrap_or_default();
    let mut command = Command::new("dbus-send");
    command.args([
        "--session",
        "--print-reply",
        "--reply-timeout=3000",
        "--dest=org.freedesktop.FileManager1",
        "/org/freedesktop/FileManager1",
        "org.freedesktop.FileManager1.ShowItems",
        &format!("array:string:{address}"),
        "string:",
    ]);
    command
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::{FileFormat, Picture, decode, encode, file_texts};

    #[test]
    fn copies_get_names_that_nobody_has_and_say_nothing_when_asked_to() {
        let folder = tempfile::tempdir().unwrap();
        let picture = Picture::from_fn(Extent::new(4, 4), |x, y| [x as u8, y as u8, 7, 255]);
        for format in
            [FileFormat::Png, FileFormat::Jpeg { quality: 90 }, FileFormat::Webp { quality: 90 }]
        {
            let ending = match format {
                FileFormat::Png => "png",
                FileFormat::Jpeg { .. } => "jpg",
                FileFormat::Webp { .. } => "webp",
            };
            let path = folder.path().join(format!("a.{ending}"));
            let texts = crate::pixels::Texts { task: "{}", parameters: Some("a fox") };
            std::fs::write(&path, encode(&picture, format, texts).unwrap()).unwrap();
            let target = folder.path().join(ending);
            std::fs::create_dir(&target).unwrap();
            for texts in [ExportTexts::Kept, ExportTexts::Removed] {
                let (tone, text) = copy_all(&[path.clone(), path.clone()], &target, texts);
                assert_eq!(tone, Tone::Done, "{text}");
            }
            let read = |name: &str| std::fs::read(target.join(format!("{name}.{ending}"))).unwrap();
            assert_eq!(read("a"), std::fs::read(&path).unwrap());
            assert_eq!(read("a 2"), read("a"));
            assert_eq!(file_texts(&read("a 4")).found, []);
            assert_eq!(decode(&read("a 4")).unwrap(), decode(&read("a")).unwrap());
        }
        let (tone, text) = copy(Path::new("none.png"), &folder.path().join("b"), ExportTexts::Kept);
        assert!(tone == Tone::Failed && text.ends_with("none.png"), "{text}");
    }
}
