//! Prompts that were drawn with before: the star, and the list behind the clock.

use eframe::egui;
use egui::{Align2, Id, Popup, Role, ScrollArea, Sense, Ui, WidgetInfo, vec2};

use crate::state::WrittenPrompt;
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::{IconButton, paint_elided, search_field, segmented, side_menu};
use crate::ui::{Cx, icons};

const WIDTH: f32 = 340.0;
const ROW: f32 = 40.0;

/// What a row of the list asks for.
enum Wish {
    Write(WrittenPrompt),
    Star(WrittenPrompt),
    Forget(WrittenPrompt),
}

/// The star and the clock, from right to left.
pub(super) fn buttons(ui: &mut Ui, cx: &mut Cx<'_>) {
    let history = IconButton::new(icons::HISTORY, "Earlier prompts").size(22.0).show(ui);
    let popup = side_menu(ui, &history, WIDTH);
    let wish = popup.show(|ui| list(ui, cx)).and_then(|shown| shown.inner);
    match wish {
        Some(Wish::Write(written)) => {
            cx.draft.prompt = written.prompt;
            cx.draft.negative_prompt = written.negative_prompt;
            Popup::close_all(ui.ctx());
        }
        Some(Wish::Star(written)) => {
            cx.view.prompts.star(&written.prompt, &written.negative_prompt);
        }
        Some(Wish::Forget(written)) => {
            cx.view.prompts.remove(&written.prompt, &written.negative_prompt);
        }
        None => {}
    }
    let (prompt, negative) = (&cx.draft.prompt, &cx.draft.negative_prompt);
    let starred = cx.view.prompts.is_starred(prompt, negative);
    let hint = if starred { "A favourite: click to let it go" } else { "Keep as a favourite" };
    let star = IconButton::new(icons::STAR, "Favourite prompt")
        .hint(hint)
        .active(starred)
        .enabled(!prompt.trim().is_empty())
        .size(22.0);
    if star.show(ui).clicked() {
        cx.view.prompts.star(prompt, negative);
    }
}

fn list(ui: &mut Ui, cx: &Cx<'_>) -> Option<Wish> {
    const SHOWN: [(bool, &str); 2] = [(false, "all"), (true, "favourites")];
    let id = Id::unique("earlier prompts");
    let (mut search, mut only_starred) =
        ui.data(|data| data.get_temp::<(String, bool)>(id)).unwrap_or_default();
    ui.set_width(WIDTH);
    search_field(ui, &mut search, "Search prompts", "Search prompts");
    ui.add_space(space::ROW_GAP);
    segmented(ui, "Show", &SHOWN, &mut only_starred);
    ui.add_space(space::ROW_GAP);
    let mut wish = None;
    let found: Vec<&WrittenPrompt> = cx.view.prompts.found(&search, only_starred).collect();
    ScrollArea::vertical().max_height(8.0 * ROW).auto_shrink([false, true]).show_rows(
        ui,
        ROW,
        found.len(),
        |ui, rows| {
            for written in found.get(rows).unwrap_or_default() {
                wish = row(ui, written).or(wish.take());
            }
        },
    );
    if found.is_empty() {
        let words = if cx.view.prompts.is_empty() {
            "Prompts that you draw with are kept here."
        } else {
            "No prompt holds these words."
        };
        ui.colored_label(palette(ui).dim, words);
    }
    ui.data_mut(|data| data.insert_temp(id, (search, only_starred)));
    wish
}

fn row(ui: &mut Ui, written: &WrittenPrompt) -> Option<Wish> {
    const BUTTONS: f32 = 2.0 * 26.0 + 4.0;
    let colours = palette(ui);
    let mut wish = None;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing = vec2(2.0, 0.0);
        let size = vec2(ui.available_width() - BUTTONS, ROW);
        let (rect, response) = ui.allocate_exact_size(size, Sense::click());
        let name = format!("Write: {}", written.prompt);
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &name));
        if response.hovered() || response.has_focus() {
            ui.painter().rect_filled(rect, theme::RADIUS, colours.raised_hover);
        }
        let alone = written.negative_prompt.trim().is_empty();
        let text = rect.shrink2(vec2(8.0, 4.0));
        let first = if alone { text.left_center() } else { text.left_top() };
        let anchor = if alone { Align2::LEFT_CENTER } else { Align2::LEFT_TOP };
        let style = (theme::body(), colours.text);
        paint_elided(ui, (first, anchor), &written.prompt, style, text.width());
        if !alone {
            let avoid = format!("avoid {}", written.negative_prompt);
            let style = (theme::caption(), colours.faint);
            paint_elided(
                ui,
                (text.left_bottom(), Align2::LEFT_BOTTOM),
                &avoid,
                style,
                text.width(),
            );
        }
        if response.clicked() {
            wish = Some(Wish::Write(written.clone()));
        }
        let star = if written.starred { "Let the favourite go" } else { "Keep as a favourite" };
        if IconButton::new(icons::STAR, star).active(written.starred).size(26.0).show(ui).clicked()
        {
            wish = Some(Wish::Star(written.clone()));
        }
        if IconButton::new(icons::DELETE, "Forget this prompt").size(26.0).show(ui).clicked() {
            wish = Some(Wish::Forget(written.clone()));
        }
    });
    wish
}
