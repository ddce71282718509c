//! Jobs as cards in a row: preview, step, time left, cancel; failed ones with what to do.

use eframe::egui;
use egui::{
    Align2, Rect, Response, Role, ScrollArea, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2,
};

use super::gallery::paint_cover;
use super::waiting;
use crate::jobs::Failure;
use crate::state::{Action, JobEntry, JobStatus};
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::{IconButton, inside, paint_elided};
use crate::ui::{Cx, icons, words};

pub(super) const CARD_HEIGHT: f32 = 60.0;
const RUNNING_WIDTH: f32 = 288.0;
const WAITING_WIDTH: f32 = 208.0;
const FAILED_WIDTH: f32 = 460.0;
const THUMBNAIL: f32 = 44.0;

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let rect = ui.max_rect();
    let colours = palette(ui);
    if cx.world.queue.jobs().is_empty() && cx.world.waiting.is_empty() {
        let words = "Nothing is being made";
        let at = (rect.left_center() + vec2(space::PANEL, 0.0), Align2::LEFT_CENTER);
        paint_elided(
            ui,
            at,
            words,
            (theme::body(), colours.faint),
            rect.width() - 2.0 * space::PANEL,
        );
        return;
    }
    let inner = rect.shrink2(vec2(space::PANEL, (rect.height() - CARD_HEIGHT) / 2.0));
    inside(ui, ("jobs", inner), |ui| {
        ScrollArea::horizontal().auto_shrink(false).show(ui, |ui| {
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = space::PANEL;
                if !cx.world.waiting.is_empty() {
                    waiting::card(ui, cx);
                }
                let mut ahead = 0;
                for job in cx.world.queue.jobs() {
                    card(ui, cx, job, ahead);
                    ahead += usize::from(job.status == JobStatus::Waiting);
                }
            });
        });
    });
}

fn card(ui: &mut Ui, cx: &mut Cx<'_>, job: &JobEntry, ahead: usize) {
    let colours = palette(ui);
    let width = match job.status {
        JobStatus::Waiting => WAITING_WIDTH,
        JobStatus::Failed(_) => FAILED_WIDTH,
        _ => RUNNING_WIDTH,
    };
    let width = width.min(ui.clip_rect().width());
    let (rect, response) = ui.allocate_exact_size(vec2(width, CARD_HEIGHT), Sense::click());
    let line = Stroke::new(
        theme::LINE,
        if response.hovered() { colours.line_hover } else { colours.line },
    );
    ui.painter().rect(rect, theme::RADIUS, colours.raised, line, StrokeKind::Inside);
    let second = second_line(cx, job, ahead);
    let name = format!("Job: {}. {second}", job.request.positive_prompt);
    response.widget_info(|| WidgetInfo::labeled(Role::Group, true, &name));
    match &job.status {
        JobStatus::Failed(failure) => failed(ui, cx, job, (failure, rect)),
        status => open(ui, cx, job, (rect, &second, *status == JobStatus::Waiting)),
    }
    watch(cx, job, &response);
}

/// A click on a card that runs shows it on the canvas.
fn watch(cx: &mut Cx<'_>, job: &JobEntry, response: &Response) {
    if response.clicked() && job.is_running() {
        cx.actions.push(Action::Follow);
    }
}

fn open(ui: &mut Ui, cx: &mut Cx<'_>, job: &JobEntry, (rect, second, waiting): (Rect, &str, bool)) {
    let colours = palette(ui);
    let mut left = rect.left() + 12.0;
    if !waiting {
        let thumbnail = Rect::from_min_size(rect.min + vec2(8.0, 8.0), vec2(THUMBNAIL, THUMBNAIL));
        ui.painter().rect_filled(thumbnail, theme::RADIUS - 2, colours.window);
        if let Some(drawable) = cx.textures.preview(ui.ctx(), job) {
            paint_cover(ui, &drawable, (thumbnail, theme::RADIUS - 2));
        }
        left = thumbnail.right() + 12.0;
    }
    let button =
        Rect::from_center_size(pos2(rect.right() - 20.0, rect.center().y), vec2(24.0, 24.0));
    let width = button.left() - 8.0 - left;
    let prompt = title(job);
    paint_elided(
        ui,
        (pos2(left, rect.top() + 18.0), Align2::LEFT_CENTER),
        prompt,
        (theme::body(), colours.text),
        width,
    );
    let below = (pos2(left, rect.top() + 36.0), Align2::LEFT_CENTER);
    paint_elided(ui, below, second, (theme::caption(), colours.dim), width);
    if !waiting {
        let bar = Rect::from_min_size(pos2(left, rect.bottom() - 11.0), vec2(width, 3.0));
        ui.painter().rect_filled(bar, 1.5, colours.line_hover);
        let done = bar.with_max_x(bar.left() + bar.width() * job.fraction());
        ui.painter().rect_filled(done, 1.5, colours.accent);
    }
    let stopping = job.status == JobStatus::Stopping;
    inside(ui, (job.id, button), |ui| {
        ui.add_enabled_ui(!stopping, |ui| {
            let hint =
                if waiting { "Take this job out of the queue" } else { "Cancel this job (Esc)" };
            if IconButton::new(icons::CLOSE, "Cancel job").hint(hint).size(24.0).show(ui).clicked()
            {
                cx.actions.push(Action::Cancel(job.id));
            }
        });
    });
}

fn failed(ui: &mut Ui, cx: &mut Cx<'_>, job: &JobEntry, (failure, rect): (&Failure, Rect)) {
    let colours = palette(ui);
    let icon = pos2(rect.left() + 22.0, rect.center().y);
    ui.painter().text(icon, Align2::CENTER_CENTER, icons::ERROR, theme::icon(18.0), colours.error);
    let left = rect.left() + 44.0;
    let buttons = Rect::from_min_max(
        pos2(rect.right() - 66.0, rect.center().y - 14.0),
        pos2(rect.right() - 6.0, rect.center().y + 14.0),
    );
    let width = buttons.left() - 8.0 - left;
    paint_elided(
        ui,
        (pos2(left, rect.top() + 14.0), Align2::LEFT_CENTER),
        title(job),
        (theme::caption(), colours.dim),
        width,
    );
    let mut words = egui::text::LayoutJob::simple(
        failure.headline.clone(),
        theme::caption(),
        colours.text,
        width,
    );
    words.wrap.max_rows = 2;
    words.wrap.break_anywhere = false;
    let galley = ui.fonts_mut(|fonts| fonts.layout_job(words));
    ui.painter().galley(pos2(left, rect.top() + 24.0), galley, colours.text);
    let text = Rect::from_min_max(pos2(left, rect.top()), pos2(left + width, rect.bottom()));
    let response = ui.interact(text, ui.scope_id().with((job.id, "failure")), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Alert, true, &failure.headline));
    response.on_hover_text(format!("{}\n\n{}", failure.headline, failure.details));
    inside(ui, (job.id, buttons), |ui| {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            if IconButton::new(icons::RETRY, "Retry").hint("Try once more").show(ui).clicked() {
                cx.actions.push(Action::Retry(job.id));
            }
            if IconButton::new(icons::CLOSE, "Dismiss")
                .hint("Take this card away")
                .show(ui)
                .clicked()
            {
                cx.actions.push(Action::Dismiss(job.id));
            }
        });
    });
}

fn title(job: &JobEntry) -> &str {
    let prompt = job.request.positive_prompt.as_str();
    if prompt.is_empty() { "Without a prompt" } else { prompt }
}

/// `step 17 of 24 · 2 of 4 · 5 s`.
fn second_line(cx: &Cx<'_>, job: &JobEntry, ahead: usize) -> String {
    let count = job.pictures();
    match &job.status {
        JobStatus::Waiting => {
            let turn =
                if ahead == 0 { "next".to_owned() } else { format!("{} before it", ahead + 1) };
            format!("{turn} · {}", words::pictures(count))
        }
        JobStatus::Loading => format!("loading {}…", job.request.model.name),
        JobStatus::Running { done, total } => {
            let mut parts = vec![format!("step {done} of {total}")];
            if count > 1 {
                parts.push(words::of_count(job.at_work(), count));
            }
            parts.extend(cx.world.queue.time_left(job).map(words::duration));
            parts.join(" · ")
        }
        JobStatus::Stopping => "stopping…".to_owned(),
        JobStatus::Failed(failure) => failure.headline.clone(),
    }
}
