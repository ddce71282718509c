//! Processes that share a journal: here several of its owners in one process, each with its lock.

use std::fs::File;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use super::*;
use crate::jobs::{test_job, test_job_of};
use crate::pixels::{Extent, FileFormat, Picture, encode};

struct Place {
    folder: tempfile::TempDir,
    home: Home,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path());
        Self { folder, home }
    }

    fn join(&self) -> JournalFolder {
        JournalFolder::open(&self.home, &self.home.results_dir()).unwrap()
    }

    /// A process that accepts these jobs and is then killed.
    fn killed(&self, jobs: &[Job]) {
        let journal = self.join();
        for job in jobs {
            journal.enter(job).unwrap();
        }
        // A killed process says no goodbye, but the system frees its lock.
        let left = self.names();
        drop(journal);
        assert_eq!(self.names(), left, "jobs that have not ended stay");
    }

    fn finish(&self, job: &Job, index: usize) -> PathBuf {
        fs::create_dir_all(self.home.results_dir()).unwrap();
        let name = format!("{}.png", job.owed[index].image_uuid);
        let picture = Picture::from_rgba(Extent::new(1, 1), vec![7; 4]).unwrap();
        let path = self.home.results_dir().join(name);
        fs::write(&path, encode(&picture, FileFormat::Png, "").unwrap()).unwrap();
        path
    }

    fn names(&self) -> BTreeSet<String> {
        let entries = fs::read_dir(self.home.journal_dir()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

fn jobs<const N: usize>() -> [Job; N] {
    std::array::from_fn(|number| test_job(&format!("job {number}")))
}

fn ids(waiting: &[Waiting]) -> Vec<JobId> {
    waiting.iter().map(|waiting| waiting.id).collect()
}

#[test]
fn jobs_left_behind_are_taken_over_in_order_with_their_seeds_and_names() {
    let place = Place::new();
    let left: [Job; 12] = jobs();
    place.killed(&left);
    let journal = place.join();
    assert_eq!(journal.count_left_behind().unwrap(), 12);
    let Claimed { waiting, set_aside } = journal.claim(Claim::Ours).unwrap();
    assert!(set_aside.is_empty());
    assert_eq!(ids(&waiting), left.each_ref().map(|job| job.id));
    for (waiting, job) in waiting.iter().zip(&left) {
        assert_eq!(waiting.task.seed, Some(job.request.seed));
        assert_eq!(waiting.task.positive_prompt.as_deref(), Some(&*job.request.positive_prompt));
        assert_eq!(waiting.owed, job.owed);
    }
    assert_eq!(journal.claim(Claim::All).unwrap().waiting, [], "taken over once");
    for job in &left {
        journal.enter(job).unwrap();
        journal.strike(job.id);
    }
    drop(journal);
    assert_eq!(place.names(), BTreeSet::new(), "nothing left, not even a lock");
}

#[test]
fn jobs_of_the_living_are_left_alone() {
    let place = Place::new();
    let [theirs, left] = jobs();
    let living = place.join();
    living.enter(&theirs).unwrap();
    place.killed(std::slice::from_ref(&left));

    let first = place.join();
    assert_eq!(ids(&first.claim(Claim::All).unwrap().waiting), [left.id]);
    let second = place.join();
    assert_eq!(second.claim(Claim::All).unwrap().waiting, [], "the first has it");
    assert_eq!(second.count_left_behind().unwrap(), 0);
    drop(first);
    assert_eq!(ids(&second.claim(Claim::All).unwrap().waiting), [left.id], "not done by the first");
    living.strike(theirs.id);
    drop((living, second));
    assert_eq!(place.join().count_left_behind().unwrap(), 1);
}

#[test]
fn finished_pictures_are_not_owed_and_a_half_file_is_none() {
    let place = Place::new();
    let [done, half, none] = jobs();
    place.killed(&[done.clone(), half.clone(), none.clone()]);
    place.finish(&done, 0);
    fs::write(place.finish(&half, 0), "half a file").unwrap();
    let journal = place.join();
    assert_eq!(journal.count_left_behind().unwrap(), 2);
    assert_eq!(ids(&journal.claim(Claim::All).unwrap().waiting), [half.id, none.id]);
    assert_eq!(place.names().iter().filter(|name| is_entry(name)).count(), 2);
}

#[test]
fn a_damaged_entry_is_set_aside_and_the_others_are_taken() {
    let place = Place::new();
    let [first, cut, last] = jobs();
    place.killed(&[first.clone(), cut, last.clone()]);
    let journal = place.join();
    let names = place.names();
    let file = place.home.journal_dir().join(names.iter().find(|n| n.contains("001.")).unwrap());
    let json = fs::read(&file).unwrap();
    fs::write(&file, &json[..json.len() / 2]).unwrap();
    let Claimed { waiting, set_aside } = journal.claim(Claim::Ours).unwrap();
    assert_eq!(ids(&waiting), [first.id, last.id]);
    let aside = format!("{}.damaged", file.display());
    assert!(set_aside[0].ends_with(&aside) && set_aside.len() == 1, "{set_aside:?}");
    assert_eq!(fs::read(aside).unwrap(), &json[..json.len() / 2], "nothing is thrown away");
    drop(journal);
    assert_eq!(place.join().claim(Claim::All).unwrap().set_aside, [""; 0], "told once");
}

#[test]
fn pictures_for_elsewhere_are_for_who_asks_for_all() {
    let place = Place::new();
    let elsewhere = place.folder.path().join("elsewhere");
    let [job] = jobs();
    JournalFolder::open(&place.home, &elsewhere).unwrap().enter(&job).unwrap();
    let journal = place.join();
    assert_eq!(journal.claim(Claim::Ours).unwrap().waiting, []);
    let waiting = journal.claim(Claim::All).unwrap().waiting;
    assert_eq!((ids(&waiting), waiting[0].results.clone()), (vec![job.id], elsewhere));
}

#[test]
fn of_two_jobs_of_one_name_the_second_is_kept_for_later() {
    let place = Place::new();
    let [job] = jobs();
    place.killed(std::slice::from_ref(&job));
    place.killed(&[Job::new(Arc::clone(&job.request))]);
    let journal = place.join();
    assert_eq!(ids(&journal.claim(Claim::All).unwrap().waiting), [job.id]);
    journal.strike(job.id);
    drop(journal);
    assert_eq!(ids(&place.join().claim(Claim::All).unwrap().waiting), [job.id]);
}

#[test]
fn what_was_being_written_is_swept_once_nobody_can_be_writing_it() {
    let place = Place::new();
    fs::create_dir_all(place.home.results_dir()).unwrap();
    let living = place.join();
    let write = |name: &str, old: bool| {
        let path = place.home.results_dir().join(name);
        let file = File::create(&path).unwrap();
        if old {
            file.set_modified(UNIX_EPOCH + Duration::from_hours(1)).unwrap();
        }
        path
    };
    let dead = write(".writing-aB3dE6", true);
    let fresh = write(".writing-zY8xW7", false);
    let picture = write("picture.png", true);
    let second = place.join();
    assert!(!dead.exists() && picture.exists());
    assert!(fresh.exists(), "the living may be writing it");
    drop((living, second));
    let later = std::time::SystemTime::now() - Duration::from_secs(2);
    File::options().append(true).open(&fresh).unwrap().set_modified(later).unwrap();
    drop(place.join());
    assert!(!fresh.exists());
}

#[test]
fn what_the_user_deleted_is_not_owed_even_when_the_trash_is_empty() {
    let place = Place::new();
    let [other] = jobs();
    let job = test_job_of("two", |task| task.number_results = Some(2));
    place.killed(&[job.clone(), other.clone()]);
    place.finish(&job, 0);
    let [first, second] = [job.owed[0], job.owed[1]];
    let trash = crate::library::Trash::of(&place.home);
    disown(&place.home, &[first.image_uuid, Uuid::new_v4()]);
    trash.put(first.image_uuid).unwrap();
    trash.empty().unwrap();
    assert_eq!(place.names().iter().filter(|name| name.ends_with(".deleted")).count(), 1);

    let journal = place.join();
    assert_eq!(journal.count_left_behind().unwrap(), 2, "one of each job");
    let waiting = journal.claim(Claim::Ours).unwrap().waiting;
    assert_eq!((&waiting[0].owed[..], &waiting[0].deleted[..]), (&[second][..], &[first][..]));
    assert_eq!(waiting[0].made(), [first], "a service is not asked for it again");
    journal.strike(job.id);
    drop(journal);
    let journal = place.join();
    let names = place.names();
    assert!(
        names.iter().all(|name| !name.ends_with(".deleted")),
        "no job needs the note: {names:?}"
    );
    drop(journal);
}

#[test]
fn each_process_keeps_an_order_and_the_latest_counts_for_what_it_took_over() {
    let place = Place::new();
    let [a, b, c, d, e] = jobs();
    let first = place.join();
    let second = place.join();
    for job in [&a, &b, &c] {
        first.enter(job).unwrap();
    }
    second.enter(&d).unwrap();
    second.enter(&e).unwrap();
    first.keep_order(1, &[c.id, a.id]);
    second.keep_order(1, &[e.id, d.id]);
    drop((first, second));
    let heir = place.join();
    let waiting = ids(&heir.claim(Claim::Ours).unwrap().waiting);
    let place_of = |id: JobId| waiting.iter().position(|other| *other == id).unwrap();
    assert!(place_of(c.id) < place_of(b.id) && place_of(b.id) < place_of(a.id), "{waiting:?}");
    assert!(place_of(e.id) < place_of(d.id), "the other's order: {waiting:?}");

    heir.keep_order(1, &[a.id, d.id, e.id, c.id, b.id]);
    drop(heir);
    let heir = place.join();
    let waiting = ids(&heir.claim(Claim::Ours).unwrap().waiting);
    assert_eq!(waiting, [a.id, d.id, e.id, c.id, b.id], "the heir's word is the later one");
    for job in [&a, &b, &c, &d, &e] {
        heir.strike(job.id);
    }
    drop(heir);
    assert_eq!(place.names(), BTreeSet::new(), "orders go with their owners");
}
