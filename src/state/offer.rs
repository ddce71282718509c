//! Settings that came with a picture from elsewhere; the form takes them when the user says so.

use crate::task::Task;

/// What a picture that was brought in says of its making.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// The picture's file name.
    pub name: String,

    /// The program that made it.
    pub origin: String,

    /// Its settings in this program's words; without a model when the library has none of that name.
    pub task: Task,

    /// What could not be taken over, a sentence each.
    pub notes: Vec<String>,
}
