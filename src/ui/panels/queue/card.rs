//! One job as a card: preview, step, time left, what can be done with it; a failed one with what to do.

use std::time::Duration;

use eframe::egui;
use egui::{Align2, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};

use super::{menu, place, second_line, title};
use crate::jobs::{Failure, FailureKind};
use crate::state::{Action, JobEntry, JobStatus};
use crate::task::EngineKind;
use crate::ui::panels::gallery::paint_cover;
use crate::ui::theme::{self, palette};
use crate::ui::widgets::{IconButton, inside, paint_elided, text_button};
use crate::ui::{Cx, icons, words};

const RUNNING_WIDTH: f32 = 288.0;
const WAITING_WIDTH: f32 = 224.0;
const FAILED_WIDTH: f32 = 460.0;
const THUMBNAIL: f32 = 44.0;

pub(super) fn width(job: &JobEntry) -> f32 {
    match job.status {
        JobStatus::Waiting => WAITING_WIDTH,
        JobStatus::Failed(_) => FAILED_WIDTH,
        _ => RUNNING_WIDTH,
    }
}

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>, (job, rect): (&JobEntry, Rect)) {
    let colours = palette(ui);
    let waits = job.status == JobStatus::Waiting;
    let sense = if waits { Sense::click_and_drag() } else { Sense::click() };
    let response = ui.interact(rect, ui.scope_id().with(("card", job.id)), sense);
    let line = if response.has_focus() {
        Stroke::new(theme::RING, colours.accent)
    } else if response.hovered() {
        Stroke::new(theme::LINE, colours.line_hover)
    } else {
        Stroke::new(theme::LINE, colours.line)
    };
    ui.painter().rect(rect, theme::RADIUS, colours.raised, line, StrokeKind::Inside);
    let second = second_line(cx, job);
    let name = format!("Job: {}. {second}", job.request.positive_prompt);
    response.widget_info(|| WidgetInfo::labeled(Role::Group, true, &name));
    if waits {
        super::drag::begin(ui, &response, job.id);
        menu::keys(ui, cx, (&response, job.id));
    }
    match &job.status {
        JobStatus::Failed(failure) => failed(ui, cx, job, (failure, rect)),
        status => open(ui, cx, job, (rect, &second, *status == JobStatus::Waiting)),
    }
    watch(cx, job, response);
}

/// A click on a card that runs shows it on the canvas.
fn watch(cx: &mut Cx<'_>, job: &JobEntry, response: Response) {
    if response.clicked() && job.is_running() {
        cx.actions.push(Action::Watch(job.id));
    }
    if !matches!(job.status, JobStatus::Failed(_)) {
        response.on_hover_text(format!("{}\n{}", title(job), place(job)));
    }
}

fn open(ui: &mut Ui, cx: &mut Cx<'_>, job: &JobEntry, (rect, second, waits): (Rect, &str, bool)) {
    let colours = palette(ui);
    let mut left = rect.left() + 12.0;
    if !waits {
        let thumbnail = Rect::from_min_size(rect.min + vec2(8.0, 8.0), vec2(THUMBNAIL, THUMBNAIL));
        preview(ui, cx, job, thumbnail);
        left = thumbnail.right() + 12.0;
    }
    let buttons = if waits { 52.0 } else { 28.0 };
    let button = Rect::from_min_max(
        pos2(rect.right() - buttons - 4.0, rect.center().y - 12.0),
        pos2(rect.right() - 6.0, rect.center().y + 12.0),
    );
    let width = button.left() - 6.0 - left;
    let (first_at, second_at) = if waits { (21.0, 39.0) } else { (18.0, 36.0) };
    let at = |y: f32| (pos2(left, rect.top() + y), Align2::LEFT_CENTER);
    paint_elided(ui, at(first_at), &title(job), (theme::body(), colours.text), width);
    paint_elided(ui, at(second_at), second, (theme::caption(), colours.dim), width);
    if !waits {
        let bar = Rect::from_min_size(pos2(left, rect.bottom() - 11.0), vec2(width, 3.0));
        progress(ui, job, bar);
    }
    let stopping = job.status == JobStatus::Stopping;
    inside(ui, (("card buttons", job.id), button), |ui| {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 2.0;
            if waits {
                menu::button(ui, cx, job.id);
            }
            ui.add_enabled_ui(!stopping, |ui| cancel(ui, cx, (job, waits)));
        });
    });
}

fn cancel(ui: &mut Ui, cx: &mut Cx<'_>, (job, waits): (&JobEntry, bool)) {
    let hint = if waits { "Take this job out of the queue" } else { "Cancel this job (Esc)" };
    let paid = job.engine() == EngineKind::Remote && !waits;
    let hint = if paid {
        "Do not wait for it any more; the service bills what it has begun"
    } else {
        hint
    };
    if IconButton::new(icons::CLOSE, "Cancel job").hint(hint).size(24.0).show(ui).clicked() {
        cx.actions.push(Action::Cancel(job.id));
    }
}

/// The rough picture of the present state; of the service's jobs a cloud.
pub(super) fn preview(ui: &Ui, cx: &mut Cx<'_>, job: &JobEntry, place: Rect) {
    let colours = palette(ui);
    ui.painter().rect_filled(place, theme::RADIUS - 2, colours.window);
    if let Some(drawable) = cx.textures.preview(ui.ctx(), job) {
        return paint_cover(ui, &drawable, (place, theme::RADIUS - 2));
    }
    if job.engine() == EngineKind::Remote {
        let at = (place.center(), Align2::CENTER_CENTER);
        ui.painter().text(at.0, at.1, icons::CLOUD, theme::icon(18.0), colours.faint);
    }
}

/// How far it is. The service tells of no steps: there something wanders until a picture comes.
pub(super) fn progress(ui: &Ui, job: &JobEntry, bar: Rect) {
    let colours = palette(ui);
    ui.painter().rect_filled(bar, 1.5, colours.line_hover);
    let done = bar.with_max_x(bar.left() + bar.width() * job.fraction());
    ui.painter().rect_filled(done, 1.5, colours.accent);
    if job.engine() == EngineKind::Remote && job.status == JobStatus::Loading {
        const ROUND: f64 = 1.6;
        const TICK: Duration = Duration::from_millis(50);
        let at = (ui.input(|input| input.time) / ROUND).fract() as f32;
        let left = bar.left() + (bar.width() * 1.3) * at - bar.width() * 0.3;
        let part = Rect::from_x_y_ranges(left..=left + bar.width() * 0.3, bar.y_range());
        let part = part.intersect(bar.with_min_x(done.right()));
        if part.is_positive() {
            ui.painter().rect_filled(part, 1.5, colours.accent);
        }
        ui.ctx().request_repaint_after(TICK);
    }
}

fn failed(ui: &mut Ui, cx: &mut Cx<'_>, job: &JobEntry, (failure, rect): (&Failure, Rect)) {
    let colours = palette(ui);
    let icon = pos2(rect.left() + 22.0, rect.center().y);
    ui.painter().text(icon, Align2::CENTER_CENTER, icons::ERROR, theme::icon(18.0), colours.error);
    let left = rect.left() + 44.0;
    let wants_key = failure.kind == FailureKind::KeyRefused;
    let retry_room = if job.owes() { 32.0 } else { 0.0 };
    let room = 34.0 + retry_room + if wants_key { 98.0 } else { 0.0 };
    let buttons = Rect::from_min_max(
        pos2(rect.right() - room, rect.center().y - 14.0),
        pos2(rect.right() - 6.0, rect.center().y + 14.0),
    );
    let width = buttons.left() - 8.0 - left;
    let at = (pos2(left, rect.top() + 14.0), Align2::LEFT_CENTER);
    paint_elided(ui, at, &title(job), (theme::caption(), colours.dim), width);
    headline(ui, (pos2(left, rect.top() + 24.0), width), failure);
    let text = Rect::from_min_max(pos2(left, rect.top()), pos2(left + width, rect.bottom()));
    let response = ui.interact(text, ui.scope_id().with((job.id, "failure")), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Alert, true, &failure.headline));
    response.on_hover_text(format!("{}\n\n{}", failure.headline, failure.details));
    inside(ui, (("failed", job.id), buttons), |ui| {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            if wants_key && text_button(ui, words::ENTER_KEY).clicked() {
                cx.view.sheets.enter_key();
                cx.actions.push(Action::LookAtEngines);
            }
            retry(ui, cx, job);
            let dismiss = IconButton::new(icons::CLOSE, "Dismiss").hint("Take this card away");
            if dismiss.show(ui).clicked() {
                cx.actions.push(Action::Dismiss(job.id));
            }
        });
    });
}

/// Two lines of what went wrong.
fn headline(ui: &Ui, (at, width): (egui::Pos2, f32), failure: &Failure) {
    let colours = palette(ui);
    let mut words = egui::text::LayoutJob::simple(
        failure.headline.clone(),
        theme::caption(),
        colours.text,
        width,
    );
    words.wrap.max_rows = 2;
    words.wrap.break_anywhere = false;
    let galley = ui.fonts_mut(|fonts| fonts.layout_job(words));
    ui.painter().galley(at, galley, colours.text);
}

/// Offers what is left of a failed job once more, if there is something left.
pub(super) fn retry(ui: &mut Ui, cx: &mut Cx<'_>, job: &JobEntry) {
    if !job.owes() {
        return;
    }
    let hint = if job.is_interrupted() && job.engine() == EngineKind::Remote {
        "Ask the service what became of it; costs nothing twice"
    } else {
        "Try once more what is left of it"
    };
    if IconButton::new(icons::RETRY, "Retry").hint(hint).show(ui).clicked() {
        cx.actions.push(Action::Retry(job.id));
    }
}
