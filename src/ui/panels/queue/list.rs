//! All jobs in a list over the bar: for hundreds of them, since only the rows in view are drawn.

use eframe::egui;
use egui::{
    Align2, Area, Id, Order, Rect, Role, ScrollArea, Sense, Stroke, Ui, WidgetInfo, pos2, vec2,
};

use super::{card, drag, menu, place, second_line, title};
use crate::state::{Action, JobEntry, JobStatus};
use crate::task::EngineKind;
use crate::ui::panels::floating;
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::{IconButton, inside, paint_elided, text_button};
use crate::ui::{Cx, icons, words};

const WIDTH: f32 = 480.0;
const ROW: f32 = 44.0;
/// Rows that are seen at most.
const ROWS: f32 = 9.0;

pub(super) fn ui(ui: &Ui, cx: &mut Cx<'_>, bar: Rect) {
    // A small window's bar is narrow: the list may lie over the form.
    let room = (bar.right() - 2.0 * space::PANEL).min(WIDTH);
    // Esc closes it, as everything that is near at hand: [`crate::ui::shortcuts`].
    let response = Area::new(Id::unique("job list"))
        .order(Order::Middle)
        .pivot(Align2::RIGHT_BOTTOM)
        .fixed_pos(pos2(bar.right() - space::PANEL, bar.top() - space::GAP))
        .show(ui.ctx(), |ui| {
            floating(ui).shadow(ui.visuals().popup_shadow).show(ui, |ui| {
                ui.set_width(room);
                header(ui, cx);
                rows(ui, cx);
            });
        })
        .response;
    response.widget_info(|| WidgetInfo::labeled(Role::Group, true, "List of jobs"));
}

fn header(ui: &mut Ui, cx: &mut Cx<'_>) {
    let colours = palette(ui);
    let (line, _) = ui.allocate_exact_size(vec2(ui.available_width(), 36.0), Sense::hover());
    let waiting = cx.world.queue.waiting().count();
    let count = cx.world.queue.jobs().len();
    let time = cx.world.queue.time_of_all().map(|time| format!(" · {}", words::about(time)));
    let text = format!("{}{}", words::jobs(count), time.unwrap_or_default());
    let at = (line.left_center() + vec2(8.0, 0.0), Align2::LEFT_CENTER);
    paint_elided(ui, at, &text, (theme::strong(), colours.text), line.width() - 210.0);
    let right = line.with_min_x(line.right() - 200.0);
    inside(ui, ("header", right), |ui| {
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.set_min_height(36.0);
            if IconButton::new(icons::CLOSE, "Close the list").show(ui).clicked() {
                cx.view.sheets.queue = false;
            }
            let all = ui.add_enabled_ui(waiting > 0, |ui| text_button(ui, "Cancel all waiting"));
            if all.inner.clicked() {
                cx.actions.push(Action::CancelWaiting);
            }
        });
    });
}

fn rows(ui: &mut Ui, cx: &mut Cx<'_>) {
    ui.spacing_mut().item_spacing.y = 0.0;
    let world = cx.world;
    let jobs = world.queue.jobs();
    let area = ScrollArea::vertical().max_height(ROW * ROWS).auto_shrink([false, true]);
    area.show_rows(ui, ROW, jobs.len(), |ui, seen| {
        let top = ui.cursor().top() - seen.start as f32 * ROW;
        let (left, width) = (ui.cursor().left(), ui.available_width());
        let place = |index: usize| {
            Rect::from_min_size(pos2(left, top + index as f32 * ROW), vec2(width, ROW))
        };
        for index in seen {
            ui.allocate_exact_size(vec2(width, ROW), Sense::hover());
            row(ui, cx, (&jobs[index], place(index)));
        }
        let waiting: Vec<_> = (jobs.iter().enumerate())
            .filter(|(_, job)| job.status == JobStatus::Waiting)
            .map(|(index, job)| (job.id, place(index)))
            .collect();
        drag::in_list(ui, cx, &waiting);
    });
}

fn row(ui: &mut Ui, cx: &mut Cx<'_>, (job, rect): (&JobEntry, Rect)) {
    let colours = palette(ui);
    let waits = job.status == JobStatus::Waiting;
    let sense = if waits { Sense::click_and_drag() } else { Sense::click() };
    let response = ui.interact(rect, ui.scope_id().with(("row", job.id)), sense);
    let second = second_line(cx, job);
    let name = format!("Queued: {}. {second}", title(job));
    response.widget_info(|| WidgetInfo::labeled(Role::ListItem, true, &name));
    if response.hovered() || response.has_focus() {
        ui.painter().rect_filled(rect.shrink2(vec2(2.0, 1.0)), theme::RADIUS, colours.raised);
    }
    if response.has_focus() {
        let ring = Stroke::new(theme::RING, colours.accent);
        let inner = rect.shrink2(vec2(2.0, 1.0));
        ui.painter().rect_stroke(inner, theme::RADIUS, ring, egui::StrokeKind::Inside);
    }
    if waits {
        drag::begin(ui, &response, job.id);
        menu::keys(ui, cx, (&response, job.id));
    }
    sign(ui, cx, job, Rect::from_min_size(rect.min + vec2(6.0, 6.0), vec2(32.0, 32.0)));
    let left = rect.left() + 46.0;
    let width = rect.right() - 64.0 - left;
    let at = |y: f32| (pos2(left, rect.top() + y), Align2::LEFT_CENTER);
    let failed = matches!(job.status, JobStatus::Failed(_));
    let ink = if failed { colours.error } else { colours.dim };
    paint_elided(ui, at(14.0), &title(job), (theme::body(), colours.text), width);
    paint_elided(ui, at(31.0), &second, (theme::caption(), ink), width);
    buttons(ui, cx, (job, rect));
    if response.clicked() && job.is_running() {
        cx.actions.push(Action::Watch(job.id));
    }
    response.on_hover_text(format!("{}\n{second}\n{}", title(job), place(job)));
}

/// A handle on what waits, the preview of what runs, a sign on what failed.
fn sign(ui: &Ui, cx: &mut Cx<'_>, job: &JobEntry, at: Rect) {
    let colours = palette(ui);
    let icon = match &job.status {
        JobStatus::Waiting if job.engine() == EngineKind::Remote => (icons::CLOUD, colours.faint),
        JobStatus::Waiting => (icons::DRAG, colours.faint),
        JobStatus::Failed(_) => (icons::ERROR, colours.error),
        _ => {
            card::preview(ui, cx, job, at);
            let bar = Rect::from_min_size(at.left_bottom() + vec2(0.0, 1.0), vec2(at.width(), 2.0));
            return card::progress(ui, job, bar);
        }
    };
    let centre = at.center();
    ui.painter().text(centre, Align2::CENTER_CENTER, icon.0, theme::icon(18.0), icon.1);
}

fn buttons(ui: &mut Ui, cx: &mut Cx<'_>, (job, rect): (&JobEntry, Rect)) {
    let place = Rect::from_min_max(
        pos2(rect.right() - 60.0, rect.center().y - 12.0),
        pos2(rect.right() - 6.0, rect.center().y + 12.0),
    );
    inside(ui, (("row buttons", job.id), place), |ui| {
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 2.0;
            if let JobStatus::Failed(_) = job.status {
                let dismiss = IconButton::new(icons::CLOSE, "Take the failed job away").size(24.0);
                if dismiss.show(ui).clicked() {
                    cx.actions.push(Action::Dismiss(job.id));
                }
                return card::retry(ui, cx, job);
            }
            let stopping = job.status == JobStatus::Stopping;
            let cancel =
                IconButton::new(icons::CLOSE, "Cancel this job").enabled(!stopping).size(24.0);
            if cancel.show(ui).clicked() {
                cx.actions.push(Action::Cancel(job.id));
            }
            if job.status == JobStatus::Waiting {
                menu::button(ui, cx, job.id);
            }
        });
    });
}
