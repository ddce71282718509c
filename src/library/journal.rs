//! The journal of jobs on disk: one file a job, each belonging to the process that holds a lock.
//!
//! `journal/<owner>.lock` is locked for as long as its owner lives; `journal/<owner>.<n>.json` are
//! its jobs, `journal/<owner>.order` says in which order it wanted them. Jobs whose lock can be had were left behind, and whoever takes the lock has them.

mod deleted;
mod order;
mod owners;
#[cfg(test)]
mod tests;

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use uuid::Uuid;

use self::deleted::{disowned, sweep_disowned};
use self::order::{order_file, put_in_order, read_order};
use self::owners::{Owner, is_free, keep_private, lock_file, new_owner, sweep, take, written};
use super::results::{ENDINGS, write_atomically};
use super::{Home, read_picture};
use crate::jobs::{Failure, FailureKind, Job, JobId, Journal, JournalEntry, Owed, Waiting};

pub use self::deleted::disown;

/// Why jobs cannot be written down.
#[derive(Debug, thiserror::Error)]
#[error("jobs would not survive a crash, since the journal cannot be used ({source}): {}", path.display())]
pub struct JournalError {
    /// The folder, or the lock in it.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// Which jobs that were left behind are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Those whose pictures go where this process puts its own.
    Ours,
    /// All.
    All,
}

/// What was left behind.
#[derive(Clone, Debug, Default)]
pub struct Claimed {
    /// Jobs that still owe pictures, in the order in which they were accepted.
    pub waiting: Vec<Waiting>,
    /// For each entry that could not be read, a sentence that ends with where it lies now.
    pub set_aside: Vec<String>,
}

/// This process's part of the journal.
#[derive(Debug)]
pub struct JournalFolder {
    folder: PathBuf,
    /// Where the pictures of new jobs go; absolute.
    results: PathBuf,
    owned: Mutex<Owned>,
}

#[derive(Debug)]
struct Owned {
    own: Owner,
    /// Processes that have stopped and whose jobs are ours now.
    inherited: Vec<Owner>,
    entries: HashMap<JobId, PathBuf>,
    next: u32,
    /// Which order was kept last.
    order: u64,
}

impl JournalFolder {
    /// Takes part in the journal of `home` with jobs whose pictures go to `results`, and clears
    /// away what processes that no longer live were just writing.
    ///
    /// # Errors
    /// When the folder cannot be written or the file system knows no locks.
    pub fn open(home: &Home, results: &Path) -> Result<Self, JournalError> {
        let folder = home.journal_dir();
        let failed = |source| JournalError { path: folder.clone(), source };
        fs::create_dir_all(&folder).map_err(failed)?;
        keep_private(&folder).map_err(failed)?;
        let results = std::path::absolute(results).map_err(failed)?;
        let own = new_owner(&folder).map_err(failed)?;
        let owned =
            Owned { own, inherited: Vec::new(), entries: HashMap::new(), next: 0, order: 0 };
        let journal = Self { folder, results, owned: Mutex::new(owned) };
        journal.sweep(home);
        Ok(journal)
    }

    /// Takes over the jobs that stopped processes left behind. Jobs without an owed picture are
    /// struck out, damaged entries set aside.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn claim(&self, claim: Claim) -> Result<Claimed, JournalError> {
        let mut claimed = Claimed::default();
        let mut folders = BTreeSet::new();
        let mut orders = Vec::new();
        for owner in self.left_behind()? {
            let files = self.files_of(owner.name)?;
            let entries = read_entries(&files, &mut claimed.set_aside);
            let ours = |entry: &JournalEntry| same_folder(entry.results(), &self.results);
            if claim == Claim::Ours && !entries.iter().all(|(_, entry)| ours(entry)) {
                continue;
            }
            folders.extend(entries.iter().map(|(_, entry)| entry.results().to_owned()));
            orders.extend(read_order(&order_file(&self.folder, owner.name)));
            self.take_over(owner, entries, &mut claimed);
        }
        put_in_order(orders, &mut claimed.waiting);
        // Now that the dead are known: what they were writing is older than who lives.
        let oldest = self.oldest_living(&self.owned());
        for folder in &folders {
            sweep(folder, oldest);
        }
        Ok(claimed)
    }

    /// How many pictures stopped processes still owe; takes nothing over.
    ///
    /// # Errors
    /// When the folder cannot be listed.
    pub fn count_left_behind(&self) -> Result<usize, JournalError> {
        let mut count = 0;
        let disowned = disowned(&self.folder);
        for owner in self.left_behind()? {
            for file in self.files_of(owner.name)? {
                let entry = fs::read(&file).ok().and_then(|json| JournalEntry::read(&json).ok());
                count += entry.map_or(0, |entry| waiting(entry, &disowned).owed.len());
            }
        }
        Ok(count)
    }

    fn take_over(
        &self,
        owner: Owner,
        entries: Vec<(PathBuf, JournalEntry)>,
        claimed: &mut Claimed,
    ) {
        let disowned = disowned(&self.folder);
        let mut owned = self.owned();
        for (file, entry) in entries {
            let waiting = waiting(entry, &disowned);
            claimed.set_aside.extend(perhaps_not_sent(&waiting));
            if waiting.owed.is_empty() {
                // It was killed between its last picture and its end.
                remove(&file);
                continue;
            }
            match owned.entries.entry(waiting.id) {
                Entry::Vacant(place) => {
                    place.insert(file);
                    claimed.waiting.push(waiting);
                }
                // Two jobs of one name: this one is offered when the other is done.
                Entry::Occupied(_) => {
                    tracing::info!("task {} is waiting twice: {}", waiting.id, file.display());
                }
            }
        }
        owned.inherited.push(owner);
    }

    /// The processes that have stopped, each locked while the value lives, the oldest first.
    fn left_behind(&self) -> Result<Vec<Owner>, JournalError> {
        let mut left = Vec::new();
        for name in self.owners()? {
            let owned = self.owned();
            let known =
                owned.own.name == name || owned.inherited.iter().any(|other| other.name == name);
            drop(owned);
            if known {
                continue;
            }
            match take(&self.folder, name) {
                Ok(owner) => left.extend(owner),
                Err(error) => tracing::warn!("{error}: {}", self.folder.display()),
            }
        }
        left.sort_by_key(|owner| (written(&owner.lock), owner.name));
        Ok(left)
    }

    /// Everybody who has a lock or a job in the folder.
    fn owners(&self) -> Result<BTreeSet<Uuid>, JournalError> {
        let names = self.list()?;
        Ok(names
            .iter()
            .filter(|name| is_entry(name) || ending(name) == Some("lock"))
            .filter_map(|name| Uuid::try_parse(name.split('.').next()?).ok())
            .collect())
    }

    /// The entries of that process in the order of their making.
    fn files_of(&self, owner: Uuid) -> Result<Vec<PathBuf>, JournalError> {
        let start = format!("{owner}.");
        let mut names = self.list()?;
        names.retain(|name| name.starts_with(&start) && is_entry(name));
        names.sort_unstable();
        Ok(names.into_iter().map(|name| self.folder.join(name)).collect())
    }

    fn list(&self) -> Result<Vec<String>, JournalError> {
        let failed = |source| JournalError { path: self.folder.clone(), source };
        let entries = fs::read_dir(&self.folder).map_err(failed)?;
        Ok(entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect())
    }

    /// Clears away what was being written in the home folder when its writer was killed.
    fn sweep(&self, home: &Home) {
        sweep_disowned(&self.folder);
        let oldest = self.oldest_living(&self.owned());
        for folder in [
            self.folder.clone(),
            self.results.clone(),
            home.root().to_owned(),
            home.results_dir(),
            home.tasks_dir(),
            home.inputs_dir(),
            home.sent_dir(),
            home.served_pictures_dir(),
            home.thumbnails_dir(),
        ] {
            sweep(&folder, oldest);
        }
    }

    /// When the first of the processes that live now joined the journal: what was being written
    /// before then is nobody's. `None` when that cannot be told.
    fn oldest_living(&self, owned: &Owned) -> Option<SystemTime> {
        let mut oldest = written(&owned.own.lock)?;
        for name in self.owners().ok()? {
            let lock = lock_file(&self.folder, name);
            let dead = owned.inherited.iter().any(|other| other.name == name) || is_free(&lock);
            if name != owned.own.name && !dead {
                oldest = oldest.min(written(&lock)?);
            }
        }
        Some(oldest)
    }

    /// Changes the entry of a job, if it is ours.
    fn rewrite(
        &self,
        id: JobId,
        change: impl FnOnce(JournalEntry) -> JournalEntry,
    ) -> io::Result<()> {
        // The lock keeps two changes of a job from losing each other.
        let owned = self.owned();
        let Some(file) = owned.entries.get(&id) else { return Ok(()) };
        let entry = JournalEntry::read(&fs::read(file)?).map_err(io::Error::other)?;
        write_atomically(file, &serde_json::to_vec_pretty(&change(entry))?)
    }

    fn owned(&self) -> MutexGuard<'_, Owned> {
        self.owned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal for JournalFolder {
    fn enter(&self, job: &Job) -> Result<(), Failure> {
        let mut owned = self.owned();
        if owned.entries.contains_key(&job.id) {
            return Ok(());
        }
        let file = self.folder.join(format!("{}.{:06}.json", owned.own.name, owned.next));
        let entry = JournalEntry::of(job, self.results.clone());
        let written = serde_json::to_vec_pretty(&entry).map_err(io::Error::from);
        let written = written.and_then(|json| write_atomically(&file, &json));
        written.map_err(|error| not_entered(&self.folder, &error))?;
        owned.next += 1;
        owned.entries.insert(job.id, file);
        Ok(())
    }

    fn name(&self, id: JobId, picture: Owed) -> Result<(), Failure> {
        self.rewrite(id, |entry| entry.naming(picture)).map_err(|error| Failure {
            kind: FailureKind::Save,
            headline: format!(
                "A picture could not be written down before it was saved ({error}). Free some \
                 space; `latelier run --resume` then fetches it: {}",
                self.folder.display()
            ),
            details: error.to_string(),
        })
    }

    fn sent(&self, id: JobId) {
        if let Err(error) = self.rewrite(id, JournalEntry::sent) {
            tracing::warn!("{error}: {}", self.folder.display());
        }
    }

    fn strike(&self, id: JobId) {
        if let Some(file) = self.owned().entries.remove(&id) {
            remove(&file);
        }
    }
}

impl Drop for JournalFolder {
    /// Leaves neither lock nor order behind for a process that owes nothing.
    fn drop(&mut self) {
        let owned = self.owned();
        for owner in owned.inherited.iter().chain([&owned.own]) {
            if self.files_of(owner.name).is_ok_and(|files| files.is_empty()) {
                remove(&order_file(&self.folder, owner.name));
                remove(&owner.lock);
            }
        }
        sweep_disowned(&self.folder);
    }
}

fn not_entered(folder: &Path, error: &io::Error) -> Failure {
    Failure {
        kind: FailureKind::Save,
        headline: format!(
            "The job was not started, since it could not be written down ({error}). Free some \
             space, or move Latelier's files with LATELIER_HOME: {}",
            folder.display()
        ),
        details: error.to_string(),
    }
}

fn is_entry(name: &str) -> bool {
    ending(name) == Some("json")
}

fn ending(name: &str) -> Option<&str> {
    name.rsplit_once('.').map(|(_, ending)| ending)
}

/// What is to be said of finished pictures that were to be sent: whether they arrived before the
/// end is not known.
fn perhaps_not_sent(waiting: &Waiting) -> Option<String> {
    let (count, folder) = (waiting.finished.len(), waiting.results.display());
    (waiting.task.upload_endpoint.is_some() && count > 0).then(|| {
        format!(
            "{count} finished pictures may not have reached uploadEndpoint. They lie in {folder}"
        )
    })
}

/// Reads the entries in `files`; sets aside what cannot be read and says so.
fn read_entries(files: &[PathBuf], set_aside: &mut Vec<String>) -> Vec<(PathBuf, JournalEntry)> {
    let mut entries = Vec::new();
    for file in files {
        let read = fs::read(file).map_err(|error| error.to_string());
        let entry =
            read.and_then(|json| JournalEntry::read(&json).map_err(|error| error.to_string()));
        match entry {
            Ok(entry) => entries.push((file.clone(), entry)),
            Err(why) => {
                let mut aside = file.clone().into_os_string();
                aside.push(".damaged");
                let aside = PathBuf::from(aside);
                let lies = if fs::rename(file, &aside).is_ok() { &aside } else { file };
                set_aside.push(format!(
                    "A waiting job cannot be resumed and was set aside ({why}): {}",
                    lies.display()
                ));
            }
        }
    }
    entries
}

/// What is left of `entry`: a picture is finished when its file is there and opens, or when the user
/// has disowned it.
fn waiting(entry: JournalEntry, disowned: &HashSet<Uuid>) -> Waiting {
    let results = entry.results().to_owned();
    let finished = |image_uuid: Uuid| {
        let files = ENDINGS.iter().map(|ending| results.join(format!("{image_uuid}.{ending}")));
        files.into_iter().find(|file| file.is_file() && read_picture(file).is_ok())
    };
    entry.waiting(finished, |image_uuid| disowned.contains(&image_uuid))
}

fn remove(file: &Path) {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!("{error}: {}", file.display());
        }
        _ => {}
    }
}

/// Whether both name one folder, which need not be there.
pub(super) fn same_folder(a: &Path, b: &Path) -> bool {
    let real = |path: &Path| {
        path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or(path.to_owned())
    };
    real(a) == real(b)
}
