//! What a request's text is refused for, one test a kind.

use super::*;

/// Code, parameter and message of the only problem.
fn only(problems: &[Problem]) -> (String, String, String) {
    let [problem] = problems else { panic!("one problem, not {problems:?}") };
    let parameter = match &problem.parameter {
        Some(ParameterName::One(name)) => name.clone(),
        Some(ParameterName::Several(names)) => names.join("+"),
        None => String::new(),
    };
    (problem.code.clone(), parameter, problem.message.clone())
}

fn refused(changes: &Value) -> (String, String, String) {
    let problems = Task::from_json(&with(changes)).unwrap_err();
    assert!(
        problems.iter().all(|problem| problem.task_uuid.as_deref() == Some(UUID)),
        "{problems:?}"
    );
    assert!(problems.iter().all(|problem| problem.task_type.as_deref() == Some("imageInference")));
    only(&problems)
}

#[test]
fn an_integer_has_no_fraction_and_no_quotes() {
    let (code, parameter, message) = refused(&json!({ "steps": 20.0 }));
    assert_eq!((code.as_str(), parameter.as_str()), ("invalidSteps", "steps"));
    assert_eq!(message, "steps must be an integer from 1 to 100; found 20.0. Write 20.");
    let (_, _, message) = refused(&json!({ "width": "512" }));
    assert_eq!(
        message,
        "width must be an integer from 128 to 2048 and a multiple of 64; found the text \"512\". Write 512 without quotes."
    );
}

#[test]
fn a_switch_is_true_or_false() {
    let (code, _, message) = refused(&json!({ "includeCost": 0 }));
    assert_eq!(code, "invalidIncludeCost");
    assert_eq!(
        message,
        "includeCost must be true or false; found 0. Write true or false, without quotes."
    );
}

#[test]
fn null_is_no_way_to_leave_a_field_out() {
    let (_, _, message) = refused(&json!({ "negativePrompt": null }));
    assert!(message.ends_with("found null. Leave the field out instead."), "{message}");
}

#[test]
fn an_unknown_field_is_named_with_its_place() {
    let (code, parameter, message) = refused(&json!({ "step": 20 }));
    assert_eq!((code.as_str(), parameter.as_str()), ("unknownParameter", "step"));
    assert_eq!(message, "step is not a parameter of imageInference. Did you mean steps?");
    let (_, parameter, message) = refused(&json!({ "lora": [{ "model": SD1, "wieght": 1 }] }));
    assert_eq!(parameter, "lora[0].wieght");
    assert!(message.ends_with("Did you mean weight?"), "{message}");
    // A place written as a name is no name.
    assert_eq!(refused(&json!({ "outpaint.top": 64 })).0, "unknownParameter");
    assert_eq!(refused(&json!({ "lora[0].weight": 1 })).0, "unknownParameter");
    assert_eq!(
        refused(&json!({ "CFGscale": 7 })).2.split("Did").last(),
        Some(" you mean CFGScale?")
    );
}

#[test]
fn everything_wrong_comes_at_once() {
    let json = with(&json!({ "steps": "20", "width": 100, "foo": 1, "lora": [{}, 3], "seed": -1 }));
    let problems = Task::from_json(&json).unwrap_err();
    let codes: Vec<_> = problems.iter().map(|problem| problem.code.as_str()).collect();
    assert_eq!(
        codes,
        ["invalidSteps", "invalidLora", "unknownParameter", "invalidWidth", "invalidSeed"]
    );
    assert!(problems[1].concerns("lora[1]"));
    assert_eq!(problems[1].json_type.as_deref(), Some("object"));
}

#[test]
fn words_and_pictures_are_exact() {
    let (code, _, message) = refused(&json!({ "outputFormat": "jpg" }));
    assert_eq!(code, "invalidOutputFormat");
    assert_eq!(message, "outputFormat must be JPG, PNG or WEBP; found \"jpg\". Did you mean JPG?");
    let (code, parameter, message) = refused(&json!({ "referenceImages": ["cat.png"] }));
    assert_eq!(
        (code.as_str(), parameter.as_str()),
        ("invalidReferenceImages", "referenceImages[0]")
    );
    assert!(message.contains("found \"cat.png\": it is neither a UUID"), "{message}");
    let long = format!("iVBORw0KGgo{}!", "A".repeat(5000));
    assert!(
        refused(&json!({ "seedImage": long })).2.len() < 300,
        "messages do not repeat pictures"
    );
}

#[test]
fn seeds_above_two_to_the_53_are_exact() {
    for seed in [9_007_199_254_740_993_u64, 3_614_157_524_222_286_419, 9_223_372_036_854_775_807] {
        let text = format!("[{}]", with(&json!({ "seed": seed })));
        let tasks = read_tasks(&text).unwrap();
        let task = tasks[0].as_ref().unwrap();
        assert_eq!(task.seed, Some(seed));
        assert!(serde_json::to_string(task).unwrap().contains(&format!("\"seed\":{seed}")));
    }
    let (code, _, message) = refused(&json!({ "seed": 1e19 }));
    assert_eq!(code, "invalidSeed");
    assert!(message.contains("an integer from 1 to 9223372036854775807"), "{message}");
    // Beyond 64 bits JSON only has a float.
    let problems = read_tasks(
        &format!("[{}]", with(&json!({})))
            .replace("\"height\"", "\"seed\":99999999999999999999,\"height\""),
    );
    assert_eq!(only(problems.unwrap()[0].as_ref().unwrap_err()).0, "invalidSeed");
}

#[test]
fn a_body_is_an_array_of_objects() {
    let refused = |text: &str| read_tasks(text).unwrap_err();
    let object = refused(&least().to_string());
    assert_eq!((object.code.as_str(), &object.task_uuid), ("invalidRequest", &None));
    assert_eq!(
        object.message,
        "The request must be a JSON array of task objects; found an object. Put [ and ] around it, even for a single task."
    );
    assert!(refused("\"hello\"").message.contains("found the text \"hello\""));
    let item = refused("[{}, 7]");
    assert_eq!(item.message, "Item 2 of the array is 7; every item must be a task object in { }.");
    let syntax = refused("[\n  {\"steps\": 20,}\n]");
    assert_eq!(syntax.code, "invalidJSON");
    assert_eq!(
        syntax.message,
        "The request is not valid JSON: trailing comma at line 2, column 16."
    );
    assert_eq!(refused(" \n").code, "invalidJSON");
    assert!(refused("").message.contains("empty"));
    assert_eq!(read_tasks("[]").unwrap(), []);
    assert_eq!(read_tasks(&format!("\u{feff}[{}]", least())).unwrap().len(), 1);
}

#[test]
fn a_task_is_an_object_of_a_known_type() {
    let problems = Task::from_json(&json!([1, 2])).unwrap_err();
    assert_eq!(only(&problems).2, "A task must be a JSON object in { }; found an array of 2.");
    let json = json!({ "taskType": "imageUpload", "taskUUID": UUID, "image": "x" });
    let problems = Task::from_json(&json).unwrap_err();
    assert_eq!(
        (only(&problems).0.as_str(), only(&problems).1.as_str()),
        ("invalidTaskType", "taskType")
    );
    assert_eq!(problems[0].task_type.as_deref(), Some("imageUpload"));
    assert_eq!(problems[0].task_uuid.as_deref(), Some(UUID));
    let json = with(&json!({ "taskType": "imageInferense" }));
    assert!(only(&Task::from_json(&json).unwrap_err()).2.ends_with("Did you mean imageInference?"));
}

#[test]
fn a_task_uuid_is_used_once_in_an_array() {
    let other = with(&json!({ "taskUUID": "991e641a-d2a8-4aa3-9883-9d6fe230fff8" }));
    let again = with(&json!({ "taskUUID": UUID.to_uppercase(), "foo": 1 }));
    let tasks = read_tasks(&json!([least(), other, again]).to_string()).unwrap();
    assert!(tasks[0].is_ok() && tasks[1].is_ok());
    let codes: Vec<_> =
        tasks[2].as_ref().unwrap_err().iter().map(|problem| problem.code.as_str()).collect();
    assert_eq!(codes, ["unknownParameter", "conflictTaskUUID"]);
}

#[test]
fn whole_numbers_are_floats_too_and_written_as_they_came() {
    let task = read(&with(&json!({ "CFGScale": 7, "strength": 1 })));
    assert_eq!((task.cfg_scale, task.strength), (Some(7.0), Some(1.0)));
    let json = serde_json::to_value(&task).unwrap();
    assert_eq!((&json["CFGScale"], &json["strength"]), (&json!(7), &json!(1)));
}

#[test]
fn every_picture_of_a_task_is_found() {
    let uuid = "59a2edc2-45e6-429f-be5f-7ded59b92046";
    let text = format!(
        r#"{{"seedImage":"{uuid}","maskImage":"{uuid}","referenceImages":["{uuid}"],
        "controlNet":[{{"guideImage":"{uuid}"}}],"ipAdapters":[{{"guideImage":"{uuid}"}}],
        "puLID":{{"inputImages":["{uuid}"]}},
        "acePlusPlus":{{"inputImages":["{uuid}"],"inputMasks":["{uuid}"]}}}}"#
    );
    let mut task: Task = serde_json::from_str(&text).unwrap();
    assert_eq!(task.images_mut().len(), text.matches(uuid).count());
}

#[test]
fn of_very_many_wrong_members_the_first_are_told_and_the_rest_counted() {
    let mut task = with(&json!({}));
    for number in 0..100_000 {
        task[format!("unknown{number}")] = json!(1);
    }
    task["lora"] = vec![json!(7); 1000].into();
    let problems = Task::from_json(&task).unwrap_err();
    assert_eq!(problems.len(), MOST_PROBLEMS + 1);
    let last = problems.last().unwrap();
    assert_eq!(last.code, "validationFailed");
    assert!(last.message.starts_with("100968 more problems"), "{last:?}");
    assert_eq!(last.task_uuid.as_deref(), Some(UUID));
}

#[test]
fn names_of_megabytes_are_not_sent_back() {
    let long = "x".repeat(1 << 20);
    let problems = Task::from_json(&with(&json!({ &*long: 1, "taskUUID": long }))).unwrap_err();
    let sent = serde_json::to_string(&problems).unwrap();
    assert!(sent.contains("unknownParameter") && sent.len() < 2000, "{}", sent.len());
}
