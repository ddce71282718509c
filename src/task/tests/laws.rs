//! `Task`, the table of parameters and the walk through a task name the same things.

use std::collections::BTreeSet;

use super::super::given::Walk;
use super::*;

/// Every place in a JSON task as the table names it: `lora[].weight`.
fn places(json: &Value, path: &str, found: &mut BTreeSet<String>) {
    let Value::Object(members) = json else { return };
    for (key, value) in members {
        let path = format!("{path}{key}");
        match value {
            Value::Array(items) => {
                for item in items {
                    places(item, &format!("{path}[]."), found);
                }
            }
            other => places(other, &format!("{path}."), found),
        }
        found.insert(path);
    }
}

fn rows() -> BTreeSet<String> {
    PARAMETERS.iter().map(|row| row.name.to_owned()).collect()
}

#[test]
fn every_field_has_a_row_and_every_row_a_field() {
    let mut fields = BTreeSet::new();
    places(&serde_json::to_value(full()).unwrap(), "", &mut fields);
    assert_eq!(fields, rows());
    // 36 parameters of the reference, 3 of delivery, 38 members of objects.
    assert_eq!(fields.len(), 77);
}

#[test]
fn the_walk_meets_every_row() {
    let full = full();
    let walk = Walk::over(&full);
    assert_eq!(walk.unknown, [""; 0]);
    let met: BTreeSet<_> = walk.given.iter().map(|given| given.row.name.to_owned()).collect();
    assert_eq!(met, rows());
    let silent: Vec<_> =
        walk.given.iter().filter(|given| !given.asks()).map(|given| &given.path).collect();
    // The one word of `taskType` has no default, the groups ask through their switches.
    assert_eq!(silent, ["advancedFeatures", "acceleratorOptions"]);
}

#[test]
fn fields_are_written_in_the_order_of_the_document() {
    let Value::Object(members) = serde_json::to_value(full()).unwrap() else { panic!("an object") };
    let documented: Vec<_> =
        PARAMETERS.iter().map(|row| row.name).filter(|name| !name.contains('.')).collect();
    assert_eq!(members.keys().collect::<Vec<_>>(), documented);
}

#[test]
fn a_full_task_reads_back_as_itself() {
    let json = serde_json::to_value(full()).unwrap();
    assert_eq!(read(&json), full());
    let text = serde_json::to_string(&full()).unwrap();
    assert_eq!(serde_json::from_str::<Task>(&text).unwrap(), full());
    assert!(text.contains(r#""seed":9007199254740993,"CFGScale":7.5"#), "{text}");
    assert!(text.contains(r#""idWeight":2,"trueCFGScale":1.5"#), "{text}");
}

#[test]
fn an_empty_task_writes_nothing() {
    assert_eq!(serde_json::to_string(&Task::default()).unwrap(), "{}");
    let uuid = uuid::Uuid::try_parse(UUID).unwrap();
    let json = json!({ "taskType": "imageInference", "taskUUID": UUID });
    assert_eq!(serde_json::to_value(Task::new(uuid)).unwrap(), json);
}

#[test]
fn unknown_fields_stay_in_the_task_and_are_reported() {
    let json = with(
        &json!({ "hiresFix": true, "lora": [{ "model": "runware:13090@1", "trigger": "x" }] }),
    );
    let task: Task = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(serde_json::to_value(&task).unwrap(), json);
    assert_eq!(Walk::over(&task).unknown, ["lora[0].trigger", "hiresFix"]);
}

/// A wrong value for each row that has a range, words or a grammar, told by the table alone.
#[test]
fn every_row_refuses_what_is_outside_it() {
    let mut refused = 0;
    for row in PARAMETERS {
        for wrong in outside(row.kind) {
            let json = with(&nested(row.name, &wrong));
            let problems = match Task::from_json(&json) {
                Ok(task) => resolve(&task, &Shelf, EngineKind::Remote, 1).unwrap_err(),
                Err(problems) => problems,
            };
            let place = row.name.replace("[]", "[0]");
            let about = |problem: &&Problem| {
                problem.code.starts_with("invalid") && problem.concerns(&place)
            };
            let problem = problems.iter().find(about);
            let problem =
                problem.unwrap_or_else(|| panic!("{} takes {wrong}: {problems:?}", row.name));
            assert_eq!(problem.json_type.as_deref(), Some(row.kind.json_type()), "{}", row.name);
            assert!(problem.message.starts_with(&place), "{}", problem.message);
            refused += 1;
        }
    }
    assert!(refused > PARAMETERS.len(), "{refused}");
}

/// Values of the right and of the wrong type that `kind` does not take.
fn outside(kind: Kind) -> Vec<Value> {
    match kind {
        Kind::Uuid => vec![json!("x"), json!("a770f077-f413-17de-9dac-be0b26a35da6"), json!(1)],
        Kind::Text { min, max } => {
            vec![json!("x".repeat(min as usize - 1)), json!("é".repeat(max as usize + 1)), json!(1)]
        }
        Kind::Url => vec![json!("ftp://example.org"), json!("https://"), json!(true)],
        Kind::Air(_) => vec![json!("fox"), json!(null)],
        Kind::Scheduler => vec![json!("euler a"), json!(1)],
        Kind::Words { .. } => vec![json!("x"), json!(1)],
        Kind::Image => vec![json!("cat.png"), json!([])],
        Kind::Images { max, .. } => {
            vec![json!(vec!["59a2edc2-45e6-429f-be5f-7ded59b92046"; max as usize + 1]), json!("x")]
        }
        Kind::Boolean => vec![json!(0), json!("true"), json!(null)],
        Kind::Integer { min, max, multiple } => {
            let mut wrong = vec![
                json!(i128::from(min) - 1),
                json!(min as f64),
                json!(min.to_string()),
                json!(true),
            ];
            wrong.push(json!(max.map_or(u64::from(u32::MAX) + 1, |max| max + multiple)));
            wrong.extend((multiple > 1).then(|| json!(min + 1)));
            wrong
        }
        Kind::Float { min, max } => {
            vec![json!(min - 0.5), json!(max + 0.5), json!("1"), json!(false)]
        }
        Kind::Object | Kind::Group => vec![json!([]), json!(1)],
        Kind::Objects => vec![json!({}), json!("x")],
    }
}

/// `value` at a place: `{"lora": [{"weight": value}]}`.
fn nested(name: &str, value: &Value) -> Value {
    match name.split_once('.') {
        None => json!({ name: value }),
        Some((object, member)) => match object.strip_suffix("[]") {
            Some(array) => json!({ array: [{ member: value }] }),
            None => json!({ object: { member: value } }),
        },
    }
}

/// A task with those fields and all the steps there are, unless the fields say otherwise.
fn many_steps(changes: Value) -> Value {
    let mut task = with(&json!({ "steps": 100 }));
    let Value::Object(changes) = changes else { panic!("changes are an object") };
    task.as_object_mut().unwrap().extend(changes);
    task
}

/// And the other way round: the ends of every range are inside it.
#[test]
fn every_row_takes_the_ends_of_its_range() {
    for row in PARAMETERS {
        let ends = match row.kind {
            Kind::Integer { min, max, .. } => vec![json!(min), json!(max.unwrap_or(min))],
            Kind::Float { min, max } => vec![json!(min), json!(max), json!(max as i64)],
            Kind::Text { min, max } => {
                vec![json!("é".repeat(min as usize)), json!("é".repeat(max as usize))]
            }
            Kind::Words { words } => words.iter().map(|word| json!(word)).collect(),
            Kind::Boolean => vec![json!(true), json!(false)],
            _ => continue,
        };
        for end in ends {
            let task = read(&many_steps(nested(row.name, &end)));
            let place = row.name.replace("[]", "[0]");
            let problems = resolve(&task, &Shelf, EngineKind::Remote, 1).err().unwrap_or_default();
            let invalid = problems
                .iter()
                .find(|problem| problem.code.starts_with("invalid") && problem.concerns(&place));
            assert_eq!(invalid, None, "{}: {end}", row.name);
        }
    }
}
