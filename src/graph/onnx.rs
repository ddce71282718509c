//! The part of the ONNX file format that we write, as protobuf messages.
//!
//! Field numbers are those of `onnx.proto` (ONNX IR version 10).

use prost::Message;

/// Largest IR version the oldest supported runtime reads.
const IR_VERSION: i64 = 10;

/// `TensorProto.DataType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(super) enum DataType {
    Float = 1,
    Int64 = 7,
    Float16 = 10,
    Bfloat16 = 16,
}

/// `TensorProto.DataLocation.EXTERNAL`.
const EXTERNAL: i32 = 1;

#[derive(Clone, PartialEq, Message)]
pub(super) struct Model {
    #[prost(int64, tag = "1")]
    ir_version: i64,
    #[prost(string, tag = "2")]
    producer_name: String,
    #[prost(message, optional, tag = "7")]
    graph: Option<Graph>,
    #[prost(message, repeated, tag = "8")]
    opset_import: Vec<OperatorSet>,
}

impl Model {
    /// A model over the standard operators of `opset` and, if asked, Microsoft's.
    pub(super) fn new(graph: Graph, opset: i64, microsoft: bool) -> Self {
        let mut opset_import = vec![OperatorSet { domain: String::new(), version: opset }];
        if microsoft {
            opset_import.push(OperatorSet { domain: "com.microsoft".to_owned(), version: 1 });
        }
        Self {
            ir_version: IR_VERSION,
            producer_name: "latelier".to_owned(),
            graph: Some(graph),
            opset_import,
        }
    }
}

#[derive(Clone, PartialEq, Message)]
struct OperatorSet {
    #[prost(string, tag = "1")]
    domain: String,
    #[prost(int64, tag = "2")]
    version: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Graph {
    #[prost(message, repeated, tag = "1")]
    pub(super) node: Vec<Node>,
    #[prost(string, tag = "2")]
    pub(super) name: String,
    #[prost(message, repeated, tag = "5")]
    pub(super) initializer: Vec<Tensor>,
    #[prost(message, repeated, tag = "11")]
    pub(super) input: Vec<ValueInfo>,
    #[prost(message, repeated, tag = "12")]
    pub(super) output: Vec<ValueInfo>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Node {
    #[prost(string, repeated, tag = "1")]
    pub(super) input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub(super) output: Vec<String>,
    #[prost(string, tag = "3")]
    pub(super) name: String,
    #[prost(string, tag = "4")]
    pub(super) op_type: String,
    #[prost(message, repeated, tag = "5")]
    pub(super) attribute: Vec<Attribute>,
    #[prost(string, tag = "7")]
    pub(super) domain: String,
}

/// A named constant of a node. Build with [`int`], [`ints`], [`float`] or [`text`].
#[derive(Clone, PartialEq, Message)]
pub(super) struct Attribute {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(float, tag = "2")]
    f: f32,
    #[prost(int64, tag = "3")]
    i: i64,
    #[prost(bytes = "vec", tag = "4")]
    s: Vec<u8>,
    #[prost(int64, repeated, tag = "8")]
    ints: Vec<i64>,
    #[prost(int32, tag = "20")]
    kind: i32,
}

pub(super) fn float(name: &str, f: f32) -> Attribute {
    Attribute { name: name.to_owned(), f, kind: 1, ..Attribute::default() }
}

pub(super) fn int(name: &str, i: i64) -> Attribute {
    Attribute { name: name.to_owned(), i, kind: 2, ..Attribute::default() }
}

pub(super) fn text(name: &str, s: &str) -> Attribute {
    Attribute { name: name.to_owned(), s: s.as_bytes().to_vec(), kind: 3, ..Attribute::default() }
}

pub(super) fn ints(name: &str, ints: &[i64]) -> Attribute {
    Attribute { name: name.to_owned(), ints: ints.to_vec(), kind: 7, ..Attribute::default() }
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Tensor {
    #[prost(int64, repeated, tag = "1")]
    dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    data_type: i32,
    #[prost(string, tag = "8")]
    pub(super) name: String,
    #[prost(bytes = "vec", tag = "9")]
    raw_data: Vec<u8>,
    #[prost(message, repeated, tag = "13")]
    external_data: Vec<Entry>,
    #[prost(int32, tag = "14")]
    data_location: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Entry {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
}

/// Bytes of a file that stands beside the model.
pub(super) struct Span<'a> {
    pub(super) file: &'a str,
    pub(super) offset: u64,
    pub(super) length: u64,
}

impl Tensor {
    /// A tensor whose bytes stay in their file.
    pub(super) fn external(name: String, kind: DataType, dims: Vec<i64>, span: &Span<'_>) -> Self {
        let entry = |key: &str, value: String| Entry { key: key.to_owned(), value };
        Self {
            dims,
            data_type: kind as i32,
            name,
            raw_data: Vec::new(),
            external_data: vec![
                entry("location", span.file.to_owned()),
                entry("offset", span.offset.to_string()),
                entry("length", span.length.to_string()),
            ],
            data_location: EXTERNAL,
        }
    }

    pub(super) fn floats(name: String, dims: Vec<i64>, values: &[f32]) -> Self {
        let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self { dims, data_type: DataType::Float as i32, name, raw_data, ..Self::default() }
    }

    pub(super) fn integers(name: String, values: &[i64]) -> Self {
        let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let dims = vec![values.len() as i64];
        Self { dims, data_type: DataType::Int64 as i32, name, raw_data, ..Self::default() }
    }
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ValueInfo {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(message, optional, tag = "2")]
    kind: Option<Type>,
}

#[derive(Clone, PartialEq, Message)]
struct Type {
    #[prost(message, optional, tag = "1")]
    tensor: Option<TensorShape>,
}

#[derive(Clone, PartialEq, Message)]
struct TensorShape {
    #[prost(int32, tag = "1")]
    elem_type: i32,
    #[prost(message, optional, tag = "2")]
    shape: Option<Shape>,
}

#[derive(Clone, PartialEq, Message)]
struct Shape {
    #[prost(message, repeated, tag = "1")]
    dim: Vec<Dimension>,
}

#[derive(Clone, PartialEq, Message)]
struct Dimension {
    #[prost(oneof = "dimension::Value", tags = "1, 2")]
    value: Option<dimension::Value>,
}

mod dimension {
    #[derive(Clone, PartialEq, prost::Oneof)]
    pub(super) enum Value {
        #[prost(int64, tag = "1")]
        Fixed(i64),
        #[prost(string, tag = "2")]
        Named(String),
    }
}

/// One side of an input or output: known when the graph is written, or left open under a name.
#[derive(Clone, Copy, Debug)]
pub(super) enum Side {
    Fixed(usize),
    Open(&'static str),
    /// Known to nobody, and equal to no other.
    Any,
}

impl ValueInfo {
    pub(super) fn new(name: &str, kind: DataType, sides: &[Side]) -> Self {
        let dim = sides
            .iter()
            .map(|side| Dimension {
                value: match side {
                    Side::Fixed(size) => Some(dimension::Value::Fixed(*size as i64)),
                    Side::Open(name) => Some(dimension::Value::Named((*name).to_owned())),
                    Side::Any => None,
                },
            })
            .collect();
        let tensor = TensorShape { elem_type: kind as i32, shape: Some(Shape { dim }) };
        Self { name: name.to_owned(), kind: Some(Type { tensor: Some(tensor) }) }
    }
}
