//! What to draw and what to avoid, how long both are for the model, and how they write emphasis.

use eframe::egui;
use egui::{Align2, Color32, Role, Sense, Ui, WidgetInfo, vec2};

use super::complaint;
use super::picture::help;
use crate::prompt::TokenCount;
use crate::state::Length;
use crate::task::PromptWeighting;
use crate::ui::Cx;
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::{
    RowLabel, TextField, control_row, error_outline, paint_elided, remark, section_title, segmented,
};

/// Tokens that a text encoder reads at once.
const ROOM: usize = 75;

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let meter = cx.world.meter.as_ref();
    let problem = complaint(cx, &["positivePrompt"]);
    section_title(ui, "Prompt", "", problem.as_deref());
    let length = meter.map(|meter| &meter.prompt);
    let (borders, cut) = borders(length, &cx.draft.prompt);
    let field = TextField {
        name: "Prompt",
        hint: "What to draw",
        rows: 3,
        wrong: problem.is_some(),
        borders: &borders,
        cut,
    };
    let response = field.show(ui, &mut cx.draft.prompt);
    if cx.view.focus_prompt {
        response.request_focus();
    }
    meter_line(ui, "Prompt", length);
    let problem = complaint(cx, &["negativePrompt"]);
    section_title(ui, "Avoid", "", problem.as_deref());
    let length = meter.map(|meter| &meter.negative_prompt);
    let (borders, cut) = self::borders(length, &cx.draft.negative_prompt);
    let field = TextField {
        name: "Avoid",
        hint: "What must not appear",
        rows: 1,
        wrong: problem.is_some(),
        borders: &borders,
        cut,
    };
    field.show(ui, &mut cx.draft.negative_prompt);
    meter_line(ui, "Avoid", length);
    weighting(ui, cx);
}

/// Where chunks begin in the text as it is now, and whether its end is not read.
fn borders(length: Option<&Length>, now: &str) -> (Vec<usize>, bool) {
    let Some(length) = length else { return (Vec::new(), false) };
    let cut = length.count.as_ref().is_ok_and(TokenCount::is_cut);
    (length.borders(now), cut)
}

/// A line that is always there: the tokens of the field above, or why they cannot be counted.
fn meter_line(ui: &mut Ui, name: &str, length: Option<&Length>) {
    let colours = palette(ui);
    let (rect, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), space::CAPTION), Sense::hover());
    let Some(Length { count, .. }) = length else { return };
    let (says, why, colour): (String, &str, Color32) = match count {
        Ok(count) if count.is_cut() => (
            format!("{} / {ROOM} tokens · the end is not read", count.tokens),
            "Without weighting the model reads 75 tokens. Choose a weighting below to have all read.",
            colours.caution,
        ),
        Ok(count) => (
            tokens(count.tokens, count.chunks.len()),
            "Models read texts in chunks of 75 tokens; a word is one token or a few.",
            colours.faint,
        ),
        Err(error) => (sentence(error), "", colours.error),
    };
    let at = (rect.left_center(), Align2::LEFT_CENTER);
    paint_elided(ui, at, &says, (theme::caption(), colour), rect.width());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{name}: {says}")));
    response.on_hover_text(if why.is_empty() { &says } else { why });
}

/// `31 / 75 tokens`, `160 / 225 tokens · 3 chunks`.
fn tokens(tokens: usize, chunks: usize) -> String {
    let room = ROOM * chunks.max(1);
    match chunks {
        0 | 1 => format!("{tokens} / {room} tokens"),
        _ => format!("{tokens} / {room} tokens · {chunks} chunks"),
    }
}

/// The error with a capital letter at its front.
fn sentence(error: &str) -> String {
    let mut letters = error.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn weighting(ui: &mut Ui, cx: &mut Cx<'_>) {
    const CHOICES: [(Option<PromptWeighting>, &str); 3] = [
        (None, "none"),
        (Some(PromptWeighting::Compel), "compel"),
        (Some(PromptWeighting::SdEmbeds), "sd_embeds"),
    ];
    let problem = complaint(cx, &["promptWeighting"]);
    let label =
        RowLabel { text: "Weighting", help: help("promptWeighting"), default: None, of: "" };
    control_row(ui, label, |ui| {
        let frame = segmented(ui, "Weighting", &CHOICES, &mut cx.draft.prompt_weighting);
        if problem.is_some() {
            error_outline(ui, frame);
        }
    });
    let grammar = match cx.draft.prompt_weighting {
        None => "every sign is text, 75 tokens are read",
        Some(PromptWeighting::Compel) => "word+   word-   (some words)1.3",
        Some(PromptWeighting::SdEmbeds) => "(word)   (some words:1.3)   [word]",
    };
    let colours = palette(ui);
    let (says, colour) = match &problem {
        Some(problem) => (problem.as_str(), colours.error),
        None => (grammar, colours.faint),
    };
    remark(ui, says, colour);
}
