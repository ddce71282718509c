//! Pictures to start from: dropped, pasted, taken from the gallery, gone.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use egui::{Key, Modifiers, Role};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use latelier::library::{Home, read_picture, read_task};
use latelier::pixels::{Extent, FileFormat, Picture, encode};
use latelier::task::ImageRef;

use super::{GENERATE, PROMPT};
use crate::support::{Window, scratch};

const VARY: &str = "Vary 128 × 128";

#[test]
fn a_dropped_picture_is_started_from_with_its_strength() {
    let mut window = Window::open();
    assert!(window.is_disabled_number("Strength"), "it is there, but waits for a picture");
    let before = window.app.get_by_role_and_label(Role::SpinButton, "Steps").rect();
    let file = window.write_picture("a photo.png", 96, 48);
    window.drop_file(&file);
    window.wait("the picture", |state| state.draft.seed_image.is_some());
    window.wait_shown("Start from: 96 × 48");
    let after = window.app.get_by_role_and_label(Role::SpinButton, "Steps").rect();
    assert_eq!(before, after, "nothing below moves");
    assert!(!window.shows(GENERATE));

    window.app.get_by_role_and_label(Role::SpinButton, "Strength").set_value_accesskit(0.35);
    window.app.run_steps(3);
    assert!(window.is_disabled("Show results on the canvas"), "there are none");
    window.click(VARY);
    window.wait("the result", |state| {
        state.world.gallery.len() == 1 && state.world.queue.jobs().is_empty()
    });
    let state = &window.app.state().state;
    let result = state.world.gallery.newest().unwrap().path.clone().unwrap();
    let task = read_task(&result).unwrap().unwrap();
    assert_eq!(task.seed_image, state.draft.seed_image.map(ImageRef::Uuid));
    assert_eq!(task.strength, Some(0.35));
    assert_eq!((state.draft.width, state.draft.height), (None, None), "the size stays");
    assert_eq!(read_picture(&result).unwrap().extent(), Extent::new(128, 128));
    assert!(file.is_file(), "the dropped file stays where it was");

    window.click("Strength: back to 0.80");
    assert_eq!(window.app.state().state.draft.strength, None);
    window.click("Remove the picture");
    assert!(!window.is_disabled(GENERATE));
    assert!(window.is_disabled_number("Strength"));
    assert_eq!(window.app.state().state.draft.to_task(uuid::Uuid::nil()).seed_image, None);
}

#[test]
fn a_result_is_started_from_and_all_settings_bring_its_picture_back() {
    let mut window = Window::open();
    window.write(PROMPT, "a red fox");
    window.click(GENERATE);
    window.wait("the first", |state| {
        state.world.gallery.len() == 1 && state.world.queue.jobs().is_empty()
    });
    let first = window.shown(0);
    window.click("Start from this picture");
    window.wait_shown("Start from: 128 × 128");
    assert!(window.folder_is_empty("inputs"), "a result is used as it is, not copied");
    window.write(PROMPT, "a blue fox");
    window.app.get_by_role_and_label(Role::SpinButton, "Strength").set_value_accesskit(0.5);
    window.app.run_steps(3);
    window.click(VARY);
    window.wait("the second", |state| {
        state.world.gallery.len() == 2 && state.world.queue.jobs().is_empty()
    });

    window.click("Remove the picture");
    window.click("Strength: back to 0.80");
    window.click("Reuse all settings");
    let draft = &window.app.state().state.draft;
    assert_eq!((draft.seed_image, draft.strength), (Some(first), Some(0.5)));
    assert!(!window.is_disabled(VARY));

    window.click("Remove the picture");
    window.click("Start from the shown picture");
    let state = &window.app.state().state;
    assert_eq!(state.draft.seed_image, state.view.selected);
    assert_ne!(state.draft.seed_image, Some(first));
}

#[test]
fn a_dropped_text_is_refused_with_the_reason() {
    let mut window = Window::open();
    let file = window.folder().join("notes.png");
    std::fs::write(&file, "no picture").unwrap();
    window.drop_file(&file);
    window.wait("the notice", |state| !state.world.notices.is_empty());
    let state = &window.app.state().state;
    let text = &state.world.notices[0].text;
    assert!(text.contains("notes.png cannot be opened") && text.contains("PNG, JPEG"), "{text}");
    assert_eq!((state.draft.seed_image, state.world.opening), (None, 0));
    assert!(!window.is_disabled(GENERATE));
}

#[test]
fn a_pasted_picture_is_started_from() {
    let mut window = Window::open();
    let colours = (0..32 * 16).map(|i| egui::Color32::from_gray(i as u8)).collect();
    let image = egui::ColorImage::new([32, 16], colours);
    window.app.event(egui::Event::PasteImage(Arc::new(image)));
    window.wait("the picture", |state| state.draft.seed_image.is_some());
    window.wait_shown("Start from: 32 × 16");
}

#[test]
fn a_vanished_picture_is_told_and_not_started_from() {
    let mut window = Window::open();
    let file = window.write_picture("photo.png", 64, 64);
    window.drop_file(&file);
    window.wait_shown("Start from: 64 × 64");
    let kept = std::fs::read_dir(window.folder().join("inputs")).unwrap().next().unwrap().unwrap();
    std::fs::remove_file(kept.path()).unwrap();
    window.wait_shown("Start from: The picture is gone");
    assert!(window.is_disabled(VARY));
    window.app.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    window.app.run_steps(3);
    assert!(window.app.state().state.world.queue.jobs().is_empty());
    assert!(window.shows("no longer in the library"), "the reason is told");
    window.drop_file(&file);
    window.wait_shown("Start from: 64 × 64");
    assert!(!window.is_disabled(VARY));
}

#[test]
fn the_picture_to_start_from_is_there_after_a_restart() {
    let folder = scratch();
    let home = Home::at(folder.path());
    let mut window = Window::open_in(&home);
    let file = folder.path().join("photo.png");
    write_picture(&file, 64, 32);
    window.drop_file(&file);
    window.wait_shown("Start from: 64 × 32");
    window.app.get_by_role_and_label(Role::SpinButton, "Strength").set_value_accesskit(0.25);
    window.app.run_steps(3);
    drop(window);

    let mut window = Window::open_in(&home);
    assert_eq!(window.app.state().state.draft.strength, Some(0.25));
    window.wait_shown("Start from: 64 × 32");
    assert!(!window.is_disabled(VARY));
}

#[test]
fn a_file_over_the_window_is_invited() {
    let mut window = Window::open();
    window.app.input_mut().hovered_files.push(egui::HoveredFile::default());
    window.app.step();
    assert!(window.shows("Drop a picture to start from it"));
}

/// A file with a picture of that size.
pub(super) fn write_picture(file: &Path, width: u32, height: u32) {
    let pixels = (0..width * height).flat_map(|i| [(i % width) as u8, (i / width) as u8, 90, 255]);
    let picture =
        Picture::from_rgba(Extent::new(width, height), pixels.collect::<Vec<u8>>()).unwrap();
    std::fs::write(file, encode(&picture, FileFormat::Png, "").unwrap()).unwrap();
}

/// A file as the desktop hands it over.
#[derive(Debug)]
struct Dropped(PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|error| error.to_string())
    }
}

impl Window {
    pub(super) fn drop_file(&mut self, file: &Path) {
        self.drop_files(&[file]);
    }

    pub(super) fn drop_files(&mut self, files: &[&Path]) {
        for file in files {
            self.app.input_mut().dropped_files.push(Arc::new(Dropped((*file).to_owned())));
        }
        self.app.step();
    }

    pub(super) fn write_picture(&self, name: &str, width: u32, height: u32) -> PathBuf {
        let file = self.folder().join(name);
        write_picture(&file, width, height);
        file
    }

    fn is_disabled_number(&self, label: &str) -> bool {
        self.app.get_by_role_and_label(Role::SpinButton, label).accesskit_node().is_disabled()
    }

    fn folder_is_empty(&self, name: &str) -> bool {
        std::fs::read_dir(self.folder().join(name)).map_or(true, |mut files| files.next().is_none())
    }
}
