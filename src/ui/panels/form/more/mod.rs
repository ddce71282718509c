//! Rarely used rows, folded; the head says how many of them are set.

mod delivery;
mod identity;

use eframe::egui;
use egui::{Align2, Role, Sense, Ui, WidgetInfo, vec2};

use super::rows::{number_row, refusable, switch_row, whole_row};
use super::stacks::guide;
use super::{complaint_within, engine, picture};
use crate::state::GuideSlot;
use crate::task::{DeepCache, ImageRef, ModelKind};
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::{IconButton, RowLabel, control_row, paint_elided, refused, tip};
use crate::ui::{Cx, icons};

/// The largest interval that the slider offers; the API knows no limit.
const LARGEST_INTERVAL: f64 = 10.0;
/// The deepest branch of SD 1.5's UNet, counted from 0.
const DEEPEST_BRANCH: f64 = 11.0;

/// Parameters whose rows are in here: what is wrong with one unfolds nothing, the head says it.
const PARAMETERS: [&str; 16] = [
    "acceleratorOptions",
    "advancedFeatures",
    "clipSkip",
    "vae",
    "referenceImages",
    "puLID",
    "acePlusPlus",
    "outputType",
    "outputFormat",
    "outputQuality",
    "uploadEndpoint",
    "includeCost",
    "checkNSFW",
    "deliveryMethod",
    "ttl",
    "webhookURL",
];

/// How many of the rows below say something.
fn count(cx: &Cx<'_>) -> usize {
    let stacks = &cx.draft.stacks;
    let there = [
        stacks.accelerator.is_some(),
        stacks.pu_lid.is_some(),
        stacks.ace.is_some(),
        cx.draft.check_nsfw.is_some(),
    ];
    cx.draft.more.count() + there.into_iter().filter(|there| *there).count()
}

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    head(ui, cx);
    if !cx.view.more_open {
        return;
    }
    let accelerator = cx.draft.stacks.accelerator.as_ref();
    let tea = accelerator.is_some_and(|options| options.tea_cache == Some(true));
    let deep = cx.draft.stacks.deep_cache();
    let face = cx.draft.stacks.pu_lid.as_ref().is_some_and(|row| !row.off);
    let ace = cx.draft.stacks.ace.as_ref().is_some_and(|row| !row.off);
    let more = &cx.draft.more;
    let (skips, has_vae) = (more.clip_skip.is_some(), more.vae.is_some());
    let (clear, refers) = (more.advanced_features.is_some(), more.reference_images.is_some());
    picture::safety(ui, cx);
    refusable(ui, cx, ("clipSkip", skips), |ui, cx| {
        let mut skip = cx.draft.more.clip_skip;
        whole_row(ui, cx, ("CLIP skip", "", "clipSkip"), 0.0..=2.0, (&mut skip, 0));
        cx.draft.more.clip_skip = skip;
    });
    refusable(ui, cx, ("vae", has_vae), vae);
    refusable(ui, cx, ("acceleratorOptions.deepCache", deep), deep_cache);
    refusable(ui, cx, ("acceleratorOptions.teaCache", tea), tea_cache);
    refusable(ui, cx, ("advancedFeatures.layerDiffuse", clear), transparency);
    refusable(ui, cx, ("referenceImages", refers), reference);
    refusable(ui, cx, ("puLID", face), identity::pu_lid);
    refusable(ui, cx, ("acePlusPlus", ace), identity::ace);
    delivery::ui(ui, cx);
    unknown(ui, cx);
}

/// The line that folds the section.
fn head(ui: &mut Ui, cx: &mut Cx<'_>) {
    let colours = palette(ui);
    let size = vec2(ui.available_width(), 24.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    let count = count(cx);
    let says = if count == 0 { "More".to_owned() } else { format!("More, {count} set") };
    let open = cx.view.more_open;
    response.widget_info(|| WidgetInfo::selected(Role::Button, true, open, &says));
    let hot = response.hovered() || response.has_focus();
    let colour = if hot { colours.text } else { colours.dim };
    let icon = if open { icons::FOLD_OPEN } else { icons::FOLDED };
    let at = rect.left_center() - vec2(3.0, 0.0);
    ui.painter().text(at, Align2::LEFT_CENTER, icon, theme::icon(18.0), colour);
    let at = (rect.left_center() + vec2(17.0, 0.0), Align2::LEFT_CENTER);
    let taken = paint_elided(ui, at, "More", (theme::title(), colour), rect.width()).right();
    let problem = complaint_within(cx, &PARAMETERS);
    let (words, colour) = match (&problem, count) {
        (Some(problem), _) => (problem.clone(), colours.error),
        (None, 0) => (String::new(), colours.faint),
        (None, count) => (format!("{count} set"), colours.faint),
    };
    let style = (theme::caption(), colour);
    let width = rect.right() - taken - space::GAP;
    paint_elided(ui, (rect.right_center(), Align2::RIGHT_CENTER), &words, style, width);
    if response.clicked() {
        cx.view.more_open = !open;
    }
    if let Some(problem) = problem {
        tip(ui, response, &problem);
    }
}

/// An autoencoder instead of the model's own.
fn vae(ui: &mut Ui, cx: &mut Cx<'_>) {
    let label = RowLabel { text: "VAE", help: picture::help("vae"), default: None, of: "" };
    let now = cx.draft.more.vae.clone();
    let card = now.as_ref().and_then(|air| cx.world.card(air));
    let words = match (&card, &now) {
        _ if refused(ui).is_some() => refused(ui).unwrap_or_default(),
        (Some(card), _) => card.name.clone(),
        (None, Some(air)) => air.clone(),
        (None, None) => "the model's own".to_owned(),
    };
    control_row(ui, label, |ui| {
        let width = ui.available_width() - if now.is_some() { 28.0 + 4.0 } else { 0.0 };
        let words = (words.as_str(), egui::Atom::grow());
        let button = egui::Button::new(words).truncate().min_size(vec2(width, space::ROW));
        let response = ui.add_sized(vec2(width, space::ROW), button).accessible_name("VAE");
        if let Some(air) = super::stacks::pick(ui, cx, (&response, ModelKind::Vae, "VAE")) {
            cx.draft.more.vae = Some(air);
        }
        if now.is_some() && IconButton::new(icons::CLOSE, "The model's own VAE").show(ui).clicked()
        {
            cx.draft.more.vae = None;
        }
    });
}

/// Whether deep features are kept between steps, for how long, and what is still computed.
fn deep_cache(ui: &mut Ui, cx: &mut Cx<'_>) {
    let on = cx.draft.stacks.deep_cache();
    let row = ("DeepCache", "DeepCache", "acceleratorOptions.deepCache");
    if let Some(on) = switch_row(ui, row, on, "faster, slightly different") {
        cx.draft.stacks.set_deep_cache(on);
    }
    if !cx.draft.stacks.deep_cache() {
        return;
    }
    let Some(mut options) = cx.draft.stacks.accelerator.clone() else { return };
    let row = ("Interval", "DeepCache", "acceleratorOptions.deepCacheInterval");
    let number = (&mut options.deep_cache_interval, DeepCache::INTERVAL);
    whole_row(ui, cx, row, 1.0..=LARGEST_INTERVAL, number);
    let row = ("Branch", "DeepCache", "acceleratorOptions.deepCacheBranchId");
    whole_row(ui, cx, row, 0.0..=DEEPEST_BRANCH, (&mut options.deep_cache_branch_id, 0));
    cx.draft.stacks.accelerator = Some(options);
}

/// The same for transformers.
fn tea_cache(ui: &mut Ui, cx: &mut Cx<'_>) {
    const DISTANCE: f64 = 0.5;
    let mut options = cx.draft.stacks.accelerator.clone().unwrap_or_default();
    let on = options.tea_cache == Some(true);
    let row = ("TeaCache", "TeaCache", "acceleratorOptions.teaCache");
    if let Some(on) = switch_row(ui, row, on, "faster, slightly different") {
        options.tea_cache = on.then_some(true);
        if !on {
            options.tea_cache_distance = None;
        }
    }
    if options.tea_cache == Some(true) {
        let row = ("Distance", "TeaCache", "acceleratorOptions.teaCacheDistance");
        let number = (&mut options.tea_cache_distance, DISTANCE);
        number_row(ui, cx, row, (0.0..=1.0, 0.05, 2), number);
    }
    cx.draft.stacks.set_accelerator(options);
}

fn transparency(ui: &mut Ui, cx: &mut Cx<'_>) {
    let mut features = cx.draft.more.advanced_features.clone().unwrap_or_default();
    let on = features.layer_diffuse == Some(true);
    let row = ("Transparent", "Transparent background", "advancedFeatures.layerDiffuse");
    let Some(on) = switch_row(ui, row, on, "background; PNG or WEBP") else { return };
    features.layer_diffuse = on.then_some(true);
    let empty = features == crate::task::AdvancedFeatures::default();
    cx.draft.more.advanced_features = (!empty).then_some(features);
}

/// A picture that edit models look at.
fn reference(ui: &mut Ui, cx: &mut Cx<'_>) {
    let now = cx.draft.more.reference_images.clone();
    let row = ("Reference", "Reference picture", "referenceImages");
    if picture_row(ui, cx, row, (GuideSlot::Reference, now.as_ref())) {
        cx.draft.more.reference_images = None;
    }
}

/// A row with a picture; whether it is to be taken away.
fn picture_row(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    (text, name, parameter): (&str, &str, &str),
    (slot, now): (GuideSlot, Option<&Vec<ImageRef>>),
) -> bool {
    let image = now.and_then(|images| images.first()).cloned();
    let label = RowLabel { text, help: picture::help(parameter), default: None, of: "" };
    let (removed, _) = control_row(ui, label, |ui| {
        guide::button(ui, cx, (slot, image.as_ref()), (name, space::ROW));
        let says = match &image {
            None => "none",
            Some(ImageRef::Uuid(_)) => "of the library",
            Some(_) => "of the task",
        };
        let refusal = refused(ui);
        let colour = if refusal.is_some() { palette(ui).text } else { palette(ui).faint };
        let words = refusal.unwrap_or_else(|| says.to_owned());
        ui.colored_label(colour, egui::RichText::new(words).font(theme::caption()));
        let close = format!("Take away: {name}");
        image.is_some() && IconButton::new(icons::CLOSE, &close).show(ui).clicked()
    });
    removed
}

/// The beginning of a value as JSON: it may hold whole pictures.
fn brief(value: &serde_json::Value) -> String {
    const MOST: usize = 300;
    let mut beginning = [0; MOST];
    let mut room = beginning.as_mut_slice();
    // It fails where there is no more room.
    let whole = serde_json::to_writer(&mut room, value).is_ok();
    let written = MOST - room.len();
    let text = String::from_utf8_lossy(&beginning[..written]);
    // The last sign may have been cut in two.
    let text = text.trim_end_matches(char::REPLACEMENT_CHARACTER);
    if whole { text.to_owned() } else { format!("{text}…") }
}

/// What a task brought along that is not known here; it is sent as it is, and refused by this machine.
fn unknown(ui: &mut Ui, cx: &mut Cx<'_>) {
    let colours = palette(ui);
    let known: Vec<(String, String)> =
        cx.draft.more.extra.iter().map(|(key, value)| (key.clone(), brief(value))).collect();
    let where_ = match engine(cx) {
        crate::task::EngineKind::Local => "this machine does not know it",
        crate::task::EngineKind::Remote => "not documented",
    };
    for (key, value) in known {
        let help = format!("{key}: {value}\nThe task brought it along; {where_}.");
        let label = RowLabel { text: &key, help: &help, default: None, of: "" };
        let (removed, _) = control_row(ui, label, |ui| {
            let size = vec2(ui.available_width() - space::ROW - 4.0, space::ROW);
            let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
            let at = (rect.left_center(), Align2::LEFT_CENTER);
            paint_elided(ui, at, &value, (theme::body(), colours.caution), rect.width());
            response
                .widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{key}: {value}")));
            tip(ui, response, &help);
            IconButton::new(icons::CLOSE, &format!("Leave out {key}")).show(ui).clicked()
        });
        if removed {
            cx.draft.more.extra.shift_remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::brief;
    use serde_json::json;

    #[test]
    fn of_a_long_value_only_the_beginning_is_written() {
        assert_eq!(brief(&json!({ "a": [1, "b"] })), r#"{"a":[1,"b"]}"#);
        for sign in ["a", "é", "€", "🦊"] {
            let text = brief(&json!([sign.repeat(1_000_000)]));
            assert!(text.starts_with(&format!("[\"{sign}")) && text.ends_with(&format!("{sign}…")));
            assert!(text.len() <= 303, "{}", text.len());
        }
    }
}
