//! Sentences that pass, over the lower part of the canvas.

use std::time::Duration;

use eframe::egui;
use egui::{Align2, Area, Id, Order, Rect, RichText, Ui, pos2};

use super::{floating, strip};
use crate::state::{Action, Notice, Tone};
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::{IconButton, text_button};
use crate::ui::{Cx, icons};

pub(super) fn ui(ui: &Ui, cx: &mut Cx<'_>, canvas: Rect) {
    for notice in &cx.world.notices {
        let age = notice.since.elapsed();
        match lifetime(notice).checked_sub(age) {
            Some(left) => ui.ctx().request_repaint_after(left),
            None => cx.actions.push(Action::DismissNotice(notice.id)),
        }
    }
    if cx.world.notices.is_empty() {
        return;
    }
    let at = pos2(canvas.center().x, canvas.bottom() - strip::ROOM);
    Area::new(Id::unique("notices"))
        .order(Order::Foreground)
        .pivot(Align2::CENTER_BOTTOM)
        .fixed_pos(at)
        .show(ui.ctx(), |ui| {
            for notice in &cx.world.notices {
                card(ui, notice, cx.actions);
            }
        });
}

/// Failures stay long enough to be read twice.
fn lifetime(notice: &Notice) -> Duration {
    match notice.tone {
        Tone::Done if notice.button.is_some() => Duration::from_secs(15),
        Tone::Done => Duration::from_secs(3),
        Tone::Failed => Duration::from_secs(12),
    }
}

fn card(ui: &mut Ui, notice: &Notice, actions: &mut Vec<Action>) {
    let colours = palette(ui);
    let frame = floating(ui).shadow(ui.visuals().popup_shadow).inner_margin(egui::Margin {
        left: 12,
        right: 4,
        top: 4,
        bottom: 4,
    });
    frame.show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.set_max_width(420.0);
            let (icon, colour) = match notice.tone {
                Tone::Done => (icons::CHECK, colours.ok),
                Tone::Failed => (icons::ERROR, colours.error),
            };
            ui.label(RichText::new(icon).font(theme::icon(18.0)).color(colour));
            ui.add(egui::Label::new(&notice.text).wrap());
            ui.add_space(space::GAP);
            ui.push_id(notice.id, |ui| {
                if let Some((words, action)) = notice.button
                    && text_button(ui, words).clicked()
                {
                    actions.extend([action, Action::DismissNotice(notice.id)]);
                }
                if IconButton::new(icons::CLOSE, "Dismiss notice").size(24.0).show(ui).clicked() {
                    actions.push(Action::DismissNotice(notice.id));
                }
            });
        });
    });
}
