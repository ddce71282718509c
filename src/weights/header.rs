//! The header of a `.safetensors` file: names, types, shapes and places of its tensors.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use safetensors::Dtype;
use safetensors::tensor::Metadata;

use super::{Tensor, TensorType, WeightsError};

/// The length field in front of the JSON header, in bytes.
const LENGTH_FIELD: u64 = 8;

/// Longest JSON header that is read, as in the reference implementation.
const LONGEST_HEADER: u64 = 100_000_000;

/// What one `.safetensors` file holds.
#[derive(Clone, Debug)]
pub struct Header {
    /// The file with all symbolic links resolved; ONNX Runtime refuses links that leave a folder.
    pub path: PathBuf,

    /// Every tensor by its name in the file.
    pub tensors: BTreeMap<String, Tensor>,

    /// Tensors of number formats that are no weights to us (integers, 64-bit and 8-bit floats).
    pub(super) others: BTreeMap<String, OtherTensor>,

    /// Free text pairs that trainers leave (`ss_base_model_version` and the like).
    pub metadata: BTreeMap<String, String>,
}

/// A tensor whose numbers are of a format that [`Tensor`] does not read.
#[derive(Clone, Debug)]
pub(super) struct OtherTensor {
    /// Number format.
    pub(super) dtype: Dtype,
    /// First byte, from the beginning of the file.
    pub(super) offset: u64,
    /// Bytes.
    pub(super) length: u64,
}

impl Header {
    /// Reads the header of `path`; the tensors themselves are not touched.
    ///
    /// # Errors
    /// When the file cannot be read, is no safetensors file, or is shorter than its header says.
    pub fn read(path: &Path) -> Result<Self, WeightsError> {
        let read = |source| WeightsError::Read { path: path.to_owned(), source };
        let junk = |why: String| WeightsError::NotSafetensors { path: path.to_owned(), why };
        let real = path.canonicalize().map_err(read)?;
        let mut file = File::open(&real).map_err(read)?;
        let found = file.metadata().map_err(read)?.len();

        let mut length = [0; LENGTH_FIELD as usize];
        if found < LENGTH_FIELD {
            return Err(junk(format!("it has only {found} bytes")));
        }
        file.read_exact(&mut length).map_err(read)?;
        let length = u64::from_le_bytes(length);
        if length > LONGEST_HEADER {
            return Err(junk("its first bytes give no sensible header length".to_owned()));
        }
        let data_start = LENGTH_FIELD + length;
        if data_start > found {
            return Err(WeightsError::Truncated { path: real, needed: data_start, found });
        }
        let mut json = vec![0; length as usize];
        file.read_exact(&mut json).map_err(read)?;
        let header: Metadata =
            serde_json::from_slice(&json).map_err(|error| junk(error.to_string()))?;

        let (mut tensors, mut others) = (BTreeMap::new(), BTreeMap::new());
        let mut needed = data_start;
        // The map is unordered; the tree below puts the names in order.
        let entries: BTreeMap<_, _> = header.tensors().into_iter().collect();
        for (name, entry) in entries {
            let (start, end) = entry.data_offsets;
            needed = needed.max(data_start + end as u64);
            let (offset, length) = (data_start + start as u64, (end - start) as u64);
            if let Some(dtype) = TensorType::of(entry.dtype) {
                let shape = entry.shape.iter().map(|&side| side as i64).collect();
                tensors.insert(name, Tensor { file: real.clone(), dtype, shape, offset, length });
            } else {
                others.insert(name, OtherTensor { dtype: entry.dtype, offset, length });
            }
        }
        if needed > found {
            return Err(WeightsError::Truncated { path: real, needed, found });
        }
        let metadata = header.metadata().clone().unwrap_or_default().into_iter().collect();
        Ok(Self { path: real, tensors, others, metadata })
    }
}
