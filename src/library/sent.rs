//! Tasks of other types than `imageInference` that were sent to a service and whose answers were not
//! printed yet: one small file each, written before the task is sent.
//!
//! Knows the task by its name and a digest, not what it says.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::Home;
use super::results::write_atomically;

/// Version of the files below.
const VERSION: u32 = 1;

/// Why a task cannot be written down.
#[derive(Debug, thiserror::Error)]
#[error("what is sent could not be found again after a crash, since it cannot be written down ({source}): {}", path.display())]
pub struct SentError {
    /// The folder or file.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// A task that is about to be sent.
#[derive(Clone, Debug)]
pub struct SentTask {
    entry: Entry,
    was_sent: bool,
}

impl SentTask {
    /// Its name, the same as before for a task that was written down before.
    #[must_use]
    pub const fn id(&self) -> Uuid {
        self.entry.task_uuid
    }

    /// Whether it was written down before: then it may have been sent and paid for.
    #[must_use]
    pub const fn was_sent(&self) -> bool {
        self.was_sent
    }
}

/// A task as it is written down.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    version: u32,
    #[serde(rename = "taskUUID")]
    task_uuid: Uuid,
    task_type: String,
    /// The address that it is sent to.
    service: String,
    /// Whether it has a name of its own, and not one that was drawn for it.
    named: bool,
    /// SHA-256 of the task without its name, in hexadecimal.
    content: String,
}

/// The tasks of a home folder that were sent.
#[derive(Debug)]
pub struct SentTasks {
    folder: PathBuf,
    /// The files of tasks that this process looked up.
    own: Mutex<BTreeSet<PathBuf>>,
}

impl SentTasks {
    /// Those of `home`. Nothing is read yet.
    #[must_use]
    pub fn of(home: &Home) -> Self {
        Self { folder: home.sent_dir(), own: Mutex::default() }
    }

    /// Looks up whether that task was written down before; what is found is nobody else's in this process.
    /// One with a `taskUUID` is known by that, any other by what it says. Reads the disk.
    #[must_use]
    pub fn look_up(&self, service: &str, task: &Map<String, Value>) -> SentTask {
        let given = task.get("taskUUID").and_then(Value::as_str);
        let given = given.and_then(|text| Uuid::try_parse(text).ok());
        let content = content_of(task);
        let mut own = self.own();
        let before = match given {
            Some(id) => self.file(service, id).is_file().then_some(id),
            None => self.drawn_before(service, &content, &own),
        };
        let id = before.or(given).unwrap_or_else(Uuid::new_v4);
        own.insert(self.file(service, id));
        let entry = Entry {
            version: VERSION,
            task_uuid: id,
            task_type: task.get("taskType").and_then(Value::as_str).unwrap_or_default().to_owned(),
            service: service.to_owned(),
            named: given.is_some(),
            content,
        };
        SentTask { entry, was_sent: before.is_some() }
    }

    /// Writes a task down before it is sent; when this returns, no crash can lose its name.
    ///
    /// # Errors
    /// When it is not on disk.
    pub fn enter(&self, task: &SentTask) -> Result<(), SentError> {
        let file = self.file(&task.entry.service, task.entry.task_uuid);
        let failed = |source| SentError { path: file.clone(), source };
        let json = serde_json::to_vec_pretty(&task.entry).map_err(|error| failed(error.into()))?;
        fs::create_dir_all(&self.folder).map_err(failed)?;
        write_atomically(&file, &json).map_err(failed)
    }

    /// Takes a task out whose answer was printed.
    pub fn strike(&self, task: &SentTask) {
        let file = self.file(&task.entry.service, task.entry.task_uuid);
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!("{error}: {}", file.display());
            }
            _ => {}
        }
    }

    /// The name that was drawn for the same task by a process that did not print its answer.
    fn drawn_before(&self, service: &str, content: &str, own: &BTreeSet<PathBuf>) -> Option<Uuid> {
        let files = fs::read_dir(&self.folder).ok()?.flatten().map(|file| file.path());
        let entries = files.filter(|path| !own.contains(path)).filter_map(|path| {
            // What cannot be read is no task that could be asked for.
            serde_json::from_slice::<Entry>(&fs::read(path).ok()?).ok()
        });
        let mut same: Vec<Uuid> = entries
            .filter(|entry| entry.version == VERSION && !entry.named)
            .filter(|entry| entry.service == service && entry.content == content)
            .map(|entry| entry.task_uuid)
            .collect();
        same.sort_unstable();
        same.first().copied()
    }

    /// One name may be used at several services.
    fn file(&self, service: &str, id: Uuid) -> PathBuf {
        let service = hexadecimal(&Sha256::digest(service.as_bytes())[..4]);
        self.folder.join(format!("{id}.{service}.json"))
    }

    fn own(&self) -> MutexGuard<'_, BTreeSet<PathBuf>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn content_of(task: &Map<String, Value>) -> String {
    let mut task = task.clone();
    task.shift_remove("taskUUID");
    hexadecimal(&Sha256::digest(Value::Object(task).to_string().as_bytes()))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn task(json: &Value) -> Map<String, Value> {
        json.as_object().unwrap().clone()
    }

    /// Looks a task up and writes it down, as a process does that sends it.
    fn sent(tasks: &SentTasks, service: &str, json: &Map<String, Value>) -> (Uuid, bool) {
        let task = tasks.look_up(service, json);
        tasks.enter(&task).unwrap();
        (task.id(), task.was_sent())
    }

    #[test]
    fn a_task_is_known_again_by_its_name_until_its_answer_was_printed() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path().join("home"));
        let id = Uuid::from_u128(7);
        let caption = task(&json!({ "taskType": "caption", "taskUUID": id, "inputImage": "x" }));
        assert!(!SentTasks::of(&home).look_up("ws://a/", &caption).was_sent());
        assert_eq!(sent(&SentTasks::of(&home), "ws://a/", &caption), (id, false));
        let again = SentTasks::of(&home);
        assert_eq!(sent(&again, "ws://a/", &caption), (id, true));
        // Another service has never had it.
        assert_eq!(sent(&again, "ws://b/", &caption), (id, false));
        again.strike(&again.look_up("ws://a/", &caption));
        assert_eq!(sent(&SentTasks::of(&home), "ws://a/", &caption), (id, false));
    }

    #[test]
    fn a_task_without_a_name_is_known_again_by_what_it_says_but_never_by_its_twin() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        let nameless = task(&json!({ "taskType": "caption", "inputImage": "x" }));
        let other = task(&json!({ "taskType": "caption", "inputImage": "y" }));
        let before = SentTasks::of(&home);
        let (first, twin) = (sent(&before, "a", &nameless), sent(&before, "a", &nameless));
        assert!(!first.1 && !twin.1 && first.0 != twin.0);
        let after = SentTasks::of(&home);
        assert!(!after.look_up("a", &other).was_sent());
        assert!(!after.look_up("b", &nameless).was_sent());
        let found = BTreeSet::from([0, 1].map(|_| after.look_up("a", &nameless).id()));
        assert_eq!(found, BTreeSet::from([first.0, twin.0]));
        assert!(!after.look_up("a", &nameless).was_sent());
    }

    #[test]
    fn what_cannot_be_written_down_is_said_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        fs::write(home.sent_dir(), "no folder").unwrap();
        let tasks = SentTasks::of(&home);
        let error = tasks.enter(&tasks.look_up("a", &Map::new())).unwrap_err();
        assert!(error.to_string().contains(&home.sent_dir().display().to_string()), "{error}");
    }
}
