//! Tasks that were accepted and have not ended: who waits for them, and what has come of them so far.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use uuid::Uuid;

use super::answer::Body;
use super::auth::Owner;
use super::limits::Limits;
use super::outbox::Outbox;
use super::store::Record;
use super::uploads::Hold;
use crate::task::Problem;

/// A message on its way to a client; whatever may be large is made when it is sent.
#[derive(Clone, Debug)]
pub(super) enum Message {
    /// What it says.
    Body(Arc<Body>),
    /// One picture of a task.
    Picture { record: Arc<Record>, index: usize },
    /// Everything that came of a task.
    Ended(Arc<Record>),
    /// The answer to a question about an earlier task.
    Asked(Question),
}

/// What is asked about an earlier task.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    pub(super) about: Uuid,
    /// `getTaskDetails`; else `getResponse`.
    pub(super) details: bool,
}

/// Where a client gets results pushed.
pub(super) type Reach = Arc<Outbox<Message>>;

/// One accepted task.
#[derive(Debug)]
pub(super) struct OpenTask {
    pub(super) uuid: Uuid,
    pub(super) record: Arc<Record>,
    /// Gets the results as they come; nobody does when the client asks for them, or is gone.
    pub(super) reach: Option<Reach>,
    progress: Mutex<Progress>,
    /// Pictures that have to be there as long as the task is open.
    needs: Mutex<Vec<Hold>>,
    /// The ended record.
    end: watch::Sender<Option<Arc<Record>>>,
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
        let (end, _) = watch::channel(None);
        let (progress, needs) = (Mutex::default(), Mutex::default());
        Self { uuid, record: Arc::new(record), reach, progress, needs, end }
    }

    /// Keeps those pictures until the task has ended.
    pub(super) fn needs(&self, pictures: impl IntoIterator<Item = Hold>) {
        self.needs.lock().unwrap_or_else(PoisonError::into_inner).extend(pictures);
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

    /// The task has ended: wakes whoever waits for that, and gives its pictures free.
    pub(super) fn tell_end(&self, record: Arc<Record>) {
        self.needs.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.end.send_replace(Some(record));
    }

    /// What came of the task, once it has ended.
    pub(super) async fn ended(&self) -> Arc<Record> {
        let mut end = self.end.subscribe();
        loop {
            if let Some(record) = &*end.borrow_and_update() {
                return Arc::clone(record);
            }
            // An error says that the sender is gone, which `self` holds.
            end.changed().await.ok();
        }
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
