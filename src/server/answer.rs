//! What the answer to a task says, from its record and the files of its pictures.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::files;
use super::open_task::Message;
use super::service::Service;
use super::store::{Record, unix_seconds};
use crate::jobs::NsfwScore;
use crate::library::read_verdict;
use crate::protocol::GuideResult;
use crate::task::{
    DeliveredImage, ImageRef, ImageResult, OutputFormat, OutputType, Problem, TaskType,
};

/// Results and errors of one or several tasks.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Body {
    pub(super) data: Vec<Value>,
    pub(super) errors: Vec<Value>,
}

impl Body {
    pub(super) const fn data(data: Vec<Value>) -> Self {
        Self { data, errors: Vec::new() }
    }

    pub(super) fn errors(problems: &[Problem]) -> Self {
        Self { data: Vec::new(), errors: problems.iter().map(error).collect() }
    }

    pub(super) fn extend(&mut self, other: Self) {
        self.data.extend(other.data);
        self.errors.extend(other.errors);
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.data.is_empty() && self.errors.is_empty()
    }

    /// As it is sent: `data` is left out only beside errors.
    pub(super) fn to_json(&self) -> String {
        let mut body = Map::new();
        if !self.data.is_empty() || self.errors.is_empty() {
            body.insert("data".to_owned(), Value::Array(self.data.clone()));
        }
        if !self.errors.is_empty() {
            body.insert("errors".to_owned(), Value::Array(self.errors.clone()));
        }
        Value::Object(body).to_string()
    }

    pub(super) fn to_message(&self) -> Message {
        Message::Text(Arc::from(self.to_json()))
    }
}

fn error(problem: &Problem) -> Value {
    serde_json::to_value(problem).unwrap_or_else(|_| {
        // Problems hold texts and finite numbers only.
        json!({ "code": problem.code, "message": problem.message })
    })
}

impl Service {
    /// The result for one picture of an `imageInference` task; `None` when it is not finished. Reads its
    /// file.
    pub(super) fn picture(&self, record: &Record, index: usize, base: &str) -> Option<Value> {
        let image_uuid = *record.images.get(index)?;
        let path = self.references.kept.find(image_uuid)?;
        let asked = |name: &str| record.request.get(name).and_then(Value::as_bool) == Some(true);
        let is_adult = || read_verdict(&path).is_some_and(NsfwScore::is_adult);
        let result = ImageResult {
            task_type: TaskType::ImageInference,
            task_uuid: record.task_uuid()?,
            image_uuid,
            image: self.delivered(record, (image_uuid, &path), base)?,
            seed: Some(record.seed + index as u64),
            nsfw_content: asked("checkNSFW").then(is_adult),
            cost: asked("includeCost").then_some(0.0),
        };
        let mut json = serde_json::to_value(result).ok()?;
        // As the client spells it, so that it finds its own again.
        json["taskUUID"] = record.request["taskUUID"].clone();
        Some(json)
    }

    /// A picture file in the form that the task asks for.
    fn delivered(
        &self,
        record: &Record,
        (image, path): (Uuid, &Path),
        base: &str,
    ) -> Option<DeliveredImage> {
        let bytes =
            || fs::read(path).map_err(|error| tracing::warn!("{error}: {}", path.display()));
        Some(match output_type(record) {
            OutputType::Url => {
                // A result's time begins when it is made; a picture that was kept by its content may
                // have been here before.
                let is_result =
                    record.images.contains(&image) && record.task_type() == "imageInference";
                let written = fs::metadata(path).and_then(|about| about.modified());
                let from = written.ok().filter(|_| is_result).unwrap_or_else(SystemTime::now);
                DeliveredImage::Url(self.address(record, (image, path), from, base))
            }
            OutputType::Base64Data => DeliveredImage::base64(&bytes().ok()?),
            OutputType::DataUri => {
                let media_type = files::media_type(ending(path));
                DeliveredImage::DataUri(ImageRef::data_uri(media_type, &bytes().ok()?).to_string())
            }
        })
    }

    /// Where a picture can be fetched for as long as the task asks, beginning at `from`.
    fn address(
        &self,
        record: &Record,
        (image, path): (Uuid, &Path),
        from: SystemTime,
        base: &str,
    ) -> String {
        let asked = record.request.get("ttl").and_then(Value::as_u64);
        let until = unix_seconds(from) + asked.unwrap_or(self.limits.answers.as_secs());
        format!("{base}{}", files::path(&self.secret, image, ending(path), until))
    }

    /// What an `imageUpload` task has left here.
    pub(super) fn uploaded(&self, record: &Record, base: &str) -> Option<Value> {
        let image = *record.images.first()?;
        let path = self.references.kept.find(image)?;
        let url = self.address(record, (image, &path), SystemTime::now(), base);
        Some(json!({
            "taskType": record.task_type(), "taskUUID": record.task_uuid()?,
            "imageUUID": image, "imageURL": url,
        }))
    }

    /// The guide that a `controlNetPreprocess` task has made.
    fn guide(&self, record: &Record, base: &str) -> Option<Value> {
        let guide = *record.images.first()?;
        let path = self.references.kept.find(guide)?;
        let delivered = self.delivered(record, (guide, &path), base)?;
        let mut result = GuideResult {
            task_uuid: record.task_uuid()?,
            guide_image_uuid: guide,
            input_image_uuid: record.images.get(1).copied(),
            ..GuideResult::default()
        };
        match delivered {
            DeliveredImage::Url(url) => result.guide_image_url = Some(url),
            DeliveredImage::Base64Data(text) => result.guide_image_base64_data = Some(text),
            DeliveredImage::DataUri(text) => result.guide_image_data_uri = Some(text),
        }
        let mut json = serde_json::to_value(result).ok()?;
        json["taskType"] = record.task_type().into();
        if record.request.get("includeCost") == Some(&Value::Bool(true)) {
            json["cost"] = 0.into();
        }
        Some(json)
    }

    /// Everything that has come of a task so far.
    pub(super) fn body(&self, record: &Record, base: &str) -> Body {
        let mut data: Vec<Value> = match record.task_type() {
            "imageInference" => (0..record.images.len())
                .filter_map(|index| self.picture(record, index, base))
                .collect(),
            "controlNetPreprocess" => self.guide(record, base).into_iter().collect(),
            "imageUpload" => self.uploaded(record, base).into_iter().collect(),
            _ => Vec::new(),
        };
        let end = record.end.clone().unwrap_or_default();
        data.extend(end.data);
        let errors = end.errors.iter().map(error).collect();
        Body { data, errors }
    }

    /// The answer to `getResponse`: what is there, each with its state, and what is still to come.
    pub(super) fn poll(&self, record: &Record, base: &str) -> Body {
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

/// `outputType` of the task.
fn output_type(record: &Record) -> OutputType {
    let word = record.request.get("outputType").and_then(Value::as_str);
    let named = |one: &&OutputType| Some(one.as_str()) == word;
    OutputType::ALL.iter().find(named).copied().unwrap_or(OutputType::Url)
}

/// `outputFormat` of the task.
pub(super) fn output_format(request: &Value) -> OutputFormat {
    let word = request.get("outputFormat").and_then(Value::as_str);
    let named = |one: &&OutputFormat| Some(one.as_str()) == word;
    OutputFormat::ALL.iter().find(named).copied().unwrap_or(OutputFormat::Jpg)
}

/// The ending of a picture's name.
pub(super) fn ending(path: &Path) -> &str {
    path.extension().and_then(|ending| ending.to_str()).unwrap_or("jpg")
}
