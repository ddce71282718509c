//! Drawings of what networks find: the skeleton of a person, straight lines.
//!
//! Colours and order are those that ControlNets for OpenPose know (ControlNet's `draw_bodypose`,
//! `draw_handpose`, `draw_facepose`); widths are theirs in a picture whose shorter side has 512
//! pixels and grow with it, since there the drawing is enlarged afterwards.

use std::collections::BTreeMap;

use super::black;
use crate::pixels::{Extent, Picture};

/// Where something is, in pixels from the top left corner; `None` where it was not found.
pub type Joint = Option<(f32, f32)>;

/// A person.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Skeleton {
    /// In OpenPose's order: nose, neck, right shoulder, elbow, wrist, the left three, right hip,
    /// knee, ankle, the left three, eyes, ears (right before left).
    pub body: [Joint; 18],

    /// Each the wrist, then four joints a finger from the thumb on.
    pub hands: Vec<[Joint; 21]>,

    /// Points of the face.
    pub face: Vec<Joint>,
}

/// A colour for each of a body's joints, and in the same order for its limbs.
const COLOURS: [[u8; 3]; 18] = [
    [255, 0, 0],
    [255, 85, 0],
    [255, 170, 0],
    [255, 255, 0],
    [170, 255, 0],
    [85, 255, 0],
    [0, 255, 0],
    [0, 255, 85],
    [0, 255, 170],
    [0, 255, 255],
    [0, 170, 255],
    [0, 85, 255],
    [0, 0, 255],
    [85, 0, 255],
    [170, 0, 255],
    [255, 0, 255],
    [255, 0, 170],
    [255, 0, 85],
];

/// The joints at both ends of each limb of a body.
const LIMBS: [(usize, usize); 17] = [
    (1, 2),
    (1, 5),
    (2, 3),
    (3, 4),
    (5, 6),
    (6, 7),
    (1, 8),
    (8, 9),
    (9, 10),
    (1, 11),
    (11, 12),
    (12, 13),
    (1, 0),
    (0, 14),
    (14, 16),
    (0, 15),
    (15, 17),
];

/// Fingers, and the joints of one behind the wrist.
const FINGERS: usize = 5;
const FINGER_JOINTS: usize = 4;

/// How bright limbs are, in tenths of their colours.
const LIMB_BRIGHTNESS: u16 = 6;

/// The shorter side at which the widths below hold, and the least part of them that is drawn.
const USUAL_SIDE: f32 = 512.0;
const LEAST_SCALE: f32 = 0.5;

/// Pixels from the corner beyond which the end of a line is brought back.
const FARTHEST: f32 = 65_536.0;

/// Half the width of a limb, the radius of a joint, of a point of a face, half the width of a
/// finger, in pixels.
const LIMB: f32 = 4.0;
const JOINT: f32 = 4.0;
const FACE: f32 = 3.0;
const FINGER: f32 = 1.0;

impl Skeleton {
    /// The skeleton on black.
    #[must_use]
    pub fn draw(&self, extent: Extent) -> Picture {
        let shorter = extent.width.min(extent.height) as f32;
        let scale = (shorter / USUAL_SIDE).max(LEAST_SCALE);
        let mut canvas = Canvas::new(extent);
        for (&(from, to), colour) in LIMBS.iter().zip(COLOURS) {
            if let (Some(from), Some(to)) = (self.body[from], self.body[to]) {
                canvas.limb(from, to, (LIMB * scale).round(), colour);
            }
        }
        for value in &mut canvas.rgb {
            *value = (u16::from(*value) * LIMB_BRIGHTNESS / 10) as u8;
        }
        for (joint, colour) in self.body.iter().zip(COLOURS) {
            canvas.disc(*joint, (JOINT * scale).round(), colour);
        }
        for hand in &self.hands {
            canvas.hand(hand, scale);
        }
        for point in &self.face {
            canvas.disc(*point, (FACE * scale).round(), [u8::MAX; 3]);
        }
        canvas.finish()
    }
}

/// White lines of one pixel on black, from point to point; what lies outside is left out.
#[must_use]
pub fn draw_lines(extent: Extent, lines: &[[(f32, f32); 2]]) -> Picture {
    let mut canvas = Canvas::new(extent);
    for [from, to] in lines {
        canvas.thin_line(*from, *to);
    }
    canvas.finish()
}

/// Three bytes a pixel, black at first.
struct Canvas {
    extent: Extent,
    rgb: Vec<u8>,
}

impl Canvas {
    fn new(extent: Extent) -> Self {
        Self { extent, rgb: vec![0; extent.area() * 3] }
    }

    fn finish(self) -> Picture {
        let rgba: Vec<u8> =
            self.rgb.chunks_exact(3).flat_map(|c| [c[0], c[1], c[2], u8::MAX]).collect();
        Picture::from_rgba(self.extent, rgba).unwrap_or_else(|| black(self.extent))
    }

    fn set(&mut self, x: i64, y: i64, colour: [u8; 3]) {
        let (width, height) = (i64::from(self.extent.width), i64::from(self.extent.height));
        if (0..width).contains(&x) && (0..height).contains(&y) {
            let at = (y * width + x) as usize * 3;
            self.rgb[at..at + 3].copy_from_slice(&colour);
        }
    }

    /// Sets every pixel within `reach` of a point that is `inside`, which is asked with its distance.
    fn around(
        &mut self,
        (x, y): (f32, f32),
        reach: f32,
        colour: [u8; 3],
        inside: impl Fn(f32, f32) -> bool,
    ) {
        let (width, height) = (self.extent.width as f32, self.extent.height as f32);
        let rows = (y - reach).max(0.0) as i64..=(y + reach).min(height) as i64;
        for row in rows {
            for column in (x - reach).max(0.0) as i64..=(x + reach).min(width) as i64 {
                if inside(column as f32 - x, row as f32 - y) {
                    self.set(column, row, colour);
                }
            }
        }
    }

    /// A filled circle around the pixel of a point.
    fn disc(&mut self, joint: Joint, radius: f32, colour: [u8; 3]) {
        if let Some((x, y)) = joint {
            let inside = |dx: f32, dy: f32| dx * dx + dy * dy <= radius * radius;
            self.around((x.trunc(), y.trunc()), radius, colour, inside);
        }
    }

    /// A filled ellipse from point to point as `OpenCV` draws it: its middle, half its length and its
    /// angle in degrees cut off to whole numbers, its border a polygon of whole pixels.
    fn limb(&mut self, from: (f32, f32), to: (f32, f32), half_width: f32, colour: [u8; 3]) {
        let (dx, dy) = (from.0 - to.0, from.1 - to.1);
        let middle = (f32::midpoint(from.0, to.0).trunc(), f32::midpoint(from.1, to.1).trunc());
        let half_length = (dx.hypot(dy) / 2.0).trunc();
        let (sin, cos) = dy.atan2(dx).to_degrees().trunc().to_radians().sin_cos();
        let corner = |degree: i32| {
            let (down, along) = (degree as f32).to_radians().sin_cos();
            let (along, down) = (along * half_length, down * half_width);
            let (x, y) = (along * cos - down * sin, along * sin + down * cos);
            ((middle.0 + x).round_ties_even() as i64, (middle.1 + y).round_ties_even() as i64)
        };
        // Row by row from the first to the last pixel of the border: it is nowhere hollow.
        let mut rows: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
        for degree in 0..360 {
            line_pixels(corner(degree), corner(degree + 1), |x, y| {
                let (first, last) = rows.entry(y).or_insert((x, x));
                (*first, *last) = ((*first).min(x), (*last).max(x));
            });
        }
        for (y, (first, last)) in rows {
            let within = first.max(0)..=last.min(self.extent.width.into());
            within.for_each(|x| self.set(x, y, colour));
        }
    }

    /// Fingers in the colours of the rainbow, joints in blue.
    fn hand(&mut self, hand: &[Joint; 21], scale: f32) {
        let pieces = FINGERS * FINGER_JOINTS;
        for piece in 0..pieces {
            let to = piece + 1;
            let from = if piece.is_multiple_of(FINGER_JOINTS) { 0 } else { piece };
            if let (Some(from), Some(to)) = (hand[from], hand[to]) {
                self.stroke(from, to, FINGER * scale, hue(piece as f32 / pieces as f32));
            }
        }
        for joint in hand {
            self.disc(*joint, (JOINT * scale).round(), [0, 0, u8::MAX]);
        }
    }

    /// A line with round ends.
    fn stroke(&mut self, from: (f32, f32), to: (f32, f32), half_width: f32, colour: [u8; 3]) {
        let (from, to) = ((from.0.trunc(), from.1.trunc()), (to.0.trunc(), to.1.trunc()));
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let square = dx * dx + dy * dy;
        self.around(from, square.sqrt() + half_width, colour, |x, y| {
            let part =
                if square > 0.0 { ((x * dx + y * dy) / square).clamp(0.0, 1.0) } else { 0.0 };
            (x - part * dx).hypot(y - part * dy) <= half_width
        });
    }

    /// A line of one pixel, its ends cut off to whole ones.
    fn thin_line(&mut self, from: (f32, f32), to: (f32, f32)) {
        // Far outside nothing is seen; numbers stay small enough for every product.
        let whole = |value: f32| value.clamp(-FARTHEST, FARTHEST) as i64;
        let ends = [from, to].map(|(x, y)| (whole(x), whole(y)));
        if let Some([from, to]) = clipped(ends, self.extent) {
            line_pixels(from, to, |x, y| self.set(x, y, [u8::MAX; 3]));
        }
    }
}

/// Columns of two ends, or rows, brought to `0..=last` along the line between them; `None` where both
/// lie on the same side outside.
fn inside(ends: [(i64, i64); 2], last: i64) -> Option<[(i64, i64); 2]> {
    let [(first, _), (second, _)] = ends;
    if first.max(second) < 0 || first.min(second) > last {
        return None;
    }
    let brought = |(place, other): (i64, i64), towards: (i64, i64)| {
        let border = place.clamp(0, last);
        if border == place {
            return (place, other);
        }
        let slope = (towards.1 - other) as f64 / (towards.0 - place) as f64;
        (border, other + ((border - place) as f64 * slope) as i64)
    };
    // The second end follows the line from where the first has come to.
    let from = brought(ends[0], ends[1]);
    Some([from, brought(ends[1], from)])
}

/// The part of a line that lies in a picture (Cohen and Sutherland), rows first as in `OpenCV`.
fn clipped(ends: [(i64, i64); 2], extent: Extent) -> Option<[(i64, i64); 2]> {
    let swapped = |ends: [(i64, i64); 2]| ends.map(|(a, b)| (b, a));
    let rows = inside(swapped(ends), i64::from(extent.height) - 1)?;
    inside(swapped(rows), i64::from(extent.width) - 1)
}

/// The pixels of a line from left to right, one a column or row, whichever are more (Bresenham 1965);
/// half way between two the one nearer to the start is taken.
fn line_pixels(from: (i64, i64), to: (i64, i64), mut pixel: impl FnMut(i64, i64)) {
    let (from, to) = if from.0 <= to.0 { (from, to) } else { (to, from) };
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let steps = dx.abs().max(dy.abs());
    let part = |step: i64, of: i64| {
        of.signum() * ((2 * step * of.abs() + steps - 1).div_euclid(2 * steps.max(1)))
    };
    for step in 0..=steps {
        pixel(from.0 + part(step, dx), from.1 + part(step, dy));
    }
}

/// The full colour of a hue, 0–1 from red over green and blue to red.
fn hue(hue: f32) -> [u8; 3] {
    // HSV to RGB: each channel is full for a third, rises and falls for a sixth.
    [0.0, 4.0, 2.0].map(|turn| {
        let place = (hue * 6.0 + turn).rem_euclid(6.0);
        let value = ((place - 3.0).abs() - 1.0).clamp(0.0, 1.0);
        (value * 255.0) as u8
    })
}
