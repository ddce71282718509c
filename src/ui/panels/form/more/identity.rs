//! Faces and references of FLUX: `PuLID` and ACE++.

use eframe::egui;
use egui::Ui;

use super::super::rows::{number_row, switch_row, whole_row, words_row};
use super::picture_row;
use crate::state::{GuideSlot, StackRow};
use crate::task::{AcePlusPlus, AceType, PuLid};
use crate::ui::Cx;

/// The identity of a face.
pub(super) fn pu_lid(ui: &mut Ui, cx: &mut Cx<'_>) {
    const UNITS: [(bool, &str); 2] = [(false, "percent"), (true, "step")];
    let on = cx.draft.stacks.pu_lid.as_ref().is_some_and(|row| !row.off);
    if let Some(on) = switch_row(ui, ("PuLID", "PuLID", "puLID"), on, "keeps a face") {
        let row = cx.draft.stacks.pu_lid.get_or_insert_with(|| PuLid::default().into());
        row.off = !on;
    }
    let Some(StackRow { off: false, says, .. }) = cx.draft.stacks.pu_lid.clone() else { return };
    let mut says = says;
    let row = ("Face", "Face of PuLID", "puLID.inputImages");
    if picture_row(ui, cx, row, (GuideSlot::Face, says.input_images.as_ref())) {
        says.input_images = None;
    }
    let number = (&mut says.id_weight, 1.0);
    number_row(ui, cx, ("Identity", "PuLID", "puLID.idWeight"), (0.0..=3.0, 0.05, 2), number);
    let number = (&mut says.true_cfg_scale, 0.0);
    let row = ("Guidance", "PuLID", "puLID.trueCFGScale");
    number_row(ui, cx, row, (0.0..=10.0, 0.1, 1), number);
    let in_steps = says.cfg_start_step.is_some();
    let row = ("Counted in", "PuLID counted in", "puLID.CFGStartStep");
    if let Some(in_steps) = words_row(ui, row, &UNITS, in_steps) {
        (says.cfg_start_step, says.cfg_start_step_percentage) =
            if in_steps { (Some(0), None) } else { (None, Some(0)) };
    }
    if says.cfg_start_step.is_some() {
        let row = ("From step", "PuLID", "puLID.CFGStartStep");
        whole_row(ui, cx, row, 0.0..=10.0, (&mut says.cfg_start_step, 0));
    } else {
        let row = ("From %", "PuLID", "puLID.CFGStartStepPercentage");
        whole_row(ui, cx, row, 0.0..=100.0, (&mut says.cfg_start_step_percentage, 0));
    }
    if let Some(row) = &mut cx.draft.stacks.pu_lid {
        row.says = says;
    }
}

/// A reference that stays true.
pub(super) fn ace(ui: &mut Ui, cx: &mut Cx<'_>) {
    const KINDS: [(AceType, &str); 3] = [
        (AceType::Portrait, "portrait"),
        (AceType::Subject, "subject"),
        (AceType::LocalEditing, "edit"),
    ];
    let on = cx.draft.stacks.ace.as_ref().is_some_and(|row| !row.off);
    if let Some(on) = switch_row(ui, ("ACE++", "ACE++", "acePlusPlus"), on, "keeps a reference") {
        let row = cx.draft.stacks.ace.get_or_insert_with(|| AcePlusPlus::default().into());
        row.off = !on;
    }
    let Some(StackRow { off: false, says, .. }) = cx.draft.stacks.ace.clone() else { return };
    let mut says = says;
    let kind = says.kind.unwrap_or(AceType::Portrait);
    if let Some(kind) = words_row(ui, ("Keep", "ACE++ keeps", "acePlusPlus.type"), &KINDS, kind) {
        says.kind = Some(kind);
    }
    let row = ("Picture", "Picture of ACE++", "acePlusPlus.inputImages");
    if picture_row(ui, cx, row, (GuideSlot::AcePicture, says.input_images.as_ref())) {
        says.input_images = None;
    }
    let row = ("Mask", "Mask of ACE++", "acePlusPlus.inputMasks");
    if picture_row(ui, cx, row, (GuideSlot::AceMask, says.input_masks.as_ref())) {
        says.input_masks = None;
    }
    let number = (&mut says.repainting_scale, 0.0);
    let row = ("Repainting", "ACE++", "acePlusPlus.repaintingScale");
    number_row(ui, cx, row, (0.0..=1.0, 0.05, 2), number);
    if let Some(row) = &mut cx.draft.stacks.ace {
        row.says = says;
    }
}
