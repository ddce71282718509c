//! Buttons: icons, words, chips and the one big button.

use eframe::egui;
use egui::{Align2, Color32, Response, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2};

use super::{elided, paint_elided, tip};
use crate::ui::theme::{self, palette, space};

/// An icon that acts.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct IconButton<'a> {
    icon: char,
    name: &'a str,
    hint: &'a str,
    framed: bool,
    active: bool,
    enabled: bool,
    size: f32,
}

impl<'a> IconButton<'a> {
    /// `name` is read aloud and, without a hint of its own, shown on hover.
    pub const fn new(icon: char, name: &'a str) -> Self {
        Self {
            icon,
            name,
            hint: name,
            framed: false,
            active: false,
            enabled: true,
            size: space::ROW,
        }
    }

    /// Shown on hover instead of the name.
    pub const fn hint(self, hint: &'a str) -> Self {
        Self { hint, ..self }
    }

    /// With a frame like a field's.
    pub const fn framed(self) -> Self {
        Self { framed: true, ..self }
    }

    /// Drawn in the accent: what it stands for is on.
    pub const fn active(self, active: bool) -> Self {
        Self { active, ..self }
    }

    /// Faint and deaf when not.
    pub const fn enabled(self, enabled: bool) -> Self {
        Self { enabled, ..self }
    }

    /// Points a side.
    pub const fn size(self, size: f32) -> Self {
        Self { size, ..self }
    }

    /// Draws it; where the `ui` is disabled it is faint and the hint is shown all the same.
    pub fn show(self, ui: &mut Ui) -> Response {
        ui.add_enabled_ui(self.enabled, |ui| self.draw(ui)).inner
    }

    fn draw(self, ui: &mut Ui) -> Response {
        let colours = palette(ui);
        let enabled = ui.is_enabled();
        let (rect, response) = ui.allocate_exact_size(vec2(self.size, self.size), Sense::click());
        response.widget_info(|| WidgetInfo::labeled(Role::Button, enabled, self.name));
        let hot = enabled && response.hovered();
        if self.framed {
            let line =
                Stroke::new(theme::LINE, if hot { colours.line_hover } else { colours.line });
            ui.painter().rect(rect, theme::RADIUS, colours.field, line, StrokeKind::Inside);
        } else if hot {
            ui.painter().rect_filled(rect, theme::RADIUS, colours.raised_hover);
        }
        let colour = match (self.active && enabled, hot) {
            (true, _) => colours.accent,
            (false, true) => colours.text,
            (false, false) => colours.dim,
        };
        let icon_size = if self.size < space::ROW { 16.0 } else { 18.0 };
        ui.painter().text(
            rect.center(),
            Align2::CENTER_CENTER,
            self.icon,
            theme::icon(icon_size),
            colour,
        );
        focus_ring(ui, &response);
        tip(ui, response, self.hint)
    }
}

/// A button of words.
pub fn text_button(ui: &mut Ui, words: &str) -> Response {
    let colours = palette(ui);
    let enabled = ui.is_enabled();
    let galley = ui.painter().layout_no_wrap(words.to_owned(), theme::body(), Color32::PLACEHOLDER);
    let (rect, response) =
        ui.allocate_exact_size(vec2(galley.size().x + 20.0, space::ROW), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, enabled, words));
    let fill = if enabled && response.hovered() { colours.raised_hover } else { colours.raised };
    let line = Stroke::new(theme::LINE, colours.line);
    ui.painter().rect(rect, theme::RADIUS, fill, line, StrokeKind::Inside);
    let colour = if enabled { colours.text } else { colours.faint };
    ui.painter().galley(rect.center() - galley.size() / 2.0, galley, colour);
    focus_ring(ui, &response);
    response
}

/// A button of an icon and words that turns something on and off.
pub fn toggle_button(ui: &mut Ui, (icon, words): (char, &str), name: &str, on: bool) -> Response {
    const ICON: f32 = 18.0;
    let colours = palette(ui);
    let enabled = ui.is_enabled();
    let galley = ui.painter().layout_no_wrap(words.to_owned(), theme::body(), Color32::PLACEHOLDER);
    let width = 8.0 + ICON + 6.0 + galley.size().x + 10.0;
    let (rect, response) = ui.allocate_exact_size(vec2(width, space::ROW), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::Button, enabled, on, name));
    let fill = if enabled && response.hovered() { colours.raised_hover } else { colours.raised };
    let line = Stroke::new(theme::LINE, if on { colours.accent } else { colours.line });
    ui.painter().rect(rect, theme::RADIUS, fill, line, StrokeKind::Inside);
    let ink = if enabled { colours.text } else { colours.faint };
    let sign = if on { colours.accent } else { ink };
    let at = rect.left_center() + vec2(8.0 + ICON / 2.0, 0.0);
    ui.painter().text(at, Align2::CENTER_CENTER, icon, theme::icon(ICON), sign);
    let at = rect.left_center() + vec2(8.0 + ICON + 6.0, -galley.size().y / 2.0);
    ui.painter().galley(at, galley, ink);
    focus_ring(ui, &response);
    response
}

/// A sentence that can be taken over by a click.
pub fn chip(ui: &mut Ui, words: &str, name: &str) -> Response {
    let colours = palette(ui);
    let galley =
        elided(ui, words, theme::body(), Color32::PLACEHOLDER, ui.available_width() - 24.0);
    let (rect, response) =
        ui.allocate_exact_size(vec2(galley.size().x + 24.0, space::ROW), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, ui.is_enabled(), name));
    let hot = response.hovered();
    let line = Stroke::new(theme::LINE, if hot { colours.line_hover } else { colours.line });
    let fill = if hot { colours.raised_hover } else { colours.panel };
    ui.painter().rect(rect, space::ROW / 2.0, fill, line, StrokeKind::Inside);
    let colour = if hot { colours.text } else { colours.dim };
    ui.painter().galley(rect.center() - galley.size() / 2.0, galley, colour);
    if response.has_focus() {
        let ring = Stroke::new(theme::RING, colours.accent);
        ui.painter().rect_stroke(rect, space::ROW / 2.0, ring, StrokeKind::Inside);
    }
    response
}

/// The one button in the accent; quiet while it cannot be pressed. Returns whether it was.
pub fn generate_button(ui: &mut Ui, words: &str, refusal: Option<&str>) -> bool {
    let colours = palette(ui);
    let enabled = refusal.is_none();
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 38.0), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, enabled, words));
    let (fill, ink) = match (enabled, response.hovered()) {
        (false, _) => (colours.raised, colours.faint),
        (true, true) => (colours.accent_hover, colours.on_accent),
        (true, false) => (colours.accent, colours.on_accent),
    };
    let rect = if enabled && response.is_pointer_button_down_on() {
        rect.translate(vec2(0.0, 1.0))
    } else {
        rect
    };
    ui.painter().rect_filled(rect, theme::RADIUS, fill);
    if !enabled {
        let line = Stroke::new(theme::LINE, colours.line);
        ui.painter().rect_stroke(rect, theme::RADIUS, line, StrokeKind::Inside);
    }
    let style = (theme::button(), ink);
    paint_elided(ui, (rect.center(), Align2::CENTER_CENTER), words, style, rect.width() - 16.0);
    if response.has_focus() {
        let ring = Stroke::new(theme::RING, colours.text);
        ui.painter().rect_stroke(rect.shrink(1.0), theme::RADIUS - 1, ring, StrokeKind::Inside);
    }
    let pressed = enabled && response.clicked();
    if let Some(refusal) = refusal {
        tip(ui, response, refusal);
    }
    pressed
}

fn focus_ring(ui: &Ui, response: &Response) {
    if response.has_focus() {
        let ring = Stroke::new(theme::RING, palette(ui).accent);
        ui.painter().rect_stroke(response.rect, theme::RADIUS, ring, StrokeKind::Inside);
    }
}
