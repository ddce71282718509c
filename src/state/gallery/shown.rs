//! Which pictures the search leaves, newest first, and how they fall into days.
//!
//! Brought up to date a slice a frame: a search through very many pictures never holds a frame up, and
//! what was found before stays until it is through.

use std::ops::Range;
use std::sync::Arc;
use std::time::SystemTime;

use super::days::{Day, Midnights};
use super::search::Query;
use super::{Gallery, GalleryEntry};
use crate::task::ModelCard;

/// Pictures that are looked at at once, which is done twice a frame.
pub(super) const SLICE: usize = 6_000;

/// What the user wants to see.
#[derive(Clone, Copy, Debug)]
pub(in crate::state) struct Filter<'a> {
    /// As typed.
    pub(in crate::state) search: &'a str,
    /// Only those with a star.
    pub(in crate::state) only_starred: bool,
    /// What models are called.
    pub(in crate::state) models: &'a Arc<Vec<Arc<ModelCard>>>,
}

/// What has changed since the pictures were looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stale {
    /// Nothing.
    #[default]
    No,
    /// What is known of pictures.
    Facts,
    /// Their places: what was found is of no use.
    Places,
}

/// What the search leaves, newest first.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pub(super) places: Vec<usize>,
    pub(super) days: Vec<(Day, Range<usize>)>,
    pub(super) stale: Stale,
    pub(super) query: Query,
    search: String,
    only_starred: bool,
    models: usize,
    midnights: Option<Midnights>,
    /// What was found so far, and below which place the search goes on.
    finding: Option<(Vec<usize>, usize)>,
}

impl Shown {
    /// Whether the search is still going on.
    pub(super) const fn is_searching(&self) -> bool {
        self.finding.is_some()
    }

    /// Whether it makes a difference which pictures are starred.
    pub(super) fn asks_for_stars(&self) -> bool {
        self.only_starred || self.query.asks_for_stars()
    }

    fn wants(&self, entry: &GalleryEntry, starred: bool) -> bool {
        (starred || !self.only_starred) && self.query.matches(entry, starred)
    }

    /// Takes in the picture that was just put at the end.
    pub(super) fn take_in(&mut self, entries: &[GalleryEntry], starred: bool) {
        let Some(place) = entries.len().checked_sub(1) else { return };
        if self.wants(&entries[place], starred) {
            self.places.insert(0, place);
            if let Some((found, _)) = &mut self.finding {
                found.insert(0, place);
            }
        }
        self.divide(entries);
    }

    /// The pictures have other places now.
    pub(super) fn forget_places(&mut self) {
        self.places.clear();
        self.days.clear();
        self.stale = Stale::Places;
    }

    /// Takes over what is wanted; whether everything has to be looked at again.
    fn take_over(&mut self, filter: &Filter<'_>, now: SystemTime) -> bool {
        let models = Arc::as_ptr(filter.models) as usize;
        let same = self.search == filter.search
            && self.only_starred == filter.only_starred
            && self.models == models
            && self.midnights.as_ref().is_some_and(|midnights| now < midnights.next);
        if same {
            // Where little by little becomes known, a search is not begun anew before it is through.
            return match self.stale {
                Stale::No => false,
                Stale::Facts => self.finding.is_none(),
                Stale::Places => true,
            };
        }
        self.query = Query::parse(filter.search, now, filter.models);
        filter.search.clone_into(&mut self.search);
        (self.only_starred, self.models) = (filter.only_starred, models);
        self.midnights = Some(Midnights::around(now));
        true
    }

    fn divide(&mut self, entries: &[GalleryEntry]) {
        let Some(midnights) = &self.midnights else { return };
        let places = &self.places;
        let since =
            |limit: SystemTime| places.partition_point(|&place| entries[place].made >= limit);
        let (today, yesterday) = (since(midnights.last), since(midnights.before));
        let days = [
            (Day::Today, 0..today),
            (Day::Yesterday, today..yesterday),
            (Day::Older, yesterday..places.len()),
        ];
        self.days = days.into_iter().filter(|(_, range)| !range.is_empty()).collect();
    }
}

impl Gallery {
    /// Brings what is shown up to date, a slice at a time; cheap when nothing changed. Returns whether
    /// it is another list now.
    pub(in crate::state) fn refresh(&mut self, filter: &Filter<'_>, now: SystemTime) -> bool {
        let Self { listing, starred, shown, .. } = self;
        let entries = listing.entries();
        let moved = shown.stale == Stale::Places;
        if shown.take_over(filter, now) {
            shown.finding = Some((Vec::new(), entries.len()));
            shown.stale = Stale::No;
        }
        let Some((mut found, below)) = shown.finding.take() else { return false };
        let from = match (moved, shown.query.is_empty() && !shown.only_starred) {
            (true, _) | (_, true) => 0,
            (false, false) => below.saturating_sub(SLICE),
        };
        let by_stars = shown.asks_for_stars();
        let wanted = |place: &usize| {
            let entry = &entries[*place];
            shown.wants(entry, by_stars && starred.contains(&entry.image_uuid))
        };
        found.extend((from..below).rev().filter(wanted));
        if from > 0 {
            shown.finding = Some((found, from));
            return false;
        }
        shown.places = found;
        shown.divide(entries);
        true
    }
}
