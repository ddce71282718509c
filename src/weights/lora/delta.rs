//! The change of one weight as tensors that lie in a file, shapes checked.

use crate::weights::Tensor;

/// The change of one weight; its numbers are still in the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Delta {
    pub(super) form: Form,
    pub(super) rank: Option<usize>,
    pub(super) scale: f32,
    /// Lengths of the changed weight's rows (DoRA; Liu et al. 2024).
    pub(super) magnitude: Option<Matrix>,
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

    /// Numbers in the file that make this change.
    #[must_use]
    pub fn parameters(&self) -> usize {
        let count = |matrix: &Matrix| matrix.rows.saturating_mul(matrix.columns);
        self.form.matrices().into_iter().chain(&self.magnitude).map(count).sum()
    }
}

/// How a change is stored. Kernels of convolutions are unrolled into columns.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Form {
    /// The change itself.
    Full(Matrix),
    /// A product (LoRA; Hu et al. 2021. LoCon for convolutions).
    Product(Product),
    /// Two products, multiplied number by number (LoHa; Hyeon-Woo et al. 2022).
    Hadamard(Box<Product>, Box<Product>),
    /// A Kronecker product (LoKr; Edalati et al. 2022).
    Kronecker(Factor, Factor),
}

/// `left · right`, or with a core between them (tucker form), which then has the kernel.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Product {
    pub(super) left: Matrix,
    /// LyCORIS stores the left factor of its own tucker forms as rank × outputs.
    pub(super) transposed: bool,
    /// Left rank × (right rank, kernel).
    pub(super) core: Option<Matrix>,
    pub(super) right: Matrix,
}

/// One side of a Kronecker product.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Factor {
    /// Stored whole.
    Whole(Matrix),
    /// Stored as a product.
    Product(Box<Product>),
}

impl Form {
    fn matrices(&self) -> Vec<&Matrix> {
        match self {
            Self::Full(full) => vec![full],
            Self::Product(product) => product.matrices(),
            Self::Hadamard(one, two) => [one.matrices(), two.matrices()].concat(),
            Self::Kronecker(one, two) => [one.matrices(), two.matrices()].concat(),
        }
    }
}

impl Product {
    fn matrices(&self) -> Vec<&Matrix> {
        [&self.left, &self.right].into_iter().chain(&self.core).collect()
    }

    pub(super) fn rank(&self) -> usize {
        self.right.rows
    }

    pub(super) fn rows(&self) -> usize {
        if self.transposed { self.left.columns } else { self.left.rows }
    }

    pub(super) fn columns(&self) -> usize {
        let kernel = self.core.as_ref().map_or(1, |core| core.columns / self.right.rows.max(1));
        self.right.columns.saturating_mul(kernel)
    }
}

impl Factor {
    fn matrices(&self) -> Vec<&Matrix> {
        match self {
            Self::Whole(whole) => vec![whole],
            Self::Product(product) => product.matrices(),
        }
    }

    pub(super) fn rank(&self) -> Option<usize> {
        match self {
            Self::Whole(_) => None,
            Self::Product(product) => Some(product.rank()),
        }
    }

    pub(super) fn rows(&self) -> usize {
        match self {
            Self::Whole(whole) => whole.rows,
            Self::Product(product) => product.rows(),
        }
    }

    pub(super) fn columns(&self) -> usize {
        match self {
            Self::Whole(whole) => whole.columns,
            Self::Product(product) => product.columns(),
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
