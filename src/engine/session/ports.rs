//! What a network of somebody else takes and gives: the names and shapes that its file declares.

use std::fs;
use std::path::Path;

use ort::session::Session;
use ort::value::{Outlet, TensorElementType, ValueType};

use super::{Interrupt, Network, Placement, SessionError};
use crate::engine::Runtime;
use crate::graph::Emitted;

/// Largest ONNX file that is opened, in bytes: no protobuf can be larger.
const LARGEST: u64 = 2 << 30;

/// An input or output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::engine) struct Port {
    /// As the file names it.
    pub(in crate::engine) name: String,
    /// Its sides, −1 for one that is left open.
    pub(in crate::engine) shape: Vec<i64>,
    /// What it is made of when that is not 32-bit floats, such as `f16`.
    pub(in crate::engine) other_type: Option<String>,
}

impl Port {
    fn of(outlet: &Outlet) -> Self {
        let (shape, other_type) = match outlet.dtype() {
            ValueType::Tensor { ty: TensorElementType::Float32, shape, .. } => {
                (shape.to_vec(), None)
            }
            ValueType::Tensor { ty, shape, .. } => (shape.to_vec(), Some(ty.to_string())),
            other => (Vec::new(), Some(other.to_string())),
        };
        Self { name: outlet.name().to_owned(), shape, other_type }
    }
}

impl Network {
    /// Makes a session of the ONNX file at `path`; weights beside it are found there.
    ///
    /// # Errors
    /// When the file cannot be read, ONNX Runtime cannot use it, or memory does not suffice.
    pub(in crate::engine) fn open_file(
        runtime: &Runtime,
        name: &'static str,
        path: &Path,
        placement: Placement,
        interrupt: &Interrupt,
    ) -> Result<Self, SessionError> {
        let unread = |message: String| SessionError::Runtime {
            doing: format!("loading the {name}"),
            message,
        };
        let length = fs::metadata(path).map_err(|error| unread(error.to_string()))?.len();
        if length > LARGEST {
            return Err(unread(format!("the file has {} MiB; it may have 2048", length >> 20)));
        }
        let model = fs::read(path).map_err(|error| unread(error.to_string()))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        // A relative folder would be taken for one beside the program's own files.
        let folder = std::path::absolute(folder).unwrap_or_default();
        Self::open(runtime, name, &Emitted::foreign(model, folder), placement, interrupt)
    }

    /// What it takes, in order.
    pub(in crate::engine) fn inputs(&self) -> Vec<Port> {
        ports(&self.session, Session::inputs)
    }

    /// What it gives, in order.
    pub(in crate::engine) fn outputs(&self) -> Vec<Port> {
        ports(&self.session, Session::outputs)
    }
}

fn ports(session: &Session, side: impl Fn(&Session) -> &[Outlet]) -> Vec<Port> {
    side(session).iter().map(Port::of).collect()
}
