//! Guides for ControlNets: who makes them, and of what.

use std::path::Path;

use super::{Cancel, Failure};
use crate::pixels::Picture;
use crate::task::Preprocess;

/// A guide that is wanted.
#[derive(Clone, Copy, Debug)]
pub struct GuideOrder<'a> {
    /// Its type and parameters, [without problems](Preprocess::problems) for the picture.
    pub preprocess: Preprocess,

    /// What it shows.
    pub picture: &'a Picture,

    /// The ONNX file of a network that draws it; without one the type's own rule does.
    pub annotator: Option<&'a Path>,
}

/// Makes guides, by rules and by networks. The local engine implements it; a network may take many
/// seconds, so the window gives it a thread.
pub trait GuideMaker: Send + Sync {
    /// Makes one guide, of the size that the order asks for.
    ///
    /// # Errors
    /// Why there is none, for the user; also once `cancel` was used.
    fn make(&self, order: &GuideOrder<'_>, cancel: &Cancel) -> Result<Picture, Failure>;
}
