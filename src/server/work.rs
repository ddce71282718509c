//! The thread that feeds the engine: one piece of work after the other, each key in its turn.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, PoisonError};

use uuid::Uuid;

use super::accept::resolved;
use super::answer::output_format;
use super::open_task::OpenTask;
use super::service::{Order, Service, Work, fault};
use crate::jobs::{
    Cancel, Event, EventSink, GuideOrder, Job, Owed, PictureSource as _, Progress, Provider,
};
use crate::pixels::{FileFormat, encode};
use crate::protocol::ControlNetPreprocess;
use crate::task::{ImageRef, OutputFormat, Problem, Task};

/// Events that may wait; this thread only waits for them.
const EVENTS: usize = 256;

/// Works until the queue is closed.
pub(super) fn work_through(service: &Arc<Service>, provider: &dyn Provider) {
    while let Some(Work { open, order }) = service.queue.pop() {
        let done = catch_unwind(AssertUnwindSafe(|| match order {
            Order::Pictures(task) => draw(service, provider, &open, *task),
            Order::Guide(task, picture) => guide(service, &open, &task, picture),
        }));
        if done.is_err() {
            // The panic is in the log; the others must not wait for ever.
            service.made(&open, vec![fault()]);
        }
    }
}

/// Makes the pictures of a task that are not there yet.
fn draw(service: &Arc<Service>, provider: &dyn Provider, open: &Arc<OpenTask>, mut task: Task) {
    task.seed = Some(open.record.seed);
    let request = match resolved(&task, &service.library, open.record.seed) {
        Ok(request) => Arc::new(request),
        // The model was taken away since the task was accepted.
        Err(problems) => return service.made(open, problems),
    };
    let is_there = |image: Uuid| service.references.kept.find(image).is_some();
    let images = (0..).zip(open.record.images.iter().copied());
    let (there, owed): (Vec<_>, Vec<_>) = images
        .map(|(index, image_uuid)| Owed { index, image_uuid })
        .partition(|owed| is_there(owed.image_uuid));
    // Made before a restart: whoever waited then asks for them. Whether they were sent on nobody knows, and
    // sending the same file to the same address again changes nothing.
    for there in &there {
        service.finished(open, there.index as usize);
    }
    if owed.is_empty() {
        return service.made(open, Vec::new());
    }
    let job = Job::resume(Arc::clone(&request), owed.clone());
    *service.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(job.cancel.clone());
    let (sender, events) = sync_channel(EVENTS);
    provider.submit(job, EventSink::new(sender, Arc::new(|| {})));
    let mut failure = None;
    let mut ended = false;
    for Event { progress, .. } in events {
        match progress {
            Progress::Image(record) if record.path.is_some() => {
                service.finished(open, record.index as usize);
            }
            Progress::Failed(why) => failure = Some(why),
            Progress::Finished => ended = true,
            _ => {}
        }
    }
    *service.running.lock().unwrap_or_else(PoisonError::into_inner) = None;
    if let Some(failure) = failure {
        tracing::info!("task {}: {}", open.uuid, failure.details);
        let missing = owed.iter().filter(|owed| !is_there(owed.image_uuid)).count();
        // One for each picture that does not come: results and errors together are as many as asked for.
        let problem = failure.to_problem(&request);
        service.made(open, vec![problem; missing.max(1)]);
    } else if ended {
        service.made(open, Vec::new());
    }
    // Else it was interrupted because the server stops, and goes on at the next start.
}

/// Makes a guide.
fn guide(service: &Service, open: &OpenTask, task: &ControlNetPreprocess, picture: Uuid) {
    match guide_file(service, task, picture) {
        Ok(bytes) => match service.references.kept.keep(&bytes) {
            Ok(guide) => service.has_made(open, vec![guide, picture]),
            Err(error) => {
                let message = format!("The guide could not be saved ({error}); free some space.");
                service.made(open, vec![Problem::new("saveFailed", message)]);
            }
        },
        Err(problems) => service.made(open, problems),
    }
}

/// The guide of a picture as a file.
fn guide_file(
    service: &Service,
    task: &ControlNetPreprocess,
    picture: Uuid,
) -> Result<Vec<u8>, Vec<Problem>> {
    let at = |family: &str, place: &str, why: &dyn std::fmt::Display| {
        vec![Problem::at(family, place, format!("{why}."))]
    };
    let cancel = Cancel::default();
    let preprocess = task.preprocess().map_err(|problem| vec![*problem])?;
    let picture = service.references.kept.open(&ImageRef::Uuid(picture), &cancel);
    let picture = picture.map_err(|why| at("invalid", "inputImage", &why))?;
    let problems = preprocess.problems(picture.extent());
    if !problems.is_empty() {
        return Err(problems);
    }
    let annotator = service.annotators.find(preprocess.preprocessor);
    let annotator = annotator.map_err(|why| at("unsupportedLocal", "preProcessorType", &why))?;
    let order = GuideOrder { preprocess, picture: &picture, annotator: annotator.as_deref() };
    let guide = service.guides.make(&order, &cancel).map_err(|failure| {
        tracing::info!("{}", failure.details);
        vec![Problem::new("inferenceError", failure.headline)]
    })?;
    let request = serde_json::to_value(&task.delivery).unwrap_or_default();
    let quality = task.delivery.output_quality.unwrap_or(95);
    let format = match output_format(&request) {
        OutputFormat::Png => FileFormat::Png,
        OutputFormat::Jpg => FileFormat::Jpeg { quality },
        OutputFormat::Webp => FileFormat::Webp { quality },
    };
    // No task made this picture.
    encode(&guide, format, "").map_err(|why| at("invalid", "outputFormat", &why))
}
