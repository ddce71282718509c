//! Looks for numbers that are none in a network's tensors.
//!
//! Reads every byte of the file once; does not know what the network is for.

use std::fs::File;
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom};

use super::{Component, Tensor, TensorType};

/// Bytes looked at in one go.
const CHUNK: usize = 1 << 20;

impl Component {
    /// The first tensor that holds an infinity or no number, by diffusers name, unless `stop` says
    /// that nobody wants to know any more.
    ///
    /// # Errors
    /// When a file has become shorter or cannot be read, or `stop` was heard.
    pub fn first_not_finite(&self, stop: &dyn Fn() -> bool) -> io::Result<Option<&str>> {
        for (name, tensor) in &self.tensors {
            if !is_finite(tensor, stop)? {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }
}

fn is_finite(tensor: &Tensor, stop: &dyn Fn() -> bool) -> io::Result<bool> {
    let mut file = File::open(&tensor.file)?;
    file.seek(SeekFrom::Start(tensor.offset))?;
    let mut bytes = BufReader::new(file).take(tensor.length);
    let mut chunk = vec![0; CHUNK.min(tensor.length as usize)];
    let mut left = tensor.length as usize;
    while left > 0 {
        if stop() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let part = &mut chunk[..left.min(CHUNK)];
        bytes.read_exact(part)?;
        // All ones in the exponent, which the last two bytes of a number hold, are no finite number.
        let finite = match tensor.dtype {
            TensorType::F16 => part.chunks_exact(2).all(|half| half[1] & 0x7C != 0x7C),
            TensorType::Bf16 => part.chunks_exact(2).all(|half| !ones(half)),
            TensorType::F32 => part.chunks_exact(4).all(|whole| !ones(&whole[2..])),
        };
        if !finite {
            return Ok(false);
        }
        left -= part.len();
    }
    Ok(true)
}

/// Whether the eight bits of an f32's exponent are all ones, in its upper half.
fn ones(upper: &[u8]) -> bool {
    u16::from_le_bytes([upper[0], upper[1]]) & 0x7F80 == 0x7F80
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use half::{bf16, f16};

    use super::*;

    fn finite(dtype: TensorType, bytes: &[u8]) -> bool {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("numbers");
        std::fs::write(&file, [&[0xFF; 3], bytes].concat()).unwrap();
        let length = bytes.len() as u64;
        let tensor = Tensor { file, dtype, shape: vec![], offset: 3, length };
        let tensors = BTreeMap::from([("numbers".to_owned(), tensor)]);
        let component = Component { name: "unet", path: PathBuf::new(), tensors };
        component.first_not_finite(&|| false).unwrap().is_none()
    }

    #[test]
    fn infinities_and_none_numbers_are_found_in_every_format_also_behind_a_chunk() {
        let many = CHUNK + 2;
        let place = |count: usize, i: usize, bad: f32| if i + 1 == count { bad } else { -65504.0 };
        for (bad, good) in [(f32::NAN, false), (f32::NEG_INFINITY, false), (1.5, true)] {
            let all = |bytes: &dyn Fn(f32) -> Vec<u8>| -> Vec<u8> {
                (0..many).flat_map(|i| bytes(place(many, i, bad))).collect()
            };
            let half = all(&|value| f16::from_f32(value).to_le_bytes().to_vec());
            assert_eq!(finite(TensorType::F16, &half), good, "{bad}");
            let brain = all(&|value| bf16::from_f32(value).to_le_bytes().to_vec());
            assert_eq!(finite(TensorType::Bf16, &brain), good, "{bad}");
            let whole = all(&|value| value.to_le_bytes().to_vec());
            assert_eq!(finite(TensorType::F32, &whole), good, "{bad}");
        }
    }
}
