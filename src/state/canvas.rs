//! What the canvas shows: one rule for who draws it and for who uses what is shown.

use std::path::PathBuf;

use uuid::Uuid;

use super::{Draft, JobEntry, StartPicture, State, Tone, View, World};
use crate::jobs::JobId;
use crate::task::ImageRef;

/// What the canvas shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnCanvas {
    /// The picture that the form starts from: because it was asked for, or for want of others.
    Start,
    /// The preview of the running job.
    Job(JobId),
    /// A picture of the gallery.
    Picture(Uuid),
    /// None.
    Nothing,
}

impl World {
    /// What the canvas shows.
    #[must_use]
    pub fn on_canvas(&self, draft: &Draft, view: &View) -> OnCanvas {
        let result = self.result_on_canvas(view);
        match result {
            _ if draft.seed_image.is_some() && view.start_shown => OnCanvas::Start,
            None if draft.seed_image.is_some() => OnCanvas::Start,
            None => OnCanvas::Nothing,
            Some(result) => result,
        }
    }

    /// The result on the canvas that was made from the form's start picture: it waits to be used
    /// in its place, or to be left.
    #[must_use]
    pub fn staged(&self, draft: &Draft, view: &View) -> Option<Uuid> {
        let OnCanvas::Picture(shown) = self.on_canvas(draft, view) else { return None };
        let task = self.gallery.get(shown)?.task()?;
        let from = draft.seed_image.map(ImageRef::Uuid);
        (from.is_some() && task.seed_image == from).then_some(shown)
    }

    /// The running job that the canvas follows.
    #[must_use]
    pub fn followed(&self, view: &View) -> Option<&JobEntry> {
        let watched = view.watched.and_then(|id| self.queue.get(id));
        let watched = watched.filter(|job| job.is_running());
        watched.or_else(|| self.queue.running()).filter(|_| view.following)
    }

    /// The job or the picture that the canvas shows when it does not show the start picture.
    #[must_use]
    pub fn result_on_canvas(&self, view: &View) -> Option<OnCanvas> {
        let running = self.followed(view);
        let chosen = || view.selected.filter(|selected| self.gallery.get(*selected).is_some());
        running.map(|job| OnCanvas::Job(job.id)).or_else(|| chosen().map(OnCanvas::Picture))
    }
}

impl State {
    /// The file of the picture that the canvas shows; says why when there is none.
    pub(super) fn shown_file(&mut self) -> Option<PathBuf> {
        let file = match self.world.on_canvas(&self.draft, &self.view) {
            OnCanvas::Start => self.start_file(),
            OnCanvas::Job(_) => {
                Err("The canvas shows a preview: choose a finished picture, or wait \
                                     until this one is"
                    .to_owned())
            }
            OnCanvas::Picture(shown) => {
                let path = self.world.gallery.get(shown).and_then(|entry| entry.path.clone());
                path.ok_or_else(|| {
                    "This picture could not be saved, so there is no file of it".to_owned()
                })
            }
            OnCanvas::Nothing => {
                Err("There is no picture on the canvas: make or open one first".to_owned())
            }
        };
        file.map_err(|why| self.world.notify(Tone::Failed, why)).ok()
    }

    fn start_file(&self) -> Result<PathBuf, String> {
        match self.world.start_picture(&self.draft) {
            Some(StartPicture::Here { path, .. }) => Ok(path.clone()),
            Some(other) => Err(other.refusal().unwrap_or_default()),
            None => Err("The picture on the canvas is still being read".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::jobs::{Device, ImageRecord, Progress, test_job};
    use crate::pixels::{Extent, Picture};

    fn made(number: u128, path: Option<&str>) -> ImageRecord {
        ImageRecord {
            image_uuid: Uuid::from_u128(number),
            request: Arc::clone(&test_job("a fox").request),
            index: 0,
            seed: Some(1),
            file: None,
            cost: None,
            picture: Picture::from_fn(Extent::new(1, 1), |_, _| [0; 4]),
            nsfw: None,
            path: path.map(PathBuf::from),
            elapsed: Duration::ZERO,
            speed_up: None,
        }
    }

    /// What was said when there was no file.
    fn refused(state: &mut State) -> String {
        state.world.notices.clear();
        assert_eq!(state.shown_file(), None);
        state.world.notices.remove(0).text
    }

    #[test]
    fn the_file_is_that_of_what_the_canvas_shows_or_there_is_a_reason() {
        let mut state = State::default();
        assert!(refused(&mut state).contains("make or open one"));

        state.draft.seed_image = Some(Uuid::from_u128(9));
        assert!(refused(&mut state).contains("still being read"));
        let here = StartPicture::Here { path: "start.png".into(), extent: Extent::new(1, 1) };
        state.world.set_start(Uuid::from_u128(9), here);
        assert_eq!(state.shown_file(), Some("start.png".into()), "for want of others");

        state.world.gallery.add(&made(1, Some("made.png")), SystemTime::now());
        state.world.gallery.add(&made(2, None), SystemTime::now());
        state.view.selected = Some(Uuid::from_u128(1));
        assert_eq!(state.shown_file(), Some("made.png".into()));
        state.view.start_shown = true;
        assert_eq!(state.shown_file(), Some("start.png".into()));
        // As after settings were reused that start from nothing.
        state.draft.seed_image = None;
        assert_eq!(state.shown_file(), Some("made.png".into()));
        state.view.selected = Some(Uuid::from_u128(2));
        assert!(refused(&mut state).contains("could not be saved"));
    }

    #[test]
    fn a_preview_is_no_guide() {
        let mut state = State::default();
        state.world.gallery.add(&made(1, Some("made.png")), SystemTime::now());
        state.view.selected = Some(Uuid::from_u128(1));
        let job = test_job("a fox");
        state.world.queue.push(JobEntry::new(&job));
        let device = Device { name: "CPU".to_owned(), fallback: None };
        state.receive(&crate::jobs::Event { job: job.id, progress: Progress::Started { device } });
        assert!(refused(&mut state).contains("preview"));
        state.view.following = false;
        assert_eq!(state.shown_file(), Some("made.png".into()));
    }
}
