//! The gallery by the names of its things: found, chosen, compared, known in detail.

use std::fs;
use std::time::{Duration, SystemTime};

use egui::{Key, Modifiers, OutputCommand, Role};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use latelier::library::Home;
use latelier::pixels::{Extent, FileFormat, Picture, encode};
use latelier::task::Task;
use uuid::Uuid;

use crate::support::{Window, scratch};

const SEARCH: (Role, &str) = (Role::TextInput, "Search pictures");

/// Results that another session left, the last one the newest.
pub(super) fn fill(home: &Home, prompts: &[&str]) -> Vec<Uuid> {
    fs::create_dir_all(home.results_dir()).unwrap();
    let start = SystemTime::now() - Duration::from_mins(10);
    let write = |(number, prompt): (usize, &&str)| {
        let mut task = Task::new(Uuid::new_v4());
        task.positive_prompt = Some((*prompt).to_owned());
        task.model = Some("local:demo@1".to_owned());
        (task.width, task.height, task.steps) = (Some(128), Some(128), Some(4));
        task.seed = Some(100 + number as u64);
        let picture = Picture::from_fn(Extent::new(128, 128), |x, y| {
            [x as u8 * 2, y as u8 * 2, number as u8 * 40, 255]
        });
        let json = serde_json::to_string(&task).unwrap();
        let image_uuid = Uuid::new_v4();
        let path = home.results_dir().join(format!("{image_uuid}.png"));
        fs::write(&path, encode(&picture, FileFormat::Png, json.as_str()).unwrap()).unwrap();
        let file = fs::File::options().append(true).open(&path).unwrap();
        file.set_modified(start + Duration::from_secs(number as u64)).unwrap();
        image_uuid
    };
    prompts.iter().enumerate().map(write).collect()
}

/// A window over results with these prompts; the last one is shown.
pub(super) fn over(prompts: &[&str]) -> (Window, tempfile::TempDir, Vec<Uuid>) {
    let folder = scratch();
    let home = Home::at(folder.path());
    let images = fill(&home, prompts);
    (open(&home, images.len()), folder, images)
}

/// A window over that home, once it knows what its pictures were made with.
pub(super) fn open(home: &Home, count: usize) -> Window {
    let mut window = Window::open_in(home);
    window.wait("what the files say", move |state| {
        state.world.gallery.len() == count
            && state.world.gallery.newest().is_some_and(|entry| entry.task().is_some())
            && (0..count).all(|place| {
                state.world.gallery.shown(place).is_some_and(|it| it.prompt().is_some())
            })
    });
    window
}

impl Window {
    pub(super) fn picture<'a>(&'a self, name: &'a str) -> egui_kittest::Node<'a> {
        self.app.get_by_role_and_label(Role::ListBoxOption, name)
    }

    pub(super) fn press_key(&mut self, key: Key) {
        self.app.key_press(key);
        self.app.run_steps(3);
    }

    /// What this session put onto the clipboard first from now on.
    pub(super) fn wait_copied(&mut self) -> OutputCommand {
        for _ in 0..2000 {
            let commands = &self.app.output().platform_output.commands;
            if let Some(command) = commands.first() {
                return command.clone();
            }
            self.app.step();
            std::thread::sleep(Duration::from_millis(2));
        }
        panic!("nothing was copied");
    }

    pub(super) fn selected(&self) -> Option<Uuid> {
        self.app.state().state.view.selected
    }

    fn shown_len(&self) -> usize {
        self.app.state().state.world.gallery.shown_len()
    }
}

#[test]
fn stars_stay_after_a_restart_and_without_the_index() {
    let (mut window, folder, images) = over(&["a red fox", "a red car", "a snowman"]);
    window.press_key(Key::S);
    assert!(window.shows("Picture 1, starred: a snowman"));
    window.picture("Picture 2: a red car").hover();
    window.app.run_steps(3);
    window.click("Star picture 2");
    assert!(window.shows("Picture 2, starred: a red car"));
    window.press_key(Key::S);
    assert!(window.shows("Picture 1: a snowman"), "the shown one lost its star again");
    drop(window);

    let home = Home::at(folder.path());
    fs::remove_file(home.index_file()).unwrap();
    let mut window = open(&home, 3);
    assert!(window.shows("Picture 2, starred: a red car"));
    window.click("Show only starred pictures");
    assert_eq!(window.shown_len(), 1);
    window.picture("Picture 1, starred: a red car").click();
    window.app.run_steps(3);
    assert_eq!(window.selected(), Some(images[1]));
    window.press_key(Key::S);
    assert!(window.shows("No starred pictures"));
    window.click("Show all pictures");
    assert_eq!(window.shown_len(), 3);
}

#[test]
fn terms_find_by_day_model_and_seed_and_help_stands_where_nothing_is_found() {
    let (mut window, _folder, _) = over(&["a red fox", "a red car", "a snowman"]);
    for (search, found) in [
        ("red -car", 1),
        ("model:emoji", 3),
        ("seed:102", 1),
        ("seed:10", 0),
        ("before:2020", 0),
        ("after:2020 red", 2),
        ("starred", 0),
    ] {
        window.write(SEARCH, search);
        assert_eq!(window.shown_len(), found, "{search}");
    }
    assert!(window.shows("Nothing found. Every word must be there"));
    window.click("Search for today: or yesterday");
    assert_eq!(window.app.state().state.view.search, "today");
    window.write(SEARCH, "before:2026-13 zebra");
    let misread = window.app.state().state.world.gallery.misread().map(str::to_owned);
    assert_eq!(misread.as_deref(), Some("before:2026-13"));
    window.click("Clear the search");
    assert_eq!(window.shown_len(), 3);
    window.app.key_press_modifiers(Modifiers::COMMAND, Key::F);
    window.app.run_steps(3);
    assert!(window.app.get_by_role_and_label(SEARCH.0, SEARCH.1).is_focused());
}

#[test]
fn several_are_chosen_by_clicks_and_keys_and_escape_leaves_one() {
    let (mut window, _folder, images) = over(&["one", "two", "three", "four"]);
    window.picture("Picture 3: two").click_modifiers(Modifiers::COMMAND);
    window.app.run_steps(3);
    assert!(window.shows("2 chosen"));
    assert_eq!(window.app.state().state.chosen(), [images[3], images[1]]);
    window.picture("Picture 3: two").click_modifiers(Modifiers::COMMAND);
    window.app.run_steps(3);
    assert!(!window.shows("chosen"), "a second time takes it out");
    window.picture("Picture 2: three").click();
    window.app.run_steps(3);
    window.picture("Picture 4: one").click_modifiers(Modifiers::SHIFT);
    window.app.run_steps(3);
    assert_eq!(window.app.state().state.chosen(), [images[2], images[1], images[0]]);
    window.app.key_press_modifiers(Modifiers::SHIFT, Key::ArrowLeft);
    window.app.run_steps(3);
    assert_eq!(window.app.state().state.chosen(), [images[2], images[1]]);
    window.app.key_press_modifiers(Modifiers::COMMAND, Key::A);
    window.app.run_steps(3);
    assert!(window.shows("4 chosen"));
    let selected = window.picture("Picture 1: four").accesskit_node().is_selected();
    assert_eq!(selected, Some(true));
    window.click("Star the chosen pictures");
    assert!((1..=4).all(|place| window.shows(&format!("Picture {place}, starred"))));
    window.press_key(Key::Escape);
    assert_eq!(window.app.state().state.chosen().len(), 1);
}

#[test]
fn what_a_search_hides_is_not_chosen_any_more() {
    let (mut window, _folder, images) = over(&["a red fox", "a red car", "a snowman"]);
    window.app.key_press_modifiers(Modifiers::COMMAND, Key::A);
    window.app.run_steps(3);
    window.write(SEARCH, "red");
    window.picture("Picture 1: a red car").click();
    window.app.run_steps(3);
    window.app.key_press_modifiers(Modifiers::COMMAND, Key::A);
    window.app.run_steps(3);
    assert_eq!(window.app.state().state.chosen(), [images[1], images[0]]);
}

#[test]
fn the_keyboard_walks_through_the_grid_and_enter_reuses() {
    let (mut window, _folder, images) = over(&["one", "two", "three"]);
    window.picture("Picture 1: three").focus();
    window.app.run_steps(3);
    window.press_key(Key::ArrowRight);
    assert_eq!(window.selected(), Some(images[1]));
    assert!(window.picture("Picture 2: two").is_focused(), "the keyboard goes with the choice");
    let two = images[1];
    window.wait("the task", move |state| {
        state.world.gallery.get(two).is_some_and(|entry| entry.task().is_some())
    });
    window.press_key(Key::Enter);
    let draft = &window.app.state().state.draft;
    assert_eq!((draft.prompt.as_str(), draft.seed), ("two", Some(101)));

    // Folded away, it has the keyboard no longer.
    window.app.key_press_modifiers(Modifiers::COMMAND, Key::G);
    window.wait("the fold", |state| !state.view.gallery_open);
    window.app.run_steps(20);
    window.app.get_by_role_and_label(Role::MultilineTextInput, "Prompt").focus();
    window.app.run_steps(2);
    window.press_key(Key::S);
    assert!(!window.app.state().state.world.gallery.is_starred(two));
}

#[test]
fn two_pictures_are_compared_with_a_line_that_moves() {
    let (mut window, _folder, images) = over(&["a red fox", "a blue fox", "a snowman"]);
    window.picture("Picture 2: a blue fox").click();
    window.app.run_steps(3);
    window.press_key(Key::C);
    assert!(window.shows("Choose the two pictures to compare"));
    window.picture("Picture 3: a red fox").click_modifiers(Modifiers::COMMAND);
    window.app.run_steps(3);
    window.click("Compare two pictures");
    window.wait_shown("Left: Seed 100  ·  Prompt a red fox");
    assert!(window.shows("Right: Seed 101  ·  Prompt a blue fox"));
    let line = |window: &Window| window.app.state().state.view.gallery.compare.unwrap();
    assert_eq!(line(&window).pictures, [images[0], images[1]]);
    let rect = window.app.get_by_label("Line between the two pictures").rect();
    window.press_key(Key::ArrowRight);
    assert!(line(&window).split > 0.5);
    let from = rect.center();
    window.app.hover_at(from);
    window.app.drag_at(from);
    window.app.run_steps(2);
    window.app.hover_at(rect.left_center() + egui::vec2(5.0, 0.0));
    window.app.run_steps(2);
    window.app.drop_at(rect.left_center() + egui::vec2(5.0, 0.0));
    window.app.run_steps(2);
    assert!(line(&window).split < 0.01, "{:?}", line(&window));
    window.click("Swap left and right");
    assert_eq!(line(&window).pictures, [images[1], images[0]]);
    assert!(line(&window).split < 0.01, "the button was pressed, not the pictures below it");
    window.press_key(Key::Escape);
    assert!(window.shows("Picture. a red fox"), "one picture is on the canvas again");
    assert_eq!(window.app.state().state.chosen().len(), 2, "both are chosen still");
}

#[test]
fn details_tell_how_a_picture_was_made_and_every_value_is_copied() {
    let (mut window, folder, images) = over(&["a red fox"]);
    window.click("Details");
    for line in ["Prompt: a red fox", "Size: 128 × 128", "Steps: 4", "Seed: 100", "Made: 20"] {
        assert!(window.shows(line), "{line}");
    }
    assert!(window.shows("Engine: This computer"));
    window.app.get_by_label("Copy Seed").click_accesskit();
    assert_eq!(window.wait_copied(), OutputCommand::CopyText("100".to_owned()));
    window.app.run_steps(2);
    assert!(window.shows("Seed copied"));
    window.app.get_by_label("Copy File").click_accesskit();
    let file = Home::at(folder.path()).results_dir().join(format!("{}.png", images[0]));
    assert_eq!(window.wait_copied(), OutputCommand::CopyText(file.display().to_string()));
    window.press_key(Key::I);
    assert!(!window.shows("Details of the picture"));
    assert!(!window.app.state().state.view.gallery.details_open);
}

#[test]
fn the_menu_copies_guides_and_stars_what_it_was_opened_on() {
    let (mut window, _folder, images) = over(&["a red fox", "a snowman"]);
    window.picture("Picture 2: a red fox").click_secondary();
    window.app.run_steps(4);
    assert_eq!(window.selected(), Some(images[0]));
    assert!(window.is_disabled("Use as guide"));
    window.wait("the task", move |state| {
        state.world.gallery.get(images[0]).is_some_and(|entry| entry.task().is_some())
    });
    window.app.get_by_role_and_label(Role::MenuItem, "Copy the task as JSON").click();
    let OutputCommand::CopyText(json) = window.wait_copied() else { panic!("no text") };
    let tasks: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(tasks[0]["positivePrompt"], "a red fox");
    window.app.run_steps(4);

    window.press("Add: ControlNet");
    window.press("Edges (Canny)");
    window.click("More actions");
    window.app.get_by_role_and_label(Role::MenuItem, "Guide Edges (Canny) by it").click();
    window.wait("the guide", |state| {
        state.draft.stacks.controls.iter().any(|row| row.says.guide_image.is_some())
    });
}

#[test]
fn a_picture_goes_onto_the_clipboard() {
    let (mut window, _folder, _) = over(&["a red fox"]);
    window.app.event(egui::Event::Copy);
    let OutputCommand::CopyImage(image) = window.wait_copied() else { panic!("no picture") };
    assert_eq!(image.size, [128, 128]);
    window.app.run_steps(2);
    assert!(window.shows("Picture copied") || window.app.state().state.world.notices.len() == 1);
}
