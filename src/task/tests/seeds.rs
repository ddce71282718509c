//! Every JSON example of the API documents, request and answer.

use serde::Deserialize;

use super::*;

/// An example; `completed` says what the document left open.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Example {
    source: String,
    #[serde(rename = "completed")]
    _completed: Option<String>,
    task: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnswerExample {
    source: String,
    answer: Value,
}

fn examples() -> Vec<Example> {
    serde_json::from_str(include_str!("../../../tests/data/seeds.json")).unwrap()
}

#[test]
fn every_example_reads_and_writes_back_the_same() {
    let examples = examples();
    assert_eq!(examples.len(), 26);
    for Example { source, task: json, .. } in examples {
        let task =
            Task::from_json(&json).unwrap_or_else(|problems| panic!("{source}: {problems:?}"));
        assert!(task.extra.is_empty(), "{source}");
        assert_eq!(serde_json::to_value(&task).unwrap(), json, "{source}");
    }
}

#[test]
fn every_example_resolves_for_the_service() {
    for Example { source, task, .. } in examples() {
        let task = read(&task);
        let request = resolve(&task, &Shelf, EngineKind::Remote, 1);
        let request = request.unwrap_or_else(|problems| panic!("{source}: {problems:?}"));
        assert_eq!(*request.task, task, "{source}");
    }
}

/// What of the examples this machine does not do, by the codes of the problems.
#[test]
fn what_the_local_engine_does_not_do_yet_is_named() {
    let of = |wanted: &str| -> Vec<String> {
        let found = examples().into_iter().find(|example| example.source.ends_with(wanted));
        let task = read(&found.unwrap().task);
        let problems = resolve(&task, &Shelf, EngineKind::Local, 1).err().unwrap_or_default();
        problems.into_iter().map(|problem| problem.code).collect()
    };
    assert_eq!(of(": text-to-image"), [""; 0]);
    assert_eq!(of(": image-to-image"), [""; 0]);
    assert_eq!(of(": inpainting"), [""; 0]);
    assert_eq!(of(": outpainting"), [""; 0]);
    assert_eq!(of(": refiner request"), ["unsupportedLocalRefiner", "unsupportedLocalModel"]);
    assert_eq!(of(": deepCache, example"), [""; 0]);
    assert_eq!(of(": LoRA request"), [""; 0]);
    // Not in this library.
    assert_eq!(of(": ControlNet request"), ["invalidControlNetModel"]);
    assert_eq!(of(": IP-Adapter request"), ["invalidIpAdaptersModel"]);
    assert_eq!(of(": embeddings request"), [""; 0]);
}

#[test]
fn every_answer_reads_and_writes_back_the_same() {
    let text = include_str!("../../../tests/data/answers.json");
    let examples: Vec<AnswerExample> = serde_json::from_str(text).unwrap();
    assert_eq!(examples.len(), 2);
    for AnswerExample { source, answer: json } in examples {
        let answer: Answer = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(serde_json::to_value(&answer).unwrap(), json, "{source}");
    }
    // The seeds beyond 2⁵³ of the introduction, exact.
    assert!(text.contains("3614157524222286418") && text.contains("3614157524222286419"));
}

#[test]
fn an_answer_carries_the_picture_in_one_field_and_no_empty_errors() {
    let uuid = uuid::Uuid::try_parse(UUID).unwrap();
    let result = |image| ImageResult {
        task_type: TaskType::ImageInference,
        task_uuid: uuid,
        image_uuid: uuid,
        image,
        seed: Some(9_223_372_036_854_775_807),
        nsfw_content: None,
        cost: Some(0.0),
    };
    let data_uri = result(DeliveredImage::data_uri(OutputFormat::Jpg, &[0xFF, 0xD8, 0xFF]));
    let answer = Answer { data: vec![data_uri], errors: Vec::new() };
    assert_eq!(
        serde_json::to_string(&answer).unwrap(),
        format!(
            r#"{{"data":[{{"taskType":"imageInference","taskUUID":"{UUID}","imageUUID":"{UUID}","imageDataURI":"data:image/jpeg;base64,/9j/","seed":9223372036854775807,"cost":0}}]}}"#
        )
    );
    let base64 = serde_json::to_value(result(DeliveredImage::base64(&[0xFF, 0xD8, 0xFF]))).unwrap();
    assert_eq!((&base64["imageBase64Data"], base64.get("imageURL")), (&json!("/9j/"), None));
    let problem = Task::from_json(&json!(1)).unwrap_err().remove(0);
    let failed = serde_json::to_value(Answer { data: Vec::new(), errors: vec![problem] }).unwrap();
    assert_eq!(
        (&failed["data"], &failed["errors"][0]["code"]),
        (&json!([]), &json!("invalidRequest"))
    );
}
