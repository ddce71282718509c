//! Finished pictures on disk: written whole or not at all, each with its task inside, and with the
//! settings that A1111 reads.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::journal::same_folder;
use super::kept_tasks::keep_task;
use super::network::{self, Limits};
use super::pictures::ending;
use super::verdicts::write_verdict;
use super::{BringInError, Home, Index, Pictures, Thumbnails};
use crate::jobs::{Cancel, Failure, FailureKind, ImageRecord, Keeper};
use crate::metadata;
use crate::pixels::{self, FileError, FileFormat, Picture, Texts};
use crate::task::{ImageRef, OutputFormat, Request, Task};

/// A folder that takes pictures as `<imageUUID>.<ext>`.
#[derive(Clone, Debug)]
pub struct Results {
    folder: PathBuf,
    pictures: Pictures,
    shelf: Option<Shelf>,
    bare: Bare,
}

/// Whether files say nothing of their making. Shared, so that it can be changed while pictures are made.
#[derive(Clone, Debug, Default)]
pub struct Bare(Arc<AtomicBool>);

impl Bare {
    /// Files say nothing from now on, or everything.
    pub fn set(&self, bare: bool) {
        self.0.store(bare, Ordering::Relaxed);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl From<bool> for Bare {
    fn from(bare: bool) -> Self {
        Self(Arc::new(AtomicBool::new(bare)))
    }
}

/// Where the gallery looks first. Index and thumbnails can be made again from the files, so that what
/// goes wrong with them is logged and never the picture's fault.
#[derive(Clone, Debug)]
struct Shelf {
    index: Arc<Index>,
    thumbnails: Thumbnails,
    /// Where tasks are kept that the files do not tell.
    tasks: PathBuf,
}

impl Shelf {
    fn take_in(&self, record: &ImageRecord, path: &Path, task: &Task) {
        if let Err(error) = self.thumbnails.keep(record.image_uuid, &record.picture) {
            tracing::warn!("no thumbnail of {}: {error}", path.display());
        }
        if let Err(error) = self.index.add(path, record.picture.extent(), task) {
            tracing::warn!("{} is not in the index yet: {error}", path.display());
        }
    }
}

impl Results {
    /// Pictures go to `folder`, which is made when the first one comes; those that tasks carry
    /// inside themselves are kept in `pictures`.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>, pictures: Pictures) -> Self {
        Self { folder: folder.into(), pictures, shelf: None, bare: Bare::default() }
    }

    /// Pictures go to the results folder of `home`, into its index and among its thumbnails; those
    /// that tasks carry inside themselves are kept in `pictures`.
    #[must_use]
    pub fn of_home(home: &Home, pictures: Pictures) -> Self {
        let shelf = Shelf {
            index: Arc::new(Index::open_or_read_anew(home)),
            thumbnails: Thumbnails::new(home),
            tasks: home.tasks_dir(),
        };
        Self { shelf: Some(shelf), ..Self::new(home.results_dir(), pictures) }
    }

    /// Pictures go to `folder`; when that is the results folder of `home`, as with
    /// [`Self::of_home`].
    #[must_use]
    pub fn in_folder(home: &Home, folder: &Path, pictures: Pictures) -> Self {
        if same_folder(folder, &home.results_dir()) {
            return Self::of_home(home, pictures);
        }
        Self::new(folder, pictures)
    }

    /// The same, its files saying nothing of their making while `bare` is set. The gallery knows it all
    /// the same: the home folder keeps it apart.
    #[must_use]
    pub fn with_bare(self, bare: &Bare) -> Self {
        Self { bare: bare.clone(), ..self }
    }

    /// The task that makes exactly this picture again, its pictures, inside it or at an address, kept
    /// once and named by UUID. A file has no room for megabytes.
    fn made_by(&self, record: &ImageRecord) -> Result<Task, BringInError> {
        let mut task = record.made_by();
        for image in task.images_mut() {
            if let Some(uuid) = self.pictures.kept_name(image)? {
                *image = ImageRef::Uuid(uuid);
            }
        }
        Ok(task)
    }
}

impl Keeper for Results {
    fn keep(&self, record: &ImageRecord) -> Result<PathBuf, Failure> {
        let (_, asked) = file_format(&record.request);
        let extension = record.file.as_deref().map_or(asked, ending);
        let path = self.folder.join(format!("{}.{extension}", record.image_uuid));
        let task = self.made_by(record).map_err(|error| not_saved(&path, &error))?;
        let json = serde_json::to_string(&task).map_err(|error| not_saved(&path, &error))?;
        let parameters = metadata::parameters(&record.request, record.seed);
        let texts = Texts { task: &json, parameters: Some(&parameters) };
        let texts = (!self.bare.is_set()).then_some(texts);
        let bytes = file(record, texts, &path).map_err(|error| not_written(&path, &error))?;
        fs::create_dir_all(&self.folder).map_err(|error| not_saved(&path, &error))?;
        // Before the picture: nothing else knows how it was made.
        if let (None, Some(shelf)) = (texts, &self.shelf) {
            keep_task(&shelf.tasks, record.image_uuid, &json)
                .map_err(|error| not_saved(&path, &error))?;
        }
        if let Some(verdict) = record.nsfw.filter(|verdict| verdict.is_adult()) {
            write_verdict(&path, verdict).map_err(|error| not_saved(&path, &error))?;
        }
        write_atomically(&path, &bytes).map_err(|error| not_saved(&path, &error))?;
        if let Some(shelf) = &self.shelf {
            shelf.take_in(record, &path, &task);
        }
        Ok(path)
    }

    fn deliver(&self, record: &ImageRecord, cancel: &Cancel) -> Result<(), Failure> {
        let (Some(address), Some(path)) = (&record.request.task.upload_endpoint, &record.path)
        else {
            return Ok(());
        };
        let media_type = record.request.output_format.media_type();
        let bytes = fs::read(path).map_err(|error| not_sent(path, &error))?;
        network::put(address, &bytes, media_type, (&Limits::PICTURE, cancel))
            .map_err(|error| not_sent(path, &error))
    }
}

/// The bytes of the picture's file, with `texts` in them, or saying nothing.
fn file(record: &ImageRecord, texts: Option<Texts<'_>>, path: &Path) -> Result<Vec<u8>, FileError> {
    let (format, _) = file_format(&record.request);
    Ok(match (&record.file, texts) {
        (Some(file), Some(texts)) => as_delivered(file, texts, path),
        // It was paid for: what cannot be taken apart is kept as it is.
        (Some(file), None) => pixels::without_texts(file).unwrap_or_else(|_| file.to_vec()),
        (None, Some(texts)) => pixels::encode(&record.picture, format, texts)?,
        (None, None) => pixels::without_texts(&pixels::encode(&record.picture, format, "")?)?,
    })
}

/// The delivered file with our texts in it. It was paid for: when the texts do not fit, it is kept
/// without them.
fn as_delivered(file: &[u8], texts: Texts<'_>, path: &Path) -> Vec<u8> {
    pixels::with_texts(file, texts).unwrap_or_else(|error| {
        tracing::warn!("the picture does not say how it was made, {error}: {}", path.display());
        file.to_vec()
    })
}

fn not_sent(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure {
        kind: FailureKind::Upload,
        headline: format!(
            "The picture was made and saved, but did not reach uploadEndpoint: {error}. It lies at \
             {}",
            path.display()
        ),
        details: format!("{}: {error}", path.display()),
    }
}

/// Endings of picture files, in the order in which they are looked for.
pub(super) const ENDINGS: [&str; 3] = ["png", "jpg", "webp"];

fn file_format(request: &Request) -> (FileFormat, &'static str) {
    match request.output_format {
        OutputFormat::Png => (FileFormat::Png, "png"),
        OutputFormat::Jpg => (FileFormat::Jpeg { quality: request.output_quality }, "jpg"),
        OutputFormat::Webp => (FileFormat::Webp { quality: request.output_quality }, "webp"),
    }
}

/// What keeps a picture out of its own file format is no matter of space or folders.
fn not_written(path: &Path, error: &FileError) -> Failure {
    let format = path.extension().unwrap_or_default().to_string_lossy();
    Failure {
        kind: FailureKind::Save,
        headline: format!(
            "The picture could not be written as {format} ({error}). Ask for another outputFormat: \
             {}",
            path.display()
        ),
        details: format!("{}: {error}", path.display()),
    }
}

fn not_saved(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure {
        kind: FailureKind::Save,
        headline: format!(
            "The picture could not be saved ({error}). Free some space or choose another folder \
             than {}",
            path.parent().unwrap_or(path).display()
        ),
        details: format!("{}: {error}", path.display()),
    }
}

/// How the names of files begin that are still being written.
pub(super) const UNFINISHED: &str = ".writing-";

/// Writes `bytes` to a temporary name beside `path` and renames it, so that `path` is never half
/// a file, not even after the power failed.
///
/// # Errors
/// When the disk is full or the folder cannot be written; `path` is then as it was.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = write_beside(path, bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    // The new name must last as well. Some file systems cannot promise it for a folder.
    #[cfg(unix)]
    if let Ok(folder) = fs::File::open(folder_of(path)) {
        folder.sync_all().ok();
    }
    Ok(())
}

/// As [`write_atomically`], into a folder that is made if need be, for what only the user may read.
pub(super) fn write_privately(path: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder_of(path))?;
    // Temporary files are private from the beginning.
    let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder_of(path))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// As [`write_atomically`], for what can be made again: faster, since nothing waits for the disk.
pub(super) fn write_cache(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_beside(path, bytes)?.persist(path).map_err(|error| error.error)?;
    Ok(())
}

fn write_beside(path: &Path, bytes: &[u8]) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // As any new file: what the user's umask leaves of this, not the private mode of a
        // temporary file.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder_of(path))?;
    file.write_all(bytes)?;
    Ok(file)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."))
}

/// Reads the pixels of a picture file.
///
/// # Errors
/// When the file is gone or no picture.
pub fn read_picture(path: &Path) -> Result<Picture, FileError> {
    pixels::decode(&fs::read(path)?)
}

/// Reads the task that a picture file carries; `None` when it carries none that we understand.
///
/// # Errors
/// When the file cannot be read.
pub fn read_task(path: &Path) -> io::Result<Option<Task>> {
    Ok(task_inside(&fs::read(path)?))
}

/// The task inside the bytes of a picture file.
pub(super) fn task_inside(bytes: &[u8]) -> Option<Task> {
    let json = serde_json::from_str(&pixels::read_task_text(bytes)?).ok()?;
    Task::from_json(&json).ok()
}
