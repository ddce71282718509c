//! The table against the API reference's own headings, as `tests/data/documented.json` lists them.

use serde::Deserialize;

use super::*;

/// A heading of the reference: type, range and default as printed there. Texts such as `{steps}`
/// depend on other parameters.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Heading {
    name: String,
    #[serde(rename = "type")]
    json_type: String,
    #[serde(default)]
    words: Vec<String>,
    #[serde(default)]
    required: bool,
    min: Option<Value>,
    max: Option<Value>,
    default: Option<Value>,
}

fn headings() -> Vec<Heading> {
    serde_json::from_str(include_str!("../../../tests/data/documented.json")).unwrap()
}

#[test]
fn rows_are_the_headings_in_their_order() {
    let names: Vec<_> = headings().into_iter().map(|heading| heading.name).collect();
    let newer = ["deliveryMethod", "ttl", "webhookURL"];
    let rows: Vec<_> =
        PARAMETERS.iter().map(|row| row.name).filter(|name| !newer.contains(name)).collect();
    assert_eq!(rows, names);
}

#[test]
fn types_and_words_are_the_documented_ones() {
    for heading in headings() {
        let row = ParameterRow::find(&heading.name).unwrap();
        // The document's prose speaks of decimals.
        let expected = if row.name == "puLID.idWeight" { "float" } else { &heading.json_type };
        assert_eq!(row.kind.json_type(), expected, "{}", row.name);
        if let (Kind::Words { words }, false) = (row.kind, heading.words.is_empty()) {
            let (mut words, mut documented) = (words.to_vec(), heading.words);
            words.sort_unstable();
            documented.sort_unstable();
            assert_eq!(words, documented, "{}", row.name);
        }
    }
}

#[test]
fn ranges_are_the_documented_ones() {
    let mut compared = 0;
    for heading in headings() {
        let row = ParameterRow::find(&heading.name).unwrap();
        let (min, max) = match row.kind {
            Kind::Integer { min, max, .. } => (min as f64, max.map(|max| max as f64)),
            Kind::Float { min, max } => (min, Some(max)),
            Kind::Images { min, max } => (f64::from(min), Some(f64::from(max))),
            _ => {
                assert!(heading.min.is_none() && heading.max.is_none(), "{}", row.name);
                continue;
            }
        };
        let number = |documented: &Option<Value>| documented.as_ref().and_then(Value::as_f64);
        if let Some(documented) = number(&heading.min) {
            assert!((documented - min).abs() < 1e-9, "{}: least {min}", row.name);
            compared += 1;
        }
        // The greatest seed is printed rounded to a float; as floats the two are equal.
        if let Some(documented) = number(&heading.max) {
            assert!(
                max.is_some_and(|max| (documented - max).abs() < 1e-9),
                "{}: greatest {max:?}",
                row.name
            );
            compared += 1;
        }
        let unlimited = heading.max.is_none() && row.name != "referenceImages";
        assert!(!unlimited || max.is_none(), "{}: greatest {max:?}", row.name);
    }
    assert_eq!(compared, 32 + 27);
}

#[test]
fn defaults_and_duties_are_the_documented_ones() {
    for heading in headings() {
        let row = ParameterRow::find(&heading.name).unwrap();
        match heading.default {
            Some(word) if word == "Model's" => assert_eq!(row.default, DefaultValue::OfModel),
            Some(word) if word == "Random" => assert_eq!(row.default, DefaultValue::Random),
            Some(documented) => assert_eq!(row.default.to_json(), Some(documented), "{}", row.name),
            // Left out, nothing more is skipped.
            None if row.name == "clipSkip" => assert_eq!(row.default, DefaultValue::Integer(0)),
            None => assert_eq!(row.default, DefaultValue::Absent, "{}", row.name),
        }
        // Required for image-to-image and inpainting only; required and yet with a default.
        let depends = ["seedImage", "maskImage", "acePlusPlus.type"].contains(&row.name);
        assert_eq!(row.required, heading.required && !depends, "{}", row.name);
    }
}
