//! What is known of the chosen picture, line by line, each to be copied.

use std::path::Path;
use std::time::Duration;

use eframe::egui;
use egui::{Align2, Rect, Role, ScrollArea, Sense, Ui, WidgetInfo, pos2, vec2};

use crate::state::{Fact, GalleryEntry, Settings, facts};
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::{IconButton, inside, paint_elided};
use crate::ui::{Cx, icons, words};

/// Width of the column of names, in points.
const LABEL: f32 = 84.0;
/// Room for the button that copies, in points.
const COPY: f32 = 28.0;
/// How long it is told that something was copied.
const COPIED: Duration = Duration::from_millis(1500);

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    head(ui, cx);
    let entry = cx.view.selected.and_then(|selected| cx.world.gallery.get(selected));
    ScrollArea::vertical().auto_shrink(false).id_salt("details").show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        let Some(entry) = entry else {
            return remark(ui, "Choose a picture to see how it was made");
        };
        match &entry.settings {
            Settings::Unread | Settings::Stored => remark(ui, "Its settings are being read…"),
            Settings::Missing => remark(ui, "The file does not say how it was made"),
            Settings::Known(task) => {
                for fact in facts(task, &cx.world.models) {
                    line(ui, &fact);
                }
            }
        }
        for fact in about(entry) {
            line(ui, &fact);
        }
        ui.add_space(space::GAP);
    });
}

fn head(ui: &mut Ui, cx: &mut Cx<'_>) {
    let colours = palette(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 36.0), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Heading, true, "Details of the picture"));
    let at = pos2(rect.left() + space::PANEL, rect.center().y);
    ui.painter().text(at, Align2::LEFT_CENTER, "Details", theme::title(), colours.dim);
    let fold = Rect::from_center_size(pos2(rect.right() - 24.0, rect.center().y), vec2(24.0, 24.0));
    inside(ui, ("fold", fold), |ui| {
        let button = IconButton::new(icons::FOLD_DOWN, "Fold the details").size(24.0);
        if button.hint("Fold the details (I)").show(ui).clicked() {
            cx.view.gallery.details_open = false;
        }
    });
}

/// What is known besides the task.
fn about(entry: &GalleryEntry) -> Vec<Fact> {
    let same = |label, text: String| Fact { label, copied: text.clone(), shown: text };
    let mut about = Vec::new();
    let size = entry.about.extent.filter(|_| entry.task().is_none());
    about.extend(size.map(|extent| same("Size", extent.to_string())));
    about.extend(engine(entry).map(|engine| same("Engine", engine)));
    about.extend(entry.cost.map(|usd| same("Cost", format!("${usd:.4}"))));
    about.extend(entry.speed_up.map(|times| same("DeepCache gain", words::speed_up(times))));
    about.extend(made(entry).map(|made| same("Made", made)));
    about.extend(entry.path.as_ref().map(|path| Fact {
        label: "File",
        shown: file_name(path),
        copied: path.display().to_string(),
    }));
    about
}

/// Where it was made, as far as that can be told: the service is paid for every picture, and a model of
/// this computer is nowhere else.
fn engine(entry: &GalleryEntry) -> Option<String> {
    let local = || entry.about.model.as_ref().is_some_and(|air| air.starts_with("local:"));
    match entry.cost {
        Some(_) => Some("Runware service".to_owned()),
        None => local().then(|| "This computer".to_owned()),
    }
}

/// `0c3e9a61-7be2….png`: the whole UUID says nothing to people.
fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    let begin: String = name.chars().take(13).collect();
    match name.rsplit_once('.') {
        Some((stem, ending)) if stem.chars().count() > 20 => format!("{begin}….{ending}"),
        _ => name.into_owned(),
    }
}

/// By the clock on the wall.
fn made(entry: &GalleryEntry) -> Option<String> {
    let made = jiff::Timestamp::try_from(entry.made).ok()?;
    let made = made.to_zoned(jiff::tz::TimeZone::system());
    Some(made.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

fn remark(ui: &mut Ui, words: &str) {
    let (rect, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), space::ROW), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, words));
    let at = (pos2(rect.left() + space::PANEL, rect.center().y), Align2::LEFT_CENTER);
    let width = rect.width() - 2.0 * space::PANEL;
    paint_elided(ui, at, words, (theme::body(), palette(ui).dim), width);
}

fn line(ui: &mut Ui, fact: &Fact) {
    let colours = palette(ui);
    let width = ui.available_width();
    let room = (width - 2.0 * space::PANEL - LABEL - COPY).max(40.0);
    let galley = ui.painter().layout(fact.shown.clone(), theme::body(), colours.text, room);
    let height = (galley.size().y + 8.0).max(24.0);
    let (rect, response) = ui.allocate_exact_size(vec2(width, height), Sense::hover());
    if !ui.is_rect_visible(rect) {
        return;
    }
    let name = format!("{}: {}", fact.label, fact.shown);
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &name));
    let pointed = ui.rect_contains_pointer(rect);
    if pointed {
        let row = rect.shrink2(vec2(4.0, 0.0));
        ui.painter().rect_filled(row, theme::RADIUS, colours.raised);
    }
    let left = rect.left() + space::PANEL;
    let at = (pos2(left, rect.top() + 12.0), Align2::LEFT_CENTER);
    paint_elided(ui, at, fact.label, (theme::body(), colours.dim), LABEL - space::GAP);
    ui.painter().galley(pos2(left + LABEL, rect.top() + 4.0), galley, colours.text);
    let at = pos2(rect.right() - space::PANEL - 10.0, rect.top() + 12.0);
    let button = Rect::from_center_size(at, vec2(22.0, 22.0));
    inside(ui, (fact.label, button), |ui| copy(ui, fact));
}

fn copy(ui: &mut Ui, fact: &Fact) {
    let id = ui.scope_id().with("copied");
    let now = ui.input(|input| input.time);
    let copied: Option<f64> = ui.data(|data| data.get_temp(id));
    let left = copied.map(|at| at + COPIED.as_secs_f64() - now).filter(|left| *left > 0.0);
    let name = match left {
        Some(_) => format!("{} copied", fact.label),
        None => format!("Copy {}", fact.label),
    };
    if let Some(left) = left {
        ui.ctx().request_repaint_after(Duration::from_secs_f64(left));
    }
    let icon = if left.is_some() { icons::CHECK } else { icons::COPY };
    let button = IconButton::new(icon, &name).size(22.0).active(left.is_some());
    if button.show(ui).clicked() {
        ui.ctx().copy_text(fact.copied.clone());
        ui.data_mut(|data| data.insert_temp(id, now));
    }
}
