//! How long the prompts are for the model's text encoder, and where its chunks begin.
//!
//! Counting is done elsewhere; what is kept here is fitted to a text that changed since.

use std::sync::Arc;

use super::{Draft, World};
use crate::prompt::{Learned, TokenCount};
use crate::task::{Catalog as _, Embedding, ModelCard, PromptWeighting};

/// What is counted.
#[derive(Clone, Debug, PartialEq)]
pub struct Texts {
    /// What to draw.
    pub prompt: String,
    /// What to avoid.
    pub negative_prompt: String,
    /// How both write emphasis.
    pub weighting: Option<PromptWeighting>,
    /// The model whose words are counted.
    pub model: Arc<ModelCard>,
    /// The embeddings of the form, each with whether its weight leaves anything of it: only then is it
    /// added to a prompt that does not name it.
    pub learned: Vec<(Learned, bool)>,
}

/// A text and what it was counted as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Length {
    /// The text.
    pub text: String,
    /// Its tokens, or why it cannot be read.
    pub count: Result<TokenCount, String>,
}

/// Both prompts, counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meter {
    /// What to draw.
    pub prompt: Length,
    /// What to avoid.
    pub negative_prompt: Length,
}

impl Length {
    /// Bytes of `now`, which the text may have become meanwhile, before each further chunk. A
    /// border inside what changed is left out; each lies before a whole sign.
    #[must_use]
    pub fn borders(&self, now: &str) -> Vec<usize> {
        let Ok(count) = &self.count else { return Vec::new() };
        let same = |(a, b): &(u8, u8)| a == b;
        let (old, new) = (self.text.as_bytes(), now.as_bytes());
        let head = old.iter().copied().zip(new.iter().copied()).take_while(same).count();
        let most = old.len().min(new.len()) - head;
        let ends = old.iter().rev().copied().zip(new.iter().rev().copied());
        let tail = ends.take(most).take_while(same).count();
        let moved = |&border: &usize| {
            if border <= head {
                Some(border)
            } else {
                let behind = old.len().checked_sub(border)?;
                (behind <= tail).then(|| new.len() - behind)
            }
        };
        count.borders.iter().filter_map(moved).filter(|&at| now.is_char_boundary(at)).collect()
    }
}

impl World {
    /// What is to be counted of `draft`; `None` while no model says how.
    #[must_use]
    pub fn texts(&self, draft: &Draft) -> Option<Texts> {
        let model = self.counting_model(draft)?;
        Some(Texts {
            prompt: draft.prompt.clone(),
            negative_prompt: draft.negative_prompt.clone(),
            weighting: draft.prompt_weighting,
            model: Arc::clone(model),
            learned: (draft.stacks.embeddings.iter().filter(|row| !row.off))
                .filter_map(|row| self.learned(&row.says))
                .collect(),
        })
    }

    fn learned(&self, embedding: &Embedding) -> Option<(Learned, bool)> {
        let card = self.model(&embedding.model.as_ref()?.parse().ok()?)?;
        let learned = Learned { words: card.trigger_words.clone(), vectors: card.vectors };
        (card.vectors > 0).then_some((learned, embedding.weight != Some(0.0)))
    }

    /// The model whose words are counted.
    fn counting_model(&self, draft: &Draft) -> Option<&Arc<ModelCard>> {
        self.chosen_model(draft).filter(|card| card.architecture.is_local())
    }

    /// Drops what was counted when no model says how any more: the text goes on changing.
    pub(super) fn forget_count(&mut self, draft: &Draft) {
        if self.counting_model(draft).is_none() {
            self.meter = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borders_move_with_a_text_that_is_being_written() {
        let text = "one two three four".to_owned();
        let borders = vec![4, 8, 14];
        let length = Length {
            text: text.clone(),
            count: Ok(TokenCount { tokens: 4, chunks: vec![1; 4], borders }),
        };
        assert_eq!(length.borders(&text), [4, 8, 14]);
        assert_eq!(length.borders("one two or three four"), [4, 8, 17], "inserted");
        assert_eq!(length.borders("one two th four"), [4, 8, 11], "taken out");
        assert_eq!(length.borders("one two three four five"), [4, 8, 14], "written at the end");
        assert_eq!(length.borders("on"), Vec::<usize>::new());
        assert_eq!(length.borders(""), Vec::<usize>::new());
        assert_eq!(length.borders("üüüüüüüüü"), Vec::<usize>::new());
        let refused = Length { text, count: Err("no".to_owned()) };
        assert_eq!(refused.borders("one"), Vec::<usize>::new());
    }
}
