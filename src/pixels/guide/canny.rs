//! Canny's edges (J. Canny, "A computational approach to edge detection", 1986), to the bit as
//! OpenCV's `Canny` finds them in one channel with an aperture of 3 and the L1 norm.

use std::array;

use super::plane::greys;
use super::{Stop, Stopped, go_on, grey_picture};
use crate::pixels::{Extent, Picture};

/// tan 22.5° with 15 bits behind the point, as OpenCV rounds it.
const TAN_22: i32 = 13_573;

/// What is known of a pixel.
const NOTHING: u8 = 0;
const GOES_ON: u8 = 1;
const EDGE: u8 = 2;

/// The gradients of one row. Magnitudes have a zero before and behind.
struct Row {
    dx: Vec<i32>,
    dy: Vec<i32>,
    magnitude: Vec<i32>,
}

/// The edges of the greys of `picture`: white begins above `high` and goes on above `low`.
pub(super) fn canny(
    picture: &Picture,
    (low, high): (u8, u8),
    stop: Stop<'_>,
) -> Result<Picture, Stopped> {
    let extent = picture.extent();
    let plane = greys(picture);
    let mut found = vec![NOTHING; plane.len()];
    let mut begins = Vec::new();
    let width = extent.width as usize;
    // The row above, this one and the one below; beyond the picture nothing rises.
    let mut rows = [flat(width), flat(width), gradients(&plane, extent, 0)];
    for (y, marks) in found.chunks_exact_mut(width).enumerate() {
        go_on(stop)?;
        rows.rotate_left(1);
        let below = y + 1 < extent.height as usize;
        rows[2] = if below { gradients(&plane, extent, y + 1) } else { flat(width) };
        for (x, mark) in marks.iter_mut().enumerate() {
            let magnitude = rows[1].magnitude[x + 1];
            if magnitude > i32::from(low) && is_ridge(&rows, x) {
                *mark = GOES_ON;
                if magnitude > i32::from(high) {
                    *mark = EDGE;
                    begins.push(y * width + x);
                }
            }
        }
    }
    follow(&mut found, extent, begins, stop)?;
    Ok(grey_picture(extent, found.into_iter().map(|mark| if mark == EDGE { u8::MAX } else { 0 })))
}

/// A row without gradients.
fn flat(width: usize) -> Row {
    Row { dx: vec![0; width], dy: vec![0; width], magnitude: vec![0; width + 2] }
}

/// Sobel's differences in row `y`.
fn gradients(plane: &[u8], extent: Extent, y: usize) -> Row {
    let (width, last) = (extent.width as usize, extent.height as usize - 1);
    let line = |y: usize| &plane[y * width..(y + 1) * width];
    let lines = [line(y.saturating_sub(1)), line(y), line((y + 1).min(last))];
    let mut row = flat(width);
    for x in 0..width {
        let columns = [x.saturating_sub(1), x, (x + 1).min(width - 1)];
        let at: [[i32; 3]; 3] = array::from_fn(|line| columns.map(|x| i32::from(lines[line][x])));
        let sum = |column: usize| at[0][column] + 2 * at[1][column] + at[2][column];
        let across = |line: usize| at[line][0] + 2 * at[line][1] + at[line][2];
        (row.dx[x], row.dy[x]) = (sum(2) - sum(0), across(2) - across(0));
        row.magnitude[x + 1] = row.dx[x].abs() + row.dy[x].abs();
    }
    row
}

/// Whether the middle row's gradient at `x` is the largest along its own direction, which is one of
/// four; of two equals the first counts, but for diagonals.
fn is_ridge([above, row, below]: &[Row; 3], x: usize) -> bool {
    let (dx, dy, own) = (row.dx[x], row.dy[x], row.magnitude[x + 1]);
    let rise = dy.abs() << 15;
    let tan_22 = dx.abs() * TAN_22;
    if rise < tan_22 {
        return own > row.magnitude[x] && own >= row.magnitude[x + 2];
    }
    // tan 67.5° is tan 22.5° and two.
    if rise > tan_22 + (dx.abs() << 16) {
        return own > above.magnitude[x + 1] && own >= below.magnitude[x + 1];
    }
    let falls = (dx ^ dy) < 0;
    let (before, behind) = if falls { (x + 2, x) } else { (x, x + 2) };
    own > above.magnitude[before] && own > below.magnitude[behind]
}

/// Makes edges of all that goes on from one.
fn follow(
    found: &mut [u8],
    extent: Extent,
    mut begins: Vec<usize>,
    stop: Stop<'_>,
) -> Result<(), Stopped> {
    let (width, height) = (extent.width as usize, extent.height as usize);
    let mut count = 0_u32;
    while let Some(at) = begins.pop() {
        count += 1;
        if count.is_multiple_of(1 << 16) {
            go_on(stop)?;
        }
        let (x, y) = (at % width, at / width);
        for y in y.saturating_sub(1)..(y + 2).min(height) {
            for x in x.saturating_sub(1)..(x + 2).min(width) {
                let beside = y * width + x;
                if found[beside] == GOES_ON {
                    found[beside] = EDGE;
                    begins.push(beside);
                }
            }
        }
    }
    Ok(())
}
