//! Two pictures over each other on the canvas, with a line between what is seen of each.

use eframe::egui;
use egui::{
    Align2, CursorIcon, PointerButton, Pos2, Rect, Response, Role, Sense, Stroke, Ui, Vec2,
    WidgetInfo, pos2, vec2,
};
use uuid::Uuid;

use super::{bar, cover, strip};
use crate::state::{Action, Compare, Difference, GalleryAction, Zoom, differences};
use crate::ui::textures::{Drawable, Look, Size};
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::{IconButton, elided};
use crate::ui::{Cx, icons};

const WHOLE: Rect = Rect { min: Pos2::ZERO, max: pos2(1.0, 1.0) };
/// Points around pictures that fit, and those below for a caption: they lie as one alone does.
const MARGIN: f32 = 32.0;
const CAPTION: f32 = 28.0;
/// A fitted picture is never drawn larger than this many points a pixel.
const FIT_MAX: f32 = 4.0;
/// Least and largest points a pixel.
const SCALES: std::ops::RangeInclusive<f32> = 0.05..=32.0;
/// Radius of the handle on the line.
const HANDLE: f32 = 14.0;
/// Least width of a label beside the bar, in points.
const LABEL_MIN: f32 = 150.0;
/// Differences that are told of each picture.
const TOLD: usize = 4;
/// Size of the bar: left becomes right, fit, leave.
const BAR: Vec2 = vec2(96.0, 36.0);

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>, compare: Compare) {
    let rect = ui.available_rect_before_wrap();
    let response = ui.allocate_rect(rect, Sense::click_and_drag());
    let stage = rect.with_max_y(rect.bottom() - strip::ROOM);
    let [left, right] = compare.pictures.map(|image_uuid| drawable(cx, image_uuid));
    let sizes = [&left, &right].map(|it| it.as_ref().map_or(Vec2::ZERO, size));
    let largest = sizes[0].max(sizes[1]);
    if largest == Vec2::ZERO {
        return waits(ui, cx, compare, stage);
    }
    let frame = place(ui, cx, largest, stage);
    handle(ui, cx, (&response, frame), largest);
    let split = frame.left() + frame.width() * split(cx);
    let halves = [rect.with_max_x(split), rect.with_min_x(split)];
    for (drawable, half) in [left, right].into_iter().zip(halves) {
        let Some(drawable) = drawable else { continue };
        ui.painter_at(half.intersect(rect)).image(
            drawable.texture.id(),
            fitted(&drawable, frame),
            WHOLE,
            theme::UNTINTED,
        );
    }
    line(ui, (split, frame.intersect(rect)), response.dragged_by(PointerButton::Primary));
    for (image_uuid, half) in compare.pictures.into_iter().zip(halves) {
        if cx.covers(image_uuid) {
            cover::ui(ui, cx, (image_uuid, half.intersect(frame)), "Show the picture");
        }
    }
    labels(ui, cx, compare, (stage, split));
    tools(ui, cx, stage);
}

/// Neither picture can be drawn yet, or at all.
fn waits(ui: &mut Ui, cx: &mut Cx<'_>, compare: Compare, stage: Rect) {
    let looks = compare.pictures.map(|image_uuid| look(cx, image_uuid));
    let broken = looks.iter().all(|look| matches!(look, Look::Broken));
    let words = if broken { "Both files are gone or damaged" } else { "Reading both pictures…" };
    let at = stage.center();
    ui.painter().text(at, Align2::CENTER_CENTER, words, theme::body(), palette(ui).dim);
    tools(ui, cx, stage);
}

fn split(cx: &Cx<'_>) -> f32 {
    cx.view.gallery.compare.map_or(0.5, |compare| compare.split)
}

fn look(cx: &mut Cx<'_>, image_uuid: Uuid) -> Look {
    let world = cx.world;
    let Some(entry) = world.gallery.get(image_uuid) else { return Look::Broken };
    let size = if cx.covers(image_uuid) { Size::Covered } else { Size::Whole };
    match cx.textures.look(entry, size) {
        // The thumbnail stands in for the whole picture.
        Look::Coming => cx.textures.look(entry, cx.thumbnail(image_uuid)),
        look => look,
    }
}

fn drawable(cx: &mut Cx<'_>, image_uuid: Uuid) -> Option<Drawable> {
    match look(cx, image_uuid) {
        Look::Ready(drawable) => Some(drawable),
        Look::Coming | Look::Broken => None,
    }
}

fn size(drawable: &Drawable) -> Vec2 {
    vec2(drawable.extent.width as f32, drawable.extent.height as f32)
}

/// Where the frame lies that holds both pictures, on whole screen pixels.
fn place(ui: &Ui, cx: &Cx<'_>, size: Vec2, stage: Rect) -> Rect {
    let (scale, offset) = match cx.view.zoom {
        Zoom::Fit => (fit(size, stage), vec2(0.0, -CAPTION / 4.0)),
        Zoom::Free { scale, offset_in_ui } => (scale, offset_in_ui.into()),
    };
    let pixels = ui.pixels_per_point();
    let min = stage.center() + offset - size * scale / 2.0;
    let min = ((min.to_vec2() * pixels).round() / pixels).to_pos2();
    Rect::from_min_size(min, size * scale)
}

fn fit(size: Vec2, stage: Rect) -> f32 {
    let room = stage.size() - Vec2::splat(2.0 * MARGIN) - vec2(0.0, CAPTION);
    let room = room.max(Vec2::splat(64.0));
    (room.x / size.x).min(room.y / size.y).min(FIT_MAX)
}

/// The picture as large as the frame allows, in its middle: both are seen alike, whatever their sizes.
fn fitted(drawable: &Drawable, frame: Rect) -> Rect {
    let size = size(drawable);
    let scale = (frame.width() / size.x).min(frame.height() / size.y);
    Rect::from_center_size(frame.center(), size * scale)
}

/// Dragging moves the line, the wheel zooms at the pointer, the middle button moves the pictures.
fn handle(ui: &Ui, cx: &mut Cx<'_>, (response, frame): (&Response, Rect), size: Vec2) {
    let percent = (split(cx) * 100.0).round();
    response.widget_info(|| {
        let name = "Line between the two pictures";
        let mut info = WidgetInfo::labeled(Role::Splitter, true, name);
        info.value = Some(f64::from(percent));
        info
    });
    if response.has_focus() {
        let arrows = egui::EventFilter { horizontal_arrows: true, ..egui::EventFilter::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, arrows));
        let pressed =
            |key| ui.input(|input| f32::from(u8::try_from(input.num_presses(key)).unwrap_or(1)));
        let steps = pressed(egui::Key::ArrowRight) - pressed(egui::Key::ArrowLeft);
        if let Some(compare) = &mut cx.view.gallery.compare {
            compare.shift(steps * Compare::STEP);
        }
    }
    let pointer = response.interact_pointer_pos();
    let held = response.is_pointer_button_down_on() || response.clicked();
    let middle = response.dragged_by(PointerButton::Middle);
    if let (Some(pointer), Some(compare), true, false) =
        (pointer, &mut cx.view.gallery.compare, held, middle)
    {
        compare.split = ((pointer.x - frame.left()) / frame.width()).clamp(0.0, 1.0);
    }
    if response.hovered() {
        ui.set_cursor_icon(CursorIcon::ResizeHorizontal);
    }
    zoom(ui, cx, (response, frame), size);
}

fn zoom(ui: &Ui, cx: &mut Cx<'_>, (response, frame): (&Response, Rect), size: Vec2) {
    let stage = response.rect.with_max_y(response.rect.bottom() - strip::ROOM);
    let scale = frame.width() / size.x;
    let mut zoomed = None;
    if let Some(pointer) = response.hover_pos() {
        let (wheel, pinch) = ui.input(|input| (input.smooth_scroll_delta().y, input.zoom_delta()));
        let factor = pinch * (wheel / 240.0).exp();
        if (factor - 1.0).abs() > 1e-4 {
            // A fitted picture may be smaller than that already.
            let least = SCALES.start().min(scale);
            let wanted = (scale * factor).clamp(least, *SCALES.end());
            let centre = pointer + (frame.center() - pointer) * (wanted / scale);
            zoomed = Some((wanted, centre - stage.center()));
        }
    }
    if response.dragged_by(PointerButton::Middle) {
        zoomed = Some((scale, frame.center() + response.drag_delta() - stage.center()));
    }
    if let Some((scale, offset)) = zoomed {
        cx.view.zoom = Zoom::Free { scale, offset_in_ui: offset.into() };
    }
}

fn line(ui: &Ui, (x, frame): (f32, Rect), dragged: bool) {
    let colours = palette(ui);
    let painter = ui.painter();
    painter.vline(x, frame.y_range(), Stroke::new(4.0, colours.veil));
    painter.vline(x, frame.y_range(), Stroke::new(theme::RING, colours.accent));
    let at = pos2(x, frame.center().y);
    let radius = if dragged { HANDLE + 1.0 } else { HANDLE };
    painter.circle_filled(at, radius + 1.0, colours.veil);
    painter.circle_filled(at, radius, colours.accent);
    for (icon, side) in [(icons::PREVIOUS, -1.0), (icons::NEXT, 1.0)] {
        let at = at + vec2(side * 5.5, 0.0);
        painter.text(at, Align2::CENTER_CENTER, icon, theme::icon(15.0), colours.on_accent);
    }
}

/// Tells in the upper corners what each picture was made with, as far as they differ.
fn labels(ui: &Ui, cx: &Cx<'_>, compare: Compare, (stage, split): (Rect, f32)) {
    let task = |image_uuid| cx.world.gallery.get(image_uuid).and_then(|entry| entry.task());
    let [left, right] = compare.pictures.map(task);
    let texts = match (left, right) {
        (Some(left), Some(right)) => said(&differences(left, right, &cx.world.models)),
        _ => [left, right]
            .map(|task| if task.is_some() { "With settings" } else { "No settings" }.to_owned()),
    };
    let room = stage.shrink(space::PANEL);
    let half = |right: f32| (right - room.left()) / 2.0 - space::GAP;
    // The bar stands in the upper right corner; where that leaves too little, labels stand below it.
    let beside = room.right() - BAR.x - space::GAP;
    let (right_edge, top) = if half(beside) < LABEL_MIN {
        (room.right(), room.top() + BAR.y + space::GAP)
    } else {
        (beside, room.top() + 4.0)
    };
    let width = half(right_edge).max(80.0);
    for (place, text) in texts.iter().enumerate() {
        let (x, align) = if place == 0 {
            (room.left(), Align2::LEFT_TOP)
        } else {
            (right_edge, Align2::RIGHT_TOP)
        };
        let side = if place == 0 { "Left" } else { "Right" };
        // The label of what is not seen is faint.
        let seen = if place == 0 { split > stage.left() } else { split < stage.right() };
        chip(ui, (pos2(x, top), align), (side, text), (width, seen));
    }
}

/// What differs, in words for the left and the right picture.
fn said(differences: &[Difference]) -> [String; 2] {
    if differences.is_empty() {
        return ["Same settings".to_owned(), "Same settings".to_owned()];
    }
    // What is short first: prompts would leave no room for it.
    let (prompts, mut told): (Vec<_>, Vec<_>) =
        differences.iter().partition(|it| ["Prompt", "Avoid"].contains(&it.label));
    told.extend(prompts);
    let side = |value: fn(&Difference) -> &Option<String>| {
        let told = told.iter().take(TOLD).map(|difference| {
            let value = value(difference).as_deref().unwrap_or("–").replace('\n', ", ");
            format!("{} {value}", difference.label)
        });
        let more = differences.len().saturating_sub(TOLD);
        let more = (more > 0).then(|| format!("{more} more"));
        told.chain(more).collect::<Vec<_>>().join("  ·  ")
    };
    [side(|it| &it.left), side(|it| &it.right)]
}

fn chip(
    ui: &Ui,
    (corner, align): (Pos2, Align2),
    (side, text): (&str, &str),
    (width, seen): (f32, bool),
) {
    let colours = palette(ui);
    let ink = if seen { colours.text } else { colours.faint };
    let galley = elided(ui, text, theme::caption(), ink, width - 20.0);
    let rect = align.anchor_size(corner, vec2(galley.size().x + 20.0, BAR.y - 8.0));
    let line = Stroke::new(theme::LINE, colours.line);
    let radius = theme::RADIUS_FLOATING;
    ui.painter().rect(rect, radius, colours.panel, line, egui::StrokeKind::Inside);
    ui.painter().galley(rect.center() - galley.size() / 2.0, galley, ink);
    let response = ui.interact(rect, ui.scope_id().with(side), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{side}: {text}")));
    response.on_hover_text(text.replace("  ·  ", "\n"));
}

fn tools(ui: &mut Ui, cx: &mut Cx<'_>, stage: Rect) {
    let corner = pos2(stage.right() - BAR.x - space::PANEL, stage.top() + space::PANEL);
    bar(ui, ("compare", Rect::from_min_size(corner, BAR)), |ui| {
        ui.horizontal_centered(|ui| {
            ui.spacing_mut().item_spacing.x = 0.0;
            if IconButton::new(icons::SWAP, "Swap left and right").show(ui).clicked()
                && let Some(compare) = &mut cx.view.gallery.compare
            {
                compare.swap();
            }
            let fits = cx.view.zoom == Zoom::Fit;
            let fit = IconButton::new(icons::FIT, "Fit the pictures").active(fits);
            if fit.hint("Fit the pictures (F)").show(ui).clicked() {
                cx.view.zoom = Zoom::Fit;
            }
            let leave = IconButton::new(icons::CLOSE, "Leave the comparison");
            if leave.hint("Leave the comparison (Esc)").show(ui).clicked() {
                cx.actions.push(Action::Gallery(GalleryAction::LeaveCompare));
            }
        });
    });
}
