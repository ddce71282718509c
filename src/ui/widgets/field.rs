//! Fields for text: the prompts and the search.

use eframe::egui;
use egui::text::{ByteIndex, CCursor, LayoutJob, LayoutSection, TextFormat};
use egui::{
    Align2, Frame, Galley, Id, Margin, Painter, Pos2, Response, ScrollArea, Stroke, TextEdit, Ui,
    vec2,
};

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
    /// Bytes of the text before which a new part begins; each gets a mark.
    pub borders: &'a [usize],
    /// Whether what is behind the last border is not read.
    pub cut: bool,
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
        let (borders, cut) = (self.borders, self.cut);
        let mut layout = |ui: &Ui, text: &dyn egui::TextBuffer, width: f32| {
            let job = in_parts(ui, text.as_str(), (borders, cut), width);
            ui.fonts_mut(|fonts| fonts.layout_job(job))
        };
        let edit = TextEdit::multiline(text)
            .id(id)
            .layouter(&mut layout)
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
                area.show(ui, |ui| {
                    let shown = edit.show(ui);
                    let painter = ui.painter().with_clip_rect(shown.text_clip_rect);
                    mark_parts(ui, &painter, (&shown.galley, shown.galley_pos), (borders, cut));
                    shown.response.response
                })
                .inner
            })
            .inner
            .accessible_name(self.name)
    }
}

/// Points that a mark between two parts takes.
const MARK: f32 = 7.0;

/// The text laid out with room for a mark before each part.
fn in_parts(ui: &Ui, text: &str, (borders, cut): (&[usize], bool), width: f32) -> LayoutJob {
    let colours = palette(ui);
    let mut job = LayoutJob { text: text.to_owned(), ..LayoutJob::default() };
    job.wrap.max_width = width;
    let mut start = 0;
    let ends = borders.iter().copied().chain([text.len()]);
    for (part, end) in ends.enumerate() {
        let read = !cut || part < borders.len();
        let ink = if read { colours.text } else { colours.faint };
        let mut format = TextFormat::simple(theme::body(), ink);
        format.line_height = Some(ui.fonts_mut(|fonts| fonts.row_height(&theme::body())) + 2.0);
        let end = end.clamp(start, text.len());
        job.sections.push(LayoutSection {
            leading_space: if part == 0 { 0.0 } else { MARK },
            byte_range: ByteIndex(start)..ByteIndex(end),
            format,
        });
        start = end;
    }
    job
}

/// Draws the marks: faint where a part begins, in the colour of caution where reading ends.
fn mark_parts(
    ui: &Ui,
    painter: &Painter,
    (galley, at): (&Galley, Pos2),
    (borders, cut): (&[usize], bool),
) {
    let colours = palette(ui);
    for (place, &border) in borders.iter().enumerate() {
        let before = galley.text().get(..border).map_or(0, |text| text.chars().count());
        let sign = galley.pos_from_cursor(CCursor::new(before));
        // Where a row begins with the part, the mark is left of the part's own first sign.
        let last = cut && place + 1 == borders.len();
        let colour = if last { colours.caution } else { colours.faint };
        let x = at.x + sign.left() - MARK / 2.0;
        let span = at.y + sign.top() + 1.0..=at.y + sign.bottom() - 1.0;
        painter.vline(x, span, Stroke::new(1.5, colour));
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
