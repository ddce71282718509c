//! The textual inversions of a job: read and checked before anything is computed, then looked up by token.

use ndarray::{Array2, ArrayView1, s};

use super::EngineError;
use crate::prompt::{Chunk, LEARNED, Learned, Syntax};
use crate::task::Weighted;
use crate::weights::Embedding;

/// The learned words of a job and their vectors.
pub(super) struct Embeddings {
    learned: Vec<Learned>,
    /// All vectors times their weights, one after the other: `[vectors, width]`.
    rows: Array2<f32>,
}

impl Embeddings {
    /// Reads what `chosen` names, for a text encoder of `width` channels. A vector's weight
    /// multiplies it: 1 is what was learned.
    ///
    /// # Errors
    /// When a file cannot be used or is made for a text encoder of another width.
    pub(super) fn open(chosen: &[Weighted], width: usize) -> Result<Self, EngineError> {
        let mut learned = Vec::with_capacity(chosen.len());
        let mut numbers = Vec::new();
        for (index, Weighted { model, weight }) in chosen.iter().enumerate() {
            let fail = |why: String| EngineError::input(format!("embeddings[{index}].model"), why);
            let embedding =
                Embedding::open(&model.path).map_err(|error| fail(error.to_string()))?;
            if embedding.width != width {
                return Err(fail(format!(
                    "{} has vectors of {} numbers, the model's text encoder takes {width}; choose \
                     an embedding made for this model: {}",
                    model.name,
                    embedding.width,
                    model.path.display()
                )));
            }
            let vectors = embedding.read().map_err(|error| fail(error.to_string()))?;
            numbers.extend(vectors.into_iter().map(|number| number * weight));
            learned
                .push(Learned { words: model.trigger_words.clone(), vectors: embedding.vectors });
        }
        let count = numbers.len() / width.max(1);
        let rows = Array2::from_shape_vec((count, width), numbers);
        let rows = rows.map_err(|error| EngineError::input("embeddings", error.to_string()))?;
        Ok(Self { learned, rows })
    }

    /// The words.
    pub(super) fn learned(&self) -> &[Learned] {
        &self.learned
    }

    /// Those whose word stands in neither prompt, and that would change a picture.
    pub(super) fn unnamed<'a>(&'a self, prompts: [&'a str; 2], syntax: Syntax) -> Vec<&'a Learned> {
        let mut row = 0;
        let mut unnamed = Vec::new();
        for learned in &self.learned {
            let rows = self.rows.slice(s![row..row + learned.vectors, ..]);
            row += learned.vectors;
            let named = prompts.iter().any(|prompt| learned.stands_in(prompt, syntax));
            if !named && rows.iter().any(|number| *number != 0.0) {
                unnamed.push(learned);
            }
        }
        unnamed
    }

    /// Numbers in each vector.
    pub(super) fn width(&self) -> usize {
        self.rows.ncols()
    }

    /// The vector that a token id stands for; `None` for one of the tokenizer's own.
    pub(super) fn row(&self, id: i64) -> Option<ArrayView1<'_, f32>> {
        let index = usize::try_from(id.checked_sub(LEARNED)?).ok()?;
        (index < self.rows.nrows()).then(|| self.rows.row(index))
    }

    /// Every vector that `chunk` uses, bit by bit: two chunks are the same text only if these are
    /// the same as well.
    pub(super) fn fingerprint(&self, chunk: &Chunk) -> Vec<u32> {
        let rows = chunk.ids.iter().filter_map(|&id| self.row(id));
        rows.flat_map(|row| row.iter().map(|number| number.to_bits()).collect::<Vec<_>>()).collect()
    }
}
