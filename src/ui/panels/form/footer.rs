//! The big button: what will happen, to what size, where and how long, and what it takes of memory or
//! money.

use eframe::egui;
use egui::text::{LayoutJob, TextFormat, TextWrapping};
use egui::{Align2, Color32, Rect, Sense, Ui, vec2};

use crate::jobs::{FailureKind, MemoryAdvice, MemoryNeed, Status};
use crate::library::dollars;
use crate::pixels::Extent;
use crate::state::{Action, Outlook, Plan};
use crate::task::EngineKind;
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::{generate_button, link_at_right, paint_elided};
use crate::ui::{Cx, icons, words};

/// Height of the footer with its margins.
pub(super) const HEIGHT: f32 = 106.0;

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
    if let Some(refusal) = refusal {
        return refused(ui, &refusal.caption);
    }
    let line = caption_line(ui);
    let keys = (line.right_center(), Align2::RIGHT_CENTER);
    let taken =
        paint_elided(ui, keys, "Ctrl Enter", (theme::caption(), colours.faint), line.width())
            .width();
    let says = forecast(cx, extent);
    let rest = line.with_max_x(line.right() - taken - space::GAP);
    say(ui, rest, (&says, colours.dim), None);
    takes(ui, cx);
}

/// Why nothing can be made; a long reason takes a second line before it is cut.
fn refused(ui: &mut Ui, says: &str) {
    let size = vec2(ui.available_width(), 2.0 * space::CAPTION);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    let colour = palette(ui).caution;
    let text = TextFormat::simple(theme::caption(), colour);
    let mut job = LayoutJob::single_section(says.to_owned(), text);
    job.wrap = TextWrapping { max_width: rect.width(), max_rows: 2, ..TextWrapping::default() };
    let galley = ui.fonts_mut(|fonts| fonts.layout_job(job));
    ui.painter().galley(rect.left_top() + vec2(0.0, 1.0), galley, colour);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, says));
    response.on_hover_text(says);
}

fn caption_line(ui: &mut Ui) -> Rect {
    ui.allocate_exact_size(vec2(ui.available_width(), space::CAPTION), Sense::hover()).0
}

/// One line of caption with a name of its own.
fn say(ui: &Ui, line: Rect, (says, colour): (&str, Color32), hint: Option<&str>) {
    let at = (line.left_center(), Align2::LEFT_CENTER);
    paint_elided(ui, at, says, (theme::caption(), colour), line.width());
    let response =
        ui.interact(line, ui.scope_id().with(("footer", line.top() as i32)), Sense::hover());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, says));
    response.on_hover_text(hint.unwrap_or(says));
}

/// What the request takes: memory here, money there. The line is always there, so that nothing moves.
fn takes(ui: &mut Ui, cx: &mut Cx<'_>) {
    let line = caption_line(ui);
    let Some(outlook) = cx.world.engines.outlook().cloned() else { return };
    match (outlook.engine, &outlook.memory) {
        (EngineKind::Local, Some(need)) => memory(ui, cx, (line, need)),
        (EngineKind::Local, None) => {}
        (EngineKind::Remote, _) => money(ui, cx, (line, &outlook)),
    }
}

fn memory(ui: &Ui, cx: &mut Cx<'_>, (line, need): (Rect, &MemoryNeed)) {
    let colours = palette(ui);
    let peak = words::bytes(need.peak);
    let free = need.available.map(|available| format!(", {} free", words::bytes(available)));
    let free = free.unwrap_or_default();
    if need.fits() {
        let says = format!("About {peak} of memory{free}");
        return say(ui, line, (&says, colours.faint), None);
    }
    let rest = match need.advice.first() {
        Some(MemoryAdvice::LowMemory(_)) => {
            let (response, rest) = link_at_right(ui, line, "Save memory");
            if response.clicked() {
                cx.preferences.local.memory = Some(crate::jobs::MemoryMode::LowMemory);
            }
            rest
        }
        Some(MemoryAdvice::Size(extent, _)) => {
            let (response, rest) = link_at_right(ui, line, &format!("Use {extent}"));
            if response.clicked() {
                cx.draft.set_extent(*extent);
            }
            rest
        }
        None => line,
    };
    let says = format!("Needs {peak}{free}");
    let rest = to_remote(ui, cx, rest);
    let sign = Rect::from_min_size(rest.left_top(), vec2(16.0, rest.height()));
    let centre = (sign.center(), Align2::CENTER_CENTER);
    ui.painter().text(centre.0, centre.1, icons::WARNING, theme::icon(14.0), colours.caution);
    let rest = rest.with_min_x(sign.right() + space::ROW_GAP);
    let hint = format!("{says}. {}", advice(need));
    say(ui, rest, (&says, colours.caution), Some(&hint));
}

/// Offers to have this one made by the service, unless it would refuse it.
fn to_remote(ui: &Ui, cx: &mut Cx<'_>, line: Rect) -> Rect {
    // Models of this machine are known to a server of one's own, not to the service.
    let own = cx.draft.model.as_deref().is_some_and(|air| air.starts_with("local:"));
    let unknown = own && cx.preferences.remote_address.trim().is_empty();
    if unknown || !cx.world.engines.refused_by(EngineKind::Remote).is_empty() {
        return line;
    }
    let (response, rest) = link_at_right(ui, line, "Send to remote");
    if response.clicked() {
        cx.actions.push(Action::GenerateRemotely);
    }
    rest
}

/// What would make it fit, in words.
fn advice(need: &MemoryNeed) -> String {
    let one = |advice: &MemoryAdvice| match advice {
        MemoryAdvice::LowMemory(bytes) => {
            format!("Reading weights as they are used takes {}", words::bytes(*bytes))
        }
        MemoryAdvice::Size(extent, bytes) => format!("{extent} takes {}", words::bytes(*bytes)),
    };
    if need.advice.is_empty() {
        return "No smaller size fits either: close other programs, or use the remote engine."
            .to_owned();
    }
    let all: Vec<String> = need.advice.iter().map(one).collect();
    format!("{}.", all.join(". "))
}

fn money(ui: &Ui, cx: &Cx<'_>, (line, outlook): (Rect, &Outlook)) {
    let colours = palette(ui);
    let price = match outlook.estimate {
        Some(estimate) => format!("About {}", words::price(estimate)),
        None => "Cost not known yet".to_owned(),
    };
    let limit = cx.preferences.daily_limit;
    let today = outlook.spent.map(|spent| match limit {
        Some(limit) => format!(" · today {} of {}", dollars(spent), dollars(limit)),
        None => format!(" · today {}", dollars(spent)),
    });
    let over = match (limit, outlook.spent) {
        (Some(limit), Some(spent)) => {
            spent + outlook.estimate.map_or(0.0, |estimate| estimate.high) > limit
        }
        _ => false,
    };
    let colour = if over { colours.caution } else { colours.faint };
    let hint = "Costs are learnt from receipts: after the first picture of a model they are known";
    say(ui, line, (&format!("{price}{}", today.unwrap_or_default()), colour), Some(hint));
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
        if failure.kind == FailureKind::KeyRefused {
            return Some(Refusal::new(&failure.headline, "The remote engine waits for a key"));
        }
        return Some(Refusal::new(&failure.headline, "The engine is not available"));
    }
    let is_local = cx.world.engines.kind == EngineKind::Local;
    if !is_local && cx.draft.model.is_none() {
        let words = "Choose a model of the service first";
        return Some(Refusal::new(words, words));
    }
    if is_local && cx.world.checkpoints().all(|card| card.fault.is_some()) {
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
    if cx.world.engines.kind == EngineKind::Remote {
        return format!("{pictures} by {}", device.name);
    }
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
