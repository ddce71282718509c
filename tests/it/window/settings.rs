//! The settings: scale, theme, folders, keys of one's own, and what is written of them.

use egui::{Key, Modifiers, Role};
use egui_kittest::kittest::Queryable as _;
use latelier::library::Home;
use latelier::settings::Settings;
use latelier::state::ThemeChoice;

use crate::support::{Window, golden, scratch};

fn open_settings(window: &mut Window, page: &str) {
    window.app.key_press_modifiers(Modifiers::COMMAND, Key::Comma);
    window.app.run_steps(3);
    window.click(page);
}

#[test]
fn theme_and_scale_change_at_once_and_are_kept() {
    let folder = scratch();
    let home = Home::at(folder.path());
    let mut window = Window::open_in(&home);
    open_settings(&mut window, "Look");
    window.click("Theme Light");
    for _ in 0..4 {
        window.click("Larger");
    }
    assert!((window.app.ctx.zoom_factor() - 1.2).abs() < 1e-3);
    window.app.key_press_modifiers(Modifiers::COMMAND, Key::Minus);
    window.app.run_steps(3);
    assert!(window.shows("115 %"));
    window.click("Close the sheet");
    drop(window);
    let kept = Settings::read(&home.settings_file()).unwrap().unwrap();
    assert_eq!((kept.view.theme, kept.preferences.scale_percent), (ThemeChoice::Light, 115));
}

#[test]
fn shortcuts_get_other_keys_and_conflicts_are_told() {
    let folder = scratch();
    let home = Home::at(folder.path());
    let mut window = Window::open_in(&home);
    window.app.key_press(Key::Questionmark);
    window.app.run_steps(3);
    window.click("Change the keys: Fold the form");
    window.app.key_press_modifiers(Modifiers::COMMAND, Key::G);
    window.app.run_steps(3);
    assert!(window.shows("Ctrl G is taken: Fold the gallery"));
    window.app.key_press_modifiers(Modifiers::COMMAND, Key::K);
    window.app.run_steps(3);
    assert!(window.shows("Fold the form: Ctrl K"));
    window.click("Close the sheet");
    window.app.key_press_modifiers(Modifiers::COMMAND, Key::B);
    window.app.run_steps(3);
    assert!(window.app.state().state.view.form_open, "not the old keys");
    window.app.key_press_modifiers(Modifiers::COMMAND, Key::K);
    window.app.run_steps(3);
    assert!(!window.app.state().state.view.form_open);
    drop(window);
    let mut window = Window::open_in(&home);
    window.app.key_press_modifiers(Modifiers::COMMAND, Key::K);
    window.app.run_steps(3);
    assert!(window.app.state().state.view.form_open, "they are kept");
}

#[test]
fn a_key_is_kept_forgotten_and_never_written_elsewhere() {
    let folder = scratch();
    let home = Home::at(folder.path());
    let mut window = Window::open_in(&home);
    open_settings(&mut window, "Engines");
    window.wait_shown("There is no key yet");
    window.write((Role::PasswordInput, "API key"), "two words");
    window.click("Keep");
    window.wait_shown("That is no key");
    window.write((Role::PasswordInput, "API key"), "a-secret-key-4711");
    window.click("Keep");
    window.wait_shown("There is a key");
    assert!(home.key_file().is_file());
    window.click("Forget");
    window.wait_shown("There is no key yet");
    assert!(!home.key_file().exists());
    drop(window);
    let text = std::fs::read_to_string(home.settings_file()).unwrap_or_default();
    assert!(!text.contains("4711"));
}

#[test]
fn what_was_typed_counts_and_a_key_is_forgotten_however_the_settings_are_closed() {
    const ADDRESS: (Role, &str) = (Role::TextInput, "Remote address");
    let folder = scratch();
    let mut window = Window::open_in(&Home::at(folder.path()));
    let closed = |window: &Window, address: &str| {
        let state = &window.app.state().state;
        assert_eq!(state.view.sheets.settings, None);
        assert!(state.view.sheets.key.0.is_empty(), "a key that was not kept");
        assert_eq!(state.preferences.remote_address, address);
    };
    for address in ["ws://127.0.0.1:1/v1", "ws://127.0.0.1:2/v1"] {
        open_settings(&mut window, "Engines");
        window.write((Role::PasswordInput, "API key"), "a-secret-key-4711");
        window.app.get_by_role_and_label(ADDRESS.0, ADDRESS.1).focus();
        window.app.run_steps(2);
        window.write(ADDRESS, address);
        assert_ne!(window.app.state().state.preferences.remote_address, address, "it is typed");
        if address.contains(":1/") {
            window.app.key_press_modifiers(Modifiers::COMMAND, Key::Comma);
            window.app.run_steps(3);
        } else {
            window.click("Look");
            window.click("Show and change…");
        }
        closed(&window, address);
    }
}

#[test]
fn a_folder_of_models_is_added_and_removed() {
    let folder = scratch();
    let home = Home::at(folder.path().join("home"));
    let models = folder.path().join("mine");
    std::fs::create_dir_all(models.join("embeddings")).unwrap();
    std::fs::copy(golden("embeddings/a1111.pt"), models.join("embeddings/mine.pt")).unwrap();
    let mut window = Window::open_alone(&home);
    window.click("Models");
    window.write((Role::TextInput, "Model or folder to add"), &models.display().to_string());
    window.click("Add");
    window.wait("the embedding", |state| state.world.models.iter().any(|card| card.name == "mine"));
    window.click("Close the sheet");
    open_settings(&mut window, "Folders");
    window.wait("the folders", |state| state.world.shelf.folders.len() == 2);
    let path = models.canonicalize().unwrap();
    window.click(&format!("Remove the folder {}", path.display()));
    window.wait("its end", |state| state.world.models.iter().all(|card| card.name != "mine"));
}

#[test]
fn settings_that_are_not_understood_are_set_aside_and_never_written_over() {
    let folder = scratch();
    let home = Home::at(folder.path());
    let file = home.settings_file();
    let of_tomorrow = r#"{"draft":{"prompt":"mine"},"view":{"theme":"sepia"}}"#;
    let aside = |number: &str| folder.path().join(format!("settings.json.damaged{number}"));
    for number in ["", "-2"] {
        std::fs::write(&file, of_tomorrow).unwrap();
        let mut window = Window::open_in(&home);
        window.wait_shown("Starting afresh: the settings are damaged");
        assert!(window.shows(&aside(number).display().to_string()), "where they are is told");
        window.write(super::PROMPT, "something new");
        drop(window);
        assert_eq!(std::fs::read_to_string(aside(number)).unwrap(), of_tomorrow);
        assert_eq!(Settings::read(&file).unwrap().unwrap().draft.prompt, "something new");
    }
}
