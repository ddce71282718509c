//! Every rule against `tests/goldens/guides.py`, and at the sizes where formulas break.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::*;
use crate::pixels::decode;

fn golden(name: &str) -> Picture {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens").join(name);
    decode(&fs::read(path).unwrap()).unwrap()
}

/// What the entry asks for, made of its source.
fn made(entry: &Value) -> Picture {
    let source = golden(entry["source"].as_str().unwrap());
    let number = |name: &str| entry[name].as_u64().unwrap();
    let rule = match entry["rule"].as_str().unwrap() {
        "canny" => GuideRule::Canny { low: number("low") as u8, high: number("high") as u8 },
        "tile" => GuideRule::Tile { rate: entry["rate"].as_f64().unwrap() as f32 },
        "shuffle" => GuideRule::Shuffle { seed: number("seed") },
        "scribble" => GuideRule::Scribble,
        "lineart" => GuideRule::Lineart,
        "softedge" => GuideRule::SoftEdge,
        "reduced" => {
            let extent = Extent::new(number("width") as u32, number("height") as u32);
            return source.over_white().reduced(extent).unwrap();
        }
        other => panic!("{other}"),
    };
    let guide = source.guide(rule, &|| false).unwrap();
    if !entry["source"].as_str().unwrap().ends_with("large.png") {
        return guide;
    }
    // The golden holds its first and last columns.
    Picture::from_fn(Extent::new(128, guide.extent().height), |x, y| {
        guide.at(if x < 64 { x } else { guide.extent().width + x - 128 }, y)
    })
}

#[test]
fn guides_are_those_of_the_reference() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/guides.json");
    let entries: Vec<Value> = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert!(entries.len() >= 45, "{}", entries.len());
    let mut offences = Vec::new();
    for entry in &entries {
        let expected = golden(entry["guide"].as_str().unwrap());
        let found = made(entry);
        assert_eq!(found.extent(), expected.extent(), "{entry}");
        let far = || found.rgba().iter().zip(expected.rgba()).map(|(a, b)| a.abs_diff(*b));
        let (most, other) = (far().max().unwrap(), far().filter(|far| *far > 0).count());
        let share = other as f64 / expected.rgba().len() as f64;
        // Sums of floats in another order: a value may fall on the other side of a whole number,
        // or of a half where OpenCV rounds to even numbers at some rates and up at others.
        let allowed = match entry["rule"].as_str().unwrap() {
            "canny" | "scribble" => most == 0,
            "tile" | "reduced" => most <= 1 && share < 0.01,
            _ => most <= 1 && share < 0.001,
        };
        if !allowed {
            offences.push(format!("{entry}: {most}, {share:.5}"));
        }
    }
    assert!(offences.is_empty(), "{offences:#?}");
}

const RULES: [GuideRule; 6] = [
    GuideRule::Canny { low: 100, high: 200 },
    GuideRule::Tile { rate: 8.0 },
    GuideRule::Shuffle { seed: u64::MAX },
    GuideRule::Scribble,
    GuideRule::SoftEdge,
    GuideRule::Lineart,
];

#[test]
fn every_size_gives_a_guide_of_its_size_and_the_same_one_again() {
    for (width, height) in [(1, 1), (1, 300), (300, 1), (2, 2), (7, 3), (64, 41)] {
        let picture = Picture::from_fn(Extent::new(width, height), |x, y| {
            [(x * 37 + y * 91) as u8, (x * y) as u8, ((x ^ y) * 9) as u8, (200 + x % 50) as u8]
        });
        for rule in RULES {
            let guide = picture.guide(rule, &|| false).unwrap();
            let expected = match rule {
                GuideRule::Tile { .. } => Extent::new((width / 8).max(1), (height / 8).max(1)),
                _ => picture.extent(),
            };
            assert_eq!(guide.extent(), expected, "{rule:?}");
            assert!(guide.rgba().chunks_exact(4).all(|pixel| pixel[3] == 255), "{rule:?}");
            assert_eq!(picture.guide(rule, &|| false).unwrap(), guide, "{rule:?}");
        }
    }
}

#[test]
fn a_guide_is_given_up_when_asked() {
    let picture = golden("guides/texture.png");
    for rule in RULES {
        assert_eq!(picture.guide(rule, &|| true), Err(Stopped), "{rule:?}");
    }
}

#[test]
fn pictures_are_made_smaller_only_and_seeds_differ() {
    let picture = golden("guides/texture.png");
    let Extent { width, height } = picture.extent();
    assert!(picture.reduced(Extent::new(width + 1, height)).is_none());
    assert!(picture.reduced(Extent::new(width, height + 1)).is_none());
    assert!(picture.reduced(Extent::new(0, 4)).is_none());
    assert_eq!(picture.reduced(picture.extent()), Some(picture.clone()));
    let shuffled = |seed| picture.guide(GuideRule::Shuffle { seed }, &|| false).unwrap();
    assert_ne!(shuffled(1), shuffled(2));
}
