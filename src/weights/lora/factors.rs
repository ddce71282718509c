//! The change of one weight in memory: its factors, read from the file.

use std::fs::File;
use std::ops::Range;

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayViewMut2, CowArray, Ix2, s};

use super::delta::{Delta, Factor, Form, Matrix, Product};
use super::{LoraError, LoraFile};

/// The change of one weight, alpha over rank multiplied in.
#[derive(Clone, Debug, PartialEq)]
pub struct Factors {
    pub(super) kind: Kind,
    /// Lengths of the changed weight's rows, for DoRA.
    pub(super) magnitude: Option<Vec<f32>>,
    pub(super) rows: usize,
    pub(super) columns: usize,
}

/// What a change is computed from.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Full(Array2<f32>),
    LowRank(LowRank),
    Hadamard(LowRank, LowRank),
    /// The first factor, and the second whole or as a product.
    Kronecker(Array2<f32>, Second),
}

/// `left · right`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LowRank {
    pub(super) left: Array2<f32>,
    pub(super) right: Array2<f32>,
}

/// The second factor of a Kronecker product. Its product is not multiplied out: with a small first
/// factor it is nearly as large as the weight.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Second {
    Whole(Array2<f32>),
    LowRank(LowRank),
}

impl Factors {
    /// Bytes in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let numbers = match &self.kind {
            Kind::Full(full) => full.len(),
            Kind::LowRank(product) => product.len(),
            Kind::Hadamard(one, two) => one.len() + two.len(),
            Kind::Kronecker(first, Second::Whole(second)) => first.len() + second.len(),
            Kind::Kronecker(first, Second::LowRank(second)) => first.len() + second.len(),
        };
        (numbers + self.magnitude.as_ref().map_or(0, Vec::len)) * size_of::<f32>()
    }

    /// Writes the rows `rows` of the change into `out`.
    pub(super) fn write(&self, rows: Range<usize>, out: &mut ArrayViewMut2<'_, f32>) {
        match &self.kind {
            Kind::Full(full) => out.assign(&full.slice(s![rows, ..])),
            Kind::LowRank(product) => product.write(rows, out),
            Kind::Hadamard(one, two) => {
                one.write(rows.clone(), out);
                *out *= &two.rows(rows);
            }
            Kind::Kronecker(first, second) => kronecker(first, second, rows, out),
        }
    }
}

impl LowRank {
    fn len(&self) -> usize {
        self.left.len() + self.right.len()
    }

    fn write(&self, rows: Range<usize>, out: &mut ArrayViewMut2<'_, f32>) {
        general_mat_mul(1.0, &self.left.slice(s![rows, ..]), &self.right, 0.0, out);
    }

    fn rows(&self, rows: Range<usize>) -> Array2<f32> {
        let mut out = Array2::zeros((rows.len(), self.right.ncols()));
        self.write(rows, &mut out.view_mut());
        out
    }
}

impl Second {
    fn nrows(&self) -> usize {
        match self {
            Self::Whole(whole) => whole.nrows(),
            Self::LowRank(product) => product.left.nrows(),
        }
    }

    fn rows(&self, rows: Range<usize>) -> CowArray<'_, f32, Ix2> {
        match self {
            Self::Whole(whole) => whole.slice(s![rows, ..]).into(),
            Self::LowRank(product) => product.rows(rows).into(),
        }
    }
}

/// Rows of `first ⊗ second`.
fn kronecker(
    first: &Array2<f32>,
    second: &Second,
    rows: Range<usize>,
    out: &mut ArrayViewMut2<'_, f32>,
) {
    let height = second.nrows();
    let mut row = rows.start;
    while row < rows.end {
        // The rows that share a row of the first factor.
        let block = row / height;
        let end = rows.end.min((block + 1) * height);
        let below = second.rows(row - block * height..end - block * height);
        let width = below.ncols();
        for (at, &factor) in first.row(block).iter().enumerate() {
            let place = s![row - rows.start..end - rows.start, at * width..(at + 1) * width];
            out.slice_mut(place).zip_mut_with(&below, |out, below| *out = factor * below);
        }
        row = end;
    }
}

/// Reads matrices of one file.
pub(super) struct Reader<'a> {
    pub(super) lora: &'a LoraFile,
    pub(super) file: File,
}

impl Reader<'_> {
    pub(super) fn factors(&mut self, delta: &Delta) -> Result<Factors, LoraError> {
        let kind = match &delta.form {
            Form::Full(full) => Kind::Full(self.matrix(full)? * delta.scale),
            Form::Product(product) => Kind::LowRank(self.product(product, delta.scale)?),
            Form::Hadamard(one, two) => {
                Kind::Hadamard(self.product(one, delta.scale)?, self.product(two, 1.0)?)
            }
            Form::Kronecker(first, second) => {
                let first = match first {
                    Factor::Whole(whole) => self.matrix(whole)?,
                    Factor::Product(product) => {
                        let product = self.product(product, 1.0)?;
                        product.rows(0..product.left.nrows())
                    }
                };
                let second = match second {
                    Factor::Whole(whole) => Second::Whole(self.matrix(whole)?),
                    Factor::Product(product) => Second::LowRank(self.product(product, 1.0)?),
                };
                Kind::Kronecker(first * delta.scale, second)
            }
        };
        let magnitude = match &delta.magnitude {
            Some(matrix) => Some(self.matrix(matrix)?.into_raw_vec_and_offset().0),
            None => None,
        };
        Ok(Factors { kind, magnitude, rows: delta.rows, columns: delta.columns })
    }

    fn product(&mut self, product: &Product, scale: f32) -> Result<LowRank, LoraError> {
        let mut left = self.matrix(&product.left)?;
        if product.transposed {
            left = left.t().as_standard_layout().into_owned();
        }
        let right = self.matrix(&product.right)?;
        let right = match &product.core {
            Some(core) => through(&self.matrix(core)?, &right),
            None => right,
        };
        Ok(LowRank { left: left * scale, right })
    }

    /// One matrix, every number of it finite.
    fn matrix(&mut self, matrix: &Matrix) -> Result<Array2<f32>, LoraError> {
        let path = &self.lora.path;
        let numbers = matrix
            .tensor
            .read_f32(&mut self.file)
            .map_err(|source| LoraError::Read { path: path.clone(), source })?;
        let damaged = |why: &str| LoraError::Tensor {
            path: path.clone(),
            tensor: matrix.key.clone(),
            why: why.to_owned(),
        };
        if !numbers.iter().all(|number| number.is_finite()) {
            return Err(damaged("holds numbers that are not finite (NaN or infinity)"));
        }
        Array2::from_shape_vec((matrix.rows, matrix.columns), numbers)
            .map_err(|_shape| damaged("has more or fewer numbers than its shape says"))
    }
}

/// `Σ_q core[p, q, k] · right[q, i]` as a matrix of `p` × (`i`, `k`): the core of a tucker form
/// (p × (q, kernel)) merged into the factor on its right.
fn through(core: &Array2<f32>, right: &Array2<f32>) -> Array2<f32> {
    let (rank, inputs) = right.dim();
    let kernel = core.ncols() / rank.max(1);
    let mut merged = Array2::zeros((core.nrows(), inputs * kernel));
    for (mut out, core) in merged.rows_mut().into_iter().zip(core.rows()) {
        for k in 0..kernel {
            let core = core.slice(s![k..; kernel]);
            out.slice_mut(s![k..; kernel]).assign(&core.dot(right));
        }
    }
    merged
}
