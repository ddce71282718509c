//! The mask: drawn on the canvas or by numbers, its fading edge, and zooming into it.

use eframe::egui;
use egui::Ui;

use super::picture::{help, range};
use super::{complaint, only_with_a_picture};
use crate::pixels::{Extent, Rectangle};
use crate::state::{Action, MAX_FEATHER, MaskShape, Tool};
use crate::ui::theme::{palette, space};
use crate::ui::widgets::{
    Edit, IconButton, Knob, RowLabel, control_row, error_outline, number, number_with_sign, remark,
    slider_row, switch, toggle_button,
};
use crate::ui::{Cx, icons};

const HELP: &str = "Only what is covered by the mask is painted anew; the rest stays as it is.";
/// The margin that zooming begins with, in pixels.
const FIRST_MARGIN: u32 = 64;

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    only_with_a_picture(ui, cx, "Mask", tools);
    if !cx.draft.repaints() {
        return;
    }
    let extent = cx.world.start_extent(cx.draft);
    caption(ui, cx, extent);
    if let (MaskShape::Drawn(_), Some(extent)) = (&cx.draft.mask.shape, extent) {
        last_rectangle(ui, cx, extent);
        feather(ui, cx);
    }
    margin(ui, cx);
}

fn tools(ui: &mut Ui, cx: &mut Cx<'_>) {
    let label = RowLabel { text: "Mask", help: HELP, default: None, of: "" };
    let wrong = complaint(cx, &["maskImage"]);
    // Without a picture everything is faint alike.
    let idle = cx.draft.seed_image.is_none();
    let draws = cx.view.start_shown && cx.view.tool == Tool::Rectangle;
    control_row(ui, label, |ui| {
        ui.spacing_mut().item_spacing.x = space::ROW_GAP;
        let draw = toggle_button(ui, (icons::RECTANGLE, "Draw"), "Draw a mask", draws);
        if wrong.is_some() {
            error_outline(ui, draw.rect);
        }
        let hint = "Drag rectangles over what is to be painted anew (M)";
        let hint = wrong.as_deref().unwrap_or(hint);
        if draw.on_hover_text(hint).on_disabled_hover_text(hint).clicked() {
            cx.actions.push(Action::DrawMask);
        }
        let tools: [(char, &str, &str, Action, bool); 3] = [
            (
                icons::ADD,
                "Add a rectangle",
                "Add a rectangle over the middle; its numbers move it",
                Action::AddRectangle,
                true,
            ),
            (
                icons::UNDO,
                "Undo the mask",
                "Back to the mask before (Ctrl Z)",
                Action::UndoMask,
                cx.draft.mask.can_undo(&cx.view.mask_history),
            ),
            (
                icons::DELETE,
                "Clear mask",
                "Take the whole mask away (Esc while drawing)",
                Action::ClearMask,
                cx.draft.mask.is_there(),
            ),
        ];
        for (icon, name, hint, action, useful) in tools {
            let button = IconButton::new(icon, name).hint(hint).framed().enabled(useful || idle);
            if button.show(ui).clicked() {
                cx.actions.push(action);
            }
        }
    });
}

/// What the mask is, in words, or why it cannot be used.
fn caption(ui: &mut Ui, cx: &Cx<'_>, extent: Option<Extent>) {
    let colours = palette(ui);
    let refusal = cx.world.mask_refusal(cx.draft);
    let says = match (&cx.draft.mask.shape, &refusal) {
        (_, Some(refusal)) => refusal.clone(),
        (MaskShape::Nowhere, None) => String::new(),
        (MaskShape::Kept(_), None) => "A mask of the library".to_owned(),
        (MaskShape::Drawn(rectangles), None) => {
            let count = rectangles.len();
            let what =
                if count == 1 { "1 rectangle".to_owned() } else { format!("{count} rectangles") };
            match extent {
                Some(extent) if rectangles.iter().all(|one| one.within(extent).is_none()) => {
                    format!("{what}, beside the picture")
                }
                _ => what,
            }
        }
    };
    let colour = if refusal.is_some() { colours.error } else { colours.faint };
    let response = remark(ui, &says, colour);
    if refusal.is_some() {
        response.on_hover_text(says);
    }
}

/// Place and size of the rectangle that was added last, in pixels of the start picture.
fn last_rectangle(ui: &mut Ui, cx: &mut Cx<'_>, extent: Extent) {
    const GAP: f32 = 4.0;
    const HELP: &str = "The rectangle added last, in pixels of the start picture.";
    let Some(last) = cx.draft.mask.last_mut() else { return };
    let before = *last;
    let Rectangle { x, y, width, height } = last;
    let label = |text| RowLabel { text, help: HELP, default: None, of: "" };
    let rows = [
        ("Rectangle", [("X", "Mask X", x, extent.width), ("Y", "Mask Y", y, extent.height)]),
        (
            "",
            [("W", "Mask width", width, extent.width), ("H", "Mask height", height, extent.height)],
        ),
    ];
    for (name, fields) in rows {
        control_row(ui, label(name), |ui| {
            ui.spacing_mut().item_spacing.x = GAP;
            let field_width = (ui.available_width() - GAP) / 2.0;
            for (sign, name, pixels, most) in fields {
                let least = u32::from(name.len() > "Mask X".len());
                let range = f64::from(least)..=f64::from(most);
                let label = label(name);
                let knob = Knob { label, range, step: 4.0, decimals: 0, problem: None };
                let mut value = f64::from(*pixels);
                number_with_sign(ui, sign, (&knob, &mut value), field_width);
                *pixels = value.round() as u32;
            }
        });
    }
    if *last != before {
        cx.view.show_start();
    }
}

fn feather(ui: &mut Ui, cx: &mut Cx<'_>) {
    let now = cx.draft.mask.feather;
    let label = RowLabel {
        text: "Feather",
        help: "Pixels of the start picture over which the mask's edge fades, to either side.",
        default: (now > 0).then_some("0"),
        of: "",
    };
    let range = 0.0..=f64::from(MAX_FEATHER);
    let knob = Knob { label, range, step: 1.0, decimals: 0, problem: None };
    let mut value = f64::from(now);
    match slider_row(ui, &knob, &mut value) {
        Edit::Kept => {}
        Edit::Set => cx.draft.mask.feather = value.round() as u32,
        Edit::Reset => cx.draft.mask.feather = 0,
    }
}

/// Zooming into the mask: a switch, and how many pixels around it.
fn margin(ui: &mut Ui, cx: &mut Cx<'_>) {
    const HELP: &str = "Paints the masked part alone at the full size, with this many pixels around \
                        it, and puts it back: more detail in small places.";
    let label = RowLabel { text: "Zoom in", help: HELP, default: None, of: "" };
    let problem = complaint(cx, &["maskMargin"]);
    control_row(ui, label, |ui| {
        let mut on = cx.draft.mask.margin.is_some();
        let hint = problem.as_deref().unwrap_or(HELP);
        if switch(ui, "Zoom into the mask", &mut on).on_hover_text(hint).changed() {
            cx.draft.mask.margin = on.then_some(FIRST_MARGIN);
        }
        let Some(margin) = cx.draft.mask.margin else { return };
        let label =
            RowLabel { text: "Mask margin", help: help("maskMargin"), default: None, of: "" };
        let range = range("maskMargin", 32.0..=128.0);
        let knob = Knob { label, range, step: 4.0, decimals: 0, problem: problem.as_deref() };
        let mut value = f64::from(margin);
        number(ui, &knob, &mut value, space::NUMBER);
        cx.draft.mask.margin = Some(value.round() as u32);
        ui.colored_label(palette(ui).dim, "px around it");
    });
}
