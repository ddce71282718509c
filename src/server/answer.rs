//! What the answer to a task says, from its record and the files of its pictures.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::files;
use super::past::gone;
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

    /// As it is sent: `data` is left out only beside errors.
    pub(super) fn to_json(&self) -> String {
        self.written(!self.data.is_empty() || self.errors.is_empty())
    }

    /// The same, with `data` always there, empty beside errors alone, as the API has it by POST.
    pub(super) fn to_full_json(&self) -> String {
        self.written(true)
    }

    fn written(&self, with_data: bool) -> String {
        #[derive(Serialize)]
        struct Written<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            data: Option<&'a [Value]>,
            #[serde(skip_serializing_if = "<[Value]>::is_empty")]
            errors: &'a [Value],
        }
        let data = with_data.then_some(&self.data[..]);
        // JSON values can always be written.
        serde_json::to_string(&Written { data, errors: &self.errors }).unwrap_or_default()
    }

    /// As part of another answer.
    pub(super) fn into_value(self) -> Value {
        if self.errors.is_empty() {
            return json!({ "data": self.data });
        }
        if self.data.is_empty() {
            return json!({ "errors": self.errors });
        }
        json!({ "data": self.data, "errors": self.errors })
    }
}

fn error(problem: &Problem) -> Value {
    serde_json::to_value(problem).unwrap_or_else(|_| {
        // Problems hold texts and finite numbers only.
        json!({ "code": problem.code, "message": problem.message })
    })
}

impl Service {
    /// The result for one picture of an `imageInference` task; `None` when it has no file. Reads that.
    pub(super) fn picture(
        &self,
        record: &Record,
        index: usize,
        base: &str,
    ) -> Result<Option<Value>, Box<Problem>> {
        let found = record.images.get(index).copied();
        let found = found.and_then(|image| Some((image, self.references.kept.find(image)?)));
        let (Some((image_uuid, path)), Some(task_uuid)) = (found, record.task_uuid()) else {
            return Ok(None);
        };
        let asked = |name: &str| record.request.get(name).and_then(Value::as_bool) == Some(true);
        let is_adult = || read_verdict(&path).is_some_and(NsfwScore::is_adult);
        let result = ImageResult {
            task_type: TaskType::ImageInference,
            task_uuid,
            image_uuid,
            image: self.delivered(record, (image_uuid, &path), base)?,
            seed: Some(record.seed + index as u64),
            nsfw_content: asked("checkNSFW").then(is_adult),
            cost: asked("includeCost").then_some(0.0),
        };
        let mut json = serde_json::to_value(result).map_err(|error| unwritable(&error))?;
        // As the client spells it, so that it finds its own again.
        json["taskUUID"] = record.request["taskUUID"].clone();
        Ok(Some(json))
    }

    /// A picture file in the form that the task asks for.
    fn delivered(
        &self,
        record: &Record,
        (image, path): (Uuid, &Path),
        base: &str,
    ) -> Result<DeliveredImage, Box<Problem>> {
        let bytes = || fs::read(path).map_err(|error| unreadable(image, path, &error));
        Ok(match output_type(record) {
            OutputType::Url => {
                // A result's time begins when it is made; a picture that was kept by its content may
                // have been here before.
                let is_result =
                    record.images.contains(&image) && record.task_type() == "imageInference";
                let written = fs::metadata(path).and_then(|about| about.modified());
                let from = written.ok().filter(|_| is_result).unwrap_or_else(SystemTime::now);
                DeliveredImage::Url(self.address(record, (image, path), from, base))
            }
            OutputType::Base64Data => DeliveredImage::base64(&bytes()?),
            OutputType::DataUri => {
                let media_type = files::media_type(ending(path));
                DeliveredImage::DataUri(ImageRef::data_uri(media_type, &bytes()?).to_string())
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
    fn guide(&self, record: &Record, base: &str) -> Result<Option<Value>, Box<Problem>> {
        let found = record.images.first().copied();
        let found = found.and_then(|guide| Some((guide, self.references.kept.find(guide)?)));
        let (Some((guide, path)), Some(task_uuid)) = (found, record.task_uuid()) else {
            return Ok(None);
        };
        let delivered = self.delivered(record, (guide, &path), base)?;
        let mut result = GuideResult {
            task_uuid,
            guide_image_uuid: guide,
            input_image_uuid: record.images.get(1).copied(),
            ..GuideResult::default()
        };
        match delivered {
            DeliveredImage::Url(url) => result.guide_image_url = Some(url),
            DeliveredImage::Base64Data(text) => result.guide_image_base64_data = Some(text),
            DeliveredImage::DataUri(text) => result.guide_image_data_uri = Some(text),
        }
        let mut json = serde_json::to_value(result).map_err(|error| unwritable(&error))?;
        json["taskType"] = record.task_type().into();
        if record.request.get("includeCost") == Some(&Value::Bool(true)) {
            json["cost"] = 0.into();
        }
        Ok(Some(json))
    }

    /// Everything that has come of a task so far.
    pub(super) fn body(&self, record: &Record, base: &str) -> Body {
        let mut body = Body::default();
        let mut missing = Vec::new();
        let first = || record.images.first().copied().into_iter();
        let mut add = |image, result: Result<Option<Value>, Box<Problem>>| match result {
            Ok(Some(result)) => body.data.push(result),
            Ok(None) => missing.push(image),
            Err(problem) => body.errors.push(error(&record.stamped(*problem))),
        };
        match record.task_type() {
            "imageInference" => {
                for (index, image) in record.images.iter().enumerate() {
                    add(*image, self.picture(record, index, base));
                }
            }
            "controlNetPreprocess" => {
                first().for_each(|image| add(image, self.guide(record, base)));
            }
            "imageUpload" => {
                first().for_each(|image| add(image, Ok(self.uploaded(record, base))));
            }
            _ => {}
        }
        let Some(end) = &record.end else { return body };
        body.data.extend(end.data.iter().cloned());
        body.errors.extend(end.errors.iter().map(error));
        // Pictures that were never made have errors already.
        let vanished = missing.into_iter().skip(end.errors.len());
        body.errors.extend(vanished.map(|image| error(&record.stamped(gone(image)))));
        body
    }
}

/// A picture's file is there and cannot be read.
fn unreadable(image: Uuid, path: &Path, why: &dyn std::fmt::Display) -> Box<Problem> {
    tracing::warn!("{why}: {}", path.display());
    let message = format!(
        "Picture {image} was made, but its file cannot be read ({why}); ask for it again with getResponse."
    );
    Box::new(Problem::new("internalServerError", message))
}

fn unwritable(why: &dyn std::fmt::Display) -> Box<Problem> {
    Box::new(Problem::new("internalServerError", format!("The result cannot be written ({why}).")))
}

/// `outputType` of the task.
pub(super) fn output_type(record: &Record) -> OutputType {
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
