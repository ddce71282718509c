//! Finished pictures: search, days, a grid that draws only what is seen, and what one can do with them.

use std::ops::Range;

use eframe::egui;
use egui::text::LayoutJob;
use egui::{
    Align, Align2, Frame, Margin, Panel, Rect, Role, ScrollArea, Sense, Stroke, StrokeKind, Ui,
    WidgetInfo, pos2, vec2,
};

use super::cover;
use crate::state::{Action, Day, GalleryEntry, Settings};
use crate::ui::textures::{Drawable, Look};
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::{IconButton, inside, paint_elided, search_field};
use crate::ui::{Cx, icons, words};

/// Wished width of a picture in the grid.
const CELL: f32 = 132.0;
const GAP: f32 = 8.0;
const HEADING: f32 = 28.0;
/// What the button is called that makes a result the picture to start from.
const START_FROM: &str = "Start from this picture";

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let colours = palette(ui);
    Panel::top("gallery search")
        .exact_size(52.0)
        .resizable(false)
        .show_separator_line(false)
        .frame(Frame::new().fill(colours.panel).inner_margin(Margin::symmetric(12, 12)))
        .show(ui, |ui| search(ui, cx));
    Panel::bottom("gallery actions")
        .exact_size(44.0)
        .resizable(false)
        .frame(Frame::new().fill(colours.panel).inner_margin(Margin::symmetric(8, 8)))
        .show(ui, |ui| actions(ui, cx));
    if cx.world.gallery.shown_len() == 0 {
        empty(ui, cx);
    } else {
        grid(ui, cx);
    }
}

fn search(ui: &mut Ui, cx: &mut Cx<'_>) {
    let count = cx.world.gallery.len();
    let hint = match count {
        0 => "Search pictures".to_owned(),
        1 => "Search 1 picture".to_owned(),
        _ => format!("Search {} pictures", words::count(count)),
    };
    let field = search_field(ui, &mut cx.view.search, "Search pictures", &hint);
    if cx.view.search.is_empty() {
        return;
    }
    let rect =
        Rect::from_center_size(field.rect.right_center() - vec2(16.0, 0.0), vec2(22.0, 22.0));
    inside(ui, ("clear", rect), |ui| {
        if IconButton::new(icons::CLOSE, "Clear the search").size(22.0).show(ui).clicked() {
            cx.view.search.clear();
        }
    });
}

/// A thing in the list, with the height it takes.
enum Line {
    Heading(Day),
    Row(Range<usize>),
}

fn grid(ui: &mut Ui, cx: &mut Cx<'_>) {
    let width = ui.available_width() - 2.0 * space::PANEL;
    let columns = ((width + GAP) / (CELL + GAP)).round().max(1.0) as usize;
    let cell = ((width + GAP) / columns as f32 - GAP).floor();
    cx.view.gallery_columns = columns;
    let layout = Layout { columns, cell };
    let mut area = ScrollArea::vertical().auto_shrink(false);
    let seen = ui.available_height();
    if std::mem::take(&mut cx.view.reveal_selected)
        && let Some(offset) = layout.reveal(ui, cx, seen)
    {
        area = area.vertical_scroll_offset(offset);
    }
    let output = area.show_viewport(ui, |ui, viewport| {
        let days = cx.world.gallery.days();
        ui.set_height(layout.height(days));
        let origin = ui.max_rect().min + vec2(space::PANEL, 0.0);
        for (top, line) in layout.lines(days, viewport.y_range()) {
            let at = origin + vec2(0.0, top);
            match line {
                Line::Heading(day) => heading(ui, day, at),
                Line::Row(places) => {
                    for (column, place) in places.enumerate() {
                        let min = at + vec2(column as f32 * (cell + GAP), 0.0);
                        picture(ui, cx, place, Rect::from_min_size(min, vec2(cell, cell)));
                    }
                }
            }
        }
    });
    ui.data_mut(|data| data.insert_temp(offset_id(), output.state.clamped_offset().y));
}

fn offset_id() -> egui::Id {
    egui::Id::unique("gallery offset")
}

/// The grid's measures.
#[derive(Clone, Copy)]
struct Layout {
    columns: usize,
    cell: f32,
}

impl Layout {
    fn row(self) -> f32 {
        self.cell + GAP
    }

    fn day_height(self, places: &Range<usize>) -> f32 {
        HEADING + places.len().div_ceil(self.columns) as f32 * self.row() + GAP
    }

    fn height(self, days: &[(Day, Range<usize>)]) -> f32 {
        days.iter().map(|(_, places)| self.day_height(places)).sum()
    }

    /// The lines that `seen` touches, each with its top.
    fn lines(self, days: &[(Day, Range<usize>)], seen: egui::Rangef) -> Vec<(f32, Line)> {
        let mut lines = Vec::new();
        let mut top = 0.0;
        for (day, places) in days {
            let height = self.day_height(places);
            if top + height >= seen.min && top <= seen.max {
                lines.push((top, Line::Heading(*day)));
                let rows = places.len().div_ceil(self.columns);
                let first = ((seen.min - top - HEADING) / self.row()).floor().max(0.0) as usize;
                let last = ((seen.max - top - HEADING) / self.row()).ceil().max(0.0) as usize;
                for row in first..last.min(rows) {
                    let start = places.start + row * self.columns;
                    let end = (start + self.columns).min(places.end);
                    lines.push((top + HEADING + row as f32 * self.row(), Line::Row(start..end)));
                }
            }
            top += height;
        }
        lines
    }

    /// The scroll offset that brings the chosen picture into view; `None` when it is seen already.
    fn reveal(self, ui: &Ui, cx: &Cx<'_>, seen: f32) -> Option<f32> {
        let place = cx.world.gallery.shown_place(cx.view.selected?)?;
        let mut top = 0.0;
        for (_, places) in cx.world.gallery.days() {
            if places.contains(&place) {
                top += HEADING + ((place - places.start) / self.columns) as f32 * self.row();
                break;
            }
            top += self.day_height(places);
        }
        let offset: f32 = ui.data(|data| data.get_temp(offset_id())).unwrap_or(0.0);
        if top - HEADING < offset {
            Some((top - HEADING).max(0.0))
        } else if top + self.row() > offset + seen {
            Some(top + self.row() - seen)
        } else {
            None
        }
    }
}

fn heading(ui: &Ui, day: Day, at: egui::Pos2) {
    let font = theme::caption();
    ui.painter().text(
        at + vec2(0.0, 10.0),
        Align2::LEFT_CENTER,
        day.label(),
        font,
        palette(ui).faint,
    );
}

fn picture(ui: &Ui, cx: &mut Cx<'_>, place: usize, rect: Rect) {
    let Some(entry) = cx.world.gallery.shown(place) else { return };
    let colours = palette(ui);
    let response = ui.interact(rect, ui.scope_id().with(entry.image_uuid), Sense::click());
    let chosen = cx.view.selected == Some(entry.image_uuid);
    let covered = cx.covers(entry.image_uuid);
    let (number, how) = (place + 1, if covered { ", blurred" } else { "" });
    let name = format!("Picture {number}{how}: {}", entry.prompt().unwrap_or("no settings"));
    response.widget_info(|| WidgetInfo::selected(Role::ListBoxOption, true, chosen, &name));
    match cx.textures.look(entry, cx.thumbnail(entry.image_uuid)) {
        Look::Ready(drawable) => paint_cover(ui, &drawable, (rect, theme::RADIUS)),
        Look::Coming => {
            ui.painter().rect_filled(rect, theme::RADIUS, colours.raised);
        }
        Look::Broken => {
            ui.painter().rect_filled(rect, theme::RADIUS, colours.raised);
            ui.painter().text(
                rect.center(),
                Align2::CENTER_CENTER,
                icons::ERROR,
                theme::icon(18.0),
                colours.faint,
            );
        }
    }
    if chosen || response.has_focus() {
        let ring = Stroke::new(theme::RING, colours.accent);
        ui.painter().rect_stroke(rect, theme::RADIUS, ring, StrokeKind::Inside);
    } else if response.hovered() {
        let line = Stroke::new(theme::RING, colours.line_hover);
        ui.painter().rect_stroke(rect, theme::RADIUS, line, StrokeKind::Inside);
    }
    if response.clicked() {
        cx.actions.push(Action::Select(entry.image_uuid));
    }
    if response.double_clicked() {
        cx.actions.push(Action::ReuseSettings(entry.image_uuid));
    }
    if let Some(prompt) = entry.prompt() {
        response.on_hover_text(prompt);
    }
    if covered {
        cover::ui(ui, cx, (entry.image_uuid, rect), &format!("Show picture {number}"));
    }
}

/// Paints the largest centred part of a picture that has the shape of `rect` into it.
pub(super) fn paint_cover(ui: &Ui, drawable: &Drawable, (rect, radius): (Rect, u8)) {
    // How much wider the picture is than the place.
    let wider = drawable.extent.width as f32 / drawable.extent.height as f32 / rect.aspect_ratio();
    let uv = if wider > 1.0 {
        let cut = (1.0 - 1.0 / wider) / 2.0;
        Rect::from_min_max(pos2(cut, 0.0), pos2(1.0 - cut, 1.0))
    } else {
        let cut = (1.0 - wider) / 2.0;
        Rect::from_min_max(pos2(0.0, cut), pos2(1.0, 1.0 - cut))
    };
    egui::Image::new(&drawable.texture).uv(uv).corner_radius(radius).paint_at(ui, rect);
}

fn empty(ui: &Ui, cx: &Cx<'_>) {
    let colours = palette(ui);
    let gallery = &cx.world.gallery;
    let (title, hint) = match (gallery.is_empty(), gallery.is_listed()) {
        (true, false) => ("Reading the results folder…", ""),
        (true, true) => ("No pictures yet", "What you make appears here and stays."),
        (false, _) => ("Nothing found", "Every word must be in the prompt, the model or the seed."),
    };
    let centre = ui.available_rect_before_wrap().center();
    let width = ui.available_width() - 2.0 * space::PANEL;
    let icon_at = centre - vec2(0.0, 40.0);
    ui.painter().text(
        icon_at,
        Align2::CENTER_CENTER,
        icons::PICTURES,
        theme::icon(28.0),
        colours.faint,
    );
    let at = |dy: f32| (centre + vec2(0.0, dy), Align2::CENTER_CENTER);
    paint_elided(ui, at(-10.0), title, (theme::body(), colours.dim), width);
    let mut job =
        LayoutJob::simple(hint.to_owned(), theme::caption(), colours.faint, width.min(220.0));
    job.halign = Align::Center;
    let galley = ui.fonts_mut(|fonts| fonts.layout_job(job));
    ui.painter().galley(centre + vec2(0.0, 4.0), galley, colours.faint);
}

/// What can be done with the chosen picture.
fn actions(ui: &mut Ui, cx: &mut Cx<'_>) {
    let entry = cx.view.selected.and_then(|selected| cx.world.gallery.get(selected));
    let settings = settings_refusal(entry);
    let file = match entry {
        None => Some("Choose a picture first"),
        Some(entry) if entry.path.is_none() => Some("This picture could not be saved"),
        Some(_) => None,
    };
    let uuid = entry.map(|entry| entry.image_uuid);
    let buttons: [(char, &str, Option<&str>, Option<Action>); 6] = [
        (icons::START, START_FROM, file, uuid.map(Action::StartFrom)),
        (icons::SETTINGS, "Reuse all settings", settings, uuid.map(Action::ReuseSettings)),
        (icons::WORDS, "Reuse the prompt", settings, uuid.map(Action::ReusePrompt)),
        (icons::DICE, "Reuse the seed", settings, uuid.map(Action::ReuseSeed)),
        (icons::EXPORT, "Export a copy", file, uuid.map(Action::Export)),
        (icons::FOLDER, "Open the folder", None, Some(Action::OpenResults)),
    ];
    let row = ui.max_rect();
    let step = row.width() / buttons.len() as f32;
    for (place, (icon, name, refusal, action)) in buttons.into_iter().enumerate() {
        let centre = pos2(row.left() + step * (place as f32 + 0.5), row.center().y);
        let rect = Rect::from_center_size(centre.round(), vec2(space::ROW, space::ROW));
        inside(ui, (name, rect), |ui| {
            ui.add_enabled_ui(refusal.is_none(), |ui| {
                let hint = refusal.unwrap_or(name);
                if IconButton::new(icon, name).hint(hint).show(ui).clicked() {
                    cx.actions.extend(action);
                }
            });
        });
    }
}

fn settings_refusal(entry: Option<&GalleryEntry>) -> Option<&'static str> {
    match entry.map(|entry| &entry.settings) {
        None => Some("Choose a picture first"),
        Some(Settings::Unread | Settings::Stored) => Some("Still reading this picture's settings"),
        Some(Settings::Missing) => Some("This picture carries no settings"),
        Some(Settings::Known(_)) => None,
    }
}
