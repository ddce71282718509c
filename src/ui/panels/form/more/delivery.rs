//! How pictures are delivered: format, quality, where to, what they cost.

use eframe::egui;
use egui::{Label, RichText, Ui};

use super::super::rows::{refusable, switch_row, text_row, whole_row, words_row};
use crate::task::{DeliveryMethod, OutputFormat, OutputType};
use crate::ui::Cx;
use crate::ui::theme::{self, palette, space};

/// The quality of a file where nothing is said.
const QUALITY: u32 = 95;

pub(super) fn ui(ui: &mut Ui, cx: &mut Cx<'_>) {
    const FORMATS: [(OutputFormat, &str); 3] =
        [(OutputFormat::Png, "PNG"), (OutputFormat::Jpg, "JPG"), (OutputFormat::Webp, "WEBP")];
    const TYPES: [(OutputType, &str); 3] = [
        (OutputType::Url, "URL"),
        (OutputType::DataUri, "data URI"),
        (OutputType::Base64Data, "base64"),
    ];
    const WAYS: [(DeliveryMethod, &str); 2] =
        [(DeliveryMethod::Sync, "wait"), (DeliveryMethod::Async, "ask again")];
    ui.add_space(space::ROW_GAP);
    ui.add(Label::new(RichText::new("Delivery").font(theme::title()).color(palette(ui).dim)));
    let format = cx.draft.more.output_format.unwrap_or(OutputFormat::Jpg);
    if let Some(format) = words_row(ui, ("Format", "Format", "outputFormat"), &FORMATS, format) {
        cx.draft.more.output_format = Some(format);
    }
    ui.add_enabled_ui(format != OutputFormat::Png, |ui| {
        let mut quality = cx.draft.more.output_quality;
        let row = ("Quality", "", "outputQuality");
        whole_row(ui, cx, row, 20.0..=99.0, (&mut quality, QUALITY));
        cx.draft.more.output_quality = quality;
    });
    let kind = cx.draft.more.output_type.unwrap_or(OutputType::Url);
    if let Some(kind) = words_row(ui, ("Answer", "Answer as", "outputType"), &TYPES, kind) {
        cx.draft.more.output_type = (kind != OutputType::Url).then_some(kind);
    }
    let cost = cx.draft.more.include_cost == Some(true);
    if let Some(on) =
        switch_row(ui, ("Cost", "Include the cost", "includeCost"), cost, "in the answer")
    {
        cx.draft.more.include_cost = on.then_some(true);
    }
    let set = cx.draft.more.upload_endpoint.is_some();
    refusable(ui, cx, ("uploadEndpoint", set), |ui, cx| {
        let mut address = cx.draft.more.upload_endpoint.clone();
        text_row(ui, cx, ("Upload to", "uploadEndpoint", "https://…, by HTTP PUT"), &mut address);
        cx.draft.more.upload_endpoint = address;
    });
    let way = cx.draft.more.delivery_method.unwrap_or(DeliveryMethod::Sync);
    if let Some(way) = words_row(ui, ("Wait", "Delivery", "deliveryMethod"), &WAYS, way) {
        cx.draft.more.delivery_method = (way != DeliveryMethod::Sync).then_some(way);
    }
    let set = cx.draft.more.ttl.is_some();
    refusable(ui, cx, ("ttl", set), |ui, cx| {
        // The document gives no default: nothing is shown that is not sent.
        let mut seconds = cx.draft.more.ttl.map(|seconds| seconds.to_string());
        text_row(ui, cx, ("Time to live", "ttl", "seconds, 60 or more"), &mut seconds);
        cx.draft.more.ttl = whole(seconds.as_deref(), cx.draft.more.ttl);
    });
    let set = cx.draft.more.webhook_url.is_some();
    refusable(ui, cx, ("webhookURL", set), |ui, cx| {
        let mut address = cx.draft.more.webhook_url.clone();
        text_row(ui, cx, ("Webhook", "webhookURL", "https://…"), &mut address);
        cx.draft.more.webhook_url = address;
    });
}

/// The number that was typed: its digits. What is none leaves it as it was `before`; nothing typed is none.
fn whole<T: std::str::FromStr>(typed: Option<&str>, before: Option<T>) -> Option<T> {
    let digits: String = typed?.chars().filter(char::is_ascii_digit).collect();
    digits.parse().ok().or(before)
}

#[cfg(test)]
mod tests {
    use super::whole;

    #[test]
    fn a_wrong_key_leaves_the_number() {
        for (typed, wanted) in [
            (Some("90"), Some(90)),
            (Some("90s"), Some(90)),
            (Some("s"), Some(60)),
            (Some("99999999999"), Some(60)),
            (None, None),
        ] {
            assert_eq!(whole::<u32>(typed, Some(60)), wanted, "{typed:?}");
        }
    }
}
