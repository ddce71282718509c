//! `removeBackground`: a picture without its background.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::delivery::{Delivery, INPUT, Inputs, PICTURE, TEXT};
use super::field::{Field, TASK, integer, model, object, switch};
use super::read::{Documented, NeighbourTask, exactly_one};
use crate::task::{Air, ImageRef, Problem};

/// `removeBackground`; PNG when no format is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoveBackground {
    /// Names the task.
    #[serde(rename = "taskUUID")]
    pub task_uuid: Uuid,

    /// The picture, in the older form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_image: Option<ImageRef>,

    /// The picture, in the newer form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Inputs>,

    /// What does it, such as `runware:109@1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<Air>,

    /// What `runware:109@1` takes besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<BackgroundSettings>,

    /// How the result is delivered.
    #[serde(flatten)]
    pub delivery: Delivery,
}

/// The parameters of `runware:109@1`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackgroundSettings {
    /// The new background: red, green, blue and alpha, 0–255 each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rgba: Option<[u8; 4]>,

    /// Smooths the mask.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_process_mask: Option<bool>,

    /// The mask instead of the picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub return_only_mask: Option<bool>,

    /// Soft edges.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alpha_matting: Option<bool>,

    /// Foreground from here on, 1–255; 240 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alpha_matting_foreground_threshold: Option<u8>,

    /// Background up to here, 1–255; 10 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alpha_matting_background_threshold: Option<u8>,

    /// How far the edge is eaten away, 1–255 pixels; 10 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alpha_matting_erode_size: Option<u8>,
}

impl NeighbourTask for RemoveBackground {
    const NAME: &'static str = "removeBackground";
    const OLD_NAMES: &'static [&'static str] = &["imageBackgroundRemoval"];
}

impl Documented for RemoveBackground {
    const FIELDS: &'static [&'static [Field]] = &[
        TASK,
        INPUT,
        PICTURE,
        TEXT,
        &[
            model(),
            object("settings"),
            Field::List("settings.rgba", "integer[]"),
            switch("settings.postProcessMask"),
            switch("settings.returnOnlyMask"),
            switch("settings.alphaMatting"),
            integer("settings.alphaMattingForegroundThreshold", 1, 255),
            integer("settings.alphaMattingBackgroundThreshold", 1, 255),
            integer("settings.alphaMattingErodeSize", 1, 255),
        ],
    ];

    fn conflicts(&self) -> Vec<Problem> {
        let inputs = self.inputs.as_ref().is_some_and(|inputs| inputs.image.is_some());
        let there = [self.input_image.is_some(), inputs];
        exactly_one(["inputImage", "inputs.image"], there, "a picture").into_iter().collect()
    }
}
