//! Fields for text: the prompts and the search.

use eframe::egui;
use egui::{Align2, Frame, Id, Margin, Response, ScrollArea, Stroke, TextEdit, Ui, vec2};

use crate::ui::icons;
use crate::ui::theme::{self, palette, space};

/// Height in points from which a field scrolls instead of growing.
const MOST: f32 = 160.0;

/// A field of several lines that grows with its text, up to a point.
#[derive(Debug)]
#[must_use]
pub struct TextField<'a> {
    /// Read aloud.
    pub name: &'a str,
    /// Shown while there is no text.
    pub hint: &'a str,
    /// Lines at least.
    pub rows: usize,
    /// Whether the text cannot be used.
    pub wrong: bool,
}

impl TextField<'_> {
    /// The field's identity, for giving it the keyboard.
    #[must_use]
    pub fn id(name: &str) -> Id {
        Id::unique(("text field", name))
    }

    /// Draws it over the whole width.
    pub fn show(self, ui: &mut Ui, text: &mut String) -> Response {
        let id = Self::id(self.name);
        let edit = TextEdit::multiline(text)
            .id(id)
            .frame(Frame::NONE)
            .font(theme::body())
            .desired_rows(self.rows)
            .desired_width(f32::INFINITY)
            .hint_text(self.hint);
        frame(ui, id, self.wrong)
            .show(ui, |ui| {
                ui.spacing_mut().extra_text_line_spacing = 2.0;
                ui.spacing_mut().interact_size.y = 0.0;
                let area = ScrollArea::vertical()
                    .id_salt(self.name)
                    .max_height(MOST)
                    .auto_shrink([false, true]);
                area.show(ui, |ui| ui.add(edit)).inner
            })
            .inner
            .accessible_name(self.name)
    }
}

/// A field of one line with a magnifying glass.
pub fn search_field(ui: &mut Ui, text: &mut String, name: &str, hint: &str) -> Response {
    let id = TextField::id(name);
    let frame = Frame {
        inner_margin: Margin { left: 30, right: 30, top: 5, bottom: 5 },
        ..frame(ui, id, false)
    };
    let edit = TextEdit::singleline(text)
        .id(id)
        .frame(frame)
        .font(theme::body())
        .min_size(vec2(0.0, space::ROW))
        .desired_width(f32::INFINITY)
        .hint_text(hint);
    let response = ui.add(edit).accessible_name(name);
    let glass = response.rect.left_center() + vec2(16.0, 0.0);
    ui.painter().text(
        glass,
        Align2::CENTER_CENTER,
        icons::SEARCH,
        theme::icon(18.0),
        palette(ui).dim,
    );
    response
}

fn frame(ui: &Ui, id: Id, wrong: bool) -> Frame {
    let colours = palette(ui);
    let line = match (wrong, ui.memory(|memory| memory.has_focus(id))) {
        (true, _) => colours.error,
        (false, true) => colours.accent,
        (false, false) => colours.line,
    };
    Frame::new()
        .fill(colours.field)
        .stroke(Stroke::new(theme::LINE, line))
        .corner_radius(theme::RADIUS)
        .inner_margin(Margin { left: 9, right: 9, top: 7, bottom: 7 })
}
