//! The keyboard: what each shortcut does, and the list the sheet shows. Most can be given other keys.

mod chord;

use eframe::egui;
use egui::{Key, KeyboardShortcut, Modifiers, Ui};

use super::Cx;
use crate::state::{Action, Preferences, Recording, SettingsPage, Tool, Zoom};
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
    /// While no field or slider has the keyboard.
    Idle,
}

const fn ctrl(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND, key)
}

const fn plain(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::NONE, key)
}

/// All shortcuts, in the order of the sheet.
pub(super) const SHORTCUTS: &[Shortcut] = &[
    row("Ctrl Enter", "Generate", ctrl(Key::Enter), When::Always, |cx| {
        cx.actions.push(Action::Generate);
    }),
    row("Esc", "Cancel the running job; clear the mask", plain(Key::Escape), When::Idle, escape),
    row("Ctrl L", "Write in the prompt", ctrl(Key::L), When::Always, |cx| {
        cx.view.form_open = true;
        cx.view.focus_prompt = true;
    }),
    row("← →", "Previous, next picture", plain(Key::ArrowLeft), When::Idle, |cx| {
        cx.actions.push(Action::Step(-1));
    }),
    row("", "", plain(Key::ArrowRight), When::Idle, |cx| cx.actions.push(Action::Step(1))),
    row("↑ ↓", "One row up, down in the gallery", plain(Key::ArrowUp), When::Idle, |cx| {
        cx.actions.push(Action::Step(-row_step(cx)));
    }),
    row("", "", plain(Key::ArrowDown), When::Idle, |cx| {
        cx.actions.push(Action::Step(row_step(cx)));
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
    row("Ctrl E", "Export a copy of the picture", ctrl(Key::E), When::Always, |cx| {
        cx.actions.extend(cx.view.selected.map(Action::Export));
    }),
    row("F5", "Look for results and models again", plain(Key::F5), When::Always, |cx| {
        cx.actions.push(Action::Rescan);
    }),
    row("Ctrl J", "List of all jobs", ctrl(Key::J), When::Always, |cx| {
        cx.view.sheets.queue = !cx.view.sheets.queue;
    }),
    row("Ctrl M", "The library of models", ctrl(Key::M), When::Always, |cx| {
        cx.view.sheets.models = !cx.view.sheets.models;
        cx.actions.push(Action::LookAtModels);
    }),
    row("Ctrl ,", "Settings", ctrl(Key::Comma), When::Always, |cx| {
        let sheets = &mut cx.view.sheets;
        sheets.settings =
            if sheets.settings.is_some() { None } else { Some(SettingsPage::default()) };
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

/// What is nearest at hand ends first: the rectangle being drawn, the mask, the running job.
fn escape(cx: &mut Cx<'_>) {
    if std::mem::take(&mut cx.view.sheets.queue) {
        return;
    }
    let draws = cx.view.start_shown && cx.view.tool == Tool::Rectangle;
    if cx.view.drawing_from.take().is_some() {
        return;
    }
    let clears = draws && cx.draft.mask.is_there();
    cx.actions.push(if clears { Action::ClearMask } else { Action::CancelRunning });
}

fn row_step(cx: &Cx<'_>) -> isize {
    isize::try_from(cx.view.gallery_columns).unwrap_or(1)
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
            chord => written(chord).replace('+', " "),
        }
    }
}

/// Takes the shortcuts of this frame; before any widget, so that no field swallows them.
pub(super) fn listen(ui: &Ui, cx: &mut Cx<'_>) {
    if let Some(Recording { label, .. }) = cx.view.sheets.recording.clone() {
        return record(ui, cx, &label);
    }
    let idle = ui.memory(|memory| memory.focused().is_none())
        && !egui::Popup::is_any_open(ui.ctx())
        && !cx.view.sheets.cover()
        && cx.world.engines.question.is_none()
        && !cx.view.shortcuts_open;
    for shortcut in SHORTCUTS {
        let listens = shortcut.when == When::Always || idle;
        let chord = shortcut.chord(cx.preferences);
        if listens && ui.input_mut(|input| input.consume_shortcut(&chord)) {
            (shortcut.act)(cx);
        }
    }
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
    let usual = SHORTCUTS.iter().any(|row| row.label == label && row.chord == chord);
    if usual {
        cx.preferences.shortcuts.remove(label);
    } else {
        cx.preferences.shortcuts.insert(label.to_owned(), written(chord));
    }
    cx.view.sheets.recording = None;
}

/// Why the shortcut of that label cannot have these keys.
fn trouble(preferences: &Preferences, label: &str, chord: KeyboardShortcut) -> Option<String> {
    let keys = written(chord).replace('+', " ");
    let others = SHORTCUTS.iter().filter(|row| row.label != label);
    if let Some(other) = others.into_iter().find(|row| row.chord(preferences) == chord) {
        let does = if other.label.is_empty() { "something else" } else { other.label };
        return Some(format!("{keys} is taken: {does}"));
    }
    let own = SHORTCUTS.iter().find(|row| row.label == label)?;
    let writes = own.when == When::Always && chord.conflicts_with_text_editing();
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
