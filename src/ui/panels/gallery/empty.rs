//! What stands where no picture is: why, and what can be searched for.

use eframe::egui;
use egui::text::LayoutJob;
use egui::{Align, Align2, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use super::search::{NAME, misread};
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::{TextField, inside, paint_elided, text_button};
use crate::ui::{Cx, icons};

/// Terms of the search besides words, with what they find.
pub(super) const TERMS: [(&str, &str); 8] = [
    ("today", "or yesterday"),
    ("2026-11", "or a day: 2026-11-05"),
    ("before:2026-11", "or after:, on:"),
    ("starred", "with a star"),
    ("model:", "by name or identifier"),
    ("seed:", "exactly that seed"),
    ("\"red fox\"", "words together"),
    ("-fox", "without that word"),
];

const LINE: f32 = 24.0;
/// Width of the column of terms.
const TERM: f32 = 124.0;

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let gallery = &cx.world.gallery;
    let starred = cx.view.gallery.only_starred;
    let room = ui.available_rect_before_wrap();
    let searched = !cx.view.search.trim().is_empty();
    match (gallery.is_empty(), gallery.is_listed()) {
        (true, false) => sign(ui, room, "Reading the results folder…", ""),
        (true, true) => sign(ui, room, "No pictures yet", "What you make appears here and stays."),
        (false, _) if gallery.is_searching() => sign(ui, room, "Searching…", ""),
        (false, _) if starred && !searched => {
            sign(ui, room, "No starred pictures", "Star a picture with S, or with the star on it.");
        }
        (false, _) => nothing_found(ui, cx, room),
    }
}

fn nothing_found(ui: &mut Ui, cx: &mut Cx<'_>, room: Rect) {
    let height = 150.0 + TERMS.len() as f32 * LINE;
    let top = room.top() + ((room.height() - height) * 0.4).max(0.0);
    let said = cx.world.gallery.misread().map(misread);
    let hint = said.as_deref().unwrap_or("Every word must be there. Besides words:");
    sign(
        ui,
        Rect::from_min_size(pos2(room.left(), top), vec2(room.width(), 130.0)),
        "Nothing found",
        hint,
    );
    let list = room.shrink2(vec2(space::PANEL, 0.0)).with_min_y(top + 120.0);
    inside(ui, ("terms", list), |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        for (term, finds) in TERMS {
            if line(ui, term, finds) {
                term.clone_into(&mut cx.view.search);
                ui.memory_mut(|memory| memory.request_focus(TextField::id(NAME)));
            }
        }
        if cx.view.gallery.only_starred {
            ui.add_space(space::GAP);
            ui.vertical_centered(|ui| {
                if text_button(ui, "Search all, not only starred").clicked() {
                    cx.view.gallery.only_starred = false;
                }
            });
        }
    });
}

fn line(ui: &mut Ui, term: &str, finds: &str) -> bool {
    let colours = palette(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), LINE), Sense::click());
    let name = format!("Search for {term}: {finds}");
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &name));
    let hot = response.hovered() || response.has_focus();
    if hot {
        ui.painter().rect_filled(rect, theme::RADIUS, colours.raised_hover);
    }
    let ink = if hot { colours.accent } else { colours.text };
    let at = |x: f32| (pos2(rect.left() + x, rect.center().y), Align2::LEFT_CENTER);
    paint_elided(ui, at(8.0), term, (theme::body(), ink), TERM - 12.0);
    let width = rect.width() - TERM - 8.0;
    paint_elided(ui, at(TERM), finds, (theme::caption(), colours.dim), width);
    response.clicked()
}

/// An icon, a title and a sentence in the middle.
fn sign(ui: &Ui, room: Rect, title: &str, hint: &str) {
    let colours = palette(ui);
    let centre = room.center();
    let width = room.width() - 2.0 * space::PANEL;
    let icon_at = centre - vec2(0.0, 40.0);
    ui.painter().text(
        icon_at,
        Align2::CENTER_CENTER,
        icons::PICTURES,
        theme::icon(28.0),
        colours.faint,
    );
    let at = |dy: f32| (centre + vec2(0.0, dy), Align2::CENTER_CENTER);
    paint_elided(ui, at(-10.0), title, (theme::body(), colours.text), width);
    let mut job =
        LayoutJob::simple(hint.to_owned(), theme::caption(), colours.dim, width.min(240.0));
    job.halign = Align::Center;
    let galley = ui.fonts_mut(|fonts| fonts.layout_job(job));
    ui.painter().galley(centre + vec2(0.0, 4.0), galley, colours.dim);
    let words = Rect::from_center_size(centre, vec2(width, 40.0));
    let response = ui.interact(words, ui.scope_id().with("empty"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{title}. {hint}")));
}
