//! What opens beside a row: tooltips and lists that never lie over the row they belong to.

use eframe::egui;
use egui::{
    Label, Popup, PopupCloseBehavior, Rect, RectAlign, Response, Tooltip, Ui, UiBuilder,
    UiStackInfo, Vec2,
};

/// Tried one after the other where there is no room on the right.
const BESIDE: [RectAlign; 4] =
    [RectAlign::RIGHT_END, RectAlign::BOTTOM_START, RectAlign::TOP_START, RectAlign::LEFT_START];
/// From the edge of the panel to what opens beside it.
const GAP: f32 = 8.0;
/// Marks what an engine refuses.
const REFUSED: &str = "refused";

/// What was drawn, up to the right edge of everything that `ui` draws into.
fn up_to_the_edge(ui: &Ui, response: &Response) -> Rect {
    response.rect.with_max_x(response.rect.right().max(ui.clip_rect().right()))
}

/// Shows `words` while the pointer rests on what was drawn, also where it is disabled. Inside of what is
/// [`refused`] only the reason is told, by whoever refuses.
pub fn tip(ui: &Ui, response: Response, words: &str) -> Response {
    if words.is_empty() || refused(ui).is_some() {
        return response;
    }
    let open = Tooltip::should_show_tooltip(&response, true);
    let mut tooltip = Tooltip::for_widget(&response);
    tooltip.popup = tooltip
        .popup
        .open(open)
        .anchor(up_to_the_edge(ui, &response))
        .align(RectAlign::RIGHT_START)
        .align_alternatives(&BESIDE);
    tooltip.gap(GAP).show(|ui| {
        ui.set_max_width(ui.spacing().tooltip_width);
        ui.spacing_mut().item_spacing = Vec2::ZERO;
        ui.add(Label::new(words));
    });
    response
}

/// A list that a click on `button` opens beside the panel; it stays until something else is clicked.
pub fn side_menu<'a>(ui: &Ui, button: &'a Response, width: f32) -> Popup<'a> {
    Popup::menu(button)
        .anchor(up_to_the_edge(ui, button))
        .align(RectAlign::RIGHT_START)
        .align_alternatives(&BESIDE)
        .gap(GAP)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .width(width)
}

/// Draws `add` faint and deaf; rows inside may say `why` in few words.
pub fn refuse<R>(ui: &mut Ui, why: &str, add: impl FnOnce(&mut Ui) -> R) -> R {
    let info = UiStackInfo::default().with_tag_value(REFUSED, why.to_owned());
    ui.scope_builder(UiBuilder::new().ui_stack_info(info).disabled(), add).inner
}

/// Why what is drawn here is refused, in few words.
#[must_use]
pub fn refused(ui: &Ui) -> Option<String> {
    ui.stack().iter().find_map(|around| around.tags().get_downcast::<String>(REFUSED).cloned())
}
