//! The gallery with pictures that no file holds.

use std::time::Duration;

use super::*;
use crate::library::About;
use crate::task::ModelCard;

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
    gallery.set_stored(vec![
        stored(1, hours(1)),
        stored(2, hours(13)),
        stored(3, hours(40)),
        stored(4, hours(99)),
    ]);
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
    gallery.set_stored(vec![stored(1, noon()), read(2, "a red car", "b")]);
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
    gallery.set_stored(vec![stored(1, noon()), read(2, "a fox", "b"), stored(3, noon())]);
    gallery.learn(vec![read(1, "a fox", "a"), read(3, "a fox", "a")]);
    assert_eq!(gallery.siblings(Uuid::from_u128(3)), [Uuid::from_u128(1), Uuid::from_u128(3)]);
}
