//! The tensors of one layer in a LoRA file: which there are, whether they belong together, and
//! whether the change they make has the shape of the checkpoint's weight.

use std::collections::BTreeMap;

use super::delta::{Delta, Form, Matrix};
use super::key::Role;
use crate::weights::Tensor;

/// What is wrong: the tensor's name in the file, and why.
pub(super) type Wrong = (String, String);

/// A tensor that is there, with its name in the file.
#[derive(Clone, Copy)]
pub(super) struct Named<'a> {
    pub(super) key: &'a str,
    pub(super) tensor: &'a Tensor,
}

impl Named<'_> {
    fn rows(self) -> usize {
        side(&self.tensor.shape, 0)
    }

    /// Numbers in a row, the kernel included.
    fn columns(self) -> usize {
        product(self.tensor.shape.get(1..).unwrap_or_default())
    }

    fn wrong(self, why: impl Into<String>) -> Wrong {
        (self.key.to_owned(), why.into())
    }

    fn misfit(self, needed: &str) -> Wrong {
        self.wrong(format!("has the shape {:?}, but {needed} is needed", self.tensor.shape))
    }
}

fn side(shape: &[i64], at: usize) -> usize {
    shape.get(at).copied().and_then(|side| usize::try_from(side).ok()).unwrap_or(1)
}

fn product(shape: &[i64]) -> usize {
    (0..shape.len()).fold(1, |product: usize, at| product.saturating_mul(side(shape, at)))
}

/// Everything the file has for one layer of the checkpoint.
#[derive(Default)]
pub(super) struct Layer<'a> {
    /// Name of the layer as the file has it.
    pub(super) name: &'a str,
    pub(super) tensors: BTreeMap<Role, Named<'a>>,
    /// The tensor that holds alpha.
    pub(super) alpha_key: Option<&'a str>,
    /// The value of alpha, from the tensor or from the file's metadata.
    pub(super) alpha: Option<f32>,
    /// Whether the scale is `alpha / √rank` (rank-stabilised LoRA) rather than `alpha / rank`.
    pub(super) root: bool,
}

/// A shape as rows × columns, convolutions with their kernel unrolled.
#[derive(Clone, Copy)]
pub(super) struct Shape<'a> {
    sides: &'a [i64],
}

impl<'a> Shape<'a> {
    pub(super) fn of(tensor: &'a Tensor) -> Self {
        Self { sides: &tensor.shape }
    }

    pub(super) fn rows(self) -> usize {
        side(self.sides, 0)
    }

    pub(super) fn columns(self) -> usize {
        product(self.sides.get(1..).unwrap_or_default())
    }

    fn inputs(self) -> usize {
        side(self.sides, 1)
    }

    fn kernel(self) -> usize {
        product(self.sides.get(2..).unwrap_or_default())
    }
}

const FACTORED: &[Role] = &[Role::Down, Role::Up, Role::Mid];

impl<'a> Layer<'a> {
    /// The change of the layer's weight; `None` if the file has none (only a bias).
    ///
    /// # Errors
    /// When a tensor is missing, or shapes contradict each other or `shape`.
    pub(super) fn weight(&self, shape: Shape<'_>) -> Result<Option<Delta>, Wrong> {
        let has = |roles: &[Role]| roles.iter().any(|role| self.tensors.contains_key(role));
        let (form, rank) = if has(FACTORED) {
            self.low_rank(shape)?
        } else if let Some(diff) = self.tensors.get(&Role::Diff) {
            (Form::Full(diff.matrix(shape.rows(), shape.columns())?), None)
        } else {
            return Ok(None);
        };
        Ok(Some(self.delta(form, rank, shape)))
    }

    /// The change of the layer's bias, of `shape` outputs.
    ///
    /// # Errors
    /// When the shapes differ.
    pub(super) fn bias(&self, shape: Shape<'_>) -> Result<Option<Delta>, Wrong> {
        let Some(diff) = self.tensors.get(&Role::DiffBias) else { return Ok(None) };
        let form = Form::Full(diff.matrix(shape.rows(), shape.columns())?);
        Ok(Some(Delta { form, rank: None, scale: 1.0, rows: shape.rows(), columns: 1 }))
    }

    fn delta(&self, form: Form, rank: Option<usize>, shape: Shape<'_>) -> Delta {
        let scale = match (self.alpha, rank) {
            // kohya and LyCORIS read an alpha of 0 as "the rank".
            (Some(alpha), Some(rank)) if alpha != 0.0 => {
                let rank = if self.root { (rank as f32).sqrt() } else { rank as f32 };
                alpha / rank
            }
            _ => 1.0,
        };
        Delta { form, rank, scale, rows: shape.rows(), columns: shape.columns() }
    }

    fn low_rank(&self, shape: Shape<'_>) -> Result<(Form, Option<usize>), Wrong> {
        let (down, up) = (self.need(Role::Down)?, self.need(Role::Up)?);
        let rank = down.rank(0)?;
        let form = if let Some(mid) = self.tensors.get(&Role::Mid) {
            let kernel = product(mid.tensor.shape.get(2..).unwrap_or_default());
            if side(&mid.tensor.shape, 1) != rank || kernel != shape.kernel() {
                return Err(mid.misfit(&format!("[…, {rank}, kernel {}]", shape.kernel())));
            }
            Form::Tucker {
                up: up.matrix(shape.rows(), mid.rank(0)?)?,
                mid: mid.matrix(mid.rows(), mid.columns())?,
                down: down.matrix(rank, shape.inputs())?,
            }
        } else {
            Form::LowRank {
                up: up.matrix(shape.rows(), rank)?,
                down: down.matrix(rank, shape.columns())?,
            }
        };
        Ok((form, Some(rank)))
    }

    fn need(&self, role: Role) -> Result<Named<'a>, Wrong> {
        self.tensors.get(&role).copied().ok_or_else(|| {
            let there: Vec<&str> = self.tensors.values().map(|named| named.key).collect();
            (self.name.to_owned(), format!("lacks {role:?}, which belongs to {}", there.join(", ")))
        })
    }
}

impl Named<'_> {
    /// The rank that side `at` gives, which is never 0.
    fn rank(self, at: usize) -> Result<usize, Wrong> {
        match side(&self.tensor.shape, at) {
            0 => Err(self.wrong("has rank 0")),
            rank => Ok(rank),
        }
    }

    /// The tensor as a matrix of `rows` × `columns`.
    fn matrix(self, rows: usize, columns: usize) -> Result<Matrix, Wrong> {
        // A bias or a norm has one side only, which is its rows.
        if self.rows() == rows && self.columns() == columns {
            let key = self.key.to_owned();
            Ok(Matrix { key, tensor: self.tensor.clone(), rows, columns })
        } else {
            Err(self.misfit(&format!("{rows} × {columns}")))
        }
    }
}
