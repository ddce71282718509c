//! What all connections share, and what becomes of a task between its acceptance and its end.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use uuid::Uuid;

use super::answer::{Body, output_format};
use super::auth::{Keys, Owner};
use super::files;
use super::limits::Limits;
use super::open_task::{Message, OpenTask, OpenTasks};
use super::queue::Waiting;
use super::references::{References, has_addresses};
use super::session::Sessions;
use super::sign::Secret;
use super::store::{End, Record, Store};
use crate::jobs::{Cancel, GuideMaker};
use crate::library::{Annotators, Library};
use crate::protocol::{AnyTask, ControlNetPreprocess};
use crate::task::{ImageRef, Problem, Task};

/// Transfers for clients at a time.
const TRANSFERS: usize = 16;

/// The server without its sockets.
pub(super) struct Service {
    pub(super) limits: Limits,
    pub(super) keys: Keys,
    pub(super) secret: Secret,
    pub(super) library: Arc<Library>,
    pub(super) annotators: Annotators,
    pub(super) guides: Arc<dyn GuideMaker>,
    pub(super) references: References,
    pub(super) store: Store,
    pub(super) open: OpenTasks,
    pub(super) sessions: Sessions<Message>,
    pub(super) queue: Waiting<Owner, Work>,
    pub(super) transfers: Semaphore,
    pub(super) runtime: Handle,
    /// Ends the job that runs now.
    pub(super) running: Mutex<Option<Cancel>>,
    pub(super) phase: watch::Sender<Phase>,
}

/// How far the server's end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// Everything is taken.
    Serving,
    /// Nothing new is taken; what runs may end.
    Ending,
    /// Connections are closed.
    Closing,
}

/// Work for the engine's thread.
pub(super) struct Work {
    pub(super) open: Arc<OpenTask>,
    pub(super) order: Order,
}

/// What is to be made; every picture in it is named by UUID.
pub(super) enum Order {
    Pictures(Box<Task>),
    Guide(Box<ControlNetPreprocess>, Uuid),
}

/// The parts of a [`Service`] that are there before it.
pub(super) struct Parts {
    pub(super) limits: Limits,
    pub(super) keys: Keys,
    pub(super) secret: Secret,
    pub(super) library: Arc<Library>,
    pub(super) annotators: Annotators,
    pub(super) guides: Arc<dyn GuideMaker>,
    pub(super) references: References,
    pub(super) store: Store,
    pub(super) runtime: Handle,
}

impl Service {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { limits, keys, secret, library, annotators, guides, references, store, runtime } =
            parts;
        Self {
            sessions: Sessions::new(limits.session),
            limits,
            keys,
            secret,
            library,
            annotators,
            guides,
            references,
            store,
            runtime,
            open: OpenTasks::default(),
            queue: Waiting::new(),
            transfers: Semaphore::new(TRANSFERS),
            running: Mutex::default(),
            phase: watch::channel(Phase::Serving).0,
        }
    }

    pub(super) fn is_ending(&self) -> bool {
        *self.phase.borrow() != Phase::Serving
    }

    /// Takes up what was left when the server stopped; how many tasks that are.
    pub(super) fn resume(self: &Arc<Self>) -> std::io::Result<usize> {
        let left = self.store.unfinished()?;
        let count = left.len();
        for record in left {
            let Some(uuid) = record.task_uuid() else { continue };
            let request = record.request.clone();
            let open = Arc::new(OpenTask::new(uuid, record, None));
            self.open.take_up(uuid, &open.record.owner);
            let begun = match AnyTask::from_json(&request) {
                Ok(AnyTask::ImageInference(task)) => {
                    self.begin(&open, *task);
                    Ok(())
                }
                Ok(AnyTask::ControlNetPreprocess(task)) => {
                    self.begin_guide(&open, *task);
                    Ok(())
                }
                Ok(AnyTask::ImageUpload(task)) => {
                    self.begin_upload(&open, task.image);
                    Ok(())
                }
                Ok(_) => Err(Vec::new()),
                Err(problems) => Err(problems),
            };
            if let Err(problems) = begun {
                self.made(&open, problems);
            }
        }
        Ok(count)
    }

    /// Brings a task to the engine, once its pictures are here.
    pub(super) fn begin(self: &Arc<Self>, open: &Arc<OpenTask>, mut task: Task) {
        let open = Arc::clone(open);
        if !has_addresses(&mut task) {
            self.queue_up(open, Order::Pictures(Box::new(task)));
            return;
        }
        let service = Arc::clone(self);
        self.runtime.spawn(async move {
            let _permit = service.transfers.acquire().await;
            match service.references.fetch(&mut task).await {
                Ok(()) => service.queue_up(open, Order::Pictures(Box::new(task))),
                Err(problem) => service.made(&open, vec![*problem]),
            }
        });
    }

    /// Brings a guide's order to the engine's thread, once its picture is here.
    pub(super) fn begin_guide(self: &Arc<Self>, open: &Arc<OpenTask>, task: ControlNetPreprocess) {
        let (open, service) = (Arc::clone(open), Arc::clone(self));
        self.runtime.spawn(async move {
            match service.brought_in("inputImage", task.image()).await {
                Ok(picture) => service.queue_up(open, Order::Guide(Box::new(task), picture)),
                Err(problem) => service.made(&open, vec![*problem]),
            }
        });
    }

    /// Fetches a picture that is to be kept.
    pub(super) fn begin_upload(self: &Arc<Self>, open: &Arc<OpenTask>, image: ImageRef) {
        let (open, service) = (Arc::clone(open), Arc::clone(self));
        self.runtime.spawn(async move {
            match service.brought_in("image", Some(&image)).await {
                Ok(picture) => {
                    tokio::task::block_in_place(|| service.has_made(&open, vec![picture]));
                }
                Err(problem) => service.made(&open, vec![*problem]),
            }
        });
    }

    /// The name of a picture, wherever it comes from.
    async fn brought_in(
        &self,
        place: &str,
        image: Option<&ImageRef>,
    ) -> Result<Uuid, Box<Problem>> {
        let inline = |image| {
            let kept = tokio::task::block_in_place(|| self.references.inline(place, image))?;
            kept.ok_or_else(|| Box::new(Problem::at("invalid", place, "it must be a picture.")))
        };
        match image {
            Some(ImageRef::Uuid(uuid)) => Ok(*uuid),
            Some(ImageRef::Url(address)) => {
                let _permit = self.transfers.acquire().await;
                self.references.fetched(place, address).await
            }
            Some(image) => inline(image),
            None => Err(Box::new(Problem::at("missing", place, format!("{place} is missing.")))),
        }
    }

    fn queue_up(&self, open: Arc<OpenTask>, order: Order) {
        self.queue.push(open.record.owner.clone(), Work { open, order });
    }

    /// One picture of a task is finished: whoever waits gets it, and so does `uploadEndpoint`.
    pub(super) fn finished(self: &Arc<Self>, open: &Arc<OpenTask>, index: usize) {
        if let Some(reach) = &open.reach {
            let (record, base) = (Arc::clone(&open.record), Arc::clone(&reach.base));
            reach.outbox.push(Message::Picture { record, index, base });
        }
        let request = &open.record.request;
        let Some(address) = request.get("uploadEndpoint").and_then(|address| address.as_str())
        else {
            return;
        };
        open.upload_begins();
        let (address, image) = (address.to_owned(), open.record.images.get(index).copied());
        let (service, open) = (Arc::clone(self), Arc::clone(open));
        self.runtime.spawn(async move {
            let _permit = service.transfers.acquire().await;
            let error = service.send(&open, image, &address).await.err();
            if let Some(errors) = open.upload_ends(error.map(|problem| *problem)) {
                tokio::task::block_in_place(|| service.end(&open, &errors));
            }
        });
    }

    /// Sends a finished picture to the address that its task names.
    async fn send(
        &self,
        open: &OpenTask,
        image: Option<Uuid>,
        address: &str,
    ) -> Result<(), Box<Problem>> {
        let read = || std::fs::read(self.references.kept.find(image?)?).ok();
        let bytes = tokio::task::block_in_place(read).unwrap_or_default();
        let extension = output_format(&open.record.request).extension();
        let sent = self.references.send(address, &bytes, files::media_type(extension)).await;
        sent.map_err(|why| {
            let message = format!("The picture was made and did not reach uploadEndpoint: {why}.");
            Box::new(open.stamped(Problem::new("uploadFailed", message)))
        })
    }

    /// The engine is through with a task.
    pub(super) fn made(&self, open: &OpenTask, errors: Vec<Problem>) {
        let errors = errors.into_iter().map(|problem| open.stamped(problem)).collect();
        if let Some(errors) = open.made(errors) {
            self.end(open, &errors);
        }
    }

    /// Nothing is left to do for a task: it is written down, and whoever waits hears of it.
    fn end(&self, open: &OpenTask, errors: &[Problem]) {
        let end = End { data: Vec::new(), errors: errors.to_vec() };
        self.write_end(open, &open.record.ended(end));
        if let Some(reach) = open.reach.as_ref().filter(|_| !errors.is_empty()) {
            reach.outbox.push(Body::errors(errors).to_message());
        }
    }

    /// Everything that a task was to give is there: it has ended.
    pub(super) fn has_made(&self, open: &OpenTask, images: Vec<Uuid>) {
        let record = open.record.ended_with(images);
        self.write_end(open, &record);
        if let Some(reach) = &open.reach {
            reach.outbox.push(self.body(&record, &reach.base).to_message());
        }
    }

    fn write_end(&self, open: &OpenTask, record: &Record) {
        if let Err(error) = self.store.write(open.uuid, record) {
            // Its pictures lie there all the same; the next start ends it again.
            tracing::error!("the end of task {} could not be written down: {error}", open.uuid);
        }
        self.open.remove(open.uuid);
        open.tell_end();
    }

    /// Ends what runs now; it goes on at the next start.
    pub(super) fn interrupt(&self) {
        if let Some(cancel) = &*self.running.lock().unwrap_or_else(PoisonError::into_inner) {
            cancel.cancel();
        }
    }
}
