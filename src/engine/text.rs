//! Prompts to text encodings, each computed once.

use std::collections::HashMap;

use ndarray::{Array2, Array4, Axis, Ix3};

use super::session::{Input, Interrupt, Network, SessionError};
use crate::prompt::Chunk;

/// Encodings kept; a short prompt and its negative are two.
const KEPT: usize = 64;

/// Added to the scores of a token that others must not attend to.
const HIDDEN: f32 = -1e9;

/// The encodings of one model's chunks, by layers left out and content.
#[derive(Default)]
pub(super) struct Encodings {
    known: HashMap<(usize, Chunk), Array2<f32>>,
}

impl Encodings {
    /// The encoding of `chunk` if it was computed before.
    pub(super) fn get(&self, clip_skip: usize, chunk: &Chunk) -> Option<Array2<f32>> {
        self.known.get(&(clip_skip, chunk.clone())).cloned()
    }

    /// Forgets all of them: the text encoder has changed.
    pub(super) fn forget(&mut self) {
        self.known.clear();
    }

    /// Remembers an encoding.
    pub(super) fn keep(&mut self, clip_skip: usize, chunk: Chunk, encoding: Array2<f32>) {
        if self.known.len() >= KEPT {
            self.known.clear();
        }
        self.known.insert((clip_skip, chunk), encoding);
    }
}

/// Runs the text encoder on one chunk: `[tokens, channels]`.
pub(super) fn encode(
    chunk: &Chunk,
    encoder: &mut Network,
    interrupt: &Interrupt,
) -> Result<Array2<f32>, SessionError> {
    let tokens = chunk.ids.len();
    let ids = Array2::from_shape_fn((1, tokens), |(_, token)| chunk.ids[token]);
    let bias =
        Array4::from_shape_fn(
            (1, 1, 1, tokens),
            |(.., token)| {
                if chunk.mask[token] { 0.0 } else { HIDDEN }
            },
        );
    let inputs = vec![
        ("input_ids", Input::Integers(ids.view().into_dyn())),
        ("key_bias", Input::Floats(bias.view().into_dyn())),
    ];
    let states = encoder.run(inputs, interrupt)?;
    let states = states.into_dimensionality::<Ix3>().map_err(|error| SessionError::Runtime {
        doing: "encoding text".to_owned(),
        message: error.to_string(),
    })?;
    Ok(states.index_axis_move(Axis(0), 0))
}
