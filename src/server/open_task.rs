//! Tasks that were accepted and have not ended: who waits for them, and what has come of them so far.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use uuid::Uuid;

use super::auth::Owner;
use super::limits::Limits;
use super::outbox::Outbox;
use super::store::Record;
use crate::task::Problem;

/// A message on its way to a client; pictures are read from their files when they are sent.
#[derive(Clone, Debug)]
pub(super) enum Message {
    /// JSON as it is sent.
    Text(Arc<str>),
    /// One picture of a task.
    Picture { record: Arc<Record>, index: usize, base: Arc<str> },
}

/// Where a client gets results pushed.
#[derive(Clone, Debug)]
pub(super) struct Reach {
    pub(super) outbox: Arc<Outbox<Message>>,
    /// How addresses begin that this client can reach: `http://host:port`.
    pub(super) base: Arc<str>,
}

/// One accepted task.
#[derive(Debug)]
pub(super) struct OpenTask {
    pub(super) uuid: Uuid,
    pub(super) record: Arc<Record>,
    /// Gets the results as they come; nobody does when the client asks for them, or is gone.
    pub(super) reach: Option<Reach>,
    progress: Mutex<Progress>,
    done: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Progress {
    /// Uploads that have not arrived.
    uploads: usize,
    /// The engine is through with it.
    made: bool,
    errors: Vec<Problem>,
}

impl OpenTask {
    pub(super) fn new(uuid: Uuid, record: Record, reach: Option<Reach>) -> Self {
        let (done, _) = watch::channel(false);
        let progress = Mutex::default();
        Self { uuid, record: Arc::new(record), reach, progress, done }
    }

    /// The problem as one of this task.
    pub(super) fn stamped(&self, problem: Problem) -> Problem {
        Problem {
            task_uuid: self.record.request["taskUUID"].as_str().map(str::to_owned),
            task_type: Some(self.record.task_type().to_owned()),
            ..problem
        }
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn upload_begins(&self) {
        self.progress().uploads += 1;
    }

    /// An upload has ended; all errors once nothing is left to do.
    pub(super) fn upload_ends(&self, error: Option<Problem>) -> Option<Vec<Problem>> {
        let mut progress = self.progress();
        progress.uploads -= 1;
        progress.errors.extend(error);
        Self::errors_if_over(&mut progress)
    }

    /// The engine is through; all errors once nothing is left to do.
    pub(super) fn made(&self, errors: Vec<Problem>) -> Option<Vec<Problem>> {
        let mut progress = self.progress();
        progress.made = true;
        progress.errors.extend(errors);
        Self::errors_if_over(&mut progress)
    }

    fn errors_if_over(progress: &mut Progress) -> Option<Vec<Problem>> {
        let over = progress.made && progress.uploads == 0;
        over.then(|| std::mem::take(&mut progress.errors))
    }

    /// Wakes whoever waits for the end.
    pub(super) fn tell_end(&self) {
        self.done.send_replace(true);
    }

    /// Returns when the task has ended.
    pub(super) async fn ended(&self) {
        let mut done = self.done.subscribe();
        // An error says that the sender is gone, which `self` holds.
        done.wait_for(|done| *done).await.ok();
    }
}

/// The names of tasks that are open or being looked at, each with its owner.
#[derive(Debug, Default)]
pub(super) struct OpenTasks {
    names: Mutex<HashMap<Uuid, Owner>>,
}

/// Why a name cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoRoom {
    /// It was used before.
    Used,
    /// Too many tasks wait.
    Full,
}

impl OpenTasks {
    fn names(&self) -> MutexGuard<'_, HashMap<Uuid, Owner>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the name for this owner; `was_used` knows the names of earlier tasks.
    pub(super) fn reserve(
        &self,
        uuid: Uuid,
        owner: &Owner,
        (limits, was_used): (&Limits, impl Fn(Uuid) -> bool),
    ) -> Result<(), NoRoom> {
        let mut names = self.names();
        if names.contains_key(&uuid) || was_used(uuid) {
            return Err(NoRoom::Used);
        }
        let of_owner = names.values().filter(|of| *of == owner).count();
        if names.len() >= limits.tasks || of_owner >= limits.tasks_of_key {
            return Err(NoRoom::Full);
        }
        names.insert(uuid, owner.clone());
        Ok(())
    }

    /// Takes up a name that was promised before a restart.
    pub(super) fn take_up(&self, uuid: Uuid, owner: &Owner) {
        self.names().insert(uuid, owner.clone());
    }

    /// Gives a name back, or ends a task.
    pub(super) fn remove(&self, uuid: Uuid) {
        self.names().remove(&uuid);
    }

    pub(super) fn contains(&self, uuid: Uuid) -> bool {
        self.names().contains_key(&uuid)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_are_used_once_and_room_is_bounded_for_each_and_for_all() {
        let limits = Limits { tasks_of_key: 2, tasks: 3, ..Limits::default() };
        let open = OpenTasks::default();
        let used = Uuid::new_v4();
        let reserve = |uuid, owner: &str| {
            open.reserve(uuid, &owner.to_owned(), (&limits, |uuid| uuid == used))
        };
        let first = Uuid::new_v4();
        assert_eq!(reserve(used, "me"), Err(NoRoom::Used));
        assert_eq!(reserve(first, "me"), Ok(()));
        assert_eq!(reserve(first, "you"), Err(NoRoom::Used));
        assert_eq!(reserve(Uuid::new_v4(), "me"), Ok(()));
        assert_eq!(reserve(Uuid::new_v4(), "me"), Err(NoRoom::Full));
        assert_eq!(reserve(Uuid::new_v4(), "you"), Ok(()));
        assert_eq!(reserve(Uuid::new_v4(), "he"), Err(NoRoom::Full));
        open.remove(first);
        assert_eq!(reserve(Uuid::new_v4(), "me"), Ok(()));
    }

    #[test]
    fn a_task_is_over_when_it_is_made_and_sent() {
        let record = Record::new("me".to_owned(), json!({}), 1, Vec::new());
        let task = OpenTask::new(Uuid::new_v4(), record, None);
        task.upload_begins();
        assert_eq!(task.made(Vec::new()), None);
        let late = task.upload_ends(Some(Problem::new("uploadFailed", "m"))).unwrap();
        assert_eq!(late.len(), 1);
        let other = OpenTask::new(Uuid::new_v4(), (*task.record).clone(), None);
        assert_eq!(other.made(Vec::new()), Some(Vec::new()));
    }
}
