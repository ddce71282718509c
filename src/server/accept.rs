//! From a message to accepted tasks: read, judged, written down, and only then acknowledged.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use super::answer::Body;
use super::auth::Owner;
use super::dialect;
use super::open_task::{NoRoom, OpenTask, Reach};
use super::references::places;
use super::service::Service;
use super::store::{End, Record};
use crate::jobs::fresh_seed;
use crate::library::Library;
use crate::protocol::{AnyTask, ControlNetPreprocess, GetTaskDetails, ImageUpload};
use crate::task::{DeliveryMethod, EngineKind, ImageRef, Problem, Request, Task, resolve};

/// Most tasks of one message.
const MOST_TASKS: usize = 1000;

/// Who sends a message, and where results go.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) owner: Owner,
    /// How addresses begin that this client can reach.
    pub(super) base: Arc<str>,
    /// Gets results as they come; without one the client waits for the end.
    pub(super) reach: Option<Reach>,
}

/// What a task of a message comes to.
#[derive(Debug)]
pub(super) enum Reply {
    /// This is the answer.
    Now(Body),
    /// The answer comes when the task has ended.
    Later(Arc<OpenTask>),
}

/// Reads a message: a JSON array of objects.
pub(super) fn read_message(bytes: &[u8]) -> Result<Vec<Value>, Box<Problem>> {
    let refuse = |message: String| Err(Box::new(Problem::new("invalidRequest", message)));
    let items = match serde_json::from_slice(bytes) {
        Ok(Value::Array(items)) => items,
        Ok(_) => return refuse("The request must be a JSON array of task objects.".to_owned()),
        Err(error) => {
            let reason = error.to_string();
            let message = format!("The request is not valid JSON: {reason}.");
            return Err(Box::new(Problem::new("invalidJSON", message)));
        }
    };
    if items.is_empty() {
        return refuse("The request is an empty array; it must hold a task.".to_owned());
    }
    if items.len() > MOST_TASKS {
        return refuse(format!(
            "A request may hold {MOST_TASKS} tasks; send the others by themselves."
        ));
    }
    match items.iter().position(|item| !item.is_object()) {
        Some(index) => {
            refuse(format!("Item {} of the array is no task object in {{ }}.", index + 1))
        }
        None => Ok(items),
    }
}

/// The request that a task makes of the local engine. The time that addresses live is the server's
/// business: it is checked as part of the task, and then taken out.
pub(super) fn resolved(task: &Task, library: &Library, seed: u64) -> Result<Request, Vec<Problem>> {
    let resolve = |task: &Task| resolve(task, library, EngineKind::Local, seed);
    if task.ttl.is_none() {
        return resolve(task);
    }
    let mut problems = resolve(task).err().unwrap_or_default();
    problems.retain(|problem| problem.code != "unsupportedLocalTtl");
    if problems.is_empty() { resolve(&Task { ttl: None, ..task.clone() }) } else { Err(problems) }
}

impl Service {
    /// Accepts or answers every task of a message, in order. Asks the disk.
    pub(super) fn accept_all(self: &Arc<Self>, items: Vec<Value>, caller: &Caller) -> Vec<Reply> {
        let mut seen = HashSet::new();
        items.into_iter().map(|item| self.accept(item, caller, &mut seen)).collect()
    }

    fn accept(self: &Arc<Self>, item: Value, caller: &Caller, seen: &mut HashSet<Uuid>) -> Reply {
        let is_inference = item.get("taskType").and_then(Value::as_str) == Some("imageInference");
        let mut item = item;
        if is_inference {
            let met = dialect::normalise(&mut item);
            tracing::debug!("dialects: {met:?}");
        }
        let reply = AnyTask::from_json(&item).and_then(|task| {
            let asks_about = matches!(task, AnyTask::GetResponse(_) | AnyTask::GetTaskDetails(_));
            if let Some(uuid) = task.task_uuid().filter(|_| !asks_about)
                && !seen.insert(uuid)
            {
                return Err(vec![no_room(NoRoom::Used, uuid)]);
            }
            self.answer(task, caller)
        });
        reply.unwrap_or_else(|problems| {
            let problems: Vec<_> =
                problems.into_iter().map(|problem| of_item(problem, &item)).collect();
            Reply::Now(Body::errors(&problems))
        })
    }

    fn answer(self: &Arc<Self>, task: AnyTask, caller: &Caller) -> Result<Reply, Vec<Problem>> {
        let now = |data: Vec<Value>| Ok(Reply::Now(Body::data(data)));
        match task {
            AnyTask::ImageInference(task) => self.infer(*task, caller),
            AnyTask::ControlNetPreprocess(task) => self.preprocess(*task, caller),
            AnyTask::ImageUpload(task) => self.upload(&task, caller),
            AnyTask::Ping(_) => now(vec![json!({ "taskType": "ping", "pong": true })]),
            AnyTask::GetResponse(task) => {
                let record = self.past(task.task_uuid, caller)?;
                Ok(Reply::Now(self.poll(&record, &caller.base)))
            }
            AnyTask::GetTaskDetails(task) => now(vec![self.details(&task, caller)?]),
            AnyTask::ModelSearch(task) => {
                let result = self.search(&task);
                self.at_once(task.task_uuid, &AnyTask::ModelSearch(task), result, caller)
            }
            AnyTask::AccountManagement(task) => {
                let result = self.account(&task)?;
                self.at_once(task.task_uuid, &AnyTask::AccountManagement(task), result, caller)
            }
            AnyTask::Authentication(_) => {
                let message = "authentication has to be the first task of a connection or request.";
                Err(vec![Problem::at("invalid", "taskType", message)])
            }
            AnyTask::ImageMasking(_)
            | AnyTask::Upscale(_)
            | AnyTask::RemoveBackground(_)
            | AnyTask::Caption(_)
            | AnyTask::PromptEnhance(_) => {
                let message = format!(
                    "{} is not on the local engine, which this server works with.",
                    task.task_type()
                );
                Err(vec![Problem::at("unsupportedLocal", "taskType", message)])
            }
        }
    }

    /// Accepts a task that makes pictures.
    fn infer(self: &Arc<Self>, mut task: Task, caller: &Caller) -> Result<Reply, Vec<Problem>> {
        self.unless_used(&task)?;
        let problems: Vec<Problem> = places(&mut task)
            .into_iter()
            .filter_map(|(place, image)| self.references.problem(&place, image))
            .collect();
        let seed = fresh_seed();
        let request = match resolved(&task, &self.library, seed) {
            Ok(request) if problems.is_empty() => request,
            Ok(_) => return Err(problems),
            Err(others) => return Err([problems, others].concat()),
        };
        let uuid = request.task_uuid;
        self.reserve(uuid, caller)?;
        let images = (0..request.number_results).map(|_| Uuid::new_v4()).collect();
        let sync = task.delivery_method != Some(DeliveryMethod::Async);
        let written = self.references.take_out(&mut task).and_then(|()| {
            let json = serde_json::to_value(&task).map_err(|error| vec![not_written(&error)])?;
            let record = Record::new(caller.owner.clone(), json, request.seed, images);
            self.enter(uuid, record, caller, sync)
        });
        let open = written.inspect_err(|_| self.open.remove(uuid))?;
        self.begin(&open, task);
        Ok(promised(open, sync))
    }

    /// Refuses a name that was used before, whatever else is wrong: who sends a task again, not knowing
    /// whether it arrived, is told that it did.
    fn unless_used(&self, task: &Task) -> Result<(), Vec<Problem>> {
        let uuid = task.task_uuid.as_deref().and_then(|uuid| Uuid::try_parse(uuid).ok());
        match uuid.filter(|uuid| self.open.contains(*uuid) || self.store.knows(*uuid)) {
            Some(uuid) => Err(vec![no_room(NoRoom::Used, uuid)]),
            None => Ok(()),
        }
    }

    /// Accepts a task that makes a guide.
    fn preprocess(
        self: &Arc<Self>,
        mut task: ControlNetPreprocess,
        caller: &Caller,
    ) -> Result<Reply, Vec<Problem>> {
        if task.delivery.text.webhook_url.is_some() || task.delivery.upload_endpoint.is_some() {
            let name = if task.delivery.text.webhook_url.is_some() {
                "webhookURL"
            } else {
                "uploadEndpoint"
            };
            let message = format!("{name} is not on the local engine for this task; leave it out.");
            return Err(vec![Problem::at("unsupportedLocal", name, message)]);
        }
        let problem = task.image().and_then(|image| self.references.problem("inputImage", image));
        if let Some(problem) = problem {
            return Err(vec![problem]);
        }
        let uuid = task.task_uuid;
        self.reserve(uuid, caller)?;
        let sync = task.delivery.text.delivery_method != Some(DeliveryMethod::Async);
        let written = self.guide_entry(&mut task).and_then(|request| {
            let record = Record::new(caller.owner.clone(), request, 0, Vec::new());
            self.enter(uuid, record, caller, sync)
        });
        let open = written.inspect_err(|_| self.open.remove(uuid))?;
        self.begin_guide(&open, task);
        Ok(promised(open, sync))
    }

    /// What is written down of a guide's task: its picture, if it came along, by name.
    fn guide_entry(&self, task: &mut ControlNetPreprocess) -> Result<Value, Vec<Problem>> {
        let inline = task.image().map(|image| self.references.inline("inputImage", image));
        if let Some(uuid) = inline.transpose().map_err(|problem| vec![*problem])?.flatten() {
            task.inputs = None;
            task.input_image = Some(ImageRef::Uuid(uuid));
        }
        let task = AnyTask::ControlNetPreprocess(Box::new(task.clone()));
        task.to_json().map_err(|error| vec![not_written(&error)])
    }

    /// Takes a picture in: at once, or when it has been fetched.
    fn upload(
        self: &Arc<Self>,
        task: &ImageUpload,
        caller: &Caller,
    ) -> Result<Reply, Vec<Problem>> {
        if let Some(problem) = self.references.problem("image", &task.image) {
            return Err(vec![problem]);
        }
        let uuid = task.task_uuid;
        self.reserve(uuid, caller)?;
        let kept = self.references.inline("image", &task.image);
        let image =
            kept.map_err(|problem| vec![*problem]).inspect_err(|_| self.open.remove(uuid))?;
        // As it was sent, but for the megabytes.
        let named = image.map_or_else(|| task.image.to_string(), |image| image.to_string());
        let request = json!({ "taskType": "imageUpload", "taskUUID": uuid, "image": named });
        let record = Record::new(caller.owner.clone(), request, 0, Vec::new());
        let Some(image) = image else {
            let open =
                self.enter(uuid, record, caller, true).inspect_err(|_| self.open.remove(uuid))?;
            self.begin_upload(&open, task.image.clone());
            return Ok(Reply::Later(open));
        };
        let record = record.ended_with(vec![image]);
        let result = self.uploaded(&record, &caller.base).unwrap_or_default();
        Ok(self.finish_at_once(uuid, &record, result))
    }

    /// Answers a task that needs no engine, and remembers its name.
    fn at_once(
        &self,
        uuid: Uuid,
        task: &AnyTask,
        result: Value,
        caller: &Caller,
    ) -> Result<Reply, Vec<Problem>> {
        self.reserve(uuid, caller)?;
        let request = task.to_json().unwrap_or_default();
        let record = Record::new(caller.owner.clone(), request, 0, Vec::new());
        let record = record.ended(End { data: vec![result.clone()], errors: Vec::new() });
        Ok(self.finish_at_once(uuid, &record, result))
    }

    fn finish_at_once(&self, uuid: Uuid, record: &Record, result: Value) -> Reply {
        if let Err(error) = self.store.write(uuid, record) {
            tracing::warn!("task {uuid} could not be written down: {error}");
        }
        self.open.remove(uuid);
        Reply::Now(Body::data(vec![result]))
    }

    fn reserve(&self, uuid: Uuid, caller: &Caller) -> Result<(), Vec<Problem>> {
        if self.is_ending() {
            let message = "The server is being stopped; send the task again when it is back.";
            return Err(vec![Problem::new("serverUnavailable", message)]);
        }
        let was_used = |uuid| self.store.knows(uuid);
        let reserved = self.open.reserve(uuid, &caller.owner, (&self.limits, was_used));
        reserved.map_err(|why| vec![no_room(why, uuid)])
    }

    /// Writes a task down; from here on it is promised.
    fn enter(
        &self,
        uuid: Uuid,
        record: Record,
        caller: &Caller,
        sync: bool,
    ) -> Result<Arc<OpenTask>, Vec<Problem>> {
        self.store.write(uuid, &record).map_err(|error| vec![not_written(&error)])?;
        let reach = caller.reach.clone().filter(|_| sync);
        Ok(Arc::new(OpenTask::new(uuid, record, reach)))
    }

    /// The record of an earlier task of the same owner.
    fn past(&self, uuid: Uuid, caller: &Caller) -> Result<Record, Vec<Problem>> {
        self.store.read(uuid, &caller.owner).ok_or_else(|| {
            let message =
                format!("No task {uuid} is known here; it is too old, or was never accepted.");
            let problem = Problem::at("invalid", "taskUUID", message);
            vec![Problem { code: "taskNotFound".to_owned(), ..problem }]
        })
    }

    fn details(&self, task: &GetTaskDetails, caller: &Caller) -> Result<Value, Vec<Problem>> {
        let record = self.past(task.task_uuid, caller)?;
        let response = self.body(&record, &caller.base).to_json();
        let response: Value = serde_json::from_str(&response).unwrap_or_default();
        Ok(json!({
            "taskType": "getTaskDetails", "taskUUID": task.task_uuid,
            "request": record.request, "response": response,
        }))
    }
}

/// What is said when a task was accepted.
fn promised(open: Arc<OpenTask>, sync: bool) -> Reply {
    if sync {
        return Reply::Later(open);
    }
    let uuid = &open.record.request["taskUUID"];
    let acknowledged = json!({ "taskType": open.record.task_type(), "taskUUID": uuid });
    Reply::Now(Body::data(vec![acknowledged]))
}

fn no_room(why: NoRoom, uuid: Uuid) -> Problem {
    match why {
        NoRoom::Used => {
            let message =
                format!("taskUUID {uuid} was used before; make a fresh UUID v4 for every task.");
            Problem::at("conflict", "taskUUID", message)
        }
        NoRoom::Full => {
            let message = "Too many tasks are waiting; send it again when some are done.";
            Problem::new("taskRateLimitExceeded", message)
        }
    }
}

fn not_written(error: &dyn std::fmt::Display) -> Problem {
    let message =
        format!("The task was not accepted, since it could not be written down ({error}).");
    Problem::new("internalServerError", message)
}

/// The problem, saying which task of the message it belongs to.
fn of_item(problem: Problem, item: &Value) -> Problem {
    let text = |name: &str| {
        let text = item.get(name).and_then(Value::as_str);
        text.filter(|text| text.len() <= Problem::LONGEST_NAME).map(str::to_owned)
    };
    Problem {
        task_uuid: problem.task_uuid.or_else(|| text("taskUUID")),
        task_type: problem.task_type.or_else(|| text("taskType")),
        ..problem
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_an_array_of_objects() {
        let code = |text: &str| read_message(text.as_bytes()).unwrap_err().code;
        for text in ["", "[", "nonsense", "[1,", "\u{0}", "[{\"a\":1}"] {
            assert_eq!(code(text), "invalidJSON", "{text}");
        }
        for text in ["{}", "[]", "7", "[{}, 1]", "null"] {
            assert_eq!(code(text), "invalidRequest", "{text}");
        }
        assert!(read_message(&[0xff, 0xfe]).is_err());
        let deep = "[".repeat(100_000);
        assert_eq!(code(&deep), "invalidJSON");
        let many = format!("[{}]", vec!["{}"; MOST_TASKS + 1].join(","));
        assert_eq!(code(&many), "invalidRequest");
        assert_eq!(read_message(b"[{}]").unwrap().len(), 1);
    }
}
