//! The search field, and the star beside it that leaves only starred pictures.

use eframe::egui;
use egui::{Rect, Ui, vec2};

use super::empty::TERMS;
use crate::ui::theme::space;
use crate::ui::widgets::{IconButton, error_outline, inside, search_field};
use crate::ui::{Cx, icons, words};

/// What the field is called.
pub(super) const NAME: &str = "Search pictures";

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let row = ui.max_rect();
    let star = Rect::from_min_max(row.right_top() - vec2(space::ROW, 0.0), row.max);
    let field = row.with_max_x(star.left() - space::GAP);
    inside(ui, ("field", field), |ui| search(ui, cx));
    let star = Rect::from_center_size(star.center(), vec2(space::ROW, space::ROW));
    inside(ui, ("only starred", star), |ui| {
        let only = cx.view.gallery.only_starred;
        let hint = if only { "Show all pictures" } else { "Show only starred pictures" };
        let button = IconButton::new(icons::STAR, hint).framed().active(only);
        if button.show(ui).clicked() {
            cx.view.gallery.only_starred = !only;
        }
    });
}

fn search(ui: &mut Ui, cx: &mut Cx<'_>) {
    let count = cx.world.gallery.len();
    let hint = match count {
        0 => NAME.to_owned(),
        1 => "Search 1 picture".to_owned(),
        _ => format!("Search {} pictures", words::count(count)),
    };
    let field = search_field(ui, &mut cx.view.search, NAME, &hint);
    if std::mem::take(&mut cx.view.gallery.focus_search) {
        field.request_focus();
    }
    let clear =
        Rect::from_center_size(field.rect.right_center() - vec2(16.0, 0.0), vec2(22.0, 22.0));
    if !cx.view.search.is_empty() {
        inside(ui, ("clear", clear), |ui| {
            if IconButton::new(icons::CLOSE, "Clear the search").size(22.0).show(ui).clicked() {
                cx.view.search.clear();
            }
        });
    }
    match cx.world.gallery.misread().filter(|_| !cx.view.search.is_empty()) {
        Some(term) => {
            error_outline(ui, field.rect);
            field.on_hover_text(misread(term));
        }
        None if !field.has_focus() => {
            field.on_hover_text(help());
        }
        None => {}
    }
}

/// Says that `term` was left out.
pub(super) fn misread(term: &str) -> String {
    let what = match term.split_once(':') {
        Some(("seed", _)) => "is no seed: write seed:42",
        Some(("is", _)) => "is nothing to search for: write is:starred",
        _ => "is no day: write 2026-11-05, 2026-11, today or yesterday",
    };
    format!("“{term}” {what}")
}

fn help() -> String {
    let lines = TERMS.iter().map(|(term, finds)| format!("{term}  {finds}"));
    let head = "Words of the prompt, the model or the seed".to_owned();
    std::iter::once(head).chain(lines).collect::<Vec<_>>().join("\n")
}
