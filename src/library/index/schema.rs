//! The index's file: opened, made, and made anew when it is damaged or of another version.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode};

use super::IndexError;

/// Version of the tables below; an index of any other is made anew.
const VERSION: i64 = 2;

/// How long another process may write, or make the file anew, before we give up.
const PATIENCE: Duration = Duration::from_secs(5);

const TABLES: &str = "
CREATE TABLE pictures (
    id INTEGER PRIMARY KEY,
    uuid BLOB NOT NULL UNIQUE,
    file TEXT NOT NULL,
    modified INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    width INTEGER,
    height INTEGER,
    model TEXT,
    positive TEXT,
    seed INTEGER,
    task_uuid TEXT,
    searchable TEXT NOT NULL,
    task TEXT
);
";

/// Opens the index at `path`, made anew if need be.
pub(super) fn connect(path: &Path) -> Result<Connection, IndexError> {
    let _turn = take_turn(path)?;
    match open(path) {
        Ok(Some(connection)) => Ok(connection),
        Ok(None) => make_anew(path),
        Err(error) if is_damage(&error) => make_anew(path),
        Err(source) => Err(IndexError::Sqlite { path: path.to_owned(), source }),
    }
}

/// Deletes the index at `path` and opens an empty one.
pub(super) fn connect_anew(path: &Path) -> Result<Connection, IndexError> {
    let _turn = take_turn(path)?;
    make_anew(path)
}

/// An empty index that no file holds.
#[expect(clippy::expect_used, reason = "SQLite is compiled in; the tables are a constant")]
pub(super) fn in_memory() -> Connection {
    let connection = Connection::open_in_memory().expect("memory for an empty database");
    connection.execute_batch(TABLES).expect("tables that a test has made");
    connection
}

/// Whether the file itself is the trouble: not a database, broken inside, or with other tables.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType};
    match error.sqlite_error_code() {
        // The last is what statements give that do not fit the tables.
        Some(code) => matches!(
            code,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown
        ),
        None => matches!(
            error,
            IntegralValueOutOfRange(..) | InvalidColumnType(..) | FromSqlConversionFailure(..)
        ),
    }
}

fn make_anew(path: &Path) -> Result<Connection, IndexError> {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match fs::remove_file(PathBuf::from(&name)) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(IndexError::Open { path: name.into(), source });
            }
            _ => {}
        }
    }
    let failed = |source| IndexError::Sqlite { path: path.to_owned(), source };
    open(path).map_err(failed)?.ok_or_else(|| failed(rusqlite::Error::InvalidQuery))
}

/// `None` for an index of another version.
fn open(path: &Path) -> rusqlite::Result<Option<Connection>> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(PATIENCE)?;
    // Readers and a writer do not wait for each other; after a crash the last pictures may be
    // missing, and the next look at the folder finds them.
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "normal")?;
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match version {
        VERSION => {}
        0 => {
            let making = connection.transaction()?;
            making.execute_batch(TABLES)?;
            making.pragma_update(None, "user_version", VERSION)?;
            making.commit()?;
        }
        _ => return Ok(None),
    }
    Ok(Some(connection))
}

/// Waits until no other process opens or deletes the index. The lock ends with the value.
fn take_turn(path: &Path) -> Result<File, IndexError> {
    let place = path.with_extension("lock");
    let failed = |source| IndexError::Open { path: place.clone(), source };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let file = File::options().create(true).append(true).open(&place).map_err(failed)?;
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if start.elapsed() < PATIENCE => {
                thread::sleep(Duration::from_millis(5));
            }
            Err(TryLockError::WouldBlock) => return Err(failed(io::ErrorKind::TimedOut.into())),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
    }
}
