//! What is written down of a job before it is accepted, so that a crash does not lose it.
//!
//! Knows no disk: the library keeps the entries. The pictures' names are drawn in advance; whether
//! a picture is finished is then asked of its file alone, and no second mark can disagree with it.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Failure, Job, JobId, RemoteWish};
use crate::task::{EngineKind, Task};

/// What entries without an engine say.
const fn local() -> EngineKind {
    EngineKind::Local
}

/// Version of the entries that are written.
const VERSION: u32 = 1;

/// A picture that a job still has to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owed {
    /// Which of the job's pictures, from 0; its seed is the job's plus this.
    pub index: u32,

    /// What it will be called.
    pub image_uuid: Uuid,
}

/// Where jobs are written down. The library implements it; whoever accepts jobs is given one.
pub trait Journal: Send + Sync {
    /// Writes the job down; when this returns, no crash can lose it. A job that was taken over
    /// from a crashed process is written down already.
    ///
    /// # Errors
    /// Why it is not on disk, for the user.
    fn enter(&self, job: &Job) -> Result<(), Failure>;

    /// Writes down what a picture of the job is really called, before its file is written. Engines that
    /// keep the drawn names have no use for it.
    ///
    /// # Errors
    /// Why it is not on disk, for the user.
    fn name(&self, id: JobId, picture: Owed) -> Result<(), Failure> {
        let _ = (id, picture);
        Ok(())
    }

    /// Notes that the job is about to be sent to a service, which may take money for it from now on. What
    /// goes wrong is logged.
    fn sent(&self, id: JobId) {
        let _ = id;
    }

    /// Takes a job out that has ended.
    fn strike(&self, id: JobId);
}

/// A job as the journal keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JournalEntry {
    version: u32,
    /// Who was to make it; entries of older versions are the local engine's.
    #[serde(default = "local")]
    engine: EngineKind,
    /// Where it was sent: it is asked for there and nowhere else, since another service would make and
    /// bill it anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    service: Option<String>,
    /// Whether it was sent, and may be paid for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    sent: bool,
    /// For the local engine with the seed that was drawn for it. The service draws its own.
    task: Task,
    /// The names of its pictures, the first one's first.
    images: Vec<Uuid>,
    /// Where its pictures go; absolute.
    results: PathBuf,
}

/// Why an entry cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// Cut off, or something else altogether.
    #[error("it is no entry of the journal: {0}")]
    Json(#[from] serde_json::Error),

    /// Another program version wrote it.
    #[error("it is of version {0}, and this Latelier knows version {VERSION}")]
    Version(u32),

    /// The task has no UUID or seed, or not as many pictures as names.
    #[error("its task and its pictures do not fit together")]
    Inconsistent,
}

impl JournalEntry {
    /// The entry of a job whose pictures, also those that are there already, go to `results`.
    #[must_use]
    pub fn of(job: &Job, results: PathBuf) -> Self {
        let mut task = Task::clone(&job.request.task);
        if job.request.engine == EngineKind::Local {
            task.seed = Some(job.request.seed);
        }
        let mut pictures: Vec<Owed> = job.owed.iter().chain(&job.finished).copied().collect();
        pictures.sort_unstable_by_key(|picture| picture.index);
        let images = pictures.into_iter().map(|picture| picture.image_uuid).collect();
        let (engine, service) = (job.request.engine, job.service.clone());
        Self { version: VERSION, engine, service, sent: false, task, images, results }
    }

    /// The same entry with another name for that picture.
    #[must_use]
    pub fn naming(mut self, picture: Owed) -> Self {
        if let Some(name) = self.images.get_mut(picture.index as usize) {
            *name = picture.image_uuid;
        }
        self
    }

    /// The same entry of a job that was sent.
    #[must_use]
    pub fn sent(self) -> Self {
        Self { sent: true, ..self }
    }

    /// Reads what was written as JSON.
    ///
    /// # Errors
    /// When it is damaged or of another version.
    pub fn read(json: &[u8]) -> Result<Self, EntryError> {
        #[derive(Deserialize)]
        struct Head {
            version: u32,
        }
        let Head { version } = serde_json::from_slice(json)?;
        if version != VERSION {
            return Err(EntryError::Version(version));
        }
        let entry: Self = serde_json::from_slice(json)?;
        let count = entry.task.number_results.unwrap_or(1) as usize;
        let seeded = entry.task.seed.is_some() || entry.engine == EngineKind::Remote;
        let whole = entry.id().is_some() && seeded;
        if whole && entry.images.len() == count { Ok(entry) } else { Err(EntryError::Inconsistent) }
    }

    /// The names of its pictures.
    #[must_use]
    pub fn images(&self) -> &[Uuid] {
        &self.images
    }

    /// Where its pictures go.
    #[must_use]
    pub fn results(&self) -> &std::path::Path {
        &self.results
    }

    fn id(&self) -> Option<JobId> {
        Uuid::try_parse(self.task.task_uuid.as_deref()?).ok()
    }

    /// What is left to do, where `finished` finds the files of finished pictures and `deleted` says which
    /// of the others the user has deleted.
    #[must_use]
    pub fn waiting(
        self,
        finished: impl Fn(Uuid) -> Option<PathBuf>,
        deleted: impl Fn(Uuid) -> bool,
    ) -> Waiting {
        let id = self.id().unwrap_or_default();
        // Entries of older versions do not name the usual one.
        let is_remote = self.engine == EngineKind::Remote;
        let usual = || is_remote.then(|| RemoteWish::SERVICE.to_owned());
        let mut waiting = Waiting {
            id,
            engine: self.engine,
            service: self.service.or_else(usual),
            sent: self.sent,
            task: Arc::new(self.task),
            results: self.results,
            owed: Vec::new(),
            finished: Vec::new(),
            deleted: Vec::new(),
        };
        for (index, image_uuid) in (0..).zip(self.images) {
            let picture = Owed { index, image_uuid };
            match finished(image_uuid) {
                Some(path) => waiting.finished.push((picture, path)),
                None if deleted(image_uuid) => waiting.deleted.push(picture),
                None => waiting.owed.push(picture),
            }
        }
        waiting
    }
}

/// A job that a process left behind when it stopped.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiting {
    /// The task's UUID.
    pub id: JobId,

    /// Who was to make it.
    pub engine: EngineKind,

    /// The address of the service that it is for; `None` for the local engine.
    pub service: Option<String>,

    /// Whether it was sent there, and may be paid for.
    pub sent: bool,

    /// What to make; for the local engine with its seed.
    pub task: Arc<Task>,

    /// Where its pictures go.
    pub results: PathBuf,

    /// Pictures still to be made.
    pub owed: Vec<Owed>,

    /// Pictures that lie on disk, each with its file.
    pub finished: Vec<(Owed, PathBuf)>,

    /// Pictures that were finished and that the user has deleted since.
    pub deleted: Vec<Owed>,
}

impl Waiting {
    /// Every picture that was made already.
    #[must_use]
    pub fn made(&self) -> Vec<Owed> {
        let finished = self.finished.iter().map(|(picture, _)| picture);
        finished.chain(&self.deleted).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(images: &[u128]) -> JournalEntry {
        let mut task = Task::new(Uuid::from_u128(9));
        task.seed = Some(7);
        task.number_results = Some(images.len() as u32);
        let images = images.iter().map(|id| Uuid::from_u128(*id)).collect();
        JournalEntry {
            version: VERSION,
            engine: EngineKind::Local,
            service: None,
            sent: false,
            task,
            images,
            results: "/results".into(),
        }
    }

    #[test]
    fn an_entry_comes_back_and_what_lies_on_disk_is_not_owed() {
        let json = serde_json::to_vec(&entry(&[1, 2, 3])).unwrap();
        let back = JournalEntry::read(&json).unwrap();
        assert_eq!(back, entry(&[1, 2, 3]));
        let second = Uuid::from_u128(2);
        let finished = |uuid| (uuid == second).then(|| "2.png".into());
        let third = Uuid::from_u128(3);
        let waiting = back.clone().waiting(finished, |uuid| uuid == third);
        assert_eq!(waiting.owed, [Owed { index: 0, image_uuid: Uuid::from_u128(1) }]);
        let made: Vec<u32> = waiting.made().iter().map(|owed| owed.index).collect();
        assert_eq!(made, [1, 2], "what was deleted was made all the same");
        let waiting = back.waiting(finished, |_| false);
        assert_eq!(waiting.id, Uuid::from_u128(9));
        let owed: Vec<u32> = waiting.owed.iter().map(|owed| owed.index).collect();
        assert_eq!(owed, [0, 2]);
        assert_eq!(waiting.finished, [(Owed { index: 1, image_uuid: second }, "2.png".into())]);
    }

    #[test]
    fn an_entry_of_an_older_version_is_the_local_engines() {
        let mut json = serde_json::to_value(entry(&[1])).unwrap();
        json.as_object_mut().unwrap().shift_remove("engine").unwrap();
        let back = JournalEntry::read(json.to_string().as_bytes()).unwrap();
        assert_eq!(back, entry(&[1]));
    }

    #[test]
    fn the_services_pictures_get_their_names_when_they_are_there_and_no_seed_is_drawn() {
        let mut remote = JournalEntry { engine: EngineKind::Remote, ..entry(&[1, 2]) };
        remote.task.seed = None;
        let named = remote.naming(Owed { index: 1, image_uuid: Uuid::from_u128(7) });
        let json = serde_json::to_vec(&named.clone().sent()).unwrap();
        assert!(JournalEntry::read(&json).unwrap().waiting(|_| None, |_| false).sent);
        let json = serde_json::to_vec(&named).unwrap();
        let waiting = JournalEntry::read(&json).unwrap().waiting(|_| None, |_| false);
        let names: Vec<u128> = waiting.owed.iter().map(|owed| owed.image_uuid.as_u128()).collect();
        assert_eq!((names.as_slice(), waiting.engine), (&[1, 7][..], EngineKind::Remote));
        assert!(!waiting.sent);
        assert_eq!(waiting.task.seed, None);
        // As entries of older versions were written, and never those of another address.
        assert_eq!(waiting.service.as_deref(), Some(RemoteWish::SERVICE));
    }

    #[test]
    fn what_is_cut_off_newer_or_contradicts_itself_is_refused() {
        let json = serde_json::to_vec(&entry(&[1, 2])).unwrap();
        for length in [0, 1, json.len() / 2, json.len() - 1] {
            assert!(matches!(JournalEntry::read(&json[..length]), Err(EntryError::Json(_))));
        }
        let newer = serde_json::json!({ "version": 2, "jobs": [] }).to_string();
        assert!(matches!(JournalEntry::read(newer.as_bytes()), Err(EntryError::Version(2))));
        let mut fewer = entry(&[1, 2]);
        fewer.images.pop();
        let mut seedless = entry(&[1]);
        seedless.task.seed = None;
        let mut nameless = entry(&[1]);
        nameless.task.task_uuid = Some("fox".to_owned());
        for wrong in [fewer, seedless, nameless] {
            let json = serde_json::to_vec(&wrong).unwrap();
            assert!(matches!(JournalEntry::read(&json), Err(EntryError::Inconsistent)));
        }
    }
}
