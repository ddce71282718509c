//! What a result cost, for whoever keeps the books.
//!
//! Knows no file: the library keeps the receipts.

use std::time::Duration;

use uuid::Uuid;

use super::JobId;
use crate::pixels::Extent;
use crate::task::Air;

/// One result that was paid for.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    /// The task it answers.
    pub task: JobId,

    /// The result, a picture by its name; a receipt of the same result is the same receipt.
    pub result: Uuid,

    /// What it is.
    pub paid: Paid,

    /// US dollars.
    pub usd: f64,

    /// From sending the task to having the result.
    pub time: Duration,
}

/// What was paid for.
#[derive(Clone, Debug, PartialEq)]
pub enum Paid {
    /// A picture of an `imageInference`.
    Picture {
        /// The checkpoint that made it.
        model: Air,
        /// Its size in pixels.
        extent: Extent,
        /// Denoising steps, when the task says how many.
        steps: Option<u32>,
    },
    /// A result of a task of another type, by its `taskType`.
    Task(String),
}

/// Keeps receipts. The library implements it; providers that cost money are given one.
pub trait Receipts: Send + Sync {
    /// Takes a receipt in; a second one of the same result changes nothing. What goes wrong is
    /// logged: a result is not given up for its receipt.
    fn note(&self, receipt: Receipt);
}
