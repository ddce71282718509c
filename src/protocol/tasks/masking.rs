//! `imageMasking`: a mask of the faces, hands or persons in a picture.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Extra;
use super::delivery::{Delivery, INPUT, Inputs, PICTURE, TEXT};
use super::field::{Field, TASK, field, float, integer, model};
use super::read::{Documented, NeighbourTask, exactly_one};
use crate::task::{Air, DefaultValue, ImageRef, Kind, Problem};

/// `imageMasking`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageMasking {
    /// Names the task.
    #[serde(rename = "taskUUID")]
    pub task_uuid: Uuid,

    /// The picture, in the older form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_image: Option<ImageRef>,

    /// The picture, in the newer form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Inputs>,

    /// What is looked for: `runware:35@1` to `runware:35@15`.
    pub model: Air,

    /// How sure a finding has to be, 0–1; 0.25 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,

    /// At most so many findings, 1–20; 6 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_detections: Option<u32>,

    /// Grows (or, below 0, shrinks) the mask by so many pixels, −40 to 40; 4 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mask_padding: Option<i32>,

    /// Blurs its edge over so many pixels, 0–20; 4 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mask_blur: Option<u32>,

    /// How the mask is delivered.
    #[serde(flatten)]
    pub delivery: Delivery,
}

impl NeighbourTask for ImageMasking {
    const NAME: &'static str = "imageMasking";
}

impl Documented for ImageMasking {
    const FIELDS: &'static [&'static [Field]] = &[
        TASK,
        INPUT,
        PICTURE,
        TEXT,
        &[
            model().required(),
            float("confidence", 0.0, 1.0).default(DefaultValue::Float(0.25)),
            integer("maxDetections", 1, 20).default(DefaultValue::Integer(6)),
            // Integers of the table have no sign; the type holds it to whole numbers.
            field("maskPadding", Kind::Float { min: -40.0, max: 40.0 })
                .default(DefaultValue::Integer(4)),
            integer("maskBlur", 0, 20).default(DefaultValue::Integer(4)),
        ],
    ];

    fn conflicts(&self) -> Vec<Problem> {
        let inputs = self.inputs.as_ref().is_some_and(|inputs| inputs.image.is_some());
        let there = [self.input_image.is_some(), inputs];
        exactly_one(["inputImage", "inputs.image"], there, "a picture").into_iter().collect()
    }
}

/// Where something was found, in pixels from the top left corner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Detection {
    /// The left edge.
    pub x_min: f64,
    /// The upper edge.
    pub y_min: f64,
    /// The right edge.
    pub x_max: f64,
    /// The lower edge.
    pub y_max: f64,
}

/// The answer to [`ImageMasking`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MaskResult {
    /// The task it belongs to.
    #[serde(rename = "taskUUID")]
    pub task_uuid: Uuid,

    /// Names the mask.
    #[serde(rename = "maskImageUUID")]
    pub mask_image_uuid: Uuid,

    /// The picture it is of.
    #[serde(rename = "inputImageUUID", skip_serializing_if = "Option::is_none")]
    pub input_image_uuid: Option<Uuid>,

    /// Where it can be fetched.
    #[serde(rename = "maskImageURL", skip_serializing_if = "Option::is_none")]
    pub mask_image_url: Option<String>,

    /// The file as base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mask_image_base64_data: Option<String>,

    /// The file as a data URI.
    #[serde(rename = "maskImageDataURI", skip_serializing_if = "Option::is_none")]
    pub mask_image_data_uri: Option<String>,

    /// What was found.
    #[serde(default)]
    pub detections: Vec<Detection>,

    /// US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,

    /// What is not documented.
    #[serde(flatten)]
    pub extra: Extra,
}
