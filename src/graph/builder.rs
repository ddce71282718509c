//! Puts an ONNX graph together: values, nodes, constants and weights that stay in their file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::PathBuf;

use prost::Message as _;

use super::Dialect;
use super::onnx::{self, Attribute, DataType, Node, Side, Span, ValueInfo};
use crate::weights::{Component, Tensor, TensorType};

/// Opset of the standard operators; the OpenVINO provider takes no newer one.
const OPSET: i64 = 18;

/// Stored size up to which a half-precision weight becomes an f32 constant of the model.
const INLINE_BYTES: u64 = 64 << 10;

/// Why a network cannot be written over a checkpoint.
#[derive(Debug, thiserror::Error)]
pub enum GraphError {
    /// The checkpoint lacks a tensor.
    #[error("tensor `{name}` is missing from the {component} of {}", path.display())]
    MissingTensor {
        /// Diffusers name.
        name: String,
        /// Which network.
        component: &'static str,
        /// The checkpoint.
        path: PathBuf,
    },

    /// A tensor has another shape than the config asks for.
    #[error(
        "tensor `{name}` has shape {found:?}, the config asks for {expected:?}: {}",
        path.display()
    )]
    WrongShape {
        /// Diffusers name.
        name: String,
        /// By the config.
        expected: Vec<i64>,
        /// In the file.
        found: Vec<i64>,
        /// The checkpoint.
        path: PathBuf,
    },

    /// The checkpoint cannot be read any more.
    #[error("the file cannot be read ({source}): {}", path.display())]
    Read {
        /// The checkpoint.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// The tensors of one network lie in several folders, which ONNX Runtime cannot map.
    #[error("the {component} is spread over several folders: {}", path.display())]
    SeveralFolders {
        /// Which network.
        component: &'static str,
        /// The checkpoint.
        path: PathBuf,
    },
}

/// A network as an ONNX model, ready for a session.
#[derive(Clone, Debug)]
pub struct Emitted {
    /// The serialised `ModelProto`; Netron opens it when it lies in [`folder`](Self::folder).
    pub model: Vec<u8>,

    /// Where the files that hold the weights are.
    pub folder: PathBuf,
}

/// A tensor that a node makes or takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value(String);

/// An operator's domain and name.
#[derive(Clone, Copy)]
struct Operator<'a>(&'a str, &'a str);

/// A graph in the making.
pub(super) struct Builder<'w> {
    pub(super) dialect: Dialect,
    component: &'w Component,
    /// Casts of stored weights to f32. They stand first: ONNX Runtime then runs each right before
    /// its consumer, and only a few f32 copies are alive at once.
    casts: Vec<Node>,
    nodes: Vec<Node>,
    initializers: Vec<onnx::Tensor>,
    named: BTreeMap<String, Value>,
    inputs: Vec<ValueInfo>,
    outputs: Vec<ValueInfo>,
    folders: BTreeSet<PathBuf>,
    /// The file that small weights are read from.
    open: Option<(PathBuf, File)>,
}

impl<'w> Builder<'w> {
    pub(super) const fn new(component: &'w Component, dialect: Dialect) -> Self {
        Self {
            dialect,
            component,
            casts: Vec::new(),
            nodes: Vec::new(),
            initializers: Vec::new(),
            named: BTreeMap::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            folders: BTreeSet::new(),
            open: None,
        }
    }

    /// Declares an f32 input.
    pub(super) fn input(&mut self, name: &str, sides: &[Side]) -> Value {
        self.inputs.push(ValueInfo::new(name, DataType::Float, sides));
        Value(name.to_owned())
    }

    /// Declares an i64 input.
    pub(super) fn integer_input(&mut self, name: &str, sides: &[Side]) -> Value {
        self.inputs.push(ValueInfo::new(name, DataType::Int64, sides));
        Value(name.to_owned())
    }

    /// Declares `value` as the f32 output `name`.
    pub(super) fn output(&mut self, name: &str, value: &Value, sides: &[Side]) {
        self.push(Operator("", "Identity"), &[value], vec![], vec![name.to_owned()]);
        self.outputs.push(ValueInfo::new(name, DataType::Float, sides));
    }

    /// A standard operator with one result.
    pub(super) fn op(
        &mut self,
        kind: &str,
        inputs: &[&Value],
        attributes: Vec<Attribute>,
    ) -> Value {
        let name = self.fresh(kind);
        self.push(Operator("", kind), inputs, attributes, vec![name.clone()]);
        Value(name)
    }

    /// One of Microsoft's operators with one result.
    pub(super) fn microsoft(
        &mut self,
        kind: &str,
        inputs: &[&Value],
        attributes: Vec<Attribute>,
    ) -> Value {
        let name = self.fresh(kind);
        self.push(Operator("com.microsoft", kind), inputs, attributes, vec![name.clone()]);
        Value(name)
    }

    /// An input that is left out.
    pub(super) const fn absent() -> Value {
        Value(String::new())
    }

    /// Splits `value` along `axis` into `count` equal parts (the last may be smaller).
    pub(super) fn split(&mut self, value: &Value, axis: i64, count: usize) -> Vec<Value> {
        let stem = self.fresh("Split");
        let names: Vec<String> = (0..count).map(|part| format!("{stem}_{part}")).collect();
        let attributes = vec![onnx::int("axis", axis), onnx::int("num_outputs", count as i64)];
        self.push(Operator("", "Split"), &[value], attributes, names.clone());
        names.into_iter().map(Value).collect()
    }

    fn push(
        &mut self,
        operator: Operator<'_>,
        inputs: &[&Value],
        attribute: Vec<Attribute>,
        output: Vec<String>,
    ) {
        self.nodes.push(Node {
            input: inputs.iter().map(|value| value.0.clone()).collect(),
            name: format!("node_{}", output.first().map_or("", String::as_str)),
            output,
            op_type: operator.1.to_owned(),
            attribute,
            domain: operator.0.to_owned(),
        });
    }

    fn fresh(&self, kind: &str) -> String {
        format!("{kind}_{}", self.nodes.len())
    }

    /// A one-dimensional i64 constant.
    pub(super) fn integers(&mut self, values: &[i64]) -> Value {
        let name = format!("integers{values:?}");
        if let Some(value) = self.named.get(&name) {
            return value.clone();
        }
        self.initializers.push(onnx::Tensor::integers(name.clone(), values));
        self.remember(name.clone(), Value(name))
    }

    /// An f32 constant under a name of its own.
    pub(super) fn floats(&mut self, name: &str, dims: &[i64], values: &[f32]) -> Value {
        let name = format!("{name}{dims:?}");
        if let Some(value) = self.named.get(&name) {
            return value.clone();
        }
        self.initializers.push(onnx::Tensor::floats(name.clone(), dims.to_vec(), values));
        self.remember(name.clone(), Value(name))
    }

    /// A scalar f32 constant.
    pub(super) fn scalar(&mut self, value: f32) -> Value {
        self.floats(&format!("scalar {value}"), &[], &[value])
    }

    fn remember(&mut self, name: String, value: Value) -> Value {
        self.named.insert(name, value.clone());
        value
    }

    /// Whether the checkpoint has a tensor of that name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.component.tensors.contains_key(name)
    }

    /// The weight `name` as f32 in `shape`, which may group the stored numbers differently.
    pub(super) fn weight(&mut self, name: &str, shape: &[usize]) -> Result<Value, GraphError> {
        let rows = 0..shape.first().copied().unwrap_or(1);
        self.weight_rows(name, shape, rows)
    }

    /// Rows of the weight `name` (a range of its first side) as f32.
    pub(super) fn weight_rows(
        &mut self,
        name: &str,
        shape: &[usize],
        rows: Range<usize>,
    ) -> Result<Value, GraphError> {
        let tensor = self.tensor(name, shape)?;
        if tensor.dtype != TensorType::F32 && tensor.length <= INLINE_BYTES {
            return self.inline(tensor, name, shape, rows);
        }
        let (stored, kind) = self.stored(name, shape, rows)?;
        if kind == DataType::Float {
            return Ok(stored);
        }
        let cast = format!("{} as f32", stored.0);
        if let Some(value) = self.named.get(&cast) {
            return Ok(value.clone());
        }
        self.casts.push(Node {
            input: vec![stored.0],
            output: vec![cast.clone()],
            name: format!("node_{cast}"),
            op_type: "Cast".to_owned(),
            attribute: vec![onnx::int("to", DataType::Float as i64)],
            domain: String::new(),
        });
        Ok(self.remember(cast.clone(), Value(cast)))
    }

    /// A small weight as an f32 constant inside the model. Biases and norms are most of the
    /// tensors and almost none of the bytes; a cast node for each would cost more than it saves.
    fn inline(
        &mut self,
        tensor: &Tensor,
        name: &str,
        shape: &[usize],
        rows: Range<usize>,
    ) -> Result<Value, GraphError> {
        let Named { name, dims } = named(name, shape, &rows, &tensor.shape);
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
        let row: usize = shape.iter().skip(1).product();
        let values = &values[rows.start * row..rows.end * row];
        self.initializers.push(onnx::Tensor::floats(name.clone(), dims, values));
        Ok(self.remember(name.clone(), Value(name)))
    }

    /// The weight `name` in the number format of its file, for lookups that read few rows.
    pub(super) fn weight_as_stored(
        &mut self,
        name: &str,
        shape: &[usize],
    ) -> Result<Value, GraphError> {
        let rows = 0..shape.first().copied().unwrap_or(1);
        self.stored(name, shape, rows).map(|(value, _)| value)
    }

    /// The checkpoint's tensor `name`, which must have as many numbers as `shape`.
    fn tensor(&self, name: &str, shape: &[usize]) -> Result<&'w Tensor, GraphError> {
        let component = self.component;
        let tensor = component.tensors.get(name).ok_or_else(|| GraphError::MissingTensor {
            name: name.to_owned(),
            component: component.name,
            path: component.path.clone(),
        })?;
        let numbers: usize = shape.iter().product();
        if tensor.length != numbers as u64 * tensor.dtype.bytes() {
            return Err(GraphError::WrongShape {
                name: name.to_owned(),
                expected: shape.iter().map(|&side| side as i64).collect(),
                found: tensor.shape.clone(),
                path: tensor.file.clone(),
            });
        }
        Ok(tensor)
    }

    fn stored(
        &mut self,
        name: &str,
        shape: &[usize],
        rows: Range<usize>,
    ) -> Result<(Value, DataType), GraphError> {
        let tensor = self.tensor(name, shape)?;
        let kind = match tensor.dtype {
            TensorType::F32 => DataType::Float,
            TensorType::F16 => DataType::Float16,
            TensorType::Bf16 => DataType::Bfloat16,
        };
        let Named { name, dims } = named(name, shape, &rows, &tensor.shape);
        if let Some(value) = self.named.get(&name) {
            return Ok((value.clone(), kind));
        }
        if let (Some(folder), Some(file)) = (tensor.file.parent(), tensor.file.file_name()) {
            let row: usize = shape.iter().skip(1).product();
            let row_bytes = row as u64 * tensor.dtype.bytes();
            let span = Span {
                file: &file.to_string_lossy(),
                offset: tensor.offset + rows.start as u64 * row_bytes,
                length: rows.len() as u64 * row_bytes,
            };
            self.initializers.push(onnx::Tensor::external(name.clone(), kind, dims, &span));
            self.folders.insert(folder.to_owned());
        }
        Ok((self.remember(name.clone(), Value(name)), kind))
    }

    /// The finished model.
    pub(super) fn finish(self, name: &str) -> Result<Emitted, GraphError> {
        let component = self.component;
        let mut folders = self.folders.into_iter();
        let folder = folders.next().unwrap_or_default();
        if folders.next().is_some() {
            return Err(GraphError::SeveralFolders {
                component: component.name,
                path: component.path.clone(),
            });
        }
        let mut node = self.casts;
        node.extend(self.nodes);
        let graph = onnx::Graph {
            node,
            name: name.to_owned(),
            initializer: self.initializers,
            input: self.inputs,
            output: self.outputs,
        };
        let model = onnx::Model::new(graph, OPSET, self.dialect.microsoft()).encode_to_vec();
        Ok(Emitted { model, folder })
    }
}

/// A weight as the graph holds it.
struct Named {
    name: String,
    dims: Vec<i64>,
}

/// The weight's own name, told apart where the graph takes only some rows of it or groups its
/// numbers in another way than the file does.
fn named(name: &str, shape: &[usize], rows: &Range<usize>, stored: &[i64]) -> Named {
    let mut dims: Vec<i64> = shape.iter().map(|&side| side as i64).collect();
    let whole = shape.first().is_none_or(|&all| *rows == (0..all));
    if !whole && let Some(first) = dims.first_mut() {
        *first = rows.len() as i64;
        return Named { name: format!("{name}[{}..{}]", rows.start, rows.end), dims };
    }
    if dims == stored {
        return Named { name: name.to_owned(), dims };
    }
    Named { name: format!("{name} as {dims:?}"), dims }
}
