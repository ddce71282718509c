//! Writing prompts: weights by keys, earlier prompts, words of models, wildcards.

use std::fs;

use egui::{Key, Modifiers, Role};
use egui_kittest::kittest::Queryable as _;
use latelier::library::{Home, read_task};
use latelier::task::PromptWeighting;

use super::{GENERATE, PROMPT};
use crate::support::{Window, scratch};

impl Window {
    /// Gives the prompt the keyboard and puts the cursor at its end.
    fn write_on(&mut self) {
        self.app.get_by_role_and_label(PROMPT.0, PROMPT.1).focus();
        self.app.run_steps(2);
        self.app.key_press(Key::End);
        self.app.run_steps(2);
    }

    fn prompt(&self) -> &str {
        &self.app.state().state.draft.prompt
    }
}

#[test]
fn ctrl_up_and_down_weigh_the_word_and_offer_a_notation_where_there_is_none() {
    let mut window = Window::open();
    window.write(PROMPT, "a red fox");
    window.write_on();
    window.app.key_press_modifiers(Modifiers::COMMAND, Key::ArrowUp);
    window.app.run_steps(4);
    assert_eq!(window.prompt(), "a red fox", "there is no notation yet");
    window.click("Write (word:1.1)");
    assert_eq!(window.prompt(), "a red (fox:1.1)");
    let weighting = window.app.state().state.draft.prompt_weighting;
    assert_eq!(weighting, Some(PromptWeighting::SdEmbeds));
    window.app.run_steps(3);
    window.app.key_press_modifiers(Modifiers::COMMAND, Key::ArrowUp);
    window.app.run_steps(3);
    assert_eq!(window.prompt(), "a red (fox:1.2)");
    window.app.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::ArrowDown);
    window.app.run_steps(3);
    assert_eq!(window.prompt(), "a red (fox:1.15)");
}

#[test]
fn the_offer_of_a_notation_goes_when_other_words_are_written() {
    let mut window = Window::open();
    window.write(PROMPT, "a red fox");
    window.write_on();
    window.app.key_press_modifiers(Modifiers::COMMAND, Key::ArrowUp);
    window.app.run_steps(4);
    assert!(window.shows("This prompt is read without weights"));
    window.app.get_by_role_and_label(PROMPT.0, PROMPT.1).type_text("es");
    window.app.run_steps(4);
    assert_eq!(window.prompt(), "a red foxes");
    assert!(!window.shows("This prompt is read without weights"));
}

#[test]
fn a_bracket_without_a_partner_is_told() {
    let mut window = Window::open();
    window.write(PROMPT, "a (fox");
    assert!(!window.shows("A bracket"));
    window.click("Weighting compel");
    assert!(window.shows("A bracket ( is not closed"));
    window.write(PROMPT, "a fox)");
    assert!(window.shows("A bracket ) was not opened"));
    window.write(PROMPT, "a (fox)");
    assert!(!window.shows("A bracket"));
}

#[test]
fn earlier_prompts_come_back_and_favourites_stay() {
    let mut window = Window::open();
    window.write(PROMPT, "a blue house");
    window.click("Favourite prompt");
    window.write(PROMPT, "a red car");
    window.set("Steps", 2.0);
    window.click(GENERATE);
    window.wait("the picture", |state| state.world.gallery.len() == 1);
    window.write(PROMPT, "something else");
    window.click("Earlier prompts");
    assert!(window.shows("Write: a blue house") && window.shows("Write: a red car"));
    window.press("Show favourites");
    assert!(!window.shows("Write: a red car"));
    window.press("Show all");
    window.write((Role::TextInput, "Search prompts"), "CAR red");
    assert!(!window.shows("Write: a blue house"));
    window.press("Write: a red car");
    assert_eq!(window.prompt(), "a red car");
}

#[test]
fn the_words_of_a_model_are_one_click_away() {
    let mut window = Window::open();
    window.write(PROMPT, "a cat");
    window.press("Add: Embedding");
    let models = std::sync::Arc::clone(&window.app.state().state.world.models);
    let taxi = models.iter().find(|card| card.air.to_string() == "local:demo-taxi@1").unwrap();
    window.press(&taxi.name);
    let word = taxi.trigger_words[0].clone();
    window.press(&format!("Add the word: {word}"));
    assert_eq!(window.prompt(), format!("a cat, {word}"));
    assert!(!window.shows("Add the word"));
}

#[test]
fn wildcards_are_filled_in_when_a_job_is_made() {
    let folder = scratch();
    let home = Home::at(folder.path());
    fs::create_dir_all(home.wildcards_dir()).unwrap();
    fs::write(home.wildcards_dir().join("animal.txt"), "red fox\n").unwrap();
    let mut window = Window::open_in(&home);
    window.wait("the lists", |state| state.world.wildcards.names().count() == 1);
    window.write(PROMPT, "a __beast__");
    assert!(window.is_disabled(GENERATE));
    assert!(window.shows("There is no wildcard __beast__"));
    window.write(PROMPT, "a __animal__");
    window.set("Steps", 2.0);
    window.click(GENERATE);
    window.wait("the picture", |state| state.world.gallery.len() == 1);
    assert_eq!(window.prompt(), "a __animal__", "the form keeps the wildcard");
    let path = window.app.state().state.world.gallery.newest().unwrap().path.clone().unwrap();
    let task = read_task(&path).unwrap().unwrap();
    assert_eq!(task.positive_prompt.as_deref(), Some("a red fox"));
}

#[test]
fn names_of_wildcards_are_offered_while_they_are_written() {
    let folder = scratch();
    let home = Home::at(folder.path());
    fs::create_dir_all(home.wildcards_dir()).unwrap();
    fs::write(home.wildcards_dir().join("animal.txt"), "fox\nowl\n").unwrap();
    let mut window = Window::open_in(&home);
    window.wait("the lists", |state| state.world.wildcards.names().count() == 1);
    window.write(PROMPT, "a ");
    window.write_on();
    window.app.get_by_role_and_label(PROMPT.0, PROMPT.1).type_text("__an");
    window.app.run_steps(4);
    window.app.key_press(Key::Enter);
    window.app.run_steps(4);
    assert_eq!(window.prompt(), "a __animal__");
}
