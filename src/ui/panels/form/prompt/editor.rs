//! A prompt's field: weights and learned words in colour, tokens counted, keys that weigh, words that are offered.

use std::ops::Range;

use eframe::egui;
use egui::{
    Id, Key, Modifiers, Popup, PopupCloseBehavior, RectAlign, RichText, Role, Sense,
    SetOpenCommand, Suggestion, Ui, WidgetInfo, vec2,
};

use super::super::complaint;
use super::{Side, book};
use crate::prompt::{Emphasis, Learned, Syntax, TokenCount, Wildcards, reweighted, wildcards};
use crate::state::Length;
use crate::task::{ModelCard, ModelKind, PromptWeighting};
use crate::ui::Cx;
use crate::ui::theme::{self, Palette, palette, space};
use crate::ui::widgets::{Ink, TextField, paint_elided, section_head, text_button, tip};

/// Tokens that a text encoder reads at once, those that begin and end a chunk included.
const CHUNK: usize = crate::prompt::CHUNK;
/// What one press of the keys adds to a weight; less with Shift.
const STEP: f64 = 0.1;
const SMALL_STEP: f64 = 0.05;
/// Most words that are offered at once.
const MOST_OFFERED: usize = 12;

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>, side: Side) {
    let syntax: Syntax = cx.draft.prompt_weighting.into();
    let broken = broken_bracket(side.text(cx.draft), syntax);
    let wrong = complaint(cx, &[side.parameter()]);
    section_head(ui, side.name(), wrong.as_deref().or(broken.as_deref()), |ui| {
        if side == Side::Prompt {
            book::buttons(ui, cx);
            ui.add_space(space::ROW_GAP);
        }
        let empty = side.text(cx.draft).is_empty();
        meter(ui, side, (side.length(cx.world), empty));
    });
    let (borders, cut) = borders(side.length(cx.world), side.text(cx.draft));
    let writes = ui.memory(|memory| memory.has_focus(TextField::id(side.name())));
    let step = writes.then(|| weight_keys(ui)).flatten();
    let (learned, offers) = (learned(cx), if writes { Offers::of(cx) } else { Offers::default() });
    let colours = palette(ui);
    let lists = &cx.world.wildcards;
    let inks = |text: &str| inks(text, (syntax, &learned, lists), colours);
    let field = TextField {
        name: side.name(),
        hint: side.hint(),
        rows: if side == Side::Prompt { 3 } else { 1 },
        wrong: wrong.is_some(),
        borders: &borders,
        cut,
    };
    let offer = |word: &str| offers.for_word(word);
    let shown = field.show(ui, side.text_mut(cx.draft), &inks, &offer);
    if side == Side::Prompt && cx.view.focus_prompt {
        shown.response.request_focus();
    }
    if let Some(word) = shown.accepted {
        offers.take(cx, &word);
    }
    let asked = step.zip(shown.selected).map(|(step, selected)| (selected, step));
    if let (Some((selected, step)), true) = (&asked, syntax != Syntax::Plain) {
        weigh(ui, cx, side, (selected.clone(), *step));
    }
    offer_weighting(ui, cx, (side, &shown.response), asked.filter(|_| syntax == Syntax::Plain));
}

/// The change of weight that the keys ask for; taken before the field moves its cursor.
fn weight_keys(ui: &Ui) -> Option<f64> {
    let fine = Modifiers::COMMAND | Modifiers::SHIFT;
    ui.input_mut(|input| {
        for (modifiers, step) in [(fine, SMALL_STEP), (Modifiers::COMMAND, STEP)] {
            if input.consume_key(modifiers, Key::ArrowUp) {
                return Some(step);
            }
            if input.consume_key(modifiers, Key::ArrowDown) {
                return Some(-step);
            }
        }
        None
    })
}

/// Changes the weight of what is selected; it stays selected.
fn weigh(ui: &Ui, cx: &mut Cx<'_>, side: Side, (selected, step): (Range<usize>, f64)) {
    let syntax: Syntax = cx.draft.prompt_weighting.into();
    let text = side.text_mut(cx.draft);
    if let Some((new, selected)) = reweighted(text, selected, syntax, step) {
        *text = new;
        TextField::select(ui.ctx(), side.name(), text, &selected);
    }
}

/// Where weights are wished for and no notation is chosen, both are offered.
fn offer_weighting(
    ui: &Ui,
    cx: &mut Cx<'_>,
    (side, field): (Side, &egui::Response),
    asked: Option<(Range<usize>, f64)>,
) {
    const CHOICES: [(PromptWeighting, &str); 2] = [
        (PromptWeighting::SdEmbeds, "Write (word:1.1)"),
        (PromptWeighting::Compel, "Write (word)1.1"),
    ];
    let id = Id::unique(("weighting offer", side.name()));
    let card = cx.world.chosen_model(cx.draft);
    let reads = |notation| card.is_none_or(|card| card.architecture.reads(notation));
    let choices: Vec<_> = CHOICES.into_iter().filter(|(notation, _)| reads(*notation)).collect();
    let asked = asked.filter(|_| !choices.is_empty());
    let opened = asked.is_some();
    if let Some(asked) = asked {
        ui.data_mut(|data| data.insert_temp(id, asked));
    } else if field.changed() {
        // Other words stand now where those were that are to be weighed.
        Popup::close_id(ui.ctx(), id.with("popup"));
    }
    let chosen = Popup::from_response(field)
        .id(id.with("popup"))
        .open_memory(opened.then_some(SetOpenCommand::Bool(true)))
        .align(RectAlign::BOTTOM_START)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .show(|ui| {
            ui.label("This prompt is read without weights. Choose how to write them:");
            let mut chosen = None;
            ui.horizontal(|ui| {
                for (notation, words) in choices {
                    if text_button(ui, words).clicked() {
                        chosen = Some(notation);
                    }
                }
            });
            chosen
        })
        .and_then(|shown| shown.inner);
    let Some(notation) = chosen else { return };
    cx.draft.prompt_weighting = Some(notation);
    let asked = ui.data_mut(|data| data.remove_temp::<(Range<usize>, f64)>(id));
    if let Some(asked) = asked {
        weigh(ui, cx, side, asked);
    }
    Popup::close_id(ui.ctx(), id.with("popup"));
    field.request_focus();
}

/// What is wrong with the brackets.
fn broken_bracket(text: &str, syntax: Syntax) -> Option<String> {
    let at = *Emphasis::of(text, syntax).unmatched.first()?;
    let sign = text.get(at..)?.chars().next()?;
    let what = if "([".contains(sign) { "is not closed" } else { "was not opened" };
    Some(format!("A bracket {sign} {what}"))
}

/// How the parts of a text are drawn.
fn inks(
    text: &str,
    (syntax, learned, lists): (Syntax, &[Learned], &Wildcards),
    colours: &Palette,
) -> Vec<Ink> {
    let Emphasis { spans, unmatched } = Emphasis::of(text, syntax);
    let tinted = |range, colour| Ink { range, colour, tinted: true, underlined: false };
    let wrong = |range| Ink { range, colour: colours.error, tinted: false, underlined: true };
    let mut inks: Vec<Ink> = spans
        .into_iter()
        .map(|span| {
            let colour = if span.weight > 1.0 { colours.accent } else { colours.lowered };
            tinted(span.range, colour)
        })
        .collect();
    inks.extend(Learned::places(learned, text).into_iter().map(|at| tinted(at, colours.learned)));
    inks.extend(wildcards(text).map(|found| {
        if lists.has(found.name) {
            tinted(found.range, colours.learned)
        } else {
            wrong(found.range)
        }
    }));
    inks.extend(unmatched.into_iter().map(|at| wrong(at..at + 1)));
    inks
}

/// The embeddings of the form that are on.
fn learned(cx: &Cx<'_>) -> Vec<Learned> {
    let rows = cx.draft.stacks.embeddings.iter().filter(|row| !row.off);
    let card = |air: &str| cx.world.card(air);
    rows.filter_map(|row| card(row.says.model.as_deref()?))
        .map(|card| Learned { words: card.trigger_words.clone(), vectors: card.vectors.max(1) })
        .collect()
}

/// Words that may stand for what is being written.
#[derive(Default)]
struct Offers<'a> {
    /// The embeddings that fit the model, and the word of each.
    embeddings: Vec<(&'a ModelCard, &'a str)>,
    /// Names of lists and how long they are.
    lists: Vec<(&'a str, usize)>,
}

impl<'a> Offers<'a> {
    fn of(cx: &Cx<'a>) -> Self {
        let base = cx.world.chosen_model(cx.draft);
        let fits = |card: &&std::sync::Arc<ModelCard>| {
            card.kind == ModelKind::Embedding
                && card.fault.is_none()
                && base.is_none_or(|base| base.architecture.fits(card.architecture))
        };
        let embedding = |card: &'a std::sync::Arc<ModelCard>| {
            Some((card.as_ref(), card.trigger_words.first()?.as_str()))
        };
        let world = cx.world;
        Self {
            embeddings: world.models.iter().filter(fits).filter_map(embedding).collect(),
            lists: world.wildcards.names().collect(),
        }
    }

    /// `<` asks for embeddings, `__` for wildcards.
    fn for_word(&self, word: &str) -> Vec<Suggestion> {
        let word = word.to_lowercase();
        if let Some(begun) = word.strip_prefix('<') {
            let fits = |(card, learned): &&(&ModelCard, &str)| {
                let learned = learned.to_lowercase();
                learned != word
                    && (learned.contains(begun) || card.name.to_lowercase().contains(begun))
            };
            let suggestion = |(card, word): &(&ModelCard, &str)| {
                Suggestion::new(*word).content(card.name.clone()).description(*word)
            };
            let found = self.embeddings.iter().filter(fits).take(MOST_OFFERED);
            return found.map(suggestion).collect();
        }
        let Some(begun) = word.strip_prefix("__").filter(|begun| !begun.contains("__")) else {
            return Vec::new();
        };
        let found = self.lists.iter().filter(|(name, _)| name.contains(begun));
        found
            .take(MOST_OFFERED)
            .map(|(name, lines)| {
                Suggestion::new(format!("__{name}__")).description(format!("{lines} lines"))
            })
            .collect()
    }

    /// Puts the embedding on its stack whose word was chosen.
    fn take(&self, cx: &mut Cx<'_>, chosen: &str) {
        let Some((card, _)) = self.embeddings.iter().find(|(_, word)| *word == chosen) else {
            return;
        };
        let air = card.air.to_string();
        let stacks = &mut cx.draft.stacks;
        let known = stacks.embeddings.iter_mut().find(|row| row.says.model.as_ref() == Some(&air));
        match known {
            Some(row) => row.off = false,
            None => stacks.add(ModelKind::Embedding, &air),
        }
    }
}

/// Where chunks begin in the text as it is now, and whether its end is not read.
fn borders(length: Option<&Length>, now: &str) -> (Vec<usize>, bool) {
    let Some(length) = length else { return (Vec::new(), false) };
    let cut = length.count.as_ref().is_ok_and(TokenCount::is_cut);
    (length.borders(now), cut)
}

/// The tokens of the field below, or why they cannot be counted; nothing where there is nothing to count.
fn meter(ui: &mut Ui, side: Side, (length, empty): (Option<&Length>, bool)) {
    let colours = palette(ui);
    let Some(Length { count, .. }) = length else { return };
    if empty && count.as_ref().is_ok_and(|count| count.tokens == 0) {
        return;
    }
    let (says, why, colour) = match count {
        Ok(count) if count.is_cut() => (
            format!("{} / {CHUNK} tokens, the end is not read", count.tokens + 2),
            "Without weighting the model reads 77 tokens, the two that begin and end the text \
             included. Choose a weighting below to have all read."
                .to_owned(),
            colours.caution,
        ),
        Ok(count) => {
            let chunks = count.chunks.len().max(1);
            let (tokens, room) = (count.tokens + 2 * chunks, CHUNK * chunks);
            let parts = if chunks > 1 { format!(", {chunks} chunks") } else { String::new() };
            let why = "Models read texts in chunks of 77 tokens, two of which begin and end the \
                       chunk; a word is one token or a few.";
            (format!("{tokens} / {room} tokens{parts}"), why.to_owned(), colours.faint)
        }
        Err(error) => (sentence(error), String::new(), colours.error),
    };
    let short = says.replacen(" tokens", "", 1);
    let galley_width = 0.6 * ui.available_width();
    let text = RichText::new(&short).font(theme::caption());
    let width = ui
        .painter()
        .layout_no_wrap(text.text().to_owned(), theme::caption(), colour)
        .size()
        .x
        .min(galley_width);
    let (rect, response) = ui.allocate_exact_size(vec2(width, space::CAPTION), Sense::hover());
    let at = (rect.left_center(), egui::Align2::LEFT_CENTER);
    paint_elided(ui, at, &short, (theme::caption(), colour), rect.width() + 1.0);
    let name = format!("{}: {says}", side.name());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &name));
    tip(ui, response, if why.is_empty() { &says } else { &why });
}

/// The error with a capital letter at its front.
fn sentence(error: &str) -> String {
    let mut letters = error.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
