//! The mask: painted on the canvas or imported, and zooming into it.

use eframe::egui;
use egui::Ui;

use super::picture::{help, range};
use super::{complaint, only_with_a_picture};
use crate::pixels::PaintedMask;
use crate::state::{Action, MaskAction, MaskShape, Tool};
use crate::ui::theme::{palette, space};
use crate::ui::widgets::{
    IconButton, Knob, RowLabel, control_row, error_outline, number, remark, switch, toggle_button,
};
use crate::ui::{Cx, icons, words};

const HELP: &str = "Only what is covered by the mask is painted anew; the rest stays as it is.";
/// The margin that zooming begins with, in pixels.
const FIRST_MARGIN: u32 = 64;

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    only_with_a_picture(ui, cx, "Mask", tools);
    if !cx.draft.repaints() {
        return;
    }
    caption(ui, cx);
    margin(ui, cx);
}

fn tools(ui: &mut Ui, cx: &mut Cx<'_>) {
    let label = RowLabel { text: "Mask", help: HELP, default: None, of: "" };
    let wrong = complaint(cx, &["maskImage"]);
    // Without a picture everything is faint alike.
    let idle = cx.draft.seed_image.is_none();
    let paints = cx.view.start_shown && cx.view.tool.paints();
    control_row(ui, label, |ui| {
        ui.spacing_mut().item_spacing.x = space::ROW_GAP;
        let paint = toggle_button(ui, (icons::BRUSH, "Paint"), "Paint a mask", paints);
        if wrong.is_some() {
            error_outline(ui, paint.rect);
        }
        let hint = "Paint over what is to be made anew (B); more tools are on the canvas";
        let hint = wrong.as_deref().unwrap_or(hint);
        if paint.on_hover_text(hint).on_disabled_hover_text(hint).clicked() {
            let tool = if paints { cx.view.tool } else { Tool::Brush };
            cx.actions.push(Action::Take(tool));
        }
        let waits = cx.painting.is_waiting();
        let there = cx.draft.mask.is_there() || cx.painting.is_waiting();
        let can_undo = cx.painting.mask().is_some_and(PaintedMask::can_undo) && !waits;
        let tools = [
            (
                icons::OPEN,
                "Import a mask",
                "Use a grey picture: white is made anew",
                MaskAction::Import,
                !waits,
            ),
            (
                icons::UNDO,
                "Undo the stroke",
                "Back to the mask before (Ctrl Z)",
                MaskAction::Undo,
                can_undo,
            ),
            (icons::DELETE, "Clear mask", "Keep the whole picture", MaskAction::Clear, there),
        ];
        for (icon, name, hint, action, useful) in tools {
            let button = IconButton::new(icon, name).hint(hint).framed().enabled(useful || idle);
            if button.show(ui).clicked() {
                cx.actions.push(Action::Mask(action));
            }
        }
    });
}

/// What the mask is, in words, or why it cannot be used.
fn caption(ui: &mut Ui, cx: &Cx<'_>) {
    let colours = palette(ui);
    let refusal = cx.world.mask_refusal(cx.draft);
    let share = cx.painting.share().map(words::share);
    let says = match (&cx.draft.mask.shape, &refusal, share) {
        (_, Some(refusal), _) => refusal.clone(),
        (MaskShape::Nowhere, ..) => String::new(),
        (MaskShape::Kept(_), None, None) => "A mask of the library".to_owned(),
        (MaskShape::Kept(_), None, Some(share)) => {
            format!("A mask of the library, {share} of the picture")
        }
        (MaskShape::Painted, None, Some(share)) => format!("{share} of the picture is made anew"),
        (MaskShape::Painted, None, None) => "The mask is being read".to_owned(),
    };
    let colour = if refusal.is_some() { colours.error } else { colours.faint };
    let response = remark(ui, &says, colour);
    if refusal.is_some() {
        response.on_hover_text(says);
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
