//! The pictures of a task on their way to the service: small ones inside the task, large ones once by
//! content, under the name that the service gives them.

use std::sync::Arc;

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::RemoteSettings;
use super::failure::{self, Again};
use super::line::{Line, News};
use super::order::{Order, Outcome};
use crate::jobs::{Cancel, Failure, FailureKind};
use crate::pixels::probe;
use crate::task::{ImageRef, Task};

/// Largest picture file that goes inside the task, in bytes.
const INLINE: usize = 256 << 10;

/// Brings pictures to the service.
pub(super) struct Uploader {
    settings: RemoteSettings,
    line: Arc<Line>,
    /// One at a time: two tasks with the same picture send it once.
    turn: tokio::sync::Mutex<()>,
}

/// A task whose pictures the service can have.
pub(super) struct Brought {
    pub(super) task: Task,
    /// The contents that are named by the names of uploads.
    pub(super) uploaded: Vec<[u8; 32]>,
}

impl Uploader {
    pub(super) fn new(settings: RemoteSettings, line: Arc<Line>) -> Self {
        Self { settings, line, turn: tokio::sync::Mutex::new(()) }
    }

    /// `task` with every picture that lies on this machine or at an address inside it or uploaded: what
    /// the finished picture says that it was made from is then what the service was given, whatever the
    /// address shows a moment later. Others stay as they are: base64, names that only the service knows,
    /// and addresses that it may reach and this machine does not.
    pub(super) async fn bring(&self, task: &Task, cancel: &Cancel) -> Result<Brought, Failure> {
        let mut brought = Brought { task: task.clone(), uploaded: Vec::new() };
        for image in brought.task.images_mut() {
            let Some(file) = self.file(image, cancel).await? else { continue };
            let media_type = media_type(&file)?;
            if file.len() <= INLINE {
                *image = ImageRef::data_uri(media_type, &file);
                continue;
            }
            let content: [u8; 32] = Sha256::digest(&file).into();
            *image = ImageRef::Uuid(self.upload(&file, media_type, &content).await?);
            brought.uploaded.push(content);
        }
        Ok(brought)
    }

    /// Forgets names that the service no longer knows.
    pub(super) fn forget(&self, contents: &[[u8; 32]]) {
        if let Some(uploads) = &self.settings.uploads {
            let host = self.settings.endpoint.host();
            for content in contents {
                uploads.note(host, content, None);
            }
        }
    }

    async fn file(&self, image: &ImageRef, cancel: &Cancel) -> Result<Option<Vec<u8>>, Failure> {
        let (pictures, image) = (Arc::clone(&self.settings.pictures), image.clone());
        let cancel = cancel.clone();
        let at_an_address = matches!(&image, ImageRef::Url(address) if !address.to_ascii_lowercase().starts_with("file:"));
        let read = move || {
            if at_an_address { pictures.fetched(&image, &cancel) } else { pictures.file(&image) }
        };
        let read = tokio::task::spawn_blocking(read).await;
        match read.unwrap_or_else(|error| Err(error.to_string())) {
            Ok(file) => Ok(file),
            Err(why) if at_an_address => {
                tracing::warn!("the service is given the address of a picture: {why}");
                Ok(None)
            }
            Err(why) => {
                let headline = format!("A picture cannot be sent: {why}");
                Err(Failure::new(FailureKind::Other, headline))
            }
        }
    }

    async fn upload(
        &self,
        file: &[u8],
        media_type: &str,
        content: &[u8; 32],
    ) -> Result<Uuid, Failure> {
        let host = self.settings.endpoint.host();
        let _turn = self.turn.lock().await;
        let uploads = self.settings.uploads.as_ref();
        if let Some(known) = uploads.and_then(|uploads| uploads.find(host, content)) {
            return Ok(known);
        }
        let id = Uuid::new_v4();
        let mut task = Map::new();
        task.insert("taskType".to_owned(), "imageUpload".into());
        task.insert("taskUUID".to_owned(), id.to_string().into());
        let image = ImageRef::data_uri(media_type, file).to_string();
        task.insert("image".to_owned(), Value::String(image));
        let order = Order { id, task, expected: 1, had: Vec::new(), resumed: false };
        let mut awaited = self.line.carry(order).await;
        let mut name = None;
        while let Some(news) = awaited.next().await {
            match news {
                News::Result(item) => name = item.image_uuid().or(name),
                News::OutOfReach(_) | News::Sent => {}
                News::End(Outcome::Complete) => break,
                News::End(outcome) => return Err(not_uploaded(&outcome, host)),
            }
        }
        let name = name.ok_or_else(|| {
            let headline = format!("{host} took a picture and gave it no name; try again");
            Failure::new(FailureKind::Unreachable, headline)
        })?;
        if let Some(uploads) = uploads {
            uploads.note(host, content, Some(name));
        }
        Ok(name)
    }
}

/// An upload that failed; the task itself was not sent.
fn not_uploaded(outcome: &Outcome, host: &str) -> Failure {
    let outcome = match outcome.clone() {
        Outcome::Unreachable { why, .. } => Outcome::Unreachable { sent: false, why },
        Outcome::TooLate { .. } => Outcome::TooLate { sent: false },
        other => other,
    };
    let failure = failure::of_outcome(&outcome, host, Again::Resume);
    let failure = failure.unwrap_or_else(|| Failure::new(FailureKind::Other, String::new()));
    Failure {
        headline: format!("A picture could not be uploaded. {}", failure.headline),
        ..failure
    }
}

fn media_type(file: &[u8]) -> Result<&'static str, Failure> {
    match probe(file) {
        Ok((_, "PNG")) => Ok("image/png"),
        Ok((_, "JPEG")) => Ok("image/jpeg"),
        Ok(_) => Ok("image/webp"),
        Err(error) => {
            let headline = format!("A picture of the task cannot be sent: it is {error}");
            Err(Failure::new(FailureKind::Other, headline))
        }
    }
}
