//! What the remote service was paid: a receipt a result, sums by day and model, and what the next
//! will probably cost. Kept for good: no file can tell it again.

use std::iter::Sum;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::civil::Date;
use jiff::{Timestamp, Zoned};
use rusqlite::{Connection, OptionalExtension as _, params};
use uuid::Uuid;

use super::Home;
use crate::jobs::{Paid, Receipt, Receipts};
use crate::pixels::Extent;
use crate::task::{Air, Request};

/// Version of the table below.
const VERSION: i64 = 1;

/// `moment` is in seconds since 1970, `day` as the user's calendar said then. A result of a task of another
/// type than `imageInference` has that type for a model, and neither size nor steps; its `image` is its name.
const TABLES: &str = "
CREATE TABLE receipts (
    image BLOB PRIMARY KEY,
    task BLOB NOT NULL,
    moment INTEGER NOT NULL,
    day TEXT NOT NULL,
    model TEXT NOT NULL,
    usd REAL NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    steps INTEGER,
    seconds REAL NOT NULL
);
CREATE INDEX receipts_by_day ON receipts (day);
CREATE INDEX receipts_by_model ON receipts (model);
";

/// How long another process may write.
const PATIENCE: Duration = Duration::from_secs(5);

/// The latest receipts of a model that an estimate looks at: prices change.
const LOOKED_AT: usize = 50;

/// Why the ledger cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// SQLite says no.
    #[error("the ledger of costs cannot be used ({source}): {}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },

    /// A newer Latelier wrote it.
    #[error("the ledger of costs was written by a newer Latelier; update this one: {}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
    },

    /// The folder cannot be made.
    #[error("the ledger of costs cannot be opened ({source}): {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// What was spent on one model on one day.
#[derive(Clone, Debug, PartialEq)]
pub struct Spending {
    /// The day, in the time zone of when it was.
    pub day: Date,
    /// The model's AIR; for tasks of other types than `imageInference` the type.
    pub model: String,
    /// Pictures, or results of another type.
    pub results: u64,
    /// US dollars.
    pub usd: f64,
}

impl Spending {
    /// Whether pictures were paid for, and not tasks of another type.
    #[must_use]
    pub fn is_of_pictures(&self) -> bool {
        self.model.parse::<Air>().is_ok()
    }
}

/// What a task will probably cost, in US dollars, learnt from receipts of the same model or type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The least that such results cost.
    pub low: f64,
    /// The most.
    pub high: f64,
}

impl Estimate {
    /// What `part` of `all` results cost.
    #[must_use]
    pub fn share(self, part: usize, all: usize) -> Self {
        let share = part as f64 / all.max(1) as f64;
        Self { low: self.low * share, high: self.high * share }
    }
}

impl Sum for Estimate {
    fn sum<I: Iterator<Item = Self>>(estimates: I) -> Self {
        let nothing = Self { low: 0.0, high: 0.0 };
        estimates
            .fold(nothing, |sum, one| Self { low: sum.low + one.low, high: sum.high + one.high })
    }
}

/// The receipts of one home folder. Several may be open at once, also in several processes.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    connection: Mutex<Connection>,
}

impl Ledger {
    /// Opens the ledger of `home`; makes an empty one where there is none. Reads the disk.
    ///
    /// # Errors
    /// When the file is damaged, of a newer version, or cannot be written. It is never deleted.
    pub fn open(home: &Home) -> Result<Self, LedgerError> {
        let path = home.ledger_file();
        let opened = |source| LedgerError::Open { path: path.clone(), source };
        std::fs::create_dir_all(home.root()).map_err(opened)?;
        let connection = connect(&path);
        let connection =
            connection.map_err(|source| LedgerError::Sqlite { path: path.clone(), source })?;
        match connection {
            Some(connection) => Ok(Self { path, connection: Mutex::new(connection) }),
            None => Err(LedgerError::Newer { path }),
        }
    }

    /// Takes in a receipt of `moment`; a second one of the same result changes nothing.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn add(&self, receipt: &Receipt, moment: &Zoned) -> Result<(), LedgerError> {
        let Receipt { task, result, paid, usd, time } = receipt;
        let (model, extent, steps) = match paid {
            Paid::Picture { model, extent, steps } => (model.to_string(), *extent, *steps),
            Paid::Task(task_type) => (task_type.clone(), Extent::new(0, 0), None),
        };
        let sql = "INSERT OR IGNORE INTO receipts VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
        let day = moment.date().to_string();
        let values = params![
            result.as_bytes(),
            task.as_bytes(),
            moment.timestamp().as_second(),
            day,
            model,
            usd,
            extent.width,
            extent.height,
            steps,
            time.as_secs_f64()
        ];
        self.with(|connection| connection.prepare_cached(sql)?.execute(values).map(|_| ()))
    }

    /// What was spent on `day`, in US dollars.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn spent_on(&self, day: Date) -> Result<f64, LedgerError> {
        let sql = "SELECT total(usd) FROM receipts WHERE day = ?1";
        self.with(|connection| {
            connection.prepare_cached(sql)?.query_row([day.to_string()], |row| row.get(0))
        })
    }

    /// What was spent today.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn spent_today(&self) -> Result<f64, LedgerError> {
        self.spent_on(Zoned::now().date())
    }

    /// What that picture cost, in US dollars; `None` when nobody was paid for it.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn cost_of(&self, image: Uuid) -> Result<Option<f64>, LedgerError> {
        let sql = "SELECT usd FROM receipts WHERE image = ?1";
        self.with(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            statement.query_row([image.as_bytes()], |row| row.get(0)).optional()
        })
    }

    /// Spending by day and model since `first`, the latest day first and the dearest model of a day
    /// first.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn spending_since(&self, first: Date) -> Result<Vec<Spending>, LedgerError> {
        let sql = "SELECT day, model, count(*), sum(usd) FROM receipts WHERE day >= ?1
                   GROUP BY day, model ORDER BY day DESC, sum(usd) DESC, model";
        self.with(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([first.to_string()], |row| {
                let day: String = row.get(0)?;
                let results: i64 = row.get(2)?;
                Ok((day, row.get(1)?, results, row.get(3)?))
            })?;
            rows.collect::<Result<Vec<_>, _>>()
        })
        .map(|rows| {
            let spending = |(day, model, results, usd): (String, String, i64, f64)| {
                let results = u64::try_from(results).unwrap_or_default();
                Some(Spending { day: day.parse().ok()?, model, results, usd })
            };
            rows.into_iter().filter_map(spending).collect()
        })
    }

    /// What `request` will probably cost; `None` before the first receipt of its model.
    ///
    /// Receipts of the same size and steps are taken as they are; without any, those of other sizes
    /// and steps in proportion to pixels and steps.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn estimate(&self, request: &Request) -> Result<Option<Estimate>, LedgerError> {
        let wanted =
            Work { pixels: request.extent.area() as f64, steps: request.task.steps.map(f64::from) };
        let receipts = self.latest(&request.model.air.to_string())?;
        let alike: Vec<f64> =
            (receipts.iter()).filter(|(work, _)| *work == wanted).map(|(_, usd)| *usd).collect();
        let prices = if alike.is_empty() {
            receipts.iter().map(|(work, usd)| usd * wanted.times(work)).collect()
        } else {
            alike
        };
        Ok(estimate(&prices, request.number_results))
    }

    /// What a task of another type than `imageInference` will probably cost that has so many results;
    /// `None` before the first receipt of its type.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn estimate_of_type(
        &self,
        task_type: &str,
        results: u32,
    ) -> Result<Option<Estimate>, LedgerError> {
        let prices: Vec<f64> = self.latest(task_type)?.into_iter().map(|(_, usd)| usd).collect();
        Ok(estimate(&prices, results))
    }

    /// The latest receipts of `model`, or of a type of tasks: the work and US dollars.
    fn latest(&self, model: &str) -> Result<Vec<(Work, f64)>, LedgerError> {
        let sql = "SELECT width, height, steps, usd FROM receipts WHERE model = ?1
                   ORDER BY moment DESC, rowid DESC LIMIT ?2";
        self.with(|connection| {
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map(params![model, LOOKED_AT as i64], |row| {
                let (width, height): (u32, u32) = (row.get(0)?, row.get(1)?);
                let steps: Option<u32> = row.get(2)?;
                let pixels = f64::from(width) * f64::from(height);
                Ok((Work { pixels, steps: steps.map(f64::from) }, row.get(3)?))
            })?;
            rows.collect()
        })
    }

    fn with<T>(
        &self,
        ask: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, LedgerError> {
        let connection: MutexGuard<'_, Connection> =
            self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        ask(&connection).map_err(|source| LedgerError::Sqlite { path: self.path.clone(), source })
    }
}

impl Receipts for Ledger {
    fn note(&self, receipt: Receipt) {
        let now = Timestamp::now().to_zoned(jiff::tz::TimeZone::system());
        if let Err(error) = self.add(&receipt, &now) {
            tracing::warn!("a result that cost ${:.4} is not in the ledger: {error}", receipt.usd);
        }
    }
}

/// What a picture is paid by.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Work {
    pixels: f64,
    /// Unknown when the model's default was used.
    steps: Option<f64>,
}

impl Work {
    /// How many times the work of `other` it is.
    fn times(&self, other: &Self) -> f64 {
        let steps = match (self.steps, other.steps) {
            (Some(own), Some(others)) if others > 0.0 => own / others,
            _ => 1.0,
        };
        self.pixels / other.pixels.max(1.0) * steps
    }
}

/// From the lowest to the highest of these prices, so many times.
fn estimate(prices: &[f64], times: u32) -> Option<Estimate> {
    let low = prices.iter().copied().reduce(f64::min)?;
    let high = prices.iter().copied().reduce(f64::max)?;
    let times = f64::from(times);
    Some(Estimate { low: low * times, high: high * times })
}

/// `None` for a ledger of a newer version.
fn connect(path: &std::path::Path) -> rusqlite::Result<Option<Connection>> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // A receipt must not be lost with the power: money was paid for it.
    connection.pragma_update(None, "synchronous", "FULL")?;
    let turn = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let version: i64 = turn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version > VERSION {
        return Ok(None);
    }
    if version == 0 {
        turn.execute_batch(TABLES)?;
        turn.pragma_update(None, "user_version", VERSION)?;
    }
    turn.commit()?;
    Ok(Some(connection))
}

#[cfg(test)]
mod tests;
