//! Prompts that were drawn with before, the newest first, and those that were marked.

use serde::{Deserialize, Serialize};

/// Most prompts that are kept without a mark.
const MOST: usize = 200;
/// Most prompts that are kept at all.
const MOST_MARKED: usize = 1000;

/// A prompt with what it avoids.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct WrittenPrompt {
    /// What to draw, as it was typed.
    pub prompt: String,
    /// What to avoid.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub negative_prompt: String,
    /// Whether it was marked to be kept.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub starred: bool,
}

/// The prompts, the newest first; each once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PromptBook(Vec<WrittenPrompt>);

impl PromptBook {
    /// Puts a prompt first; one that is there already keeps its mark. Of too many, the oldest without a mark go.
    pub fn note(&mut self, prompt: &str, negative_prompt: &str) {
        if prompt.trim().is_empty() {
            return;
        }
        let starred = self.remove(prompt, negative_prompt).is_some_and(|known| known.starred);
        let new = WrittenPrompt {
            prompt: prompt.to_owned(),
            negative_prompt: negative_prompt.to_owned(),
            starred,
        };
        self.0.insert(0, new);
        let mut plain = 0;
        self.0.retain(|known| {
            plain += usize::from(!known.starred);
            known.starred || plain <= MOST
        });
        self.0.truncate(MOST_MARKED);
    }

    /// Marks a prompt, or takes its mark away; one that was never drawn with is put first.
    pub fn star(&mut self, prompt: &str, negative_prompt: &str) {
        if !self.0.iter().any(|known| known.is(prompt, negative_prompt)) {
            self.note(prompt, negative_prompt);
        }
        if let Some(known) = self.0.iter_mut().find(|known| known.is(prompt, negative_prompt)) {
            known.starred = !known.starred;
        }
    }

    /// Takes a prompt away.
    pub fn remove(&mut self, prompt: &str, negative_prompt: &str) -> Option<WrittenPrompt> {
        let place = self.0.iter().position(|known| known.is(prompt, negative_prompt))?;
        Some(self.0.remove(place))
    }

    /// Whether that prompt is marked.
    #[must_use]
    pub fn is_starred(&self, prompt: &str, negative_prompt: &str) -> bool {
        self.0.iter().any(|known| known.starred && known.is(prompt, negative_prompt))
    }

    /// Those that hold all words of `search`, in capitals or not.
    pub fn found<'a>(
        &'a self,
        search: &str,
        only_starred: bool,
    ) -> impl Iterator<Item = &'a WrittenPrompt> + use<'a> {
        let words: Vec<String> = search.split_whitespace().map(str::to_lowercase).collect();
        self.0.iter().filter(move |known| {
            let text = format!("{}\n{}", known.prompt, known.negative_prompt).to_lowercase();
            (known.starred || !only_starred) && words.iter().all(|word| text.contains(word))
        })
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl WrittenPrompt {
    fn is(&self, prompt: &str, negative_prompt: &str) -> bool {
        (self.prompt.as_str(), self.negative_prompt.as_str()) == (prompt, negative_prompt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompts(book: &PromptBook) -> Vec<&str> {
        book.found("", false).map(|known| known.prompt.as_str()).collect()
    }

    #[test]
    fn the_newest_comes_first_and_each_once() {
        let mut book = PromptBook::default();
        for prompt in ["a fox", "an owl", "  ", "a fox"] {
            book.note(prompt, "");
        }
        assert_eq!(prompts(&book), ["a fox", "an owl"]);
        book.note("a fox", "frame");
        assert_eq!(prompts(&book), ["a fox", "a fox", "an owl"], "what is avoided is part of it");
    }

    #[test]
    fn of_too_many_the_oldest_without_a_mark_go() {
        let mut book = PromptBook::default();
        book.note("kept", "");
        book.star("kept", "");
        for number in 0..MOST + 5 {
            book.note(&format!("prompt {number}"), "");
        }
        assert_eq!(prompts(&book).len(), MOST + 1);
        assert!(book.is_starred("kept", "") && !prompts(&book).contains(&"prompt 4"));
        book.note("kept", "");
        assert_eq!((prompts(&book)[0], book.is_starred("kept", "")), ("kept", true));
        book.star("kept", "");
        assert!(!book.is_starred("kept", ""));
    }

    #[test]
    fn words_are_searched_for_in_both_texts() {
        let mut book = PromptBook::default();
        book.note("a red fox in snow", "blurry");
        book.note("an owl", "");
        let found = |search| book.found(search, false).count();
        assert_eq!(
            (found("SNOW fox"), found("fox blurry"), found("wolf"), found("")),
            (1, 1, 0, 2)
        );
        assert_eq!(book.found("", true).count(), 0);
        book.star("a new one", "");
        assert_eq!(book.found("", true).count(), 1);
        let saved = serde_json::to_string(&book).unwrap();
        assert_eq!(serde_json::from_str::<PromptBook>(&saved).unwrap(), book);
    }
}
