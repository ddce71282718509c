//! Messages as they are sent: how large they become, and what they say once their pictures are read.
//!
//! Asks the disk, so not for threads that serve sockets.

use std::fs;
use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use super::answer::{Body, output_type};
use super::auth::Owner;
use super::open_task::{Message, Question};
use super::service::Service;
use super::store::Record;
use crate::task::{OutputType, Problem};

impl Service {
    /// About how many bytes a message for that owner has when it is sent.
    pub(super) fn weight(&self, message: &Message, owner: &Owner) -> u64 {
        match message {
            Message::Body(_) => 0,
            Message::Picture { record, index } => {
                let image = record.images.get(*index);
                self.pictures_weight(record, image.map(std::slice::from_ref).unwrap_or_default())
            }
            Message::Ended(record) => self.pictures_weight(record, &record.images),
            Message::Asked(question) => {
                let record = self.store.read(question.about, owner);
                let pictures =
                    record.map_or(0, |record| self.pictures_weight(&record, &record.images));
                pictures + self.store.size(question.about)
            }
        }
    }

    fn pictures_weight(&self, record: &Record, images: &[Uuid]) -> u64 {
        if output_type(record) == OutputType::Url || record.task_type() == "imageUpload" {
            return 0;
        }
        let file = |image: &Uuid| fs::metadata(self.references.kept.find(*image)?).ok();
        let bytes: u64 = images.iter().filter_map(file).map(|about| about.len()).sum();
        // As base64.
        bytes.div_ceil(3) * 4
    }

    /// What a message for that owner says; `base` is how addresses begin that the client can reach.
    pub(super) fn rendered(&self, message: &Message, owner: &Owner, base: &str) -> Body {
        match message {
            Message::Body(body) => (**body).clone(),
            Message::Picture { record, index } => match self.picture(record, *index, base) {
                Ok(Some(picture)) => Body::data(vec![picture]),
                Ok(None) => {
                    let image = record.images.get(*index).copied().unwrap_or_default();
                    Body::errors(&[record.stamped(gone(image))])
                }
                Err(problem) => Body::errors(&[record.stamped(*problem)]),
            },
            Message::Ended(record) => self.body(record, base),
            Message::Asked(question) => self.answered(*question, owner, base).unwrap_or_else(
                // It was there when it was asked about.
                |problem| Body::errors(&[question.stamped(*problem)]),
            ),
        }
    }

    fn answered(
        &self,
        question: Question,
        owner: &Owner,
        base: &str,
    ) -> Result<Body, Box<Problem>> {
        let record = self.past(question.about, owner)?;
        if !question.details {
            return Ok(self.poll(&record, base));
        }
        let response = self.body(&record, base).into_value();
        let task_type = question.task_type();
        Ok(Body::data(vec![json!({
            "taskType": task_type, "taskUUID": question.about,
            "request": record.request, "response": response,
        })]))
    }

    /// The record of an earlier task of the same owner.
    pub(super) fn past(&self, uuid: Uuid, owner: &Owner) -> Result<Record, Box<Problem>> {
        self.store.read(uuid, owner).ok_or_else(|| {
            let message =
                format!("No task {uuid} is known here; it is too old, or was never accepted.");
            let problem = Problem::at("invalid", "taskUUID", message);
            Box::new(Problem { code: "taskNotFound".to_owned(), ..problem })
        })
    }

    /// The answer to `getResponse`: what is there, each with its state, and what is still to come.
    fn poll(&self, record: &Record, base: &str) -> Body {
        let mut body = self.body(record, base);
        for item in &mut body.data {
            item["status"] = "success".into();
        }
        for item in &mut body.errors {
            item["status"] = "error".into();
        }
        if record.end.is_some() {
            return body;
        }
        let there = |image: &Uuid| {
            let name = image.to_string();
            body.data.iter().any(|item| item["imageUUID"] == name.as_str())
        };
        let processing = |image: Option<Uuid>| {
            let mut item = json!({
                "taskType": record.task_type(), "taskUUID": record.request["taskUUID"],
                "status": "processing",
            });
            if let Some(image) = image {
                item["imageUUID"] = image.to_string().into();
            }
            item
        };
        let mut coming: Vec<Value> = record
            .images
            .iter()
            .filter(|image| !there(image))
            .map(|image| processing(Some(*image)))
            .collect();
        let sends = record.request.get("uploadEndpoint").is_some();
        if coming.is_empty() && (sends || record.images.is_empty()) {
            // Every picture is made, and may still be on its way; or the task's are not known before.
            coming.push(processing(None));
        }
        body.data.extend(coming);
        body
    }
}

impl Question {
    const fn task_type(self) -> &'static str {
        if self.details { "getTaskDetails" } else { "getResponse" }
    }

    fn stamped(self, problem: Problem) -> Problem {
        let task_type = Some(self.task_type().to_owned());
        Problem { task_uuid: Some(self.about.to_string()), task_type, ..problem }
    }
}

impl Message {
    /// A message that says this.
    pub(super) fn new(body: Body) -> Self {
        Self::Body(Arc::new(body))
    }

    /// What is said instead when an answer that holds others as well would become too large.
    pub(super) fn too_large(&self) -> Self {
        let message = "The answer would become too large; ask for this task by itself with \
                       getResponse, or let outputType be URL.";
        let problem = Problem::new("maxAnswerSize", message);
        Self::new(Body::errors(&[match self {
            Self::Body(_) => problem,
            Self::Picture { record, .. } | Self::Ended(record) => record.stamped(problem),
            Self::Asked(question) => question.stamped(problem),
        }]))
    }
}

/// A picture was made, and somebody took its file away.
pub(super) fn gone(image: Uuid) -> Problem {
    let message = format!(
        "Picture {image} was made, but its file is no longer here; it was deleted from the server's \
         folders. Send the task again under another taskUUID."
    );
    Problem::new("imageNotFound", message)
}
