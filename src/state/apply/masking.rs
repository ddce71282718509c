//! What is done to the mask of the form, beside painting on it.

use crate::pixels::{Ink, Mask, Rectangle};
use crate::state::{Effect, MaskShape, MaskTicket, StartPicture, State, Tone};

/// A wish about the mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaskAction {
    /// Back to the mask before the last step.
    Undo,
    /// Do the step again that was taken back last.
    Redo,
    /// Keep everything.
    Clear,
    /// Add or take away a rectangle, in pixels of the mask.
    Rectangle(Rectangle, Ink),
    /// A change that looks at every pixel.
    Change(MaskChange),
    /// Ask for a picture file to use as mask.
    Import,
    /// Save the mask as a grey picture somewhere.
    Export,
}

/// A change of the whole mask; takes time, so not on the window's thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaskChange {
    /// Repaint so many pixels further on all sides.
    Grow(u32),
    /// Repaint so many pixels less on all sides.
    Shrink(u32),
    /// Fade the edges over so many pixels to either side.
    Feather(u32),
    /// Repaint what was kept and keep what was repainted.
    Invert,
    /// Repaint everything, or nothing.
    Fill(Ink),
    /// Fill from this pixel up to the edges, or empty what hangs together with it.
    FillAt {
        /// Column.
        x: u32,
        /// Row.
        y: u32,
    },
    /// Choose by the start picture's colour at this pixel of the mask.
    Colour {
        /// Column.
        x: u32,
        /// Row.
        y: u32,
        /// How far other colours may be from it, 0–255.
        tolerance: u8,
        /// Wherever the colour is, not only where it hangs together.
        everywhere: bool,
        /// Whether it is added or taken away.
        ink: Ink,
    },
}

/// Work on a mask for a thread of its own.
#[derive(Clone, Debug)]
pub enum MaskWork {
    /// Change it, then come back with it: [`State::mask_arrived`]. The path is the start picture's.
    Change(MaskTicket, Mask, MaskChange, std::path::PathBuf),
    /// Ask for a file and read it at the ticket's size.
    Import(MaskTicket),
    /// Ask where to and write it there.
    Export(Mask),
}

impl MaskWork {
    /// What waits for it.
    #[must_use]
    pub const fn ticket(&self) -> Option<MaskTicket> {
        match self {
            Self::Change(ticket, ..) | Self::Import(ticket) => Some(*ticket),
            Self::Export(_) => None,
        }
    }
}

impl State {
    pub(super) fn mask_action(&mut self, action: MaskAction) -> Option<Effect> {
        let start = self.world.start_extent(&self.draft);
        match action {
            MaskAction::Undo => self.painting.hand_out(start)?.undo(),
            MaskAction::Redo => self.painting.hand_out(start)?.redo(),
            MaskAction::Clear => return self.clear_mask(),
            MaskAction::Rectangle(rectangle, ink) => {
                self.painting.fill_rectangle(start, rectangle, ink);
            }
            MaskAction::Change(change) => return self.change_mask(change),
            MaskAction::Import => {
                let ticket =
                    self.painting.hand_out(start).is_some().then(|| self.painting.ticket(start));
                return Some(Effect::Mask(MaskWork::Import(ticket.flatten()?)));
            }
            MaskAction::Export => return self.export_mask(),
        }
        self.view.show_start();
        None
    }

    /// Takes the mask away, also one of the library that cannot be read. What is under way counts no more.
    fn clear_mask(&mut self) -> Option<Effect> {
        self.painting.wait_no_more();
        if self.painting.share().is_some_and(|share| share > 0.0) {
            let cleared = self.change_mask(MaskChange::Fill(Ink::Remove));
            if cleared.is_some() {
                return cleared;
            }
        }
        self.draft.mask.shape = MaskShape::Nowhere;
        self.view.show_start();
        None
    }

    fn change_mask(&mut self, change: MaskChange) -> Option<Effect> {
        let Some(StartPicture::Here { path, extent }) = self.world.start_picture(&self.draft)
        else {
            return None;
        };
        let (path, start) = (path.clone(), Some(*extent));
        let mask = self.painting.hand_out(start)?.mask().clone();
        let ticket = self.painting.ticket(start)?;
        self.view.show_start();
        Some(Effect::Mask(MaskWork::Change(ticket, mask, change, path)))
    }

    fn export_mask(&self) -> Option<Effect> {
        let mask = self.painting.mask().filter(|_| self.draft.repaints())?;
        Some(Effect::Mask(MaskWork::Export(mask.mask().clone())))
    }

    /// Takes in a mask that was read or made; an error is told, and leaves the mask as it was.
    pub fn mask_arrived(&mut self, ticket: MaskTicket, mask: Result<Option<Mask>, String>) {
        let (mask, error) = match mask {
            Ok(mask) => (mask, None),
            Err(error) => (None, Some(error)),
        };
        if !self.painting.arrived(ticket, mask) {
            return;
        }
        if let Some(error) = error {
            self.world.notify(Tone::Failed, error);
        }
        // What was promised to be there and is not.
        if self.painting.mask().is_none() && self.draft.mask.shape == MaskShape::Painted {
            self.draft.mask.shape = MaskShape::Nowhere;
        }
    }
}
