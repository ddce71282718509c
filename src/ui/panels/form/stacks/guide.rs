//! A guide picture: small, and behind it where another one comes from and what is drawn from it.

use eframe::egui;
use egui::{Align2, Id, Popup, Rect, Role, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo};
use uuid::Uuid;

use super::super::super::gallery::paint_cover;
use crate::state::{Action, GuideSlot, GuideTool};
use crate::task::{ImageRef, Preprocessor};
use crate::ui::textures::Look;
use crate::ui::theme::{self, palette, space};
use crate::ui::widgets::{RowLabel, Span, refused, side_menu, span_row, switch, tip};
use crate::ui::{Cx, icons};

const WIDTH: f32 = 272.0;

/// What people call the guides that can be drawn.
const NAMES: [(Preprocessor, &str); 12] = [
    (Preprocessor::Canny, "Edges (canny)"),
    (Preprocessor::Lineart, "Line art"),
    (Preprocessor::LineartAnime, "Line art, anime"),
    (Preprocessor::Scribble, "Scribble"),
    (Preprocessor::Softedge, "Soft edges"),
    (Preprocessor::Mlsd, "Straight lines (mlsd)"),
    (Preprocessor::Depth, "Depth"),
    (Preprocessor::Normalbae, "Surface (normal)"),
    (Preprocessor::Openpose, "Pose (openpose)"),
    (Preprocessor::Seg, "Regions (seg)"),
    (Preprocessor::Tile, "Tile"),
    (Preprocessor::Shuffle, "Shuffle"),
];

/// The guide as a button of `size` points a side; a press offers others.
pub(in crate::ui::panels::form) fn button(
    ui: &mut Ui,
    cx: &mut Cx<'_>,
    (slot, image): (GuideSlot, Option<&ImageRef>),
    (name, size): (&str, f32),
) {
    let (place, response) = ui.allocate_exact_size(Vec2::splat(size), Sense::click());
    let enabled = ui.is_enabled();
    response.widget_info(|| WidgetInfo::labeled(Role::Button, enabled, name));
    let coming = cx.world.is_guide_coming(slot);
    let says = match image {
        _ if coming => "The guide is being made".to_owned(),
        None => "Choose a guide picture".to_owned(),
        Some(ImageRef::Uuid(image_uuid)) => paint_guide(ui, cx, place, *image_uuid),
        Some(ImageRef::Url(address)) => {
            paint_icon(ui, place, icons::PICTURE);
            address.clone()
        }
        Some(_) => {
            paint_icon(ui, place, icons::PICTURE);
            "A picture that the task brought along".to_owned()
        }
    };
    if coming {
        ui.put(place, egui::Spinner::new().size(18.0));
    } else if image.is_none() {
        ui.painter().rect_filled(place, theme::RADIUS, palette(ui).field);
        paint_icon(ui, place, icons::ADD);
    }
    let is_needed = !matches!(slot, GuideSlot::Reference | GuideSlot::AceMask);
    let missing = is_needed && image.is_none() && !coming && refused(ui).is_none();
    outline(ui, place, (&response, missing));
    let popup = side_menu(ui, &response, WIDTH);
    let wish = popup.show(|ui| menu(ui, cx, slot)).and_then(|shown| shown.inner);
    if let Some(action) = wish {
        cx.actions.push(action);
        Popup::close_all(ui.ctx());
    }
    tip(ui, response, &says);
}

/// Where a guide comes from: the canvas, the gallery, a file, or drawn from what the canvas shows.
fn menu(ui: &mut Ui, cx: &Cx<'_>, slot: GuideSlot) -> Option<Action> {
    ui.set_width(WIDTH);
    let mut wish = None;
    let chosen = cx.view.selected.map(|picture| Action::GuideByPicture(slot, picture));
    let choices = [
        ("The picture on the canvas", Some(Action::GuideByShown(slot))),
        ("The picture chosen in the gallery", chosen),
        ("Open a file…", Some(Action::OpenGuide(slot))),
    ];
    for (words, action) in choices {
        let row = egui::Button::selectable(false, words);
        if ui.add_enabled(action.is_some(), row).clicked() {
            wish = action;
        }
    }
    if matches!(slot, GuideSlot::Control(_)) {
        ui.add_space(space::ROW_GAP);
        ui.separator();
        wish = drawn(ui, cx, slot).or(wish);
    }
    wish
}

/// Guides that are drawn from the picture on the canvas; one that lacks its network says so.
fn drawn(ui: &mut Ui, cx: &Cx<'_>, slot: GuideSlot) -> Option<Action> {
    let colours = palette(ui);
    ui.label(
        egui::RichText::new("Draw from the picture on the canvas")
            .font(theme::title())
            .color(colours.dim),
    );
    let id = Id::unique("guide tools");
    let (mut low, mut high, mut hands) =
        ui.data(|data| data.get_temp::<(u32, u32, bool)>(id)).unwrap_or((100, 200, false));
    let mut wish = None;
    egui::Grid::new("guides").num_columns(2).spacing(Vec2::splat(2.0)).show(ui, |ui| {
        for (place, (preprocessor, words)) in NAMES.into_iter().enumerate() {
            let lacking = cx.world.annotator_missing(preprocessor);
            let row = egui::Button::selectable(false, (words, egui::Atom::grow()));
            let row = row.min_size(Vec2::new(WIDTH / 2.0 - 4.0, space::ROW - 4.0));
            let response = ui.add_enabled(lacking.is_none(), row);
            if response.clicked() {
                let tool = GuideTool {
                    preprocessor,
                    thresholds: (preprocessor == Preprocessor::Canny)
                        .then_some([low as u8, high as u8]),
                    hands: hands && preprocessor == Preprocessor::Openpose,
                };
                wish = Some(Action::DrawGuide(slot, tool));
            }
            tip(ui, response, lacking.unwrap_or_default());
            if place % 2 == 1 {
                ui.end_row();
            }
        }
    });
    let label = RowLabel {
        text: "Edges",
        help: "Edges begin above the higher gradient and go on above the lower one, 0 to 255.",
        default: None,
        of: "",
    };
    let names = ["Edges go on above", "Edges begin above"];
    let span = Span { label, names, range: 0..=255, apart: 1 };
    if let (Some([first, last]), _) = span_row(ui, &span, [low, high]) {
        (low, high) = (first, last);
    }
    ui.horizontal(|ui| {
        switch(ui, "Hands and face of a pose", &mut hands);
        ui.label("Hands and face of a pose");
    });
    ui.data_mut(|data| data.insert_temp(id, (low, high, hands)));
    wish
}

/// Draws the guide into `place`; what is to be said of it.
fn paint_guide(ui: &Ui, cx: &mut Cx<'_>, place: Rect, image_uuid: Uuid) -> String {
    let colours = palette(ui);
    ui.painter().rect_filled(place, theme::RADIUS, colours.field);
    let size = cx.thumbnail(image_uuid);
    let look = cx.world.guide_file(image_uuid).map(|path| {
        let look = cx.textures.look_in_file(image_uuid, path, size);
        (look, path)
    });
    match look {
        Some((Look::Ready(drawable), path)) => {
            paint_cover(ui, &drawable, (place, theme::RADIUS));
            format!("The guide. Click for another one.\n{}", path.display())
        }
        Some((Look::Broken, path)) => {
            paint_icon(ui, place, icons::ERROR);
            format!("This guide is gone or damaged: {}", path.display())
        }
        Some((Look::Coming, _)) | None => "The guide is being read".to_owned(),
    }
}

fn paint_icon(ui: &Ui, place: Rect, icon: char) {
    let colours = palette(ui);
    let colour = if icon == icons::ERROR { colours.error } else { colours.dim };
    let at = (place.center(), Align2::CENTER_CENTER);
    ui.painter().text(at.0, at.1, icon, theme::icon(18.0), colour);
}

fn outline(ui: &Ui, place: Rect, (response, missing): (&egui::Response, bool)) {
    let colours = palette(ui);
    let (width, colour) = if response.has_focus() {
        (theme::RING, colours.accent)
    } else if missing {
        (theme::LINE, colours.caution)
    } else if response.hovered() {
        (theme::LINE, colours.line_hover)
    } else {
        (theme::LINE, colours.line)
    };
    let stroke = Stroke::new(width, colour);
    ui.painter().rect_stroke(place, theme::RADIUS, stroke, StrokeKind::Inside);
}
