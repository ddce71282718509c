//! The mask while it is painted on: its pixels, where they came from, and when the form hears of them.
//!
//! The form only knows that there is a mask ([`MaskShape`]). The pixels lie here, over the start
//! picture; a change of either is brought to the other once a frame.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Draft, MaskShape};
use crate::pixels::{Brush, Extent, Ink, Mask, PaintedMask, Rectangle};

/// Longest side of a mask in pixels; on larger pictures its pixels are larger than theirs.
const LONGEST: u32 = 4096;

/// Where the pixels of a mask lie before they are here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaskSource {
    /// A picture of the library.
    Kept(Uuid),
    /// What was painted on the start picture of that name, saved for the next start.
    Saved(Uuid),
}

/// Pixels that are on their way, and to where: an answer for another picture is thrown away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaskTicket {
    /// The start picture.
    pub seed_image: Uuid,
    /// Size that the mask must have.
    pub extent: Extent,
    number: u64,
}

/// How the tools over the canvas are set; saved between runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ToolSettings {
    /// Of the brush and the eraser alike, in pixels of the start picture.
    pub brush: Brush,
    /// How strongly the mask tints the picture, 0.1–1.
    pub tint: f32,
    /// How far colours may be from the chosen one, 0–255.
    pub tolerance: u8,
    /// Pixels that the mask grows, shrinks or fades by, 1–128.
    pub reach: u32,
}

impl Default for ToolSettings {
    fn default() -> Self {
        Self { brush: Brush::default(), tint: 0.48, tolerance: 24, reach: 8 }
    }
}

impl ToolSettings {
    /// Makes a brush that hardly fits a picture of that size fit it.
    pub fn fit(&mut self, start: Extent) {
        let longest = start.width.max(start.height) as f32;
        if self.brush.size > longest / 2.5 {
            self.brush = Brush { size: (longest / 8.0).round(), ..self.brush }.within_range();
        }
    }
}

/// The mask in hand.
#[derive(Debug, Default)]
pub struct Painting {
    seed_image: Option<Uuid>,
    mask: Option<PaintedMask>,
    /// The form's word when the two were last brought together.
    shape: MaskShape,
    /// The mask's revision then.
    settled: u64,
    awaited: Option<MaskTicket>,
    /// Its pixels could not be had; not asked for again until something changes.
    refused: bool,
    tickets: u64,
    /// Counts the masks that were begun; their revisions begin anew with each, this never does.
    generation: u64,
    /// Where the last stroke ended, in pixels of the mask; a line goes on from there.
    pub last: Option<[f32; 2]>,
    /// Corners of the shape that is being drawn, in pixels of the mask.
    pub outline: Vec<[f32; 2]>,
}

impl Painting {
    /// The size of a mask over a start picture of that size.
    #[must_use]
    pub fn extent_over(start: Extent) -> Extent {
        let longest = start.width.max(start.height);
        if longest <= LONGEST {
            return start;
        }
        let scaled = |side: u32| {
            let side = u64::from(side) * u64::from(LONGEST) / u64::from(longest);
            (side as u32).max(1)
        };
        Extent::new(scaled(start.width), scaled(start.height))
    }

    /// The painted pixels, once there are any.
    #[must_use]
    pub const fn mask(&self) -> Option<&PaintedMask> {
        self.mask.as_ref()
    }

    /// The rectangle that changed since this was asked last.
    pub fn take_changed(&mut self) -> Option<Rectangle> {
        self.mask.as_mut()?.take_changed()
    }

    /// The mask to paint on; empty at first. `None` while its pixels are on their way, or while
    /// nothing is known of the start picture.
    pub fn hand_out(&mut self, start: Option<Extent>) -> Option<&mut PaintedMask> {
        if self.awaited.is_some() || self.seed_image.is_none() {
            return None;
        }
        let extent = Self::extent_over(start?);
        if self.mask.as_ref().is_none_or(|mask| mask.extent() != extent) {
            self.put(PaintedMask::new(extent));
        }
        self.mask.as_mut()
    }

    /// How much of the picture is made anew, 0–1; of a mask whose pixels are here.
    #[must_use]
    pub fn share(&self) -> Option<f32> {
        self.mask.as_ref().map(PaintedMask::share)
    }

    /// Whether pixels are on their way.
    #[must_use]
    pub const fn is_waiting(&self) -> bool {
        self.awaited.is_some()
    }

    /// Lets pixels that replace those that are here come too late.
    pub fn wait_no_more(&mut self) {
        if self.mask.is_some() {
            self.awaited = None;
        }
    }

    /// Ends the stroke that is being drawn, and lets go of an unfinished shape.
    pub fn end(&mut self) {
        self.outline.clear();
        if let Some(mask) = &mut self.mask {
            mask.end_stroke();
        }
    }

    /// Gives up the stroke or the shape that is being drawn; whether there was one.
    pub fn cancel(&mut self) -> bool {
        let outline = !std::mem::take(&mut self.outline).is_empty();
        let Some(mask) = self.mask.as_mut().filter(|mask| mask.is_drawing()) else {
            return outline;
        };
        mask.cancel_stroke();
        true
    }

    /// Fills or empties a rectangle, in pixels of the mask.
    pub fn fill_rectangle(&mut self, start: Option<Extent>, rectangle: Rectangle, ink: Ink) {
        let [left, top] = [rectangle.x as f32, rectangle.y as f32];
        let [right, bottom] = [rectangle.right() as f32, rectangle.bottom() as f32];
        if let Some(mask) = self.hand_out(start) {
            mask.fill_shape(&[[left, top], [right, top], [right, bottom], [left, bottom]], ink);
        }
    }

    /// Brings the form and the pixels together; returns the pixels that have to be read. Once a
    /// frame, and whenever the form was changed as a whole.
    pub fn settle(
        &mut self,
        draft: &mut Draft,
        start: Option<Extent>,
    ) -> Option<(MaskTicket, MaskSource)> {
        if draft.seed_image != self.seed_image {
            let Self { tickets, generation, .. } = *self;
            let seed_image = draft.seed_image;
            *self = Self { seed_image, tickets, generation, ..Self::default() };
        }
        self.hear_form(draft);
        self.tell_form(draft);
        self.wanted(draft, start)
    }

    /// The form may have lost its mask, or got another one.
    fn hear_form(&mut self, draft: &Draft) {
        let shape = draft.mask.shape;
        if shape == self.shape {
            return;
        }
        match (shape, &mut self.mask) {
            // Undo brings it back.
            (MaskShape::Nowhere, Some(mask)) => mask.clear(),
            // The pixels here are others than those the form speaks of now.
            _ => self.mask = None,
        }
        (self.awaited, self.refused) = (None, false);
        self.outline.clear();
        self.settled = self.mask.as_ref().map_or(0, PaintedMask::revision);
        self.shape = shape;
    }

    /// The pixels may have changed under the form.
    fn tell_form(&mut self, draft: &mut Draft) {
        let Some(mask) = self.mask.as_ref().filter(|mask| mask.revision() != self.settled) else {
            return;
        };
        if mask.is_drawing() {
            // A stroke that takes away may leave nothing: known at its end.
            if draft.mask.shape == MaskShape::Nowhere {
                draft.mask.shape = MaskShape::Painted;
            }
        } else {
            self.settled = mask.revision();
            let there = mask.share() > 0.0;
            draft.mask.shape = if there { MaskShape::Painted } else { MaskShape::Nowhere };
        }
        self.shape = draft.mask.shape;
    }

    fn wanted(&mut self, draft: &Draft, start: Option<Extent>) -> Option<(MaskTicket, MaskSource)> {
        if self.mask.is_some() || self.awaited.is_some() || self.refused {
            return None;
        }
        let source = match draft.mask.shape {
            MaskShape::Nowhere => return None,
            MaskShape::Kept(image_uuid) => MaskSource::Kept(image_uuid),
            MaskShape::Painted => MaskSource::Saved(self.seed_image?),
        };
        Some((self.ticket(start)?, source))
    }

    /// A ticket for pixels that are made elsewhere; nothing is painted until they are here.
    pub fn ticket(&mut self, start: Option<Extent>) -> Option<MaskTicket> {
        let extent = Self::extent_over(start?);
        self.tickets += 1;
        let ticket = MaskTicket { seed_image: self.seed_image?, extent, number: self.tickets };
        self.awaited = Some(ticket);
        Some(ticket)
    }

    /// Takes in pixels that were read or made; `None` when there are none after all. Returns
    /// whether they were still awaited.
    pub fn arrived(&mut self, ticket: MaskTicket, mask: Option<Mask>) -> bool {
        if self.awaited != Some(ticket) {
            return false;
        }
        self.awaited = None;
        let Some(mask) = mask.filter(|mask| mask.extent() == ticket.extent) else {
            self.refused = self.mask.is_none();
            return true;
        };
        if let Some(painted) = &mut self.mask {
            painted.replace(mask);
        } else {
            // As the form has it already.
            self.put(PaintedMask::of(mask));
        }
        true
    }

    /// Goes on with another mask, as it is.
    fn put(&mut self, mask: PaintedMask) {
        self.settled = mask.revision();
        self.mask = Some(mask);
        self.generation += 1;
    }

    /// Asks once more for pixels that could not be had: their file is there now.
    pub const fn ask_again(&mut self) {
        self.refused = false;
    }

    /// What is to be saved for the next start, and its numbers: the same numbers are the same mask.
    #[must_use]
    pub fn to_save(&self) -> Option<(Uuid, [u64; 2], &Mask)> {
        let mask = self.mask.as_ref().filter(|mask| !mask.is_drawing())?;
        let painted = self.shape == MaskShape::Painted && self.awaited.is_none();
        painted.then_some((self.seed_image?, [self.generation, mask.revision()], mask.mask()))
    }
}

#[cfg(test)]
mod tests;
