//! Prompts to text encodings, each computed once.

use std::collections::HashMap;

use ndarray::{Array2, Array3, Ix3};

use super::session::{Input, Interrupt, Network, SessionError};

/// Encodings kept; a prompt and its negative are two.
const KEPT: usize = 64;

/// Text encodings, `[1, tokens, channels]`.
pub(super) type Encoding = Array3<f32>;

/// The encodings of one model's prompts, by layers left out and token ids.
#[derive(Default)]
pub(super) struct Encodings {
    known: HashMap<(usize, Vec<i64>), Encoding>,
}

impl Encodings {
    /// The encoding of `ids` if it was computed before.
    pub(super) fn get(&self, clip_skip: usize, ids: &[i64]) -> Option<Encoding> {
        self.known.get(&(clip_skip, ids.to_vec())).cloned()
    }

    /// Remembers an encoding.
    pub(super) fn keep(&mut self, clip_skip: usize, ids: Vec<i64>, encoding: Encoding) {
        if self.known.len() >= KEPT {
            self.known.clear();
        }
        self.known.insert((clip_skip, ids), encoding);
    }
}

/// Runs the text encoder on `ids`, one chunk.
pub(super) fn encode(
    ids: &[i64],
    encoder: &mut Network,
    interrupt: &Interrupt,
) -> Result<Encoding, SessionError> {
    let chunk = Array2::from_shape_fn((1, ids.len()), |(_, token)| ids[token]);
    let inputs = vec![("input_ids", Input::Integers(chunk.view().into_dyn()))];
    let states = encoder.run(inputs, interrupt)?;
    states.into_dimensionality::<Ix3>().map_err(|error| SessionError::Runtime {
        doing: "encoding text".to_owned(),
        message: error.to_string(),
    })
}
