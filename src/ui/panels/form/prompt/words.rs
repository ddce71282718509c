//! Words that the chosen LoRAs and embeddings ask for, one click from the prompt.

use eframe::egui;
use egui::{Ui, vec2};

use crate::task::ModelKind;
use crate::ui::Cx;
use crate::ui::theme::space;
use crate::ui::widgets::{chip, tip};

/// Most words that are shown at once.
const MOST: usize = 8;

/// Words of models that are on, and that the prompt does not hold.
fn missing(cx: &Cx<'_>) -> Vec<(String, String)> {
    let stacks = &cx.draft.stacks;
    let loras = stacks.loras.iter().filter(|row| !row.off).map(|row| &row.says.model);
    let embeddings = stacks.embeddings.iter().filter(|row| !row.off).map(|row| &row.says.model);
    let prompt = cx.draft.prompt.to_lowercase();
    let avoid = cx.draft.negative_prompt.to_lowercase();
    let mut words: Vec<(String, String)> = Vec::new();
    for air in loras.chain(embeddings).flatten() {
        let Some(card) = cx.world.card(air) else {
            continue;
        };
        let is_there = |word: &String| {
            let low = word.to_lowercase();
            prompt.contains(&low) || avoid.contains(&low)
        };
        // One word of an embedding is enough: they all mean the same.
        let one_is_enough = card.kind == ModelKind::Embedding;
        if one_is_enough && card.trigger_words.iter().any(is_there) {
            continue;
        }
        let most = if one_is_enough { 1 } else { MOST };
        for word in card.trigger_words.iter().take(most) {
            if !is_there(word) && words.iter().all(|(known, _)| known != word) {
                words.push((word.clone(), card.name.clone()));
            }
        }
    }
    words.truncate(MOST);
    words
}

/// Draws them below the prompt, if there are any.
pub(super) fn chips(ui: &mut Ui, cx: &mut Cx<'_>) {
    let words = missing(cx);
    if words.is_empty() {
        return;
    }
    ui.add_space(space::ROW_GAP);
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(4.0, 4.0);
        for (word, model) in words {
            let response = chip(ui, &format!("+ {word}"), &format!("Add the word: {word}"));
            let clicked = response.clicked();
            tip(ui, response, &format!("{model} was taught with this word. Click to add it."));
            if clicked {
                add(&mut cx.draft.prompt, &word);
            }
        }
    });
}

/// Puts `word` at the end of `prompt`, behind a comma.
fn add(prompt: &mut String, word: &str) {
    let written = prompt.trim_end().trim_end_matches(',').len();
    prompt.truncate(written);
    if !prompt.is_empty() {
        prompt.push_str(", ");
    }
    prompt.push_str(word);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_added_behind_one_comma() {
        for (before, after) in [
            ("", "ink"),
            ("a fox", "a fox, ink"),
            ("a fox, ", "a fox, ink"),
            ("a, b,", "a, b, ink"),
        ] {
            let mut prompt = before.to_owned();
            add(&mut prompt, "ink");
            assert_eq!(prompt, after);
        }
    }
}
