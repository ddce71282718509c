//! Shortcuts: own keys with more modifiers come first, and sheets keep them from what lies behind.

use egui::{Key, Modifiers};
use latelier::state::SettingsPage;

use crate::support::Window;

#[test]
fn own_keys_are_heard_though_others_have_them_with_fewer_modifiers() {
    let mut window = Window::open();
    let own = [("Fold the form", "Ctrl+Shift+L"), ("Fold the gallery", "Shift+S")];
    let keys = own.map(|(label, keys)| (label.to_owned(), keys.to_owned()));
    window.app.state_mut().state.preferences.shortcuts.extend(keys);
    window.app.key_press_modifiers(Modifiers::SHIFT, Key::S);
    window.app.run_steps(3);
    assert!(!window.state().view.gallery_open);
    window.app.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::L);
    window.app.run_steps(3);
    assert!(!window.state().view.form_open);
    window.app.key_press_modifiers(Modifiers::COMMAND, Key::L);
    window.app.run_steps(3);
    assert!(window.state().view.form_open, "the one with fewer is heard as ever");
}

#[test]
fn nothing_is_done_behind_a_sheet() {
    let mut window = Window::open();
    for sheet in 0..2 {
        let view = &mut window.app.state_mut().state.view;
        match sheet {
            0 => view.sheets.settings = Some(SettingsPage::default()),
            _ => view.shortcuts_open = true,
        }
        window.app.run_steps(3);
        for key in [Key::Enter, Key::B, Key::G, Key::L] {
            window.app.key_press_modifiers(Modifiers::COMMAND, key);
            window.app.run_steps(2);
        }
        let state = window.state();
        assert!(state.world.queue.jobs().is_empty() && state.world.gallery.is_empty());
        assert!(state.view.form_open && state.view.gallery_open);
        let view = &mut window.app.state_mut().state.view;
        (view.sheets.settings, view.shortcuts_open) = (None, false);
        window.app.run_steps(3);
    }
    window.app.key_press_modifiers(Modifiers::COMMAND, Key::Comma);
    window.app.run_steps(3);
    assert!(window.state().view.sheets.settings.is_some());
    window.app.key_press_modifiers(Modifiers::COMMAND, Key::Comma);
    window.app.run_steps(3);
    assert!(window.state().view.sheets.settings.is_none(), "the sheet's own keys close it");
    window.app.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    window.wait("a picture", |state| state.world.gallery.len() == 1);
}
