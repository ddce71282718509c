//! The index against folders that change, files that are broken, and others who use it too.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use uuid::Uuid;

use super::*;
use crate::library::{Pictures, Results};
use crate::pixels::{FileFormat, Picture, encode};

/// A home folder with pictures in it.
struct Place {
    folder: tempfile::TempDir,
    home: Home,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        fs::create_dir_all(home.results_dir()).unwrap();
        Self { folder, home }
    }

    fn index(&self) -> Index {
        Index::open(&self.home).unwrap()
    }

    /// Writes a picture with its task, made so many seconds after 1970.
    fn write(&self, id: u128, prompt: &str, secs: u64) -> PathBuf {
        self.write_as(FileFormat::Png, id, &task(prompt), secs)
    }

    fn write_as(&self, format: FileFormat, id: u128, task: &Task, secs: u64) -> PathBuf {
        let ending = match format {
            FileFormat::Png => "png",
            FileFormat::Jpeg { .. } => "jpg",
            FileFormat::Webp { .. } => "webp",
        };
        let picture = Picture::from_rgba(Extent::new(4, 2), vec![9; 32]).unwrap();
        let json = serde_json::to_string(task).unwrap();
        let path = self.home.results_dir().join(format!("{}.{ending}", Uuid::from_u128(id)));
        fs::write(&path, encode(&picture, format, json.as_str()).unwrap()).unwrap();
        let file = fs::File::options().append(true).open(&path).unwrap();
        file.set_modified(UNIX_EPOCH + Duration::from_secs(secs)).unwrap();
        path
    }
}

fn task(prompt: &str) -> Task {
    let mut task = Task::new(Uuid::from_u128(7));
    task.positive_prompt = Some(prompt.to_owned());
    task.model = Some("local:demo@1".to_owned());
    task.seed = Some(4711);
    task
}

/// Names of the pictures that answer `query`, in order.
fn found(index: &Index, query: &str) -> Vec<u128> {
    let page = index.page(0, 100, query).unwrap();
    assert_eq!(page.len(), index.count(query).unwrap(), "{query:?}");
    page.iter().map(|image| image.image_uuid.as_u128()).collect()
}

#[test]
fn a_refresh_reads_what_is_new_or_changed_and_drops_what_is_gone() {
    let place = Place::new();
    let index = place.index();
    assert_eq!(index.refresh().unwrap(), 0);
    for (id, format) in [
        (1, FileFormat::Png),
        (2, FileFormat::Jpeg { quality: 90 }),
        (3, FileFormat::Webp { quality: 90 }),
    ] {
        place.write_as(format, id, &task("a fox"), id as u64);
    }
    fs::write(place.home.results_dir().join("notes.txt"), "no picture").unwrap();
    fs::write(place.home.results_dir().join(".writing-abc"), "half").unwrap();
    assert_eq!(index.refresh().unwrap(), 3);
    assert_eq!(index.refresh().unwrap(), 0, "nothing changed, nothing is read");
    assert_eq!(found(&index, ""), [3, 2, 1]);
    for image in index.page(0, 3, "").unwrap() {
        assert!(image.path.is_file());
        let expected = About::new(Some(Extent::new(4, 2)), Some(&task("a fox")));
        assert_eq!(image.about, Some(expected));
        assert_eq!(index.task(image.image_uuid).unwrap(), Some(task("a fox")));
    }

    place.write(1, "a red car", 9);
    fs::remove_file(place.home.results_dir().join(format!("{}.jpg", Uuid::from_u128(2)))).unwrap();
    let survey = index.survey().unwrap();
    assert_eq!((survey.vanished, survey.unread.len(), survey.present.len()), (1, 1, 2));
    assert_eq!(index.refresh().unwrap(), 1);
    assert_eq!(found(&index, ""), [1, 3]);
    assert_eq!(found(&index, "fox"), [3], "the words of the old picture are forgotten");
    assert_eq!(found(&index, "car"), [1]);
    assert_eq!(index.task(Uuid::from_u128(2)).unwrap(), None);
}

#[test]
fn a_file_without_a_task_and_one_that_is_no_picture_are_known_as_such() {
    let place = Place::new();
    let picture = Picture::from_rgba(Extent::new(2, 2), vec![9; 16]).unwrap();
    let file = |id| place.home.results_dir().join(format!("{}.png", Uuid::from_u128(id)));
    fs::write(file(1), encode(&picture, FileFormat::Png, "no task").unwrap()).unwrap();
    fs::write(file(2), "no picture").unwrap();
    let index = place.index();
    assert_eq!((index.refresh().unwrap(), index.refresh().unwrap()), (2, 0));
    let mut page = index.page(0, 2, "").unwrap();
    page.sort_by_key(|image| image.image_uuid);
    let abouts: Vec<About> = page.into_iter().map(|image| image.about.unwrap()).collect();
    assert_eq!(abouts[0], About { extent: Some(Extent::new(2, 2)), ..About::default() });
    assert_eq!(abouts[1], About::default());
}

#[test]
fn pages_are_newest_first_and_every_word_is_wanted() {
    let place = Place::new();
    let prompts = ["A red Fox", "a red car", "一只红色的狐狸 100%", "\"quoted\" it_s"];
    for (place_in_time, prompt) in prompts.iter().enumerate() {
        place.write(place_in_time as u128 + 1, prompt, place_in_time as u64);
    }
    let index = place.index();
    index.refresh().unwrap();
    let ids = |page: Vec<StoredImage>| -> Vec<u128> {
        page.iter().map(|image| image.image_uuid.as_u128()).collect()
    };
    assert_eq!(ids(index.page(1, 2, "").unwrap()), [3, 2]);
    assert_eq!(ids(index.page(4, 2, "").unwrap()), [0; 0]);
    for (query, expected) in [
        ("RED", vec![2, 1]),
        ("ox red", vec![1]),
        ("fox car", vec![]),
        ("狐狸", vec![3]),
        ("红色的", vec![3]),
        ("0%", vec![3]),
        ("d\" it_", vec![4]),
        ("\"quo", vec![4]),
        ("OR", vec![]),
        ("4711 demo@", vec![4, 3, 2, 1]),
        (" \0 ", vec![4, 3, 2, 1]),
    ] {
        assert_eq!(found(&index, query), expected, "{query:?}");
        // The gallery searches what it holds in memory by the same rule.
        let lower = query.to_lowercase().replace('\0', " ");
        let words: Vec<&str> = lower.split_whitespace().collect();
        let by_hand = index.page(0, 9, "").unwrap().into_iter().filter(|image| {
            let about = image.about.clone().unwrap();
            words.iter().all(|word| about.searchable.contains(word))
        });
        assert_eq!(ids(by_hand.collect()), expected, "{query:?}");
    }
}

#[test]
fn a_deleted_damaged_or_foreign_index_is_built_again_from_the_files() {
    let place = Place::new();
    place.write(1, "a fox", 1);
    let file = place.home.index_file();
    assert_eq!(place.index().refresh().unwrap(), 1);
    assert_eq!(place.index().refresh().unwrap(), 0, "it lasts");

    fs::remove_file(&file).unwrap();
    assert_eq!(place.index().refresh().unwrap(), 1, "deleted");

    fs::write(&file, "this is no database, and longer than the header of one would be ".repeat(9))
        .unwrap();
    assert_eq!(place.index().refresh().unwrap(), 1, "not a database");

    let newer = rusqlite::Connection::open(&file).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    drop(newer);
    assert_eq!(place.index().refresh().unwrap(), 1, "of a newer version");

    let other = rusqlite::Connection::open(&file).unwrap();
    other.execute_batch("DROP TABLE words; DROP TRIGGER word_out").unwrap();
    drop(other);
    place.write(2, "a car", 2);
    let index = place.index();
    index.refresh().unwrap();
    index.refresh().unwrap();
    assert_eq!(found(&index, "car"), [2], "without a table");
    assert_eq!(found(&index, ""), [2, 1]);
}

#[test]
fn damage_that_shows_while_it_is_used_is_mended_by_the_next_look() {
    let place = Place::new();
    for id in 1..40 {
        place.write(id, &format!("picture number {id} {}", "word ".repeat(60)), id as u64);
    }
    drop((place.index().refresh().unwrap(), place.index()));
    let file = place.home.index_file();
    let mut bytes = fs::read(&file).unwrap();
    let whole = bytes.len();
    // The header and the tables' definitions stay, their pages do not.
    bytes[8192..].fill(0xA5);
    fs::write(&file, &bytes).unwrap();
    assert!(whole > 100_000);
    let index = place.index();
    index.refresh().unwrap();
    index.refresh().unwrap();
    assert_eq!(index.count("").unwrap(), 39);
    assert_eq!(found(&index, "number 17"), [17]);
}

#[test]
fn a_home_that_cannot_be_written_still_has_an_index_for_the_day() {
    let place = Place::new();
    place.write(1, "a fox", 1);
    // A folder where the lock should be: true on every system, and for the superuser too.
    fs::create_dir(place.home.index_file().with_extension("lock")).unwrap();
    let error = Index::open(&place.home).unwrap_err().to_string();
    assert!(error.ends_with(&place.home.index_file().with_extension("lock").display().to_string()));
    let index = Index::open_or_read_anew(&place.home);
    assert_eq!(index.refresh().unwrap(), 1);
    assert_eq!(found(&index, "fox"), [1]);
}

#[test]
fn several_may_write_at_once() {
    const EACH: u128 = 25;
    let place = Arc::new(Place::new());
    let writers: Vec<_> = (0..4_u128)
        .map(|writer| {
            let place = Arc::clone(&place);
            let work = move || {
                let index = place.index();
                for number in 0..EACH {
                    let path = place.write(writer * 100 + number, "a fox", number as u64);
                    index.add(&path, Extent::new(4, 2), &task("a fox")).unwrap();
                    if number % 8 == 0 {
                        index.refresh().unwrap();
                    }
                }
            };
            std::thread::Builder::new().spawn(work).unwrap()
        })
        .collect();
    for writer in writers {
        writer.join().unwrap();
    }
    let index = place.index();
    index.refresh().unwrap();
    assert_eq!(index.count("").unwrap(), 4 * EACH as usize);
    assert_eq!(index.count("fox").unwrap(), 4 * EACH as usize);
    assert!(place.folder.path().join("index.sqlite").is_file());
}

#[test]
fn what_the_keeper_adds_is_what_a_refresh_would_read() {
    let place = Place::new();
    let path = place.write(1, "a fox", 1);
    let index = place.index();
    index.add(&path, Extent::new(4, 2), &task("a fox")).unwrap();
    assert_eq!(index.refresh().unwrap(), 0, "known already");
    let added = index.page(0, 1, "").unwrap();
    fs::remove_file(place.home.index_file()).unwrap();
    let index = place.index();
    index.refresh().unwrap();
    assert_eq!(index.page(0, 1, "").unwrap(), added);
    drop(Results::of_home(&place.home, Pictures::new(&place.home, &[])));
}
