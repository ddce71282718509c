//! Stacks: LoRAs, embeddings, guides. One block a model: its name, its weight, its guide.

use eframe::egui;
use egui::{Align2, ComboBox, Sense, Ui, vec2};

use super::super::top_bar::unfold_icon;
use super::picture::{help, range};
use super::{complaint_within, guided};
use crate::state::StackDraft;
use crate::task::{DeepCache, ModelCard, ModelKind, Problem};
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::{
    Edit, IconButton, Knob, RowLabel, control_row, paint_elided, remark, section_title, segmented,
    slider_row,
};
use crate::ui::{Cx, icons};

/// Those whose problems the section's title tells.
const PARAMETERS: [&str; 5] =
    ["lora", "embeddings", "controlNet", "ipAdapters", "acceleratorOptions"];

/// Kinds that are stacked: what the row is called, the parameter, the kind.
const KINDS: [(&str, &str, ModelKind); 4] = [
    ("LoRA", "lora", ModelKind::Lora),
    ("Embedding", "embeddings", ModelKind::Embedding),
    ("ControlNet", "controlNet", ModelKind::ControlNet),
    ("IP-Adapter", "ipAdapters", ModelKind::IpAdapter),
];

/// The largest interval that the slider offers; the API knows no limit.
const LARGEST_INTERVAL: f64 = 10.0;
/// The deepest branch of SD 1.5's UNet, counted from 0.
const DEEPEST_BRANCH: f64 = 11.0;

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let problem = complaint_within(cx, &PARAMETERS);
    section_title(ui, "Stacks", "", problem.as_deref());
    for (name, parameter, kind) in KINDS {
        add_row(ui, cx, (name, parameter), kind);
        match kind {
            ModelKind::Lora => loras(ui, cx),
            ModelKind::Embedding => embeddings(ui, cx),
            ModelKind::ControlNet => guided::controls(ui, cx),
            _ => guided::image_prompts(ui, cx),
        }
    }
    deep_cache(ui, cx);
}

/// The row that puts a model of the library on its stack.
fn add_row(ui: &mut Ui, cx: &mut Cx<'_>, (name, parameter): (&str, &str), kind: ModelKind) {
    let models = std::sync::Arc::clone(&cx.world.models);
    let base = cx.draft.model.as_deref().and_then(|air| cx.world.checkpoint(air)).cloned();
    let fits = |card: &ModelCard| {
        card.kind == kind
            && base.as_ref().is_none_or(|base| base.architecture.fits(card.architecture))
    };
    let cards: Vec<&ModelCard> =
        models.iter().map(AsRef::as_ref).filter(|card| fits(card)).collect();
    let label = RowLabel { text: name, help: help(parameter), default: None, of: "" };
    let mut chosen = None;
    control_row(ui, label, |ui| {
        let text = if cards.is_empty() { "None in the library" } else { "Add…" };
        ui.add_enabled_ui(!cards.is_empty(), |ui| {
            ComboBox::from_id_salt(("add", name))
                .width(ui.available_width())
                .icon(unfold_icon)
                .selected_text(text)
                .truncate()
                .show_ui(ui, |ui| {
                    for card in &cards {
                        if choice(ui, card) {
                            chosen = Some((*card).clone());
                        }
                    }
                })
                .response
                .accessible_name(format!("Add: {name}"));
        });
    });
    if let Some(card) = chosen {
        cx.draft.stacks.add(&card);
    }
}

/// A model in a list; whether it was chosen. One that cannot be used is faint and says why.
fn choice(ui: &mut Ui, card: &ModelCard) -> bool {
    let row = egui::Button::selectable(false, &card.name);
    let Some(why) = &card.fault else {
        return ui.add(row).on_hover_text(card.air.to_string()).clicked();
    };
    ui.add_enabled(false, row).on_disabled_hover_text(format!("Cannot be used: {why}"));
    false
}

fn loras(ui: &mut Ui, cx: &mut Cx<'_>) {
    for index in 0..cx.draft.stacks.loras.len() {
        let air = cx.draft.stacks.loras[index].model.clone();
        let row = Row::new(cx, ("lora", index), air.as_deref());
        let weight = &mut cx.draft.stacks.loras[index].weight;
        if row.show(ui, |ui| row.weight(ui, -4.0..=4.0, weight)) {
            cx.draft.stacks.loras.remove(index);
            return;
        }
    }
}

fn embeddings(ui: &mut Ui, cx: &mut Cx<'_>) {
    for index in 0..cx.draft.stacks.embeddings.len() {
        let air = cx.draft.stacks.embeddings[index].model.clone();
        let row = Row::new(cx, ("embeddings", index), air.as_deref());
        let weight = &mut cx.draft.stacks.embeddings[index].weight;
        if row.show(ui, |ui| row.weight(ui, -4.0..=4.0, weight)) {
            cx.draft.stacks.embeddings.remove(index);
            return;
        }
    }
}

/// What is known of one model on a stack.
pub(super) struct Row {
    parameter: &'static str,
    index: usize,
    air: String,
    /// What people call the model.
    pub(super) name: String,
    there: bool,
    /// What is wrong, in few words and in full.
    remark: Option<(String, String)>,
}

/// ` 2` for the second row of the same model on one stack, so that their controls can be told apart.
fn again(stacks: &StackDraft, parameter: &str, index: usize) -> String {
    let models: Vec<&Option<String>> = match parameter {
        "lora" => stacks.loras.iter().map(|row| &row.model).collect(),
        "embeddings" => stacks.embeddings.iter().map(|row| &row.model).collect(),
        "controlNet" => stacks.controls.iter().map(|row| &row.says.model).collect(),
        _ => stacks.image_prompts.iter().map(|row| &row.says.model).collect(),
    };
    let before = models.iter().take(index).filter(|model| models.get(index) == Some(model)).count();
    if before == 0 { String::new() } else { format!(" {}", before + 1) }
}

impl Row {
    pub(super) fn new(
        cx: &Cx<'_>,
        (parameter, index): (&'static str, usize),
        air: Option<&str>,
    ) -> Self {
        let air = air.unwrap_or_default().to_owned();
        let card = cx.world.models.iter().find(|card| card.air.to_string() == air);
        let place = format!("{parameter}[{index}]");
        let problem = cx.world.problems.iter().find(|problem| problem.is_within(&place));
        let is_missing = |problem: &Problem| problem.code.starts_with("missing");
        Self {
            parameter,
            index,
            name: card.map_or_else(|| air.clone(), |card| card.name.clone())
                + &again(&cx.draft.stacks, parameter, index),
            there: card.is_some(),
            // What is not chosen yet is no mistake: the control says what to do.
            remark: problem
                .filter(|problem| !is_missing(problem))
                .map(|problem| (super::sentence(problem), problem.message.clone())),
            air,
        }
    }

    /// The model's name, what is wrong with it, and what belongs to it, with a line beside all of it.
    /// Returns whether it is to be taken off.
    pub(super) fn show(&self, ui: &mut Ui, add: impl FnOnce(&mut Ui)) -> bool {
        let shown = ui.push_id((self.parameter, self.index), |ui| {
            let pressed = self.head(ui);
            if let Some((short, full)) = &self.remark {
                remark(ui, short, palette(ui).error).on_hover_text(full);
            }
            add(ui);
            pressed
        });
        let line = egui::Stroke::new(theme::LINE, palette(ui).line);
        let place = shown.response.rect;
        ui.painter().vline(place.left() - space::ROW_GAP, place.y_range(), line);
        ui.add_space(space::ROW_GAP);
        shown.inner
    }

    /// The name, and the button that takes the model off; whether it was pressed.
    fn head(&self, ui: &mut Ui) -> bool {
        let colours = palette(ui);
        let row = ui.horizontal(|ui| {
            let width = ui.available_width() - space::ROW - ui.spacing().item_spacing.x;
            let (rect, response) = ui.allocate_exact_size(vec2(width, space::ROW), Sense::hover());
            let wrong = !self.there || self.remark.is_some();
            let colour = if wrong { colours.error } else { colours.text };
            let at = (rect.left_center(), Align2::LEFT_CENTER);
            paint_elided(ui, at, &self.name, (theme::body(), colour), rect.width());
            let name = &self.name;
            response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, name));
            response.on_hover_text(&self.air);
            IconButton::new(icons::CLOSE, &format!("Take off {name}")).show(ui).clicked()
        });
        row.inner
    }

    /// The row of its weight.
    pub(super) fn weight(
        &self,
        ui: &mut Ui,
        otherwise: std::ops::RangeInclusive<f64>,
        weight: &mut Option<f64>,
    ) {
        const DEFAULT: f64 = 1.0;
        let parameter = format!("{}[].weight", self.parameter);
        let changed = weight.is_some_and(|weight| (weight - DEFAULT).abs() > f64::EPSILON);
        let default = changed.then_some("1.00");
        let label =
            RowLabel { text: "Weight", help: help(&parameter), default, of: self.name.as_str() };
        let range = range(&parameter, otherwise);
        let knob = Knob { label, range, step: 0.05, decimals: 2, problem: None };
        let mut value = weight.unwrap_or(DEFAULT);
        match slider_row(ui, &knob, &mut value) {
            Edit::Kept => {}
            Edit::Set => *weight = Some(value),
            Edit::Reset => *weight = None,
        }
    }
}

/// Whether deep features are kept between steps, for how long, and what is still computed.
fn deep_cache(ui: &mut Ui, cx: &mut Cx<'_>) {
    const CHOICES: [(bool, &str); 2] = [(false, "Off"), (true, "On")];
    let help = help("acceleratorOptions.deepCache");
    let label = RowLabel { text: "DeepCache", help, default: None, of: "" };
    let stacks = &mut cx.draft.stacks;
    let before = stacks.deep_cache();
    let mut on = before;
    control_row(ui, label, |ui| segmented(ui, "DeepCache", &CHOICES, &mut on));
    if on != before {
        stacks.set_deep_cache(on);
    }
    if on {
        interval_and_branch(ui, stacks);
    }
}

fn interval_and_branch(ui: &mut Ui, stacks: &mut StackDraft) {
    let Some(options) = &mut stacks.accelerator else { return };
    let rows = [
        (
            ("Interval", "deepCacheInterval", DeepCache::INTERVAL, 1.0..=LARGEST_INTERVAL),
            &mut options.deep_cache_interval,
        ),
        (
            ("Branch", "deepCacheBranchId", 0, 0.0..=DEEPEST_BRANCH),
            &mut options.deep_cache_branch_id,
        ),
    ];
    for ((text, member, default, otherwise), number) in rows {
        let parameter = format!("acceleratorOptions.{member}");
        let word = default.to_string();
        let changed = number.is_some_and(|number| number != default);
        let default_word = changed.then_some(word.as_str());
        let label =
            RowLabel { text, help: help(&parameter), default: default_word, of: "DeepCache" };
        let range = range(&parameter, otherwise);
        let knob = Knob { label, range, step: 1.0, decimals: 0, problem: None };
        let mut value = f64::from(number.unwrap_or(default));
        match slider_row(ui, &knob, &mut value) {
            Edit::Kept => {}
            Edit::Set => *number = Some(value.round() as u32),
            Edit::Reset => *number = None,
        }
    }
}
