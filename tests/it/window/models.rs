//! The library of models in the window: found, named, brought from the network.

use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use egui::{Event, Key, Modifiers, PointerButton, Role};
use egui_kittest::kittest::Queryable as _;
use latelier::library::{DownloadStage, Home};
use latelier::task::EngineKind;

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
    window.drop_files(&[&model, &first, &second]);
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
    let (whole, half) = (body.len() as u64, body.len() / 2);
    let path = home.models_dir().join("tiny.safetensors");
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
    window.wait("its size", move |state| {
        let file = state.world.shelf.files.get(&path);
        file.is_some_and(|file| file.bytes == whole)
    });
    assert!(window.shows("Download tiny.safetensors: done"));
    window.click("Drop the download");
    window.wait("an empty list", |state| state.world.shelf.downloads.is_empty());
}

const MODEL: (Role, &str) = (Role::TextInput, "Model or folder to add");
const ADDRESS: (Role, &str) = (Role::TextInput, "Address to download");
const CHECKSUM: (Role, &str) = (Role::TextInput, "SHA-256 checksum");

#[test]
fn the_window_opens_whatever_is_left_to_download() {
    let folder = scratch();
    let home = Home::at(folder.path());
    let downloads = home.models_dir().join(".downloads");
    std::fs::create_dir_all(&downloads).unwrap();
    for number in 0..40 {
        let id = uuid::Uuid::from_u128(number);
        let note = serde_json::json!({
            "id": id, "begun": number as u64, "paused": number % 2 == 0, "sha256": null,
            "address": format!("http://127.0.0.1:9/{number}.safetensors"),
        });
        std::fs::write(downloads.join(format!("{id}.json")), note.to_string()).unwrap();
    }
    let (sender, opened) = sync_channel(1);
    let work = move || {
        let mut window = Window::open_alone(&home);
        window.wait("the downloads", |state| state.world.shelf.downloads.len() == 40);
        drop(window);
        sender.send(()).unwrap();
    };
    thread::Builder::new().name("window".to_owned()).spawn(work).unwrap();
    opened.recv_timeout(Duration::from_mins(3)).unwrap();
}

#[test]
fn what_was_typed_stays_until_it_was_right() {
    let folder = scratch();
    let home = Home::at(folder.path());
    let mut window = Window::open_alone(&home);
    window.click("Models");
    let typed = |window: &Window| {
        let sheets = &window.app.state().state.view.sheets;
        [&sheets.address, &sheets.checksum, &sheets.path].map(Clone::clone)
    };
    let server = FileServer::start(vec![1; 100], Vec::new());
    window.write(ADDRESS, &server.address);
    window.write(CHECKSUM, "abc");
    window.click("Download");
    assert!(window.shows("64 digits"));
    assert_eq!(typed(&window)[..2], [server.address.clone(), "abc".to_owned()]);
    window.write(CHECKSUM, "");
    window.click("Download");
    assert_eq!(typed(&window)[0], "");
    // Its row moves what stands above it.
    window.wait("the download", |state| {
        let downloads = &state.world.shelf.downloads;
        downloads.first().is_some_and(|it| matches!(it.stage, DownloadStage::Done(_)))
    });

    let file = folder.path().join("mine.pt");
    window.write(MODEL, file.to_str().unwrap());
    window.click("Add");
    window.wait_shown("It cannot be read");
    assert_eq!(typed(&window)[2], file.to_str().unwrap());
    std::fs::copy(golden("embeddings/a1111.pt"), &file).unwrap();
    window.click("Add");
    window.wait("an empty field", |state| state.view.sheets.path.is_empty());
    assert!(window.app.state().state.world.models.iter().any(|card| card.path == file));
}

#[test]
fn a_double_click_gives_the_service_no_file_of_this_machine() {
    let mut window = Window::open();
    window.click("Models");
    let double_click = |window: &mut Window| {
        let pos = window.app.get_by_label_contains("Model Emoji-mini:").rect().center();
        window.app.hover_at(pos);
        window.app.run_steps(2);
        // In one frame: the frames of a test are a quarter of a second apart.
        let button = |pressed| Event::PointerButton {
            pos,
            button: PointerButton::Primary,
            pressed,
            modifiers: Modifiers::NONE,
        };
        let events = [true, false, true, false].map(button);
        window.app.input_mut().events.extend(events);
        window.app.run_steps(3);
    };
    window.app.state_mut().state.preferences.engine = EngineKind::Remote;
    window.app.state_mut().state.draft.model = None;
    double_click(&mut window);
    let state = &window.app.state().state;
    assert!(state.view.sheets.model.is_some(), "it is chosen to be looked at");
    assert_eq!((state.draft.model.as_ref(), state.view.sheets.models), (None, true));
    window.app.state_mut().state.preferences.engine = EngineKind::Local;
    double_click(&mut window);
    let state = &window.app.state().state;
    assert_eq!(
        (state.draft.model.as_deref(), state.view.sheets.models),
        (Some("local:demo@1"), false)
    );
}

/// The list of added models lies on a disk that does not answer: nobody can read it for a while.
#[cfg(unix)]
#[test]
fn a_slow_disk_does_not_hold_the_frame_in_which_the_window_gets_the_focus() {
    let folder = scratch();
    let home = Home::at(folder.path());
    let mut window = Window::open_alone(&home);
    let list = home.root().join("models.json");
    assert!(std::process::Command::new("mkfifo").arg(&list).status().unwrap().success());
    let (sender, drawn) = sync_channel(1);
    let answers = move || {
        let was_drawn = drawn.recv_timeout(Duration::from_secs(30)).is_ok();
        std::fs::write(&list, "{}").unwrap();
        was_drawn
    };
    let disk = thread::Builder::new().name("disk".to_owned()).spawn(answers).unwrap();
    window.app.event(Event::WindowFocused(true));
    window.app.step();
    sender.try_send(()).ok();
    assert!(disk.join().unwrap(), "the frame waited for the disk");
}
