//! The keyboard: what each shortcut does, and the list the sheet shows. Most can be given other keys.

mod chord;

mod gallery;

use eframe::egui;
use egui::{Key, KeyboardShortcut, Modifiers, Ui};

use super::Cx;
use crate::pixels::Ink;
use crate::state::{
    Action, MaskAction, MaskChange, Preferences, Recording, SettingsPage, Tool, Zoom,
};
pub(super) use chord::written;

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
    /// While nothing lies over the window, also while a field has the keyboard.
    Writing,
    /// While nothing lies over the window and no field or slider has the keyboard.
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
    row("Ctrl Enter", "Generate", ctrl(Key::Enter), When::Writing, |cx| {
        cx.actions.push(Action::Generate);
    }),
    row(
        "Esc",
        "Cancel the running job; give up a stroke; leave results",
        plain(Key::Escape),
        When::Idle,
        escape,
    ),
    row("Ctrl L", "Write in the prompt", ctrl(Key::L), When::Writing, |cx| {
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
    row("Ctrl Shift I", "Fill the whole mask", ctrl_shift(Key::I), When::Idle, |cx| {
        cx.actions.push(Action::Mask(MaskAction::Change(MaskChange::Fill(Ink::Add))));
    }),
    row("Ctrl I", "Invert the mask", ctrl(Key::I), When::Idle, |cx| {
        cx.actions.push(Action::Mask(MaskAction::Change(MaskChange::Invert)));
    }),
    row(
        "Ctrl J",
        "The task as JSON",
        ctrl(Key::J),
        When::Always,
        super::panels::task_sheet::toggle,
    ),
    row("Ctrl B", "Fold the form", ctrl(Key::B), When::Writing, |cx| {
        cx.view.form_open = !cx.view.form_open;
    }),
    row("Ctrl G", "Fold the gallery", ctrl(Key::G), When::Writing, |cx| {
        cx.view.gallery_open = !cx.view.gallery_open;
    }),
    row("F5", "Look for results and models again", plain(Key::F5), When::Always, |cx| {
        cx.actions.push(Action::Rescan);
    }),
    row("Ctrl U", "List of all jobs", ctrl(Key::U), When::Always, |cx| {
        cx.view.sheets.queue = !cx.view.sheets.queue;
    }),
    row("Ctrl M", "The library of models", ctrl(Key::M), When::Always, |cx| {
        cx.view.sheets.models = !cx.view.sheets.models;
        cx.actions.push(Action::LookAtModels);
    }),
    row("Ctrl ,", "Settings", ctrl(Key::Comma), When::Always, |cx| {
        let sheets = &mut cx.view.sheets;
        if sheets.settings.is_some() {
            return sheets.close_settings(cx.preferences);
        }
        sheets.settings = Some(SettingsPage::default());
        cx.actions.extend([Action::LookAtEngines, Action::LookAtModels]);
    }),
    row("Ctrl +", "Draw everything larger", ctrl(Key::Plus), When::Always, |cx| {
        cx.preferences.rescale(1);
    }),
    row("", "", ctrl(Key::Equals), When::Always, |cx| cx.preferences.rescale(1)),
    row("Ctrl -", "Draw everything smaller", ctrl(Key::Minus), When::Always, |cx| {
        cx.preferences.rescale(-1);
    }),
    row("Ctrl 0", "Draw everything in the usual size", ctrl(Key::Num0), When::Always, |cx| {
        cx.preferences.scale_percent = 100;
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
    if std::mem::take(&mut cx.view.sheets.queue) {
        return;
    }
    if cx.painting.cancel() || gallery::escape(cx) {
        return;
    }
    let staged = cx.staged().is_some();
    cx.actions.push(if staged { Action::LeaveResults } else { Action::CancelRunning });
}

/// All shortcuts; of those with equally many modifiers the first has the keys.
fn all() -> impl Iterator<Item = &'static Shortcut> {
    gallery::SHORTCUTS.iter().chain(SHORTCUTS)
}

/// All shortcuts, in the order of the sheet.
pub(super) fn sheet() -> impl Iterator<Item = &'static Shortcut> {
    SHORTCUTS.iter().chain(gallery::SHORTCUTS).filter(|shortcut| !shortcut.label.is_empty())
}

impl Shortcut {
    /// Whether it can be given other keys: pairs of arrows cannot.
    pub(super) fn is_changeable(&self) -> bool {
        chord::read(&self.keys.replace(' ', "+")) == Some(self.chord)
    }

    /// The keys that it listens to.
    fn chord(&self, preferences: &Preferences) -> KeyboardShortcut {
        let own = preferences.shortcuts.get(self.label).filter(|_| !self.label.is_empty());
        own.and_then(|text| chord::read(text)).unwrap_or(self.chord)
    }

    /// The keys that it listens to, for people.
    pub(super) fn keys(&self, preferences: &Preferences) -> String {
        match self.chord(preferences) {
            chord if chord == self.chord => self.keys.to_owned(),
            chord => chord::shown(chord),
        }
    }
}

/// Takes the shortcuts of this frame; before any widget, so that no field swallows them.
pub(super) fn listen(ui: &Ui, cx: &mut Cx<'_>) {
    if let Some(Recording { label, .. }) = cx.view.sheets.recording.clone() {
        return record(ui, cx, &label);
    }
    let keyboard = cx.view.gallery.has_keyboard;
    cx.view.gallery.focus_chosen &= keyboard;
    let free = ui.memory(|memory| memory.focused().is_none()) || keyboard;
    let uncovered =
        !cx.view.sheets.cover() && cx.world.engines.question.is_none() && !cx.view.shortcuts_open;
    let idle = free && uncovered && !egui::Popup::is_any_open(ui.ctx());
    let mut shortcuts: Vec<_> =
        all().map(|shortcut| (shortcut, shortcut.chord(cx.preferences))).collect();
    // One is also heard while more keys are held than it has: those with more come first.
    shortcuts.sort_by_key(|(_, chord)| std::cmp::Reverse(held(chord.modifiers)));
    for (shortcut, chord) in shortcuts {
        let listens = match shortcut.when {
            When::Always => true,
            When::Writing => uncovered,
            When::Idle => idle,
        };
        if listens && ui.input_mut(|input| input.consume_shortcut(&chord)) {
            (shortcut.act)(cx);
        }
    }
    if idle {
        gallery::listen_to_copying(ui, cx);
    }
    // The grid says so again when it is drawn.
    cx.view.gallery.has_keyboard = false;
}

/// How many modifiers there are.
fn held(modifiers: Modifiers) -> usize {
    let Modifiers { alt, ctrl, shift, command, .. } = modifiers;
    [alt, ctrl || command, shift].into_iter().filter(|held| *held).count()
}

/// Gives the shortcut of that label the keys that are pressed now. Esc leaves it as it is, Backspace
/// gives it its own again.
fn record(ui: &Ui, cx: &mut Cx<'_>, label: &str) {
    let mut pressed = None;
    ui.input_mut(|input| {
        input.events.retain(|event| match event {
            egui::Event::Key { key, pressed: true, modifiers, .. } => {
                pressed.get_or_insert(KeyboardShortcut::new(*modifiers, *key));
                false
            }
            egui::Event::Key { .. } | egui::Event::Text(_) => false,
            _ => true,
        });
    });
    let Some(chord) = pressed else { return };
    let none = chord.modifiers.is_none();
    if none && chord.logical_key == Key::Escape {
        cx.view.sheets.recording = None;
        return;
    }
    if none && chord.logical_key == Key::Backspace {
        cx.preferences.shortcuts.remove(label);
        cx.view.sheets.recording = None;
        return;
    }
    let chord = chord::normal(chord);
    let trouble = trouble(cx.preferences, label, chord);
    if trouble.is_some() {
        cx.view.sheets.recording = Some(Recording { label: label.to_owned(), trouble });
        return;
    }
    let usual = all().any(|row| row.label == label && row.chord == chord);
    if usual {
        cx.preferences.shortcuts.remove(label);
    } else {
        cx.preferences.shortcuts.insert(label.to_owned(), written(chord));
    }
    cx.view.sheets.recording = None;
}

/// Why the shortcut of that label cannot have these keys.
fn trouble(preferences: &Preferences, label: &str, chord: KeyboardShortcut) -> Option<String> {
    let keys = chord::shown(chord);
    let others = all().filter(|row| row.label != label);
    if let Some(other) = others.into_iter().find(|row| row.chord(preferences) == chord) {
        let does = if other.label.is_empty() { "something else" } else { other.label };
        return Some(format!("{keys} is taken: {does}"));
    }
    let own = all().find(|row| row.label == label)?;
    let writes = own.when != When::Idle && chord.conflicts_with_text_editing();
    writes.then(|| format!("{keys} is needed for writing: add Ctrl or Alt"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_shortcuts_have_the_same_keys_and_all_can_be_told_apart() {
        let preferences = Preferences::default();
        for (place, one) in SHORTCUTS.iter().enumerate() {
            for other in &SHORTCUTS[place + 1..] {
                assert_ne!(one.chord, other.chord, "{} and {}", one.label, other.label);
                assert!(one.label.is_empty() || one.label != other.label, "{}", one.label);
            }
            assert_eq!(one.keys(&preferences), one.keys);
        }
    }

    #[test]
    fn other_keys_are_taken_unless_somebody_has_them() {
        let mut preferences = Preferences::default();
        let told = trouble(&preferences, "Generate", ctrl(Key::G)).unwrap();
        assert_eq!(told, "Ctrl G is taken: Fold the gallery");
        assert!(trouble(&preferences, "Generate", plain(Key::K)).unwrap().contains("writing"));
        assert_eq!(trouble(&preferences, "Generate", ctrl(Key::K)), None);
        preferences.shortcuts.insert("Generate".to_owned(), written(ctrl(Key::K)));
        let generate = SHORTCUTS.iter().find(|row| row.label == "Generate").unwrap();
        assert_eq!(generate.keys(&preferences), "Ctrl K");
        assert_eq!(trouble(&preferences, "Settings", ctrl(Key::Enter)), None, "free again");
    }
}
