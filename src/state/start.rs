//! What is known of the pictures the form names, the one to start from and its mask: the size, or
//! why it cannot be used.

use std::path::PathBuf;

use uuid::Uuid;

use super::{Draft, World};
use crate::pixels::Extent;

/// What lies on disk of a picture that the form names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartPicture {
    /// It can be used.
    Here {
        /// The file.
        path: PathBuf,
        /// Size of the picture in pixels.
        extent: Extent,
    },
    /// No file of that name is in the library any more.
    Gone,
    /// The file is there and holds no picture; this says why.
    Damaged(String),
}

impl StartPicture {
    /// What the picture is instead of usable, in one word; `None` when it can be used.
    #[must_use]
    pub const fn fault(&self) -> Option<&'static str> {
        match self {
            Self::Here { .. } => None,
            Self::Gone => Some("gone"),
            Self::Damaged(_) => Some("damaged"),
        }
    }

    /// Why the picture to start from cannot be used and what to do; `None` when it can.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        let what = self.trouble()?;
        Some(format!("The picture to start from {what}. Open another one, or remove it"))
    }

    fn trouble(&self) -> Option<String> {
        match self {
            Self::Here { .. } => None,
            Self::Gone => Some("is no longer in the library".to_owned()),
            Self::Damaged(why) => Some(format!("cannot be read ({why})")),
        }
    }
}

impl World {
    /// What is known of the picture `draft` starts from; `None` while nothing is, or without one.
    #[must_use]
    pub fn start_picture(&self, draft: &Draft) -> Option<&StartPicture> {
        let (image_uuid, picture) = self.start.as_ref()?;
        (Some(*image_uuid) == draft.seed_image).then_some(picture)
    }

    /// The size of the picture `draft` starts from, once it is known and if it can be used.
    #[must_use]
    pub fn start_extent(&self, draft: &Draft) -> Option<Extent> {
        match self.start_picture(draft)? {
            StartPicture::Here { extent, .. } => Some(*extent),
            StartPicture::Gone | StartPicture::Damaged(_) => None,
        }
    }

    /// What is known of the mask of the library that `draft` names.
    #[must_use]
    pub fn mask_picture(&self, draft: &Draft) -> Option<&StartPicture> {
        let (image_uuid, picture) = self.mask.as_ref()?;
        (Some(*image_uuid) == draft.mask.kept()).then_some(picture)
    }

    /// Why `draft` cannot start from its picture, or not with its mask.
    #[must_use]
    pub fn start_refusal(&self, draft: &Draft) -> Option<String> {
        let start = self.start_picture(draft).and_then(StartPicture::refusal);
        start.or_else(|| self.mask_refusal(draft))
    }

    /// Why the mask of the library that `draft` names cannot be used and what to do.
    #[must_use]
    pub fn mask_refusal(&self, draft: &Draft) -> Option<String> {
        let what = self.mask_picture(draft)?.trouble()?;
        Some(format!("The mask {what}. Draw another one, or clear it"))
    }

    /// Takes in what was found of a picture to start from.
    pub fn set_start(&mut self, image_uuid: Uuid, picture: StartPicture) {
        self.start = Some((image_uuid, picture));
    }

    /// Takes in what was found of a mask.
    pub fn set_mask(&mut self, image_uuid: Uuid, picture: StartPicture) {
        self.mask = Some((image_uuid, picture));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::MaskShape;

    #[test]
    fn what_is_known_of_another_picture_says_nothing() {
        let mut world = World::default();
        let draft = |id: u128| Draft { seed_image: Some(Uuid::from_u128(id)), ..Draft::default() };
        world.set_start(Uuid::from_u128(1), StartPicture::Gone);
        assert_eq!(world.start_picture(&draft(1)), Some(&StartPicture::Gone));
        assert!(world.start_refusal(&draft(1)).unwrap().contains("no longer in the library"));
        assert_eq!(world.start_refusal(&draft(2)), None);
        assert_eq!(world.start_refusal(&Draft::default()), None);
    }

    #[test]
    fn a_mask_that_cannot_be_read_is_told() {
        let mut world = World::default();
        let mut draft = Draft { seed_image: Some(Uuid::from_u128(1)), ..Draft::default() };
        draft.mask.shape = MaskShape::Kept(Uuid::from_u128(2));
        assert_eq!(world.start_refusal(&draft), None, "nothing is known yet");
        world.set_mask(Uuid::from_u128(2), StartPicture::Damaged("no PNG".to_owned()));
        let refusal = world.start_refusal(&draft).unwrap();
        assert!(refusal.contains("mask") && refusal.contains("no PNG"), "{refusal}");
        draft.mask.shape = MaskShape::Nowhere;
        assert_eq!(world.start_refusal(&draft), None);
    }
}
