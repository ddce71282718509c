//! The keyboard: what each shortcut does, and the list the sheet shows.

mod gallery;

use eframe::egui;
use egui::{Key, KeyboardShortcut, Modifiers, Ui};

use super::Cx;
use crate::state::{Action, Tool, Zoom};

/// A shortcut and what it does.
pub(super) struct Shortcut {
    /// As the sheet writes it.
    pub(super) keys: &'static str,
    /// What it does.
    pub(super) label: &'static str,
    chord: KeyboardShortcut,
    when: When,
    act: fn(&mut Cx<'_>),
}

/// When a shortcut listens.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    /// Always.
    Always,
    /// While no field or slider has the keyboard.
    Idle,
}

const fn ctrl(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND, key)
}

const fn plain(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::NONE, key)
}

/// Shortcuts of the form and the canvas, in the order of the sheet.
const SHORTCUTS: &[Shortcut] = &[
    row("Ctrl Enter", "Generate", ctrl(Key::Enter), When::Always, |cx| {
        cx.actions.push(Action::Generate);
    }),
    row("Esc", "Cancel the running job; clear the mask", plain(Key::Escape), When::Idle, escape),
    row("Ctrl L", "Write in the prompt", ctrl(Key::L), When::Always, |cx| {
        cx.view.form_open = true;
        cx.view.focus_prompt = true;
    }),
    row("F", "Fit the picture", plain(Key::F), When::Idle, |cx| cx.view.zoom = Zoom::Fit),
    row("M", "Draw a mask on the start picture", plain(Key::M), When::Idle, |cx| {
        cx.actions.push(Action::DrawMask);
    }),
    row("Ctrl Z", "Undo the mask", ctrl(Key::Z), When::Idle, |cx| {
        cx.actions.push(Action::UndoMask);
    }),
    row("Ctrl B", "Fold the form", ctrl(Key::B), When::Always, |cx| {
        cx.view.form_open = !cx.view.form_open;
    }),
    row("Ctrl G", "Fold the gallery", ctrl(Key::G), When::Always, |cx| {
        cx.view.gallery_open = !cx.view.gallery_open;
    }),
    row("F5", "Look for results and models again", plain(Key::F5), When::Always, |cx| {
        cx.actions.push(Action::Rescan);
    }),
    row("Ctrl ,", "Dark, light, as the system", ctrl(Key::Comma), When::Always, |cx| {
        cx.view.theme = cx.view.theme.next();
    }),
    row("?", "This sheet", plain(Key::Questionmark), When::Idle, |cx| {
        cx.view.shortcuts_open = !cx.view.shortcuts_open;
    }),
];

const fn row(
    keys: &'static str,
    label: &'static str,
    chord: KeyboardShortcut,
    when: When,
    act: fn(&mut Cx<'_>),
) -> Shortcut {
    Shortcut { keys, label, chord, when, act }
}

/// What is nearest at hand ends first: the rectangle being drawn, the mask, the running job.
fn escape(cx: &mut Cx<'_>) {
    if gallery::escape(cx) {
        return;
    }
    let draws = cx.view.start_shown && cx.view.tool == Tool::Rectangle;
    if cx.view.drawing_from.take().is_some() {
        return;
    }
    let clears = draws && cx.draft.mask.is_there();
    cx.actions.push(if clears { Action::ClearMask } else { Action::CancelRunning });
}

/// All shortcuts, in the order in which they listen.
fn all() -> impl Iterator<Item = &'static Shortcut> {
    gallery::SHORTCUTS.iter().chain(SHORTCUTS)
}

/// All shortcuts, in the order of the sheet.
pub(super) fn sheet() -> impl Iterator<Item = &'static Shortcut> {
    SHORTCUTS.iter().chain(gallery::SHORTCUTS).filter(|shortcut| !shortcut.label.is_empty())
}

/// Takes the shortcuts of this frame; before any widget, so that no field swallows them.
pub(super) fn listen(ui: &Ui, cx: &mut Cx<'_>) {
    let keyboard = cx.view.gallery.has_keyboard;
    cx.view.gallery.focus_chosen &= keyboard;
    let free = ui.memory(|memory| memory.focused().is_none()) || keyboard;
    let idle = free && !egui::Popup::is_any_open(ui.ctx()) && !cx.view.shortcuts_open;
    for shortcut in all() {
        let listens = shortcut.when == When::Always || idle;
        if listens && ui.input_mut(|input| input.consume_shortcut(&shortcut.chord)) {
            (shortcut.act)(cx);
        }
    }
    if idle {
        gallery::listen_to_copying(ui, cx);
    }
    // The grid says so again when it is drawn.
    cx.view.gallery.has_keyboard = false;
}
