//! What can be done with a waiting job, by menu and by keyboard.

use eframe::egui;
use egui::{EventFilter, Key, Modifiers, Popup, Response, RichText, Ui};

use crate::jobs::JobId;
use crate::state::Action;
use crate::ui::theme::{self, palette};
use crate::ui::widgets::IconButton;
use crate::ui::{Cx, icons};

/// Far enough for any queue.
const FAR: isize = isize::MAX / 2;

/// Three dots that open the menu.
pub(super) fn button(ui: &mut Ui, cx: &mut Cx<'_>, job: JobId) {
    let response = IconButton::new(icons::MORE, "More about this job").size(24.0).show(ui);
    Popup::menu(&response).show(|ui| {
        ui.set_min_width(220.0);
        let rows = [
            ("Move to the front", "", Action::MoveJob(job, 0)),
            ("Move forward", "Alt ↑", Action::ShiftJob(job, -1)),
            ("Move back", "Alt ↓", Action::ShiftJob(job, 1)),
            ("Move to the end", "", Action::ShiftJob(job, FAR)),
            ("Once more, with another seed", "", Action::Duplicate(job)),
            ("Take out of the queue", "Del", Action::Cancel(job)),
        ];
        for (words, keys, action) in rows {
            let keys = RichText::new(keys).font(theme::caption()).color(palette(ui).faint);
            let row = egui::Button::new(words).right_text(keys).frame_when_inactive(false);
            if ui.add_sized([220.0, 26.0], row).accessible_name(words).clicked() {
                cx.actions.push(action);
                ui.close();
            }
        }
    });
}

/// Moves the job that has the keyboard, or takes it out.
pub(super) fn keys(ui: &Ui, cx: &mut Cx<'_>, (response, job): (&Response, JobId)) {
    if !response.has_focus() {
        return;
    }
    let arrows =
        EventFilter { vertical_arrows: true, horizontal_arrows: true, ..EventFilter::default() };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, arrows));
    let moves = [
        (Key::ArrowUp, Action::ShiftJob(job, -1)),
        (Key::ArrowLeft, Action::ShiftJob(job, -1)),
        (Key::ArrowDown, Action::ShiftJob(job, 1)),
        (Key::ArrowRight, Action::ShiftJob(job, 1)),
    ];
    for (key, action) in moves {
        if ui.input_mut(|input| input.consume_key(Modifiers::ALT, key)) {
            cx.actions.push(action);
        }
    }
    if ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Delete)) {
        cx.actions.push(Action::Cancel(job));
    }
}
