//! The tensors of one layer in a LoRA file: which there are, whether they belong together, and
//! whether the change they make has the shape of the checkpoint's weight.

use std::collections::BTreeMap;

use super::delta::{Delta, Factor, Form, Matrix, Product};
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

/// Everything the file has for one layer of the checkpoint.
#[derive(Default)]
pub(super) struct Layer<'a> {
    pub(super) tensors: BTreeMap<Role, Named<'a>>,
    /// The tensor that holds alpha.
    pub(super) alpha_key: Option<&'a str>,
    /// The value of alpha, from the tensor or from the file's metadata.
    pub(super) alpha: Option<f32>,
    /// Whether the scale is `alpha / √rank` (rank-stabilised LoRA) rather than `alpha / rank`.
    pub(super) root: bool,
}

/// The shape of a weight: outputs, inputs and, for convolutions, the kernel.
#[derive(Clone, Copy)]
pub(super) struct Shape<'a> {
    sides: &'a [i64],
}

impl<'a> Shape<'a> {
    pub(super) fn of(tensor: &'a Tensor) -> Self {
        Self { sides: &tensor.shape }
    }

    fn rows(self) -> usize {
        side(self.sides, 0)
    }

    /// Numbers in a row, the kernel included.
    fn columns(self) -> usize {
        product(self.sides.get(1..).unwrap_or_default())
    }

    fn inputs(self) -> usize {
        side(self.sides, 1)
    }

    fn kernel(self) -> usize {
        product(self.sides.get(2..).unwrap_or_default())
    }
}

/// Names of the three tensors that make a product.
struct Roles {
    left: Role,
    core: Role,
    right: Role,
    /// Whether a core turns the left factor, as LyCORIS has it.
    turns: bool,
}

const LORA: Roles = Roles { left: Role::Up, core: Role::Mid, right: Role::Down, turns: false };
const HADA: [Roles; 2] = [
    Roles { left: Role::HadaW1A, core: Role::HadaT1, right: Role::HadaW1B, turns: true },
    Roles { left: Role::HadaW2A, core: Role::HadaT2, right: Role::HadaW2B, turns: true },
];
const LOKR: [(Role, Roles); 2] = [
    (
        Role::LokrW1,
        Roles { left: Role::LokrW1A, core: Role::LokrT1, right: Role::LokrW1B, turns: true },
    ),
    (
        Role::LokrW2,
        Roles { left: Role::LokrW2A, core: Role::LokrT2, right: Role::LokrW2B, turns: true },
    ),
];

impl Layer<'_> {
    /// The change of the layer's weight; `None` if the file has none (only a bias, only alpha).
    ///
    /// # Errors
    /// When a tensor is missing, or shapes contradict each other or `shape`.
    pub(super) fn weight(&self, shape: Shape<'_>) -> Result<Option<Delta>, Wrong> {
        let Some(method) = self.method()? else { return Ok(None) };
        let (form, rank) = match method {
            Method::Full => {
                (Form::Full(self.need(Role::Diff)?.matrix(shape.rows(), shape.columns())?), None)
            }
            Method::Lora => {
                let product = self.fitting(&LORA, shape)?;
                let rank = product.rank();
                (Form::Product(product), Some(rank))
            }
            Method::Hada => {
                let (one, two) = (self.fitting(&HADA[0], shape)?, self.fitting(&HADA[1], shape)?);
                let rank = self.one_rank(Some(one.rank()), Some(two.rank()))?;
                (Form::Hadamard(Box::new(one), Box::new(two)), rank)
            }
            Method::Lokr => self.kronecker(shape)?,
        };
        let (rows, columns) = (shape.rows(), shape.columns());
        let magnitude = self.magnitude(rows)?;
        Ok(Some(Delta { form, rank, scale: self.scale(rank), magnitude, rows, columns }))
    }

    /// The change of the layer's bias, of `shape` outputs.
    ///
    /// # Errors
    /// When the shapes differ.
    pub(super) fn bias(&self, shape: Shape<'_>) -> Result<Option<Delta>, Wrong> {
        let Some(diff) = self.tensors.get(&Role::DiffBias) else { return Ok(None) };
        let (rows, columns) = (shape.rows(), shape.columns());
        let form = Form::Full(diff.matrix(rows, columns)?);
        Ok(Some(Delta { form, rank: None, scale: 1.0, magnitude: None, rows, columns }))
    }

    /// Names of the tensors that change the bias, or of those that change the weight.
    pub(super) fn keys(&self, bias: bool) -> impl Iterator<Item = &str> {
        let alpha = self.alpha_key.filter(|_| !bias);
        let tensors =
            self.tensors.iter().filter(move |(role, _)| (**role == Role::DiffBias) == bias);
        tensors.map(|(_, named)| named.key).chain(alpha)
    }

    /// The one method that the layer's weight is changed with.
    fn method(&self) -> Result<Option<Method>, Wrong> {
        let mut found: Option<(Method, Named<'_>)> = None;
        for (role, named) in &self.tensors {
            let Some(method) = Method::of(*role) else { continue };
            match found {
                Some((first, other)) if first != method => {
                    return Err(named.wrong(format!("changes the same layer as `{}`", other.key)));
                }
                _ => found = Some((method, *named)),
            }
        }
        let magnitude = [Role::DoraScale, Role::Magnitude].iter().find_map(|r| self.tensors.get(r));
        match (found, magnitude) {
            (None, Some(magnitude)) => Err(magnitude.wrong(ALONE)),
            (found, _) => Ok(found.map(|(method, _)| method)),
        }
    }

    /// Alpha over the rank. kohya and LyCORIS read an alpha of 0 as "the rank".
    fn scale(&self, rank: Option<usize>) -> f32 {
        match (self.alpha, rank) {
            (Some(alpha), Some(rank)) if alpha != 0.0 && self.root => alpha / (rank as f32).sqrt(),
            (Some(alpha), Some(rank)) if alpha != 0.0 => alpha / rank as f32,
            _ => 1.0,
        }
    }

    /// A product that must have the shape of the weight.
    fn fitting(&self, roles: &Roles, shape: Shape<'_>) -> Result<Product, Wrong> {
        let product = self.product(roles)?;
        if product.rows() != shape.rows() {
            let left = self.need(roles.left)?;
            return Err(left.misfit(&format!("{} outputs are needed", shape.rows())));
        }
        if product.core.is_some() && product.right.columns != shape.inputs() {
            let right = self.need(roles.right)?;
            return Err(right.misfit(&format!("{} inputs are needed", shape.inputs())));
        }
        if product.columns() != shape.columns() {
            let last = self.need(if product.core.is_some() { roles.core } else { roles.right })?;
            let (inputs, kernel) = (shape.inputs(), shape.kernel());
            return Err(last.misfit(&format!("{inputs} inputs × kernel {kernel} are needed")));
        }
        Ok(product)
    }

    /// A product whose tensors agree about the rank.
    fn product(&self, roles: &Roles) -> Result<Product, Wrong> {
        let (left, right) = (self.need(roles.left)?, self.need(roles.right)?);
        let rank = right.rows();
        if rank == 0 {
            return Err(right.wrong("has rank 0"));
        }
        let core = self.tensors.get(&roles.core);
        let left_rank = match core {
            Some(core) if side(&core.tensor.shape, 1) == rank => core.rows(),
            Some(core) => return Err(core.misfit(&format!("rank {rank} is needed"))),
            None => rank,
        };
        let transposed = roles.turns && core.is_some();
        let of_left = if transposed { left.rows() } else { left.columns() };
        if left_rank == 0 || of_left != left_rank {
            return Err(left.misfit(&format!("rank {left_rank} is needed")));
        }
        let core = core.map(|core| core.as_is());
        Ok(Product { left: left.as_is(), transposed, core, right: right.as_is() })
    }

    fn factor(&self, (whole, roles): &(Role, Roles)) -> Result<Factor, Wrong> {
        match self.tensors.get(whole) {
            Some(whole) => Ok(Factor::Whole(whole.as_is())),
            None => Ok(Factor::Product(Box::new(self.product(roles)?))),
        }
    }

    fn kronecker(&self, shape: Shape<'_>) -> Result<(Form, Option<usize>), Wrong> {
        let (one, two) = (self.factor(&LOKR[0])?, self.factor(&LOKR[1])?);
        let rank = self.one_rank(one.rank(), two.rank())?;
        let rows = one.rows().saturating_mul(two.rows());
        let columns = one.columns().saturating_mul(two.columns());
        if (rows, columns) == (shape.rows(), shape.columns()) {
            return Ok((Form::Kronecker(one, two), rank));
        }
        let (needed_rows, needed) = (shape.rows(), shape.columns());
        let why = format!("makes a change of {rows} × {columns}, not of {needed_rows} × {needed}");
        Err((self.first(), why))
    }

    /// The rank of a pair of factors, of which one may be whole.
    fn one_rank(&self, one: Option<usize>, two: Option<usize>) -> Result<Option<usize>, Wrong> {
        match (one, two) {
            (Some(one), Some(two)) if one != two => {
                Err((self.first(), format!("belongs to factors of the ranks {one} and {two}")))
            }
            _ => Ok(two.or(one)),
        }
    }

    /// The tensor that measures columns of a weight of that shape, if there is one: `DoRA` as `LyCORIS`
    /// wrote it before 3.0, where a row of numbers stands in the place of a column.
    pub(super) fn measures_columns(&self, shape: Shape<'_>) -> Option<&str> {
        let lengths = self.tensors.get(&Role::DoraScale)?;
        (lengths.rows() == 1 && shape.rows() > 1).then_some(lengths.key)
    }

    /// Lengths of the changed weight's rows. PEFT stores those of convolutions as 1 × rows × 1 × 1.
    fn magnitude(&self, rows: usize) -> Result<Option<Matrix>, Wrong> {
        let lengths =
            [Role::DoraScale, Role::Magnitude].iter().find_map(|role| self.tensors.get(role));
        let Some(lengths) = lengths else { return Ok(None) };
        if product(&lengths.tensor.shape) != rows {
            return Err(lengths.misfit(&format!("{rows} outputs are needed")));
        }
        Ok(Some(Matrix { rows, columns: 1, ..lengths.as_is() }))
    }

    fn need(&self, role: Role) -> Result<Named<'_>, Wrong> {
        self.tensors.get(&role).copied().ok_or_else(|| (self.first(), ALONE.to_owned()))
    }

    /// Name of the first tensor.
    fn first(&self) -> String {
        self.tensors.values().next().map(|named| named.key.to_owned()).unwrap_or_default()
    }
}

const ALONE: &str = "stands alone: the tensor that it belongs with is missing";

/// How a weight is changed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    Lora,
    Hada,
    Lokr,
    Full,
}

impl Method {
    fn of(role: Role) -> Option<Self> {
        match role {
            Role::Down | Role::Up | Role::Mid => Some(Self::Lora),
            Role::HadaW1A
            | Role::HadaW1B
            | Role::HadaT1
            | Role::HadaW2A
            | Role::HadaW2B
            | Role::HadaT2 => Some(Self::Hada),
            Role::LokrW1
            | Role::LokrW1A
            | Role::LokrW1B
            | Role::LokrT1
            | Role::LokrW2
            | Role::LokrW2A
            | Role::LokrW2B
            | Role::LokrT2 => Some(Self::Lokr),
            Role::Diff => Some(Self::Full),
            _ => None,
        }
    }
}

impl Named<'_> {
    fn rows(self) -> usize {
        side(&self.tensor.shape, 0)
    }

    fn columns(self) -> usize {
        product(self.tensor.shape.get(1..).unwrap_or_default())
    }

    fn wrong(self, why: impl Into<String>) -> Wrong {
        (self.key.to_owned(), why.into())
    }

    fn misfit(self, needed: &str) -> Wrong {
        self.wrong(format!("has the shape {:?}, but {needed}", self.tensor.shape))
    }

    /// The tensor as a matrix: its first side against all others.
    fn as_is(self) -> Matrix {
        let (rows, columns) = (self.rows(), self.columns());
        Matrix { key: self.key.to_owned(), tensor: self.tensor.clone(), rows, columns }
    }

    /// The tensor as a matrix, which must be of `rows` × `columns`.
    fn matrix(self, rows: usize, columns: usize) -> Result<Matrix, Wrong> {
        if (self.rows(), self.columns()) == (rows, columns) {
            Ok(self.as_is())
        } else {
            Err(self.misfit(&format!("{rows} × {columns} is needed")))
        }
    }
}

fn side(shape: &[i64], at: usize) -> usize {
    shape.get(at).copied().and_then(|side| usize::try_from(side).ok()).unwrap_or(1)
}

fn product(shape: &[i64]) -> usize {
    (0..shape.len()).fold(1, |product: usize, at| product.saturating_mul(side(shape, at)))
}
