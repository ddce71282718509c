//! Width and height: typed, swapped, or one of the shapes that suit the model.

use eframe::egui;
use egui::{Align2, Popup, RectAlign, Sense, Ui, vec2};

use super::complaint;
use crate::pixels::Extent;
use crate::task::{ModelDefaults, Problem};
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::{IconButton, Knob, RowLabel, control_row, number, remark, tip};
use crate::ui::{Cx, icons};

/// What sides are multiples of.
const GRID: u32 = 64;
const SMALLEST: u32 = 128;
const LARGEST: u32 = 2048;

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>, defaults: &ModelDefaults) {
    let native = defaults.extent;
    let now = cx.draft.extent(defaults);
    let grows = cx.draft.extends();
    let chosen = if grows { cx.draft.extension.source_is_set } else { now != native };
    let own = if grows { "the picture's own".to_owned() } else { native.to_string() };
    let (fits, why) = fitness(cx, defaults);
    let help = format!(
        "Width × height in pixels, each a multiple of 64 from 128 to 2048. Now {fits}. {why}"
    );
    let label = RowLabel { text: "Size", help: &help, default: chosen.then_some(&own), of: "" };
    let (wanted, back) = control_row(ui, label, |ui| sides(ui, cx, now, native));
    if back {
        cx.draft.reset_extent();
    } else if wanted != now {
        cx.draft.set_extent(wanted);
    }
    problem_line(ui, cx);
}

/// What is wrong with the size, if anything is.
fn problem_line(ui: &mut Ui, cx: &Cx<'_>) {
    let wrong = |problem: &&Problem| problem.concerns("width") || problem.concerns("height");
    let Some(full) = cx.world.problems.iter().find(wrong) else { return };
    let Some(short) = complaint(cx, &["width", "height"]) else { return };
    let response = remark(ui, &short, palette(ui).error);
    tip(ui, response, &full.message);
}

fn sides(ui: &mut Ui, cx: &Cx<'_>, now: Extent, native: Extent) -> Extent {
    const CROSS: f32 = 8.0;
    let colours = palette(ui);
    let sides = ui.available_width() - 2.0 * (space::GAP + space::ROW);
    let side_width = ((sides - CROSS) / 2.0 - 4.0).floor();
    let mut wanted = now;
    ui.spacing_mut().item_spacing.x = 4.0;
    wanted.width = side(ui, ("Width", complaint(cx, &["width"]).as_deref()), now.width, side_width);
    let (rect, _) = ui.allocate_exact_size(vec2(CROSS, space::ROW), Sense::hover());
    ui.painter().text(rect.center(), Align2::CENTER_CENTER, "×", theme::body(), colours.dim);
    ui.spacing_mut().item_spacing.x = space::GAP;
    wanted.height =
        side(ui, ("Height", complaint(cx, &["height"]).as_deref()), now.height, side_width);
    if IconButton::new(icons::SWAP, "Swap width and height").framed().show(ui).clicked() {
        wanted = Extent::new(now.height, now.width);
    }
    let button = IconButton::new(icons::UNFOLD, "Shapes")
        .hint("Shapes that suit the model")
        .framed()
        .show(ui);
    Popup::menu(&button).align(RectAlign::BOTTOM_END).width(208.0).show(|ui| {
        for (name, extent) in shapes(native) {
            let row = egui::Button::selectable(extent == now, name).right_text(extent.to_string());
            if ui.add_sized(vec2(200.0, space::ROW), row).clicked() {
                wanted = extent;
            }
        }
    });
    wanted
}

fn side(ui: &mut Ui, (name, problem): (&str, Option<&str>), now: u32, width: f32) -> u32 {
    let label = RowLabel {
        text: name,
        help: "Pixels: a multiple of 64 from 128 to 2048.",
        default: None,
        of: "",
    };
    // Typed values are kept as they are, right or wrong, so that the problem can be shown.
    let knob = Knob { label, range: 1.0..=9999.0, step: 8.0, decimals: 0, problem };
    let mut value = f64::from(now);
    let response = number(ui, &knob, &mut value, width);
    let typed = value.round() as u32;
    if response.dragged() && typed != now { on_grid(value) } else { typed }
}

/// The nearest allowed side.
fn on_grid(value: f64) -> u32 {
    let steps = (value / f64::from(GRID)).round() as u32;
    steps.saturating_mul(GRID).clamp(SMALLEST, LARGEST)
}

/// How the size suits the model: in few words, and why that matters.
pub(super) fn fitness(cx: &Cx<'_>, defaults: &ModelDefaults) -> (String, &'static str) {
    let (native, now) = (defaults.extent, cx.draft.extent(defaults));
    let ratio = now.area() as f64 / native.area().max(1) as f64;
    match ratio {
        _ if cx.draft.extends() && cx.draft.extension.source.is_some() => (
            format!("extends {}", cx.draft.start_extent(defaults, None)),
            "The final size: the picture's own and what it grows by.",
        ),
        _ if now == native => (
            "the model's own size".to_owned(),
            "Models draw best at the size they were trained on.",
        ),
        ratio if ratio > 2.0 => (
            format!("{ratio:.0}× the model's own area"),
            "Far above it, parts of the picture tend to repeat.",
        ),
        ratio if ratio < 0.5 => {
            ("far below the model's own size".to_owned(), "Far below it, details tend to fail.")
        }
        _ => (
            format!("the model's own size is {native}"),
            "Models draw best at the size they were trained on.",
        ),
    }
}

/// Names and ratios of width to height.
const SHAPES: [(&str, f64); 9] = [
    ("Square", 1.0),
    ("Portrait 3 : 4", 3.0 / 4.0),
    ("Portrait 2 : 3", 2.0 / 3.0),
    ("Portrait 9 : 16", 9.0 / 16.0),
    ("Portrait 1 : 2", 1.0 / 2.0),
    ("Landscape 4 : 3", 4.0 / 3.0),
    ("Landscape 3 : 2", 3.0 / 2.0),
    ("Landscape 16 : 9", 16.0 / 9.0),
    ("Landscape 2 : 1", 2.0),
];

/// The name of the ratio that comes nearest: sides on the grid are seldom exact.
fn shape_name(extent: Extent) -> &'static str {
    let ratio = f64::from(extent.width) / f64::from(extent.height);
    let distance = |(_, other): &(&str, f64)| (ratio / other).ln().abs();
    let nearest = SHAPES.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)));
    nearest.map_or("Square", |(name, _)| name)
}

/// Shapes at about the area the model was trained for, each side on the grid, each once.
fn shapes(native: Extent) -> Vec<(&'static str, Extent)> {
    let mut shapes: Vec<(&str, Extent)> = vec![("The model's own", native)];
    let area = native.area() as f64;
    // Small models have no room to shrink a side: their short side stays and the long one grows.
    let keeps_short_side = native.width.min(native.height) < 768;
    let short = f64::from(native.width.min(native.height));
    for (_, ratio) in SHAPES {
        let (width, height) = match (keeps_short_side, ratio < 1.0) {
            (true, true) => (short, short / ratio),
            (true, false) => (short * ratio, short),
            (false, _) => ((area * ratio).sqrt(), (area / ratio).sqrt()),
        };
        let extent = Extent::new(on_grid(width), on_grid(height));
        if shapes.iter().all(|(_, other)| *other != extent) {
            shapes.push((shape_name(extent), extent));
        }
    }
    shapes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_is_on_the_grid_and_there_once() {
        for native in [Extent::new(128, 128), Extent::new(512, 512), Extent::new(1024, 1024)] {
            let shapes = shapes(native);
            assert!(shapes.len() >= 3, "{shapes:?}");
            for (place, (_, extent)) in shapes.iter().enumerate() {
                for side in [extent.width, extent.height] {
                    assert!(side.is_multiple_of(GRID) && (SMALLEST..=LARGEST).contains(&side));
                }
                assert!(shapes.iter().skip(place + 1).all(|(_, other)| other != extent));
            }
        }
    }
}
