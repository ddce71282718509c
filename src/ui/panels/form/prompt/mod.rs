//! What to draw and what to avoid, how both write emphasis, and the words that models ask for.

mod book;
mod editor;
mod words;

use eframe::egui;
use egui::Ui;

use super::complaint;
use super::picture::help;
use crate::state::{Draft, Length, World};
use crate::task::PromptWeighting;
use crate::ui::Cx;
use crate::ui::theme::space;
use crate::ui::widgets::{RowLabel, control_row, error_outline, segmented, tip};

/// One of the two texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Prompt,
    Avoid,
}

impl Side {
    const fn name(self) -> &'static str {
        match self {
            Self::Prompt => "Prompt",
            Self::Avoid => "Avoid",
        }
    }

    const fn hint(self) -> &'static str {
        match self {
            Self::Prompt => "What to draw",
            Self::Avoid => "What must not appear",
        }
    }

    const fn parameter(self) -> &'static str {
        match self {
            Self::Prompt => "positivePrompt",
            Self::Avoid => "negativePrompt",
        }
    }

    const fn text(self, draft: &Draft) -> &String {
        match self {
            Self::Prompt => &draft.prompt,
            Self::Avoid => &draft.negative_prompt,
        }
    }

    const fn text_mut(self, draft: &mut Draft) -> &mut String {
        match self {
            Self::Prompt => &mut draft.prompt,
            Self::Avoid => &mut draft.negative_prompt,
        }
    }

    fn length(self, world: &World) -> Option<&Length> {
        let meter = world.meter.as_ref()?;
        Some(match self {
            Self::Prompt => &meter.prompt,
            Self::Avoid => &meter.negative_prompt,
        })
    }
}

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    editor::ui(ui, cx, Side::Prompt);
    words::chips(ui, cx);
    ui.add_space(space::ROW_GAP);
    editor::ui(ui, cx, Side::Avoid);
    ui.add_space(space::ROW_GAP);
    weighting(ui, cx);
}

fn weighting(ui: &mut Ui, cx: &mut Cx<'_>) {
    const CHOICES: [(Option<PromptWeighting>, &str); 3] = [
        (None, "none"),
        (Some(PromptWeighting::Compel), "compel"),
        (Some(PromptWeighting::SdEmbeds), "sd_embeds"),
    ];
    let problem = complaint(cx, &["promptWeighting"]);
    let grammar = match cx.draft.prompt_weighting {
        None => "None: every sign is text, and 75 tokens are read.",
        Some(PromptWeighting::Compel) => {
            "compel: word+ and word- weigh more and less, (some words)1.3 by a number."
        }
        Some(PromptWeighting::SdEmbeds) => {
            "sd_embeds: (word) and [word] weigh more and less, (some words:1.3) by a number."
        }
    };
    let says = format!(
        "{}\n{grammar}\nCtrl ↑ and Ctrl ↓ change the weight of what is selected.",
        help("promptWeighting")
    );
    let label = RowLabel { text: "Weighting", help: &says, default: None, of: "" };
    control_row(ui, label, |ui| {
        let frame = segmented(ui, "Weighting", &CHOICES, &mut cx.draft.prompt_weighting);
        if let Some(problem) = problem {
            error_outline(ui, frame);
            let id = ui.scope_id().with("weighting problem");
            let response = ui.interact(frame, id, egui::Sense::hover());
            tip(ui, response, &problem);
        }
    });
}
