//! The mask over the start picture: its tint, and the tools that change it.

use eframe::egui;
use egui::{
    CursorIcon, Event, Modifiers, Painter, PointerButton, Pos2, Response, Shape, Stroke, Ui, Vec2,
    vec2,
};

use super::start::Ground;
use crate::pixels::{Extent, Ink, PaintedMask, Rectangle, ellipse};
use crate::state::{Action, MaskAction, MaskChange, Painting, Tool};
use crate::ui::Cx;
use crate::ui::theme::{self, palette};

/// A brush smaller than this many points on the screen is shown as a cross.
const LEAST_RING: f32 = 3.0;

/// Draws the mask as it is, and the shape that is being drawn.
pub(super) fn paint(ui: &Ui, cx: &Cx<'_>, ground: &Ground, painter: &Painter) {
    let colours = palette(ui);
    let tint = colours.mask_line.gamma_multiply(cx.view.tools.tint);
    if cx.draft.mask.is_there() || cx.painting.mask().is_some_and(PaintedMask::is_drawing) {
        cx.textures.mask.paint(painter, ground.whole_on_screen(), tint);
    }
    let corners = shape(cx.view.tool, &cx.painting.outline);
    if corners.len() > 1 {
        let scale = mask_scale(ground.extent);
        let points: Vec<Pos2> =
            corners.iter().map(|[x, y]| ground.point((vec2(*x, *y) / scale).to_pos2())).collect();
        let line = |colour| Stroke::new(theme::LINE, colour);
        painter.add(Shape::closed_line(points.clone(), Stroke::new(3.0, colours.veil)));
        painter.add(Shape::closed_line(points.clone(), line(colours.mask_line)));
        if cx.view.tool != Tool::Lasso {
            size_beside(ui, (&points, &corners), painter);
        }
    }
}

/// Pixels of the mask a pixel of the picture: less than one for very large pictures.
fn mask_scale(start: Extent) -> Vec2 {
    let mask = Painting::extent_over(start);
    let share = |mask: u32, start: u32| mask as f32 / start.max(1) as f32;
    vec2(share(mask.width, start.width), share(mask.height, start.height))
}

/// Lets the chosen tool work; returns whether it has the pointer.
pub(super) fn work(ui: &Ui, cx: &mut Cx<'_>, ground: &Ground, response: &Response) {
    let tool = cx.view.tool;
    if !tool.paints() || ui.input(|input| input.key_down(egui::Key::Space)) {
        // The picture is moved meanwhile.
        return cx.painting.end();
    }
    if cx.painting.is_waiting() {
        if response.hovered() {
            ui.set_cursor_icon(CursorIcon::Progress);
        }
        return cx.painting.end();
    }
    let hand = Hand::read(ui, ground, response);
    match tool {
        Tool::Hand => {}
        Tool::Brush => stroke(cx, &hand, Ink::Add),
        Tool::Eraser => stroke(cx, &hand, Ink::Remove),
        Tool::Lasso | Tool::Rectangle | Tool::Ellipse => outline(cx, &hand),
        Tool::Fill | Tool::Colour => choose(cx, &hand),
    }
    if response.hovered() {
        cursor(ui, cx, ground, response);
    }
}

/// What became of the primary button, in pixels of the mask.
#[derive(Clone, Copy)]
enum Touch {
    /// It went down over the picture's ground.
    Press([f32; 2]),
    /// The pointer moved, whether it is down or not.
    Move([f32; 2]),
    /// It is up.
    Release,
}

/// What the pointer did in this frame.
struct Hand {
    extent: Extent,
    /// In order: each event, not each frame, so that fast strokes stay round.
    touches: Vec<Touch>,
    modifiers: Modifiers,
}

impl Hand {
    fn read(ui: &Ui, ground: &Ground, response: &Response) -> Self {
        let scale = mask_scale(ground.extent);
        let at = |point: Pos2| -> [f32; 2] { (ground.pixel(point).to_vec2() * scale).into() };
        // One that went down and up within a frame is not down any more.
        let mine = response.is_pointer_button_down_on() || response.clicked() || response.hovered();
        ui.input(|input| {
            let touch = |event: &Event| match event {
                Event::PointerButton { pos, button: PointerButton::Primary, pressed, .. } => {
                    let press = mine.then(|| Touch::Press(at(*pos)));
                    if *pressed { press } else { Some(Touch::Release) }
                }
                Event::PointerMoved(pos) => Some(Touch::Move(at(*pos))),
                _ => None,
            };
            let mut touches: Vec<Touch> = input.events.iter().filter_map(touch).collect();
            // The window may lose the pointer without a word about its buttons.
            if !input.pointer.button_down(PointerButton::Primary) {
                touches.push(Touch::Release);
            }
            Self { extent: ground.extent, touches, modifiers: input.modifiers }
        })
    }

    /// The ink of a tool, the other one while Alt is held.
    const fn ink(&self, ink: Ink) -> Ink {
        if self.modifiers.alt { ink.opposite() } else { ink }
    }
}

fn stroke(cx: &mut Cx<'_>, hand: &Hand, ink: Ink) {
    let scale = mask_scale(hand.extent).x;
    let mut brush = cx.view.tools.brush;
    brush.size *= scale;
    let mut last = cx.painting.last;
    let Some(mask) = cx.painting.hand_out(Some(hand.extent)) else { return };
    for touch in &hand.touches {
        match *touch {
            Touch::Press(at) => {
                // With Shift a straight line from where the last stroke ended.
                let from = last.filter(|_| hand.modifiers.shift).unwrap_or(at);
                mask.begin(brush, hand.ink(ink), from);
                mask.stroke_to(at);
                last = Some(at);
            }
            Touch::Move(at) if mask.is_drawing() => {
                mask.stroke_to(at);
                last = Some(at);
            }
            Touch::Move(_) => {}
            Touch::Release => mask.end_stroke(),
        }
    }
    cx.painting.last = last;
}

fn outline(cx: &mut Cx<'_>, hand: &Hand) {
    for touch in &hand.touches {
        match *touch {
            Touch::Press(at) => cx.painting.outline = vec![at],
            Touch::Move(to) => {
                let even = hand.modifiers.shift;
                draw_on(cx.view.tool, &mut cx.painting.outline, (to, even));
            }
            Touch::Release => {
                let corners = shape(cx.view.tool, &std::mem::take(&mut cx.painting.outline));
                let ink = hand.ink(Ink::Add);
                if corners.len() > 1
                    && let Some(mask) = cx.painting.hand_out(Some(hand.extent))
                {
                    mask.fill_shape(&corners, ink);
                }
            }
        }
    }
}

/// Draws the shape on to `to`; nothing while none is begun.
fn draw_on(tool: Tool, outline: &mut Vec<[f32; 2]>, (to, even_sides): ([f32; 2], bool)) {
    /// Corners nearer than this to the one before say nothing, in pixels of the mask.
    const NEAR: f32 = 0.5;
    let (Some(&from), Some(&last)) = (outline.first(), outline.last()) else { return };
    if tool == Tool::Lasso {
        if (Vec2::from(to) - Vec2::from(last)).length() >= NEAR {
            outline.push(to);
        }
    } else {
        *outline = vec![from, if even_sides { even(from, to) } else { to }];
    }
}

/// `to` so that both sides are equally long.
fn even(from: [f32; 2], to: [f32; 2]) -> [f32; 2] {
    let [x, y] = [to[0] - from[0], to[1] - from[1]];
    let side = x.abs().max(y.abs());
    [from[0] + side.copysign(x), from[1] + side.copysign(y)]
}

/// The corners of what is being drawn. Rectangles have whole pixels.
fn shape(tool: Tool, outline: &[[f32; 2]]) -> Vec<[f32; 2]> {
    match (tool, outline) {
        (Tool::Rectangle, &[from, to]) => {
            let ([left, top], [right, bottom]) = (from.map(f32::round), to.map(f32::round));
            vec![[left, top], [right, top], [right, bottom], [left, bottom]]
        }
        (Tool::Ellipse, &[from, to]) => ellipse(from, to),
        (Tool::Lasso, points) => points.to_vec(),
        _ => Vec::new(),
    }
}

fn choose(cx: &mut Cx<'_>, hand: &Hand) {
    let pressed = hand.touches.iter().find_map(|touch| match touch {
        Touch::Press(at) => Some(*at),
        Touch::Move(_) | Touch::Release => None,
    });
    let Some([x, y]) = pressed else { return };
    let extent = Painting::extent_over(hand.extent);
    let inside = |at: f32, most: u32| (at >= 0.0 && at < most as f32).then_some(at as u32);
    let (Some(x), Some(y)) = (inside(x, extent.width), inside(y, extent.height)) else { return };
    let change = match cx.view.tool {
        Tool::Colour => MaskChange::Colour {
            x,
            y,
            tolerance: cx.view.tools.tolerance,
            everywhere: hand.modifiers.shift,
            ink: hand.ink(Ink::Add),
        },
        _ => MaskChange::FillAt { x, y },
    };
    cx.actions.push(Action::Mask(MaskAction::Change(change)));
}

/// The brush at the pointer, as large as it paints.
fn cursor(ui: &Ui, cx: &Cx<'_>, ground: &Ground, response: &Response) {
    let Some(at) = response.hover_pos() else { return };
    let radius = cx.view.tools.brush.size / 2.0 * ground.scale;
    if !matches!(cx.view.tool, Tool::Brush | Tool::Eraser) || radius < LEAST_RING {
        ui.set_cursor_icon(CursorIcon::Crosshair);
        return;
    }
    ui.set_cursor_icon(CursorIcon::None);
    let painter = ui.painter_at(ui.max_rect());
    painter.circle_stroke(at, radius, Stroke::new(3.0, palette(ui).veil));
    painter.circle_stroke(at, radius, Stroke::new(1.5, theme::UNTINTED));
    painter.circle_filled(at, 1.0, theme::UNTINTED);
}

/// The size of what is being drawn, at its lower right corner.
fn size_beside(ui: &Ui, (points, corners): (&[Pos2], &[[f32; 2]]), painter: &Painter) {
    let side = |axis: usize| {
        let values = || corners.iter().filter_map(|corner| corner.get(axis).copied());
        let (least, most) = (values().fold(f32::MAX, f32::min), values().fold(f32::MIN, f32::max));
        (most - least).round().max(0.0) as u32
    };
    let corner = points.iter().fold(Pos2::ZERO, |corner, point| corner.max(*point));
    let words = Rectangle::new(0, 0, side(0), side(1));
    let words = Extent::new(words.width, words.height).to_string();
    super::start::pill(ui, painter, (corner + vec2(4.0, 4.0), words));
}

/// Ctrl and the wheel change the brush's size while one is in hand.
pub(super) fn wheel(ui: &Ui, cx: &mut Cx<'_>, response: &Response) {
    let factor = ui.input(egui::InputState::zoom_delta);
    let brush = matches!(cx.view.tool, Tool::Brush | Tool::Eraser);
    if brush && response.hovered() && (factor - 1.0).abs() > 1e-4 {
        cx.view.tools.brush.size *= factor;
        cx.view.tools.brush = cx.view.tools.brush.within_range();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_have_the_corners_that_were_drawn() {
        let outline = [[10.2, 19.9], [40.4, 30.0]];
        let corners = vec![[10.0, 20.0], [40.0, 20.0], [40.0, 30.0], [10.0, 30.0]];
        assert_eq!(shape(Tool::Rectangle, &outline), corners);
        assert_eq!(shape(Tool::Lasso, &outline), outline);
        assert!(shape(Tool::Ellipse, &outline).len() >= 32);
        assert!(shape(Tool::Rectangle, &outline[..1]).is_empty());
    }

    #[test]
    fn a_lasso_takes_only_corners_that_say_something() {
        let mut outline = vec![[1.0, 1.0]];
        for to in [[1.1, 1.1], [1.3, 1.3], [1.4, 1.4], [9.0, 1.0]] {
            draw_on(Tool::Lasso, &mut outline, (to, false));
        }
        assert_eq!(outline, [[1.0, 1.0], [1.4, 1.4], [9.0, 1.0]]);
        draw_on(Tool::Ellipse, &mut outline, ([4.0, 2.0], true));
        assert_eq!(outline, [[1.0, 1.0], [4.0, 4.0]]);
        let mut none = Vec::new();
        draw_on(Tool::Lasso, &mut none, ([1.0, 1.0], false));
        assert!(none.is_empty(), "nothing was begun");
    }

    #[test]
    fn even_sides_keep_the_direction_of_the_drag() {
        let even = |to| Vec2::from(even([10.0, 10.0], to));
        assert_eq!(even([4.0, 13.0]), vec2(4.0, 16.0));
        assert_eq!(even([30.0, 5.0]), vec2(30.0, -10.0));
    }

    #[test]
    fn pixels_of_the_mask_are_the_pictures_up_to_a_size() {
        assert_eq!(mask_scale(Extent::new(640, 480)), vec2(1.0, 1.0));
        assert_eq!(mask_scale(Extent::new(8192, 4096)), vec2(0.5, 0.5));
        assert_eq!(mask_scale(Extent::new(0, 0)), vec2(0.0, 0.0));
    }
}
