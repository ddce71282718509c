//! Draws the state and collects wishes. The only room, besides the shell, that knows egui.
//!
//! A panel may change the form and the view; everything else it asks for with an [`Action`].

pub mod icons;
mod mask_overlay;
mod panels;
mod shortcuts;
mod textures;
pub mod theme;
pub mod widgets;
mod words;

pub use textures::Textures;

use eframe::egui;
use uuid::Uuid;

use crate::state::{Action, Draft, OnCanvas, Painting, Preferences, ThemeChoice, View, World};
use textures::Size;

/// What a panel may see and do.
pub struct Cx<'a> {
    /// The form.
    pub draft: &'a mut Draft,
    /// How the user looks at things.
    pub view: &'a mut View,
    /// The mask while it is painted on.
    pub painting: &'a mut Painting,
    /// What the user decided once.
    pub preferences: &'a mut Preferences,
    /// Facts.
    pub world: &'a World,
    /// Pictures on the graphics card.
    pub textures: &'a mut Textures,
    /// Wishes of this frame.
    pub actions: &'a mut Vec<Action>,
}

impl Cx<'_> {
    /// Whether that picture is drawn blurred, because it may show adult content.
    #[must_use]
    pub fn covers(&self, image_uuid: Uuid) -> bool {
        self.view.covers(&self.world.gallery, image_uuid)
    }

    /// How that picture is drawn where it is small.
    #[must_use]
    pub fn thumbnail(&self, image_uuid: Uuid) -> Size {
        if self.covers(image_uuid) { Size::Covered } else { Size::Thumbnail }
    }

    /// Whether the canvas shows the start picture: because it was asked for, or for want of others.
    fn shows_start(&self) -> bool {
        self.world.on_canvas(self.draft, self.view) == OnCanvas::Start
    }

    /// The result on the canvas that waits to be used or left.
    fn staged(&self) -> Option<Uuid> {
        self.world.staged(self.draft, self.view)
    }

    /// Whether the canvas has a picture, or a running job, to show besides.
    fn has_results(&self) -> bool {
        self.world.result_on_canvas(self.view).is_some()
    }
}

/// Draws the whole window.
pub fn draw(ui: &mut egui::Ui, cx: &mut Cx<'_>) {
    ui.ctx().set_theme(match cx.view.theme {
        ThemeChoice::Dark => egui::ThemePreference::Dark,
        ThemeChoice::Light => egui::ThemePreference::Light,
        ThemeChoice::System => egui::ThemePreference::System,
    });
    scale(ui, cx.preferences);
    cx.textures.begin_frame(ui.ctx());
    cx.textures.mask.sync(ui.ctx(), cx.painting);
    shortcuts::listen(ui, cx);
    panels::task_sheet::listen(ui, cx);
    panels::draw(ui, cx);
    cx.textures.end_frame();
    cx.view.focus_prompt = false;
}

/// Draws everything as large as the user wishes.
fn scale(ui: &egui::Ui, preferences: &Preferences) {
    // Steps and bounds are ours, and so are the keys.
    ui.ctx().options_mut(|options| options.zoom_with_keyboard = false);
    ui.ctx().set_zoom_factor(preferences.scale());
}
