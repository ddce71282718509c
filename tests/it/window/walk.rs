//! One walk through the studio, as an illustrator would take it. With `--features pictures` each step is
//! drawn, dark and light and in two sizes, into the target folder.

use std::path::PathBuf;

use egui::{Key, Modifiers, Role, vec2};
use egui_kittest::kittest::Queryable as _;
use latelier::jobs::Status;
use latelier::library::Home;
use latelier::state::{Action, Mode, ThemeChoice};

use crate::serve::{KEY, Served};
use crate::support::{SCRATCH, Window, scratch};

/// What the window is like on a walk.
#[derive(Clone, Copy)]
struct Look {
    size: [f32; 2],
    theme: ThemeChoice,
}

const LOOKS: [Look; 4] = [
    Look { size: [1280.0, 800.0], theme: ThemeChoice::Dark },
    Look { size: [1280.0, 800.0], theme: ThemeChoice::Light },
    Look { size: [2560.0, 1440.0], theme: ThemeChoice::Dark },
    Look { size: [2560.0, 1440.0], theme: ThemeChoice::Light },
];

#[test]
fn from_the_first_start_to_the_next() {
    // `killed.rs` looks at it from outside.
    let watched = std::env::var_os(SCRATCH).map(PathBuf::from);
    let drawn = cfg!(feature = "pictures") && watched.is_none();
    for look in if drawn { &LOOKS[..] } else { &LOOKS[..1] } {
        let folder = scratch();
        let home = Home::at(watched.as_deref().unwrap_or(folder.path()).join("home"));
        let mut walk = Walk::begin(&home, *look);
        walk.first_picture();
        walk.fill();
        walk.extend();
        walk.stacks();
        let served = walk.remote();
        walk.queue_of_five();
        walk.find_again();
        drop(served);
        let kept = walk.end();
        Walk::begin(&home, *look).all_is_there(&kept);
    }
}

/// What has to be there after a restart.
struct Kept {
    pictures: usize,
    prompt: String,
    start: Option<uuid::Uuid>,
}

struct Walk {
    window: Window,
    #[cfg(feature = "pictures")]
    album: PathBuf,
    #[cfg(feature = "pictures")]
    page: usize,
}

impl Walk {
    fn begin(home: &Home, look: Look) -> Self {
        let mut window = Window::open_sized(home, look.size.into());
        window.app.state_mut().state.view.theme = look.theme;
        window.app.run_steps(2);
        #[cfg(feature = "pictures")]
        let album = {
            let [width, height] = look.size;
            let name = format!("{width}x{height}-{}", look.theme.label().to_lowercase());
            let album = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("walk").join(name);
            std::fs::create_dir_all(&album).unwrap();
            album
        };
        Self {
            window,
            #[cfg(feature = "pictures")]
            page: std::fs::read_dir(&album).unwrap().count(),
            #[cfg(feature = "pictures")]
            album,
        }
    }

    /// Nothing is drawn.
    #[cfg(not(feature = "pictures"))]
    #[expect(clippy::needless_pass_by_ref_mut, clippy::unused_self, reason = "as it is drawn")]
    const fn look(&mut self, _name: &str) {}

    /// Draws what the window shows.
    #[cfg(feature = "pictures")]
    fn look(&mut self, name: &str) {
        // Pictures are decoded on threads of their own.
        for _ in 0..20 {
            self.window.app.step();
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        self.page += 1;
        let file = self.album.join(format!("{:02} {name}.png", self.page));
        self.window.app.render().unwrap().save(file).unwrap();
    }

    fn first_picture(&mut self) {
        assert!(self.window.shows("No picture yet"));
        self.look("first start");
        self.window.click("Generate 128 × 128");
        self.wait_for(1);
        self.look("first picture");
    }

    fn fill(&mut self) {
        self.window.click("Start from this picture");
        self.window.wait_shown("Start picture.");
        self.window.click("Brush");
        self.window.drag(vec2(-90.0, -60.0), vec2(60.0, 30.0));
        self.window.drag(vec2(-60.0, 20.0), vec2(90.0, -40.0));
        assert_eq!(self.window.state().draft.mode(), Mode::Fill);
        self.look("mask");
        self.window.click("Fill 128 × 128");
        self.wait_for(2);
        self.look("filled");
        self.window.click("Use this result");
        self.window.wait_shown("Start picture.");
    }

    fn extend(&mut self) {
        let right = self.window.at("Pull the right side");
        self.window.pull(right, vec2(270.0, 0.0), Modifiers::NONE);
        let bottom = self.window.at("Pull the bottom");
        self.window.pull(bottom, vec2(0.0, 200.0), Modifiers::NONE);
        assert_eq!(self.window.state().draft.mode(), Mode::Extend);
        self.look("handles");
        self.window.click("Extend to 192 × 192");
        self.wait_for(3);
        self.look("extended");
        self.window.click("Use this result");
        self.window.wait_shown("Start picture.");
    }

    /// A LoRA and a guided ControlNet: they stand in the task, and what an engine cannot do is faint.
    fn stacks(&mut self) {
        self.window.press("Add: LoRA");
        self.window.click("Ink outline");
        self.window.press("Add: ControlNet");
        self.window.click("Edges (Canny)");
        self.window.press("Guide of Edges (Canny)");
        self.window.click("Edges (canny)");
        self.window.wait("the guide", |state| state.world.problems.is_empty());
        self.look("stacks");
        self.window.app.key_press_modifiers(Modifiers::COMMAND, Key::J);
        self.window.app.run_steps(4);
        let text = &self.window.state().view.task_sheet.text;
        let task: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(task[0]["lora"][0]["model"], "local:demo-outline@1");
        assert!(task[0]["controlNet"][0]["guideImage"].is_string());
        self.look("task as JSON");
        self.window.app.key_press_modifiers(Modifiers::COMMAND, Key::J);
        self.window.app.run_steps(4);
        self.window.press("More");
        self.look("more on this machine");
    }

    /// The same form on the service, whose part a `latelier serve` plays.
    fn remote(&mut self) -> Served {
        let served = Served::start(&[]);
        self.window.click("Engine Remote");
        self.window.wait_shown("Enter a key");
        self.look("remote without a key");
        self.window.click("Enter a key");
        let address = format!("ws://{}/v1", served.address);
        self.window.write((Role::TextInput, "Remote address"), &address);
        self.window.write((Role::PasswordInput, "API key"), KEY);
        self.look("settings");
        self.window.click("Keep");
        self.window.wait("the service", |state| matches!(state.world.status, Status::Ready(_)));
        self.window.click("Close the sheet");
        super::engine_bar::choose_model(&mut self.window);
        self.look("more on the service");
        self.window.press("More");
        self.window.app.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
        self.wait_for(4);
        self.look("made by the service");
        self.window.click("Engine Local");
        self.window.wait("this machine", |state| matches!(state.world.status, Status::Ready(_)));
        served
    }

    fn queue_of_five(&mut self) {
        for _ in 0..5 {
            self.window.app.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
            self.window.app.run_steps(2);
        }
        assert_eq!(self.window.state().world.queue.jobs().len(), 5);
        self.look("queue of five");
        self.window.click("All jobs");
        self.look("list of jobs");
        self.window.click("Close the list");
        let last = self.window.state().world.queue.jobs()[4].id;
        self.window.app.state_mut().state.apply(Action::Cancel(last));
        self.wait_for(8);
        assert!(self.window.state().world.queue.jobs().is_empty());
    }

    fn find_again(&mut self) {
        self.window.press_key(Key::S);
        self.window.write((Role::TextInput, "Search pictures"), "fox");
        self.window.wait("what is found", |state| !state.world.gallery.is_searching());
        self.look("search and star");
        self.window.click("Clear the search");
        self.window.app.key_press(Key::Escape);
        self.window.app.run_steps(2);
        let picture = |walk: &Self, number: usize| {
            let name = format!("Picture {number}: ");
            walk.window
                .app
                .get_by(move |node| node.label().is_some_and(|l| l.starts_with(&name)))
                .rect()
        };
        for (number, modifiers) in [(8, Modifiers::NONE), (2, Modifiers::COMMAND)] {
            let at = picture(self, number).center();
            self.window.app.event(egui::Event::ModifiersChanged(modifiers));
            self.window.app.hover_at(at);
            self.window.app.run_steps(2);
            self.window.app.drag_at(at);
            self.window.app.drop_at(at);
            self.window.app.run_steps(2);
            self.window.app.event(egui::Event::ModifiersChanged(Modifiers::NONE));
            self.window.app.run_steps(2);
        }
        self.window.click("Compare two pictures");
        self.look("compare");
        self.window.app.key_press(Key::Escape);
        self.window.app.run_steps(2);
    }

    fn wait_for(&mut self, pictures: usize) {
        self.window.wait("the pictures", move |state| {
            state.world.gallery.len() == pictures && state.world.queue.jobs().is_empty()
        });
    }

    fn end(self) -> Kept {
        let state = self.window.state();
        Kept {
            pictures: state.world.gallery.len(),
            prompt: state.draft.prompt.clone(),
            start: state.draft.seed_image,
        }
    }

    fn all_is_there(mut self, kept: &Kept) {
        self.window.wait_shown("Picture 1, starred");
        self.look("reopened");
        let state = self.window.state();
        assert_eq!(state.world.gallery.len(), kept.pictures);
        assert_eq!((&state.draft.prompt, state.draft.seed_image), (&kept.prompt, kept.start));
    }
}
