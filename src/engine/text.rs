//! Prompts to text encodings, each computed once.

use std::collections::HashMap;

use ndarray::{Array2, Array3, Array4, Axis, Ix3, s};

use super::embeddings::Embeddings;
use super::session::{Input, Interrupt, Network, SessionError};
use crate::prompt::Chunk;

/// Encodings kept; a short prompt and its negative are two.
const KEPT: usize = 64;

/// Added to the scores of a token that others must not attend to.
const HIDDEN: f32 = -1e9;

/// What an encoding depends on beside the model.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    /// Last layers left out.
    pub(super) clip_skip: usize,
    pub(super) chunk: Chunk,
    /// The vectors of its learned words, as [`Embeddings::fingerprint`] gives them.
    pub(super) learned: Vec<u32>,
}

/// The encodings of one model's chunks.
#[derive(Default)]
pub(super) struct Encodings {
    known: HashMap<Key, Array2<f32>>,
}

impl Encodings {
    /// The encoding of that if it was computed before.
    pub(super) fn get(&self, key: &Key) -> Option<Array2<f32>> {
        self.known.get(key).cloned()
    }

    /// Forgets all of them: the text encoder has changed.
    pub(super) fn forget(&mut self) {
        self.known.clear();
    }

    /// Remembers an encoding.
    pub(super) fn keep(&mut self, key: Key, encoding: Array2<f32>) {
        if self.known.len() >= KEPT {
            self.known.clear();
        }
        self.known.insert(key, encoding);
    }
}

/// Runs the text encoder on one chunk: `[tokens, channels]`.
pub(super) fn encode(
    chunk: &Chunk,
    embeddings: &Embeddings,
    encoder: &mut Network,
    interrupt: &Interrupt,
) -> Result<Array2<f32>, SessionError> {
    let tokens = chunk.ids.len();
    // A learned vector goes in as itself, in place of the row of some token.
    let mut ids = Array2::from_shape_fn((1, tokens), |(_, token)| chunk.ids[token]);
    let mut known = Array3::ones((1, tokens, 1));
    let mut learned = Array3::zeros((1, tokens, embeddings.width()));
    for (token, &id) in chunk.ids.iter().enumerate() {
        if let Some(row) = embeddings.row(id) {
            (ids[(0, token)], known[(0, token, 0)]) = (0, 0.0);
            learned.slice_mut(s![0, token, ..]).assign(&row);
        }
    }
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
        ("known", Input::Floats(known.view().into_dyn())),
        ("learned", Input::Floats(learned.view().into_dyn())),
    ];
    let states = encoder.run(inputs, interrupt)?;
    let states = states.into_dimensionality::<Ix3>().map_err(|error| SessionError::Runtime {
        doing: "encoding text".to_owned(),
        message: error.to_string(),
    })?;
    Ok(states.index_axis_move(Axis(0), 0))
}
