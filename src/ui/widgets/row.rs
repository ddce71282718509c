//! The grid of the form: label left, control right, one edge for the eye to run down.

use eframe::egui;
use egui::{
    Align, Align2, Color32, Layout, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, UiBuilder,
    WidgetInfo, vec2,
};

use super::{paint_elided, tip};
use crate::ui::theme::{self, palette, space};

/// A title with room for a caption on its right: the place for a remark or a problem.
pub fn section_title(ui: &mut Ui, title: &str, caption: &str, problem: Option<&str>) {
    let colours = palette(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 20.0), Sense::hover());
    let taken = ui
        .painter()
        .text(rect.left_center(), Align2::LEFT_CENTER, title, theme::title(), colours.dim)
        .width();
    let (text, colour) =
        problem.map_or((caption, colours.faint), |problem| (problem, colours.error));
    let style = (theme::caption(), colour);
    let width = rect.width() - taken - space::GAP;
    let drawn = paint_elided(ui, (rect.right_center(), Align2::RIGHT_CENTER), text, style, width);
    if problem.is_none() && !caption.is_empty() {
        let response = ui.interact(drawn, response.id.with("caption"), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, caption));
    }
    if let Some(problem) = problem {
        let response = ui.interact(drawn, response.id.with("problem"), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, problem));
        tip(ui, response, problem);
    }
}

/// A title with what `add` puts at its right edge, from right to left; a problem takes the room between.
pub fn section_head(ui: &mut Ui, title: &str, problem: Option<&str>, add: impl FnOnce(&mut Ui)) {
    let colours = palette(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 22.0), Sense::hover());
    let at = (rect.left_center(), Align2::LEFT_CENTER);
    let style = (theme::title(), colours.dim);
    let taken = paint_elided(ui, at, title, style, rect.width()).width();
    response.widget_info(|| WidgetInfo::labeled(Role::Heading, true, title));
    let layout = Layout::right_to_left(Align::Center);
    let builder = UiBuilder::new().id_salt((title, "head")).max_rect(rect).layout(layout);
    let mut right = ui.new_child(builder);
    right.spacing_mut().item_spacing.x = 2.0;
    add(&mut right);
    let Some(problem) = problem else { return };
    let width = rect.width() - right.min_rect().width() - taken - 2.0 * space::GAP;
    let at = rect.right_center() - vec2(right.min_rect().width() + space::GAP, 0.0);
    let style = (theme::caption(), colours.error);
    let drawn = paint_elided(ui, (at, Align2::RIGHT_CENTER), problem, style, width);
    let response = ui.interact(drawn, response.id.with("problem"), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, problem));
    tip(ui, response, problem);
}

/// The label of a row.
#[derive(Clone, Copy, Debug)]
pub struct RowLabel<'a> {
    /// What the row is about; names controls that have no name of their own.
    pub text: &'a str,
    /// Shown on hover.
    pub help: &'a str,
    /// Set when the user changed the value: what a click on the label goes back to.
    pub default: Option<&'a str>,
    /// What the row belongs to, where several are called the same; else empty.
    pub of: &'a str,
}

impl RowLabel<'_> {
    /// What the row is called for those who do not see where it stands: `Weight of Ink outline`.
    #[must_use]
    pub fn name(&self) -> String {
        match self.of {
            "" => self.text.to_owned(),
            of => format!("{} of {of}", self.text),
        }
    }
}

/// A row of the form: the label, then what `add` puts into the rest. The flag says that the label
/// was clicked to go back to the default.
pub fn control_row<R>(
    ui: &mut Ui,
    label: RowLabel<'_>,
    add: impl FnOnce(&mut Ui) -> R,
) -> (R, bool) {
    let (back, control) = row(ui, label, space::ROW);
    let layout = Layout::left_to_right(Align::Center);
    let builder = UiBuilder::new().id_salt(label.text).max_rect(control).layout(layout);
    let inner = ui.scope_builder(builder, |ui| ui.name_inputs(label.name(), add)).inner;
    (inner, back)
}

/// A row `height` points high: the label on the level of a control at its top. Returns where the
/// rest goes.
pub fn tall_row(ui: &mut Ui, label: RowLabel<'_>, height: f32) -> Rect {
    row(ui, label, height).1
}

fn row(ui: &mut Ui, label: RowLabel<'_>, height: f32) -> (bool, Rect) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
    let place = Rect::from_min_size(rect.min, vec2(space::LABEL - space::GAP, space::ROW));
    let back = row_label(ui, label, place);
    (back, Rect::from_min_max(rect.min + vec2(space::LABEL, 0.0), rect.max))
}

fn row_label(ui: &Ui, label: RowLabel<'_>, rect: Rect) -> bool {
    let colours = palette(ui);
    let sense = if label.default.is_some() { Sense::click() } else { Sense::hover() };
    let response = ui.interact(rect, ui.scope_id().with((label.text, "label")), sense);
    let colour = if label.default.is_some() { colours.text } else { colours.dim };
    let at = (rect.left_center(), Align2::LEFT_CENTER);
    let drawn = paint_elided(ui, at, label.text, (theme::body(), colour), rect.width());
    let Some(default) = label.default else {
        tip(ui, response, label.help);
        return false;
    };
    let name = format!("{}: back to {default}", label.name());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &name));
    if response.hovered() || response.has_focus() {
        let line = Stroke::new(theme::LINE, colours.accent);
        ui.painter().hline(drawn.x_range(), drawn.bottom(), line);
    }
    let back = response.clicked();
    tip(ui, response, &format!("{}\nClick to go back to {default}.", label.help));
    back
}

/// A line of caption below a control, on its left edge.
pub fn remark(ui: &mut Ui, says: &str, colour: Color32) -> Response {
    let (rect, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), space::CAPTION), Sense::hover());
    let at = (rect.left_center() + vec2(space::LABEL, 0.0), Align2::LEFT_CENTER);
    paint_elided(ui, at, says, (theme::caption(), colour), rect.width() - space::LABEL);
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, says));
    response
}

/// A red line around a control whose value cannot be used.
pub fn error_outline(ui: &Ui, rect: Rect) {
    let stroke = Stroke::new(theme::LINE, palette(ui).error);
    ui.painter().rect_stroke(rect, theme::RADIUS, stroke, StrokeKind::Inside);
}

/// Draws `add` into `rect` without moving what comes after.
pub fn inside<R>(
    ui: &mut Ui,
    (salt, rect): (impl std::hash::Hash + std::fmt::Debug, Rect),
    add: impl FnOnce(&mut Ui) -> R,
) -> R {
    let layout = Layout::top_down(Align::Min);
    let mut child = ui.new_child(UiBuilder::new().id_salt(salt).max_rect(rect).layout(layout));
    add(&mut child)
}
