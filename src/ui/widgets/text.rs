//! One line of text that ends in `…` where it does not fit.

use std::sync::Arc;

use eframe::egui;
use egui::text::{LayoutJob, TextFormat, TextWrapping};
use egui::{Align2, Color32, FontId, Galley, Pos2, Rect, Ui};

/// Lays `text` out on one line of at most `width` points.
#[must_use]
pub fn elided(ui: &Ui, text: &str, font: FontId, colour: Color32, width: f32) -> Arc<Galley> {
    let mut job =
        LayoutJob::single_section(text.replace('\n', " "), TextFormat::simple(font, colour));
    job.wrap = TextWrapping {
        max_width: width.max(0.0),
        max_rows: 1,
        break_anywhere: true,
        ..TextWrapping::default()
    };
    ui.fonts_mut(|fonts| fonts.layout_job(job))
}

/// Paints one line of `text` at `pos`, anchored by `anchor`, at most `width` points wide.
pub fn paint_elided(
    ui: &Ui,
    at: (Pos2, Align2),
    text: &str,
    (font, colour): (FontId, Color32),
    width: f32,
) -> Rect {
    let galley = elided(ui, text, font, colour, width);
    let rect = at.1.anchor_size(at.0, galley.size());
    ui.painter().galley(rect.min, galley, colour);
    rect
}
