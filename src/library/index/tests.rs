//! The index against folders that change, files that are broken, and others who use it too.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use uuid::Uuid;

use super::*;
use crate::jobs::Keeper as _;
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

/// Names of all pictures, in order.
fn listed(index: &Index) -> Vec<u128> {
    index.list().unwrap().iter().map(|image| image.image_uuid.as_u128()).collect()
}

/// What is searched of that picture.
fn words(index: &Index, id: u128) -> String {
    let mut all = index.list().unwrap().into_iter();
    all.find(|it| it.image_uuid.as_u128() == id).unwrap().about.unwrap().searchable
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
    assert_eq!(listed(&index), [3, 2, 1]);
    for image in index.list().unwrap() {
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
    assert_eq!(listed(&index), [1, 3]);
    assert_eq!(words(&index, 1), "a red car local:demo@1 4711");
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
    let mut page = index.list().unwrap();
    page.sort_by_key(|image| image.image_uuid);
    let abouts: Vec<About> = page.into_iter().map(|image| image.about.unwrap()).collect();
    assert_eq!(abouts[0], About { extent: Some(Extent::new(2, 2)), ..About::default() });
    assert_eq!(abouts[1], About::default());
}

#[test]
fn what_a_file_does_not_tell_is_known_from_the_task_that_is_kept_apart() {
    let place = Place::new();
    let request = crate::jobs::test_job("a fox").request;
    let record = crate::jobs::ImageRecord {
        image_uuid: Uuid::from_u128(1),
        seed: Some(5),
        index: 0,
        picture: Picture::from_rgba(Extent::new(2, 2), vec![9; 16]).unwrap(),
        file: None,
        cost: None,
        nsfw: None,
        path: None,
        elapsed: Duration::ZERO,
        speed_up: None,
        request,
    };
    let pictures = Pictures::new(&place.home, &[]);
    let results = Results::of_home(&place.home, pictures).with_bare(&true.into());
    let path = results.keep(&record).unwrap();
    drop(results);
    assert_eq!(crate::library::read_task(&path).unwrap(), None, "the file says nothing");
    let known = |index: &Index| index.task(record.image_uuid).unwrap();
    let expected = Some(record.made_by());
    assert_eq!(known(&place.index()), expected);
    // Deleted and brought back, as if it had never been in the index, and without any index.
    let index = place.index();
    index.forget(&[record.image_uuid]).unwrap();
    index.refresh().unwrap();
    assert_eq!(known(&index), expected);
    drop(index);
    fs::remove_file(place.home.index_file()).unwrap();
    let index = place.index();
    index.refresh().unwrap();
    assert_eq!(known(&index), expected);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let file = fs::read_dir(place.home.tasks_dir()).unwrap().next().unwrap().unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0, "nobody else's");
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
    other.execute_batch("DROP TABLE pictures").unwrap();
    drop(other);
    place.write(2, "a car", 2);
    let index = place.index();
    index.refresh().unwrap();
    index.refresh().unwrap();
    assert_eq!(listed(&index), [2, 1], "without a table");
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
    assert!(whole > 3 * 8192, "{whole}");
    let index = place.index();
    index.refresh().unwrap();
    index.refresh().unwrap();
    assert_eq!(listed(&index).len(), 39);
    assert!(words(&index, 17).contains("number 17"));
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
    assert_eq!(listed(&index), [1]);
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
    assert_eq!(listed(&index).len(), 4 * EACH as usize);
    assert!(place.folder.path().join("index.sqlite").is_file());
}

#[test]
fn what_the_keeper_adds_is_what_a_refresh_would_read() {
    let place = Place::new();
    let path = place.write(1, "a fox", 1);
    let index = place.index();
    index.add(&path, Extent::new(4, 2), &task("a fox")).unwrap();
    assert_eq!(index.refresh().unwrap(), 0, "known already");
    let added = index.list().unwrap();
    fs::remove_file(place.home.index_file()).unwrap();
    let index = place.index();
    index.refresh().unwrap();
    assert_eq!(index.list().unwrap(), added);
    drop(Results::of_home(&place.home, Pictures::new(&place.home, &[])));
}
