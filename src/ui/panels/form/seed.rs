//! The seed: typed, drawn, locked. As text, for a seed has more digits than a float can hold.

use eframe::egui;
use egui::{Margin, TextEdit, Ui, vec2};

use super::complaint;
use crate::state::Action;
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::{IconButton, RowLabel, control_row, error_outline, tip};
use crate::ui::{Cx, icons};

const HELP: &str = "The same seed with the same settings makes the same picture. \
                    Unlocked, each run draws a new one.";

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let label = RowLabel { text: "Seed", help: HELP, default: None, of: "" };
    control_row(ui, label, |ui| {
        field(ui, cx);
        if IconButton::new(icons::DICE, "New seed")
            .hint("Draw a new seed and keep it")
            .framed()
            .show(ui)
            .clicked()
        {
            cx.actions.push(Action::DrawSeed);
        }
        lock(ui, cx);
    });
}

fn field(ui: &mut Ui, cx: &mut Cx<'_>) {
    let colours = palette(ui);
    let width = ui.available_width() - 2.0 * (space::ROW + space::GAP);
    let mut text = cx.draft.seed.map(|seed| seed.to_string()).unwrap_or_default();
    let colour = if cx.draft.seed_locked { colours.text } else { colours.faint };
    let response = ui
        .scope(|ui| {
            ui.visuals_mut().selection.stroke.color = colours.accent;
            ui.add(
                TextEdit::singleline(&mut text)
                    .font(theme::body())
                    .text_color(colour)
                    .hint_text("random")
                    .margin(Margin { left: 9, right: 9, top: 6, bottom: 6 })
                    .min_size(vec2(width, space::ROW))
                    .desired_width(width),
            )
        })
        .inner
        .accessible_name("Seed");
    if response.changed() {
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        if digits.is_empty() {
            (cx.draft.seed, cx.draft.seed_locked) = (None, false);
        } else if let Ok(seed) = digits.parse() {
            (cx.draft.seed, cx.draft.seed_locked) = (Some(seed), true);
        }
    }
    if complaint(cx, &["seed"]).is_some() {
        error_outline(ui, response.rect);
    }
    let unlocked = "The seed drawn last; the next run draws another";
    tip(ui, response, if cx.draft.seed_locked { HELP } else { unlocked });
}

fn lock(ui: &mut Ui, cx: &mut Cx<'_>) {
    let locked = cx.draft.seed_locked;
    let (icon, name, hint) = if locked {
        (icons::LOCKED, "Unlock the seed", "Locked: every run uses this seed")
    } else {
        (icons::UNLOCKED, "Lock the seed", "Unlocked: every run draws a new seed")
    };
    if !IconButton::new(icon, name).hint(hint).framed().active(locked).show(ui).clicked() {
        return;
    }
    if !locked && cx.draft.seed.is_none() {
        cx.actions.push(Action::DrawSeed);
    } else {
        cx.draft.seed_locked = !locked;
    }
}
