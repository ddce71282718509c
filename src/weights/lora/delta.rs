//! The change of one weight: as tensors that lie in a file, and as numbers in memory.

use std::fs::File;

use ndarray::Array2;

use super::{LoraError, LoraFile};
use crate::weights::Tensor;

/// The change of one weight, shapes checked, numbers still in the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Delta {
    pub(super) form: Form,
    pub(super) rank: Option<usize>,
    pub(super) scale: f32,
    pub(super) rows: usize,
    pub(super) columns: usize,
}

impl Delta {
    /// The rank of the factors; `None` for a change that is stored whole.
    #[must_use]
    pub fn rank(&self) -> Option<usize> {
        self.rank
    }

    /// What the product of the factors is multiplied with: alpha over rank.
    #[must_use]
    pub fn scale(&self) -> f32 {
        self.scale
    }

    /// Numbers that [`LoraFile::load`] keeps in memory for it.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.form.matrices().iter().map(|matrix| matrix.rows.saturating_mul(matrix.columns)).sum()
    }
}

/// How a change is stored. Kernels of convolutions are unrolled into columns.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Form {
    /// `up · down` (LoRA; Hu et al. 2021).
    LowRank { up: Matrix, down: Matrix },
    /// `up · mid · down` with the kernel in the middle (LoCon's tucker form).
    Tucker { up: Matrix, mid: Matrix, down: Matrix },
    /// The change itself.
    Full(Matrix),
}

impl Form {
    fn matrices(&self) -> Vec<&Matrix> {
        match self {
            Self::LowRank { up, down } => vec![up, down],
            Self::Tucker { up, mid, down } => vec![up, mid, down],
            Self::Full(full) => vec![full],
        }
    }
}

/// A tensor of the file, read as rows × columns.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Matrix {
    pub(super) key: String,
    pub(super) tensor: Tensor,
    pub(super) rows: usize,
    pub(super) columns: usize,
}

/// The change of one weight in memory, alpha over rank multiplied in.
#[derive(Clone, Debug, PartialEq)]
pub struct Factors {
    pub(super) kind: Kind,
    pub(super) rows: usize,
    pub(super) columns: usize,
}

impl Factors {
    /// Bytes in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let numbers = match &self.kind {
            Kind::LowRank { up, down } => up.len() + down.len(),
            Kind::Full(full) => full.len(),
        };
        numbers * size_of::<f32>()
    }
}

/// The forms that a change is computed from.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// `up · down`, the scale in `up`.
    LowRank { up: Array2<f32>, down: Array2<f32> },
    /// The change itself.
    Full(Array2<f32>),
}

/// Reads matrices of one file.
pub(super) struct Reader<'a> {
    pub(super) lora: &'a LoraFile,
    pub(super) file: File,
}

impl Reader<'_> {
    pub(super) fn factors(&mut self, delta: &Delta) -> Result<Factors, LoraError> {
        let kind = match &delta.form {
            Form::LowRank { up, down } => {
                Kind::LowRank { up: self.read(up)? * delta.scale, down: self.read(down)? }
            }
            Form::Tucker { up, mid, down } => {
                let down = through(&self.read(mid)?, &self.read(down)?);
                Kind::LowRank { up: self.read(up)? * delta.scale, down }
            }
            Form::Full(full) => Kind::Full(self.read(full)? * delta.scale),
        };
        Ok(Factors { kind, rows: delta.rows, columns: delta.columns })
    }

    /// One matrix, every number of it finite.
    fn read(&mut self, matrix: &Matrix) -> Result<Array2<f32>, LoraError> {
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

/// `Σ_q core[p, q, k] · down[q, i]` as a matrix of `p` × (`i`, `k`): the core of a tucker form
/// (p × (q, kernel)) merged into the factor on its right.
fn through(core: &Array2<f32>, down: &Array2<f32>) -> Array2<f32> {
    let (ranks, (rank, inputs)) = (core.nrows(), down.dim());
    let kernel = core.ncols() / rank.max(1);
    let mut merged = Array2::zeros((ranks, inputs * kernel));
    for (row, core) in merged.rows_mut().into_iter().zip(core.rows()) {
        let Ok(core) = core.to_shape((rank, kernel)) else { continue };
        if let Ok(mut row) = row.into_shape_with_order((inputs, kernel)) {
            row.assign(&down.t().dot(&core));
        }
    }
    merged
}
