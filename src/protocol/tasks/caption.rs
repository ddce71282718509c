//! `caption`: what a picture shows, in words.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::Extra;
use super::delivery::{INPUT, Inputs, TEXT, TextDelivery};
use super::field::{Field, TASK, field, model, text};
use super::read::{Documented, NeighbourTask};
use crate::task::{Air, ImageRef, Kind, Problem};

/// `caption`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Caption {
    /// Names the task.
    #[serde(rename = "taskUUID")]
    pub task_uuid: Uuid,

    /// The picture, in the older form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_image: Option<ImageRef>,

    /// Several pictures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_images: Option<Vec<ImageRef>>,

    /// The picture, in the newer form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Inputs>,

    /// Who looks at it, such as `runware:150@2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<Air>,

    /// What is asked about the picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,

    /// A prepared question by its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,

    /// How the result is delivered.
    #[serde(flatten)]
    pub delivery: TextDelivery,
}

impl NeighbourTask for Caption {
    const NAME: &'static str = "caption";
    const OLD_NAMES: &'static [&'static str] = &["imageCaption"];
}

impl Documented for Caption {
    const FIELDS: &'static [&'static [Field]] = &[
        TASK,
        INPUT,
        TEXT,
        &[
            field("inputImages", Kind::Images { min: 1, max: 20 }),
            model(),
            text("prompt", 1, 3000),
            text("template", 1, 100),
        ],
    ];

    fn conflicts(&self) -> Vec<Problem> {
        let inputs = self.inputs.as_ref().is_some_and(|inputs| inputs.image.is_some());
        let there = [self.input_image.is_some(), self.input_images.is_some(), inputs];
        if there.contains(&true) {
            return Vec::new();
        }
        let message = "inputImage is missing; it must be a picture.";
        vec![Problem::at("missing", "inputImage", message)]
    }
}

/// The answer to [`Caption`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CaptionResult {
    /// The task it belongs to.
    #[serde(rename = "taskUUID")]
    pub task_uuid: Uuid,

    /// The words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,

    /// What models answer that do not speak.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub structured_data: Option<Value>,

    /// US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,

    /// What is not documented.
    #[serde(flatten)]
    pub extra: Extra,
}
