//! The text of a task: what it takes in, where it says that something is wrong, what it keeps.

use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::task::ImageRef;

fn read(text: &str) -> Result<Task, Vec<(usize, usize)>> {
    let mut sheet = TaskSheet { text: text.to_owned(), ..TaskSheet::default() };
    let places = |problem: &SheetProblem| (problem.place.line, problem.place.column);
    sheet.check().ok_or_else(|| sheet.problems.iter().map(places).collect())
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_column() {
    let cases = [
        ("{\n  \"steps\": 20,\n}", vec![(3, 1)]),
        ("{\n  \"steps\": \"many\"\n}", vec![(2, 3)]),
        ("[{ \"hat\": 1 }]", vec![(1, 4)]),
        (
            "[{\n \"lora\": [\n  { \"model\": \"a:1@1\" },\n  { \"weight\": \"9\" }\n ] }]",
            vec![(4, 5)],
        ),
        ("[{ \"lora\": [{ \"model\": \"civitai:1@1\" }, { \"weight\": true }] }]", vec![(1, 43)]),
        ("[{}, {}]", vec![(1, 1)]),
        ("17", vec![(1, 1)]),
        ("", vec![(1, 1)]),
    ];
    for (text, places) in cases {
        let mut found = read(text).unwrap_err();
        found.retain(|place| places.contains(place));
        assert_eq!(found, places, "{text}");
    }
}

#[test]
fn one_task_is_read_with_and_without_an_array_around_it() {
    let task = read("{ \"steps\": 20 }").unwrap();
    assert_eq!(task.steps, Some(20));
    assert_eq!(read("\u{feff}[{ \"steps\": 20 }]").unwrap(), task);
}

#[test]
fn pictures_are_shortened_in_the_text_and_whole_in_the_task() {
    let bytes = vec![7; 3000];
    let picture = ImageRef::data_uri("image/png", &bytes);
    let words = "a word ".repeat(100);
    let task = Task {
        seed_image: Some(picture.clone()),
        mask_image: Some(picture),
        positive_prompt: Some(words.clone()),
        ..Task::new(Uuid::nil())
    };
    let mut sheet = TaskSheet::default();
    sheet.show(task.clone());
    assert!(sheet.text.len() < 1500, "{}", sheet.text.len());
    assert!(sheet.text.contains(&words) && sheet.text.contains("<picture 1: data:image/png, "));
    assert_eq!(sheet.check(), Some(task.clone()));
    let full: Value = serde_json::from_str(&sheet.full_text()).unwrap();
    assert_eq!(full, json!([task]));

    let mut pasted = TaskSheet::default();
    pasted.offer(&sheet.full_text());
    assert!(pasted.text.len() < 1500 && pasted.offered);
    assert_eq!(pasted.check(), Some(task));
}

#[test]
fn pictures_are_shortened_also_in_what_is_no_task() {
    let picture = format!("data:image/png;base64,{}", "iVBO\\/Rw0".repeat(200_000));
    let whole = picture.replace('\\', "");
    for (text, place) in [
        (format!("[{{\"steps\": \"many\", \"seedImage\": \"{picture}\"}}]"), 2),
        (format!("[{{\n\"seedImage\": \"{picture}\",\n\"steps\": 3,}}]"), 3),
        (format!("{{\"seedImage\": \"{picture}"), 1),
    ] {
        let mut sheet = TaskSheet::default();
        sheet.offer(&text);
        assert!(sheet.text.len() < 200, "{}", sheet.text.len());
        assert!(sheet.text.contains("<picture 1: data:image/png, "));
        let lines = sheet.text.lines().count();
        assert!(sheet.problems.iter().all(|problem| problem.place.line <= lines));
        assert!(sheet.problems.iter().any(|problem| problem.place.line >= place));

        let mut typed = TaskSheet { text: text.clone(), ..TaskSheet::default() };
        typed.tidy();
        assert_eq!(typed.text, sheet.text);
        let mut pasted = text;
        typed.shorten_pasted(&mut pasted);
        assert!(pasted.len() < 200);
    }
    // What lies between two texts is no picture, however long and without blanks.
    let sigmas = vec!["14.61"; 100].join(",");
    let mut minified =
        format!("[{{\"seedImage\":\"{picture}\",\"sigmas\":[{sigmas}],\"steps\":3}}]");
    TaskSheet::default().shorten_pasted(&mut minified);
    assert!(minified.contains(&sigmas) && minified.len() < 1000, "{minified}");
    let mut sheet = TaskSheet::default();
    sheet.offer(&format!("[{{\"hat\": 1, \"seedImage\": \"{picture}\",}}]"));
    sheet.text = sheet.text.replace(",}", "}").replace("\"hat\": 1, ", "");
    let task = sheet.check().unwrap();
    assert_eq!(serde_json::to_value(&task.seed_image).unwrap(), json!(whole));
}

#[test]
fn a_text_that_is_wrong_is_not_written_over() {
    let mut sheet = TaskSheet::default();
    sheet.show(Task::new(Uuid::nil()));
    sheet.text.push('!');
    assert_eq!(sheet.check(), None);
    let text = sheet.text.clone();
    sheet.show(Task { steps: Some(3), ..Task::new(Uuid::nil()) });
    assert_eq!(sheet.text, text);
    sheet.write(Task::new(Uuid::nil()));
    assert!(sheet.problems.is_empty() && !sheet.text.ends_with('!'));
}

#[test]
fn only_what_speaks_of_a_task_is_taken_for_one() {
    for (text, is) in [
        (" [{\"taskType\": \"imageInference\"}]", true),
        ("{\"positivePrompt\": \"a fox\"}", true),
        ("{\"a\": 1}", false),
        ("a \"positivePrompt\"", false),
        ("", false),
    ] {
        assert_eq!(TaskSheet::looks_like_a_task(text), is, "{text}");
    }
}

#[test]
fn signs_know_their_place_also_in_unfinished_text() {
    let text = r#"[{"a": {"b": [1, "x\"y"]}, "c": tru"#;
    let found: Vec<(&str, &str, TokenKind)> = tokens(text)
        .iter()
        .filter(|token| token.kind != TokenKind::Sign)
        .map(|token| (&text[token.range.clone()], token.path.clone().leak() as &str, token.kind))
        .collect();
    assert_eq!(
        found,
        [
            ("\"a\"", "a", TokenKind::Key),
            ("\"b\"", "a.b", TokenKind::Key),
            ("1", "a.b[0]", TokenKind::Value),
            ("\"x\\\"y\"", "a.b[1]", TokenKind::Text),
            ("\"c\"", "c", TokenKind::Key),
            ("tru", "c", TokenKind::Unknown),
        ]
    );
}
