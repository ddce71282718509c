//! Deleted results: moved aside with all that belongs to them, brought back on request, gone for good
//! after [`Trash::DAYS`] days.
//!
//! A folder of our own and not the system's trash: bringing back works on every system, also without a
//! desktop, and a rename cannot be half done when the power fails.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use jiff::{ToSpan as _, Zoned};
use uuid::Uuid;

use super::results::{ENDINGS, write_atomically};
use super::{Home, kept_tasks, stars};

/// Why a picture cannot be deleted or brought back.
#[derive(Debug, thiserror::Error)]
pub enum TrashError {
    /// The file cannot be moved.
    #[error("the file cannot be moved ({source}): {}", path.display())]
    Move {
        /// The file as it lies now.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// It is not there any more.
    #[error("the picture is not in the trash any more: {}", folder.display())]
    Gone {
        /// The trash.
        folder: PathBuf,
    },
}

/// The trash of one home folder: a folder for each day on which something was deleted.
#[derive(Clone, Debug)]
pub struct Trash {
    results: PathBuf,
    tasks: PathBuf,
    folder: PathBuf,
}

impl Trash {
    /// Days for which deleted pictures are kept.
    pub const DAYS: i32 = 30;

    /// That of `home`; the folder is made when the first picture comes.
    #[must_use]
    pub fn of(home: &Home) -> Self {
        Self { results: home.results_dir(), tasks: home.tasks_dir(), folder: home.trash_dir() }
    }

    /// Where deleted pictures lie.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Moves that result aside, with its star, its verdict and its kept task. One that is gone already is no error.
    ///
    /// # Errors
    /// When the picture cannot be moved; it is then where it was.
    pub fn put(&self, image_uuid: Uuid) -> Result<(), TrashError> {
        let day = self.folder.join(Zoned::now().date().to_string());
        let failed = |path: &Path, source| TrashError::Move { path: path.to_owned(), source };
        fs::create_dir_all(&day).map_err(|source| failed(&day, source))?;
        // The picture first: what hides it must not go before it.
        for (from, name) in self.places(image_uuid) {
            shift(&from, &day.join(&name)).map_err(|source| failed(&from, source))?;
        }
        Ok(())
    }

    /// Brings that result back.
    ///
    /// # Errors
    /// When it is not in the trash any more, or cannot be moved; it is then where it was.
    pub fn restore(&self, image_uuid: Uuid) -> Result<(), TrashError> {
        let mut found = false;
        for day in days(&self.folder) {
            let mut places = self.places(image_uuid);
            // The picture last, so that it is never seen without its verdict.
            places.reverse();
            for (to, name) in places {
                let from = day.join(&name);
                found |= from.is_file();
                shift(&from, &to)
                    .map_err(|source| TrashError::Move { path: from.clone(), source })?;
            }
        }
        if found { Ok(()) } else { Err(TrashError::Gone { folder: self.folder.clone() }) }
    }

    /// The files of a result and their names in here, the picture first. A picture may be there in several
    /// formats.
    fn places(&self, image_uuid: Uuid) -> Vec<(PathBuf, String)> {
        let beside = ["nsfw.json", stars::ENDING];
        let results = ENDINGS.iter().chain(&beside).map(|ending| {
            let name = format!("{image_uuid}.{ending}");
            (self.results.join(&name), name)
        });
        let task = kept_tasks::place(&self.tasks, image_uuid);
        results.chain([(task, format!("{image_uuid}.task.json"))]).collect()
    }

    /// Deletes for good all that was put here.
    ///
    /// # Errors
    /// When a folder cannot be deleted.
    pub fn empty(&self) -> io::Result<()> {
        days(&self.folder).iter().try_for_each(fs::remove_dir_all)
    }

    /// Deletes for good what was put here more than [`Self::DAYS`] days before `today`; returns of how
    /// many days.
    ///
    /// # Errors
    /// When a folder cannot be deleted.
    pub fn sweep(&self, today: Date) -> io::Result<usize> {
        let mut swept = 0;
        for day in days(&self.folder) {
            let date = day.file_name().and_then(|name| name.to_str()?.parse::<Date>().ok());
            let ends = date.and_then(|date| date.checked_add(Self::DAYS.days()).ok());
            if ends.is_some_and(|ends| ends < today) {
                fs::remove_dir_all(&day)?;
                swept += 1;
            }
        }
        Ok(swept)
    }
}

/// The folders of days, the latest first; other things are nobody's to touch.
fn days(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_day = |name: &std::ffi::OsStr| name.to_str()?.parse::<Date>().ok();
    let mut days: Vec<PathBuf> = entries
        .filter(|entry| is_day(&entry.file_name()).is_some())
        .map(|entry| entry.path())
        .collect();
    days.sort();
    days.reverse();
    days
}

/// Moves a file if it is there, in one step; where the folders lie on two disks, by a whole copy.
fn shift(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && !from.exists() => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            let made = fs::metadata(from)?.modified()?;
            write_atomically(to, &fs::read(from)?)?;
            fs::File::options().append(true).open(to)?.set_modified(made)?;
            fs::remove_file(from)
        }
        moved => moved,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deleted_picture_comes_back_with_all_that_belongs_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        let trash = Trash::of(&home);
        fs::create_dir(home.results_dir()).unwrap();
        let image_uuid = Uuid::from_u128(7);
        let place = |ending: &str| home.results_dir().join(format!("{image_uuid}.{ending}"));
        let belongings = [("png", "pixels"), ("nsfw.json", "{}"), ("star", "")];
        for (ending, text) in belongings {
            fs::write(place(ending), text).unwrap();
        }
        kept_tasks::keep_task(&home.tasks_dir(), image_uuid, "{}").unwrap();
        let made = fs::metadata(place("png")).unwrap().modified().unwrap();
        trash.put(image_uuid).unwrap();
        trash.put(image_uuid).unwrap();
        for folder in [home.results_dir(), home.tasks_dir()] {
            assert_eq!(fs::read_dir(folder).unwrap().count(), 0);
        }

        trash.restore(image_uuid).unwrap();
        for (ending, text) in belongings {
            assert_eq!(fs::read_to_string(place(ending)).unwrap(), text);
        }
        assert_eq!(fs::metadata(place("png")).unwrap().modified().unwrap(), made);
        assert!(kept_tasks::place(&home.tasks_dir(), image_uuid).is_file());
        let gone = trash.restore(image_uuid).unwrap_err().to_string();
        assert!(gone.ends_with("trash"), "{gone}");
    }

    #[test]
    fn what_lies_there_for_long_is_swept_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let trash = Trash::of(&Home::at(folder.path()));
        let today = jiff::civil::date(2026, 11, 22);
        assert_eq!(trash.sweep(today).unwrap(), 0);
        for name in ["2026-10-22", "2026-10-23", "2026-11-22", "notes"] {
            fs::create_dir_all(trash.folder().join(name)).unwrap();
        }
        assert_eq!(trash.sweep(today).unwrap(), 1);
        assert!(!trash.folder().join("2026-10-22").exists());
        assert_eq!(fs::read_dir(trash.folder()).unwrap().count(), 3);
        trash.empty().unwrap();
        assert_eq!(fs::read_dir(trash.folder()).unwrap().count(), 1, "the notes are nobody's");
    }
}
