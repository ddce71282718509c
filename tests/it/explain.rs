//! `latelier run --explain`: what would become of a task, and nothing made.

use serde_json::{Value, json};

use crate::support::{demo_task, latelier, scratch};

/// The report over `tasks` and the exit code.
fn explained(tasks: &Value) -> (String, i32) {
    let folder = scratch();
    let file = folder.path().join("task.json");
    std::fs::write(&file, tasks.to_string()).unwrap();
    let arguments = ["run", "--explain", file.to_str().unwrap(), "--out"];
    let out = folder.path().join("out");
    let output = latelier().args(arguments).arg(&out).output().unwrap();
    assert!(!out.exists(), "something was made");
    (String::from_utf8(output.stdout).unwrap(), output.status.code().unwrap())
}

#[test]
fn a_task_of_this_machine_is_explained_with_its_memory() {
    let (report, code) = explained(&json!([demo_task()]));
    assert_eq!(code, 0, "{report}");
    for part in [
        "1 picture of 128 × 128, 2 steps",
        "Honoured by both engines: taskType, taskUUID, outputFormat, positivePrompt",
        "remote  mapped: a latelier serve that has a model of this name takes it",
        "Memory in ",
    ] {
        assert!(report.contains(part), "{part} is not in\n{report}");
    }
}

#[test]
fn what_cannot_be_done_here_is_explained_and_fails() {
    let mut task = demo_task();
    task["lora"] = json!([{ "model": "civitai:1@2" }]);
    let (report, code) = explained(&json!([demo_task(), task]));
    assert_eq!(code, 1, "{report}");
    assert!(report.contains("lora[0].model civitai:1@2 is not in the library"), "{report}");
    assert!(report.contains("The local engine would refuse this task."), "{report}");
    let (report, code) = explained(&json!([{ "taskType": "imageInference", "steps": "many" }]));
    assert_eq!(code, 1, "{report}");
    assert!(report.contains("steps"), "{report}");
}
