//! What is printed: results and problems of every task, as the API answers.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use serde::Serialize;
use serde_json::Value;
use url::Url;
use uuid::Uuid;

use crate::jobs::{Failure, FailureKind, ImageRecord, NsfwScore, Owed};
use crate::library::{read_task, read_verdict};
use crate::task::{
    DeliveredImage, EngineKind, ImageResult, OutputType, Problem, Request, TaskType,
};

/// The answer to a whole file of tasks: results of any type, and problems beside them.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Printed {
    pub(super) data: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) errors: Vec<Problem>,
}

impl Printed {
    pub(super) fn of(problem: Problem) -> Self {
        Self { data: Vec::new(), errors: vec![problem] }
    }

    pub(super) fn print(&self) -> anyhow::Result<()> {
        let mut out = io::stdout().lock();
        serde_json::to_writer_pretty(&mut out, self)?;
        writeln!(out)?;
        Ok(())
    }
}

/// What the answer says of a picture beside where it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Made {
    image_uuid: Uuid,
    seed: Option<u64>,
    cost: Option<f64>,
}

impl Made {
    pub(super) const fn of(record: &ImageRecord) -> Self {
        Self { image_uuid: record.image_uuid, seed: record.seed, cost: record.cost }
    }

    /// A picture that was finished before a restart; its file says what its seed was, and nothing of
    /// money.
    pub(super) fn before(picture: Owed, path: &Path) -> Self {
        let task = read_task(path).ok().flatten();
        let seed = task.and_then(|task| task.seed);
        Self { image_uuid: picture.image_uuid, seed, cost: None }
    }
}

/// What the answer says of the picture at `path`.
pub(super) fn result(made: Made, path: &Path, request: &Request) -> io::Result<Value> {
    let is_adult = || read_verdict(path).is_some_and(NsfwScore::is_adult);
    let local = (request.engine == EngineKind::Local).then_some(0.0);
    let image = ImageResult {
        task_type: TaskType::ImageInference,
        task_uuid: request.task_uuid,
        image_uuid: made.image_uuid,
        image: delivered(path, request)?,
        seed: made.seed,
        nsfw_content: request.check_nsfw.then(is_adult),
        cost: made.cost.or(local).filter(|_| request.include_cost),
    };
    serde_json::to_value(&image).map_err(io::Error::from)
}

/// The saved picture in the form the task asked for.
fn delivered(path: &Path, request: &Request) -> io::Result<DeliveredImage> {
    Ok(match request.output_type {
        OutputType::Url => {
            let path = path.canonicalize()?;
            let url = Url::from_file_path(&path)
                .map_or_else(|()| path.display().to_string(), |url| url.to_string());
            DeliveredImage::Url(url)
        }
        OutputType::Base64Data => DeliveredImage::base64(&fs::read(path)?),
        OutputType::DataUri => DeliveredImage::data_uri(request.output_format, &fs::read(path)?),
    })
}

pub(super) fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let headline =
        format!("The picture was made and cannot be read back from {}: {error}", path.display());
    Failure::new(FailureKind::Save, headline).with_details(error.to_string())
}
