//! How results are wanted, and the fields that results of several types share.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Extra;
use super::field::{Field, at_least, field, image, integer, object, switch, word};
use crate::task::{DefaultValue, DeliveryMethod, ImageRef, Kind, OutputFormat, OutputType};

/// How a picture is delivered; the same fields as in `imageInference`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// How the answer carries the picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_type: Option<OutputType>,

    /// File format of the picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_format: Option<OutputFormat>,

    /// JPG and WEBP quality, 20–99.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_quality: Option<u8>,

    /// Address that gets the picture by HTTP PUT.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upload_endpoint: Option<String>,

    /// Seconds the result's address lives, at least 60.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u32>,

    /// As for texts.
    #[serde(flatten)]
    pub text: TextDelivery,
}

/// How any result is delivered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TextDelivery {
    /// Whether the answer says what it cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_cost: Option<bool>,

    /// Whether the connection waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_method: Option<DeliveryMethod>,

    /// Address that is told when the result is ready.
    #[serde(rename = "webhookURL", skip_serializing_if = "Option::is_none")]
    pub webhook_url: Option<String>,
}

/// The fields of [`TextDelivery`].
pub(super) const TEXT: &[Field] = &[
    switch("includeCost"),
    word("deliveryMethod", DeliveryMethod::WORDS),
    field("webhookURL", Kind::Url),
];

/// The fields of [`Delivery`] beyond those.
pub(super) const PICTURE: &[Field] = &[
    word("outputType", OutputType::WORDS).default(DefaultValue::Word("URL")),
    word("outputFormat", OutputFormat::WORDS).default(DefaultValue::Word("JPG")),
    integer("outputQuality", 20, 99).default(DefaultValue::Integer(95)),
    field("uploadEndpoint", Kind::Url),
    at_least("ttl", 60),
];

/// The picture of a task in the newer form.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Inputs {
    /// The picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageRef>,
}

/// The picture, in the older form or the newer one.
pub(super) const INPUT: &[Field] = &[image("inputImage"), object("inputs"), image("inputs.image")];

/// A picture made of another one: the answer to `upscale` and `removeBackground`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MadeImage {
    /// The task it belongs to.
    #[serde(rename = "taskUUID")]
    pub task_uuid: Uuid,

    /// Names the picture; newer answers may call it `mediaUUID`.
    #[serde(rename = "imageUUID", alias = "mediaUUID", skip_serializing_if = "Option::is_none")]
    pub image_uuid: Option<Uuid>,

    /// The picture it was made of.
    #[serde(rename = "inputImageUUID", skip_serializing_if = "Option::is_none")]
    pub input_image_uuid: Option<Uuid>,

    /// Where it can be fetched.
    #[serde(rename = "imageURL", alias = "mediaURL", skip_serializing_if = "Option::is_none")]
    pub image_url: Option<String>,

    /// The file as base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_base64_data: Option<String>,

    /// The file as a data URI.
    #[serde(rename = "imageDataURI", skip_serializing_if = "Option::is_none")]
    pub image_data_uri: Option<String>,

    /// US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,

    /// What is not documented.
    #[serde(flatten)]
    pub extra: Extra,
}
