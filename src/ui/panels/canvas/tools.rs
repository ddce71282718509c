//! The floating tools over the start picture, and what the one in hand can be set to.

use eframe::egui;
use egui::{Align2, Popup, PopupCloseBehavior, Rect, RectAlign, Sense, Ui, Vec2, vec2};

use super::floating;
use crate::pixels::{Brush, Extent, Ink, PaintedMask, Rectangle};
use crate::state::{Action, MaskAction, MaskChange, Tool};
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::{
    IconButton, Knob, RowLabel, inside, number, number_with_sign, number_with_unit, paint_elided,
    slider, text_button,
};
use crate::ui::{Cx, icons};

/// Points that the tools take at the left edge of the stage.
pub(super) const WIDTH: f32 = 36.0;
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

/// The bar at the left edge.
pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>, stage: Rect) {
    let buttons = TOOLS.len() as f32 + 5.0;
    let height = 10.0 + buttons * BUTTON + 2.0 * 9.0;
    let rect = Rect::from_min_size(stage.min + Vec2::splat(space::PANEL), vec2(WIDTH, height));
    inside(ui, ("tools", rect), |ui| {
        floating(ui).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            for (tool, icon, name, hint) in TOOLS {
                let button = IconButton::new(icon, name).hint(hint).size(BUTTON);
                if button.active(cx.view.tool == tool).show(ui).clicked() && cx.view.tool != tool {
                    cx.actions.push(Action::Take(tool));
                }
            }
            line(ui);
            let mask = cx.painting.mask();
            let (undo, redo) =
                (mask.is_some_and(PaintedMask::can_undo), mask.is_some_and(PaintedMask::can_redo));
            act(
                ui,
                cx,
                (icons::UNDO, "Undo the mask", "Back to the mask before (Ctrl Z)"),
                undo,
                MaskAction::Undo,
            );
            act(
                ui,
                cx,
                (icons::REDO, "Redo the mask", "Do it again (Ctrl Shift Z)"),
                redo,
                MaskAction::Redo,
            );
            line(ui);
            let there = cx.draft.mask.is_there();
            let refine = IconButton::new(icons::REFINE, "Refine the mask")
                .hint("Grow, shrink, fade, import, export …")
                .size(BUTTON)
                .show(ui);
            refine_popup(cx, &refine);
            act(
                ui,
                cx,
                (icons::INVERT, "Invert the mask", "Make anew what was kept (Ctrl I)"),
                true,
                MaskAction::Invert,
            );
            act(
                ui,
                cx,
                (
                    icons::DELETE,
                    "Clear the mask",
                    "Keep the whole picture (Ctrl Shift I is its opposite)",
                ),
                there,
                MaskAction::Clear,
            );
        });
    });
    options(ui, cx, stage);
}

fn line(ui: &mut Ui) {
    let (rect, _) = ui.allocate_exact_size(vec2(BUTTON, 9.0), Sense::hover());
    let stroke = egui::Stroke::new(theme::LINE, palette(ui).line);
    ui.painter().hline(rect.x_range().shrink(4.0), rect.center().y, stroke);
}

fn act(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    (icon, name, hint): (char, &str, &str),
    enabled: bool,
    action: MaskAction,
) {
    let button = IconButton::new(icon, name).hint(hint).size(BUTTON).enabled(enabled);
    if button.show(ui).clicked() {
        cx.actions.push(Action::Mask(action));
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
            let there = cx.draft.mask.is_there();
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
            by_numbers(ui, cx);
            ui.separator();
            let whole = [
                ("Fill all", MaskAction::FillAll, true),
                ("Import …", MaskAction::Import, true),
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

fn knob<'a>(
    text: &'a str,
    help: &'a str,
    range: std::ops::RangeInclusive<f64>,
    step: f64,
) -> Knob<'a> {
    let label = RowLabel { text, help, default: None, of: "" };
    Knob { label, range, step, decimals: 0, problem: None }
}

/// One setting of the tool in hand.
struct Setting<'a> {
    word: &'a str,
    knob: Knob<'a>,
    unit: &'a str,
    value: f64,
    before: f64,
    /// The slider goes by the value's square root, so that small sizes are not crowded.
    rooted: bool,
}

/// The bar beside the tools.
fn options(ui: &mut Ui, cx: &mut Cx<'_>, stage: Rect) {
    const NUMBER: f32 = 60.0;
    const SLIDER: f32 = 84.0;
    let mut settings = settings(cx);
    if settings.is_empty() {
        return;
    }
    let left = stage.left() + space::PANEL + WIDTH + space::GAP;
    // The zoom bar has the right corner.
    let room = stage.right() - left - 124.0 - space::PANEL - space::GAP;
    let words: Vec<f32> = settings.iter().map(|one| word_width(ui, one.word)).collect();
    let wide = |slider: f32, count: usize| {
        let gaps = if slider > 0.0 { 32.0 } else { 24.0 };
        words.iter().take(count).map(|word| word + slider + NUMBER + gaps).sum::<f32>() + 6.0
    };
    let sliders = wide(SLIDER, settings.len()) <= room;
    let slider_width = if sliders { SLIDER } else { 0.0 };
    let mut count = settings.len();
    while count > 1 && wide(slider_width, count) > room {
        count -= 1;
    }
    let size = vec2(wide(slider_width, count), 36.0);
    // Where not even one has room beside the zoom bar, below that.
    let lower = if size.x > room { 36.0 + space::GAP } else { 0.0 };
    let rect = Rect::from_min_size(egui::pos2(left, stage.top() + space::PANEL + lower), size);
    inside(ui, ("tool options", rect), |ui| {
        floating(ui).show(ui, |ui| {
            ui.set_min_size(size - Vec2::splat(10.0));
            ui.horizontal_centered(|ui| {
                ui.spacing_mut().item_spacing.x = 8.0;
                ui.add_space(8.0);
                for setting in settings.iter_mut().take(count) {
                    setting.ui(ui, (slider_width, NUMBER));
                }
            });
        });
    });
    keep(cx, &settings);
}

fn word_width(ui: &Ui, word: &str) -> f32 {
    ui.painter().layout_no_wrap(word.to_owned(), theme::body(), palette(ui).dim).size().x
}

impl<'a> Setting<'a> {
    fn new(word: &'a str, unit: &'a str, (knob, value): (Knob<'a>, f64)) -> Self {
        let value = value.round();
        Self { word, knob, unit, value, before: value, rooted: false }
    }

    fn ui(&mut self, ui: &mut Ui, (slider_width, number_width): (f32, f32)) {
        let width = word_width(ui, self.word);
        let (rect, _) = ui.allocate_exact_size(vec2(width, space::ROW), Sense::hover());
        let style = (theme::body(), palette(ui).dim);
        paint_elided(ui, (rect.left_center(), Align2::LEFT_CENTER), self.word, style, width + 1.0);
        if slider_width > 0.0 {
            if self.rooted {
                let (least, most) = (self.knob.range.start().sqrt(), self.knob.range.end().sqrt());
                let knob =
                    Knob { range: least..=most, step: 0.0, decimals: 2, ..self.knob.clone() };
                let before = self.value.sqrt();
                let mut root = before;
                slider(ui, &knob, &mut root, slider_width);
                if (root - before).abs() > 1e-6 {
                    self.value = (root * root).round().max(1.0);
                }
            } else {
                slider(ui, &self.knob, &mut self.value, slider_width);
            }
        }
        number_with_unit(ui, self.unit, (&self.knob, &mut self.value), number_width);
    }
}

fn settings(cx: &Cx<'_>) -> Vec<Setting<'static>> {
    let tools = &cx.view.tools;
    let share = |word, help, value: f32| {
        Setting::new(word, " %", (knob(word, help, 0.0..=100.0, 1.0), f64::from(value * 100.0)))
    };
    let sizes = f64::from(*Brush::SIZES.start())..=f64::from(*Brush::SIZES.end());
    let help = "Width of the brush in pixels of the picture ([ and ], or Ctrl and the wheel).";
    let size = (knob("Size", help, sizes, 1.0), f64::from(tools.brush.size));
    let size = Setting { rooted: true, ..Setting::new("Size", " px", size) };
    let help = "How far other colours may be from the one you click, of 255.";
    let tolerance = (knob("Tolerance", help, 0.0..=255.0, 1.0), f64::from(tools.tolerance));
    let tolerance = Setting::new("Tolerance", "", tolerance);
    let softness = share(
        "Softness",
        "How early the brush fades to its edge (Shift with [ and ]).",
        1.0 - tools.brush.hardness,
    );
    let opacity = share("Opacity", "What one stroke covers at most.", tools.brush.opacity);
    let mut tint = share("Mask", "How strongly the mask tints the picture.", tools.tint);
    tint.knob.range = 10.0..=100.0;
    match cx.view.tool {
        Tool::Hand if !cx.draft.mask.is_there() => Vec::new(),
        Tool::Brush | Tool::Eraser => vec![size, softness, opacity, tint],
        Tool::Colour => vec![tolerance, tint],
        Tool::Hand | Tool::Lasso | Tool::Rectangle | Tool::Ellipse | Tool::Fill => vec![tint],
    }
}

fn keep(cx: &mut Cx<'_>, settings: &[Setting<'_>]) {
    let tools = &mut cx.view.tools;
    let changed = settings.iter().filter(|one| (one.value - one.before).abs() > 0.25);
    for Setting { word, value, .. } in changed {
        let share = (*value / 100.0) as f32;
        match *word {
            "Size" => tools.brush.size = *value as f32,
            "Softness" => tools.brush.hardness = 1.0 - share,
            "Opacity" => tools.brush.opacity = share,
            "Mask" => tools.tint = share.clamp(0.1, 1.0),
            "Tolerance" => tools.tolerance = value.round().clamp(0.0, 255.0) as u8,
            _ => {}
        }
    }
}
