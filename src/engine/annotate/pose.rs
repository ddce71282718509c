//! A person from an `RTMPose` or `DWPose` export: one row of bins for each joint and direction (`SimCC`).
//!
//! The whole picture is taken for one person; nobody looks for several. The picture is shown as
//! rtmlib shows it, a quarter larger than itself with black around.

use ndarray::{ArrayView2, Axis, Ix3};

use super::answer::Answer;
use super::{AnnotateError, unknown};
use crate::pixels::{Extent, Joint, Picture, Skeleton};
use crate::task::Preprocessor;

/// How much larger than the picture what is shown is.
const PADDING: f32 = 1.25;

/// A joint that is less sure than this is left out, as `DWPose` does.
const LEAST_SCORE: f32 = 0.3;

/// Joints of COCO, of Halpe, of COCO with a whole body.
const KNOWN: [usize; 3] = [17, 26, WHOLE_BODY];
const WHOLE_BODY: usize = 133;

/// COCO's shoulders, whose middle is the neck.
const SHOULDERS: [usize; 2] = [5, 6];

/// COCO's number of each of OpenPose's joints but the neck, which is its second.
const COCO: [Option<usize>; 18] = [
    Some(0),
    None,
    Some(6),
    Some(8),
    Some(10),
    Some(5),
    Some(7),
    Some(9),
    Some(12),
    Some(14),
    Some(16),
    Some(11),
    Some(13),
    Some(15),
    Some(2),
    Some(1),
    Some(4),
    Some(3),
];

/// Where the face and the hands begin among the 133.
const FACE: usize = 23;
const HANDS: [usize; 2] = [91, 112];

/// What of a picture of `own` is shown in `shown`: the picture's pixels a pixel of it covers.
fn covered(own: Extent, shown: Extent) -> f32 {
    let (width, height) = (own.width as f32 * PADDING, own.height as f32 * PADDING);
    (width / shown.width as f32).max(height / shown.height as f32)
}

/// The place in the picture that is seen at `at`, which is counted from the corner of `shown`.
fn place(own: Extent, shown: Extent, (x, y): (f32, f32)) -> (f32, f32) {
    let step = covered(own, shown);
    let along = |at: f32, shown: u32, own: u32| (at - shown as f32 / 2.0) * step + own as f32 / 2.0;
    (along(x, shown.width, own.width), along(y, shown.height, own.height))
}

/// `picture` as the network sees it, between its pixels where need be.
pub(super) fn shown(picture: &Picture, extent: Extent) -> Picture {
    let own = picture.extent();
    let (width, height) = (i64::from(own.width), i64::from(own.height));
    let pixel = |x: i64, y: i64| -> [f32; 3] {
        if !(0..width).contains(&x) || !(0..height).contains(&y) {
            return [0.0; 3];
        }
        let at = (y * width + x) as usize * 4;
        let rgba = &picture.rgba()[at..at + 3];
        [f32::from(rgba[0]), f32::from(rgba[1]), f32::from(rgba[2])]
    };
    Picture::from_fn(extent, |x, y| {
        let (x, y) = place(own, extent, (x as f32, y as f32));
        let (left, top) = (x.floor(), y.floor());
        let (across, down) = (x - left, y - top);
        let (left, top) = (left as i64, top as i64);
        let corners = [(left, top), (left + 1, top), (left, top + 1), (left + 1, top + 1)];
        let [a, b, c, d] = corners.map(|(x, y)| pixel(x, y));
        let value = |of: usize| {
            let upper = a[of] + (b[of] - a[of]) * across;
            let lower = c[of] + (d[of] - c[of]) * across;
            (upper + (lower - upper) * down).round() as u8
        };
        [value(0), value(1), value(2), u8::MAX]
    })
}

/// Draws the person that `answer` tells of.
pub(super) fn read(answer: &Answer, hands_and_face: bool) -> Result<Picture, AnnotateError> {
    let joints = joints(answer)?;
    if hands_and_face && joints.len() < WHOLE_BODY {
        let why = format!(
            "it knows {} joints, none of hands and face; leave includeHandsAndFaceOpenPose out or \
             use an export with 133",
            joints.len()
        );
        return Err(unknown(Preprocessor::Openpose, &why));
    }
    let mut skeleton = Skeleton {
        body: std::array::from_fn(|at| match COCO[at] {
            Some(joint) => joints[joint],
            None => neck(SHOULDERS.map(|shoulder| joints[shoulder])),
        }),
        ..Skeleton::default()
    };
    if hands_and_face {
        let hand = |first: usize| std::array::from_fn(|at| joints[first + at]);
        skeleton.hands = HANDS.into_iter().map(hand).collect();
        skeleton.face = joints[FACE..HANDS[0]].to_vec();
    }
    Ok(skeleton.draw(answer.extent))
}

/// Between the shoulders, when both are seen.
fn neck([left, right]: [Joint; 2]) -> Joint {
    let ((x, y), (to_x, to_y)) = (left?, right?);
    Some((f32::midpoint(x, to_x), f32::midpoint(y, to_y)))
}

/// The joints in the network's order, in the picture's pixels.
fn joints(answer: &Answer) -> Result<Vec<Joint>, AnnotateError> {
    let wrong = |why: &str| unknown(Preprocessor::Openpose, why);
    let [x, y] = answer.outputs.as_slice() else {
        return Err(wrong("it does not give simcc_x and simcc_y alone"));
    };
    let rows = |output: &ndarray::ArrayD<f32>| {
        let rows = output.clone().into_dimensionality::<Ix3>().ok()?;
        let known = rows.len_of(Axis(0)) == 1 && KNOWN.contains(&rows.len_of(Axis(1)));
        (known && rows.len_of(Axis(2)) > 0).then(|| rows.index_axis_move(Axis(0), 0))
    };
    let (Some(x), Some(y)) = (rows(x), rows(y)) else {
        return Err(wrong("it does not give bins for 17, 26 or 133 joints"));
    };
    if x.nrows() != y.nrows() {
        return Err(wrong("it gives different numbers of joints across and down"));
    }
    let bins =
        (x.ncols() as f32 / answer.sent.width as f32, y.ncols() as f32 / answer.sent.height as f32);
    Ok((best(&x.view()).zip(best(&y.view())))
        .map(|((x, sure_x), (y, sure_y))| {
            let at = place(answer.extent, answer.sent, (x / bins.0, y / bins.1));
            (f32::midpoint(sure_x, sure_y) >= LEAST_SCORE).then_some(at)
        })
        .collect())
}

/// The first highest bin of each row and its height.
fn best(rows: &ArrayView2<'_, f32>) -> impl Iterator<Item = (f32, f32)> {
    let highest = |row: ndarray::ArrayView1<'_, f32>| {
        let start = (0.0, f32::NEG_INFINITY);
        row.iter().enumerate().fold(start, |best, (bin, &height)| {
            if height > best.1 { (bin as f32, height) } else { best }
        })
    };
    rows.outer_iter().map(highest).collect::<Vec<_>>().into_iter()
}
