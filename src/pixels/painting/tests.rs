//! Against shapes that were drawn large and averaged (`tests/goldens/painting.py`), and the laws of undoing.

use super::*;
use crate::pixels::decode;

#[derive(serde::Deserialize)]
struct Goldens {
    shapes: Vec<Shape>,
    strokes: Vec<Drawn>,
}

#[derive(serde::Deserialize)]
struct Shape {
    corners: Vec<[f32; 2]>,
    file: String,
}

#[derive(serde::Deserialize)]
struct Drawn {
    points: Vec<[f32; 2]>,
    size: f32,
    opacity: f32,
    file: String,
}

const EXTENT: Extent = Extent::new(150, 110);

fn goldens() -> Goldens {
    let file = format!("{}/tests/goldens/painting.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

/// The largest and the mean difference to a golden, of 255.
fn differences(found: &Mask, name: &str) -> (u8, f64) {
    let file = format!("{}/tests/goldens/painting/{name}", env!("CARGO_MANIFEST_DIR"));
    let golden = Mask::from_picture(&decode(&std::fs::read(file).unwrap()).unwrap());
    assert_eq!(found.extent, golden.extent);
    let differences = || found.bytes.iter().zip(&golden.bytes).map(|(a, b)| a.abs_diff(*b));
    let sum: u64 = differences().map(u64::from).sum();
    (differences().max().unwrap(), sum as f64 / found.bytes.len() as f64)
}

fn drawn(Drawn { points, size, opacity, .. }: &Drawn) -> PaintedMask {
    let mut mask = PaintedMask::new(EXTENT);
    let brush = Brush { size: *size, hardness: 1.0, opacity: *opacity };
    mask.begin(brush, Ink::Add, points[0]);
    for at in points {
        mask.stroke_to(*at);
    }
    mask.end_stroke();
    mask
}

fn is_empty(mask: &PaintedMask) -> bool {
    mask.mask().bytes.iter().all(|&value| value == 0)
}

fn invert(mask: &mut PaintedMask) {
    mask.replace(mask.mask().inverted());
}

fn soft() -> Brush {
    Brush { size: 40.0, hardness: 0.2, opacity: 0.7 }
}

#[test]
fn shapes_cover_each_pixel_by_the_area_inside() {
    for Shape { corners, file } in goldens().shapes {
        let mut mask = PaintedMask::new(EXTENT);
        mask.fill_shape(&corners, Ink::Add);
        let (most, mean) = differences(mask.mask(), &file);
        // The large drawing itself is a sixteenth of a pixel coarse.
        assert!(most <= 24 && mean < 0.3, "{file}: {most}, {mean}");
    }
}

#[test]
fn a_hard_stroke_covers_what_its_area_covers_and_never_more_than_its_opacity() {
    for stroke in goldens().strokes {
        let (most, mean) = differences(drawn(&stroke).mask(), &stroke.file);
        assert!(most <= 40 && mean < 0.6, "{}: {most}, {mean}", stroke.file);
    }
}

#[test]
fn every_step_is_undone_and_done_again_exactly() {
    let mut mask = PaintedMask::new(EXTENT);
    let mut states = vec![mask.mask().clone()];
    let steps: [fn(&mut PaintedMask); 7] = [
        |mask| {
            mask.begin(soft(), Ink::Add, [10.0, 10.0]);
            mask.stroke_to([140.0, 100.0]);
            mask.end_stroke();
        },
        |mask| mask.fill_shape(&ellipse([20.0, 20.0], [100.0, 90.0]), Ink::Remove),
        invert,
        |mask| {
            mask.begin(soft(), Ink::Remove, [75.0, 55.0]);
            mask.end_stroke();
        },
        |mask| mask.replace(mask.mask().grown_by(5)),
        PaintedMask::clear,
        |mask| mask.fill_shape(&[[1.0, 1.0], [9.0, 1.0], [9.0, 9.0]], Ink::Add),
    ];
    for step in steps {
        step(&mut mask);
        assert_ne!(Some(mask.mask()), states.last());
        assert!((mask.share() - mask.mask().share()).abs() < 1e-6, "added up step by step");
        states.push(mask.mask().clone());
    }
    for state in states.iter().rev().skip(1) {
        assert!(mask.can_undo());
        mask.undo();
        assert!(mask.mask() == state);
        assert!((mask.share() - state.share()).abs() < 1e-6);
    }
    assert!(!mask.can_undo() && is_empty(&mask));
    for state in &states[1..] {
        mask.redo();
        assert!(mask.mask() == state);
        assert!((mask.share() - state.share()).abs() < 1e-6);
    }
    assert!(!mask.can_redo());
    mask.undo();
    invert(&mut mask);
    assert!(!mask.can_redo(), "a new step takes the place of the undone one");
}

#[test]
fn what_changed_is_inside_the_rectangle_that_is_told() {
    let mut mask = PaintedMask::new(EXTENT);
    assert_eq!(mask.take_changed(), Some(Rectangle::new(0, 0, 150, 110)), "all is new");
    assert_eq!(mask.take_changed(), None);
    let steps: [fn(&mut PaintedMask); 5] = [
        |mask| mask.begin(soft(), Ink::Add, [60.0, 60.0]),
        |mask| mask.stroke_to([90.5, 70.0]),
        PaintedMask::cancel_stroke,
        |mask| mask.fill_shape(&ellipse([120.0, 90.0], [190.0, 130.0]), Ink::Add),
        PaintedMask::undo,
    ];
    for step in steps {
        let before = mask.mask().clone();
        let revision = mask.revision();
        step(&mut mask);
        let place = mask.take_changed().unwrap();
        assert!(mask.revision() > revision);
        for (at, (old, new)) in before.bytes.iter().zip(&mask.mask().bytes).enumerate() {
            let (x, y) = (at as u32 % 150, at as u32 / 150);
            let inside =
                (place.x..place.right()).contains(&x) && (place.y..place.bottom()).contains(&y);
            assert!(inside || old == new, "{x}, {y} beside {place:?}");
        }
    }
    assert!(is_empty(&mask), "the stroke was cancelled and the shape undone");
}

#[test]
fn strokes_and_shapes_beside_the_picture_leave_no_step_behind() {
    let mut mask = PaintedMask::new(EXTENT);
    for at in [[-500.0, 20.0], [f32::NAN, 3.0], [1e30, 1e30]] {
        mask.begin(soft(), Ink::Add, at);
        mask.stroke_to(at);
        mask.end_stroke();
    }
    mask.fill_shape(&ellipse([-90.0, -90.0], [-10.0, -10.0]), Ink::Add);
    mask.fill_shape(&[[5.0, 5.0], [50.0, 5.0]], Ink::Add);
    mask.replace(PaintedMask::new(Extent::new(3, 3)).mask);
    assert!(is_empty(&mask) && !mask.can_undo());
    mask.begin(soft(), Ink::Add, [10.0, 10.0]);
    mask.stroke_to([f32::INFINITY, 10.0]);
    mask.end_stroke();
    mask.undo();
    assert!(is_empty(&mask));
}

#[test]
fn what_changes_no_pixel_leaves_nothing_to_undo() {
    let mut mask = PaintedMask::of(Mask::even(EXTENT, u8::MAX));
    mask.begin(soft(), Ink::Add, [60.0, 60.0]);
    mask.stroke_to([90.0, 90.0]);
    mask.end_stroke();
    mask.fill_shape(&ellipse([20.0, 20.0], [100.0, 90.0]), Ink::Add);
    assert!(!mask.can_undo());
    mask.clear();
    mask.undo();
    mask.begin(soft(), Ink::Add, [60.0, 60.0]);
    mask.end_stroke();
    assert!(mask.can_redo(), "it took nothing back");
}

#[test]
fn a_long_line_touches_only_the_squares_near_it() {
    let extent = Extent::new(4096, 4096);
    let mut mask = PaintedMask::new(extent);
    mask.begin(Brush { size: 10.0, hardness: 1.0, opacity: 1.0 }, Ink::Add, [0.0, 0.0]);
    mask.stroke_to([4096.0, 4096.0]);
    let touched = mask.stroke.as_ref().unwrap().touched();
    assert!((32..=96).contains(&touched), "{touched} of 1024");
    let on = |at: u32| mask.mask().bytes[(at * 4096 + at) as usize];
    assert!((0..4096).all(|at| on(at) == u8::MAX), "no square of the line was left out");
}

#[test]
fn a_shape_of_very_many_corners_is_filled_at_once() {
    let extent = Extent::new(2048, 2048);
    let corner = |number: u32| {
        let (sin, cos) = (number as f32 / 20_000.0 * std::f32::consts::TAU).sin_cos();
        [1024.0 + 1000.0 * cos, 1024.0 + 1000.0 * sin]
    };
    let corners: Vec<[f32; 2]> = (0..20_000).map(corner).collect();
    let mut mask = PaintedMask::new(extent);
    let start = std::time::Instant::now();
    mask.fill_shape(&corners, Ink::Add);
    let circle = std::f64::consts::PI * 1000.0 * 1000.0 / (2048.0 * 2048.0);
    assert!((f64::from(mask.share()) - circle).abs() < 1e-4, "{}", mask.share());
    // Each corner in each row would be 300 million tests, half a minute in this build.
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
}

#[test]
fn history_forgets_its_oldest_steps_when_it_grows_too_large() {
    let mut mask = PaintedMask::new(Extent::new(2048, 2048));
    // Noise, so that no square is of one value.
    let noise = |seed: u32| {
        let value = |at: u32| (at.wrapping_mul(2_654_435_761).wrapping_add(seed) >> 13) as u8;
        Mask::from_bytes(Extent::new(2048, 2048), (0..2048 * 2048).map(value).collect()).unwrap()
    };
    for seed in 0..40 {
        mask.replace(noise(seed * 77_777));
    }
    let mut steps = 0;
    while mask.can_undo() {
        mask.undo();
        steps += 1;
    }
    assert!((20..26).contains(&steps), "{steps} steps of 4 MiB fit into 96 MiB");
}
