//! From a message to accepted tasks: read, judged, written down, and only then acknowledged.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use super::answer::Body;
use super::auth::Owner;
use super::dialect;
use super::open_task::{NoRoom, OpenTask, Question, Reach};
use super::references::places;
use super::service::Service;
use super::store::{End, Record};
use super::uploads::Hold;
use crate::jobs::fresh_seed;
use crate::library::Library;
use crate::protocol::{AnyTask, ControlNetPreprocess, ImageUpload};
use crate::task::{DeliveryMethod, EngineKind, ImageRef, Problem, Request, Task, resolve};

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
    /// The answer is about an earlier task, and made when it is sent.
    Asked(Question),
}

/// The names that a message has given so far.
#[derive(Default)]
struct Seen {
    /// To new tasks.
    used: HashSet<Uuid>,
    /// In questions about earlier ones.
    asked: HashSet<Uuid>,
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
        let mut seen = Seen::default();
        items.into_iter().map(|item| self.accept(item, caller, &mut seen)).collect()
    }

    fn accept(self: &Arc<Self>, item: Value, caller: &Caller, seen: &mut Seen) -> Reply {
        let is_inference = item.get("taskType").and_then(Value::as_str) == Some("imageInference");
        let mut item = item;
        if is_inference {
            let met = dialect::normalise(&mut item);
            tracing::debug!("dialects: {met:?}");
        }
        let reply = AnyTask::from_json(&item).and_then(|task| {
            let asks_about = matches!(task, AnyTask::GetResponse(_) | AnyTask::GetTaskDetails(_));
            match task.task_uuid() {
                Some(uuid) if asks_about && !seen.asked.insert(uuid) => {
                    Err(vec![asked_twice(uuid)])
                }
                Some(uuid) if !asks_about && !seen.used.insert(uuid) => {
                    Err(vec![no_room(NoRoom::Used, uuid)])
                }
                _ => Ok(task),
            }
        });
        reply.and_then(|task| self.answer(task, caller)).unwrap_or_else(|problems| {
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
            AnyTask::GetResponse(task) => self.asked((task.task_uuid, false), caller),
            AnyTask::GetTaskDetails(task) => self.asked((task.task_uuid, true), caller),
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
        // Neither what the task names nor what comes inside it may be cleared away before it is entered.
        let _named = self.references.hold(&mut task);
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
        let written = self.references.take_out(&caller.owner, &mut task).and_then(|holds| {
            let json = serde_json::to_value(&task).map_err(|error| vec![not_written(&error)])?;
            let record = Record::new(caller.owner.clone(), json, request.seed, images);
            let open = self.enter(uuid, record, caller, sync)?;
            open.needs(holds);
            Ok(open)
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
        let _named = task.image().and_then(|image| self.references.hold_one(image));
        let problem = task.image().and_then(|image| self.references.problem("inputImage", image));
        if let Some(problem) = problem {
            return Err(vec![problem]);
        }
        let uuid = task.task_uuid;
        self.reserve(uuid, caller)?;
        let sync = task.delivery.text.delivery_method != Some(DeliveryMethod::Async);
        let written = self.guide_entry(&caller.owner, &mut task).and_then(|(request, hold)| {
            let record = Record::new(caller.owner.clone(), request, 0, Vec::new());
            let open = self.enter(uuid, record, caller, sync)?;
            open.needs(hold);
            Ok(open)
        });
        let open = written.inspect_err(|_| self.open.remove(uuid))?;
        self.begin_guide(&open, task);
        Ok(promised(open, sync))
    }

    /// What is written down of a guide's task: its picture, if it came along, by name.
    fn guide_entry(
        &self,
        owner: &Owner,
        task: &mut ControlNetPreprocess,
    ) -> Result<(Value, Option<Hold>), Vec<Problem>> {
        let inline = task.image().map(|image| self.references.inline(owner, ("inputImage", image)));
        let hold = inline.transpose().map_err(|problem| vec![*problem])?.flatten();
        if let Some(hold) = &hold {
            task.inputs = None;
            task.input_image = Some(ImageRef::Uuid(hold.picture));
        }
        let task = AnyTask::ControlNetPreprocess(Box::new(task.clone()));
        Ok((task.to_json().map_err(|error| vec![not_written(&error)])?, hold))
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
        let kept = self.references.inline(&caller.owner, ("image", &task.image));
        let hold =
            kept.map_err(|problem| vec![*problem]).inspect_err(|_| self.open.remove(uuid))?;
        let image = hold.as_ref().map(|hold| hold.picture);
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
        Ok(self.finish_at_once(uuid, &record, self.body(&record, &caller.base)))
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
        Ok(self.finish_at_once(uuid, &record, Body::data(vec![result])))
    }

    fn finish_at_once(&self, uuid: Uuid, record: &Record, body: Body) -> Reply {
        if let Err(error) = self.store.write(uuid, record) {
            tracing::warn!("task {uuid} could not be written down: {error}");
        }
        self.open.remove(uuid);
        Reply::Now(body)
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

    /// A question about an earlier task.
    fn asked(
        &self,
        (about, details): (Uuid, bool),
        caller: &Caller,
    ) -> Result<Reply, Vec<Problem>> {
        self.past(about, &caller.owner).map_err(|problem| vec![*problem])?;
        Ok(Reply::Asked(Question { about, details }))
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

fn asked_twice(uuid: Uuid) -> Problem {
    let message = format!("taskUUID {uuid} is asked about twice in one request; once is enough.");
    Problem::at("duplicate", "taskUUID", message)
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
