//! Stacks: LoRAs, embeddings, guides, the refiner. One card a model, in the order they are applied.

mod card;
mod control;
mod facts;
pub(super) mod guide;
mod picker;
mod refiner;

use eframe::egui;
use egui::Ui;

use super::{complaint, engine};
use crate::state::{Refusal, RowEdit, StackDraft, edit_rows};
use crate::task::ModelKind;
use crate::ui::Cx;
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::{remark, section_head, tip};
use card::{Part, Reorder};
use facts::RowFacts;
pub(super) use picker::pick;

/// A stack of the form.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stack {
    /// What its section is called.
    pub(super) title: &'static str,
    /// Its parameter.
    pub(super) parameter: &'static str,
    /// What it holds.
    pub(super) kind: ModelKind,
}

const LORA: Stack = Stack { title: "LoRA", parameter: "lora", kind: ModelKind::Lora };
const EMBEDDING: Stack =
    Stack { title: "Embedding", parameter: "embeddings", kind: ModelKind::Embedding };
const CONTROL: Stack =
    Stack { title: "ControlNet", parameter: "controlNet", kind: ModelKind::ControlNet };
const IP_ADAPTER: Stack =
    Stack { title: "IP-Adapter", parameter: "ipAdapters", kind: ModelKind::IpAdapter };

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    section(ui, cx, LORA, |ui, cx, (row, part)| {
        let says = cx.draft.stacks.loras.get_mut(row.index).map(|row| &mut row.says.weight);
        card::weight_line(ui, (row, part), -4.0..=4.0, says);
    });
    section(ui, cx, CONTROL, control::ui);
    section(ui, cx, IP_ADAPTER, |ui, cx, (row, part)| {
        let says = cx.draft.stacks.image_prompts.get_mut(row.index).map(|row| &mut row.says.weight);
        card::weight_line(ui, (row, part), 0.0..=1.0, says);
    });
    section(ui, cx, EMBEDDING, |ui, cx, (row, part)| {
        let says = cx.draft.stacks.embeddings.get_mut(row.index).map(|row| &mut row.says.weight);
        card::weight_line(ui, (row, part), -4.0..=4.0, says);
    });
    refiner::ui(ui, cx);
}

/// A title with its plus, then the cards of the stack.
fn section(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    stack: Stack,
    body: impl Fn(&mut Ui, &mut Cx<'_>, (&RowFacts, Part)),
) {
    let problem = complaint(cx, &[stack.parameter]);
    let refusal = cx.world.refusals(engine(cx)).why(stack.parameter).cloned();
    section_head(ui, stack.title, problem.as_deref(), |ui| {
        ui.add_enabled_ui(refusal.is_none(), |ui| picker::add_button(ui, cx, stack));
        if let Some(refusal) = &refusal {
            refusal_words(ui, refusal);
        }
    });
    let rows = RowFacts::all(cx, stack);
    let mut reorder = Reorder::begin(ui, stack.parameter);
    for row in &rows {
        card::show(ui, cx, (row, &mut reorder), |ui, cx, part| body(ui, cx, (row, part)));
    }
    if let Some((index, edit)) = reorder.end(ui) {
        edit_stack(&mut cx.draft.stacks, stack.kind, (index, edit));
    }
    ui.add_space(if rows.is_empty() { 0.0 } else { space::ROW_GAP });
}

fn edit_stack(stacks: &mut StackDraft, kind: ModelKind, (index, edit): (usize, RowEdit)) {
    match kind {
        ModelKind::Lora => edit_rows(&mut stacks.loras, index, edit),
        ModelKind::Embedding => edit_rows(&mut stacks.embeddings, index, edit),
        ModelKind::ControlNet => edit_rows(&mut stacks.controls, index, edit),
        ModelKind::IpAdapter => edit_rows(&mut stacks.image_prompts, index, edit),
        ModelKind::Checkpoint | ModelKind::Vae => {}
    }
}

/// Why the stack cannot be used, at the right of its title.
fn refusal_words(ui: &mut Ui, refusal: &Refusal) {
    let words = egui::RichText::new(&refusal.short).font(theme::caption());
    let says = ui.colored_label(palette(ui).faint, words);
    tip(ui, says, &refusal.full);
}

/// What is wrong with a row, in few words; more while the pointer rests on it.
fn trouble(ui: &mut Ui, (short, full): &(String, String)) {
    ui.scope(|ui| {
        let response = remark(ui, short, palette(ui).error);
        tip(ui, response, full);
    });
}
