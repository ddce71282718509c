//! From a weighted prompt to the encoding that a diffusion model is conditioned on.
//!
//! Knows how weights change an encoding; the encoder itself is a closure over one chunk.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use half::f16;
use ndarray::{Array2, ArrayBase, Axis, Zip, concatenate};

use super::chunks::{Chunked, Tokens};
use super::{CHUNK, Conditioning, PromptError, Syntax, Vocabulary, Weighted, parse};

/// Compel's smallest weight: at 0 the part left out would count infinitely.
const SMALLEST: f64 = 1e-5;

/// What a text encoder is given at once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Chunk {
    /// 77 token ids: start, text, end, padding. Those from [`super::LEARNED`] on are vectors of learned words.
    pub ids: Vec<i64>,
    /// Which of them other tokens may attend to, besides what causality forbids. All of them, except for parts that
    /// compel weighs down.
    pub mask: Vec<bool>,
}

/// A prompt could not be encoded.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError<E> {
    /// The syntax refuses the prompt.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// The closure failed.
    #[error("the text encoder failed: {0}")]
    Encoder(E),
    /// The closure gave something other than one row for each token, or rows of several lengths.
    #[error("the text encoder gave {rows} x {channels} values for {CHUNK} tokens")]
    Shape {
        /// Rows given.
        rows: usize,
        /// Values in each.
        channels: usize,
    },
}

/// Encodes prompts by a closure that encodes one chunk to `[77, channels]`; every chunk is encoded once.
pub struct Encoder<'a, F> {
    vocabulary: Vocabulary<'a>,
    encode: F,
    known: HashMap<Chunk, Array2<f32>>,
}

impl<'a, F, E> Encoder<'a, F>
where
    F: FnMut(&Chunk) -> Result<Array2<f32>, E>,
{
    /// Encodes with `encode` what `vocabulary` makes of a text.
    pub fn new(vocabulary: impl Into<Vocabulary<'a>>, encode: F) -> Self {
        Self { vocabulary: vocabulary.into(), encode, known: HashMap::new() }
    }

    /// The encoding of `text`, `[tokens, channels]` with a multiple of 77 tokens.
    ///
    /// Plain: one chunk, cut. Compel: as the package compel 2.5 with `truncate_long_prompts=False`. `SdEmbeds`: as
    /// `get_weighted_text_embeddings_sd15` of the package `sd_embed` with `pad_last_block=True`.
    ///
    /// # Errors
    /// When the syntax refuses the text, or the closure fails.
    pub fn text(&mut self, text: &str, syntax: Syntax) -> Result<Array2<f32>, EncodeError<E>> {
        self.conditioning(&parse(text, syntax)?, syntax)
    }

    /// The encoding of a prompt that was read, as [`Self::text`] gives it.
    ///
    /// # Errors
    /// When a weight cannot be used, or the closure fails.
    pub fn conditioning(
        &mut self,
        conditioning: &Conditioning,
        syntax: Syntax,
    ) -> Result<Array2<f32>, EncodeError<E>> {
        match conditioning {
            Conditioning::Single(text) => self.weighted(text, syntax),
            Conditioning::Blend { texts, normalise } => self.blend(texts, *normalise, syntax),
            Conditioning::And(texts) => self.and(texts, syntax),
        }
    }

    /// `encoding` followed by the empty text until it has `tokens` rows (or more), for the shorter of a positive and
    /// a negative prompt.
    ///
    /// # Errors
    /// When the closure fails.
    pub fn pad_to(
        &mut self,
        mut encoding: Array2<f32>,
        tokens: usize,
        syntax: Syntax,
    ) -> Result<Array2<f32>, EncodeError<E>> {
        while encoding.nrows() < tokens {
            let empty = self.empty(syntax)?;
            encoding = joined(&[encoding, empty])?;
        }
        Ok(encoding)
    }

    fn blend(
        &mut self,
        texts: &[(Weighted, f64)],
        normalise: bool,
        syntax: Syntax,
    ) -> Result<Array2<f32>, EncodeError<E>> {
        let mut encodings = Vec::with_capacity(texts.len());
        for (text, _) in texts {
            encodings.push(self.weighted(text, syntax)?);
        }
        let tokens = encodings.iter().map(ArrayBase::nrows).max().unwrap_or(CHUNK);
        let sum: f32 = texts.iter().map(|(_, weight)| *weight as f32).sum();
        let sum = if normalise { sum } else { 1.0 };
        let mut blended = self.empty(syntax)?;
        blended = self.pad_to(blended, tokens, syntax)? * 0.0;
        for (encoding, (_, weight)) in encodings.into_iter().zip(texts) {
            let encoding = self.pad_to(encoding, tokens, syntax)?;
            blended.scaled_add(*weight as f32 / sum, &encoding);
        }
        Ok(blended)
    }

    fn and(
        &mut self,
        texts: &[(Weighted, f64)],
        syntax: Syntax,
    ) -> Result<Array2<f32>, EncodeError<E>> {
        let mut encodings = Vec::with_capacity(texts.len());
        for (text, weight) in texts {
            let encoding = self.weighted(text, syntax)?;
            let weights = vec![*weight as f32; encoding.nrows()];
            encodings.push(self.scaled_from_empty(encoding, &weights, syntax)?);
        }
        joined(&encodings)
    }

    fn weighted(&mut self, text: &Weighted, syntax: Syntax) -> Result<Array2<f32>, EncodeError<E>> {
        let tokens = Tokens::of(self.vocabulary, text);
        let chunked = tokens.chunked(self.vocabulary, syntax);
        match syntax {
            Syntax::Plain => self.unweighted(&chunked, &visible(&chunked)),
            Syntax::Compel => self.compel(text, &tokens, &chunked),
            Syntax::SdEmbeds => self.sd_embeds(text, &chunked),
        }
    }

    /// Every token's encoding times its weight, which the reference keeps in f16. No mean is restored.
    fn sd_embeds(
        &mut self,
        text: &Weighted,
        chunked: &Chunked,
    ) -> Result<Array2<f32>, EncodeError<E>> {
        if let Some((_, weight)) =
            text.segments.iter().find(|(_, weight)| !f16::from_f64(*weight).is_finite())
        {
            return Err(PromptError::Weight { text: weight.to_string() }.into());
        }
        let mut encoding = self.unweighted(chunked, &visible(chunked))?;
        for (mut row, &weight) in encoding.rows_mut().into_iter().zip(&chunked.weights) {
            row *= f16::from_f32(weight).to_f32();
        }
        Ok(encoding)
    }

    /// Tokens are scaled away from the empty text's by their weight. Then, for each part that weighs less than 1, the
    /// same with the part hidden is mixed in: `tan((1 - weight) π/2)` of it to 1 of the whole.
    fn compel(
        &mut self,
        text: &Weighted,
        tokens: &Tokens,
        chunked: &Chunked,
    ) -> Result<Array2<f32>, EncodeError<E>> {
        let mut mixed = self.scaled(chunked, &visible(chunked))?;
        let less =
            |weight: f64| ((1.0 - weight.max(SMALLEST)) * std::f64::consts::FRAC_PI_2).tan() as f32;
        let parts = text.segments.iter().enumerate().filter(|(_, (_, weight))| *weight < 1.0);
        let sum = 1.0 + parts.clone().map(|(_, (_, weight))| less(*weight)).sum::<f32>();
        mixed /= sum;
        for (index, (part, weight)) in parts {
            let nothing = || PromptError::NothingToWeight { text: part.clone() };
            let hidden = tokens.places(index, chunked).ok_or_else(nothing)?;
            // The first and last place of every chunk stay in sight, an end or padding between two does not.
            let hides =
                |place: usize| hidden.contains(&place) && (1..CHUNK - 1).contains(&(place % CHUNK));
            let mask: Vec<bool> = (0..chunked.ids.len()).map(|place| !hides(place)).collect();
            let without = self.scaled(chunked, &mask)?;
            mixed.scaled_add(less(*weight) / sum, &without);
        }
        Ok(mixed)
    }

    fn scaled(&mut self, chunked: &Chunked, mask: &[bool]) -> Result<Array2<f32>, EncodeError<E>> {
        let encoding = self.unweighted(chunked, mask)?;
        self.scaled_from_empty(encoding, &chunked.weights, Syntax::Compel)
    }

    /// Moves each row away from the empty text's by its weight; rows of weight 1 stay exactly as they are.
    fn scaled_from_empty(
        &mut self,
        mut encoding: Array2<f32>,
        weights: &[f32],
        syntax: Syntax,
    ) -> Result<Array2<f32>, EncodeError<E>> {
        if weights.iter().all(|weight| neutral(*weight)) {
            return Ok(encoding);
        }
        let empty = self.empty(syntax)?;
        for (place, (row, &weight)) in encoding.rows_mut().into_iter().zip(weights).enumerate() {
            if !neutral(weight) {
                Zip::from(row)
                    .and(empty.row(place % CHUNK))
                    .for_each(|value, &empty| *value = empty + (*value - empty) * weight);
            }
        }
        Ok(encoding)
    }

    fn empty(&mut self, syntax: Syntax) -> Result<Array2<f32>, EncodeError<E>> {
        let tokens = Tokens::of(self.vocabulary, &Weighted::plain(""));
        let chunked = tokens.chunked(self.vocabulary, syntax);
        self.unweighted(&chunked, &visible(&chunked))
    }

    fn unweighted(
        &mut self,
        chunked: &Chunked,
        mask: &[bool],
    ) -> Result<Array2<f32>, EncodeError<E>> {
        let mut encodings = Vec::with_capacity(chunked.ids.len() / CHUNK);
        for (ids, mask) in chunked.ids.chunks(CHUNK).zip(mask.chunks(CHUNK)) {
            encodings.push(self.chunk(Chunk { ids: ids.to_vec(), mask: mask.to_vec() })?);
        }
        joined(&encodings)
    }

    fn chunk(&mut self, chunk: Chunk) -> Result<Array2<f32>, EncodeError<E>> {
        if let Some(known) = self.known.get(&chunk) {
            return Ok(known.clone());
        }
        let encoding = (self.encode)(&chunk).map_err(EncodeError::Encoder)?;
        let (rows, channels) = encoding.dim();
        if rows != CHUNK {
            return Err(EncodeError::Shape { rows, channels });
        }
        self.known.insert(chunk, encoding.clone());
        Ok(encoding)
    }
}

/// A mask that hides nothing.
fn visible(chunked: &Chunked) -> Vec<bool> {
    vec![true; chunked.ids.len()]
}

fn neutral(weight: f32) -> bool {
    weight.to_bits() == 1.0_f32.to_bits()
}

/// One encoding after the other.
fn joined<E>(encodings: &[Array2<f32>]) -> Result<Array2<f32>, EncodeError<E>> {
    let views: Vec<_> = encodings.iter().map(|encoding| encoding.view()).collect();
    let (rows, channels) = encodings.last().map_or((0, 0), ArrayBase::dim);
    concatenate(Axis(0), &views).map_err(|_shape| EncodeError::Shape { rows, channels })
}
