//! What pictures carry, asked on the command line: `latelier show`, and `latelier run` over pictures
//! of other programs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use latelier::pixels::{self, Extent, FileFormat, Picture, Texts};
use serde_json::{Value, json};

use crate::support::{answered, golden, latelier, run_tasks, run_text, scratch};

fn show(path: &Path, arguments: &[&str]) -> Output {
    latelier().arg("show").arg(path).args(arguments).output().unwrap()
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// A picture with A1111's settings in it, as a JPEG.
fn of_a1111(folder: &Path, settings: &str) -> PathBuf {
    let picture = Picture::from_rgba(Extent::new(8, 8), vec![200; 8 * 8 * 4]).unwrap();
    let texts = Texts { task: "", parameters: Some(settings) };
    let path = folder.join("theirs.jpg");
    let bytes = pixels::encode(&picture, FileFormat::Jpeg { quality: 80 }, texts).unwrap();
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn a_saved_picture_is_shown_and_its_json_makes_the_same_pixels() {
    let out = scratch();
    let folder = out.path().to_str().unwrap();
    let mut task = crate::support::demo_task();
    task["negativePrompt"] = json!("two\nlines");
    let png = run_tasks(&json!([task]), &["--out", folder]).pictures().remove(0);
    let expected = latelier::library::read_picture(&png).unwrap();
    for (format, shown) in [("PNG", "PNG"), ("JPG", "JPEG"), ("WEBP", "WebP")] {
        task["outputFormat"] = json!(format);
        task["taskUUID"] = json!(uuid::Uuid::new_v4().to_string());
        let saved = run_tasks(&json!([task]), &["--out", folder]).pictures().remove(0);

        let people = show(&saved, &[]);
        assert_eq!(people.status.code(), Some(0), "{}", stderr(&people));
        let lines: Vec<&str> = stdout(&people).lines().collect();
        assert!(lines[0].starts_with("Picture"), "{lines:?}");
        assert!(lines[0].ends_with(&format!("128×128, {shown}")), "{lines:?}");
        assert!(lines[1].starts_with("Made by") && lines[1].ends_with("Latelier"), "{lines:?}");
        let column = |word: &str| {
            lines.iter().find_map(|line| Some(line[..line.find(word)?].chars().count()))
        };
        for word in ["a red apple", "two", "lines", "local:demo@1"] {
            assert_eq!(column(word), column("128×128"), "{word}: {lines:#?}");
        }

        // Remade as PNG the pixels are those from before the encoding.
        let json = show(&saved, &["--json"]);
        let mut tasks: Value = serde_json::from_str(stdout(&json)).unwrap();
        assert_eq!(tasks[0], task);
        tasks[0]["outputFormat"] = json!("PNG");
        let remade = run_tasks(&tasks, &["--out", folder]).pictures().remove(0);
        assert_eq!(latelier::library::read_picture(&remade).unwrap(), expected, "{format}");

        let texts = pixels::file_texts(&fs::read(&saved).unwrap());
        let name = if format == "PNG" { "parameters" } else { "UserComment" };
        let settings = texts.get(name).unwrap();
        assert!(
            settings.starts_with("a red apple\nNegative prompt: two\nlines\nSteps: 2, Sampler: "),
            "{settings}"
        );
    }
}

#[test]
fn a_picture_of_a1111_is_made_again_when_its_model_is_there() {
    let out = scratch();
    let folder = out.path().to_str().unwrap();
    let settings = "a red apple\nNegative prompt: blurry\nSteps: 3, Sampler: Euler a, Schedule type: \
                    Automatic, CFG scale: 5.5, Seed: 42, Size: 128x192, Model: demo, RNG: CPU, \
                    Version: v1.10.1";
    let theirs = of_a1111(out.path(), settings);
    let made = latelier().arg("run").arg(&theirs).args(["--out", folder]).output().unwrap();
    assert_eq!(stderr(&made), "");
    let made = answered(&made);
    assert_eq!(made.code, 0, "{}", made.json);

    let task = json!({
        "taskType": "imageInference", "taskUUID": uuid::Uuid::new_v4().to_string(),
        "positivePrompt": "a red apple", "negativePrompt": "blurry", "steps": 3,
        "scheduler": "Euler a", "CFGScale": 5.5, "seed": 42, "width": 128, "height": 192,
        "model": "local:demo@1",
    });
    let ours = run_tasks(&json!([task]), &["--out", folder]);
    let read = |path: &Path| latelier::library::read_picture(path).unwrap();
    assert_eq!(read(&made.pictures()[0]), read(&ours.pictures()[0]));

    // What `show --json` prints is what `run` takes.
    let json = show(&theirs, &["--json"]);
    let printed = run_text(stdout(&json), latelier().args(["run", "-", "--out", folder]));
    assert_eq!(read(&printed.pictures()[0]), read(&ours.pictures()[0]));
}

#[test]
fn what_is_missing_is_said_by_the_ordinary_problems_and_what_is_left_out_by_notes() {
    let out = scratch();
    let unknown = of_a1111(
        out.path(),
        "x <lora:Fur:0.5>\nSteps: 3, Sampler: Nobody's, CFG scale: 5, Seed: 42, Size: 100x128, \
         Model: nobody's, Mood: \u{1b}[31mred",
    );
    let run = latelier().arg("run").arg(&unknown).output().unwrap();
    let answer = answered(&run);
    assert_eq!(answer.code, 1);
    assert_eq!(answer.error_codes(), ["invalidWidth", "missingModel"], "{}", answer.json);
    for note in
        ["Mood: \u{fffd}[31mred", "Sampler: Nobody's", "the model `nobody's`", "the LoRA `Fur`"]
    {
        assert!(answer.stderr.contains(note), "{note}: {}", answer.stderr);
    }
    let shown = show(&unknown, &[]);
    let (_, notes) = stdout(&shown).split_once("\nNotes:\n").unwrap();
    assert!(notes.contains("  Mood: \u{fffd}[31mred\n"), "{notes}");

    // Made from a picture that is not there: not simply made without it.
    let started = of_a1111(
        out.path(),
        "an apple\nSteps: 3, Sampler: Euler, CFG scale: 5, Seed: 42, Size: 128x128, Model: demo, \
         Denoising strength: 0.5, RNG: CPU",
    );
    let run = answered(&latelier().arg("run").arg(&started).output().unwrap());
    assert_eq!((run.code, run.error_codes()), (1, vec!["missingSeedImage"]), "{}", run.json);
}

#[test]
fn other_programs_are_shown_for_people() {
    for (file, lines) in [
        (
            "invoke.png",
            &["Made by", "InvokeAI 6.14.2", "Its model", "Deliberate v5", "DPM++ 2M Karras"][..],
        ),
        (
            "comfy_rich.png",
            &["ComfyUI", "detail.safetensors (-0.25)", "node LatentUpscale is not understood"],
        ),
        ("swarm.png", &["unknown program", "sui_image_params", "Notes:"]),
    ] {
        let output = show(&golden("carried").join(file), &[]);
        assert_eq!(output.status.code(), Some(0));
        for line in lines {
            assert!(stdout(&output).contains(line), "{line} in {}", stdout(&output));
        }
    }
}

#[test]
fn files_with_nothing_to_show_are_refused_with_a_sentence() {
    let nothing = show(&golden("carried/nothing.png"), &[]);
    assert_eq!(nothing.status.code(), Some(1));
    assert!(stderr(&nothing).contains("does not say how it was made"), "{}", stderr(&nothing));
    assert!(stderr(&nothing).trim_end().ends_with("nothing.png"));
    for (file, word) in
        [(golden("carried.json"), "not a picture"), (golden("no.png"), "cannot be read")]
    {
        let refused = show(&file, &[]);
        assert_eq!((refused.status.code(), stdout(&refused)), (Some(2), ""));
        assert!(stderr(&refused).contains(word), "{}", stderr(&refused));
    }
    let run = answered(&latelier().arg("run").arg(golden("carried/nothing.jpg")).output().unwrap());
    assert_eq!(run.code, 2);
    let message = run.json["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("does not say how it was made"), "{message}");
}

#[test]
fn with_no_metadata_pictures_say_nothing_and_are_the_same() {
    let out = scratch();
    let folder = out.path().to_str().unwrap();
    for format in ["PNG", "JPG", "WEBP"] {
        let mut task = crate::support::demo_task();
        task["outputFormat"] = json!(format);
        let told = run_tasks(&json!([task]), &["--out", folder]).pictures().remove(0);
        task["taskUUID"] = json!(uuid::Uuid::new_v4().to_string());
        let bare = run_tasks(&json!([task]), &["--out", folder, "--no-metadata"]);
        let bare = bare.pictures().remove(0);
        let texts = pixels::file_texts(&fs::read(&bare).unwrap());
        assert!(texts.found.is_empty() && texts.left_out.is_empty(), "{format}: {texts:?}");
        let read = |path: &Path| latelier::library::read_picture(path).unwrap();
        assert_eq!(read(&bare), read(&told), "{format}");
    }
}
