//! The card of jobs that were waiting when Latelier stopped: resume them or forget them.

use eframe::egui;
use egui::{Align2, Rect, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};

use super::queue::CARD_HEIGHT;
use crate::state::Action;
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::{inside, paint_elided, text_button};
use crate::ui::{Cx, words};

pub(super) const WIDTH: f32 = 380.0;
/// Points of text from which it says when; the tooltip says it in any case.
const WHEN: f32 = 170.0;
/// Points that the two buttons take.
const BUTTONS: f32 = 146.0;

pub(super) fn card(ui: &mut Ui, cx: &mut Cx<'_>) {
    let colours = palette(ui);
    let count = u32::try_from(cx.world.waiting_pictures()).unwrap_or(u32::MAX);
    let width = WIDTH.min(ui.clip_rect().width());
    let (rect, response) = ui.allocate_exact_size(vec2(width, CARD_HEIGHT), Sense::hover());
    let line = Stroke::new(theme::LINE, colours.line);
    ui.painter().rect(rect, theme::RADIUS, colours.raised, line, StrokeKind::Inside);
    let verb = if count == 1 { "was" } else { "were" };
    let first = words::pictures(count);
    let name = format!("{first} {verb} waiting when Latelier stopped");
    response.widget_info(|| WidgetInfo::labeled(Role::Group, true, &name));
    response.on_hover_text(name);
    let left = rect.left() + 12.0;
    let width = rect.width() - BUTTONS - space::GAP - 24.0;
    let when = if width < WHEN { "" } else { " when Latelier stopped" };
    let second = format!("{verb} waiting{when}");
    let at = |y: f32| (pos2(left, rect.top() + y), Align2::LEFT_CENTER);
    paint_elided(ui, at(21.0), &first, (theme::body(), colours.text), width);
    paint_elided(ui, at(39.0), &second, (theme::caption(), colours.dim), width);
    let buttons = Rect::from_min_max(
        pos2(rect.right() - BUTTONS - 12.0, rect.center().y - space::ROW / 2.0),
        pos2(rect.right() - 12.0, rect.center().y + space::ROW / 2.0),
    );
    inside(ui, ("waiting", buttons), |ui| {
        ui.horizontal_centered(|ui| {
            ui.spacing_mut().item_spacing.x = space::GAP;
            let resume = |ui: &mut egui::Ui| text_button(ui, "Resume");
            let resume = ui.add_enabled_ui(cx.world.models_read, resume).inner;
            if resume.on_disabled_hover_text("Models are still being looked for").clicked() {
                cx.actions.push(Action::ResumeWaiting);
            }
            if text_button(ui, "Discard").clicked() {
                cx.actions.push(Action::DiscardWaiting);
            }
        });
    });
}
