//! What a picture cost, for whoever keeps the books.
//!
//! Knows no file: the library keeps the receipts.

use std::time::Duration;

use uuid::Uuid;

use super::JobId;
use crate::pixels::Extent;
use crate::task::Air;

/// One picture that was paid for.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    /// The task it answers.
    pub task: JobId,

    /// The picture; a receipt of the same picture is the same receipt.
    pub image: Uuid,

    /// The checkpoint that made it.
    pub model: Air,

    /// US dollars.
    pub usd: f64,

    /// Size of the picture in pixels.
    pub extent: Extent,

    /// Denoising steps, when the task says how many.
    pub steps: Option<u32>,

    /// From sending the task to having the picture.
    pub time: Duration,
}

/// Keeps receipts. The library implements it; providers that cost money are given one.
pub trait Receipts: Send + Sync {
    /// Takes a receipt in; a second one of the same picture changes nothing. What goes wrong is
    /// logged: a picture is not given up for its receipt.
    fn note(&self, receipt: Receipt);
}
