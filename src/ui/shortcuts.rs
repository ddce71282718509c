//! The keyboard: what each shortcut does, and the list the sheet shows.

mod gallery;

use eframe::egui;
use egui::{Key, KeyboardShortcut, Modifiers, Ui};

use super::Cx;
use crate::state::{Action, MaskAction, Tool, Zoom};

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

const fn shift(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::SHIFT, key)
}

const fn ctrl_shift(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), key)
}

/// Shortcuts of the form and the canvas, in the order of the sheet.
const SHORTCUTS: &[Shortcut] = &[
    row("Ctrl Enter", "Generate", ctrl(Key::Enter), When::Always, |cx| {
        cx.actions.push(Action::Generate);
    }),
    row(
        "Esc",
        "Cancel the running job; give up a stroke; leave results",
        plain(Key::Escape),
        When::Idle,
        escape,
    ),
    row("Ctrl L", "Write in the prompt", ctrl(Key::L), When::Always, |cx| {
        cx.view.form_open = true;
        cx.view.focus_prompt = true;
    }),
    row("F", "Fit the picture", plain(Key::F), When::Idle, |cx| cx.view.zoom = Zoom::Fit),
    row("V", "Move the picture, pull its sides", plain(Key::V), When::Idle, |cx| {
        cx.actions.push(Action::Take(Tool::Hand));
    }),
    row("B E", "Brush, eraser", plain(Key::B), When::Idle, |cx| {
        cx.actions.push(Action::Take(Tool::Brush));
    }),
    row("", "", plain(Key::E), When::Idle, |cx| cx.actions.push(Action::Take(Tool::Eraser))),
    row("L M O", "Lasso, rectangle, ellipse", plain(Key::L), When::Idle, |cx| {
        cx.actions.push(Action::Take(Tool::Lasso));
    }),
    row("", "", plain(Key::M), When::Idle, |cx| cx.actions.push(Action::Take(Tool::Rectangle))),
    row("", "", plain(Key::O), When::Idle, |cx| cx.actions.push(Action::Take(Tool::Ellipse))),
    row("G W", "Fill, choose by colour", plain(Key::G), When::Idle, |cx| {
        cx.actions.push(Action::Take(Tool::Fill));
    }),
    row("", "", plain(Key::W), When::Idle, |cx| cx.actions.push(Action::Take(Tool::Colour))),
    row("[ ]", "Smaller, larger brush", plain(Key::OpenBracket), When::Idle, |cx| {
        resize(cx, 1.0 / 1.15);
    }),
    row("", "", plain(Key::CloseBracket), When::Idle, |cx| resize(cx, 1.15)),
    row("Shift [ ]", "Softer, harder brush", shift(Key::OpenCurlyBracket), When::Idle, |cx| {
        harden(cx, -0.1);
    }),
    row("", "", shift(Key::CloseCurlyBracket), When::Idle, |cx| harden(cx, 0.1)),
    row("Ctrl Shift Z", "Redo the mask", ctrl_shift(Key::Z), When::Idle, |cx| {
        cx.actions.push(Action::Mask(MaskAction::Redo));
    }),
    row("Ctrl Z", "Undo the mask", ctrl(Key::Z), When::Idle, |cx| {
        cx.actions.push(Action::Mask(MaskAction::Undo));
    }),
    row("Ctrl I", "Invert the mask", ctrl(Key::I), When::Idle, |cx| {
        cx.actions.push(Action::Mask(MaskAction::Invert));
    }),
    row(
        "Ctrl J",
        "The task as JSON",
        ctrl(Key::J),
        When::Always,
        super::panels::task_sheet::toggle,
    ),
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

/// Makes the brush so many times as large.
fn resize(cx: &mut Cx<'_>, times: f32) {
    let brush = &mut cx.view.tools.brush;
    // A pixel at least, so that small brushes change at all.
    let wanted = brush.size * times;
    let least = if times > 1.0 { brush.size + 1.0 } else { brush.size - 1.0 };
    brush.size = if times > 1.0 { wanted.max(least) } else { wanted.min(least) }.round();
    *brush = brush.within_range();
}

/// Makes the brush harder or softer.
fn harden(cx: &mut Cx<'_>, by: f32) {
    let brush = &mut cx.view.tools.brush;
    brush.hardness += by;
    *brush = brush.within_range();
}

/// What is nearest at hand ends first: the stroke being drawn, the results, the running job.
fn escape(cx: &mut Cx<'_>) {
    if cx.painting.cancel() || gallery::escape(cx) {
        return;
    }
    let staged = cx.staged().is_some();
    cx.actions.push(if staged { Action::LeaveResults } else { Action::CancelRunning });
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
