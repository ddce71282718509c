//! The gallery with pictures that no file holds.

use std::time::Duration;

use super::*;
use crate::library::About;
use crate::pixels::Extent;
use crate::state::{Action, Draft, Effect, Offer, State, View};
use crate::task::ModelCard;

/// What the shell does with a listing; it was made a second after noon.
fn set(gallery: &mut Gallery, stored: Vec<StoredImage>) {
    drop(gallery.set_stored(Listing::new(stored, noon() + Duration::from_secs(1))));
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
        picture: crate::pixels::Picture::from_fn(Extent::new(1, 1), |_, _| [0; 4]),
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
fn what_was_deleted_takes_no_pixels_and_only_the_latest_deletions_are_kept() {
    let mut gallery = Gallery::default();
    let mut made = Vec::new();
    for _ in 0..=DELETIONS {
        let record = record("a fox");
        gallery.add(&record, noon());
        gallery.remove(&[record.image_uuid]);
        made.push(record.image_uuid);
    }
    let unsaved = ImageRecord { path: None, ..record("a fox") };
    gallery.add(&unsaved, noon());
    gallery.remove(&[unsaved.image_uuid]);
    assert_eq!((gallery.deletions.len(), gallery.removed.len()), (DELETIONS, DELETIONS));
    let with_pixels: Vec<Uuid> = (gallery.removed.values())
        .filter(|entry| entry.picture.is_some())
        .map(|entry| entry.image_uuid)
        .collect();
    assert_eq!(with_pixels, [unsaved.image_uuid], "no file has those");
    assert!(!gallery.removed.contains_key(&made[1]) && gallery.removed.contains_key(&made[2]));
}

#[test]
fn a_deletion_that_failed_cannot_be_undone_and_a_return_that_failed_can_be_tried_again() {
    let [one, other] = [1, 2].map(Uuid::from_u128);
    let mut gallery = Gallery::default();
    set(&mut gallery, vec![stored(1, noon()), stored(2, noon())]);
    let first = gallery.remove(&[one]);
    let second = gallery.remove(&[other]);
    gallery.not_deleted(&[other]);
    assert!(gallery.get(other).is_some() && gallery.can_undo_number(first));
    assert!(!gallery.can_undo_number(second), "its file never left");

    assert_eq!(gallery.take_deletion(Some(first)), Some(vec![one]));
    gallery.not_restored(&[one]);
    assert_eq!(gallery.take_deletion(None), Some(vec![one]));
    gallery.put_back(&[one]);
    assert_eq!((gallery.len(), gallery.can_undo()), (2, false));
}

#[test]
fn a_picture_of_this_session_whose_file_is_gone_is_no_ghost() {
    let mut gallery = Gallery::default();
    let seconds = |count| noon() + Duration::from_secs(count);
    let before = record("a fox");
    let unsaved = ImageRecord { path: None, ..record("a car") };
    gallery.add(&before, noon());
    gallery.add(&unsaved, noon());
    // More than have pixels in memory are made while the folder is read.
    for number in 0..40 {
        gallery.add(&record("a house"), seconds(2 + number));
    }
    set(&mut gallery, Vec::new());
    assert!(gallery.get(before.image_uuid).is_none() && gallery.get(unsaved.image_uuid).is_some());
    assert_eq!(gallery.len(), 41);
}

#[test]
fn a_picture_of_this_session_says_no_more_than_its_file() {
    let made = |change: fn(&mut Task)| {
        let request = crate::jobs::test_job_of("a fox", change).request;
        ImageRecord { request, seed: None, ..record("a fox") }
    };
    let record = made(|task| {
        task.seed = Some(7);
        task.upload_endpoint = Some("https://files.example/?key=secret".to_owned());
    });
    let entry = GalleryEntry::from_record(&record, noon());
    let known = entry.task().unwrap();
    assert_eq!((known.seed, &known.upload_endpoint), (Some(7), &None));

    let record = made(|task| {
        let one_pixel = &crate::pixels::Picture::from_fn(Extent::new(1, 1), |_, _| [0; 4]);
        let png = crate::pixels::encode(one_pixel, crate::pixels::FileFormat::Png, "").unwrap();
        task.seed_image = Some(crate::task::ImageRef::data_uri("image/png", &png));
    });
    let entry = GalleryEntry::from_record(&record, noon());
    assert!(
        matches!(entry.settings, Settings::Stored),
        "the library has it with the picture's name"
    );
    let entry = GalleryEntry::from_record(&ImageRecord { path: None, ..record }, noon());
    assert!(entry.task().is_some(), "nobody else has it");
}

/// A state whose gallery holds so many pictures, all of them shown.
fn state_with(count: u128) -> State {
    let mut state = State::new(Draft::default(), View::default());
    set(&mut state.world.gallery, (1..=count).map(|id| stored(id, noon())).collect());
    state.refresh(noon());
    state
}

#[test]
fn everything_is_deleted_at_once() {
    let mut state = state_with(50_000);
    state.gallery_action(GalleryAction::MarkAll);
    let start = std::time::Instant::now();
    let order = state.gallery_action(GalleryAction::Delete);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    let Some(Effect::Gallery(GalleryOrder::Delete(files))) = order else { panic!("{order:?}") };
    assert_eq!((files.len(), state.world.gallery.len()), (50_000, 0));
}

#[test]
fn every_other_picture_of_many_comes_back_at_once() {
    let mut gallery = Gallery::default();
    let at = |id: u64| StoredImage {
        made: noon() + Duration::from_secs(id),
        ..stored(id.into(), noon())
    };
    set(&mut gallery, (0..50_000).map(at).collect());
    let half: Vec<Uuid> = (0..25_000).map(|id| Uuid::from_u128(id * 2)).collect();
    gallery.remove(&half);
    let start = std::time::Instant::now();
    gallery.put_back(&half);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    let places = (0..50_000).map(|id| gallery.listing.place(Uuid::from_u128(id)));
    assert!(places.eq((0..50_000).map(Some)), "each is where it was");
}

#[test]
fn buttons_of_notices_do_what_they_stand_beside() {
    let mut state = state_with(3);
    let delete = |state: &mut State, id| {
        state.view.selected = Some(Uuid::from_u128(id));
        state.gallery_action(GalleryAction::Delete);
        state.world.notices.last().and_then(|notice| notice.button).unwrap().1
    };
    let [first, second] = [1, 2].map(|id| delete(&mut state, id));
    let undo = |state: &mut State, action| {
        let Action::Gallery(action) = action else { panic!("{action:?}") };
        match state.gallery_action(action) {
            Some(Effect::Gallery(GalleryOrder::Restore(images))) => images,
            _ => Vec::new(),
        }
    };
    assert_eq!(undo(&mut state, first), [Uuid::from_u128(1)]);
    assert_eq!(state.world.notices.len(), 1, "its notice has nothing left to do");
    assert!(undo(&mut state, first).is_empty());
    assert_eq!(undo(&mut state, second), [Uuid::from_u128(2)]);
    assert!(state.world.notices.is_empty());

    let offer = |prompt: &str| {
        let mut task = Task::new(Uuid::nil());
        task.positive_prompt = Some(prompt.to_owned());
        let (name, origin) = (prompt.to_owned(), "A1111".to_owned());
        Offer { name, origin, task, notes: Vec::new() }
    };
    state.world.offer_settings(offer("a fox"));
    let older = state.world.notices[0].button.unwrap().1;
    state.world.offer_settings(offer("a car"));
    assert_eq!(state.world.notices.len(), 1, "one offer stands");
    let newer = state.world.notices[0].button.unwrap().1;
    undo(&mut state, older);
    assert_eq!(state.draft.prompt, "");
    undo(&mut state, newer);
    assert_eq!(state.draft.prompt, "a car");
    assert!(state.world.notices.iter().all(|notice| notice.button.is_none()));
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
