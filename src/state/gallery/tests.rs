//! The gallery with pictures that no file holds.

use std::time::Duration;

use super::*;
use crate::library::About;
use crate::task::ModelCard;

/// What the shell does with a listing.
fn set(gallery: &mut Gallery, stored: Vec<StoredImage>) {
    drop(gallery.set_stored(Listing::new(stored)));
}

fn refresh(gallery: &mut Gallery, search: &str, now: SystemTime) {
    let models: Arc<Vec<Arc<ModelCard>>> = Arc::default();
    gallery.refresh(&Filter { search, only_starred: false, models: &models }, now);
}

fn stored(id: u128, made: SystemTime) -> StoredImage {
    StoredImage {
        path: std::path::PathBuf::from(format!("{id}.png")),
        image_uuid: Uuid::from_u128(id),
        made,
        about: None,
    }
}

fn read(id: u128, prompt: &str, task_uuid: &str) -> StoredImage {
    let mut task = Task::new(Uuid::nil());
    task.positive_prompt = Some(prompt.to_owned());
    task.task_uuid = Some(task_uuid.to_owned());
    StoredImage { about: Some(About::new(None, Some(&task))), ..stored(id, noon()) }
}

fn noon() -> SystemTime {
    let day = jiff::civil::date(2026, 3, 5).at(12, 0, 0, 0);
    day.to_zoned(jiff::tz::TimeZone::system()).unwrap().timestamp().into()
}

#[test]
fn pictures_fall_into_days_newest_first() {
    let hours = |count: u64| noon() - Duration::from_secs(count * 3600);
    let mut gallery = Gallery::default();
    set(
        &mut gallery,
        vec![stored(1, hours(1)), stored(2, hours(13)), stored(3, hours(40)), stored(4, hours(99))],
    );
    refresh(&mut gallery, "", noon());
    assert_eq!(gallery.days(), [(Day::Today, 0..1), (Day::Yesterday, 1..2), (Day::Older, 2..4)]);
    for place in 0..4 {
        let entry = gallery.shown(place).unwrap();
        assert_eq!(entry.image_uuid, Uuid::from_u128(place as u128 + 1));
        assert_eq!(gallery.shown_place(entry.image_uuid), Some(place));
    }
}

#[test]
fn a_search_wants_every_word_and_minds_no_case() {
    let mut gallery = Gallery::default();
    set(&mut gallery, vec![stored(1, noon()), read(2, "a red car", "b")]);
    gallery.learn(vec![read(1, "A red Fox", "a")]);
    for (search, found) in [("", 2), ("RED", 2), ("fox red", 1), ("fox car", 0)] {
        refresh(&mut gallery, search, noon());
        assert_eq!(gallery.shown_len(), found, "{search:?}");
    }
    assert_eq!(gallery.shown_place(Uuid::from_u128(1)), None);
}

#[test]
fn pictures_of_one_task_stand_together() {
    let mut gallery = Gallery::default();
    set(&mut gallery, vec![stored(1, noon()), read(2, "a fox", "b"), stored(3, noon())]);
    gallery.learn(vec![read(1, "a fox", "a"), read(3, "a fox", "a")]);
    assert_eq!(gallery.siblings(Uuid::from_u128(3)), [Uuid::from_u128(1), Uuid::from_u128(3)]);
}

#[test]
fn a_long_search_goes_on_over_frames_and_shows_the_old_list_meanwhile() {
    let many = 50_000_u128;
    let mut gallery = Gallery::default();
    let prompt = |id: u128| if id.is_multiple_of(10) { "a fox" } else { "a car" };
    set(&mut gallery, (1..=many).map(|id| read(id, prompt(id), &id.to_string())).collect());
    refresh(&mut gallery, "", noon());
    assert_eq!((gallery.shown_len(), gallery.is_searching()), (50_000, false));
    let models: Arc<Vec<Arc<ModelCard>>> = Arc::default();
    let filter = Filter { search: "fox", only_starred: false, models: &models };
    assert!(!gallery.refresh(&filter, noon()));
    assert_eq!((gallery.shown_len(), gallery.is_searching()), (50_000, true));

    // What is made meanwhile is found, and what is learned does not begin it anew.
    let record = record("a fox");
    gallery.add(&record, noon());
    gallery.learn(vec![read(1, "a fox", "1")]);
    let frames = (0..99).take_while(|_| !gallery.refresh(&filter, noon())).count();
    assert_eq!(frames + 2, 50_000_usize.div_ceil(shown::SLICE));
    assert_eq!(gallery.shown(0).unwrap().image_uuid, record.image_uuid);
    let frames = (0..99).take_while(|_| !gallery.refresh(&filter, noon())).count();
    assert_eq!((frames, gallery.shown_len()), (50_000 / shown::SLICE, 5002));
    assert!(!gallery.refresh(&filter, noon()) && !gallery.is_searching());
}

#[test]
fn a_star_counts_at_once_and_a_listing_of_before_does_not_take_it_back() {
    let [one, other] = [1, 2].map(Uuid::from_u128);
    let mut gallery = Gallery::default();
    set(&mut gallery, vec![stored(1, noon()), stored(2, noon())]);
    gallery.star(vec![one], true);
    gallery.star(vec![other], true);
    gallery.star(vec![one], false);
    gallery.set_stars(vec![]);
    assert!(!gallery.is_starred(one) && gallery.is_starred(other));
    gallery.stars_kept();
    gallery.stars_kept();
    gallery.set_stars(vec![one, other]);
    assert!(!gallery.is_starred(one) && gallery.is_starred(other));
    gallery.stars_kept();
    gallery.set_stars(vec![]);
    assert!(!gallery.is_starred(other), "the disk is the truth");
}

#[test]
fn a_deleted_picture_stays_away_while_its_file_is_on_its_way() {
    let listing = || vec![stored(1, noon()), stored(2, noon())];
    let mut gallery = Gallery::default();
    set(&mut gallery, listing());
    let one = Uuid::from_u128(1);
    gallery.remove(&[one]);
    set(&mut gallery, listing());
    refresh(&mut gallery, "", noon());
    assert_eq!((gallery.len(), gallery.shown_len()), (1, 1));
    // It could not be moved: the next listing has it.
    gallery.left(&[one]);
    set(&mut gallery, listing());
    assert_eq!(gallery.len(), 2);
}

fn record(prompt: &str) -> ImageRecord {
    let request = crate::jobs::test_job(prompt).request;
    ImageRecord {
        image_uuid: Uuid::new_v4(),
        request,
        index: 0,
        seed: Some(1),
        picture: crate::pixels::Picture::from_fn(crate::pixels::Extent::new(1, 1), |_, _| [0; 4]),
        file: None,
        cost: None,
        nsfw: None,
        path: Some("made.png".into()),
        elapsed: Duration::ZERO,
        speed_up: None,
    }
}

#[test]
fn what_comes_back_stands_where_it_stood_also_among_those_made_together() {
    let image = |id: u64| StoredImage {
        made: noon() + Duration::from_secs(id),
        ..read(u128::from(id), "a fox", "task")
    };
    let mut gallery = Gallery::default();
    set(&mut gallery, (1..=5).rev().map(image).collect());
    let uuid = |id: u128| Uuid::from_u128(id);
    let order = |gallery: &mut Gallery| {
        refresh(gallery, "", noon());
        (0..gallery.shown_len()).map(|it| gallery.shown(it).unwrap().image_uuid).collect::<Vec<_>>()
    };
    gallery.remove(&[uuid(4), uuid(2)]);
    assert_eq!(order(&mut gallery), [5, 3, 1].map(uuid));
    assert_eq!(gallery.shown_place(uuid(3)), Some(1));
    assert_eq!(gallery.siblings(uuid(1)), [1, 3, 5].map(uuid));
    gallery.put_back(&[uuid(4), uuid(2)]);
    assert_eq!(order(&mut gallery), [5, 4, 3, 2, 1].map(uuid));
    assert_eq!(gallery.siblings(uuid(1)), [1, 2, 3, 4, 5].map(uuid));
}

#[test]
fn a_new_listing_keeps_what_was_fetched_and_what_no_file_holds() {
    let mut gallery = Gallery::default();
    set(&mut gallery, vec![stored(1, noon()), stored(2, noon())]);
    let task = Arc::new(Task::new(Uuid::nil()));
    gallery.set_task(Uuid::from_u128(1), Some(task), Some(0.5));
    let made = record("a fox");
    gallery.add(&made, noon() + Duration::from_secs(9));
    set(&mut gallery, vec![stored(1, noon()), stored(3, noon())]);
    let cost = gallery.get(Uuid::from_u128(1)).and_then(|entry| entry.cost);
    assert_eq!((gallery.len(), cost), (3, Some(0.5)));
    assert_eq!(gallery.newest().unwrap().image_uuid, made.image_uuid);
    assert!(gallery.get(Uuid::from_u128(2)).is_none());
}
