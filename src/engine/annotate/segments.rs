//! Straight lines from an M-LSD export: at each cell how likely it is the centre of a line, and where
//! from there the line begins and ends (Gu et al. 2021, "Towards light-weight and real-time line
//! segment detection").

use ndarray::{ArrayView3, Axis};

use super::{AnnotateError, unknown};
use crate::pixels::{Extent, Picture, draw_lines};
use crate::task::Preprocessor;

/// A centre, and the way to both ends.
const PLANES: usize = 5;

/// Most lines; how likely one has to be, how long in cells (ControlNet's `MLSDdetector`).
const MOST: usize = 200;
const LEAST_SCORE: f32 = 0.1;
const LEAST_LENGTH: f32 = 0.1;

/// A centre is the likeliest cell so far to each side.
const APART: usize = 1;

/// Draws the lines of the `planes` of one picture at `extent`.
pub(super) fn read(planes: &ArrayView3<'_, f32>, extent: Extent) -> Result<Picture, AnnotateError> {
    let (count, height, width) = planes.dim();
    if count < PLANES {
        let why = format!("it gives {count} planes, not {PLANES} or more");
        return Err(unknown(Preprocessor::Mlsd, &why));
    }
    let along = |cell: usize, way: f32, side: u32, cells: usize| {
        ((cell as f64 + f64::from(way)) * f64::from(side) / cells as f64) as f32
    };
    let lines: Vec<[(f32, f32); 2]> = (centres(planes).into_iter())
        .filter_map(|(y, x)| {
            let way = |plane: usize| planes[[plane, y, x]];
            let (from, to) = ((way(1), way(2)), (way(3), way(4)));
            let long = (from.0 - to.0).hypot(from.1 - to.1) > LEAST_LENGTH;
            let end = |(across, down): (f32, f32)| {
                (along(x, across, extent.width, width), along(y, down, extent.height, height))
            };
            long.then(|| [end(from), end(to)])
        })
        .collect();
    Ok(draw_lines(extent, &lines))
}

/// Row and column of the likeliest centres, the likeliest first.
fn centres(planes: &ArrayView3<'_, f32>) -> Vec<(usize, usize)> {
    let heat = planes.index_axis(Axis(0), 0);
    let (height, width) = heat.dim();
    let is_peak = |y: usize, x: usize| {
        let rows = y.saturating_sub(APART)..(y + APART + 1).min(height);
        rows.into_iter().all(|row| {
            let columns = x.saturating_sub(APART)..(x + APART + 1).min(width);
            columns.into_iter().all(|column| heat[[row, column]] <= heat[[y, x]])
        })
    };
    // The logit of the least score: the same order without a power a cell.
    let least = (LEAST_SCORE / (1.0 - LEAST_SCORE)).ln();
    let mut centres: Vec<(usize, usize)> = heat
        .indexed_iter()
        .filter(|&((y, x), &logit)| logit > least && is_peak(y, x))
        .map(|(at, _)| at)
        .collect();
    centres.sort_by(|a, b| heat[[b.0, b.1]].total_cmp(&heat[[a.0, a.1]]));
    centres.truncate(MOST);
    centres
}
