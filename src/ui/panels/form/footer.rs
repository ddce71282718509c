//! The big button: what will happen, to what size, where and how long.

use eframe::egui;
use egui::text::{LayoutJob, TextFormat, TextWrapping};
use egui::{Align2, Sense, Ui, vec2};

use crate::jobs::Status;
use crate::pixels::Extent;
use crate::state::{Action, Plan};
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::{generate_button, paint_elided};
use crate::ui::{Cx, words};

/// Height of the footer, with room for two lines.
pub(super) const HEIGHT: f32 = 104.0;

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    let defaults = cx.world.defaults(cx.draft);
    let extent = cx.draft.extent(&defaults);
    let refusal = refusal(cx);
    let reason = refusal.as_ref().map(|refusal| refusal.reason.as_str());
    if generate_button(ui, &label(cx, extent), reason) {
        cx.actions.push(Action::Generate);
    }
    ui.add_space(space::ROW_GAP);
    let colours = palette(ui);
    let (rect, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), 2.0 * space::CAPTION), Sense::hover());
    let refused = refusal.is_some();
    let says = refusal.map_or_else(|| forecast(cx, extent), |refusal| refusal.caption);
    let line = rect.with_max_y(rect.top() + space::CAPTION);
    let width = if refused {
        rect.width()
    } else {
        let keys = (line.right_center(), Align2::RIGHT_CENTER);
        let style = (theme::caption(), colours.faint);
        let taken = paint_elided(ui, keys, "Ctrl Enter", style, rect.width()).width();
        rect.width() - taken - space::GAP
    };
    // Long reasons take a second line before they are cut.
    let colour = if refused { colours.caution } else { colours.dim };
    let text = TextFormat::simple(theme::caption(), colour);
    let mut job = LayoutJob::single_section(says.clone(), text);
    job.wrap = TextWrapping { max_width: width, max_rows: 2, ..TextWrapping::default() };
    let galley = ui.fonts_mut(|fonts| fonts.layout_job(job));
    ui.painter().galley(rect.left_top() + vec2(0.0, 1.0), galley, colour);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, &says));
}

/// The verb and the result's size, if that is known; `extent` is what is painted.
fn label(cx: &Cx<'_>, extent: Extent) -> String {
    let verb = words::verb(cx.draft.mode());
    let size = if cx.draft.zooms() { cx.world.start_extent(cx.draft) } else { Some(extent) };
    size.map_or_else(|| verb.to_owned(), |size| format!("{verb} {size}"))
}

/// Why the button cannot be pressed.
struct Refusal {
    /// On hover, in full.
    reason: String,
    /// Below the button, on one line.
    caption: String,
}

impl Refusal {
    fn new(reason: &str, caption: &str) -> Self {
        Self { reason: reason.to_owned(), caption: caption.to_owned() }
    }
}

fn refusal(cx: &Cx<'_>) -> Option<Refusal> {
    if let Status::Unavailable(failure) = &cx.world.status {
        return Some(Refusal::new(&failure.headline, "The engine is not available"));
    }
    if cx.world.checkpoints().all(|card| card.fault.is_some()) {
        let words = "Put a model into the models folder first";
        return Some(Refusal::new(words, words));
    }
    if let Some(picture) = cx.world.start_picture(cx.draft)
        && let (Some(fault), Some(reason)) = (picture.fault(), picture.refusal())
    {
        return Some(Refusal::new(&reason, &format!("The picture to start from is {fault}")));
    }
    if let Some(reason) = cx.world.mask_refusal(cx.draft).filter(|_| cx.draft.repaints()) {
        return Some(Refusal::new(&reason, "The mask cannot be used"));
    }
    if cx.draft.prompt.trim().is_empty() {
        let words = "Write what to draw first";
        return Some(Refusal::new(words, words));
    }
    let problem = cx.world.problems.first()?;
    Some(Refusal::new(&problem.message, &super::sentence(problem)))
}

/// `1 picture on this CPU, about 3 s`; the time only when the like of it was measured.
fn forecast(cx: &Cx<'_>, extent: Extent) -> String {
    let pictures = words::pictures(cx.draft.number_results());
    let Status::Ready(device) = &cx.world.status else {
        return format!("{pictures}, as soon as the engine is ready");
    };
    let place = words::place(device);
    let defaults = cx.world.defaults(cx.draft);
    let plan = Plan {
        model: cx.draft.model.as_deref().unwrap_or_default(),
        extent,
        steps: cx.draft.steps_taken(&defaults),
        cfg_scale: cx.draft.cfg_scale(&defaults),
        stacks: cx.draft.stacks.work(),
        pictures: cx.draft.number_results(),
    };
    match cx.world.queue.estimate(&plan) {
        Some(time) => format!("{pictures} on {place}, {}", words::about(time)),
        None => format!("{pictures} on {place}"),
    }
}
