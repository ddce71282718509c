//! Jobs as cards in a row, and all of them in a list that folds up. Only what is seen is drawn.

mod card;
mod drag;
mod list;
mod menu;

use std::time::Instant;

use eframe::egui;
use egui::{Align2, Rect, ScrollArea, Ui, pos2, vec2};

use super::waiting;
use crate::state::{JobEntry, JobStatus};
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::{IconButton, inside, paint_elided};
use crate::ui::{Cx, icons, words};

pub(super) const CARD_HEIGHT: f32 = 60.0;
/// Between cards.
const GAP: f32 = space::PANEL;
/// What the button of the list takes at the right.
const LIST_BUTTON: f32 = 84.0;
/// From so many jobs on they have a list.
const LISTED_FROM: usize = 2;

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let rect = ui.max_rect();
    let count = cx.world.queue.jobs().len();
    if count == 0 && cx.world.waiting.is_empty() {
        nothing(ui, rect);
        cx.view.sheets.queue = false;
        return;
    }
    let mut inner = rect.shrink2(vec2(space::PANEL, (rect.height() - CARD_HEIGHT) / 2.0));
    if count >= LISTED_FROM {
        inner.max.x -= LIST_BUTTON;
        list_button(ui, cx, (rect, count));
    }
    inside(ui, ("jobs", inner), |ui| {
        ScrollArea::horizontal().auto_shrink(false).show_viewport(ui, |ui, seen| {
            row(ui, cx, seen);
        });
    });
    if cx.view.sheets.queue {
        list::ui(ui, cx, rect);
    }
    drag::end(ui);
}

fn nothing(ui: &Ui, rect: Rect) {
    let at = (rect.left_center() + vec2(space::PANEL, 0.0), Align2::LEFT_CENTER);
    let style = (theme::body(), palette(ui).faint);
    paint_elided(ui, at, "Nothing is being made", style, rect.width() - 2.0 * space::PANEL);
}

/// The cards side by side; `seen` is what of the row is in view.
fn row(ui: &mut Ui, cx: &mut Cx<'_>, seen: Rect) {
    let origin = ui.min_rect().min;
    let mut left = 0.0;
    if !cx.world.waiting.is_empty() {
        let place = Rect::from_min_size(origin, vec2(waiting::WIDTH, CARD_HEIGHT));
        inside(ui, ("waiting card", place), |ui| waiting::card(ui, cx));
        left += waiting::WIDTH + GAP;
    }
    let world = cx.world;
    let mut waiting_cards = Vec::new();
    for job in world.queue.jobs() {
        let width = card::width(job).min(seen.width());
        let place = Rect::from_min_size(pos2(origin.x + left, origin.y), vec2(width, CARD_HEIGHT));
        if job.status == JobStatus::Waiting {
            waiting_cards.push((job.id, place));
        }
        if left + width >= seen.left() && left <= seen.right() {
            card::ui(ui, cx, (job, place));
        }
        left += width + GAP;
    }
    drag::in_row(ui, cx, &waiting_cards);
    ui.set_min_size(vec2((left - GAP).max(0.0), CARD_HEIGHT));
}

fn list_button(ui: &mut Ui, cx: &mut Cx<'_>, (rect, count): (Rect, usize)) {
    let place = Rect::from_min_max(
        pos2(rect.right() - LIST_BUTTON, rect.top()),
        pos2(rect.right() - space::PANEL, rect.bottom()),
    );
    let text = pos2(place.left() + space::PANEL, place.center().y);
    let style = (theme::caption(), palette(ui).dim);
    let number = words::count(count);
    paint_elided(ui, (text, Align2::LEFT_CENTER), &number, style, place.width() - 40.0);
    let button =
        Rect::from_center_size(pos2(place.right() - 14.0, place.center().y), vec2(28.0, 28.0));
    let open = cx.view.sheets.queue;
    let hint = format!("All {count} jobs (Ctrl U)");
    inside(ui, ("all jobs", button), |ui| {
        if IconButton::new(icons::LIST, "All jobs").hint(&hint).active(open).show(ui).clicked() {
            cx.view.sheets.queue = !open;
        }
    });
}

/// `Fill: an old wooden boat`.
fn title(job: &JobEntry) -> String {
    let prompt = job.request.positive_prompt.as_str();
    let prompt = if prompt.is_empty() { "without a prompt" } else { prompt };
    format!("{}: {prompt}", words::verb_of(&job.request))
}

/// `step 17 of 24 · 2 of 4 · 5 s`; of a job that waits when its turn comes and who makes it.
fn second_line(cx: &Cx<'_>, job: &JobEntry) -> String {
    let count = job.pictures();
    let is_remote = job.engine() == crate::task::EngineKind::Remote;
    let remote = || {
        let price = job.price.map(words::price);
        std::iter::once("remote".to_owned()).chain(price).collect::<Vec<_>>().join(" · ")
    };
    match &job.status {
        JobStatus::Waiting => {
            let turn = match cx.world.queue.ahead_of(job) {
                (0, _) => "next".to_owned(),
                (waiting, at_work) => format!("{} before it", waiting + at_work),
            };
            let place = is_remote.then(remote);
            let time = cx.world.queue.time_of(job).map(words::duration);
            let parts = [Some(turn), Some(words::pictures(count)), place, time];
            parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
        }
        JobStatus::Loading if job.out_of_reach.is_some() => {
            "no connection, trying again".to_owned()
        }
        JobStatus::Loading if is_remote => {
            let place = job.device.as_ref().map_or("the service", |device| device.name.as_str());
            let left = cx.world.queue.service_time_left(job, Instant::now());
            let left = left.map(|left| format!("{} left", words::about(left)));
            let since = || job.began().map(|began| words::duration(began.elapsed()));
            let made = (count > 1).then(|| format!("{} of {count}", job.finished()));
            let parts = [Some(format!("at {place}")), made, left.or_else(since)];
            parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
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

/// Who makes the job and on what, for the hint of its card.
fn place(job: &JobEntry) -> String {
    let engine = match job.engine() {
        crate::task::EngineKind::Local => "Local",
        crate::task::EngineKind::Remote => "Remote",
    };
    let model = &job.request.model.name;
    match &job.device {
        Some(device) => format!("{engine} · {} · {model}", device.name),
        None => format!("{engine} · {model}"),
    }
}
