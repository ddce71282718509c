//! Which part of the start picture is repainted: rectangles drawn over it, or a mask of the library.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::pixels::{Extent, Mask, Picture, Rectangle};

/// Most rectangles of one mask.
const MOST: usize = 32;
/// Most steps that can be undone.
const STEPS_BACK: usize = 64;
/// Greatest [`MaskDraft::feather`], in pixels.
pub const MAX_FEATHER: u32 = 64;

/// Where a mask is white.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MaskShape {
    /// There is no mask.
    #[default]
    Nowhere,

    /// Where this picture of the library is.
    Kept(Uuid),

    /// On these rectangles, in pixels of the start picture, the last one drawn last.
    Drawn(Vec<Rectangle>),
}

impl MaskShape {
    /// The rectangles, if it was drawn.
    #[must_use]
    pub fn rectangles(&self) -> &[Rectangle] {
        match self {
            Self::Drawn(rectangles) => rectangles,
            Self::Nowhere | Self::Kept(_) => &[],
        }
    }
}

/// The mask of the form and how it is used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MaskDraft {
    /// Where it is white.
    pub shape: MaskShape,

    /// Pixels over which the edge of a drawn mask fades to either side, 0–64.
    pub feather: u32,

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
            MaskShape::Nowhere | MaskShape::Drawn(_) => None,
        }
    }

    /// The mask as it is drawn over a start picture of that size; `None` when it was not drawn here.
    #[must_use]
    pub fn drawn(&self, extent: Extent) -> Option<DrawnMask> {
        let MaskShape::Drawn(rectangles) = &self.shape else { return None };
        Some(DrawnMask { extent, rectangles: rectangles.clone(), feather: self.feather })
    }

    /// The rectangle that numbers change: the last one.
    pub fn last_mut(&mut self) -> Option<&mut Rectangle> {
        match &mut self.shape {
            MaskShape::Drawn(rectangles) => rectangles.last_mut(),
            MaskShape::Nowhere | MaskShape::Kept(_) => None,
        }
    }

    /// Adds a rectangle; a mask of the library gives way to it. Of too many, the first goes.
    pub fn add(&mut self, rectangle: Rectangle, history: &mut MaskHistory) {
        history.remember(&self.shape);
        let mut rectangles = self.shape.rectangles().to_vec();
        if rectangles.len() >= MOST {
            rectangles.remove(0);
        }
        rectangles.push(rectangle);
        self.shape = MaskShape::Drawn(rectangles);
    }

    /// Adds one over the middle of a picture of that size, half as wide and half as high.
    pub fn add_in_the_middle(
        &mut self,
        Extent { width, height }: Extent,
        history: &mut MaskHistory,
    ) {
        let middle = Rectangle::new(width / 4, height / 4, (width / 2).max(1), (height / 2).max(1));
        self.add(middle, history);
    }

    /// Takes the whole mask away.
    pub fn clear(&mut self, history: &mut MaskHistory) {
        if self.is_there() {
            history.remember(&self.shape);
            self.shape = MaskShape::Nowhere;
        }
    }

    /// Goes back to the mask before the last [`Self::add`] or [`Self::clear`]; without such, takes
    /// the last rectangle away.
    pub fn undo(&mut self, history: &mut MaskHistory) {
        if let Some(before) = history.before.pop() {
            self.shape = before;
        } else if let MaskShape::Drawn(rectangles) = &mut self.shape {
            rectangles.pop();
            if rectangles.is_empty() {
                self.shape = MaskShape::Nowhere;
            }
        }
    }

    /// Whether [`Self::undo`] does something.
    #[must_use]
    pub fn can_undo(&self, history: &MaskHistory) -> bool {
        !history.before.is_empty() || !self.shape.rectangles().is_empty()
    }
}

/// The masks that were there before, the last one last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MaskHistory {
    before: Vec<MaskShape>,
}

impl MaskHistory {
    fn remember(&mut self, shape: &MaskShape) {
        if self.before.len() >= STEPS_BACK {
            self.before.remove(0);
        }
        self.before.push(shape.clone());
    }
}

/// A mask to be drawn as a picture; takes time, so not on the window's thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrawnMask {
    extent: Extent,
    rectangles: Vec<Rectangle>,
    feather: u32,
}

impl DrawnMask {
    /// Draws it.
    #[must_use]
    pub fn draw(&self) -> Picture {
        let mask = Mask::from_rectangles(self.extent, &self.rectangles);
        mask.softened(self.feather.min(MAX_FEATHER)).to_picture()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: Rectangle = Rectangle::new(0, 0, 4, 4);
    const B: Rectangle = Rectangle::new(2, 2, 9, 9);

    #[test]
    fn each_step_is_undone_in_turn() {
        let (mut mask, mut history) = (MaskDraft::default(), MaskHistory::default());
        assert!(!mask.can_undo(&history));
        mask.clear(&mut history);
        assert!(!mask.can_undo(&history), "nothing was taken away");
        mask.add(A, &mut history);
        mask.add(B, &mut history);
        mask.clear(&mut history);
        assert!(!mask.is_there());
        mask.undo(&mut history);
        assert_eq!(mask.shape.rectangles(), [A, B]);
        mask.undo(&mut history);
        assert_eq!(mask.shape.rectangles(), [A]);
        mask.undo(&mut history);
        assert!(!mask.is_there() && !mask.can_undo(&history));
    }

    #[test]
    fn after_a_restart_the_rectangles_go_one_by_one() {
        let shape = MaskShape::Drawn(vec![A, B]);
        let (mut mask, mut history) =
            (MaskDraft { shape, ..MaskDraft::default() }, MaskHistory::default());
        mask.undo(&mut history);
        assert_eq!(mask.shape.rectangles(), [A]);
        assert!(mask.can_undo(&history));
        mask.undo(&mut history);
        assert!(!mask.is_there());
    }

    #[test]
    fn a_rectangle_takes_the_place_of_a_mask_of_the_library() {
        let kept = Uuid::from_u128(3);
        let shape = MaskShape::Kept(kept);
        let (mut mask, mut history) =
            (MaskDraft { shape, ..MaskDraft::default() }, MaskHistory::default());
        assert_eq!(mask.drawn(Extent::new(8, 8)), None);
        mask.add_in_the_middle(Extent::new(8, 8), &mut history);
        assert_eq!(
            (mask.kept(), mask.shape.rectangles()),
            (None, &[Rectangle::new(2, 2, 4, 4)][..])
        );
        let drawn = mask.drawn(Extent::new(8, 8)).unwrap().draw();
        assert_eq!(drawn.rgba().chunks_exact(4).filter(|pixel| pixel[0] == 255).count(), 16);
        mask.undo(&mut history);
        assert_eq!(mask.kept(), Some(kept));
    }

    #[test]
    fn the_number_of_rectangles_and_of_steps_is_bounded() {
        let (mut mask, mut history) = (MaskDraft::default(), MaskHistory::default());
        for x in 0..200 {
            mask.add(Rectangle::new(x, 0, 1, 1), &mut history);
        }
        assert_eq!(mask.shape.rectangles().len(), MOST);
        assert_eq!(mask.shape.rectangles().last(), Some(&Rectangle::new(199, 0, 1, 1)));
        assert_eq!(history.before.len(), STEPS_BACK);
    }
}
