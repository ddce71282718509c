//! Tooltips that never lie over the row they belong to.

use eframe::egui;
use egui::{Align2, Label, RectAlign, Response, Tooltip, Ui, Vec2};

/// Shows `words` while the pointer rests on what was drawn: right of everything that `ui` draws into, or
/// below where there is no room. Also where it is disabled.
pub fn tip(ui: &Ui, response: Response, words: &str) -> Response {
    /// Tried one after the other.
    const BESIDE: [RectAlign; 3] =
        [RectAlign::BOTTOM_START, RectAlign::TOP_START, RectAlign::LEFT_START];
    if words.is_empty() {
        return response;
    }
    let edge = ui.clip_rect().right();
    let row = response.rect.with_max_x(response.rect.right().max(edge));
    let open = Tooltip::should_show_tooltip(&response, true);
    let mut tooltip = Tooltip::for_widget(&response);
    tooltip.popup = tooltip
        .popup
        .open(open)
        .anchor(row)
        .align(RectAlign { parent: Align2::RIGHT_TOP, child: Align2::LEFT_TOP })
        .align_alternatives(&BESIDE);
    tooltip.gap(8.0).show(|ui| {
        ui.set_max_width(ui.spacing().tooltip_width);
        ui.spacing_mut().item_spacing = Vec2::ZERO;
        ui.add(Label::new(words));
    });
    response
}
