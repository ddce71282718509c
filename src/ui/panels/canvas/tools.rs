//! The floating tools over the start picture.

use eframe::egui;
use egui::{Popup, PopupCloseBehavior, Pos2, Rect, RectAlign, Response, Ui, Vec2, vec2};

use super::super::{BAR_EDGE, bar, task_sheet};
use super::options;
use crate::pixels::{Extent, Ink, PaintedMask, Rectangle};
use crate::state::{Action, MaskAction, MaskChange, Tool};
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::{
    IconButton, Knob, RowLabel, inside, number, number_with_sign, slider, text_button,
};
use crate::ui::{Cx, icons};

/// Points a side.
const BUTTON: f32 = 26.0;

/// A tool, its icon, its name and what it does.
const TOOLS: [(Tool, char, &str, &str); 8] = [
    (Tool::Hand, icons::HAND, "Move the picture", "Move the picture and pull its sides (V)"),
    (
        Tool::Brush,
        icons::BRUSH,
        "Brush",
        "Paint over what is to be made anew (B); Alt erases, Shift draws a line",
    ),
    (Tool::Eraser, icons::ERASER, "Eraser", "Take away from the mask (E)"),
    (Tool::Lasso, icons::LASSO, "Lasso", "Draw around what is to be made anew (L); Alt takes away"),
    (
        Tool::Rectangle,
        icons::RECTANGLE,
        "Rectangle",
        "Drag a rectangle (M); Shift makes a square, Alt takes away",
    ),
    (
        Tool::Ellipse,
        icons::ELLIPSE,
        "Ellipse",
        "Drag an ellipse (O); Shift makes a circle, Alt takes away",
    ),
    (Tool::Fill, icons::FILL, "Fill", "Fill up to the mask's edges, or empty what is filled (G)"),
    (
        Tool::Colour,
        icons::COLOUR,
        "Choose by colour",
        "Add what has the colour you click (W); Shift everywhere, Alt takes away",
    ),
];

/// How many buttons belong together: the tools, undo and redo, what is done to the whole mask.
const GROUPS: [usize; 3] = [TOOLS.len(), 2, 3];
/// Points between two groups.
const LINE: f32 = 9.0;
/// Most buttons side by side.
const MOST_COLUMNS: usize = 4;

/// Points that the tools take at the left edge of the stage.
pub(super) fn width(stage: Rect) -> f32 {
    columns(stage) as f32 * BUTTON + 2.0 * BAR_EDGE
}

fn height(columns: usize) -> f32 {
    let rows: usize = GROUPS.iter().map(|group| group.div_ceil(columns)).sum();
    rows as f32 * BUTTON + (GROUPS.len() - 1) as f32 * LINE + 2.0 * BAR_EDGE
}

/// How many buttons stand side by side: more than one where the stage is low.
fn columns(stage: Rect) -> usize {
    let room = stage.height() - 2.0 * space::PANEL;
    (1..=MOST_COLUMNS).find(|columns| height(*columns) <= room).unwrap_or(MOST_COLUMNS)
}

/// Hands out places for buttons, from left to right and from the top down.
struct Places {
    corner: Pos2,
    columns: usize,
    taken: usize,
}

impl Places {
    fn next(&mut self) -> Rect {
        let (row, column) = (self.taken / self.columns, self.taken % self.columns);
        self.taken += 1;
        let at = self.corner + vec2(column as f32, row as f32) * BUTTON;
        Rect::from_min_size(at, Vec2::splat(BUTTON))
    }

    /// Ends a group with a line.
    fn line(&mut self, ui: &Ui) {
        self.corner.y += self.taken.div_ceil(self.columns) as f32 * BUTTON;
        let width = self.columns as f32 * BUTTON;
        let x = self.corner.x + 4.0..=self.corner.x + width - 4.0;
        let stroke = egui::Stroke::new(theme::LINE, palette(ui).line);
        ui.painter().hline(x, self.corner.y + LINE / 2.0, stroke);
        (self.corner.y, self.taken) = (self.corner.y + LINE, 0);
    }
}

/// The bar at the left edge.
pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>, stage: Rect) {
    let columns = columns(stage);
    let corner = stage.min + Vec2::splat(space::PANEL);
    let rect = Rect::from_min_size(corner, vec2(width(stage), height(columns)));
    if task_sheet::place(ui, cx).is_some_and(|sheet| sheet.intersects(rect)) {
        // Half hidden they would only be in the way.
        return;
    }
    bar(ui, ("tools", rect), |ui| {
        let corner = corner + Vec2::splat(BAR_EDGE);
        let mut places = Places { corner, columns, taken: 0 };
        for (tool, icon, name, hint) in TOOLS {
            let button = IconButton::new(icon, name).hint(hint).active(cx.view.tool == tool);
            if show(ui, places.next(), button).clicked() && cx.view.tool != tool {
                cx.actions.push(Action::Take(tool));
            }
        }
        places.line(ui);
        steps(ui, cx, &mut places);
        places.line(ui);
        whole_mask(ui, cx, &mut places);
    });
    options::ui(ui, cx, (stage, rect.right() + space::GAP));
}

fn show(ui: &mut Ui, place: Rect, button: IconButton<'_>) -> Response {
    let salt = ("tool", place.min.x as i32, place.min.y as i32);
    inside(ui, (salt, place), |ui| button.size(BUTTON).show(ui))
}

/// Back and forth between the steps of painting.
fn steps(ui: &mut Ui, cx: &mut Cx<'_>, places: &mut Places) {
    let mask = cx.painting.mask().filter(|_| !cx.painting.is_waiting());
    let (undo, redo) =
        (mask.is_some_and(PaintedMask::can_undo), mask.is_some_and(PaintedMask::can_redo));
    let hint = "Back to the mask before (Ctrl Z)";
    let undo = IconButton::new(icons::UNDO, "Undo the mask").hint(hint).enabled(undo);
    if show(ui, places.next(), undo).clicked() {
        cx.actions.push(Action::Mask(MaskAction::Undo));
    }
    let hint = "Do it again (Ctrl Shift Z)";
    let redo = IconButton::new(icons::REDO, "Redo the mask").hint(hint).enabled(redo);
    if show(ui, places.next(), redo).clicked() {
        cx.actions.push(Action::Mask(MaskAction::Redo));
    }
}

fn whole_mask(ui: &mut Ui, cx: &mut Cx<'_>, places: &mut Places) {
    let refine = IconButton::new(icons::REFINE, "Refine the mask")
        .hint("Grow, shrink, fade, import, export …");
    let refine = show(ui, places.next(), refine);
    refine_popup(cx, &refine);
    let hint = "Make anew what was kept (Ctrl I)";
    let invert = IconButton::new(icons::INVERT, "Invert the mask").hint(hint);
    if show(ui, places.next(), invert.enabled(!cx.painting.is_waiting())).clicked() {
        cx.actions.push(Action::Mask(MaskAction::Change(MaskChange::Invert)));
    }
    let there = cx.draft.mask.is_there() || cx.painting.is_waiting();
    let hint = "Keep the whole picture (Ctrl Shift I is its opposite)";
    let clear = IconButton::new(icons::DELETE, "Clear the mask").hint(hint).enabled(there);
    if show(ui, places.next(), clear).clicked() {
        cx.actions.push(Action::Mask(MaskAction::Clear));
    }
}

/// What can be done to the whole mask.
fn refine_popup(cx: &mut Cx<'_>, button: &egui::Response) {
    Popup::menu(button)
        .align(RectAlign::RIGHT_START)
        .gap(8.0)
        .width(216.0)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .show(|ui| {
            ui.spacing_mut().item_spacing.y = space::ROW_GAP;
            let idle = !cx.painting.is_waiting();
            let there = cx.draft.mask.is_there() && idle;
            let mut reach = f64::from(cx.view.tools.reach);
            let knob =
                knob("Pixels", "How far the mask grows, shrinks or fades.", 1.0..=128.0, 1.0);
            ui.horizontal(|ui| {
                ui.colored_label(palette(ui).dim, "By");
                slider(ui, &knob, &mut reach, 112.0);
                number(ui, &knob, &mut reach, 52.0);
            });
            cx.view.tools.reach = reach.round().clamp(1.0, 128.0) as u32;
            let reach = cx.view.tools.reach;
            let changes = [
                ("Grow", MaskChange::Grow(reach)),
                ("Shrink", MaskChange::Shrink(reach)),
                ("Feather", MaskChange::Feather(reach)),
            ];
            ui.horizontal(|ui| {
                for (name, change) in changes {
                    let button = ui.add_enabled_ui(there, |ui| text_button(ui, name)).inner;
                    if button.clicked() {
                        cx.actions.push(Action::Mask(MaskAction::Change(change)));
                    }
                }
            });
            ui.separator();
            ui.add_enabled_ui(idle, |ui| by_numbers(ui, cx));
            ui.separator();
            let whole = [
                ("Fill all", MaskAction::Change(MaskChange::Fill(Ink::Add)), idle),
                ("Import …", MaskAction::Import, idle),
                ("Export …", MaskAction::Export, there),
            ];
            ui.horizontal(|ui| {
                for (name, action, enabled) in whole {
                    let button = ui.add_enabled_ui(enabled, |ui| text_button(ui, name)).inner;
                    if button.clicked() {
                        cx.actions.push(Action::Mask(action));
                    }
                }
            });
        });
}

/// A rectangle without a pointer: four numbers, in pixels of the start picture.
fn by_numbers(ui: &mut Ui, cx: &mut Cx<'_>) {
    let Some(start) = cx.world.start_extent(cx.draft) else { return };
    let Extent { width, height } = crate::state::Painting::extent_over(start);
    let id = egui::Id::unique("mask rectangle");
    let middle = Rectangle::new(width / 4, height / 4, (width / 2).max(1), (height / 2).max(1));
    let mut rectangle: Rectangle = ui.data(|data| data.get_temp(id)).unwrap_or(middle);
    let Rectangle { x, y, width: across, height: down } = &mut rectangle;
    let fields = [
        [("X", "Mask X", x, width), ("Y", "Mask Y", y, height)],
        [("W", "Mask width", across, width), ("H", "Mask height", down, height)],
    ];
    for row in fields {
        ui.horizontal(|ui| {
            for (sign, name, value, most) in row {
                let knob = knob(name, "In pixels of the mask.", 0.0..=f64::from(most), 4.0);
                let mut shown = f64::from(*value);
                number_with_sign(ui, sign, (&knob, &mut shown), 92.0);
                *value = shown.round().max(0.0) as u32;
            }
        });
    }
    ui.data_mut(|data| data.insert_temp(id, rectangle));
    ui.horizontal(|ui| {
        for (name, ink) in [("Add a rectangle", Ink::Add), ("Take away", Ink::Remove)] {
            if text_button(ui, name).clicked() {
                cx.actions.push(Action::Mask(MaskAction::Rectangle(rectangle, ink)));
            }
        }
    });
}

pub(super) fn knob<'a>(
    text: &'a str,
    help: &'a str,
    range: std::ops::RangeInclusive<f64>,
    step: f64,
) -> Knob<'a> {
    let label = RowLabel { text, help, default: None, of: "" };
    Knob { label, range, step, decimals: 0, problem: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_a_low_stage_more_buttons_stand_side_by_side() {
        let stage = |height| Rect::from_min_size(Pos2::ZERO, vec2(700.0, height));
        for (room, wanted) in [(900.0, 1), (400.0, 1), (300.0, 2), (240.0, 2), (190.0, 3)] {
            assert_eq!(columns(stage(room)), wanted, "{room}");
            assert!(height(wanted) + 2.0 * space::PANEL <= room);
        }
        assert_eq!(columns(stage(10.0)), MOST_COLUMNS);
    }

    #[test]
    fn no_two_buttons_have_the_same_place() {
        for columns in 1..=MOST_COLUMNS {
            let mut places = Places { corner: Pos2::ZERO, columns, taken: 0 };
            let all: Vec<Rect> = (0..GROUPS[0]).map(|_| places.next()).collect();
            for (at, one) in all.iter().enumerate() {
                assert!(all[at + 1..].iter().all(|other| !one.shrink(1.0).intersects(*other)));
                assert!(one.right() <= columns as f32 * BUTTON);
            }
        }
    }
}
