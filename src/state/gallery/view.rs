//! How the user looks at the gallery: what is chosen, folded, compared.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What only this window knows of the gallery. The first block is saved between runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct GalleryView {
    /// Whether the details of the chosen picture are unfolded.
    pub details_open: bool,

    /// Whether results are saved without what they were made with.
    pub save_bare: bool,

    /// Whether only starred pictures are shown.
    #[serde(skip)]
    pub only_starred: bool,

    /// Several chosen pictures.
    #[serde(skip)]
    pub marks: Marks,

    /// Two pictures over each other on the canvas.
    #[serde(skip)]
    pub compare: Option<Compare>,

    /// Whether a picture of the grid has the keyboard, as drawn last.
    #[serde(skip)]
    pub has_keyboard: bool,

    /// Set for one frame: the search takes the keyboard.
    #[serde(skip)]
    pub focus_search: bool,

    /// Set for one frame: the chosen picture takes the keyboard.
    #[serde(skip)]
    pub focus_chosen: bool,
}

impl GalleryView {
    /// Whether what is saved of both is the same.
    #[must_use]
    pub const fn same_saved(&self, other: &Self) -> bool {
        self.details_open == other.details_open && self.save_bare == other.save_bare
    }

    /// From now on one picture is chosen, and shown alone.
    pub fn choose_one(&mut self) {
        self.marks = Marks::default();
        self.compare = None;
    }
}

/// Pictures that are chosen together. They count only as long as the shown picture is one of them:
/// a new result that is shown by itself is chosen alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    pictures: BTreeSet<Uuid>,
    /// Where a range began.
    anchor: Option<Uuid>,
}

impl Marks {
    /// Whether that picture is chosen while `shown` is on the canvas.
    #[must_use]
    pub fn holds(&self, image_uuid: Uuid, shown: Option<Uuid>) -> bool {
        shown == Some(image_uuid) || (self.count(shown) > 1 && self.pictures.contains(&image_uuid))
    }

    /// How many pictures are chosen while `shown` is on the canvas.
    #[must_use]
    pub fn count(&self, shown: Option<Uuid>) -> usize {
        match shown {
            None => 0,
            Some(shown) if self.pictures.contains(&shown) => self.pictures.len(),
            Some(_) => 1,
        }
    }

    /// The chosen pictures while `shown` is on the canvas.
    pub(super) fn all(&self, shown: Option<Uuid>) -> BTreeSet<Uuid> {
        if self.count(shown) > 1 { self.pictures.clone() } else { shown.into_iter().collect() }
    }

    /// Where a range begins.
    pub(super) fn anchor(&self, shown: Option<Uuid>) -> Option<Uuid> {
        if self.count(shown) > 1 { self.anchor.or(shown) } else { shown }
    }

    /// Chooses these; a range begins at `anchor`.
    pub(super) fn set(&mut self, pictures: BTreeSet<Uuid>, anchor: Option<Uuid>) {
        *self = Self { pictures, anchor };
    }

    /// Chooses only those that are `shown`.
    pub(in crate::state) fn keep(&mut self, shown: impl Fn(Uuid) -> bool) {
        self.pictures.retain(|image_uuid| shown(*image_uuid));
    }
}

/// Two pictures over each other, with a line between what is seen of each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Compare {
    /// Left and right of the line.
    pub pictures: [Uuid; 2],

    /// Where the line is: 0 at the left edge of the pictures, 1 at the right.
    pub split: f32,
}

impl Compare {
    /// How far an arrow key moves the line.
    pub const STEP: f32 = 0.02;

    /// Both pictures, the line in the middle.
    #[must_use]
    pub const fn new(pictures: [Uuid; 2]) -> Self {
        Self { pictures, split: 0.5 }
    }

    /// Moves the line by a share of the width.
    pub const fn shift(&mut self, by: f32) {
        self.split = (self.split + by).clamp(0.0, 1.0);
    }

    /// Left becomes right.
    pub const fn swap(&mut self) {
        self.pictures.swap(0, 1);
    }
}
