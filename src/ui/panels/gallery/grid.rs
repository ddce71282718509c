//! The grid: pictures by days, of which only those are drawn that are seen.

use std::ops::Range;

use eframe::egui;
use egui::{Align2, Rect, Role, ScrollArea, Sense, Ui, WidgetInfo, vec2};

use super::cell;
use crate::state::Day;
use crate::ui::Cx;
use crate::ui::theme::{self, palette, space};

/// Wished width of a picture.
const CELL: f32 = 132.0;
const GAP: f32 = 8.0;
const HEADING: f32 = 28.0;

/// A thing in the list, with the height it takes.
enum Line {
    Heading(Day),
    Row(Range<usize>),
}

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>) {
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
        ui.set_height(layout.height(days) as f32);
        // Far down, points are too coarse for places from the top: lines stand where the view begins.
        let origin = ui.max_rect().min + vec2(space::PANEL, viewport.top());
        for (top, line) in layout.lines(days, viewport.y_range()) {
            let at = origin + vec2(0.0, top);
            match line {
                Line::Heading(day) => heading(ui, day, at),
                Line::Row(places) => {
                    for (column, place) in places.enumerate() {
                        let min = at + vec2(column as f32 * (cell + GAP), 0.0);
                        cell::ui(ui, cx, place, Rect::from_min_size(min, vec2(cell, cell)));
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
    fn row(self) -> f64 {
        f64::from(self.cell + GAP)
    }

    fn day_height(self, places: &Range<usize>) -> f64 {
        let rows = places.len().div_ceil(self.columns) as f64;
        f64::from(HEADING + GAP) + rows * self.row()
    }

    fn height(self, days: &[(Day, Range<usize>)]) -> f64 {
        days.iter().map(|(_, places)| self.day_height(places)).sum()
    }

    /// The lines that `seen` touches, each with its distance from where that begins.
    fn lines(self, days: &[(Day, Range<usize>)], seen: egui::Rangef) -> Vec<(f32, Line)> {
        let (first, last) = (f64::from(seen.min), f64::from(seen.max));
        let mut lines = Vec::new();
        let mut top = 0.0;
        for (day, places) in days {
            let height = self.day_height(places);
            if top + height >= first && top <= last {
                lines.push(((top - first) as f32, Line::Heading(*day)));
                let pictures = top + f64::from(HEADING);
                let rows = places.len().div_ceil(self.columns);
                let above = ((first - pictures) / self.row()).floor().max(0.0) as usize;
                let below = ((last - pictures) / self.row()).ceil().max(0.0) as usize;
                for row in above..below.min(rows) {
                    let start = places.start + row * self.columns;
                    let end = (start + self.columns).min(places.end);
                    let at = pictures + row as f64 * self.row() - first;
                    lines.push((at as f32, Line::Row(start..end)));
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
                let row = (place - places.start) / self.columns;
                top += f64::from(HEADING) + row as f64 * self.row();
                break;
            }
            top += self.day_height(places);
        }
        let offset: f32 = ui.data(|data| data.get_temp(offset_id())).unwrap_or(0.0);
        let (top, bottom) = (top as f32 - HEADING, (top + self.row()) as f32);
        if top < offset {
            Some(top.max(0.0))
        } else if bottom > offset + seen {
            Some(bottom - seen)
        } else {
            None
        }
    }
}

fn heading(ui: &Ui, day: Day, at: egui::Pos2) {
    let colours = palette(ui);
    let at = at + vec2(0.0, 10.0);
    let drawn =
        ui.painter().text(at, Align2::LEFT_CENTER, day.label(), theme::caption(), colours.dim);
    let response = ui.interact(drawn, ui.scope_id().with(day.label()), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Heading, true, day.label()));
}
