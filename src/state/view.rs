//! How the user looks at things: folds, theme, selection, zoom. Changed directly by the panels.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Compare, Gallery, GalleryView, PromptBook, Sheets, TaskSheet, ToolSettings};
use crate::jobs::{JobId, NsfwScore};

/// Dark, light, or as the system says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ThemeChoice {
    /// Dark, whatever the system says.
    #[default]
    Dark,
    /// Light, whatever the system says.
    Light,
    /// As the system says.
    System,
}

impl ThemeChoice {
    /// The one after this, round and round.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::Dark => Self::Light,
            Self::Light => Self::System,
            Self::System => Self::Dark,
        }
    }

    /// The word people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Dark => "Dark",
            Self::Light => "Light",
            Self::System => "As the system",
        }
    }
}

/// How large the picture is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Zoom {
    /// As large as fits, at most eight screen points a pixel.
    #[default]
    Fit,

    /// Screen points a pixel of the picture, and where the picture's centre lies from the canvas's centre.
    Free {
        /// Screen points a pixel.
        scale: f32,
        /// Screen points to the right and down.
        offset_in_ui: [f32; 2],
    },
}

/// What dragging on the start picture does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tool {
    /// Moves it, and pulls its sides.
    #[default]
    Hand,
    /// Paints on the mask.
    Brush,
    /// Takes away from the mask.
    Eraser,
    /// Adds what is drawn around.
    Lasso,
    /// Adds a rectangle.
    Rectangle,
    /// Adds an ellipse.
    Ellipse,
    /// Fills up to the mask's edges.
    Fill,
    /// Adds what has one colour.
    Colour,
}

impl Tool {
    /// Whether it changes the mask.
    #[must_use]
    pub fn paints(self) -> bool {
        self != Self::Hand
    }
}

/// What only this window knows. The first block is saved between runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct View {
    /// Colours of the window.
    pub theme: ThemeChoice,

    /// Whether the form is unfolded.
    pub form_open: bool,

    /// Whether the gallery is unfolded.
    pub gallery_open: bool,

    /// Whether form and gallery were unfolded when that was looked at last.
    #[serde(skip)]
    pub(super) unfolded: (bool, bool),

    /// Whether form or gallery wait for room to be unfolded again.
    pub(super) wait_for_room: (bool, bool),

    /// How the tools of the canvas are set.
    pub tools: ToolSettings,

    /// How the gallery is looked at.
    pub gallery: GalleryView,

    /// Prompts that were drawn with.
    pub prompts: PromptBook,

    /// Whether the form's rarely used rows are unfolded.
    pub more_open: bool,

    /// Words the gallery is searched for.
    #[serde(skip)]
    pub search: String,

    /// The chosen picture of the gallery; the canvas shows it.
    #[serde(skip)]
    pub selected: Option<Uuid>,

    /// Whether the canvas shows the running job and the selection follows what it makes.
    #[serde(skip)]
    pub following: bool,

    /// Of several running jobs the one that is followed; the first of them when it is not among them.
    #[serde(skip)]
    pub watched: Option<JobId>,

    /// How large the picture is drawn.
    #[serde(skip)]
    pub zoom: Zoom,

    /// Whether the canvas shows the start picture instead of results.
    #[serde(skip)]
    pub start_shown: bool,

    /// What dragging on the start picture does.
    #[serde(skip)]
    pub tool: Tool,

    /// Whether the sheet of shortcuts is open.
    #[serde(skip)]
    pub shortcuts_open: bool,

    /// The task of the form as text.
    #[serde(skip)]
    pub task_sheet: TaskSheet,

    /// Sheets over the window and lists that fold out.
    #[serde(skip)]
    pub sheets: Sheets,

    /// Set for one frame: the prompt takes the keyboard.
    #[serde(skip)]
    pub focus_prompt: bool,

    /// Set for one frame: the gallery scrolls until the selected picture is seen.
    #[serde(skip)]
    pub reveal_selected: bool,

    /// Pictures with adult content that the user asked to see.
    #[serde(skip)]
    pub uncovered: BTreeSet<Uuid>,

    /// Pictures in a row of the gallery, as drawn last; arrow keys go by it.
    #[serde(skip)]
    pub gallery_columns: usize,
}

impl View {
    /// Whether that picture is shown blurred: it may show adult content and nobody asked to see it.
    #[must_use]
    pub fn covers(&self, gallery: &Gallery, image_uuid: Uuid) -> bool {
        gallery.verdict(image_uuid).is_some_and(NsfwScore::is_adult)
            && !self.uncovered.contains(&image_uuid)
    }

    /// Shows the start picture on the canvas, in full.
    pub fn show_start(&mut self) {
        if !self.start_shown {
            (self.start_shown, self.zoom) = (true, Zoom::Fit);
        }
    }

    /// Shows results on the canvas.
    pub fn show_results(&mut self) {
        if self.start_shown {
            (self.start_shown, self.zoom) = (false, Zoom::Fit);
        }
        self.tool = Tool::Hand;
    }

    /// The two pictures that the canvas shows over each other.
    #[must_use]
    pub fn compares(&self) -> Option<Compare> {
        self.gallery.compare.filter(|_| !self.following && !self.start_shown)
    }

    /// Folds one side where there is no room for both, the one that was unfolded before the other, and
    /// unfolds it when there is room again.
    pub fn fold_for_want_of_room(&mut self, has_room: bool) {
        if has_room {
            let (form, gallery) = std::mem::take(&mut self.wait_for_room);
            self.form_open |= form;
            self.gallery_open |= gallery;
        } else if self.form_open && self.gallery_open {
            let gallery_is_new = self.unfolded == (true, false);
            (self.form_open, self.gallery_open) = (!gallery_is_new, gallery_is_new);
            self.wait_for_room = (gallery_is_new, !gallery_is_new);
        }
        self.unfolded = (self.form_open, self.gallery_open);
    }

    /// Whether what is saved of both is the same.
    #[must_use]
    pub fn same_saved(&self, other: &Self) -> bool {
        self.theme == other.theme
            && self.form_open == other.form_open
            && self.gallery_open == other.gallery_open
            && self.wait_for_room == other.wait_for_room
            && self.tools == other.tools
            && self.gallery.same_saved(&other.gallery)
            && self.more_open == other.more_open
            && self.prompts == other.prompts
    }
}

impl Default for View {
    fn default() -> Self {
        Self {
            theme: ThemeChoice::default(),
            form_open: true,
            gallery_open: true,
            unfolded: (false, false),
            wait_for_room: (false, false),
            tools: ToolSettings::default(),
            gallery: GalleryView::default(),
            prompts: PromptBook::default(),
            more_open: false,
            search: String::new(),
            selected: None,
            following: true,
            watched: None,
            zoom: Zoom::Fit,
            start_shown: false,
            tool: Tool::default(),
            shortcuts_open: false,
            task_sheet: TaskSheet::default(),
            sheets: Sheets::default(),
            focus_prompt: false,
            reveal_selected: false,
            uncovered: BTreeSet::new(),
            gallery_columns: 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_room_for_both_sides_the_one_that_was_asked_for_last_stays() {
        let mut view = View::default();
        let sides = |view: &mut View, has_room| {
            view.fold_for_want_of_room(has_room);
            (view.form_open, view.gallery_open)
        };
        assert_eq!(sides(&mut view, true), (true, true));
        assert_eq!(sides(&mut view, false), (true, false), "the form is needed more");
        view.gallery_open = true;
        assert_eq!(sides(&mut view, false), (false, true));
        view.form_open = true;
        assert_eq!(sides(&mut view, false), (true, false));
        view.form_open = false;
        assert_eq!(sides(&mut view, false), (false, false));
        assert_eq!(sides(&mut view, true), (false, true), "it only waited for room");
        view.gallery_open = false;
        assert_eq!(sides(&mut view, true), (false, false));
    }
}
