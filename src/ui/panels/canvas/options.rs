//! What the tool in hand can be set to: a bar beside the tools.

use eframe::egui;
use egui::{Align2, Popup, PopupCloseBehavior, Rect, Sense, Ui, pos2, vec2};

use super::super::bar;
use super::ZOOM_BAR;
use super::tools::knob;
use crate::pixels::Brush;
use crate::state::Tool;
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::{IconButton, Knob, number_with_unit, paint_elided, slider};
use crate::ui::{Cx, icons};

/// Points of a setting's number and slider, and of the button for the rest.
const NUMBER: f32 = 60.0;
const SLIDER: f32 = 84.0;
const MORE: f32 = 34.0;

/// One setting of the tool in hand.
struct Setting<'a> {
    word: &'a str,
    knob: Knob<'a>,
    unit: &'a str,
    value: f64,
    before: f64,
    /// The slider goes by the value's square root, so that small sizes are not crowded.
    rooted: bool,
}

/// How many of the settings have room.
struct Fit {
    /// Points of each slider; 0 where there are none.
    slider: f32,
    /// So many are in the bar; the others are behind a button at its end.
    count: usize,
    /// Points of the whole bar.
    width: f32,
}

impl Fit {
    /// In `room` points, with words of these lengths. The first setting is there always.
    fn new(words: &[f32], room: f32) -> Self {
        let wide = |slider: f32, count: usize| {
            let gaps = if slider > 0.0 { 32.0 } else { 16.0 };
            let more = if count < words.len() { MORE } else { 0.0 };
            let all: f32 = words.iter().take(count).map(|word| word + slider + NUMBER + gaps).sum();
            all + more + 10.0
        };
        let all = words.len();
        if wide(SLIDER, all) <= room {
            return Self { slider: SLIDER, count: all, width: wide(SLIDER, all) };
        }
        let count = (1..=all).rev().find(|count| wide(0.0, *count) <= room).unwrap_or(1);
        Self { slider: 0.0, count, width: wide(0.0, count) }
    }
}

/// Draws the bar, which begins at `left`.
pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>, (stage, left): (Rect, f32)) {
    let mut settings = settings(cx);
    if settings.is_empty() {
        return;
    }
    let words: Vec<f32> = settings.iter().map(|one| word_width(ui, one.word)).collect();
    // The zoom bar has the right corner; where not even one has room beside it, below that.
    let below = stage.right() - left - space::PANEL;
    let beside = below - ZOOM_BAR.x - space::GAP;
    let mut fit = Fit::new(&words, beside);
    let mut top = stage.top() + space::PANEL;
    if fit.width > beside {
        fit = Fit::new(&words, below);
        top += ZOOM_BAR.y + space::GAP;
    }
    let rect = Rect::from_min_size(pos2(left, top), vec2(fit.width, ZOOM_BAR.y));
    bar(ui, ("tool options", rect), |ui| {
        ui.horizontal_centered(|ui| {
            ui.spacing_mut().item_spacing.x = 8.0;
            ui.add_space(8.0);
            let (shown, others) = settings.split_at_mut(fit.count);
            for setting in shown {
                setting.ui(ui, fit.slider);
            }
            if !others.is_empty() {
                more(ui, others);
            }
        });
    });
    keep(cx, &settings);
}

/// The settings that have no room, behind a button.
fn more(ui: &mut Ui, others: &mut [Setting<'_>]) {
    let hint = others.iter().map(|one| one.word).collect::<Vec<_>>().join(", ");
    let button = IconButton::new(icons::MORE, "More settings of the tool").hint(&hint);
    let button = button.size(MORE - 8.0).show(ui);
    Popup::menu(&button).close_behavior(PopupCloseBehavior::CloseOnClickOutside).show(|ui| {
        ui.spacing_mut().item_spacing = vec2(8.0, space::ROW_GAP);
        for setting in others {
            ui.horizontal(|ui| setting.ui(ui, SLIDER));
        }
    });
}

fn word_width(ui: &Ui, word: &str) -> f32 {
    ui.painter().layout_no_wrap(word.to_owned(), theme::body(), palette(ui).dim).size().x
}

impl<'a> Setting<'a> {
    fn new(word: &'a str, unit: &'a str, (knob, value): (Knob<'a>, f64)) -> Self {
        let value = value.round();
        Self { word, knob, unit, value, before: value, rooted: false }
    }

    fn ui(&mut self, ui: &mut Ui, slider_width: f32) {
        let width = word_width(ui, self.word);
        let (rect, _) = ui.allocate_exact_size(vec2(width, space::ROW), Sense::hover());
        let style = (theme::body(), palette(ui).dim);
        paint_elided(ui, (rect.left_center(), Align2::LEFT_CENTER), self.word, style, width + 1.0);
        if slider_width > 0.0 {
            if self.rooted {
                let (least, most) = (self.knob.range.start().sqrt(), self.knob.range.end().sqrt());
                let knob =
                    Knob { range: least..=most, step: 0.0, decimals: 2, ..self.knob.clone() };
                let before = self.value.sqrt();
                let mut root = before;
                slider(ui, &knob, &mut root, slider_width);
                if (root - before).abs() > 1e-6 {
                    self.value = (root * root).round().max(1.0);
                }
            } else {
                slider(ui, &self.knob, &mut self.value, slider_width);
            }
        }
        number_with_unit(ui, self.unit, (&self.knob, &mut self.value), NUMBER);
    }
}

fn settings(cx: &Cx<'_>) -> Vec<Setting<'static>> {
    let tools = &cx.view.tools;
    let share = |word, help, value: f32| {
        Setting::new(word, " %", (knob(word, help, 0.0..=100.0, 1.0), f64::from(value * 100.0)))
    };
    let sizes = f64::from(*Brush::SIZES.start())..=f64::from(*Brush::SIZES.end());
    let help = "Width of the brush in pixels of the picture ([ and ], or Ctrl and the wheel).";
    let size = (knob("Size", help, sizes, 1.0), f64::from(tools.brush.size));
    let size = Setting { rooted: true, ..Setting::new("Size", " px", size) };
    let help = "How far other colours may be from the one you click, of 255.";
    let tolerance = (knob("Tolerance", help, 0.0..=255.0, 1.0), f64::from(tools.tolerance));
    let tolerance = Setting::new("Tolerance", "", tolerance);
    let softness = share(
        "Softness",
        "How early the brush fades to its edge (Shift with [ and ]).",
        1.0 - tools.brush.hardness,
    );
    let opacity = share("Opacity", "What one stroke covers at most.", tools.brush.opacity);
    let mut tint = share("Mask", "How strongly the mask tints the picture.", tools.tint);
    tint.knob.range = 10.0..=100.0;
    match cx.view.tool {
        Tool::Hand if !cx.draft.mask.is_there() => Vec::new(),
        Tool::Brush | Tool::Eraser => vec![size, softness, opacity, tint],
        Tool::Colour => vec![tolerance, tint],
        Tool::Hand | Tool::Lasso | Tool::Rectangle | Tool::Ellipse | Tool::Fill => vec![tint],
    }
}

fn keep(cx: &mut Cx<'_>, settings: &[Setting<'_>]) {
    let tools = &mut cx.view.tools;
    let changed = settings.iter().filter(|one| (one.value - one.before).abs() > 0.25);
    for Setting { word, value, .. } in changed {
        let share = (*value / 100.0) as f32;
        match *word {
            "Size" => tools.brush.size = *value as f32,
            "Softness" => tools.brush.hardness = 1.0 - share,
            "Opacity" => tools.brush.opacity = share,
            "Mask" => tools.tint = share.clamp(0.1, 1.0),
            "Tolerance" => tools.tolerance = value.round().clamp(0.0, 255.0) as u8,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_room_waits_behind_a_button() {
        let words = [30.0, 50.0, 45.0, 35.0];
        let fit = |room| {
            let Fit { slider, count, width } = Fit::new(&words, room);
            assert!(width <= room || count == 1, "{room}: {width}");
            (slider > 0.0, count)
        };
        assert_eq!(fit(900.0), (true, 4));
        assert_eq!(fit(510.0), (false, 4));
        assert_eq!(fit(460.0), (false, 3));
        assert_eq!(fit(10.0), (false, 1));
    }
}
