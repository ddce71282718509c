//! The scale of each layer's change where the file says it: `alpha` beside the layer, or the
//! adapter's settings that diffusers writes into the metadata.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};

use safetensors::Dtype;
use serde_json::Value;

use crate::weights::Header;
use crate::weights::header::OtherTensor;

/// Key of the metadata under which diffusers keeps PEFT's settings, as JSON.
const ADAPTER: &str = "lora_adapter_metadata";

/// Numbers longer than this are no scalars.
const LONGEST: u64 = 8;

/// Reads the single number that `key` holds, of any number format; `None` if it is no single number
/// or not finite.
pub(super) fn scalar(header: &Header, key: &str, file: &mut File) -> io::Result<Option<f32>> {
    let number = if let Some(tensor) = header.tensors.get(key) {
        if tensor.length != tensor.dtype.bytes() {
            return Ok(None);
        }
        tensor.read_f32(file)?.first().copied()
    } else if let Some(other) = header.others.get(key) {
        foreign_scalar(other, file)?
    } else {
        None
    };
    Ok(number.filter(|number| number.is_finite()))
}

/// Trainers write alpha as whatever it was in Python, often an integer.
fn foreign_scalar(tensor: &OtherTensor, file: &mut File) -> io::Result<Option<f32>> {
    if tensor.length > LONGEST {
        return Ok(None);
    }
    let mut bytes = [0; LONGEST as usize];
    let bytes = &mut bytes[..tensor.length as usize];
    file.seek(SeekFrom::Start(tensor.offset))?;
    file.read_exact(bytes)?;
    let eight = || bytes.first_chunk().copied();
    let four = || bytes.first_chunk().copied();
    Ok(match (tensor.dtype, tensor.length) {
        (Dtype::F64, 8) => eight().map(|bytes| f64::from_le_bytes(bytes) as f32),
        (Dtype::I64, 8) => eight().map(|bytes| i64::from_le_bytes(bytes) as f32),
        (Dtype::I32, 4) => four().map(|bytes| i32::from_le_bytes(bytes) as f32),
        (Dtype::U8, 1) => bytes.first().map(|&byte| f32::from(byte)),
        _ => None,
    })
}

/// PEFT's settings of one network, where the file has them.
#[derive(Default)]
pub(super) struct Adapter {
    alpha: Option<f32>,
    by_layer: BTreeMap<String, f32>,
    /// Scale by `alpha / √rank` (rank-stabilised LoRA, Kalajdzievski 2023).
    pub(super) root: bool,
}

impl Adapter {
    /// The settings of the network that diffusers calls `network` (`unet`, `text_encoder`).
    pub(super) fn of(header: &Header, network: &str) -> Self {
        let settings: Option<Value> =
            (header.metadata.get(ADAPTER)).and_then(|text| serde_json::from_str(text).ok());
        let get = |name: &str| settings.as_ref()?.get(format!("{network}.{name}"));
        let number = |value: &Value| value.as_f64().map(|number| number as f32);
        let by_layer = (get("alpha_pattern").and_then(Value::as_object).into_iter().flatten())
            .filter_map(|(layer, alpha)| Some((layer.clone(), number(alpha)?)))
            .collect();
        Self {
            alpha: get("lora_alpha").and_then(number),
            by_layer,
            root: get("use_rslora").and_then(Value::as_bool).unwrap_or(false),
        }
    }

    /// Alpha of a layer, by its diffusers name. A pattern is the end of the name.
    pub(super) fn alpha(&self, layer: &str) -> Option<f32> {
        let fits = |pattern: &str| {
            layer.strip_suffix(pattern).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        let own = self.by_layer.iter().find(|(pattern, _)| fits(pattern));
        own.map(|(_, alpha)| *alpha).or(self.alpha)
    }
}
