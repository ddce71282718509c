//! `controlNetPreprocess`: a picture in, the guide for a `ControlNet` out.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Extra;
use super::delivery::{Delivery, INPUT, Inputs, PICTURE, TEXT};
use super::field::{Field, TASK, at_least, integer, model, object, switch, word};
use super::read::{Documented, NeighbourTask, exactly_one};
use crate::task::{Air, DefaultValue, ImageRef, Preprocess, Preprocessor, Problem};

/// How the models are called that stand for types of guides: `runware:controlnet-preprocess@canny`.
const MODEL: (&str, &str) = ("runware", "controlnet-preprocess");

/// `controlNetPreprocess`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ControlNetPreprocess {
    /// Names the task.
    #[serde(rename = "taskUUID")]
    pub task_uuid: Uuid,

    /// The picture, in the older form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_image: Option<ImageRef>,

    /// The picture, in the newer form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Inputs>,

    /// What the guide shows, in the older form.
    #[serde(rename = "preProcessorType", skip_serializing_if = "Option::is_none")]
    pub preprocessor: Option<Preprocessor>,

    /// What the guide shows, in the newer form: `runware:controlnet-preprocess@<type>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<Air>,

    /// Pixels from left to right, at most the picture's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,

    /// Pixels from top to bottom, at most the picture's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,

    /// The parameters of single types, in the older form.
    #[serde(flatten)]
    pub flat: PreprocessSettings,

    /// The same in the newer form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settings: Option<PreprocessSettings>,

    /// How the guide is delivered.
    #[serde(flatten)]
    pub delivery: Delivery,
}

/// The parameters of single types of guides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PreprocessSettings {
    /// Canny: edges go on above it, 0–255; 100 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low_threshold_canny: Option<u8>,

    /// Canny: edges begin above it, 0–255; 200 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub high_threshold_canny: Option<u8>,

    /// Openpose: fingers and a face as well.
    #[serde(rename = "includeHandsAndFaceOpenPose", skip_serializing_if = "Option::is_none")]
    pub include_hands_and_face: Option<bool>,
}

impl ControlNetPreprocess {
    /// The picture.
    #[must_use]
    pub fn image(&self) -> Option<&ImageRef> {
        self.input_image.as_ref().or_else(|| self.inputs.as_ref()?.image.as_ref())
    }

    /// The type and its parameters, however they were written.
    ///
    /// # Errors
    /// When `model` is not one of the documented types.
    pub fn preprocess(&self) -> Result<Preprocess, Box<Problem>> {
        let preprocessor = match (self.preprocessor, &self.model) {
            (Some(preprocessor), _) => Some(preprocessor),
            (None, Some(model)) => of_model(model),
            (None, None) => None,
        };
        let preprocessor = preprocessor.ok_or_else(|| {
            let names = Preprocessor::WORDS.join(", ");
            let message =
                format!("model must be runware:controlnet-preprocess@ and one of {names}.");
            Box::new(Problem::at("invalid", "model", message))
        })?;
        let settings = self.settings.unwrap_or_default();
        let pick = |flat: Option<u8>, nested: Option<u8>| flat.or(nested);
        let hands = self.flat.include_hands_and_face.or(settings.include_hands_and_face);
        Ok(Preprocess {
            width: self.width,
            height: self.height,
            low_threshold: pick(self.flat.low_threshold_canny, settings.low_threshold_canny),
            high_threshold: pick(self.flat.high_threshold_canny, settings.high_threshold_canny),
            hands_and_face: hands.unwrap_or(false),
            ..Preprocess::new(preprocessor)
        })
    }
}

/// The type that a model of that name stands for; AIRs write `lineart-anime`.
fn of_model(model: &Air) -> Option<Preprocessor> {
    let word = model.version().replace('-', "_");
    let named = |one: &&Preprocessor| one.as_str() == word;
    let found = Preprocessor::ALL.iter().find(named).copied();
    found.filter(|_| (model.source(), model.id()) == MODEL)
}

impl NeighbourTask for ControlNetPreprocess {
    const NAME: &'static str = "controlNetPreprocess";
    const OLD_NAMES: &'static [&'static str] = &["imageControlNetPreProcess"];
}

/// A threshold of canny.
const fn threshold(name: &'static str, default: u32) -> Field {
    integer(name, 0, 255).default(DefaultValue::Integer(default))
}

impl Documented for ControlNetPreprocess {
    const FIELDS: &'static [&'static [Field]] = &[
        TASK,
        INPUT,
        PICTURE,
        TEXT,
        &[
            word("preProcessorType", Preprocessor::WORDS),
            model(),
            at_least("width", 1),
            at_least("height", 1),
            threshold("lowThresholdCanny", 100),
            threshold("highThresholdCanny", 200),
            switch("includeHandsAndFaceOpenPose"),
            object("settings"),
            threshold("settings.lowThresholdCanny", 100),
            threshold("settings.highThresholdCanny", 200),
            switch("settings.includeHandsAndFaceOpenPose"),
        ],
    ];

    fn conflicts(&self) -> Vec<Problem> {
        let inputs = self.inputs.as_ref().is_some_and(|inputs| inputs.image.is_some());
        let image = exactly_one(
            ["inputImage", "inputs.image"],
            [self.input_image.is_some(), inputs],
            "a picture",
        );
        let kind = exactly_one(
            ["preProcessorType", "model"],
            [self.preprocessor.is_some(), self.model.is_some()],
            "the type of the guide",
        );
        let unknown =
            kind.is_none().then(|| self.preprocess().err()).flatten().map(|problem| *problem);
        [image, kind, unknown].into_iter().flatten().collect()
    }
}

/// The answer to [`ControlNetPreprocess`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GuideResult {
    /// The task it belongs to.
    #[serde(rename = "taskUUID")]
    pub task_uuid: Uuid,

    /// Names the guide.
    #[serde(rename = "guideImageUUID")]
    pub guide_image_uuid: Uuid,

    /// The picture it was made of.
    #[serde(rename = "inputImageUUID", skip_serializing_if = "Option::is_none")]
    pub input_image_uuid: Option<Uuid>,

    /// Where it can be fetched.
    #[serde(rename = "guideImageURL", skip_serializing_if = "Option::is_none")]
    pub guide_image_url: Option<String>,

    /// The file as base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guide_image_base64_data: Option<String>,

    /// The file as a data URI.
    #[serde(rename = "guideImageDataURI", skip_serializing_if = "Option::is_none")]
    pub guide_image_data_uri: Option<String>,

    /// US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,

    /// What is not documented.
    #[serde(flatten)]
    pub extra: Extra,
}
