//! What is known of the results, in SQLite: listed without opening a file.
//!
//! A cache over the results folder and the kept tasks; knows no search. Whatever is wrong with it, it is deleted and read anew.

mod row;
mod schema;
mod survey;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use rusqlite::{Connection, OptionalExtension as _, params};
use uuid::Uuid;

use super::Home;
use crate::pixels::Extent;
use crate::task::Task;
use row::{Entry, Stamp};

pub use survey::Survey;

/// Why the index cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// SQLite says no, and deleting the file did not help.
    #[error("the index of results cannot be used ({source}): {}", path.display())]
    Sqlite {
        /// The index.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },

    /// The folder cannot be made, or the lock beside the index cannot be had.
    #[error("the index of results cannot be opened ({source}): {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },

    /// The results folder cannot be listed.
    #[error("the results folder cannot be read ({source}): {}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// A picture of the results folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredImage {
    /// The file.
    pub path: PathBuf,
    /// From the file's name.
    pub image_uuid: Uuid,
    /// When the file was written.
    pub made: SystemTime,
    /// What the index knows; `None` when the file has not been read yet.
    pub about: Option<About>,
}

/// What is known of how a picture was made, in short; [`Index::task`] has the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Size in pixels; `None` when the file is no picture.
    pub extent: Option<Extent>,
    /// The positive prompt.
    pub prompt: Option<String>,
    /// UUID of the task it answers.
    pub task_uuid: Option<String>,
    /// The model's AIR.
    pub model: Option<String>,
    /// The seed.
    pub seed: Option<u64>,
    /// Prompt, model and seed in small letters.
    pub searchable: String,
    /// Whether its task is known.
    pub has_task: bool,
}

impl About {
    /// What `task` says of a picture of that size.
    #[must_use]
    pub fn new(extent: Option<Extent>, task: Option<&Task>) -> Self {
        let Some(task) = task else { return Self { extent, ..Self::default() } };
        let seed = task.seed.map(|seed| seed.to_string()).unwrap_or_default();
        let words = [task.positive_prompt.as_deref(), task.model.as_deref(), Some(&seed)];
        Self {
            extent,
            prompt: task.positive_prompt.clone(),
            task_uuid: task.task_uuid.clone(),
            model: task.model.clone(),
            seed: task.seed,
            searchable: words.into_iter().flatten().collect::<Vec<_>>().join(" ").to_lowercase(),
            has_task: true,
        }
    }
}

/// The index of one home folder. Several may be open at once, also in several processes.
#[derive(Debug)]
pub struct Index {
    path: PathBuf,
    results: PathBuf,
    /// Where tasks lie that the files do not tell.
    tasks: PathBuf,
    connection: Mutex<Connection>,
}

impl Index {
    /// Opens the index of `home`; makes an empty one where there is none, or one that is damaged
    /// or of another version.
    ///
    /// # Errors
    /// When the folder cannot be written or another Latelier holds on to the index.
    pub fn open(home: &Home) -> Result<Self, IndexError> {
        schema::connect(&home.index_file()).map(|connection| Self::over(home, connection))
    }

    /// As [`Self::open`]; where that fails, an index in memory, which knows nothing yet and is
    /// gone with the value.
    #[must_use]
    pub fn open_or_read_anew(home: &Home) -> Self {
        Self::open(home).unwrap_or_else(|error| {
            tracing::warn!("{error}");
            Self::over(home, schema::in_memory())
        })
    }

    fn over(home: &Home, connection: Connection) -> Self {
        Self {
            path: home.index_file(),
            results: home.results_dir(),
            tasks: home.tasks_dir(),
            connection: Mutex::new(connection),
        }
    }

    /// Takes in a picture that was just written to `path`.
    ///
    /// # Errors
    /// When the file is gone already or the index cannot be written.
    pub fn add(&self, path: &Path, extent: Extent, task: &Task) -> Result<(), IndexError> {
        let folder = |source| IndexError::Folder { path: path.to_owned(), source };
        let file = std::fs::metadata(path).map_err(folder)?;
        let Some(stamp) = Stamp::of(path, &file) else { return Ok(()) };
        let entry = Entry { stamp, extent: Some(extent), task: Some(task.clone()) };
        self.insert(std::slice::from_ref(&entry))
    }

    /// Every picture, the newest first.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn list(&self) -> Result<Vec<StoredImage>, IndexError> {
        let sql = format!("SELECT {} FROM pictures ORDER BY modified DESC, id DESC", row::SHORT);
        self.with(|connection| {
            let mut statement = connection.prepare_cached(&sql)?;
            let rows = statement.query_map([], |row| row::stored(row, &self.results))?;
            rows.collect()
        })
    }

    /// The task of that picture; `None` for one whose task nobody knows, or unknown here.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn task(&self, image_uuid: Uuid) -> Result<Option<Task>, IndexError> {
        let json: Option<Option<String>> = self.with(|connection| {
            connection
                .prepare_cached("SELECT task FROM pictures WHERE uuid = ?1")?
                .query_row(params![image_uuid.as_bytes()], |row| row.get(0))
                .optional()
        })?;
        Ok(json.flatten().and_then(|json| serde_json::from_str(&json).ok()))
    }

    /// Takes these pictures out, because their files are gone.
    ///
    /// # Errors
    /// When the index cannot be written.
    pub fn forget(&self, gone: &[Uuid]) -> Result<(), IndexError> {
        self.with(|connection| {
            let transaction =
                connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            for image_uuid in gone {
                row::remove(&transaction, *image_uuid)?;
            }
            transaction.commit()
        })
    }

    /// Writes `entries`, all or none.
    fn insert(&self, entries: &[Entry]) -> Result<(), IndexError> {
        self.with(|connection| {
            let transaction =
                connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            for entry in entries {
                row::insert(&transaction, entry)?;
            }
            transaction.commit()
        })
    }

    /// Does `work`; when the file turns out to be damaged, once more over an empty one.
    fn with<T>(
        &self,
        work: impl Fn(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, IndexError> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = |source| IndexError::Sqlite { path: self.path.clone(), source };
        match work(&mut connection) {
            Err(error) if schema::is_damage(&error) => {
                tracing::warn!("{error}; read anew: {}", self.path.display());
                *connection = schema::in_memory();
                *connection = schema::connect_anew(&self.path)?;
                work(&mut connection).map_err(failed)
            }
            done => done.map_err(failed),
        }
    }
}
