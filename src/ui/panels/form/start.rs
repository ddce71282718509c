//! The picture to start from: opened, shown as the engine will cut it, removed.

use eframe::egui;
use egui::{Align2, Color32, Rect, Role, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, vec2};

use super::super::gallery::paint_cover;
use crate::pixels::Extent;
use crate::state::{Action, StartPicture};
use crate::task::{ImageRef, ModelDefaults};
use crate::ui::textures::Look;
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::{IconButton, RowLabel, inside, paint_elided, tall_row, text_button, tip};
use crate::ui::{Cx, icons, words};
use uuid::Uuid;

/// Points a side of the thumbnail, and the height of the row with and without one.
const THUMBNAIL: f32 = 36.0;
const HELP: &str = "A picture that the result is to resemble; Strength says how much.";

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>, defaults: &ModelDefaults) {
    let label = RowLabel { text: "Start from", help: HELP, default: None, of: "" };
    let rect = tall_row(ui, label, THUMBNAIL);
    match cx.draft.seed_image {
        Some(image_uuid) => {
            let wanted = cx.draft.start_extent(defaults, cx.world.start_extent(cx.draft));
            chosen(ui, cx, rect, (image_uuid, wanted));
        }
        None if cx.draft.more.seed_image.is_some() => brought(ui, cx, rect),
        None => invitation(ui, cx, rect),
    }
}

/// The second line of the row, its middle `down` points below the top.
fn second_line(ui: &Ui, (rect, down): (Rect, f32), (words, colour): (&str, Color32)) {
    let at = rect.left_top() + vec2(0.0, down);
    let style = (theme::caption(), colour);
    paint_elided(ui, (at, Align2::LEFT_CENTER), words, style, rect.width());
}

fn invitation(ui: &mut Ui, cx: &mut Cx<'_>, rect: Rect) {
    let colours = palette(ui);
    let hint = if cx.world.opening > 0 { "Opening…" } else { "or drop one" };
    inside(ui, ("open", rect), |ui| {
        ui.horizontal(|ui| {
            if text_button(ui, "Open a picture…").clicked() {
                cx.actions.push(Action::OpenPicture);
            }
            ui.colored_label(colours.faint, hint);
        });
    });
}

/// A picture that a task brought along and that is not in the library.
fn brought(ui: &mut Ui, cx: &mut Cx<'_>, rect: Rect) {
    let colours = palette(ui);
    let says = match &cx.draft.more.seed_image {
        Some(ImageRef::Url(address)) => address.clone(),
        _ => "A picture inside the task".to_owned(),
    };
    let text = rect.with_max_x(rect.right() - space::ROW).with_max_y(rect.top() + space::ROW);
    let at = (text.left_center(), Align2::LEFT_CENTER);
    paint_elided(ui, at, &says, (theme::body(), colours.text), text.width());
    let response = ui.interact(text, ui.scope_id().with("brought"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("Start from: {says}")));
    tip(ui, response, &says);
    let button = Rect::from_min_max(text.right_top(), rect.max);
    inside(ui, ("remove brought", button), |ui| {
        if IconButton::new(icons::CLOSE, "Remove the picture").show(ui).clicked() {
            cx.actions.push(Action::RemovePicture);
        }
    });
}

fn chosen(ui: &mut Ui, cx: &mut Cx<'_>, rect: Rect, (image_uuid, wanted): (Uuid, Extent)) {
    let colours = palette(ui);
    let start = cx.world.start_picture(cx.draft).cloned();
    let place = Rect::from_min_size(rect.min, Vec2::splat(THUMBNAIL));
    thumbnail(ui, cx, place, (image_uuid, wanted, start.as_ref()));

    let size = vec2(2.0 * space::ROW, space::ROW);
    let buttons = Rect::from_min_size(rect.right_top() - vec2(size.x, 0.0), size);
    inside(ui, ("start buttons", buttons), |ui| {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 0.0;
            show_button(ui, cx);
            if IconButton::new(icons::CLOSE, "Remove the picture").show(ui).clicked() {
                cx.actions.push(Action::RemovePicture);
            }
        });
    });

    let fault = start.as_ref().and_then(StartPicture::fault);
    let (first, second) = match &start {
        _ if cx.world.opening > 0 => ("Opening…".to_owned(), String::new()),
        None => (String::new(), String::new()),
        Some(StartPicture::Here { extent, .. }) => {
            (extent.to_string(), words::start(cx.draft, *extent, wanted))
        }
        Some(_) => (
            format!("The picture is {}", fault.unwrap_or_default()),
            "open another or remove it".to_owned(),
        ),
    };
    let text = Rect::from_min_max(
        place.right_top() + vec2(space::GAP, 0.0),
        buttons.left_top() + vec2(-space::ROW_GAP, THUMBNAIL),
    );
    let colour = if fault.is_some() { colours.error } else { colours.text };
    let at = (text.left_top() + vec2(0.0, 9.0), Align2::LEFT_CENTER);
    paint_elided(ui, at, &first, (theme::body(), colour), text.width());
    second_line(ui, (text, 27.0), (&second, colours.faint));

    let response = ui.interact(text, ui.scope_id().with("start words"), Sense::hover());
    let is =
        if fault.is_none() && !second.is_empty() { format!("{first} is {second}") } else { first };
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("Start from: {is}")));
    let full = start.as_ref().and_then(StartPicture::refusal);
    tip(ui, response, &full.unwrap_or(format!("{is}.")));
}

/// Shows the picture on the canvas, or results again.
fn show_button(ui: &mut Ui, cx: &mut Cx<'_>) {
    let shown = cx.shows_start();
    let name = if shown { "Show results on the canvas" } else { "Show the picture on the canvas" };
    let useful = !shown || cx.has_results();
    let hint = if useful { name } else { "There are no results yet" };
    let button = IconButton::new(icons::VISIBLE, name).hint(hint).active(shown);
    if button.enabled(useful).show(ui).clicked() {
        if shown {
            cx.view.show_results();
        } else {
            cx.view.show_start();
        }
    }
}

/// The part of the picture that the engine will use, in the shape of the result; a click opens
/// another.
fn thumbnail(
    ui: &Ui,
    cx: &mut Cx<'_>,
    place: Rect,
    (image_uuid, wanted, start): (Uuid, Extent, Option<&StartPicture>),
) {
    let colours = palette(ui);
    let response = ui.interact(place, ui.scope_id().with("start thumbnail"), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, "Open another picture"));
    let look = match start {
        Some(StartPicture::Here { path, .. }) => {
            Some(cx.textures.look_in_file(image_uuid, path, cx.thumbnail(image_uuid)))
        }
        Some(_) => Some(Look::Broken),
        None => None,
    };
    ui.painter().rect_filled(place, theme::RADIUS, colours.field);
    match &look {
        Some(Look::Ready(drawable)) => {
            let shown = shaped(ui, wanted, place);
            paint_cover(ui, drawable, (shown, corner(shown)));
        }
        Some(Look::Broken) => {
            let icon = (icons::ERROR, theme::icon(18.0), colours.error);
            ui.painter().text(place.center(), Align2::CENTER_CENTER, icon.0, icon.1, icon.2);
        }
        Some(Look::Coming) | None => {}
    }
    let (width, line) = if response.has_focus() {
        (theme::RING, colours.accent)
    } else if response.hovered() {
        (theme::LINE, colours.line_hover)
    } else {
        (theme::LINE, if matches!(look, Some(Look::Broken)) { colours.error } else { colours.line })
    };
    let stroke = Stroke::new(width, line);
    ui.painter().rect_stroke(place, theme::RADIUS, stroke, StrokeKind::Inside);
    if response.clicked() {
        cx.actions.push(Action::OpenPicture);
    }
    tip(ui, response, "Open another picture");
}

/// The largest rectangle of the shape of `extent` in the middle of `place`, on whole pixels.
fn shaped(ui: &Ui, extent: Extent, place: Rect) -> Rect {
    let (width, height) = (extent.width as f32, extent.height as f32);
    let scale = (place.width() / width).min(place.height() / height);
    let pixels = ui.pixels_per_point();
    let whole = |length: f32| ((length * scale * pixels).round() / pixels).max(1.0);
    let size = vec2(whole(width), whole(height));
    let offset = ((place.size() - size) / 2.0 * pixels).floor() / pixels;
    Rect::from_min_size(place.min + offset, size)
}

/// The radius of a thumbnail's corners: the row's own where it is large enough.
fn corner(shown: Rect) -> u8 {
    if shown.width().min(shown.height()) < THUMBNAIL / 2.0 { 2 } else { theme::RADIUS }
}
