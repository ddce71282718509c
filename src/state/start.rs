//! What is known of the picture the form starts from: its size, or why it cannot be used.

use std::path::PathBuf;

use uuid::Uuid;

use super::{Draft, World};
use crate::pixels::Extent;

/// What lies on disk of the picture to start from.
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

    /// Why the picture cannot be used and what to do; `None` when it can.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        let what = match self {
            Self::Here { .. } => return None,
            Self::Gone => "is no longer in the library".to_owned(),
            Self::Damaged(why) => format!("cannot be read ({why})"),
        };
        Some(format!("The picture to start from {what}. Open another one, or remove it"))
    }
}

impl World {
    /// What is known of the picture `draft` starts from; `None` while nothing is, or without one.
    #[must_use]
    pub fn start_picture(&self, draft: &Draft) -> Option<&StartPicture> {
        let (image_uuid, picture) = self.start.as_ref()?;
        (Some(*image_uuid) == draft.seed_image).then_some(picture)
    }

    /// Why `draft` cannot start from its picture.
    #[must_use]
    pub fn start_refusal(&self, draft: &Draft) -> Option<String> {
        self.start_picture(draft)?.refusal()
    }

    /// Takes in what was found of a picture to start from.
    pub fn set_start(&mut self, image_uuid: Uuid, picture: StartPicture) {
        self.start = Some((image_uuid, picture));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
