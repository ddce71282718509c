//! How models come in: a file or folder of this machine, an address, and the downloads on their way.

use eframe::egui;
use egui::{Align, Align2, Key, Layout, Rect, Role, ScrollArea, Sense, Ui, WidgetInfo, pos2, vec2};

use crate::library::{DownloadStage, DownloadState};
use crate::state::Action;
use crate::ui::panels::settings::field;
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::{IconButton, inside, paint_elided, text_button};
use crate::ui::{Cx, icons, words};

const ROW: f32 = 40.0;
/// Downloads that are seen at a time.
const SEEN: f32 = 3.0;

/// Points that it takes.
pub(super) fn height(cx: &Cx<'_>) -> f32 {
    let rows = (cx.world.shelf.downloads.len() as f32).min(SEEN);
    2.0 * (space::ROW + space::GAP) + rows * ROW
}

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    ui.spacing_mut().item_spacing.y = space::GAP;
    add_row(ui, cx);
    download_row(ui, cx);
    ui.spacing_mut().item_spacing.y = 0.0;
    let states = cx.world.shelf.downloads.clone();
    let area = ScrollArea::vertical().id_salt("downloads").max_height(ROW * SEEN);
    area.auto_shrink([false, true]).show_rows(ui, ROW, states.len(), |ui, seen| {
        for state in &states[seen] {
            row(ui, cx, state);
        }
    });
}

/// A line whose buttons stand at the right; `add` draws these first and gets what is left for fields.
fn line(ui: &mut Ui, add: impl FnOnce(&mut Ui)) {
    let size = vec2(ui.available_width(), space::ROW);
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), add);
}

fn add_row(ui: &mut Ui, cx: &mut Cx<'_>) {
    line(ui, |ui| {
        if text_button(ui, "Choose folder…").clicked() {
            cx.actions.push(Action::AddFolder);
        }
        let typed = !cx.view.sheets.path.trim().is_empty();
        let add = ui.add_enabled_ui(typed, |ui| text_button(ui, "Add")).inner.clicked();
        let name =
            ("Model or folder to add", "A model, or a folder: also of ComfyUI, A1111 or Forge");
        let width = ui.available_width();
        let response = field(ui, &mut cx.view.sheets.path, name, width);
        let entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        if typed && (add || entered) {
            cx.actions.push(Action::AddModel);
        }
    });
}

fn download_row(ui: &mut Ui, cx: &mut Cx<'_>) {
    line(ui, |ui| {
        let typed = !cx.view.sheets.address.trim().is_empty();
        let go = ui.add_enabled_ui(typed, |ui| text_button(ui, "Download")).inner.clicked();
        let width = (ui.available_width() - space::GAP) / 2.0;
        let name = ("SHA-256 checksum", "SHA-256 checksum, if it has one");
        let second = field(ui, &mut cx.view.sheets.checksum, name, width);
        let name = ("Address to download", "https://… a model file");
        let response = field(ui, &mut cx.view.sheets.address, name, width);
        let entered = (response.lost_focus() || second.lost_focus())
            && ui.input(|input| input.key_pressed(Key::Enter));
        if typed && (go || entered) {
            cx.actions.push(Action::Download);
        }
    });
}

fn row(ui: &mut Ui, cx: &mut Cx<'_>, state: &DownloadState) {
    let colours = palette(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::hover());
    let says = says(state);
    let name = format!("Download {}: {says}", state.name);
    response.widget_info(|| WidgetInfo::labeled(Role::ListItem, true, &name));
    let buttons = 68.0;
    let width = rect.width() - buttons - space::GAP;
    let at = |y: f32| (pos2(rect.left(), rect.top() + y), Align2::LEFT_CENTER);
    paint_elided(ui, at(11.0), &state.name, (theme::body(), colours.text), width / 2.0);
    let ink = match &state.stage {
        DownloadStage::Failed(_) => colours.error,
        DownloadStage::Done(_) => colours.ok,
        _ => colours.dim,
    };
    let right = (pos2(rect.left() + width, rect.top() + 11.0), Align2::RIGHT_CENTER);
    paint_elided(ui, right, &says, (theme::caption(), ink), width / 2.0 - space::GAP);
    let bar = Rect::from_min_size(pos2(rect.left(), rect.top() + 26.0), vec2(width, 3.0));
    ui.painter().rect_filled(bar, 1.5, colours.line_hover);
    let whole = state.whole.unwrap_or(0).max(1);
    let part = if matches!(state.stage, DownloadStage::Done(_)) {
        1.0
    } else {
        state.got as f32 / whole as f32
    };
    let part = if state.whole.is_some() { part.min(1.0) } else { 0.0 };
    ui.painter().rect_filled(bar.with_max_x(bar.left() + bar.width() * part), 1.5, colours.accent);
    let place = Rect::from_min_max(
        pos2(rect.right() - buttons, rect.top() + 4.0),
        pos2(rect.right(), rect.bottom() - 4.0),
    );
    inside(ui, (("download", state.id), place), |ui| {
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            steer(ui, cx, state);
        });
    });
    response.on_hover_text(format!("{}\n{}\n{says}", state.name, state.host));
}

fn steer(ui: &mut Ui, cx: &mut Cx<'_>, state: &DownloadState) {
    let done = matches!(state.stage, DownloadStage::Done(_));
    let hint = if done { "Take it off this list; the file stays" } else { "Give it up" };
    if IconButton::new(icons::CLOSE, "Drop the download").hint(hint).show(ui).clicked() {
        cx.actions.push(Action::DropDownload(state.id));
    }
    match state.stage {
        DownloadStage::Running => {
            if IconButton::new(icons::PAUSE, "Pause the download").show(ui).clicked() {
                cx.actions.push(Action::PauseDownload(state.id));
            }
        }
        DownloadStage::Paused | DownloadStage::Failed(_) => {
            if IconButton::new(icons::PLAY, "Go on with the download").show(ui).clicked() {
                cx.actions.push(Action::ResumeDownload(state.id));
            }
        }
        DownloadStage::Checking | DownloadStage::Done(_) => {}
    }
}

/// `1.2 GiB of 2.1 GiB`, or what became of it.
fn says(state: &DownloadState) -> String {
    let got = words::bytes(state.got);
    let of = state.whole.map(|whole| format!(" of {}", words::bytes(whole))).unwrap_or_default();
    match &state.stage {
        DownloadStage::Running => format!("{got}{of} · {}", state.host),
        DownloadStage::Paused => format!("paused at {got}{of}"),
        DownloadStage::Checking => "checking…".to_owned(),
        DownloadStage::Done(_) => "done".to_owned(),
        DownloadStage::Failed(why) => why.clone(),
    }
}
