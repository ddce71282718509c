//! The start picture on the stage: what is used of it, its mask, and what it grows by.

use std::path::Path;

use eframe::egui;
use egui::{Align2, Painter, Pos2, Rect, Response, Role, Ui, Vec2, WidgetInfo, pos2, vec2};
use uuid::Uuid;

use super::sight::{Pan, pan_and_zoom, place, points};
use super::{backdrop, caption, cover, extension, handles, mask, tools, zoom_bar};
use crate::pixels::{Extent, Rectangle, covering_window};
use crate::state::{Extension, StartPicture};
use crate::ui::textures::{Drawable, Look, Size};
use crate::ui::theme::{self, palette};
use crate::ui::widgets::IconButton;
use crate::ui::{Cx, icons, words};

/// Where the start picture's pixels lie on the screen.
pub(super) struct Ground {
    /// Size of the picture.
    pub(super) extent: Extent,
    /// The part that is used.
    pub(super) kept: Rectangle,
    /// Points a pixel.
    pub(super) scale: f32,
    /// Where pixel (0, 0) begins.
    origin: Pos2,
    /// The result, in pixels of the picture; the used part when nothing grows.
    frame: Rect,
    /// Pixels of the picture that one pixel of the result covers.
    growth_scale: f32,
}

impl Ground {
    /// A place on the picture, in points.
    pub(super) fn point(&self, at: Pos2) -> Pos2 {
        self.origin + at.to_vec2() * self.scale
    }

    /// The pixels of the picture at a place, in points.
    pub(super) fn pixel(&self, at: Pos2) -> Pos2 {
        ((at - self.origin) / self.scale).to_pos2()
    }

    pub(super) fn to_screen(&self, pixels: Rectangle) -> Rect {
        self.rect(in_points(pixels))
    }

    /// All of the picture.
    pub(super) fn whole_on_screen(&self) -> Rect {
        self.rect(Rect::from_min_size(Pos2::ZERO, points(self.extent)))
    }

    /// Where the picture's pixel (0, 0) begins, in points.
    pub(super) const fn origin(&self) -> Pos2 {
        self.origin
    }

    pub(super) fn frame_on_screen(&self) -> Rect {
        self.rect(self.frame)
    }

    /// Pixels of the picture that one pixel of the result covers.
    pub(super) const fn growth_scale(&self) -> f32 {
        self.growth_scale
    }

    /// A rectangle of pixels, in points.
    pub(super) fn rect(&self, rect: Rect) -> Rect {
        Rect::from_min_max(self.point(rect.min), self.point(rect.max))
    }
}

fn in_points(pixels: Rectangle) -> Rect {
    let at = |x: u32, y: u32| pos2(x as f32, y as f32);
    Rect::from_min_max(at(pixels.x, pixels.y), at(pixels.right(), pixels.bottom()))
}

/// What is used of a picture and what it becomes.
pub(super) struct Framed {
    /// The part that is used.
    kept: Rectangle,
    /// Pixels of the picture that one pixel of the result covers.
    pub(super) growth_scale: f32,
    /// The result, in pixels of the picture.
    pub(super) frame: Rect,
}

impl Framed {
    /// A picture of that size, brought to `source` and grown.
    pub(super) fn new(extent: Extent, source: Extent, growth: Option<&Extension>) -> Self {
        let kept = covering_window(extent, source);
        let growth_scale = kept.width as f32 / source.width.max(1) as f32;
        let mut frame = in_points(kept);
        if let Some(growth) = growth {
            let by = |side: Option<u32>| side.unwrap_or(0) as f32 * growth_scale;
            frame.min -= vec2(by(growth.left), by(growth.top));
            frame.max += vec2(by(growth.right), by(growth.bottom));
        }
        Self { kept, growth_scale, frame }
    }
}

/// The start picture as it is shown.
struct Start {
    image_uuid: Uuid,
    /// Its size in its file.
    extent: Extent,
    /// It may show adult content and nobody asked to see it.
    covered: bool,
}

impl Start {
    /// The best there is of it by now.
    fn drawable(&self, cx: &mut Cx<'_>, path: &Path, size: Size) -> Option<Drawable> {
        let sizes: &[Size] =
            if self.covered { &[Size::Covered] } else { &[size, Size::Whole, Size::Thumbnail] };
        let mut best = None;
        for size in sizes {
            let look = cx.textures.look_in_file(self.image_uuid, path, *size);
            if let (None, Look::Ready(drawable)) = (&best, look) {
                best = Some(drawable);
            }
        }
        best
    }
}

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>, (stage, response): (Rect, &Response)) {
    let Some(image_uuid) = cx.draft.seed_image else { return };
    match cx.world.start_picture(cx.draft).cloned() {
        Some(StartPicture::Here { path, extent }) => {
            let start = Start { image_uuid, extent, covered: cx.covers(image_uuid) };
            let drawable = start.drawable(cx, &path, backdrop::size(ui, cx.view));
            picture_ui(ui, cx, (&start, drawable), (stage, response));
        }
        other => {
            let fault = other.as_ref().and_then(StartPicture::fault);
            let words = fault.map_or("Opening the picture…".to_owned(), |fault| {
                format!("The picture to start from is {fault}")
            });
            response.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, &words));
            let style = (theme::body(), palette(ui).dim);
            let painter = ui.painter();
            painter.text(stage.center(), Align2::CENTER_CENTER, words, style.0, style.1);
            close_bar(ui, cx, (vec2(1.0, 1.0), stage));
        }
    }
}

/// Lays the picture and what it grows by out on the stage.
fn lie(ui: &Ui, cx: &Cx<'_>, extent: Extent, stage: Rect) -> (Ground, Vec2) {
    let defaults = cx.world.defaults(cx.draft);
    let source = cx.draft.start_extent(&defaults, Some(extent));
    let growth = Some(&cx.draft.extension).filter(|_| cx.draft.extends());
    let Framed { kept, growth_scale, frame } = Framed::new(extent, source, growth);
    let all = frame.union(Rect::from_min_size(Pos2::ZERO, points(extent)));
    let on_stage = place(ui, cx.view, all.size(), stage);
    let scale = on_stage.width() / all.width();
    let origin = on_stage.min - all.min.to_vec2() * scale;
    (Ground { extent, kept, scale, origin, frame, growth_scale }, all.size())
}

fn picture_ui(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    (start, drawable): (&Start, Option<Drawable>),
    (stage, response): (Rect, &Response),
) {
    let extent = start.extent;
    let (_, size) = lie(ui, cx, extent, stage);
    let pan = if cx.view.tool.paints() { Pan::Middle } else { Pan::Any };
    mask::wheel(ui, cx, response);
    pan_and_zoom(ui, cx.view, (response, pan), (size, stage));
    let (ground, size) = lie(ui, cx, extent, stage);
    let grows = cx.draft.extends();
    let result = cx.draft.extent(&cx.world.defaults(cx.draft));
    let mut words = if grows {
        format!("{result}, was {extent}")
    } else {
        format!("{extent}, {}", words::start(cx.draft, extent, result))
    };
    if cx.painting.is_waiting() {
        words += "  ·  working on the mask…";
    }
    let blurred = if start.covered { ", blurred" } else { "" };
    let name = format!("Start picture{blurred}. {words}");
    response.widget_info(|| WidgetInfo::labeled(Role::Canvas, true, &name));

    let painter = ui.painter_at(ui.max_rect());
    let whole = ground.whole_on_screen();
    if let Some(drawable) = drawable {
        backdrop::paint(ui, cx, &painter, (&drawable, whole));
    } else {
        painter.rect_filled(whole, 0.0, palette(ui).window);
    }
    // What is cut off is seen, but behind a veil.
    for cut in around(whole, ground.to_screen(ground.kept)) {
        painter.rect_filled(cut, 0.0, palette(ui).veil);
    }
    if grows {
        extension::paint(ui, &ground, &cx.draft.extension, &painter);
    }
    mask::paint(ui, cx, &ground, &painter);
    mask::work(ui, cx, &ground, response);
    handles::ui(ui, cx, &ground, stage);
    if start.covered {
        cover::ui(ui, cx, (start.image_uuid, whole.intersect(stage)), "Show the picture");
    }
    caption(ui, (ground.frame_on_screen().union(whole), stage), &words);
    tools::ui(ui, cx, stage);
    close_bar(ui, cx, (size, stage));
}

/// The parts of `outer` that are not in `inner`; empty ones are left out.
pub(super) fn around(outer: Rect, inner: Rect) -> impl Iterator<Item = Rect> {
    let middle = outer.with_min_y(inner.top()).with_max_y(inner.bottom());
    let parts = [
        outer.with_max_y(inner.top()),
        outer.with_min_y(inner.bottom()),
        middle.with_max_x(inner.left()),
        middle.with_min_x(inner.right()),
    ];
    parts.into_iter().filter(|part| part.width() > 0.01 && part.height() > 0.01)
}

/// A few words on a dark ground, such as a size; `at` is the left upper corner.
pub(super) fn pill(ui: &Ui, painter: &Painter, (at, words): (Pos2, String)) {
    let colours = palette(ui);
    let galley = painter.layout_no_wrap(words, theme::caption(), colours.text);
    let rect = Rect::from_min_size(at, galley.size() + vec2(12.0, 4.0));
    painter.rect_filled(rect, 4, colours.raised);
    painter.galley(rect.min + vec2(6.0, 2.0), galley, colours.text);
}

/// Zoom, and back to the results.
fn close_bar(ui: &mut Ui, cx: &mut Cx<'_>, (size, stage): (Vec2, Rect)) {
    let there = cx.has_results();
    let hint = if there { "Back to the results" } else { "There are no results yet" };
    let close = IconButton::new(icons::PICTURES, "Back to the results").hint(hint).enabled(there);
    if zoom_bar(ui, cx.view, (size, stage), close) {
        cx.view.show_results();
    }
}
