//! What can be done with the chosen pictures: one call an arm.

use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;

use uuid::Uuid;

use super::{Compare, GalleryEntry};
use crate::library::Trash;
use crate::state::{Action, Effect, State, Tone};

/// A wish about pictures of the gallery; without a name it is about the chosen ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GalleryAction {
    /// Choose this one, too, or not any more.
    Mark(Uuid),
    /// Choose all from where the choice began to this one.
    MarkTo(Uuid),
    /// Choose so many places further, too.
    MarkStep(isize),
    /// Choose all that the search leaves.
    MarkAll,
    /// Choose only the shown one again.
    MarkNone,
    /// Star this one, or take its star away.
    StarOne(Uuid),
    /// Star all that are chosen, or take their stars away when all have one.
    Star,
    /// Put them into the trash.
    Delete,
    /// Bring back what the deletion of that number took, or the last one.
    UndoDelete(Option<u64>),
    /// Offer to delete for good what lies in the trash.
    OfferEmptyTrash,
    /// Delete for good what lies in the trash.
    EmptyTrash,
    /// Save copies of them somewhere.
    Export(Texts),
    /// Put the two of them over each other.
    Compare,
    /// Show one picture again.
    LeaveCompare,
    /// Show the file in the system's file manager.
    Reveal,
    /// Put the picture on the clipboard.
    CopyPicture,
    /// Put the settings into the form that came with a picture from elsewhere, if they are still the offer
    /// of that number.
    RestoreOffered(u64),
}

/// Whether files keep what they say of their making.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Texts {
    /// They do.
    Kept,
    /// They say nothing.
    Removed,
}

/// Work of the shell on pictures' files.
#[derive(Clone, Debug)]
pub enum GalleryOrder {
    /// Remember that these are starred, or not any more.
    Star(Vec<Uuid>, bool),
    /// Move these into the trash.
    Delete(Vec<Uuid>),
    /// Move these out of the trash, then come back with them: [`super::Gallery::put_back`].
    Restore(Vec<Uuid>),
    /// Delete for good what lies in the trash.
    EmptyTrash,
    /// Copy these files to where the user says.
    Export(Vec<PathBuf>, Texts),
    /// Show this file in the system's file manager.
    Reveal(PathBuf),
    /// Put the pixels of this picture on the clipboard.
    CopyPicture(Box<GalleryEntry>),
}

impl State {
    /// Does what the user wishes with pictures of the gallery.
    pub(in crate::state) fn gallery_action(&mut self, action: GalleryAction) -> Option<Effect> {
        let order = match action {
            GalleryAction::Mark(image_uuid) => self.mark(image_uuid),
            GalleryAction::MarkTo(image_uuid) => self.mark_to(image_uuid),
            GalleryAction::MarkStep(places) => self.mark_step(places),
            GalleryAction::MarkAll => self.mark_all(),
            GalleryAction::MarkNone => self.mark_none(),
            GalleryAction::StarOne(image_uuid) => Some(self.star(vec![image_uuid])),
            GalleryAction::Star => Some(self.star(self.chosen())),
            GalleryAction::Delete => self.delete(),
            GalleryAction::UndoDelete(number) => self.undo_delete(number),
            GalleryAction::OfferEmptyTrash => self.offer_empty_trash(),
            GalleryAction::EmptyTrash => Some(self.empty_trash()),
            GalleryAction::Export(texts) => self.export_chosen(texts),
            GalleryAction::Compare => self.compare(),
            GalleryAction::LeaveCompare => self.leave_compare(),
            GalleryAction::Reveal => self.reveal(),
            GalleryAction::CopyPicture => self.copy_picture(),
            GalleryAction::RestoreOffered(number) => self.restore_offered(number),
        };
        self.world.drop_idle_notices();
        order.map(Effect::Gallery)
    }

    /// The chosen pictures that are there, newest first.
    #[must_use]
    pub fn chosen(&self) -> Vec<Uuid> {
        let gallery = &self.world.gallery;
        let all = self.view.gallery.marks.all(self.view.selected);
        let mut chosen: Vec<(Option<usize>, Uuid)> = all
            .into_iter()
            .filter(|image_uuid| gallery.get(*image_uuid).is_some())
            .map(|image_uuid| (gallery.shown_place(image_uuid), image_uuid))
            .collect();
        chosen.sort_unstable();
        chosen.into_iter().map(|(_, image_uuid)| image_uuid).collect()
    }

    fn entries(&self) -> impl Iterator<Item = &GalleryEntry> {
        self.chosen().into_iter().filter_map(|image_uuid| self.world.gallery.get(image_uuid))
    }

    /// Chooses `pictures` and shows one of them.
    fn choose(&mut self, pictures: BTreeSet<Uuid>, shown: Uuid, anchor: Option<Uuid>) {
        self.view.gallery.compare = None;
        self.view.gallery.marks.set(pictures, anchor);
        self.view.selected = Some(shown);
        self.view.following = false;
        self.view.show_results();
    }

    fn mark(&mut self, image_uuid: Uuid) -> Option<GalleryOrder> {
        self.world.gallery.get(image_uuid)?;
        let mut pictures = self.view.gallery.marks.all(self.view.selected);
        let mut shown = image_uuid;
        if !pictures.insert(image_uuid) && pictures.len() > 1 {
            pictures.remove(&image_uuid);
            let other = self.view.selected.filter(|selected| *selected != image_uuid);
            shown = other.or(pictures.first().copied())?;
        }
        self.choose(pictures, shown, Some(image_uuid));
        None
    }

    fn mark_to(&mut self, image_uuid: Uuid) -> Option<GalleryOrder> {
        let gallery = &self.world.gallery;
        let anchor = self.view.gallery.marks.anchor(self.view.selected);
        let anchor = anchor.filter(|anchor| gallery.shown_place(*anchor).is_some());
        let anchor = anchor.unwrap_or(image_uuid);
        let (one, other) = (gallery.shown_place(anchor)?, gallery.shown_place(image_uuid)?);
        let range = one.min(other)..=one.max(other);
        let pictures = range.filter_map(|place| Some(gallery.shown(place)?.image_uuid)).collect();
        self.choose(pictures, image_uuid, Some(anchor));
        None
    }

    fn mark_step(&mut self, places: isize) -> Option<GalleryOrder> {
        let gallery = &self.world.gallery;
        let place = gallery.shown_place(self.view.selected?)?;
        let last = gallery.shown_len().checked_sub(1)?;
        let next = gallery.shown(place.saturating_add_signed(places).min(last))?.image_uuid;
        self.view.reveal_selected = true;
        self.mark_to(next)
    }

    fn mark_all(&mut self) -> Option<GalleryOrder> {
        let gallery = &self.world.gallery;
        let places = 0..gallery.shown_len();
        let pictures: BTreeSet<Uuid> =
            places.filter_map(|place| Some(gallery.shown(place)?.image_uuid)).collect();
        let first = gallery.shown(0)?.image_uuid;
        let shown = self.view.selected.filter(|it| pictures.contains(it)).unwrap_or(first);
        self.choose(pictures, shown, Some(shown));
        None
    }

    fn mark_none(&mut self) -> Option<GalleryOrder> {
        self.view.gallery.choose_one();
        None
    }

    fn star(&mut self, pictures: Vec<Uuid>) -> GalleryOrder {
        let starred = !pictures.iter().all(|it| self.world.gallery.is_starred(*it));
        self.world.gallery.star(pictures.clone(), starred);
        // What could not be saved has no file for a star to stand beside.
        let saved =
            |image: &Uuid| self.world.gallery.get(*image).is_some_and(|it| it.path.is_some());
        GalleryOrder::Star(pictures.into_iter().filter(saved).collect(), starred)
    }

    fn delete(&mut self) -> Option<GalleryOrder> {
        let chosen = self.chosen();
        let first = chosen.first().and_then(|image| self.world.gallery.shown_place(*image));
        let going: HashSet<Uuid> = chosen.iter().copied().collect();
        let kept = |place: usize| {
            let image_uuid = self.world.gallery.shown(place)?.image_uuid;
            (!going.contains(&image_uuid)).then_some(image_uuid)
        };
        // The next one; at the end of the list the one before.
        let first = first.unwrap_or(0);
        let after = (first..self.world.gallery.shown_len()).find_map(kept);
        let next = after.or_else(|| (0..first).rev().find_map(kept));
        let files: Vec<Uuid> =
            self.entries().filter(|it| it.path.is_some()).map(|it| it.image_uuid).collect();
        if chosen.is_empty() {
            return None;
        }
        let number = self.world.gallery.remove(&chosen);
        self.view.gallery.choose_one();
        self.view.selected = next;
        let what = pictures(chosen.len());
        let undo = ("Undo", Action::Gallery(GalleryAction::UndoDelete(Some(number))));
        self.world.offer(Tone::Done, format!("{what} deleted"), undo);
        Some(GalleryOrder::Delete(files))
    }

    fn undo_delete(&mut self, number: Option<u64>) -> Option<GalleryOrder> {
        let images = self.world.gallery.take_deletion(number)?;
        let saved = |image: &Uuid| {
            self.world.gallery.removed.get(image).is_some_and(|entry| entry.path.is_some())
        };
        let (files, unsaved): (Vec<Uuid>, Vec<Uuid>) = images.into_iter().partition(saved);
        if !unsaved.is_empty() {
            self.brought_back(&unsaved);
        }
        (!files.is_empty()).then_some(GalleryOrder::Restore(files))
    }

    /// Takes in deleted pictures whose files are in the results folder again, and shows the newest.
    pub fn brought_back(&mut self, images: &[Uuid]) {
        let Some(newest) = images.first() else { return };
        self.world.gallery.put_back(images);
        self.choose(images.iter().copied().collect(), *newest, None);
        self.view.reveal_selected = true;
    }

    /// Takes in pictures whose files could not be moved into the trash: they are still there.
    pub fn not_deleted(&mut self, images: &[Uuid]) {
        self.world.gallery.not_deleted(images);
        self.world.drop_idle_notices();
    }

    fn offer_empty_trash(&mut self) -> Option<GalleryOrder> {
        let text =
            format!("Deleted pictures are kept for {} days. This cannot be undone:", Trash::DAYS);
        let button = ("Delete them for good", Action::Gallery(GalleryAction::EmptyTrash));
        self.world.offer(Tone::Done, text, button);
        None
    }

    fn empty_trash(&mut self) -> GalleryOrder {
        self.world.gallery.forget_deletions();
        GalleryOrder::EmptyTrash
    }

    fn export_chosen(&mut self, texts: Texts) -> Option<GalleryOrder> {
        let paths: Vec<PathBuf> = self.entries().filter_map(|entry| entry.path.clone()).collect();
        if paths.is_empty() {
            self.world.notify(Tone::Failed, "Choose a picture first that has a file to copy");
            return None;
        }
        Some(GalleryOrder::Export(paths, texts))
    }

    fn compare(&mut self) -> Option<GalleryOrder> {
        match self.chosen()[..] {
            // The older one, which the newer one came from, on the left.
            [newer, older] => {
                self.view.gallery.compare = Some(Compare::new([older, newer]));
                self.view.following = false;
                self.view.zoom = crate::state::Zoom::Fit;
                self.view.show_results();
            }
            _ => self.world.notify(
                Tone::Failed,
                "Choose the two pictures to compare: the second with Ctrl and a click",
            ),
        }
        None
    }

    fn leave_compare(&mut self) -> Option<GalleryOrder> {
        self.view.gallery.compare = None;
        None
    }

    fn reveal(&mut self) -> Option<GalleryOrder> {
        let path = self.world.gallery.get(self.view.selected?)?.path.clone();
        if path.is_none() {
            self.world.notify(Tone::Failed, "This picture could not be saved: there is no file");
        }
        path.map(GalleryOrder::Reveal)
    }

    fn copy_picture(&self) -> Option<GalleryOrder> {
        let entry = self.world.gallery.get(self.view.selected?)?;
        Some(GalleryOrder::CopyPicture(Box::new(entry.clone())))
    }

    fn restore_offered(&mut self, number: u64) -> Option<GalleryOrder> {
        let (_, offer) = self.world.offered.take_if(|(offered, _)| *offered == number)?;
        let model = self.draft.model.take();
        self.put_into_form(&offer.task);
        // A model that is not there is no reason to stand without any.
        self.draft.model = self.draft.model.take().or(model);
        self.view.form_open = true;
        let lost = match offer.notes.as_slice() {
            [] => String::new(),
            [one] => format!(". Left out: {one}"),
            [first, others @ ..] => format!(". Left out: {first}, and {} more", others.len()),
        };
        let text = format!("Settings of {} put into the form{lost}", offer.name);
        self.world.notify(Tone::Done, text);
        None
    }
}

fn pictures(count: usize) -> String {
    if count == 1 { "1 picture".to_owned() } else { format!("{count} pictures") }
}
