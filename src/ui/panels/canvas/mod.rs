//! The picture, large, in a neutral surround: the running job's preview, the chosen one, or the one
//! to start from.

mod backdrop;
mod extension;
mod handles;
mod mask;
mod options;
mod sight;
mod start;
mod tools;

use eframe::egui;
use egui::{
    Align2, Pos2, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, pos2, vec2,
};

use super::{bar, cover, strip, welcome};
use crate::jobs::Status;
use crate::pixels::Extent;
use crate::state::{Action, GalleryEntry, JobEntry, JobStatus, OnCanvas, View, Zoom};
use crate::ui::textures::{Drawable, Look, Size};
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::{IconButton, elided, paint_elided, text_button};
use crate::ui::{Cx, icons, words};
use sight::{Pan, pan_and_zoom, place, points, scale};

const WHOLE: Rect = Rect { min: Pos2::ZERO, max: pos2(1.0, 1.0) };
/// Size of the bar in the upper right corner: a button of the stage's own, fit, per cent.
const ZOOM_BAR: Vec2 = vec2(124.0, 36.0);

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let rect = ui.available_rect_before_wrap();
    let response = ui.allocate_rect(rect, Sense::click_and_drag());
    let stage = rect.with_max_y(rect.bottom() - strip::ROOM);
    let world = cx.world;
    match world.on_canvas(cx.draft, cx.view) {
        OnCanvas::Start => start::ui(ui, cx, (stage, &response)),
        OnCanvas::Job(id) => {
            if let Some(job) = world.queue.get(id) {
                running_ui(ui, cx, job, (stage, &response));
            }
        }
        OnCanvas::Picture(shown) => {
            if let Some(entry) = world.gallery.get(shown) {
                picture_ui(ui, cx, entry, (stage, &response));
            }
        }
        OnCanvas::Nothing => {
            response.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, "No picture yet"));
            welcome::ui(ui, cx, stage);
        }
    }
    strip::ui(ui, cx, rect);
    if ui.input(|input| !input.raw.hovered_files.is_empty()) {
        drop_ui(ui, rect);
    }
    if let Status::Unavailable(failure) = &cx.world.status {
        // At the foot of the stage, beside the tools of the start picture: all bars stay free.
        let tools = if cx.shows_start() { tools::width(stage) + space::GAP } else { 0.0 };
        unavailable_ui(ui, &failure.headline, stage.with_min_x(stage.left() + tools));
    }
}

/// Where the job stands: its preview, or its frame while there is none.
fn running_ui(ui: &Ui, cx: &mut Cx<'_>, job: &JobEntry, (stage, response): (Rect, &Response)) {
    let colours = palette(ui);
    let extent = job.request.extent;
    let rect = place(ui, cx.view, points(extent), stage);
    pan_and_zoom(ui, cx.view, (response, Pan::Any), (points(extent), stage));
    let words = match job.status {
        JobStatus::Running { done, total } if job.pictures() > 1 => {
            let which = words::of_count(job.at_work(), job.pictures());
            format!("Picture {which}, step {done} of {total}")
        }
        JobStatus::Running { done, total } => format!("Step {done} of {total}"),
        _ => words::beginning(job),
    };
    let what = if job.request.check_nsfw { "Preview, blurred" } else { "Preview" };
    response.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, format!("{what}. {words}")));
    let painter = ui.painter_at(ui.max_rect());
    if let Some(Drawable { texture, .. }) = cx.textures.preview(ui.ctx(), job) {
        painter.image(texture.id(), rect, WHOLE, theme::UNTINTED);
    } else {
        let line = Stroke::new(theme::LINE, colours.line);
        painter.rect(rect, 0.0, colours.window, line, StrokeKind::Inside);
        let middle = (rect.center(), Align2::CENTER_CENTER);
        let room = rect.width() - 2.0 * space::GAP;
        paint_elided(ui, middle, &words, (theme::body(), colours.dim), room);
    }
    let bar = Rect::from_min_size(rect.left_bottom() + vec2(0.0, 4.0), vec2(rect.width(), 3.0));
    painter.rect_filled(bar, 1.5, colours.line);
    painter.rect_filled(
        bar.with_max_x(bar.left() + bar.width() * job.fraction()),
        1.5,
        colours.accent,
    );
    caption(ui, (rect, stage), &words);
}

/// A finished picture.
fn picture_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    entry: &GalleryEntry,
    (stage, response): (Rect, &Response),
) {
    let colours = palette(ui);
    let name = entry.prompt().unwrap_or("Picture without settings");
    let covered = cx.covers(entry.image_uuid);
    let (what, size) = if covered {
        ("Picture, blurred", Size::Covered)
    } else {
        ("Picture", backdrop::size(ui, cx.view))
    };
    response.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, format!("{what}. {name}")));
    let drawable = match cx.textures.look(entry, size) {
        Look::Ready(drawable) => Some(drawable),
        Look::Coming => stand_in(cx, entry),
        Look::Broken => {
            let words = "This picture's file is gone or damaged";
            ui.painter().text(
                stage.center(),
                Align2::CENTER_CENTER,
                words,
                theme::body(),
                colours.dim,
            );
            None
        }
    };
    let Some(drawable) = drawable else { return };
    let extent = drawable.extent;
    pan_and_zoom(ui, cx.view, (response, Pan::Any), (points(extent), stage));
    let rect = place(ui, cx.view, points(extent), stage);
    backdrop::paint(ui, cx, &ui.painter_at(ui.max_rect()), (&drawable, rect));
    let seed = entry
        .task()
        .and_then(|task| task.seed)
        .map(|seed| format!("  ·  seed {seed}"))
        .unwrap_or_default();
    let verdict = cx
        .world
        .gallery
        .verdict(entry.image_uuid)
        .map(|verdict| format!("  ·  {}", words::verdict(verdict)))
        .unwrap_or_default();
    let speed_up = entry.speed_up.map(|times| format!("  ·  {}", words::speed_up(times)));
    let speed_up = speed_up.unwrap_or_default();
    caption(ui, (rect, stage), &format!("{extent}{seed}{speed_up}{verdict}"));
    if covered {
        cover::ui(ui, cx, (entry.image_uuid, rect.intersect(stage)), "Show the picture");
    }
    picture_bar(ui, cx, (extent, stage));
}

/// The thumbnail, while the whole picture is being decoded.
fn stand_in(cx: &mut Cx<'_>, entry: &GalleryEntry) -> Option<Drawable> {
    let small = cx.thumbnail(entry.image_uuid);
    let sizes: &[Size] = if small == Size::Covered { &[small] } else { &[Size::Whole, small] };
    sizes.iter().find_map(|size| match cx.textures.look(entry, *size) {
        Look::Ready(drawable) => Some(drawable),
        Look::Coming | Look::Broken => None,
    })
}

/// Words below the picture's left corner, where there is room.
fn caption(ui: &Ui, (picture, stage): (Rect, Rect), words: &str) {
    let colours = palette(ui);
    let at = pos2(picture.left().max(stage.left() + space::PANEL), picture.bottom() + 20.0);
    if at.y + 8.0 > stage.bottom() {
        return;
    }
    let width = picture.width().min(stage.width() - 2.0 * space::PANEL).max(160.0);
    paint_elided(ui, (at, Align2::LEFT_CENTER), words, (theme::caption(), colours.dim), width);
}

/// The floating bar over a result: start from it, fit it, its present size in per cent.
fn picture_bar(ui: &mut Ui, cx: &mut Cx<'_>, (extent, stage): (Extent, Rect)) {
    let start = IconButton::new(icons::START, "Start from the shown picture");
    if zoom_bar(ui, cx.view, (points(extent), stage), start) {
        cx.actions.extend(cx.view.selected.map(Action::StartFrom));
    }
}

/// The floating bar of a stage: one button of its own, fit, the present size in per cent. Returns
/// whether the button was clicked.
fn zoom_bar(
    ui: &mut Ui,
    view: &mut View,
    (size, stage): (Vec2, Rect),
    button: IconButton<'_>,
) -> bool {
    let percent = format!("{:.0} %", scale(view, size, stage) * ui.pixels_per_point() * 100.0);
    let corner = pos2(stage.right() - ZOOM_BAR.x - space::PANEL, stage.top() + space::PANEL);
    bar(ui, ("zoom", Rect::from_min_size(corner, ZOOM_BAR)), |ui| {
        ui.horizontal_centered(|ui| {
            ui.spacing_mut().item_spacing.x = 0.0;
            let clicked = button.show(ui).clicked();
            let fits = view.zoom == Zoom::Fit;
            let fit = IconButton::new(icons::FIT, "Fit the picture").active(fits);
            if fit.hint("Fit the picture (F)").show(ui).clicked() {
                view.zoom = Zoom::Fit;
            }
            percent_button(ui, view, &percent);
            clicked
        })
        .inner
    })
}

fn percent_button(ui: &mut Ui, view: &mut View, percent: &str) {
    let colours = palette(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(56.0, 26.0), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, "Show the picture at 100 %"));
    if response.hovered() {
        ui.painter().rect_filled(rect, theme::RADIUS, colours.raised_hover);
    }
    ui.painter().text(rect.center(), Align2::CENTER_CENTER, percent, theme::body(), colours.text);
    if response.clicked() {
        view.zoom = Zoom::Free { scale: 1.0 / ui.pixels_per_point(), offset_in_ui: [0.0, 0.0] };
    }
    response.on_hover_text("One pixel of the picture on one of the screen");
}

/// A file hangs over the window: says what dropping it does.
fn drop_ui(ui: &Ui, rect: Rect) {
    let colours = palette(ui);
    let ring = Stroke::new(theme::RING, colours.accent);
    let words = "Drop a picture to start from it,\nor models to add them";
    let galley = ui.painter().layout_no_wrap(words.to_owned(), theme::button(), colours.on_accent);
    ui.painter().rect_stroke(rect.shrink(4.0), theme::RADIUS_FLOATING, ring, StrokeKind::Inside);
    let pill = Rect::from_center_size(rect.center(), galley.size() + vec2(24.0, 16.0));
    ui.painter().rect_filled(pill, theme::RADIUS_FLOATING, colours.accent);
    ui.painter().galley(pill.center() - galley.size() / 2.0, galley, colours.on_accent);
    let response = ui.interact(pill, ui.scope_id().with("drop"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, words));
}

/// The engine cannot work: a calm sentence over whatever is shown.
fn unavailable_ui(ui: &Ui, headline: &str, rect: Rect) {
    let colours = palette(ui);
    let width = (rect.width() - 2.0 * space::PANEL).clamp(220.0, 600.0);
    let text_width = width - 52.0;
    let galley = ui.painter().layout(headline.to_owned(), theme::body(), colours.text, text_width);
    let rest = "Pictures made before can be looked at, searched and exported meanwhile.";
    let below = elided(ui, rest, theme::caption(), colours.dim, text_width);
    let size = vec2(width, galley.size().y + below.size().y + 30.0);
    let corner = rect.left_bottom() + vec2(space::PANEL, -space::PANEL - size.y);
    let place = Rect::from_min_size(corner, size);
    let line = Stroke::new(theme::LINE, colours.line);
    ui.painter().rect(place, theme::RADIUS_FLOATING, colours.panel, line, StrokeKind::Inside);
    let icon_at = place.min + vec2(24.0, 12.0 + 9.0);
    ui.painter().text(
        icon_at,
        Align2::CENTER_CENTER,
        icons::ERROR,
        theme::icon(18.0),
        colours.error,
    );
    let text_at = place.min + vec2(44.0, 12.0);
    let below_at = text_at + vec2(0.0, galley.size().y + 6.0);
    ui.painter().galley(text_at, galley, colours.text);
    ui.painter().galley(below_at, below, colours.dim);
    let id = ui.scope_id().with("engine unavailable");
    // What lies below it does not feel the pointer.
    let response = ui.interact(place, id, Sense::CLICK | Sense::DRAG);
    response.widget_info(|| WidgetInfo::labeled(Role::Alert, true, headline));
}

/// Offers to watch the running job again; drawn by the strip's row when something else is chosen.
pub(super) fn follow_button(ui: &mut Ui, cx: &mut Cx<'_>) {
    if text_button(ui, "Show what is being made").clicked() {
        cx.actions.push(Action::Follow);
    }
}
