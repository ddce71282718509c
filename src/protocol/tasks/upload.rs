//! `imageUpload`: leaves a picture with the server for later tasks.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Extra;
use super::field::{Field, TASK, image};
use super::read::{Documented, NeighbourTask};
use crate::task::{ImageRef, Problem};

/// `imageUpload`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImageUpload {
    /// Names the task.
    #[serde(rename = "taskUUID")]
    pub task_uuid: Uuid,

    /// The picture: a data URI, base64 or an address.
    pub image: ImageRef,
}

impl NeighbourTask for ImageUpload {
    const NAME: &'static str = "imageUpload";
}

impl Documented for ImageUpload {
    const FIELDS: &'static [&'static [Field]] = &[TASK, &[image("image").required()]];

    fn conflicts(&self) -> Vec<Problem> {
        let message = "image must be the picture itself or its address, not the UUID of one that is \
                       there already.";
        let is_uuid = matches!(self.image, ImageRef::Uuid(_));
        is_uuid.then(|| Problem::at("invalid", "image", message)).into_iter().collect()
    }
}

/// The answer to [`ImageUpload`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UploadedImage {
    /// The task it belongs to.
    #[serde(rename = "taskUUID")]
    pub task_uuid: Uuid,

    /// What later tasks call the picture; not for ever.
    #[serde(rename = "imageUUID")]
    pub image_uuid: Uuid,

    /// Where it can be fetched; older answers lack it.
    #[serde(rename = "imageURL", default, skip_serializing_if = "Option::is_none")]
    pub image_url: Option<String>,

    /// What is not documented.
    #[serde(flatten)]
    pub extra: Extra,
}
