//! The tensors of one network under their diffusers names.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use half::slice::{HalfBitsSliceExt as _, HalfFloatSliceExt as _};
use half::{bf16, f16};

use serde_json::Value;

use super::{Header, WeightsError};

/// Numbers that are read and converted together.
const READ_AT_ONCE: usize = 16_384;

/// Bytes of an f32.
const F32_BYTES: usize = size_of::<f32>();

/// Number format of a stored tensor. Others (integers, 8-bit floats) are not weights to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TensorType {
    /// 32-bit float.
    F32,
    /// IEEE half.
    F16,
    /// bfloat16.
    Bf16,
}

impl TensorType {
    pub(super) fn of(dtype: safetensors::Dtype) -> Option<Self> {
        match dtype {
            safetensors::Dtype::F32 => Some(Self::F32),
            safetensors::Dtype::F16 => Some(Self::F16),
            safetensors::Dtype::BF16 => Some(Self::Bf16),
            _ => None,
        }
    }

    /// Bytes a number takes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }
}

/// Where a tensor lies. Its bytes are little-endian and contiguous.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// The canonical path of the file.
    pub file: PathBuf,

    /// Number format.
    pub dtype: TensorType,

    /// Shape as stored.
    pub shape: Vec<i64>,

    /// First byte, from the beginning of the file.
    pub offset: u64,

    /// Bytes.
    pub length: u64,
}

impl Tensor {
    /// Reads the numbers as f32, from `file`, which must be this tensor's.
    ///
    /// # Errors
    /// When the file has become shorter or cannot be read.
    pub fn read_f32(&self, file: &mut File) -> io::Result<Vec<f32>> {
        file.seek(SeekFrom::Start(self.offset))?;
        let mut numbers = vec![0.0; (self.length / self.dtype.bytes()) as usize];
        let mut bytes = vec![0; READ_AT_ONCE * F32_BYTES];
        let mut bits = vec![0; READ_AT_ONCE];
        for part in numbers.chunks_mut(READ_AT_ONCE) {
            let bytes = &mut bytes[..part.len() * self.dtype.bytes() as usize];
            file.read_exact(bytes)?;
            if self.dtype == TensorType::F32 {
                for (number, four) in part.iter_mut().zip(bytes.as_chunks::<F32_BYTES>().0) {
                    *number = f32::from_le_bytes(*four);
                }
                continue;
            }
            let bits = &mut bits[..part.len()];
            for (bits, pair) in bits.iter_mut().zip(bytes.as_chunks::<2>().0) {
                *bits = u16::from_le_bytes(*pair);
            }
            // Whole slices at once: the processor converts eight halves in one instruction.
            match self.dtype {
                TensorType::Bf16 => bits.reinterpret_cast::<bf16>().convert_to_f32_slice(part),
                _ => bits.reinterpret_cast::<f16>().convert_to_f32_slice(part),
            }
        }
        Ok(numbers)
    }

    /// The part of this tensor that holds `rows` of its first side, each of `row` numbers.
    #[must_use]
    pub fn rows(&self, rows: &Range<usize>, row: usize) -> Self {
        let row_bytes = row as u64 * self.dtype.bytes();
        Self {
            offset: self.offset + rows.start as u64 * row_bytes,
            length: rows.len() as u64 * row_bytes,
            shape: vec![rows.len() as i64, row as i64],
            ..self.clone()
        }
    }
}

/// One network's tensors, all in files of one folder.
#[derive(Clone, Debug)]
pub struct Component {
    /// What messages call it: `text_encoder`, `unet`, `vae`, `ControlNet`.
    pub name: &'static str,

    /// The folder (or the single file) it comes from, for messages.
    pub path: PathBuf,

    /// Tensors by diffusers name.
    pub tensors: BTreeMap<String, Tensor>,
}

impl Component {
    /// Reads a component of a diffusers folder: `<name>/<stem>.safetensors`, in one file, in
    /// half precision (`.fp16`), or in shards listed by `.safetensors.index.json`.
    ///
    /// # Errors
    /// When no weights are there or a file is damaged.
    pub(super) fn from_folder(model: &Path, name: &'static str) -> Result<Self, WeightsError> {
        let stem = if name == "text_encoder" { "model" } else { "diffusion_pytorch_model" };
        Self::in_folder(model, &model.join(name), (name, stem))
    }

    /// Reads the network called `name` of the files `<stem>…` in `folder`, which belongs to `model`.
    ///
    /// # Errors
    /// When no weights are there or a file is damaged.
    pub(super) fn in_folder(
        model: &Path,
        folder: &Path,
        (name, stem): (&'static str, &str),
    ) -> Result<Self, WeightsError> {
        let mut tensors = BTreeMap::new();
        for file in weight_files(model, folder, stem)? {
            tensors.extend(Header::read(&file)?.tensors);
        }
        Ok(Self { name, path: folder.to_owned(), tensors })
    }

    /// The same component with every name passed through `rename`.
    #[must_use]
    pub(super) fn renamed(self, rename: impl Fn(&str) -> String) -> Self {
        let tensors =
            self.tensors.into_iter().map(|(name, tensor)| (rename(&name), tensor)).collect();
        Self { tensors, ..self }
    }

    /// Bytes of all tensors as stored.
    #[must_use]
    pub fn stored_bytes(&self) -> u64 {
        self.tensors.values().map(|tensor| tensor.length).sum()
    }

    /// Numbers in all tensors.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        self.tensors.values().map(|tensor| tensor.length / tensor.dtype.bytes()).sum()
    }
}

fn weight_files(model: &Path, folder: &Path, stem: &str) -> Result<Vec<PathBuf>, WeightsError> {
    for file in [format!("{stem}.safetensors"), format!("{stem}.fp16.safetensors")] {
        let path = folder.join(file);
        if path.is_file() {
            return Ok(vec![path]);
        }
    }
    let index = folder.join(format!("{stem}.safetensors.index.json"));
    let place = folder.strip_prefix(model).unwrap_or(folder);
    let text = std::fs::read_to_string(&index).map_err(|_ignored| WeightsError::NotDiffusers {
        path: model.to_owned(),
        missing: place.join(format!("{stem}.safetensors")).display().to_string(),
    })?;
    shards(&index, &text).map(|files| files.into_iter().map(|file| folder.join(file)).collect())
}

/// The files that a shard index names, each once.
fn shards(index: &Path, text: &str) -> Result<Vec<String>, WeightsError> {
    let broken = |why: String| WeightsError::Config { path: index.to_owned(), why };
    let json: Value = serde_json::from_str(text).map_err(|error| broken(error.to_string()))?;
    let map = json
        .get("weight_map")
        .and_then(Value::as_object)
        .ok_or_else(|| broken("`weight_map` is missing".to_owned()))?;
    let mut files: Vec<String> =
        map.values().filter_map(Value::as_str).map(ToOwned::to_owned).collect();
    files.sort_unstable();
    files.dedup();
    // An index may only name files beside itself.
    if let Some(file) = files.iter().find(|file| Path::new(file.as_str()).components().count() != 1)
    {
        return Err(broken(format!("shard `{file}` is not in the same folder")));
    }
    Ok(files)
}
