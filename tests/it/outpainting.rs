//! A picture grown at its sides, and a mask zoomed into: what is old stays to the bit.

use std::fs;

use latelier::library::read_picture;
use latelier::pixels::{Extent, FileFormat, Picture, encode};
use serde_json::{Value, json};
use url::Url;

use crate::support::{demo_task, run_tasks, scratch};

/// Something with colours, edges and no symmetry.
fn landscape(extent: Extent) -> Picture {
    Picture::from_fn(extent, |x, y| {
        let hill = 90.0 + 30.0 * (f64::from(x) / 23.0).sin();
        if f64::from(y) > hill {
            [40 + (x % 40) as u8, 120, 50, 255]
        } else {
            [90, 150 + (y / 3) as u8, 230, 255]
        }
    })
}

/// White within the rectangle.
fn rectangle(extent: Extent, [left, top, right, bottom]: [u32; 4]) -> Picture {
    Picture::from_fn(extent, |x, y| {
        let inside = (left..right).contains(&x) && (top..bottom).contains(&y);
        let grey = if inside { 255 } else { 0 };
        [grey, grey, grey, 255]
    })
}

/// The task with pictures as addresses of files in `folder`.
fn with_pictures(
    folder: &std::path::Path,
    pictures: &[(&str, &Picture)],
    mut more: Value,
) -> Value {
    let mut task = demo_task();
    for (parameter, picture) in pictures {
        let path = folder.join(format!("{parameter}-{}.png", uuid::Uuid::new_v4()));
        fs::write(&path, encode(picture, FileFormat::Png, "{}").unwrap()).unwrap();
        task[*parameter] = json!(Url::from_file_path(path).unwrap().as_str());
    }
    task.as_object_mut().unwrap().append(more.as_object_mut().unwrap());
    task
}

fn made(tasks: &[Value], out: &std::path::Path) -> Vec<Picture> {
    let answer = run_tasks(&json!(tasks), &["--out", out.to_str().unwrap()]);
    assert_eq!(answer.code, 0, "{}", answer.json);
    answer.pictures().iter().map(|path| read_picture(path).unwrap()).collect()
}

fn pixel(picture: &Picture, x: u32, y: u32) -> &[u8] {
    let at = (y as usize * picture.extent().width as usize + x as usize) * 4;
    &picture.rgba()[at..at + 4]
}

#[test]
fn a_grown_picture_has_the_final_size_and_keeps_its_old_pixels() {
    let out = scratch();
    let old = landscape(Extent::new(128, 128));
    let grow = |sides: Value| {
        let more = json!({ "width": 192, "height": 256, "outpaint": sides });
        with_pictures(out.path(), &[("seedImage", &old)], more)
    };
    let tasks = [
        grow(json!({ "left": 64, "top": 64, "bottom": 64 })),
        grow(json!({ "right": 64, "bottom": 128, "blur": 16 })),
    ];
    let made = made(&tasks, out.path());
    for (picture, (left, top)) in made.iter().zip([(64, 64), (0, 0)]) {
        assert_eq!(picture.extent(), Extent::new(192, 256));
        // The second one may change the old pixels within 16 of its right and lower border.
        let kept = if left == 0 { 112 } else { 128 };
        for y in 0..kept {
            for x in 0..kept {
                assert_eq!(pixel(picture, left + x, top + y), pixel(&old, x, y), "{x} {y}");
            }
        }
    }
    let band = (0..112).filter(|&y| pixel(&made[1], 126, y) != pixel(&old, 126, y));
    assert!(band.count() > 100, "the band is shared by old and new");
}

#[test]
fn the_new_part_goes_on_from_the_old_without_a_step() {
    let out = scratch();
    // An even colour shows the slightest step; little strength leaves the seeding standing. What
    // the model gives back unmatched is 5.4 darker there.
    let old = Picture::from_fn(Extent::new(128, 128), |_, _| [200, 120, 60, 255]);
    let more = json!({
        "width": 192, "height": 128, "steps": 10, "strength": 0.1, "outpaint": { "right": 64 },
    });
    let made = made(&[with_pictures(out.path(), &[("seedImage", &old)], more)], out.path());
    let mean = |columns: std::ops::Range<u32>, channel: usize| {
        let values = columns.clone().flat_map(|x| (0..128).map(move |y| (x, y)));
        let sum: f64 = values.map(|(x, y)| f64::from(pixel(&made[0], x, y)[channel])).sum();
        sum / f64::from(128 * columns.len() as u32)
    };
    for channel in 0..3 {
        let (inside, outside) = (mean(124..128, channel), mean(128..132, channel));
        assert!((inside - outside).abs() < 4.5, "{channel}: {inside} beside {outside}");
    }
}

#[test]
fn a_mask_inside_a_growing_picture_is_painted_too() {
    let out = scratch();
    let old = landscape(Extent::new(128, 128));
    let mask = rectangle(Extent::new(128, 128), [16, 16, 64, 64]);
    let more = json!({ "width": 192, "outpaint": { "left": 64 } });
    let task = with_pictures(out.path(), &[("seedImage", &old), ("maskImage", &mask)], more);
    let made = &made(&[task], out.path())[0];
    let changed = |x: u32, y: u32| pixel(made, 64 + x, y) != pixel(&old, x, y);
    assert!((20..60).filter(|&at| changed(at, at)).count() > 30);
    assert!((70..128).all(|at| !changed(at, at)));
}

#[test]
fn a_margin_zooms_into_the_mask_and_keeps_the_size_and_the_rest_of_the_picture() {
    let out = scratch();
    // Not the task's size, not even a multiple of eight.
    let extent = Extent::new(500, 301);
    let old = landscape(extent);
    let mask = rectangle(extent, [300, 100, 340, 150]);
    let more = json!({ "maskMargin": 32, "steps": 4, "strength": 1.0 });
    let task = with_pictures(out.path(), &[("seedImage", &old), ("maskImage", &mask)], more);
    let made = &made(&[task], out.path())[0];
    assert_eq!(made.extent(), extent);
    let changed = |x: u32, y: u32| pixel(made, x, y) != pixel(&old, x, y);
    let inside = (300..340).flat_map(|x| (100..150).map(move |y| (x, y)));
    assert!(inside.filter(|&(x, y)| changed(x, y)).count() > 1900);
    // A quarter of the margin is the feather, which may reach a little further at a corner.
    let far = |at: u32, from: u32, to: u32| from.saturating_sub(at).max(at.saturating_sub(to - 1));
    for y in 0..extent.height {
        for x in 0..extent.width {
            if far(x, 300, 340).max(far(y, 100, 150)) > 12 {
                assert!(!changed(x, y), "{x} {y}");
            }
        }
    }
}

#[test]
fn a_mask_at_the_border_of_a_small_picture_is_zoomed_into() {
    let out = scratch();
    // Smaller than what is painted, and wider than the margin's surroundings.
    let extent = Extent::new(90, 40);
    let old = landscape(extent);
    let mask = rectangle(extent, [0, 0, 30, 40]);
    let pictures = [("seedImage", &old), ("maskImage", &mask)];
    let task = with_pictures(out.path(), &pictures, json!({ "maskMargin": 128 }));
    let made = &made(&[task], out.path())[0];
    assert_eq!(made.extent(), extent);
    assert_eq!(pixel(made, 89, 39), pixel(&old, 89, 39));
    assert_ne!(made, &old);
}
