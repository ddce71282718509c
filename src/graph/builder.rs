//! Puts an ONNX graph together: values, nodes, constants and weights that stay in their file.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::path::PathBuf;

use prost::Message as _;

use super::onnx::{self, Attribute, DataType, Node, Side, ValueInfo};
use super::{Dialect, Replaceable, Style, WeightSlot};
use crate::weights::Component;

/// Opset of the standard operators; the OpenVINO provider takes no newer one.
const OPSET: i64 = 18;

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

    /// The weights that can be replaced.
    pub slots: Vec<WeightSlot>,

    /// The checkpoint's tensors that it is made of, by diffusers name.
    pub tensors: BTreeSet<String>,
}

impl Emitted {
    /// A model that some other program wrote; its weights, if they lie in files of their own, are in
    /// `folder`.
    #[must_use]
    pub const fn foreign(model: Vec<u8>, folder: PathBuf) -> Self {
        Self { model, folder, slots: Vec::new(), tensors: BTreeSet::new() }
    }
}

/// A tensor that a node makes or takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value(pub(super) String);

/// An operator's domain and name.
#[derive(Clone, Copy)]
struct Operator<'a>(&'a str, &'a str);

/// A graph in the making.
pub(super) struct Builder<'w> {
    pub(super) dialect: Dialect,
    pub(super) replaceable: Replaceable,
    pub(super) component: &'w Component,
    /// Casts of stored weights to f32. They stand first: ONNX Runtime then runs each right before
    /// its consumer, and only a few f32 copies are alive at once.
    pub(super) casts: Vec<Node>,
    nodes: Vec<Node>,
    pub(super) initializers: Vec<onnx::Tensor>,
    pub(super) named: BTreeMap<String, Value>,
    pub(super) inputs: Vec<ValueInfo>,
    outputs: Vec<ValueInfo>,
    pub(super) folders: BTreeSet<PathBuf>,
    pub(super) slots: Vec<WeightSlot>,
    pub(super) tensors: BTreeSet<String>,
    /// The file that small weights are read from.
    pub(super) open: Option<(PathBuf, File)>,
}

impl<'w> Builder<'w> {
    pub(super) fn new(component: &'w Component, style: impl Into<Style>) -> Self {
        let Style { dialect, replaceable } = style.into();
        Self {
            dialect,
            replaceable,
            component,
            casts: Vec::new(),
            nodes: Vec::new(),
            initializers: Vec::new(),
            named: BTreeMap::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            folders: BTreeSet::new(),
            slots: Vec::new(),
            tensors: BTreeSet::new(),
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

    pub(super) fn remember(&mut self, name: String, value: Value) -> Value {
        self.named.insert(name, value.clone());
        value
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
        Ok(Emitted { model, folder, slots: self.slots, tensors: self.tensors })
    }
}
