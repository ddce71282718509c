//! What all connections share, and what becomes of a task between its acceptance and its end.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt as _;
use tokio::runtime::Handle;
use tokio::sync::watch;
use uuid::Uuid;

use super::answer::{Body, output_format};
use super::auth::{Keys, Owner};
use super::files;
use super::limits::Limits;
use super::open_task::{Message, OpenTask, OpenTasks};
use super::queue::Waiting;
use super::references::{References, has_addresses};
use super::session::Sessions;
use super::shares::Rations;
use super::sign::Secret;
use super::store::{End, Record, Store};
use super::uploads::{Hold, Keeping};
use crate::jobs::{Cancel, GuideMaker};
use crate::library::{Annotators, Library};
use crate::protocol::{AnyTask, ControlNetPreprocess};
use crate::task::{ImageRef, Problem, Task};

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
    pub(super) rations: Rations,
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

impl Service {
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
        open.needs(self.references.hold(&mut task));
        if !has_addresses(&mut task) {
            self.queue_up(Arc::clone(open), Order::Pictures(Box::new(task)));
            return;
        }
        let (service, owner) = (Arc::clone(self), open.record.owner.clone());
        let fetched = async move {
            let _share = service.rations.transfers.take(&owner, 1).await;
            let holds = service.references.fetch(&owner, &mut task).await?;
            Ok((task, holds))
        };
        self.bring(open, fetched, |service, open, (task, holds)| {
            open.needs(holds);
            service.queue_up(open, Order::Pictures(Box::new(task)));
        });
    }

    /// Brings a guide's order to the engine's thread, once its picture is here.
    pub(super) fn begin_guide(self: &Arc<Self>, open: &Arc<OpenTask>, task: ControlNetPreprocess) {
        let image = task.image().cloned();
        self.bring(open, self.brought_in(open, ("inputImage", image)), |service, open, hold| {
            let picture = hold.picture;
            open.needs([hold]);
            service.queue_up(open, Order::Guide(Box::new(task), picture));
        });
    }

    /// Fetches a picture that is to be kept.
    pub(super) fn begin_upload(self: &Arc<Self>, open: &Arc<OpenTask>, image: ImageRef) {
        self.bring(open, self.brought_in(open, ("image", Some(image))), |service, open, hold| {
            service.has_made(&open, vec![hold.picture]);
        });
    }

    /// Does `work` for a task and goes on with what it brings. The task ends when the work fails, and when
    /// it panics as well: nobody must wait for it for ever.
    pub(super) fn bring<T: Send + 'static>(
        self: &Arc<Self>,
        open: &Arc<OpenTask>,
        work: impl Future<Output = Result<T, Box<Problem>>> + Send + 'static,
        go_on: impl FnOnce(&Arc<Self>, Arc<OpenTask>, T) + Send + 'static,
    ) {
        let (service, open) = (Arc::clone(self), Arc::clone(open));
        self.runtime.spawn(async move {
            let brought = AssertUnwindSafe(work).catch_unwind().await;
            let brought = brought.unwrap_or_else(|_panic| Err(Box::new(fault())));
            // What follows writes to the disk.
            tokio::task::spawn_blocking(move || match brought {
                Ok(it) => go_on(&service, open, it),
                Err(problem) => service.made(&open, vec![*problem]),
            });
        });
    }

    /// Brings a picture in, wherever it comes from.
    fn brought_in(
        self: &Arc<Self>,
        open: &OpenTask,
        (place, image): (&'static str, Option<ImageRef>),
    ) -> impl Future<Output = Result<Hold, Box<Problem>>> + Send + 'static {
        // From now on, not from when its turn comes.
        let held = image.as_ref().and_then(|image| self.references.hold_one(image));
        let (service, owner) = (Arc::clone(self), open.record.owner.clone());
        async move {
            if let Some(hold) = held {
                return Ok(hold);
            }
            match image {
                Some(ImageRef::Url(address)) => {
                    let _share = service.rations.transfers.take(&owner, 1).await;
                    service.references.fetched(&owner, (place, &address)).await
                }
                Some(image) => {
                    let inline = || service.references.inline(&owner, (place, &image));
                    let kept = tokio::task::block_in_place(inline)?;
                    let none = || Box::new(Problem::at("invalid", place, "it must be a picture."));
                    kept.ok_or_else(none)
                }
                None => {
                    Err(Box::new(Problem::at("missing", place, format!("{place} is missing."))))
                }
            }
        }
    }

    fn queue_up(&self, open: Arc<OpenTask>, order: Order) {
        self.queue.push(open.record.owner.clone(), Work { open, order });
    }

    /// One picture of a task is finished: whoever waits gets it, and so does `uploadEndpoint`.
    pub(super) fn finished(self: &Arc<Self>, open: &Arc<OpenTask>, index: usize) {
        if let Some(reach) = &open.reach {
            reach.push(Message::Picture { record: Arc::clone(&open.record), index });
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
            let _share = service.rations.transfers.take(&open.record.owner, 1).await;
            let sent = AssertUnwindSafe(service.send(&open, image, &address)).catch_unwind().await;
            let error = sent.unwrap_or_else(|_panic| Err(Box::new(fault()))).err();
            if let Some(errors) = open.upload_ends(error.map(|it| open.record.stamped(*it))) {
                tokio::task::spawn_blocking(move || service.end(&open, &errors));
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
        let failed = |why: &dyn std::fmt::Display| {
            let message = format!("The picture was made and did not reach uploadEndpoint: {why}.");
            Box::new(Problem::new("uploadFailed", message))
        };
        let read = || {
            let path = self.references.kept.find(image?)?;
            std::fs::read(path).map_err(|error| tracing::warn!("{error}")).ok()
        };
        let bytes = tokio::task::block_in_place(read);
        let bytes = bytes.ok_or_else(|| failed(&"its file cannot be read any more"))?;
        let extension = output_format(&open.record.request).extension();
        let sent = self.references.send(address, &bytes, files::media_type(extension)).await;
        sent.map_err(|why| failed(&why))
    }

    /// The engine is through with a task. Asks the disk.
    pub(super) fn made(&self, open: &OpenTask, errors: Vec<Problem>) {
        let errors = errors.into_iter().map(|problem| open.record.stamped(problem)).collect();
        if let Some(errors) = open.made(errors) {
            self.end(open, &errors);
        }
    }

    /// Nothing is left to do for a task: it is written down, and whoever waits hears of it.
    fn end(&self, open: &OpenTask, errors: &[Problem]) {
        let end = End { data: Vec::new(), errors: errors.to_vec() };
        self.write_end(open, open.record.ended(end));
        if let Some(reach) = open.reach.as_ref().filter(|_| !errors.is_empty()) {
            reach.push(Message::new(Body::errors(errors)));
        }
    }

    /// Everything that a task was to give is there: it has ended.
    pub(super) fn has_made(&self, open: &OpenTask, images: Vec<Uuid>) {
        let record = self.write_end(open, open.record.ended_with(images));
        if let Some(reach) = &open.reach {
            reach.push(Message::Ended(record));
        }
    }

    fn write_end(&self, open: &OpenTask, record: Record) -> Arc<Record> {
        if let Err(error) = self.store.write_end(open.uuid, &record) {
            // It is answered from memory until it can be written; a server that is restarted before then
            // finds its pictures, or tries it again.
            tracing::error!("the end of task {} could not be written down: {error}", open.uuid);
        }
        let record = Arc::new(record);
        self.open.remove(open.uuid);
        open.tell_end(Arc::clone(&record));
        record
    }

    /// Clears away what is too old, and writes down what could not be written before.
    pub(super) fn sweep(&self) -> std::io::Result<()> {
        // On a full disk nothing can be written before something has gone.
        let tasks = self.store.sweep(|task| self.open.contains(task));
        let Limits { uploads_age: age, uploads_bytes: bytes, .. } = self.limits;
        let gone = self.references.sweep(Keeping { age, bytes });
        self.store.catch_up()?;
        tasks?;
        if gone? > 0 {
            tracing::info!("uploaded pictures were cleared away");
        }
        Ok(())
    }

    /// Ends what runs now; it goes on at the next start.
    pub(super) fn interrupt(&self) {
        if let Some(cancel) = &*self.running.lock().unwrap_or_else(PoisonError::into_inner) {
            cancel.cancel();
        }
    }
}

/// Something in here is wrong; the log has the panic.
pub(super) fn fault() -> Problem {
    let message = "The task ended because of a fault in Latelier itself; the log says more.";
    Problem::new("internalServerError", message)
}
