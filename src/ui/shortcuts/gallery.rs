//! The keyboard in the gallery and while two pictures are compared.

use eframe::egui;
use egui::{Key, KeyboardShortcut, Ui};

use super::{Shortcut, When, ctrl, plain, row, shift};
use crate::state::{Action, Compare, ExportTexts, GalleryAction};
use crate::ui::Cx;

/// Shortcuts of the gallery, in the order of the sheet.
pub(super) const SHORTCUTS: &[Shortcut] = &[
    row("Shift ← →", "Choose the neighbours, too", shift(Key::ArrowLeft), When::Idle, |cx| {
        mark(cx, -1);
    }),
    row("", "", shift(Key::ArrowRight), When::Idle, |cx| mark(cx, 1)),
    row("", "", shift(Key::ArrowUp), When::Idle, |cx| mark(cx, -row_step(cx))),
    row("", "", shift(Key::ArrowDown), When::Idle, |cx| mark(cx, row_step(cx))),
    row("← →", "Previous, next; line of a comparison", LEFT, When::Idle, |cx| step(cx, -1)),
    row("", "", plain(Key::ArrowRight), When::Idle, |cx| step(cx, 1)),
    row("↑ ↓", "One row up, down in the gallery", plain(Key::ArrowUp), When::Idle, |cx| {
        step(cx, -row_step(cx));
    }),
    row("", "", plain(Key::ArrowDown), When::Idle, |cx| step(cx, row_step(cx))),
    row("Enter", "Use a staged result; reuse all settings of another", ENTER, When::Idle, |cx| {
        let reuse = cx.view.selected.map(Action::ReuseSettings);
        cx.actions.extend(cx.staged().map(Action::UseResult).or(reuse));
    }),
    row("S", "Star", plain(Key::S), When::Idle, |cx| act(cx, GalleryAction::Star)),
    row("C", "Compare two chosen pictures", plain(Key::C), When::Idle, |cx| {
        let on = cx.view.compares().is_some();
        act(cx, if on { GalleryAction::LeaveCompare } else { GalleryAction::Compare });
    }),
    row("I", "Details of the picture", plain(Key::I), When::Idle, |cx| {
        cx.view.gallery.details_open = !cx.view.gallery.details_open;
    }),
    row("Ctrl F", "Search pictures", ctrl(Key::F), When::Writing, |cx| {
        cx.view.gallery_open = true;
        cx.view.gallery.focus_search = true;
    }),
    row("Del", "Delete the chosen pictures", plain(Key::Delete), When::Idle, |cx| {
        act(cx, GalleryAction::Delete);
    }),
    row("Ctrl A", "Choose all pictures", ctrl(Key::A), When::Idle, |cx| {
        act(cx, GalleryAction::MarkAll);
    }),
    // The system tells of copying by an event of its own, which is listened to below.
    row("Ctrl C", "Copy the picture", ctrl(Key::C), When::Idle, |cx| {
        act(cx, GalleryAction::CopyPicture);
    }),
    row("Ctrl E", "Export copies of the chosen pictures", ctrl(Key::E), When::Writing, |cx| {
        act(cx, GalleryAction::Export(ExportTexts::Kept));
    }),
];

const ENTER: KeyboardShortcut = plain(Key::Enter);
const LEFT: KeyboardShortcut = plain(Key::ArrowLeft);

/// Copies the chosen picture when the system says that something is to be copied.
pub(super) fn listen_to_copying(ui: &Ui, cx: &mut Cx<'_>) {
    let copies = |input: &egui::InputState| input.events.contains(&egui::Event::Copy);
    if cx.view.selected.is_some() && ui.input(copies) {
        act(cx, GalleryAction::CopyPicture);
    }
}

/// Leaves the comparison, or chooses one picture again; whether there was anything to leave.
pub(super) fn escape(cx: &mut Cx<'_>) -> bool {
    if cx.view.compares().is_some() {
        act(cx, GalleryAction::LeaveCompare);
    } else if cx.view.gallery.marks.count(cx.view.selected) > 1 {
        act(cx, GalleryAction::MarkNone);
    } else {
        return false;
    }
    true
}

fn act(cx: &mut Cx<'_>, action: GalleryAction) {
    cx.actions.push(Action::Gallery(action));
}

fn mark(cx: &mut Cx<'_>, places: isize) {
    cx.view.gallery.focus_chosen = cx.view.gallery.has_keyboard;
    act(cx, GalleryAction::MarkStep(places));
}

/// Moves the line of a comparison, else the choice.
fn step(cx: &mut Cx<'_>, places: isize) {
    let compares = cx.view.compares().is_some();
    if let Some(compare) = cx.view.gallery.compare.as_mut().filter(|_| compares) {
        compare.shift(Compare::STEP * places.signum() as f32);
        return;
    }
    cx.view.gallery.focus_chosen = cx.view.gallery.has_keyboard;
    cx.actions.push(Action::Step(places));
}

fn row_step(cx: &Cx<'_>) -> isize {
    isize::try_from(cx.view.gallery_columns).unwrap_or(1)
}
