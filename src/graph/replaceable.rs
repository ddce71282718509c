//! Weights that a session takes as inputs, so that they can change without another session.
//!
//! A LoRA changes weights by a sum of low-rank products. Fed as inputs, the changed weights cost a
//! step nothing, and those that are not fed still come from the checkpoint's mapped file.

use std::collections::BTreeSet;
use std::ops::Range;

use super::Dialect;
use crate::weights::TensorType;

/// What a weight is used for, as far as replacing goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A matrix of a linear layer.
    Linear,
    /// A convolution's kernel.
    Kernel,
    /// A bias, a norm, a position.
    Other,
}

/// Which weights of a graph can be replaced, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replaceable {
    /// How the replaced ones are handed over.
    pub way: Way,

    /// Every weight of a linear layer, replaced or not.
    pub linear: bool,

    /// Every kernel of a convolution.
    pub kernels: bool,

    /// These tensors too, by diffusers name.
    pub also: BTreeSet<String>,
}

/// How replaced weights are handed to a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// When it is made: providers other than the CPU's bring constants to their device once.
    #[default]
    Constant,

    /// At each run, in the checkpoint's number format. A weight that is not fed comes from the file.
    Input,

    /// At each run as f32. A weight of another format must always be fed: its cast is done once,
    /// by whoever feeds it, and not at each step.
    InputAsF32,
}

impl Replaceable {
    /// Whether every weight of that role can be replaced.
    fn holds_all(&self, role: Role) -> bool {
        match role {
            Role::Linear => self.linear,
            Role::Kernel => self.kernels,
            Role::Other => false,
        }
    }

    /// How `tensor` is handed over, if it can be replaced.
    pub(super) fn offer_of(&self, tensor: &str, role: Role) -> Option<Offer> {
        let by_name = !self.holds_all(role);
        let offered = !by_name || self.also.contains(tensor);
        offered.then_some(Offer { way: self.way, by_name })
    }
}

/// How a weight is offered for replacing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) way: Way,
    pub(super) by_name: bool,
}

/// A weight of a graph that can be replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeightSlot {
    /// The name of the input, or of the constant.
    pub name: String,

    /// Diffusers name of the tensor.
    pub tensor: String,

    /// Rows of the tensor's first side that it takes; all of most tensors.
    pub rows: Range<usize>,

    /// Numbers in one row.
    pub row: usize,

    /// Shape as the graph has it.
    pub dims: Vec<i64>,

    /// Number format that the session expects.
    pub dtype: TensorType,

    /// Whether it is open because [`Replaceable::also`] names it, and not all of its kind are.
    pub by_name: bool,

    /// Whether each run needs it; the session has the checkpoint's own value for the others.
    pub required: bool,
}

/// How a network is written.
#[derive(Clone, Debug)]
pub struct Style {
    /// Which operators say it.
    pub dialect: Dialect,

    /// Which weights can change.
    pub replaceable: Replaceable,
}

impl From<Dialect> for Style {
    fn from(dialect: Dialect) -> Self {
        Self { dialect, replaceable: Replaceable::default() }
    }
}
