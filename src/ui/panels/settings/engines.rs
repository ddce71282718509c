//! The page of both engines: key, address and limit of the service; device and memory of this machine.

use eframe::egui;
use egui::{Key, RichText, TextEdit, Ui, vec2};

use super::{caption, field, plain};
use crate::jobs::{MemoryMode, Status};
use crate::state::{Action, KeyStatus};
use crate::task::EngineKind;
use crate::ui::Cx;
use crate::ui::theme::{palette, space};
use crate::ui::widgets::{RowLabel, control_row, section_title, segmented, switch, text_button};

/// Width of fields where there is room, and of the button beside one.
const FIELD: f32 = 250.0;
const BUTTON: f32 = 72.0;

fn field_width(ui: &Ui) -> f32 {
    FIELD.min(ui.available_width() - BUTTON).max(96.0)
}

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    section_title(ui, "Remote: the Runware service, or any that speaks its API", "", None);
    key(ui, cx);
    address(ui, cx);
    limit(ui, cx);
    ui.add_space(space::SECTION);
    section_title(ui, "Local: this machine", "", None);
    device(ui, cx);
    memory(ui, cx);
    works(ui, cx);
}

fn label<'a>(text: &'a str, help: &'a str) -> RowLabel<'a> {
    RowLabel { text, help, default: None, of: "" }
}

fn key(ui: &mut Ui, cx: &mut Cx<'_>) {
    let help =
        "Kept in the system's keyring, or in a file that only you can read. It is never shown.";
    control_row(ui, label("API key", help), |ui| {
        let width = field_width(ui);
        let edit = TextEdit::singleline(&mut cx.view.sheets.key.0)
            .password(true)
            .hint_text("Paste or type it")
            .desired_width(width - 16.0)
            .min_size(vec2(width, space::ROW))
            .margin(egui::Margin::symmetric(8, 5));
        let response = ui.add(edit).accessible_name("API key");
        if cx.view.sheets.focus_key {
            response.request_focus();
        }
        let entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        let typed = !cx.view.sheets.key.0.trim().is_empty();
        let keep = ui.add_enabled_ui(typed, |ui| text_button(ui, "Keep")).inner.clicked();
        if typed && (keep || entered) {
            cx.actions.push(Action::KeepKey);
        }
    });
    let colours = palette(ui);
    let refused = cx.world.engines.refusal_at(&cx.preferences.remote().service()).is_some();
    control_row(ui, label("", ""), |ui| {
        let (words, colour) = match &cx.world.engines.key {
            KeyStatus::Unknown => ("Looking for a key…".to_owned(), colours.faint),
            KeyStatus::Absent => ("There is no key yet".to_owned(), colours.dim),
            KeyStatus::Present(place) if refused => {
                (format!("The key {place} was refused"), colours.error)
            }
            KeyStatus::Present(place) => (format!("There is a key {place}"), colours.ok),
            KeyStatus::Trouble(why) => (why.clone(), colours.error),
        };
        let is_there = !matches!(cx.world.engines.key, KeyStatus::Unknown | KeyStatus::Absent);
        let width = ui.available_width() - if is_there { 76.0 } else { 0.0 };
        plain(ui, (&words, colour), width);
        if is_there && text_button(ui, "Forget").clicked() {
            cx.actions.push(Action::ForgetKey);
        }
    });
}

fn address(ui: &mut Ui, cx: &mut Cx<'_>) {
    let help = "Empty for the Runware service. ws://127.0.0.1:7862/v1 is a latelier serve on this machine; \
                http:// and https:// make single requests.";
    control_row(ui, label("Address", help), |ui| {
        let kept = cx.preferences.remote_address.clone();
        let mut text = cx.view.sheets.remote_address.take().unwrap_or(kept);
        let (name, width) = (("Remote address", "wss://ws-api.runware.ai/v1"), field_width(ui));
        let response = field(ui, &mut text, name, width);
        // Not while it is typed: each address is another engine.
        if response.has_focus() {
            cx.view.sheets.remote_address = Some(text);
        } else if response.lost_focus() || response.changed() {
            text.trim().clone_into(&mut cx.preferences.remote_address);
        }
    });
    let clear = cx.preferences.remote().address.is_some_and(|address| {
        let address = address.to_ascii_lowercase();
        let rest = ["ws://", "http://"].iter().find_map(|scheme| address.strip_prefix(scheme));
        // On this machine nobody is on the way.
        let here = ["127.0.0.1", "localhost", "[::1]"];
        rest.is_some_and(|rest| !here.iter().any(|host| rest.starts_with(host)))
    });
    if clear {
        let help = "Everybody on the way to another machine can read the key then.";
        control_row(ui, label("Unencrypted", help), |ui| {
            switch(ui, "Let the key travel unencrypted", &mut cx.preferences.remote_in_clear);
            ui.label(RichText::new("Let the key travel unencrypted").color(palette(ui).dim));
        });
    }
}

fn limit(ui: &mut Ui, cx: &mut Cx<'_>) {
    let help = "Before a day would cost more, the window asks. Costs are learnt from receipts.";
    control_row(ui, label("Daily limit", help), |ui| {
        let limit = cx.preferences.daily_limit;
        let shown = || limit.map_or_else(String::new, |limit| format!("{limit:.2}"));
        let mut text = cx.view.sheets.limit.clone().unwrap_or_else(shown);
        let response = field(ui, &mut text, ("Daily limit in US dollars", "none"), 96.0);
        ui.label(RichText::new("US dollars, then it asks").color(palette(ui).dim));
        if response.has_focus() || response.changed() {
            let number = text.trim().trim_start_matches('$').replace(',', ".");
            match number.parse::<f64>() {
                Ok(dollars) if dollars.is_finite() && dollars >= 0.0 => {
                    cx.preferences.daily_limit = Some(dollars);
                }
                _ if number.is_empty() => cx.preferences.daily_limit = None,
                _ => {}
            }
            cx.view.sheets.limit = Some(text);
        } else {
            cx.view.sheets.limit = None;
        }
    });
}

fn device(ui: &mut Ui, cx: &mut Cx<'_>) {
    let help = "Each is tried on a small network and held against the CPU before it is used.";
    control_row(ui, label("Device", help), |ui| {
        let devices = cx.world.engines.devices.clone().unwrap_or_default();
        let chosen = cx.preferences.local.device.clone();
        let named = |key: &str| {
            let known = devices.iter().find(|device| device.key == key);
            known.map_or_else(|| key.to_owned(), |device| device.name.clone())
        };
        let text = chosen.as_deref().map_or_else(|| "The best that works".to_owned(), named);
        let combo = egui::ComboBox::from_id_salt("device")
            .width(field_width(ui) - 8.0)
            .icon(super::super::top_bar::unfold_icon)
            .selected_text(text);
        let response = combo.show_ui(ui, |ui| {
            let local = &mut cx.preferences.local;
            ui.selectable_value(&mut local.device, None, "The best that works");
            for device in &devices {
                ui.selectable_value(&mut local.device, Some(device.key.clone()), &device.name);
            }
        });
        response.response.accessible_name("Device");
    });
}

fn memory(ui: &mut Ui, cx: &mut Cx<'_>) {
    let help =
        "Fast packs weights ahead: the quickest steps. Save memory reads them as they are used.";
    control_row(ui, label("Weights", help), |ui| {
        let options = [
            (None, "By the work"),
            (Some(MemoryMode::Fast), "Fast"),
            (Some(MemoryMode::LowMemory), "Save memory"),
        ];
        segmented(ui, "Weights", &options, &mut cx.preferences.local.memory);
    });
}

/// What the local engine really runs on.
fn works(ui: &mut Ui, cx: &Cx<'_>) {
    let words = match (&cx.world.status, cx.world.engines.kind) {
        (_, EngineKind::Remote) => "Changes take effect when this machine is used next.".to_owned(),
        (Status::Ready(device), _) => match &device.fallback {
            Some(why) => format!("Runs on {}. {why}", device.name),
            None => format!("Runs on {}. Changes wait for the jobs that it has.", device.name),
        },
        (Status::Starting, _) => "Starting…".to_owned(),
        (Status::Unavailable(failure), _) => failure.headline.clone(),
    };
    caption(ui, &words);
}
