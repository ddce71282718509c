//! The library of models in the window: found, named, brought from the network.

use egui::{Key, Modifiers, Role};
use egui_kittest::kittest::Queryable as _;
use latelier::library::{DownloadStage, Home};

use crate::download::FileServer;
use crate::support::{Window, golden, scratch};

#[test]
fn models_are_found_by_words_and_by_kind_and_called_otherwise() {
    let folder = scratch();
    let home = Home::at(folder.path());
    let embeddings = home.models_dir().join("embeddings");
    std::fs::create_dir_all(&embeddings).unwrap();
    std::fs::copy(golden("embeddings/a1111.pt"), embeddings.join("cat.pt")).unwrap();
    let mut window = Window::open_alone(&home);
    window.app.key_press_modifiers(Modifiers::COMMAND, Key::M);
    window.app.run_steps(3);
    let rows = |window: &Window| window.app.query_all_by_role(Role::ListBoxOption).count();
    let all = rows(&window);
    window.click("Show Embeddings");
    assert!(rows(&window) < all);
    window.app.get_by_label_contains("Model cat:").click();
    window.app.run_steps(3);
    window.wait("its size", |state| !state.world.shelf.files.is_empty());
    window.write((Role::TextInput, "AIR of the model"), "mine:cat@3");
    window.click("Rename");
    window.wait("the new AIR", |state| {
        state.world.models.iter().any(|card| card.air.to_string() == "mine:cat@3")
    });
    assert!(embeddings.join("cat.latelier.json").is_file(), "it is written beside the model");
    window.write((Role::TextInput, "Search models"), "zebra");
    assert_eq!(rows(&window), 0);
}

#[test]
fn dropped_models_join_the_library_beside_a_dropped_picture() {
    let folder = scratch();
    let home = Home::at(folder.path().join("home"));
    let model = folder.path().join("fox.safetensors");
    std::fs::copy(golden("tiny-sd1/model.safetensors"), &model).unwrap();
    let [first, second] = ["first.png", "second.png"].map(|name| folder.path().join(name));
    super::start::write_picture(&first, 64, 32);
    super::start::write_picture(&second, 32, 32);
    let mut window = Window::open_alone(&home);
    window.app.input_mut().hovered_files.push(egui::HoveredFile::default());
    window.app.run_steps(3);
    assert!(window.shows("Drop a picture to start from it"), "what letting go does");
    window.app.input_mut().hovered_files.clear();
    window.drop_files(&[&model, &first, &second]);
    assert!(!window.shows("Drop a picture to start from it"));
    window.wait("the model", |state| state.world.models.iter().any(|card| card.path == model));
    window.wait_shown("Start from: 64 × 32");
    window.wait_shown("Of 2 files the first was opened");
    drop(window);
    let mut window = Window::open_alone(&home);
    window.wait("it again", |state| state.world.models.iter().any(|card| card.path == model));
}

#[test]
fn a_model_is_downloaded_paused_and_taken_into_the_library() {
    let folder = scratch();
    let home = Home::at(folder.path());
    let body = std::fs::read(golden("tiny-sd1/model.safetensors")).unwrap();
    let half = body.len() / 2;
    let server = FileServer::start(body, Vec::new());
    server.hold_at(half);
    let mut window = Window::open_alone(&home);
    window.click("Models");
    window.write((Role::TextInput, "Address to download"), &server.address);
    window.click("Download");
    window.wait("its first half", |state| {
        state.world.shelf.downloads.first().is_some_and(|it| it.got as usize >= half)
    });
    window.click("Pause the download");
    window.wait("the pause", |state| state.world.shelf.downloads[0].stage == DownloadStage::Paused);
    server.hold_at(usize::MAX);
    window.wait("the end of its thread", |_| true);
    window.click("Go on with the download");
    window.wait("the model", |state| {
        state.world.models.iter().any(|card| card.path.ends_with("tiny.safetensors"))
    });
    assert!(window.shows("Download tiny.safetensors: done"));
    window.click("Drop the download");
    window.wait("an empty list", |state| state.world.shelf.downloads.is_empty());
}
