//! What pictures say of their making: offered when one is dropped, left out when that is wished.

use latelier::library::Home;
use latelier::pixels::{Extent, FileFormat, Picture, Texts, encode, file_texts};
use latelier::state::State;

use super::{GENERATE, PROMPT};
use crate::support::{Window, golden, scratch};

#[test]
fn the_settings_of_a_dropped_picture_are_offered_and_restored() {
    let mut window = Window::open();
    window.write(PROMPT, "something of mine");
    let settings = "a red apple\nNegative prompt: blurry\nSteps: 3, Sampler: Euler a, Schedule type: \
                    Automatic, CFG scale: 5.5, Seed: 42, Size: 128x192, Model: demo, RNG: CPU, \
                    Version: v1.10.1, Mood: fine";
    let picture = Picture::from_fn(Extent::new(128, 192), |_, _| [9, 200, 9, 255]);
    let texts = Texts { task: "", parameters: Some(settings) };
    let file = window.folder().join("theirs.webp");
    let bytes = encode(&picture, FileFormat::Webp { quality: 80 }, texts).unwrap();
    std::fs::write(&file, bytes).unwrap();
    window.drop_file(&file);
    window.wait_shown("theirs.webp was made with A1111 and carries its settings");
    let draft = &window.app.state().state.draft;
    assert!(draft.seed_image.is_some() && draft.prompt == "something of mine", "nothing yet");
    window.click("Restore its settings");
    let draft = &window.app.state().state.draft;
    assert_eq!((draft.prompt.as_str(), draft.negative_prompt.as_str()), ("a red apple", "blurry"));
    assert_eq!((draft.seed, draft.steps, draft.height), (Some(42), Some(3), Some(192)));
    assert_eq!(draft.model.as_deref(), Some("local:demo@1"));
    assert!(window.shows("Left out: Mood: fine"));
}

#[test]
fn a_picture_that_says_nothing_offers_nothing_and_other_programs_keep_our_model() {
    let mut window = Window::open();
    let plain = window.write_picture("plain.png", 64, 64);
    window.drop_file(&plain);
    window
        .wait("the picture", |state| state.draft.seed_image.is_some() && state.world.opening == 0);
    window.app.run_steps(5);
    assert!(window.app.state().state.world.offered.is_none());
    window.drop_file(&golden("carried/invoke.png"));
    window.wait_shown("invoke.png was made with InvokeAI");
    window.click("Restore its settings");
    let draft = &window.app.state().state.draft;
    assert_eq!(draft.model.as_deref(), Some("local:demo@1"), "theirs is not there");
}

#[test]
fn new_pictures_say_nothing_when_that_is_wished() {
    let folder = scratch();
    let home = Home::at(folder.path());
    let mut window = Window::open_in(&home);
    window.click("More actions");
    window.click("Save new pictures without settings");
    window.app.run_steps(2);
    window.app.key_press(egui::Key::Escape);
    window.app.run_steps(3);
    window.click(GENERATE);
    window.wait("the picture", |state| state.world.gallery.newest().is_some());
    let entry = window.app.state().state.world.gallery.newest().unwrap().clone();
    let bytes = std::fs::read(entry.path.as_ref().unwrap()).unwrap();
    assert!(file_texts(&bytes).found.is_empty());
    assert!(window.app.state().state.view.gallery.save_bare, "it is a setting, kept for next time");

    // The window knows them all the same: after deleting and undoing, and without the index.
    let image_uuid = entry.image_uuid;
    let prompt = entry.prompt().unwrap().to_owned();
    window.app.key_press(egui::Key::Delete);
    window.app.run_steps(3);
    let trash = home.trash_dir();
    window.wait("the move", move |_| trash.is_dir());
    let there = move |state: &State| {
        let entry = state.world.gallery.get(image_uuid);
        entry.is_some_and(|entry| entry.task().is_some())
    };
    window.click("Undo");
    window.wait("its return", there);
    drop(window);
    std::fs::remove_file(home.index_file()).unwrap();
    let mut window = Window::open_in(&home);
    window.wait("the settings", there);
    window.click("Reuse all settings");
    assert_eq!(window.app.state().state.draft.prompt, prompt);
}
