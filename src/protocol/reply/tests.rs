//! Samples of the documents and of issue threads, in substance.

use serde_json::json;

use super::*;

const TASK: &str = "a770f077-f413-47de-9dac-be0b26a35da6";
const IMAGE: &str = "77da2d99-a6d3-44d9-b8c0-ae9fb06b6200";

fn read(json: &Value) -> Reply {
    Reply::read(&json.to_string()).unwrap()
}

fn only_error(json: &Value) -> ServiceError {
    let mut reply = read(json);
    assert_eq!((reply.data.len(), reply.errors.len()), (0, 1), "{reply:?}");
    reply.errors.remove(0)
}

#[test]
fn results_keep_every_bit_of_their_seed_and_every_field() {
    let sent = json!({ "data": [{
        "taskType": "imageInference", "taskUUID": TASK, "imageUUID": IMAGE, "imageURL": "https://x/1.jpg",
        "seed": 9223372036854775807_u64, "cost": 0.0013, "NSFWContent": false, "structuredPrompt": "{}",
    }] });
    let reply = read(&sent);
    let [item] = reply.data.as_slice() else { panic!("{reply:?}") };
    assert_eq!(item.task_uuid(), Uuid::try_parse(TASK).ok());
    assert_eq!(item.image_uuid(), Uuid::try_parse(IMAGE).ok());
    assert_eq!(item.image(), Some(DeliveredImage::Url("https://x/1.jpg".to_owned())));
    assert_eq!(
        (item.seed(), item.cost(), item.nsfw()),
        (Some(u64::MAX >> 1), Some(0.0013), Some(false))
    );
    assert!(!item.is_pending() && item.as_json().contains_key("structuredPrompt"));
}

#[test]
fn data_may_be_an_object_and_fields_may_be_missing() {
    let reply = read(
        &json!({ "data": { "taskType": "imageUpload", "taskUUID": TASK, "imageUUID": IMAGE, "imageURL": "u" } }),
    );
    assert_eq!(reply.data.len(), 1);
    let reply = read(
        &json!({ "data": [{ "taskType": "imageInference", "taskUUID": TASK, "imageUUID": IMAGE, "imageBase64Data": "/9j/" }] }),
    );
    let item = &reply.data[0];
    assert_eq!((item.seed(), item.cost(), item.nsfw()), (None, None, None));
    assert_eq!(item.image(), Some(DeliveredImage::Base64Data("/9j/".to_owned())));
    assert!(read(&json!({ "data": [], "errors": null })).is_empty());
    assert_eq!(
        read(&json!([{ "data": [{ "text": "a" }] }, { "errors": [{ "code": "x" }] }])).errors.len(),
        1
    );
}

#[test]
fn acknowledgements_and_states_are_no_results() {
    for pending in [
        json!({ "taskType": "imageInference", "taskUUID": TASK }),
        json!({ "taskType": "imageInference", "taskUUID": TASK, "status": "processing", "imageUUID": IMAGE, "progress": 40 }),
        json!({ "taskUUID": TASK, "status": "processing", "cost": 1, "imageURL": "" }),
    ] {
        assert!(read(&json!({ "data": [pending] })).data[0].is_pending(), "{pending}");
    }
    // An upload's answer of old holds nothing but the name.
    let named =
        json!({ "data": { "taskType": "imageUpload", "taskUUID": TASK, "imageUUID": IMAGE } });
    assert!(!read(&named).data[0].is_pending());
    let made = json!({ "data": [{ "taskUUID": TASK, "status": "success", "text": "a fox" }] });
    assert!(!read(&made).data[0].is_pending());
}

#[test]
fn a_refused_key_is_read_in_all_four_shapes() {
    for shape in [
        json!({ "errors": [{ "code": "invalidApiKey", "message": "Invalid API key. Get one at …", "parameter": "apiKey", "taskType": "authentication" }] }),
        json!({ "error": true, "errorMessageContentId": 1212, "errorId": 19, "errorMessage": "Invalid api key" }),
        json!({ "error": { "code": "invalidApiKey", "message": "Invalid API key" } }),
        json!({ "error": "Invalid API key" }),
    ] {
        let error = only_error(&shape);
        assert_eq!((error.family(), error.task_uuid), (Family::Auth, None), "{shape}");
        assert!(error.message.to_lowercase().contains("invalid api key"), "{shape}");
    }
    assert!(read(&json!({ "data": [{ "text": "a" }], "error": false })).errors.is_empty());
}

#[test]
fn a_validation_error_becomes_a_problem_with_its_range() {
    let error = only_error(&json!({ "data": [], "errors": [{
        "code": "invalidWidth", "message": "Invalid value for width.", "parameter": "width", "type": "integer",
        "min": 256, "max": 16383, "multiplier": 1, "documentation": "https://x/#width", "taskUUID": TASK,
    }] }));
    let problem = error.to_problem();
    assert!(problem.concerns("width") && problem.max == Some(16383.into()), "{problem:?}");
    assert_eq!(error.task_uuid, Uuid::try_parse(TASK).ok());
    assert!(error.raw.contains_key("documentation"));
    let both = only_error(
        &json!({ "errors": [{ "code": "conflictRefinerStartStep", "message": "m", "parameter": ["refiner.startStep", "refiner.startStepPercentage"], "max": "many" }] }),
    );
    let problem = both.to_problem();
    assert!(problem.concerns("refiner.startStepPercentage") && problem.max.is_none());
}

#[test]
fn errors_among_results_are_errors_and_their_siblings_stay() {
    let reply = read(&json!({ "data": [
        { "taskType": "imageInference", "taskUUID": TASK, "imageUUID": IMAGE, "imageURL": "u", "status": "success" },
        { "taskUUID": TASK, "imageUUID": IMAGE, "status": "error", "error": { "code": "timeoutProvider", "message": "late" } },
        { "taskUUID": TASK, "status": "error", "code": "providerError", "message": "broken" },
    ], "errors": [{ "code": "inferenceError", "message": "no", "taskUUID": TASK, "status": "error" }] }));
    assert_eq!(reply.data.len(), 1);
    let codes: Vec<&str> = reply.errors.iter().map(|error| error.code.as_str()).collect();
    assert_eq!(codes, ["timeoutProvider", "providerError", "inferenceError"]);
    assert!(reply.errors.iter().all(|error| error.is_outcome && error.task_uuid.is_some()));
    assert_eq!(reply.errors[0].image_uuid, Uuid::try_parse(IMAGE).ok());
}

#[test]
fn what_the_service_has_and_what_it_lacks_are_told_apart() {
    let error = |code: &str| ServiceError::new(code, "m");
    assert!(error("conflictTaskUUID").is_known_task());
    assert!(
        error("taskNotFound").is_unknown_task() && error("taskFailedOrNotFound").is_unknown_task()
    );
    assert!(!error("taskExpired").is_unknown_task() && !error("resultExpired").is_unknown_task());
    assert!(!error("modelNotFound").is_unknown_task() && !error("invalidWidth").is_unknown_task());
    assert!(
        error("seedImageNotFound").is_missing_picture()
            && error("mediaExpired").is_missing_picture()
    );
    assert!(
        !error("taskNotFound").is_missing_picture() && !error("modelNotFound").is_missing_picture()
    );
}

#[test]
fn what_is_no_answer_is_refused() {
    for text in ["", "{\"data\": [", "7", "\"text\"", "<html>"] {
        assert!(Reply::read(text).is_err(), "{text}");
    }
}
