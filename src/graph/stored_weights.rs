//! The builder's access to the checkpoint: weights that stay in their file, small ones as constants
//! of the model, and those that a session can replace.

use std::fs::File;
use std::ops::Range;

use super::WeightSlot;
use super::builder::{Builder, GraphError, Value};
use super::onnx::{self, DataType, Node, Side, Span, ValueInfo};
use super::replaceable::{Offer, Role, Way};
use crate::weights::{Tensor, TensorType};

/// Stored size up to which a half-precision weight becomes an f32 constant of the model.
const INLINE_BYTES: u64 = 64 << 10;

impl<'w> Builder<'w> {
    /// Whether the checkpoint has a tensor of that name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.component.tensors.contains_key(name)
    }

    /// The bias, norm or position `name` as f32 in `shape`, which may group the stored numbers
    /// differently.
    pub(super) fn weight(&mut self, name: &str, shape: &[usize]) -> Result<Value, GraphError> {
        self.placed(&Wanted::whole(name, shape, Role::Other))
    }

    /// The kernel `name` of a convolution as f32.
    pub(super) fn kernel(&mut self, name: &str, shape: &[usize]) -> Result<Value, GraphError> {
        self.placed(&Wanted::whole(name, shape, Role::Kernel))
    }

    /// Rows of the matrix `name` of a linear layer (a range of its first side) as f32.
    pub(super) fn matrix_rows(
        &mut self,
        name: &str,
        shape: &[usize],
        rows: Range<usize>,
    ) -> Result<Value, GraphError> {
        self.placed(&Wanted { name, shape, rows, role: Role::Linear })
    }

    /// Rows of the bias `name` as f32.
    pub(super) fn bias_rows(
        &mut self,
        name: &str,
        shape: &[usize],
        rows: Range<usize>,
    ) -> Result<Value, GraphError> {
        self.placed(&Wanted { name, shape, rows, role: Role::Other })
    }

    /// The weight `name` in the number format of its file, for lookups that read few rows.
    pub(super) fn weight_as_stored(
        &mut self,
        name: &str,
        shape: &[usize],
    ) -> Result<Value, GraphError> {
        let wanted = Wanted::whole(name, shape, Role::Other);
        let tensor = self.tensor(&wanted)?;
        Ok(self.stored(&wanted, tensor))
    }

    /// A weight as f32: an input that must be fed, a constant of the model, or mapped from its file
    /// with a cast where it is of another format.
    fn placed(&mut self, wanted: &Wanted<'_>) -> Result<Value, GraphError> {
        let tensor = self.tensor(wanted)?;
        let offer = self.replaceable.offer_of(wanted.name, wanted.role);
        if tensor.dtype != TensorType::F32 {
            if tensor.length <= INLINE_BYTES {
                return self.inline(wanted, tensor, offer);
            }
            if let Some(offer @ Offer { way: Way::InputAsF32, .. }) = offer {
                return Ok(self.fed(wanted, tensor, offer));
            }
        }
        let stored = self.stored(wanted, tensor);
        self.offer(wanted, tensor, offer, tensor.dtype);
        Ok(if tensor.dtype == TensorType::F32 { stored } else { self.cast(&stored) })
    }

    /// `stored` as f32, cast once for all who use it.
    fn cast(&mut self, stored: &Value) -> Value {
        let cast = format!("{} as f32", stored.0);
        if let Some(value) = self.named.get(&cast) {
            return value.clone();
        }
        self.casts.push(Node {
            input: vec![stored.0.clone()],
            output: vec![cast.clone()],
            name: format!("node_{cast}"),
            op_type: "Cast".to_owned(),
            attribute: vec![onnx::int("to", DataType::Float as i64)],
            domain: String::new(),
        });
        self.remember(cast.clone(), Value(cast))
    }

    /// A small weight as an f32 constant inside the model. Biases and norms are most of the
    /// tensors and almost none of the bytes; a cast node for each would cost more than it saves.
    fn inline(
        &mut self,
        wanted: &Wanted<'_>,
        tensor: &Tensor,
        offer: Option<Offer>,
    ) -> Result<Value, GraphError> {
        let Named { name, dims } = wanted.named(&tensor.shape);
        if let Some(value) = self.named.get(&name) {
            return Ok(value.clone());
        }
        let fail = |source| GraphError::Read { path: tensor.file.clone(), source };
        let file = match &mut self.open {
            Some((path, file)) if *path == tensor.file => file,
            other => {
                let file = File::open(&tensor.file).map_err(fail)?;
                &mut other.insert((tensor.file.clone(), file)).1
            }
        };
        let values = tensor.read_f32(file).map_err(fail)?;
        let row = wanted.row();
        let values = &values[wanted.rows.start * row..wanted.rows.end * row];
        self.initializers.push(onnx::Tensor::floats(name.clone(), dims, values));
        self.offer(wanted, tensor, offer, TensorType::F32);
        Ok(self.remember(name.clone(), Value(name)))
    }

    /// A weight that every run is given as f32.
    fn fed(&mut self, wanted: &Wanted<'_>, tensor: &Tensor, offer: Offer) -> Value {
        let name = wanted.named(&tensor.shape).name;
        if let Some(value) = self.named.get(&name) {
            return value.clone();
        }
        let required = true;
        self.declare(wanted.slot(&tensor.shape, TensorType::F32, Terms { offer, required }));
        self.remember(name.clone(), Value(name))
    }

    /// The bytes of a weight where they lie in their file.
    fn stored(&mut self, wanted: &Wanted<'_>, tensor: &Tensor) -> Value {
        let Named { name, dims } = wanted.named(&tensor.shape);
        if let Some(value) = self.named.get(&name) {
            return value.clone();
        }
        if let (Some(folder), Some(file)) = (tensor.file.parent(), tensor.file.file_name()) {
            let row_bytes = wanted.row() as u64 * tensor.dtype.bytes();
            let span = Span {
                file: &file.to_string_lossy(),
                offset: tensor.offset + wanted.rows.start as u64 * row_bytes,
                length: wanted.rows.len() as u64 * row_bytes,
            };
            let kind = data_type(tensor.dtype);
            self.initializers.push(onnx::Tensor::external(name.clone(), kind, dims, &span));
            self.folders.insert(folder.to_owned());
        }
        self.remember(name.clone(), Value(name))
    }

    /// Lets a weight that the graph has a value for be replaced.
    fn offer(
        &mut self,
        wanted: &Wanted<'_>,
        tensor: &Tensor,
        offer: Option<Offer>,
        dtype: TensorType,
    ) {
        let Some(offer) = offer else { return };
        let slot = wanted.slot(&tensor.shape, dtype, Terms { offer, required: false });
        if self.slots.iter().any(|known| known.name == slot.name) {
            return;
        }
        match offer.way {
            Way::Constant => self.slots.push(slot),
            Way::Input | Way::InputAsF32 => self.declare(slot),
        }
    }

    /// Declares a weight as an input.
    fn declare(&mut self, slot: WeightSlot) {
        let sides: Vec<Side> = slot.dims.iter().map(|&side| Side::Fixed(side as usize)).collect();
        self.inputs.push(ValueInfo::new(&slot.name, data_type(slot.dtype), &sides));
        self.slots.push(slot);
    }

    /// The checkpoint's tensor, which must have as many numbers as wanted.
    fn tensor(&mut self, wanted: &Wanted<'_>) -> Result<&'w Tensor, GraphError> {
        let (component, name) = (self.component, wanted.name);
        let tensor = component.tensors.get(name).ok_or_else(|| GraphError::MissingTensor {
            name: name.to_owned(),
            component: component.name,
            path: component.path.clone(),
        })?;
        let numbers: usize = wanted.shape.iter().product();
        if tensor.length != numbers as u64 * tensor.dtype.bytes() {
            return Err(GraphError::WrongShape {
                name: name.to_owned(),
                expected: wanted.shape.iter().map(|&side| side as i64).collect(),
                found: tensor.shape.clone(),
                path: tensor.file.clone(),
            });
        }
        self.tensors.insert(name.to_owned());
        Ok(tensor)
    }
}

const fn data_type(dtype: TensorType) -> DataType {
    match dtype {
        TensorType::F32 => DataType::Float,
        TensorType::F16 => DataType::Float16,
        TensorType::Bf16 => DataType::Bfloat16,
    }
}

/// A tensor, or rows of its first side, as a layer wants it.
struct Wanted<'a> {
    name: &'a str,
    /// Shape of the whole tensor; may group the stored numbers differently.
    shape: &'a [usize],
    rows: Range<usize>,
    role: Role,
}

/// On which terms a weight can be replaced.
#[derive(Clone, Copy)]
struct Terms {
    offer: Offer,
    required: bool,
}

/// A weight as the graph holds it.
struct Named {
    name: String,
    dims: Vec<i64>,
}

impl<'a> Wanted<'a> {
    fn whole(name: &'a str, shape: &'a [usize], role: Role) -> Self {
        Self { name, shape, rows: 0..shape.first().copied().unwrap_or(1), role }
    }

    /// Numbers in a row.
    fn row(&self) -> usize {
        self.shape.iter().skip(1).product()
    }

    /// The weight's own name, told apart where the graph takes only some rows of it or groups its
    /// numbers in another way than the file does.
    fn named(&self, stored: &[i64]) -> Named {
        let Self { name, shape, rows, .. } = self;
        let mut dims: Vec<i64> = shape.iter().map(|&side| side as i64).collect();
        let whole = shape.first().is_none_or(|&all| *rows == (0..all));
        if !whole && let Some(first) = dims.first_mut() {
            *first = rows.len() as i64;
            return Named { name: format!("{name}[{}..{}]", rows.start, rows.end), dims };
        }
        if dims == stored {
            return Named { name: (*name).to_owned(), dims };
        }
        Named { name: format!("{name} as {dims:?}"), dims }
    }

    fn slot(&self, stored: &[i64], dtype: TensorType, terms: Terms) -> WeightSlot {
        let Named { name, dims } = self.named(stored);
        WeightSlot {
            name,
            tensor: self.name.to_owned(),
            rows: self.rows.clone(),
            row: self.row(),
            dims,
            dtype,
            by_name: terms.offer.by_name,
            required: terms.required,
        }
    }
}
