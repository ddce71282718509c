//! Fields for text: the prompts and the search.

use std::ops::Range;

use eframe::egui;
use egui::text::{ByteIndex, CCursor, CCursorRange, LayoutJob, LayoutSection, TextFormat};
use egui::text_edit::TextEditState;
use egui::{
    Align2, Color32, CompletionPopup, Context, Frame, Galley, Id, Margin, Painter, Pos2, RectAlign,
    Response, ScrollArea, Stroke, Suggestion, TextEdit, Ui, vec2,
};

use crate::ui::icons;
use crate::ui::theme::{self, palette, space};

/// Height in points from which a field scrolls instead of growing.
const MOST: f32 = 160.0;

/// How a part of a text is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Ink {
    /// Bytes of the text; parts may lie in one another, the later one wins.
    pub range: Range<usize>,
    /// The colour of its signs.
    pub colour: Color32,
    /// Whether a tint of that colour lies behind it.
    pub tinted: bool,
    /// Whether it is underlined.
    pub underlined: bool,
}

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

/// What became of a field.
#[derive(Debug)]
pub struct FieldShown {
    /// The field.
    pub response: Response,
    /// What was chosen of what the field offered.
    pub accepted: Option<String>,
    /// What is selected, in bytes; the cursor's place where nothing is.
    pub selected: Option<Range<usize>>,
}

impl TextField<'_> {
    /// The field's identity, for giving it the keyboard.
    #[must_use]
    pub fn id(name: &str) -> Id {
        Id::unique(("text field", name))
    }

    /// Selects that part of the text of the field of that name; bytes.
    pub fn select(ctx: &Context, name: &str, text: &str, part: &Range<usize>) {
        let id = Self::id(name);
        let signs = |bytes: usize| text.get(..bytes).map_or(0, |text| text.chars().count());
        let mut state = TextEditState::load(ctx, id).unwrap_or_default();
        let (start, end) = (CCursor::new(signs(part.start)), CCursor::new(signs(part.end)));
        state.cursor.set_char_range(Some(CCursorRange::two(start, end)));
        state.store(ctx, id);
    }

    /// Draws it over the whole width. `inks` says how parts of a text are drawn, `offer` what may stand for the
    /// word before the cursor.
    pub fn show(
        self,
        ui: &mut Ui,
        text: &mut String,
        inks: &dyn Fn(&str) -> Vec<Ink>,
        offer: &dyn Fn(&str) -> Vec<Suggestion>,
    ) -> FieldShown {
        let id = Self::id(self.name);
        let (borders, cut) = (self.borders, self.cut);
        let mut layout = |ui: &Ui, text: &dyn egui::TextBuffer, width: f32| {
            let job = in_parts(ui, (text.as_str(), &inks(text.as_str())), (borders, cut), width);
            ui.fonts_mut(|fonts| fonts.layout_job(job))
        };
        let edit = TextEdit::multiline(text)
            .layouter(&mut layout)
            .frame(Frame::NONE)
            .font(theme::body())
            .desired_rows(self.rows)
            .desired_width(f32::INFINITY)
            .hint_text(self.hint);
        let popup = CompletionPopup::new(id)
            .word_boundary(|sign| sign.is_whitespace() || ",()[]:".contains(sign))
            .align(RectAlign::BOTTOM_START);
        let output = frame(ui, id, self.wrong)
            .show(ui, |ui| {
                ui.spacing_mut().extra_text_line_spacing = 2.0;
                ui.spacing_mut().interact_size.y = 0.0;
                let area = ScrollArea::vertical()
                    .id_salt(self.name)
                    .max_height(MOST)
                    .auto_shrink([false, true]);
                area.show(ui, |ui| {
                    let shown = popup.show(ui, edit, |query| offer(query.word));
                    let edit = &shown.text_edit;
                    let painter = ui.painter().with_clip_rect(edit.text_clip_rect);
                    mark_parts(ui, &painter, (&edit.galley, edit.galley_pos), (borders, cut));
                    shown
                })
                .inner
            })
            .inner;
        let bytes = |place: CCursor| -> usize {
            text.char_indices().nth(place.index.0).map_or(text.len(), |(at, _)| at)
        };
        let selected = output.text_edit.cursor_range.map(|range| {
            let [start, end] = range.sorted_cursors();
            bytes(start)..bytes(end)
        });
        FieldShown {
            response: output.text_edit.response.response.accessible_name(self.name),
            accepted: output.accepted.map(|chosen| chosen.insert),
            selected,
        }
    }
}

/// Points that a mark between two parts takes.
const MARK: f32 = 7.0;
/// How much of a colour lies behind what is tinted.
const TINT: f32 = 0.16;

/// The text laid out with room for a mark before each part.
fn in_parts(
    ui: &Ui,
    (text, inks): (&str, &[Ink]),
    (borders, cut): (&[usize], bool),
    width: f32,
) -> LayoutJob {
    let colours = palette(ui);
    let mut job = LayoutJob { text: text.to_owned(), ..LayoutJob::default() };
    job.wrap.max_width = width;
    let mut ends: Vec<usize> = borders.iter().copied().chain([text.len()]).collect();
    ends.extend(inks.iter().flat_map(|ink| [ink.range.start, ink.range.end]));
    ends.retain(|&end| end <= text.len() && text.is_char_boundary(end));
    ends.sort_unstable();
    ends.dedup();
    let line_height = ui.fonts_mut(|fonts| fonts.row_height(&theme::body())) + 2.0;
    let last_border = borders.last().copied().filter(|_| cut);
    let mut start = 0;
    for end in ends {
        if end == start && end < text.len() {
            continue;
        }
        let ink = inks.iter().rfind(|ink| ink.range.start <= start && end <= ink.range.end);
        let read = last_border.is_none_or(|border| start < border);
        let colour = match ink {
            _ if !read => colours.faint,
            Some(ink) => ink.colour,
            None => colours.text,
        };
        let mut format = TextFormat::simple(theme::body(), colour);
        format.line_height = Some(line_height);
        if let Some(ink) = ink {
            if ink.tinted {
                format.background = colour.gamma_multiply(TINT);
            }
            if ink.underlined {
                format.underline = Stroke::new(1.5, colour);
            }
        }
        let leading_space = if borders.contains(&start) { MARK } else { 0.0 };
        let byte_range = ByteIndex(start)..ByteIndex(end);
        job.sections.push(LayoutSection { leading_space, byte_range, format });
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
