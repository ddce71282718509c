//! Encodes the prompts of a job: chunk by chunk, those seen before from memory.

use std::sync::Arc;

use ndarray::{Array2, Array3, Axis, stack};

use super::{Loaded, Part};
use crate::engine::embeddings::Embeddings;
use crate::engine::session::Interrupt;
use crate::engine::text::{self, Key};
use crate::engine::{EngineError, Mode};
use crate::prompt::{Chunk, EncodeError, Encoder, Learned, Syntax, Vocabulary, parse};

/// What is to be encoded.
pub(in crate::engine) struct Prompts<'a> {
    pub(in crate::engine) positive: &'a str,
    pub(in crate::engine) negative: &'a str,
    /// Whether the negative one is encoded.
    pub(in crate::engine) guided: bool,
    pub(in crate::engine) syntax: Syntax,
    /// Last layers that the text encoder is used without.
    pub(in crate::engine) clip_skip: usize,
    /// Words with vectors of their own.
    pub(in crate::engine) embeddings: &'a Embeddings,
}

/// One of them, and the parameter it comes from.
#[derive(Clone, Copy)]
struct Prompt<'a> {
    parameter: &'static str,
    text: &'a str,
    /// What is added at its end.
    added: &'a [&'a Learned],
    syntax: Syntax,
    clip_skip: usize,
    embeddings: &'a Embeddings,
}

impl Loaded {
    /// The encodings of the positive and, if there is one, the negative prompt, one above the
    /// other: `[1 or 2, tokens, channels]`, the negative first.
    pub(in crate::engine) fn encode(
        &mut self,
        prompts: &Prompts<'_>,
        mode: Mode,
        interrupt: &Interrupt,
    ) -> Result<Array3<f32>, EngineError> {
        let Prompts { positive, negative, guided, syntax, clip_skip, embeddings } = *prompts;
        let both = [positive, negative];
        let added = embeddings.unnamed(both, syntax);
        let mut encode = |prompt: Prompt<'_>, at_least: usize| {
            self.encode_prompt(&prompt, at_least, mode, interrupt)
        };
        let prompt = Prompt {
            parameter: "positivePrompt",
            text: positive,
            added: &added,
            syntax,
            clip_skip,
            embeddings,
        };
        let positive = encode(prompt, 0)?;
        if !guided {
            return Ok(positive.insert_axis(Axis(0)));
        }
        // diffusers leaves layers out for the positive prompt only.
        let avoid = Prompt {
            parameter: "negativePrompt",
            text: negative,
            added: &[],
            clip_skip: 0,
            ..prompt
        };
        let negative = encode(avoid, positive.nrows())?;
        // Its chunks are known by now; only what fills it up is new.
        let positive = encode(prompt, negative.nrows())?;
        Ok(stack![Axis(0), negative, positive])
    }

    /// The encoding of one prompt, `[tokens, channels]`, filled up with empty chunks to at least
    /// `at_least` tokens.
    fn encode_prompt(
        &mut self,
        prompt: &Prompt<'_>,
        at_least: usize,
        mode: Mode,
        interrupt: &Interrupt,
    ) -> Result<Array2<f32>, EngineError> {
        let &Prompt { parameter, text, added, syntax, embeddings, .. } = prompt;
        let tokenizer = Arc::clone(&self.tokenizer);
        let vocabulary = Vocabulary::new(&tokenizer, embeddings.learned());
        let mut encoder = Encoder::new(vocabulary, |chunk: &Chunk| {
            self.encode_chunk(chunk, prompt, mode, interrupt)
        });
        let encoding = parse(text, syntax).map_err(EncodeError::from).and_then(|mut text| {
            for learned in added {
                text.append(learned);
            }
            encoder.conditioning(&text, syntax)
        });
        encoding.and_then(|encoding| encoder.pad_to(encoding, at_least, syntax)).map_err(|error| {
            match error {
                EncodeError::Encoder(error) => error,
                other => EngineError::input(parameter, other.to_string()),
            }
        })
    }

    /// The encoding of one chunk of `prompt`.
    fn encode_chunk(
        &mut self,
        chunk: &Chunk,
        prompt: &Prompt<'_>,
        mode: Mode,
        interrupt: &Interrupt,
    ) -> Result<Array2<f32>, EngineError> {
        let &Prompt { clip_skip, embeddings, .. } = prompt;
        let learned = embeddings.fingerprint(chunk);
        let key = Key { clip_skip, chunk: chunk.clone(), learned };
        if let Some(encoding) = self.encodings.get(&key) {
            return Ok(encoding);
        }
        if clip_skip != self.clip_skip {
            self.clip_skip = clip_skip;
            self.unload(Part::TextEncoder);
        }
        let encoder = self.network(Part::TextEncoder, mode, interrupt)?;
        let encoding = text::encode(chunk, embeddings, encoder, interrupt)?;
        self.encodings.keep(key, encoding.clone());
        Ok(encoding)
    }
}
