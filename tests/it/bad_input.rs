//! Everything a user can get wrong: a clear message, the documented exit code, no panic.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{
    Answered, answered, demo_task, golden, home, latelier, repository, run_tasks, run_text, scratch,
};

#[track_caller]
fn assert_refused(answer: &Answered, code: i32, error: &str, says: &[&str]) {
    assert_eq!(answer.code, code, "{}", answer.json);
    assert_eq!(answer.error_codes(), [error], "{}", answer.json);
    let message = answer.json["errors"][0]["message"].as_str().unwrap();
    for word in says {
        assert!(message.contains(word), "{message:?} does not say {word:?}");
    }
    assert!(!answer.stderr.contains("panicked"), "{}", answer.stderr);
}

fn with(key: &str, value: Value) -> Value {
    let mut task = demo_task();
    task[key] = value;
    json!([task])
}

#[test]
fn a_body_that_is_no_array_is_bad_usage() {
    for (text, says) in [
        ("{\"taskType\":\"imageInference\"}", "array"),
        ("[1, 2]", "object"),
        ("[{", "line 1"),
        ("", "empty"),
    ] {
        let answer = run_text(text, latelier().args(["run", "-"]));
        assert_eq!(answer.code, 2, "{text}: {}", answer.json);
        let message = answer.json["errors"][0]["message"].as_str().unwrap();
        assert!(message.contains(says), "{text}: {message}");
    }
    let output = latelier().args(["run", "no-such-file.json"]).output().unwrap();
    assert_refused(&answered(&output), 2, "invalidRequest", &["no-such-file.json"]);
    let binary = env!("CARGO_BIN_EXE_latelier");
    let output = latelier().args(["run", binary]).output().unwrap();
    assert_refused(&answered(&output), 2, "invalidRequest", &["neither text nor a picture"]);
    assert_eq!(latelier().args(["run"]).output().unwrap().status.code(), Some(2));
    assert_eq!(latelier().args(["paint"]).output().unwrap().status.code(), Some(2));
}

#[test]
fn values_out_of_range_name_the_parameter() {
    let cases = [
        ("width", json!(100), "invalidWidth"),
        ("height", json!(2112), "invalidHeight"),
        ("steps", json!(0), "invalidSteps"),
        ("steps", json!(2.5), "invalidSteps"),
        ("CFGScale", json!(51), "invalidCFGScale"),
        ("scheduler", json!("DPM 2M"), "invalidScheduler"),
        ("model", json!("local:nothing@1"), "invalidModel"),
        ("model", json!("demo"), "invalidModel"),
        ("numberResults", json!(0), "invalidNumberResults"),
        ("checkNSFW", json!("yes"), "invalidCheckNSFW"),
        ("colour", json!("red"), "unknownParameter"),
        ("seedImage", json!("59a2edc2-45e6-429f-be5f-7ded59b92046"), "invalidSeedImage"),
        ("seedImage", json!("data:image/png;base64,bm8gcGljdHVyZQ=="), "invalidSeedImage"),
        ("seedImage", json!("file:///no/such/picture.png"), "invalidSeedImage"),
        ("seedImage", json!("picture.png"), "invalidSeedImage"),
        ("vae", json!("civitai:1@2"), "unsupportedLocalVae"),
    ];
    for (key, value, code) in cases {
        let answer = run_tasks(&with(key, value), &[]);
        assert_refused(&answer, 1, code, &[key]);
        assert_eq!(answer.json["errors"][0]["parameter"], json!(key), "{}", answer.json);
    }
}

#[test]
fn one_bad_task_does_not_spoil_the_others() {
    let out = scratch();
    let mut bad = demo_task();
    bad["width"] = json!(100);
    let answer = run_tasks(&json!([demo_task(), bad]), &["--out", out.path().to_str().unwrap()]);
    assert_eq!(answer.code, 1);
    assert_eq!(answer.json["data"].as_array().unwrap().len(), 1);
    assert_eq!(answer.json["errors"][0]["taskUUID"], bad["taskUUID"]);
    assert_eq!(answer.json["errors"][0]["min"], json!(128));
    assert_eq!(answer.json["errors"][0]["multiplier"], json!(64));
}

/// Runs the demo task with `model` from a folder that `prepare` fills.
fn with_models(model: &str, prepare: impl Fn(&Path)) -> Answered {
    let folder = scratch();
    prepare(folder.path());
    let path = folder.path().to_str().unwrap();
    run_tasks(&with("model", json!(model)), &["--models", path, "--out", path])
}

#[test]
fn damaged_checkpoints_are_named_with_the_reason() {
    let file = fs::read(golden("tiny-sd1/model.safetensors")).unwrap();
    let cut = with_models("local:cut@1", |folder| {
        fs::write(folder.join("cut.safetensors"), &file[..file.len() / 2]).unwrap();
    });
    assert_refused(&cut, 1, "invalidModel", &["cut.safetensors", "cut off"]);

    let junk = with_models("local:junk@1", |folder| {
        fs::write(folder.join("junk.safetensors"), b"this is no checkpoint at all").unwrap();
    });
    assert_refused(&junk, 1, "invalidModel", &["junk.safetensors", "safetensors"]);

    let short = with_models("local:short@1", |folder| {
        fs::write(folder.join("short.safetensors"), b"abc").unwrap();
    });
    assert_refused(&short, 1, "invalidModel", &["short.safetensors", "3 bytes"]);

    // Without its config the tiny model is taken for SD 1.x and does not fit.
    let misfit = with_models("local:model@1", |folder| {
        fs::write(folder.join("model.safetensors"), &file).unwrap();
    });
    assert_refused(&misfit, 1, "modelLoadFailed", &["model.safetensors", "shape"]);
}

#[test]
fn tasks_to_measure_are_checked_like_others() {
    let folder = scratch();
    let file = folder.path().join("tasks.json");
    fs::write(&file, r#"["no task"]"#).unwrap();
    let output = latelier().arg("bench-cache").arg(&file).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("object") && !said.contains("panicked"), "{said}");
}

#[test]
fn a_lora_is_no_checkpoint() {
    let lora = repository("assets/models/demo/addons/lora-outline.safetensors");
    let answer = with_models("local:outline@1", |folder| {
        fs::copy(&lora, folder.join("outline.safetensors")).unwrap();
    });
    assert_refused(&answer, 1, "invalidModel", &["local:outline@1"]);
}

#[test]
fn a_folder_of_junk_holds_no_models_and_a_missing_one_is_bad_usage() {
    let folder = scratch();
    fs::write(folder.path().join("readme.txt"), "nothing").unwrap();
    fs::create_dir(folder.path().join("model_index.json")).unwrap();
    fs::write(folder.path().join("broken.safetensors"), b"junk").unwrap();
    let path = folder.path().to_str().unwrap();
    let output = latelier().args(["models", "list", "--models", path]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let (stdout, stderr) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(stdout.contains("local:demo@1"), "{stdout}");
    assert!(stderr.contains("broken.safetensors"), "{stderr}");

    let answer = run_tasks(&json!([demo_task()]), &["--models", "/no/such/folder"]);
    assert_refused(&answer, 2, "invalidRequest", &["/no/such/folder"]);
}

#[test]
fn without_onnx_runtime_the_message_says_what_to_do() {
    let text = json!([demo_task()]).to_string();
    let not_a_library = golden("README.md");
    for path in ["/no/such/library.so", not_a_library.to_str().unwrap()] {
        let mut command = latelier();
        let answer = run_text(&text, command.env("ORT_DYLIB_PATH", path).args(["run", "-"]));
        assert_refused(&answer, 1, "runtimeMissing", &["ONNX Runtime", "ORT_DYLIB_PATH", "doctor"]);

        let output = latelier().env("ORT_DYLIB_PATH", path).arg("doctor").output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert!(stdout.contains(path) && stdout.contains("cannot be made yet"), "{stdout}");
    }
}

#[test]
fn the_doctor_is_content_with_this_machine() {
    let output = latelier().arg("doctor").output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stdout}");
    for word in ["ONNX Runtime", "CPUExecutionProvider", "a session was run", "local:demo@1"] {
        assert!(stdout.contains(word), "{stdout}");
    }
}

#[test]
fn a_picture_that_cannot_be_saved_is_a_failure_that_names_the_place() {
    // A file where the folder should be: no user, not even root, can write below it.
    let folder = scratch();
    let file = folder.path().join("occupied");
    fs::write(&file, "").unwrap();
    let answer = run_tasks(&json!([demo_task()]), &["--out", file.to_str().unwrap()]);
    assert_refused(&answer, 1, "saveFailed", &["occupied", "could not be saved"]);
    assert_eq!(answer.json["data"], json!([]));
}

/// A full disk, as Linux shows it: `/dev/full` refuses every write.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_nothing_half_written() {
    let error = latelier::library::write_atomically(Path::new("/dev/full/picture.png"), b"x");
    assert!(error.is_err());
    let folder = scratch();
    let limited = format!(
        "ulimit -f 4; exec {} run - --out {}",
        env!("CARGO_BIN_EXE_latelier"),
        folder.path().display()
    );
    // The signal of the limit is ignored, so that the write fails as on a full disk.
    let script = format!("trap '' XFSZ; {limited}");
    let mut command = std::process::Command::new("sh");
    command.env("LATELIER_HOME", home().root()).args(["-c", &script]);
    let answer = run_text(&json!([demo_task()]).to_string(), &mut command);
    assert_refused(&answer, 1, "saveFailed", &["could not be saved"]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "half a file was left");
}
