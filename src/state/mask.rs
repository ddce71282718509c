//! Which part of the start picture is repainted, as the form says it; the pixels are [`super::Painting`]'s.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Where a mask is white.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MaskShape {
    /// There is no mask.
    #[default]
    Nowhere,

    /// Where this picture of the library is.
    Kept(Uuid),

    /// Where it was painted here; becomes a picture of the library when a task needs it.
    Painted,
}

/// The mask of the form and how it is used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MaskDraft {
    /// Where it is white.
    pub shape: MaskShape,

    /// Pixels around the mask that the engine zooms into, 32–128; it does not zoom without.
    pub margin: Option<u32>,
}

impl MaskDraft {
    /// Whether there is a mask.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.shape != MaskShape::Nowhere
    }

    /// The mask of the library, if it is one.
    #[must_use]
    pub const fn kept(&self) -> Option<Uuid> {
        match self.shape {
            MaskShape::Kept(image_uuid) => Some(image_uuid),
            MaskShape::Nowhere | MaskShape::Painted => None,
        }
    }
}
