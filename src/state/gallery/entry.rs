//! One finished picture: where it is, when it was made, and what it was made with.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use uuid::Uuid;

use crate::jobs::ImageRecord;
use crate::library::{About, StoredImage};
use crate::pixels::Picture;
use crate::task::{ImageRef, Task};

/// What a picture was made with.
#[derive(Clone, Debug, Default)]
pub enum Settings {
    /// The file has not been read yet.
    #[default]
    Unread,
    /// The index has them; they are fetched when the picture is chosen.
    Stored,
    /// The file carries none.
    Missing,
    /// The task it answers.
    Known(Arc<Task>),
}

/// A finished picture.
#[derive(Clone, Debug)]
pub struct GalleryEntry {
    /// Names the picture for ever.
    pub image_uuid: Uuid,

    /// When it was made.
    pub made: SystemTime,

    /// Where it lies, if it could be saved.
    pub path: Option<PathBuf>,

    /// Its pixels, while they are still in memory.
    pub picture: Option<Picture>,

    /// How many times as fast `DeepCache` made its steps; known of pictures of this session.
    pub speed_up: Option<f32>,

    /// What it cost in US dollars, when somebody was paid and it is known.
    pub cost: Option<f64>,

    /// What it was made with.
    pub settings: Settings,

    /// The same in short, and the picture's size; empty while the file is unread.
    pub about: About,
}

impl GalleryEntry {
    /// The task, when it is known.
    #[must_use]
    pub const fn task(&self) -> Option<&Arc<Task>> {
        match &self.settings {
            Settings::Known(task) => Some(task),
            Settings::Unread | Settings::Stored | Settings::Missing => None,
        }
    }

    /// The prompt, when it is known.
    #[must_use]
    pub fn prompt(&self) -> Option<&str> {
        self.about.prompt.as_deref()
    }

    pub(super) fn from_stored(stored: StoredImage) -> Self {
        let mut entry = Self {
            image_uuid: stored.image_uuid,
            made: stored.made,
            path: Some(stored.path),
            picture: None,
            speed_up: None,
            cost: None,
            settings: Settings::Unread,
            about: About::default(),
        };
        if let Some(about) = stored.about {
            entry.learn(about);
        }
        entry
    }

    pub(super) fn from_record(record: &ImageRecord, made: SystemTime) -> Self {
        let mut task = record.made_by();
        // Pictures inside the task or at an address are kept once, under names: the library's copy of the
        // task has those, and no megabytes.
        let named = task.images_mut().iter().all(|image| matches!(image, ImageRef::Uuid(_)));
        let about = About::new(Some(record.picture.extent()), Some(&task));
        let settings = if named || record.path.is_none() {
            Settings::Known(Arc::new(task))
        } else {
            Settings::Stored
        };
        Self {
            image_uuid: record.image_uuid,
            made,
            path: record.path.clone(),
            picture: Some(record.picture.clone()),
            speed_up: record.speed_up,
            cost: record.cost,
            about,
            settings,
        }
    }

    pub(super) fn learn(&mut self, about: About) {
        self.settings = if about.has_task { Settings::Stored } else { Settings::Missing };
        self.about = about;
    }
}
