//! Reading and writing of neighbouring tasks: what is accepted, and how refusals name their place.

use serde_json::{Value, json};

use super::*;

const UUID: &str = "59a2edc2-45e6-429f-be5f-7ded59b92046";

fn with(name: &str, mut members: Value) -> Value {
    members["taskType"] = json!(name);
    members["taskUUID"] = json!(UUID);
    members
}

fn refused(name: &str, members: Value) -> Vec<Value> {
    let problems = AnyTask::from_json(&with(name, members)).unwrap_err();
    problems.into_iter().map(|problem| serde_json::to_value(problem).unwrap()).collect()
}

fn image() -> Value {
    json!("iVBORw0KGgo=")
}

#[test]
fn every_type_comes_back_as_it_was_sent() {
    for task in [
        json!({ "taskType": "authentication", "apiKey": "k-1", "connectionSessionUUID": UUID }),
        json!({ "taskType": "ping", "ping": true }),
        with("getResponse", json!({})),
        with("getTaskDetails", json!({})),
        with("imageUpload", json!({ "image": image() })),
        with(
            "controlNetPreprocess",
            json!({ "inputImage": UUID, "preProcessorType": "canny",
            "lowThresholdCanny": 10, "outputType": "base64Data", "includeCost": true }),
        ),
        with(
            "imageMasking",
            json!({ "inputImage": UUID, "model": "runware:35@1", "maskPadding": -4 }),
        ),
        with(
            "upscale",
            json!({ "inputs": { "image": UUID }, "upscaleFactor": 2,
            "settings": { "steps": 20, "seed": 9_223_372_036_854_775_807_u64 } }),
        ),
        with(
            "removeBackground",
            json!({ "inputImage": UUID, "settings": { "rgba": [1, 2, 3, 4] } }),
        ),
        with("caption", json!({ "inputImage": UUID, "prompt": "What is it?" })),
        with("promptEnhance", json!({ "prompt": "a fox", "promptVersions": 2 })),
        with("modelSearch", json!({ "search": "", "tags": ["a"], "limit": 100 })),
        with("accountManagement", json!({ "operation": "getDetails" })),
    ] {
        let read = AnyTask::from_json(&task).unwrap_or_else(|problems| panic!("{problems:?}"));
        assert_eq!(read.to_json().unwrap(), task);
        assert_eq!(read.task_type(), task["taskType"]);
        let uuid = read.task_uuid().map(|uuid| uuid.to_string());
        assert_eq!(uuid.as_deref(), task["taskUUID"].as_str());
    }
    assert_eq!(AnyTask::names().len(), 14);
}

#[test]
fn older_names_are_read_and_newer_ones_written() {
    let guide = json!({ "inputImage": UUID, "preProcessorType": "canny" });
    for (old, new, members) in [
        ("imageControlNetPreProcess", "controlNetPreprocess", guide),
        ("imageUpscale", "upscale", json!({ "inputImage": UUID, "upscaleFactor": 4 })),
        ("imageBackgroundRemoval", "removeBackground", json!({ "inputImage": UUID })),
        ("imageCaption", "caption", json!({ "inputImages": [UUID] })),
    ] {
        let task = AnyTask::from_json(&with(old, members)).unwrap();
        assert_eq!(task.to_json().unwrap()["taskType"], new);
    }
}

#[test]
fn a_refusal_names_field_type_and_range() {
    let found = refused("promptEnhance", json!({ "prompt": "a fox", "promptMaxLength": 401 }));
    assert_eq!(found[0]["code"], "invalidPromptMaxLength");
    assert_eq!((&found[0]["min"], &found[0]["max"]), (&json!(12), &json!(400)));
    assert_eq!((&found[0]["type"], &found[0]["taskUUID"]), (&json!("integer"), &json!(UUID)));
    assert_eq!(found[0]["taskType"], "promptEnhance");

    let codes = |name, members| -> Vec<String> {
        let found = refused(name, members);
        found.iter().map(|problem| problem["code"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        codes("promptEnhance", json!({ "promptVersions": "2", "promptt": "a" })),
        ["invalidPromptVersions", "unknownParameter", "missingPrompt"]
    );
    assert_eq!(codes("imageUpload", json!({})), ["missingImage"]);
    assert_eq!(codes("imageUpload", json!({ "image": UUID })), ["invalidImage"]);
    assert_eq!(
        codes(
            "upscale",
            json!({ "inputImage": UUID, "upscaleFactor": 2,
        "settings": { "steps": 0, "stepz": 1 } })
        ),
        ["invalidSettingsSteps", "unknownParameter"]
    );
    assert_eq!(codes("upscale", json!({})), ["missingInputImage", "missingUpscaleFactor"]);
    assert_eq!(codes("caption", json!({})), ["missingInputImage"]);
    assert_eq!(
        codes("imageMasking", json!({ "inputImage": UUID, "model": "x" })),
        ["invalidModel"]
    );
    assert_eq!(
        codes("removeBackground", json!({ "inputImage": UUID, "settings": { "rgba": [300] } })),
        ["invalidSettingsRgba"]
    );
    assert_eq!(codes("modelSearch", json!({ "tags": "a" })), ["invalidTags"]);
}

#[test]
fn a_task_without_a_known_type_is_refused_by_that_name() {
    let problems = AnyTask::from_json(&json!({ "taskUUID": UUID })).unwrap_err();
    assert_eq!(
        (problems[0].code.as_str(), problems[0].task_uuid.as_deref()),
        ("missingTaskType", Some(UUID))
    );
    assert_eq!(refused("videoInference", json!({}))[0]["code"], "invalidTaskType");
    assert!(AnyTask::from_json(&json!([])).is_err());
}

#[test]
fn no_message_repeats_a_key() {
    for key in [json!("two words"), json!(4711), json!(["4711"])] {
        let task = json!({ "taskType": "authentication", "apiKey": key });
        let shown = format!("{:?}", AnyTask::from_json(&task).unwrap_err());
        assert!(
            shown.contains("invalidApiKey") && !shown.contains("4711") && !shown.contains("two"),
            "{shown}"
        );
    }
    let task = json!({ "taskType": "authentication", "apiKey": "secret-4711" });
    assert!(!format!("{:?}", AnyTask::from_json(&task).unwrap()).contains("4711"));
}

#[test]
fn types_of_guides_are_read_in_both_forms() {
    let read = |members| match AnyTask::from_json(&with("controlNetPreprocess", members)).unwrap() {
        AnyTask::ControlNetPreprocess(task) => task,
        other => panic!("{other:?}"),
    };
    let flat =
        read(json!({ "inputImage": UUID, "preProcessorType": "lineart_anime", "width": 64 }));
    let nested = read(json!({ "inputs": { "image": UUID }, "width": 64,
        "model": "runware:controlnet-preprocess@lineart-anime" }));
    assert_eq!(flat.preprocess(), nested.preprocess());
    assert_eq!(flat.image(), nested.image());
    let canny = read(json!({ "inputImage": UUID, "preProcessorType": "canny",
        "settings": { "lowThresholdCanny": 7 } }));
    assert_eq!(canny.preprocess().unwrap().low_threshold, Some(7));
    let wrong =
        refused("controlNetPreprocess", json!({ "inputImage": UUID, "model": "a:b@canny" }));
    assert_eq!(wrong[0]["code"], "invalidModel");
}

#[test]
fn results_keep_what_is_not_documented() {
    let json = json!({ "taskUUID": UUID, "totalResults": 1, "results": [{ "air": "a:b@1",
        "tags": [], "heroImage": "https://h" }], "more": 1 });
    let result: ModelSearchResult = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(result.results[0].extra["heroImage"], "https://h");
    assert_eq!(serde_json::to_value(&result).unwrap(), json);

    for (balance, amount) in [(json!(12.5), 12.5), (json!({ "amount": 3 }), 3.0)] {
        let json = json!({ "taskUUID": UUID, "balance": balance });
        let details: AccountDetails = serde_json::from_value(json).unwrap();
        assert_eq!(details.balance(), Some(amount));
    }
}

#[test]
fn what_is_paid_for_takes_include_cost_and_the_rest_does_not() {
    let free: Vec<&str> =
        AnyTask::names().into_iter().filter(|name| !AnyTask::is_paid(name)).collect();
    assert_eq!(
        free,
        [
            "authentication",
            "ping",
            "getResponse",
            "getTaskDetails",
            "imageUpload",
            "modelSearch",
            "accountManagement"
        ]
    );
    // Older names, and what the document has and this program has not.
    for (name, paid) in [
        ("imageUpscale", true),
        ("imageCaption", true),
        ("videoInference", true),
        ("modelUpload", false),
    ] {
        assert_eq!(AnyTask::is_paid(name), paid, "{name}");
    }
}

#[test]
fn of_very_many_wrong_members_the_first_are_told_and_the_rest_counted() {
    let mut members = json!({});
    for number in 0..100_000 {
        members[format!("unknown{number}")] = json!(1);
    }
    let problems = refused("ping", members);
    assert_eq!(problems.len(), crate::task::MOST_PROBLEMS + 1);
    let message = problems.last().unwrap()["message"].as_str().unwrap();
    assert!(message.starts_with("99968 more problems"), "{message}");
}
