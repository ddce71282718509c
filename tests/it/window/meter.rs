//! How long prompts are for the model, and how they write emphasis.

use egui::Role;
use egui_kittest::kittest::Queryable as _;
use latelier::library::read_task;
use latelier::task::{Embedding, PromptWeighting};

use super::{GENERATE, PROMPT};
use crate::support::Window;

#[test]
fn tokens_are_counted_under_each_prompt_and_a_cut_is_told() {
    let mut window = Window::open();
    window.write(PROMPT, "a fox");
    window.wait_shown("Prompt: 4 / 77 tokens");
    assert!(!window.shows("Avoid: "), "nothing is counted where nothing is written");
    window.write((Role::MultilineTextInput, "Avoid"), "a car, a fox");
    window.wait_shown("Avoid: 7 / 77 tokens");
    let long = "a fox ".repeat(50);
    window.write(PROMPT, &long);
    window.wait_shown("Prompt: 102 / 77 tokens, the end is not read");
    let length =
        |window: &Window| window.app.state().state.world.meter.as_ref().unwrap().prompt.clone();
    assert_eq!(length(&window).borders(&long).len(), 1);

    window.click("Weighting sd_embeds");
    window.wait_shown("Prompt: 104 / 154 tokens, 2 chunks");
    window.click("Weighting compel");
    window.wait("compel", |state| state.draft.prompt_weighting == Some(PromptWeighting::Compel));
    window.write(PROMPT, r#"("a fox", "a car").blend(1)"#);
    window.wait_shown("1 weights for 2 texts");
    window.write(PROMPT, "a (fox)1.2");
    window.wait_shown("Prompt: 4 / 77 tokens");
    window.click(GENERATE);
    window.wait("the picture", |state| state.world.gallery.len() == 1);
    let path = window.app.state().state.world.gallery.newest().unwrap().path.clone().unwrap();
    let task = read_task(&path).unwrap().unwrap();
    assert_eq!(task.prompt_weighting, Some(PromptWeighting::Compel));
}

/// A word of two vectors counts as two tokens, also where it is added because no prompt names it.
#[test]
fn the_words_of_chosen_embeddings_count_as_their_vectors() {
    let mut window = Window::open();
    window.write(PROMPT, "a <taxi>");
    window.wait_shown("Prompt: 7 / 77 tokens");
    let taxi = Embedding { model: Some("local:demo-taxi@1".to_owned()), ..Embedding::default() };
    window.app.state_mut().state.draft.stacks.embeddings.push(taxi.into());
    window.wait_shown("Prompt: 5 / 77 tokens");
    window.write(PROMPT, "a");
    window.wait_shown("Prompt: 5 / 77 tokens");
    window.write((Role::MultilineTextInput, "Avoid"), "embedding-taxi");
    window.wait_shown("Avoid: 4 / 77 tokens");
    window.wait_shown("Prompt: 3 / 77 tokens");
    window.write((Role::MultilineTextInput, "Avoid"), "");
    window.wait_shown("Prompt: 5 / 77 tokens");
    window.app.state_mut().state.draft.stacks.embeddings[0].says.weight = Some(0.0);
    window.wait_shown("Prompt: 3 / 77 tokens");
}

#[test]
fn a_count_goes_with_the_model_that_counts_and_comes_back_with_it() {
    let mut window = Window::open();
    window.write(PROMPT, "a fox");
    window.wait_shown("Prompt: 4 / 77 tokens");
    let gone = Some("local:gone@1".to_owned());
    let demo = std::mem::replace(&mut window.app.state_mut().state.draft.model, gone);
    window.wait("no count", |state| state.world.meter.is_none());
    assert!(!window.shows("Prompt: 4 / 77 tokens"));
    window.app.state_mut().state.draft.model = demo;
    window.wait_shown("Prompt: 4 / 77 tokens");
}

#[test]
fn another_models_words_are_counted_with_its_own_tokenizer() {
    let mut window = Window::open_with_models(&crate::support::golden("tiny-sd1"));
    // Words that only one of the two vocabularies has whole.
    window.write(PROMPT, "cyberpunk");
    window.wait_shown("Prompt: ");
    let tokens = |window: &Window| {
        let meter = window.app.state().state.world.meter.clone().unwrap();
        assert_eq!(meter.prompt.text, "cyberpunk");
        meter.prompt.count.unwrap().tokens
    };
    window.wait("the demo model's count", |state| {
        state.world.meter.as_ref().is_some_and(|meter| meter.prompt.text == "cyberpunk")
    });
    let demo = tokens(&window);
    window.app.state_mut().state.draft.model = Some("local:model@1".to_owned());
    window.wait("the other count", move |state| {
        let count = state.world.meter.as_ref().map(|meter| meter.prompt.count.clone());
        count.is_some_and(|count| count.is_ok_and(|count| count.tokens != demo))
    });
    assert_eq!(tokens(&window), 1, "CLIP knows the word");
    assert!(window.app.query_all_by_label_contains("Prompt: 3 / 77 tokens").next().is_some());
}
