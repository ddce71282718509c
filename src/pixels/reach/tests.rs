//! Against `SciPy`, whose results `tests/goldens/painting.py` wrote down.

use super::*;
use crate::pixels::decode;

#[derive(serde::Deserialize)]
struct Goldens {
    spots: String,
    lines: String,
    picture: String,
    grown: Vec<Reach>,
    shrunk: Vec<Reach>,
    filled: Vec<Place>,
    colours: Vec<Place>,
}

#[derive(serde::Deserialize)]
struct Reach {
    pixels: u32,
    file: String,
}

#[derive(serde::Deserialize)]
struct Place {
    x: u32,
    y: u32,
    #[serde(default)]
    tolerance: u8,
    #[serde(default)]
    everywhere: bool,
    file: String,
}

fn goldens() -> Goldens {
    let file = format!("{}/tests/goldens/painting.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

fn picture(name: &str) -> Picture {
    let file = format!("{}/tests/goldens/painting/{name}", env!("CARGO_MANIFEST_DIR"));
    decode(&std::fs::read(file).unwrap()).unwrap()
}

fn mask(name: &str) -> Mask {
    Mask::from_picture(&picture(name))
}

#[test]
fn growing_and_shrinking_go_by_the_distance_that_scipy_measures() {
    let goldens = goldens();
    let spots = mask(&goldens.spots);
    for Reach { pixels, file } in &goldens.grown {
        assert!(spots.grown_by(*pixels) == mask(file), "{file}");
    }
    for Reach { pixels, file } in &goldens.shrunk {
        assert!(spots.shrunk_by(*pixels) == mask(file), "{file}");
    }
}

#[test]
fn a_bucket_fills_up_to_the_edges_and_empties_what_hangs_together() {
    let goldens = goldens();
    let lines = mask(&goldens.lines);
    for Place { x, y, file, .. } in &goldens.filled {
        assert!(lines.filled_at(*x, *y) == mask(file), "{file}");
    }
}

#[test]
fn a_colour_is_chosen_where_it_hangs_together_or_everywhere() {
    let goldens = goldens();
    let shown = picture(&goldens.picture);
    for Place { x, y, tolerance, everywhere, file } in &goldens.colours {
        let chosen = Mask::of_colour(&shown, (*x, *y), *tolerance, *everywhere);
        assert!(chosen == mask(file), "{file}");
    }
}

#[test]
fn places_beside_the_picture_and_pictures_without_pixels_change_nothing() {
    let none = Mask { extent: Extent::new(0, 0), bytes: Vec::new() };
    assert_eq!((none.grown_by(9), none.filled_at(3, 3)), (none.clone(), none.clone()));
    let small = Mask { extent: Extent::new(2, 1), bytes: vec![255, 0] };
    assert_eq!(small.filled_at(2, 0), small);
    assert_eq!(small.grown_by(1).bytes, [255, 255]);
    assert_eq!(small.shrunk_by(1).bytes, [0, 0]);
    assert_eq!(small.with(&none), None);
    assert_eq!(small.without(&small).unwrap().bytes, [0, 0]);
}
