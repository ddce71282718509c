//! Keys as text, for the settings and for people: `Ctrl+Shift+K`.

use eframe::egui;
use egui::{Key, KeyboardShortcut, Modifiers};

/// Signs that are read better than their names.
const SIGNS: &[(Key, &str)] = &[
    (Key::Escape, "Esc"),
    (Key::Comma, ","),
    (Key::Period, "."),
    (Key::Questionmark, "?"),
    (Key::Minus, "-"),
    (Key::Slash, "/"),
    (Key::OpenBracket, "["),
    (Key::CloseBracket, "]"),
];

/// The keys as text, for the settings.
pub(in crate::ui) fn written(chord: KeyboardShortcut) -> String {
    joined(chord, '+')
}

/// The keys as the sheet writes them.
pub(super) fn shown(chord: KeyboardShortcut) -> String {
    joined(chord, ' ')
}

fn joined(chord: KeyboardShortcut, between: char) -> String {
    let KeyboardShortcut { modifiers, logical_key } = chord;
    let mut text = String::new();
    for (held, name) in [
        (modifiers.command || modifiers.ctrl, "Ctrl"),
        (modifiers.alt, "Alt"),
        (modifiers.shift, "Shift"),
    ] {
        if held {
            text += name;
            text.push(between);
        }
    }
    let sign = SIGNS.iter().find(|(key, _)| *key == logical_key).map(|(_, sign)| *sign);
    let sign = if logical_key == Key::Plus { Some("+") } else { sign };
    text + sign.unwrap_or_else(|| logical_key.name())
}

/// The keys that `text` says; `None` when it says none.
pub(super) fn read(text: &str) -> Option<KeyboardShortcut> {
    let mut modifiers = Modifiers::NONE;
    let mut rest = text;
    for (name, modifier) in
        [("Ctrl+", Modifiers::COMMAND), ("Alt+", Modifiers::ALT), ("Shift+", Modifiers::SHIFT)]
    {
        if let Some(behind) = rest.strip_prefix(name) {
            (rest, modifiers) = (behind, modifiers | modifier);
        }
    }
    let sign = SIGNS.iter().find(|(_, sign)| *sign == rest).map(|(key, _)| *key);
    let key = if rest == "+" { Some(Key::Plus) } else { sign.or_else(|| Key::from_name(rest)) };
    Some(KeyboardShortcut::new(modifiers, key?))
}

/// What was pressed, as shortcuts are written down: the same on every system.
pub(super) fn normal(chord: KeyboardShortcut) -> KeyboardShortcut {
    let KeyboardShortcut { modifiers, logical_key } = chord;
    let mut held = Modifiers::NONE;
    if modifiers.command || modifiers.ctrl {
        held |= Modifiers::COMMAND;
    }
    if modifiers.alt {
        held |= Modifiers::ALT;
    }
    // A sign that is written with Shift is another key by itself.
    if modifiers.shift && logical_key != Key::Questionmark && logical_key != Key::Plus {
        held |= Modifiers::SHIFT;
    }
    KeyboardShortcut::new(held, logical_key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_are_written() {
        for text in ["Ctrl+Shift+K", "F5", "Esc", "Ctrl+,", "Alt+Up", "?", "Ctrl+-", "Ctrl+Enter"] {
            let chord = read(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(written(chord), text);
        }
        let plus = KeyboardShortcut::new(Modifiers::ALT, Key::Plus);
        assert_eq!((written(plus).as_str(), shown(plus).as_str()), ("Alt++", "Alt +"));
        assert!(read("Ctrl+Nothing").is_none() && read("").is_none());
    }
}
