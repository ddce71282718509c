//! Deleting from the gallery and thinking better of it.

use std::fs;

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use latelier::library::{Home, list_stars};

use super::gallery::{open, over};
use crate::support::Window;

fn files(home: &Home) -> usize {
    fs::read_dir(home.results_dir()).unwrap().count()
}

fn len(window: &Window) -> usize {
    window.app.state().state.world.gallery.len()
}

fn undos(window: &Window) -> usize {
    window.app.query_all_by_label("Undo").count()
}

#[test]
fn a_deleted_picture_comes_back_with_its_star() {
    let (mut window, folder, images) = over(&["one", "two", "three"]);
    let home = Home::at(folder.path());
    window.press_key(Key::S);
    window.press_key(Key::Delete);
    assert!(window.shows("1 picture deleted"));
    assert_eq!((len(&window), window.selected()), (2, Some(images[1])), "the next one is shown");
    window.wait("the move", {
        let home = home.clone();
        move |_| files(&home) == 2
    });
    window.click("Undo");
    let back = images[2];
    window.wait("its return", move |state| state.world.gallery.get(back).is_some());
    assert_eq!(window.selected(), Some(back));
    assert!(window.shows("Picture 1, starred: three"));
    assert_eq!((files(&home), list_stars(&home).unwrap()), (4, vec![back]));
}

#[test]
fn many_are_deleted_at_once_and_stay_away_after_a_restart_until_the_last_undo() {
    let (mut window, folder, images) = over(&["one", "two", "three", "four"]);
    let home = Home::at(folder.path());
    window.press_key(Key::Delete);
    window.app.key_press_modifiers(Modifiers::COMMAND, Key::A);
    window.app.run_steps(3);
    window.click("Delete the chosen pictures");
    assert!(window.shows("3 pictures deleted"));
    assert_eq!(len(&window), 0);
    assert!(window.shows("More actions"));
    // The menu undoes the last deletion, then the one before.
    for there in [3, 4] {
        window.click("More actions");
        window.click("Undo deleting");
        window.wait("their return", move |state| state.world.gallery.len() == there);
    }
    assert_eq!(files(&home), 4);
    window.press_key(Key::Delete);
    drop(window);
    assert_eq!(files(&home), 3, "the window closes after the file is moved");
    let window = open(&home, 3);
    assert!(window.app.state().state.world.gallery.get(images[3]).is_none());
}

#[test]
fn the_trash_is_emptied_when_that_is_said_twice() {
    let (mut window, folder, _) = over(&["one", "two"]);
    let trash = Home::at(folder.path()).trash_dir();
    let in_it = {
        let trash = trash.clone();
        move || fs::read_dir(&trash).map_or(0, Iterator::count)
    };
    window.press_key(Key::Delete);
    let there = in_it.clone();
    window.wait("the move", move |_| there() == 1);
    window.click("More actions");
    window.click("Empty the trash…");
    assert_eq!(in_it(), 1, "not yet");
    window.click("Delete them for good");
    window.wait("its end", move |_| in_it() == 0);
    window.wait_shown("The trash is empty");
    window.click("More actions");
    assert!(window.is_disabled("Undo deleting"));
}

#[test]
fn buttons_bring_back_what_they_stand_beside_with_stars_and_settings() {
    let (mut window, folder, images) = over(&["one", "two", "three"]);
    let home = Home::at(folder.path());
    window.press_key(Key::S);
    window.press_key(Key::Delete);
    window.press_key(Key::S);
    window.press_key(Key::Delete);
    window.wait("both moves", {
        let home = home.clone();
        move |_| files(&home) == 1
    });
    // A listing comes between: neither picture nor star is there.
    window.press_key(Key::F5);
    window.wait("the listing", |state| state.world.gallery.len() == 1);
    window.app.run_steps(5);
    let older = window.app.get_all_by_label("Undo").next().unwrap();
    older.click();
    window.app.run_steps(3);
    let [_, second, first] = images[..] else { panic!("{images:?}") };
    window.wait("the older one's return, its star and its task", move |state| {
        let gallery = &state.world.gallery;
        gallery.is_starred(first) && gallery.get(first).is_some_and(|it| it.task().is_some())
    });
    assert!(window.app.state().state.world.gallery.get(second).is_none(), "not the newer one");
    window.click("Undo");
    window.wait("the newer one's return, its star and its task", move |state| {
        let gallery = &state.world.gallery;
        gallery.is_starred(second) && gallery.get(second).is_some_and(|it| it.task().is_some())
    });
    assert_eq!(undos(&window), 0, "nothing is left to undo");
}

#[test]
fn what_cannot_be_moved_stays_where_it_is_and_can_be_tried_again() {
    let (mut window, folder, images) = over(&["one", "two"]);
    let home = Home::at(folder.path());
    // A file where the folder should be: true on every system, and for the superuser too.
    fs::write(home.trash_dir(), "in the way").unwrap();
    window.press_key(Key::Delete);
    window.wait_shown("A picture could not be deleted");
    assert_eq!(len(&window), 2);
    assert_eq!(undos(&window), 0, "nothing was deleted");
    fs::remove_file(home.trash_dir()).unwrap();

    window.app.state_mut().state.view.selected = Some(images[1]);
    window.app.run_steps(3);
    window.press_key(Key::Delete);
    window.wait("the move", {
        let home = home.clone();
        move |_| files(&home) == 1
    });
    let place = home.results_dir().join(format!("{}.png", images[1]));
    fs::create_dir(&place).unwrap();
    window.click("Undo");
    window.wait_shown("A picture could not be brought back");
    fs::remove_dir(&place).unwrap();
    window.click("More actions");
    window.click("Undo deleting");
    window.wait("its return", move |_| place.is_file());
}
