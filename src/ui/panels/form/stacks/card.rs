//! A card: grip, name, switch, and what belongs to the model; dragged by its grip to another place.

use std::ops::RangeInclusive;

use eframe::egui;
use egui::{
    Align2, Frame, Id, Margin, Popup, RectAlign, Role, Sense, Stroke, Ui, Vec2, WidgetInfo, vec2,
};

use super::facts::RowFacts;
use super::{guide, trouble};
use crate::state::RowEdit;
use crate::ui::panels::form::picture::{help, range};
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::{
    Edit, IconButton, Knob, RowLabel, number, paint_elided, slider, switch, tip,
};
use crate::ui::{Cx, icons};

/// Points a side of a guide on its card.
const THUMBNAIL: f32 = 44.0;
/// Points a side of the small buttons of a card.
const BUTTON: f32 = 24.0;
/// Height of a card's line.
const LINE: f32 = 24.0;

/// Where the cards of a stack lie while one of them is dragged, and what is asked of them.
pub(super) struct Reorder {
    id: Id,
    middles: Vec<f32>,
    edges: Vec<f32>,
    dragged: Option<usize>,
    pointer: Option<f32>,
    dropped: bool,
    wish: Option<(usize, RowEdit)>,
    span: egui::Rangef,
}

impl Reorder {
    pub(super) fn begin(ui: &Ui, stack: &str) -> Self {
        Self {
            id: Id::unique(("reorder", stack)),
            middles: Vec::new(),
            edges: Vec::new(),
            dragged: None,
            pointer: ui.ctx().pointer_interact_pos().map(|at| at.y),
            dropped: false,
            wish: None,
            span: ui.max_rect().x_range(),
        }
    }

    /// The place between the cards that the pointer is nearest to, as the row's own place after the move.
    fn target(&self, from: usize) -> Option<usize> {
        let y = self.pointer?;
        let above = self.middles.iter().enumerate();
        Some(above.filter(|(place, middle)| *place != from && **middle < y).count())
    }

    /// What became of the rows; draws where a dragged one would go.
    pub(super) fn end(self, ui: &Ui) -> Option<(usize, RowEdit)> {
        if let Some(from) = self.dragged
            && let Some(to) = self.target(from)
        {
            if self.dropped {
                return (to != from).then_some((from, RowEdit::MoveTo(to)));
            }
            let edge = if to > from { to + 1 } else { to };
            let below = self.middles.len() == edge;
            let y = if below { self.edges.last().map(|end| end + 2.0) } else { None };
            let y = y.or_else(|| self.edges.get(2 * edge).map(|top| top - 2.0));
            if let Some(y) = y.filter(|_| to != from) {
                let line = Stroke::new(2.0, palette(ui).accent);
                ui.painter().hline(self.span, y, line);
            }
        }
        self.wish
    }
}

/// A part of a card that the row's kind fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The line below the name, beside the guide.
    Line,
    /// Everything below, over the whole width.
    Below,
}

/// The card of a row with what `body` draws; faint while it is off.
pub(super) fn show(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    (row, reorder): (&RowFacts, &mut Reorder),
    body: impl Fn(&mut Ui, &mut Cx<'_>, Part),
) {
    let colours = palette(ui);
    let wrong = row.trouble.is_some() || !row.known;
    let line = if row.trouble.is_some() { colours.error } else { colours.line };
    let frame = Frame::new()
        .fill(colours.raised)
        .stroke(Stroke::new(theme::LINE, line))
        .corner_radius(theme::RADIUS)
        .inner_margin(Margin { left: 6, right: 8, top: 4, bottom: 4 });
    let shown = ui.push_id((row.parameter, row.id), |ui| {
        frame.show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.spacing_mut().item_spacing = vec2(4.0, 0.0);
            ui.horizontal_top(|ui| {
                if let Some((slot, image)) = &row.guide {
                    let name = format!("Guide of {}", row.name);
                    guide::button(ui, cx, (*slot, image.as_ref()), (&name, THUMBNAIL));
                    ui.add_space(4.0);
                }
                ui.vertical(|ui| {
                    head(ui, cx, (row, reorder), wrong);
                    if let Some(trouble) = &row.trouble {
                        self::trouble(ui, trouble);
                    }
                    ui.add_enabled_ui(!row.off, |ui| body(ui, cx, Part::Line));
                });
            });
            ui.add_enabled_ui(!row.off, |ui| body(ui, cx, Part::Below));
        })
    });
    let rect = shown.inner.response.rect;
    reorder.middles.push(rect.center().y);
    reorder.edges.extend([rect.top(), rect.bottom()]);
    if reorder.dragged == Some(row.index) {
        ui.painter().rect_filled(rect, theme::RADIUS, colours.panel.gamma_multiply(0.6));
    }
}

/// Grip, name, what takes it off, and the switch.
fn head(ui: &mut Ui, cx: &mut Cx<'_>, (row, reorder): (&RowFacts, &mut Reorder), wrong: bool) {
    let colours = palette(ui);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        ui.set_height(LINE);
        grip(ui, row, reorder);
        let buttons = BUTTON + 34.0 + 4.0;
        let tune = row.parameter == "controlNet";
        let buttons = if tune { buttons + BUTTON + 2.0 } else { buttons };
        let size = vec2(ui.available_width() - buttons, LINE);
        let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
        let colour = match (wrong, row.off) {
            (_, true) => colours.faint,
            (true, false) => colours.error,
            (false, false) => colours.text,
        };
        let at = (rect.left_center(), Align2::LEFT_CENTER);
        paint_elided(ui, at, &row.name, (theme::body(), colour), rect.width());
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &row.name));
        let where_ = if row.known { "" } else { "\nThis model is not in the library." };
        tip(ui, response, &format!("{}{where_}", row.air));
        if tune {
            super::control::tune_button(ui, row, BUTTON);
        }
        let name = format!("Take off {}", row.name);
        let close = IconButton::new(icons::CLOSE, &name);
        if close.hint("Take off").size(BUTTON).show(ui).clicked() {
            reorder.wish = Some((row.index, RowEdit::Remove));
        }
        let mut on = !row.off;
        let name = format!("Use {}", row.name);
        let hint = if on { "On: click to leave it out" } else { "Off: stays here, is not used" };
        let response = switch(ui, &name, &mut on);
        if response.changed() {
            set_off(cx, row, !on);
        }
        tip(ui, response, hint);
    });
}

fn set_off(cx: &mut Cx<'_>, row: &RowFacts, off: bool) {
    let stacks = &mut cx.draft.stacks;
    let index = row.index;
    let switches = [
        stacks.loras.get_mut(index).map(|row| (row.id(), &mut row.off)),
        stacks.embeddings.get_mut(index).map(|row| (row.id(), &mut row.off)),
        stacks.controls.get_mut(index).map(|row| (row.id(), &mut row.off)),
        stacks.image_prompts.get_mut(index).map(|row| (row.id(), &mut row.off)),
    ];
    for (_, switch) in switches.into_iter().flatten().filter(|(id, _)| *id == row.id) {
        *switch = off;
    }
}

/// Where the card is taken to be moved; a click offers the same to the keyboard.
fn grip(ui: &mut Ui, row: &RowFacts, reorder: &mut Reorder) {
    let colours = palette(ui);
    let (rect, response) = ui.allocate_exact_size(Vec2::new(18.0, LINE), Sense::click_and_drag());
    let name = format!("Move {}", row.name);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &name));
    let hot = response.hovered() || response.dragged() || response.has_focus();
    let colour = if hot { colours.text } else { colours.faint };
    ui.painter().text(rect.center(), Align2::CENTER_CENTER, icons::GRIP, theme::icon(16.0), colour);
    if response.has_focus() {
        let ring = Stroke::new(theme::RING, colours.accent);
        ui.painter().rect_stroke(rect, 4, ring, egui::StrokeKind::Inside);
    }
    if response.dragged() || response.drag_stopped() {
        reorder.dragged = Some(row.index);
        reorder.dropped = response.drag_stopped();
        ui.ctx().set_cursor_icon(egui::CursorIcon::Grabbing);
    }
    let id = reorder.id.with(row.id);
    Popup::menu(&response).id(id).align(RectAlign::BOTTOM_START).show(|ui| {
        ui.set_min_width(140.0);
        let last = row.count.saturating_sub(1);
        let places = [
            ("Move up", row.index > 0, row.index.saturating_sub(1)),
            ("Move down", row.index < last, row.index + 1),
            ("Move to the top", row.index > 0, 0),
            ("Move to the bottom", row.index < last, last),
        ];
        for (words, possible, place) in places {
            if ui.add_enabled(possible, egui::Button::selectable(false, words)).clicked() {
                reorder.wish = Some((row.index, RowEdit::MoveTo(place)));
                ui.close();
            }
        }
        if ui.add(egui::Button::selectable(false, "Copy the identifier")).clicked() {
            ui.ctx().copy_text(row.air.clone());
            ui.close();
        }
    });
    tip(ui, response, "Drag to move; click for more");
}

/// The line of a row's weight, for a card that has nothing else.
pub(super) fn weight_line(
    ui: &mut Ui,
    (row, part): (&RowFacts, Part),
    otherwise: RangeInclusive<f64>,
    says: Option<&mut Option<f64>>,
) {
    if let (Part::Line, Some(says)) = (part, says) {
        weight(ui, row, otherwise, says);
    }
}

/// A weight: a slider and a number, without a label, for there is no other.
pub(super) fn weight(
    ui: &mut Ui,
    row: &RowFacts,
    otherwise: RangeInclusive<f64>,
    weight: &mut Option<f64>,
) {
    /// The documented default of every weight.
    const DEFAULT: f64 = 1.0;
    let parameter = format!("{}[].weight", row.parameter);
    let label =
        RowLabel { text: "Weight", help: help(&parameter), default: None, of: row.name.as_str() };
    let range = range(&parameter, otherwise);
    let knob = Knob { label, range, step: 0.05, decimals: 2, problem: None };
    let before = weight.unwrap_or(DEFAULT);
    let mut value = before;
    ui.horizontal(|ui| {
        ui.name_inputs(label.name(), |ui| {
            let rail = ui.available_width() - space::NUMBER - space::GAP;
            ui.spacing_mut().item_spacing.x = space::GAP;
            slider(ui, &knob, &mut value, rail);
            number(ui, &knob, &mut value, space::NUMBER);
        });
    });
    if Edit::of(&knob, before, &mut value) == Edit::Set {
        *weight = Some(value);
    }
}
