//! Adding the changes of any number of LoRAs to a weight.

use std::ops::Range;

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, Axis, s};

use super::factors::{Factors, Kind, LowRank};

/// Rows of a change that are computed at once where it needs room of its own.
const BLOCK: usize = 64;

/// Adds `Σ weight · ΔW` to the rows `rows` of a weight of `shape` (outputs first, row-major;
/// convolutions with their kernel). `base` holds these rows only, as the checkpoint has them.
///
/// Each number of the answer is the same however the rows are divided, and depends on nothing but
/// the arguments. All plain LoRAs are added in one matrix product; they need room for their factors
/// only, other kinds for some rows besides.
///
/// A change with DoRA's magnitudes `m` turns each row into `m · V / |V|`, `V = W + weight · ΔW` (PEFT's
/// reading of the weight); what that adds to `W` is added. So LoRAs do not see each other and their
/// order means nothing, while in PEFT the order decides. A weight of 0 always means: not there.
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

    let deltas = || deltas.iter().copied().filter(|(weight, _)| *weight != 0.0);
    let dora: Vec<_> = deltas().filter(|(_, factors)| factors.magnitude.is_some()).collect();
    if !dora.is_empty() {
        let original = base.to_owned();
        for (weight, factors) in dora {
            add_dora(&mut base, &original, (weight, factors), &rows);
        }
    }
    let mut plain = Vec::new();
    for (weight, factors) in deltas().filter(|(_, factors)| factors.magnitude.is_none()) {
        match &factors.kind {
            Kind::LowRank(product) => plain.push((weight, product)),
            Kind::Full(full) => base.scaled_add(weight, &full.slice(s![rows.clone(), ..])),
            Kind::Hadamard(..) | Kind::Kronecker(..) => {
                for_blocks(&mut base, factors, &rows, |_, mut base, change| {
                    base.scaled_add(weight, &change);
                });
            }
        }
    }
    add_low_rank(&mut base, &plain, &rows);
}

/// All changes of low rank at once: one product of the factors side by side.
fn add_low_rank(
    base: &mut ArrayViewMut2<'_, f32>,
    products: &[(f32, &LowRank)],
    rows: &Range<usize>,
) {
    let rank = products.iter().map(|(_, product)| product.left.ncols()).sum();
    if rank == 0 {
        return;
    }
    let mut left = Array2::zeros((rows.len(), rank));
    let mut right = Array2::zeros((rank, base.ncols()));
    let mut end = 0;
    for (weight, product) in products {
        let place = end..end + product.left.ncols();
        end = place.end;
        let rows = product.left.slice(s![rows.clone(), ..]);
        left.slice_mut(s![.., place.clone()]).scaled_add(*weight, &rows);
        right.slice_mut(s![place, ..]).assign(&product.right);
    }
    general_mat_mul(1.0, &left, &right, 1.0, base);
}

/// Adds `m · V / |V| − W`, `V = W + weight · ΔW`, row by row.
fn add_dora(
    base: &mut ArrayViewMut2<'_, f32>,
    original: &Array2<f32>,
    (weight, factors): (f32, &Factors),
    rows: &Range<usize>,
) {
    let magnitude = factors.magnitude.as_deref().unwrap_or_default();
    for_blocks(base, factors, rows, |first, mut base, change| {
        for (at, mut row) in base.rows_mut().into_iter().enumerate() {
            let original = original.row(first + at);
            let mut changed = original.to_owned();
            changed.scaled_add(weight, &change.row(at));
            let squares: f64 = changed.iter().map(|&v| f64::from(v) * f64::from(v)).sum();
            // A row of zeros has no direction and stays one.
            let length = if squares > 0.0 { squares.sqrt() } else { 1.0 };
            let scale = (f64::from(magnitude[rows.start + first + at]) / length) as f32;
            row.zip_mut_with(&original, |out, original| *out -= original);
            row.scaled_add(scale, &changed);
        }
    });
}

/// Gives `each` the change block by block: the block's first row within `base`, its rows of `base`,
/// and its rows of the change.
fn for_blocks(
    base: &mut ArrayViewMut2<'_, f32>,
    factors: &Factors,
    rows: &Range<usize>,
    mut each: impl FnMut(usize, ArrayViewMut2<'_, f32>, ArrayView2<'_, f32>),
) {
    let mut room = Array2::zeros((BLOCK.min(rows.len()), base.ncols()));
    for (at, block) in base.axis_chunks_iter_mut(Axis(0), BLOCK).enumerate() {
        let first = at * BLOCK;
        let mut change = room.slice_mut(s![..block.nrows(), ..]);
        let start = rows.start + first;
        factors.write(start..start + block.nrows(), &mut change);
        each(first, block, change.view());
    }
}
