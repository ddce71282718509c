//! What to draw and what to avoid.

use eframe::egui::Ui;

use super::complaint;
use crate::ui::Cx;
use crate::ui::theme::space;
use crate::ui::widgets::{TextField, section_title};

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let problem = complaint(cx, &["positivePrompt"]);
    section_title(ui, "Prompt", "", problem.as_deref());
    let field =
        TextField { name: "Prompt", hint: "What to draw", rows: 3, wrong: problem.is_some() };
    let response = field.show(ui, &mut cx.draft.prompt);
    if cx.view.focus_prompt {
        response.request_focus();
    }
    ui.add_space(space::GAP);
    let problem = complaint(cx, &["negativePrompt"]);
    section_title(ui, "Avoid", "", problem.as_deref());
    let field = TextField {
        name: "Avoid",
        hint: "What must not appear",
        rows: 1,
        wrong: problem.is_some(),
    };
    field.show(ui, &mut cx.draft.negative_prompt);
}
