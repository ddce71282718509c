//! Adding the changes of any number of LoRAs to a weight.

use std::ops::Range;

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayViewMut2, s};

use super::delta::{Factors, Kind};

/// Adds `Σ weight · ΔW` to the rows `rows` of a weight of `shape` (outputs first, row-major;
/// convolutions with their kernel). `base` holds these rows only, as the checkpoint has them.
///
/// Each number of the answer depends on nothing but its row and column: it is the same however the
/// rows are divided. LoRAs are added in the order given.
///
/// # Panics
/// When `base` has not the size of `rows`, or a delta was made for a weight of another shape.
pub fn add_deltas(
    base: &mut [f32],
    shape: &[usize],
    deltas: &[(f32, &Factors)],
    rows: Range<usize>,
) {
    let all_rows = shape.first().copied().unwrap_or(1);
    let columns = shape.iter().skip(1).product();
    for (_, factors) in deltas {
        assert_eq!(
            (factors.rows, factors.columns),
            (all_rows, columns),
            "a delta of another shape"
        );
    }
    let mut base = ArrayViewMut2::from_shape((rows.len(), columns), base)
        .expect("the base has the size of its rows");
    add_low_rank(&mut base, deltas, &rows);
    for (weight, factors) in deltas {
        match &factors.kind {
            Kind::LowRank { .. } => {}
            Kind::Full(full) => base.scaled_add(*weight, &full.slice(s![rows.clone(), ..])),
        }
    }
}

/// All changes of low rank at once: one product of the factors side by side.
fn add_low_rank(
    base: &mut ArrayViewMut2<'_, f32>,
    deltas: &[(f32, &Factors)],
    rows: &Range<usize>,
) {
    let factors: Vec<_> = (deltas.iter())
        .filter_map(|(weight, factors)| match &factors.kind {
            Kind::LowRank { up, down } => Some((*weight, up, down)),
            Kind::Full(_) => None,
        })
        .collect();
    let rank = factors.iter().map(|(_, up, _)| up.ncols()).sum();
    if rank == 0 {
        return;
    }
    let mut ups = Array2::zeros((rows.len(), rank));
    let mut downs = Array2::zeros((rank, base.ncols()));
    let mut start = 0;
    for (weight, up, down) in factors {
        let place = start..start + up.ncols();
        start = place.end;
        ups.slice_mut(s![.., place.clone()]).scaled_add(weight, &up.slice(s![rows.clone(), ..]));
        downs.slice_mut(s![place, ..]).assign(down);
    }
    general_mat_mul(1.0, &ups, &downs, 1.0, base);
}
