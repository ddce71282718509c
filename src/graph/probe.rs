//! A tiny network with every kind of operator that the real ones use, and constants for weights.
//!
//! The engine runs it on a device and on the CPU and trusts the device only where both agree.

use super::Dialect;
use super::attention::{Heads, Qkv};
use super::builder::{Builder, Emitted, GraphError};
use super::onnx::{Side, int, ints};
use crate::weights::Component;

/// Channels of the probe.
const CHANNELS: usize = 64;
/// Side of its picture.
const SIDE: usize = 16;

/// Writes the probe: `x` `[1, 64, 16, 16]` to `y` `[1, 256, 64]` through a convolution, a norm
/// over groups, SiLU, attention, GELU and softmax.
///
/// # Errors
/// Never in practice: the probe names no stored tensor.
pub fn probe(dialect: Dialect) -> Result<Emitted, GraphError> {
    let nothing = Component {
        name: "probe",
        path: std::path::PathBuf::new(),
        tensors: std::collections::BTreeMap::new(),
    };
    let mut g = Builder::new(&nothing, dialect);
    let sides = [Side::Fixed(1), Side::Fixed(CHANNELS), Side::Fixed(SIDE), Side::Fixed(SIDE)];
    let x = g.input("x", &sides);

    // Weights that differ from each other and average to about zero.
    let count = CHANNELS * CHANNELS * 9;
    let values: Vec<f32> =
        (0..count).map(|i| ((i * 7919 % 1009) as f32 / 1009.0 - 0.5) * 0.1).collect();
    let shape = [CHANNELS as i64, CHANNELS as i64, 3, 3];
    let kernel = g.floats("kernel", &shape, &values);
    let h = g.op(
        "Conv",
        &[&x, &kernel],
        vec![ints("kernel_shape", &[3, 3]), ints("pads", &[1, 1, 1, 1])],
    );
    let h = g.silu(&h);
    let flat = g.integers(&[0, CHANNELS as i64, -1]);
    let h = g.op("Reshape", &[&h, &flat], vec![]);
    let ones = g.floats("ones", &[CHANNELS as i64], &[1.0; CHANNELS]);
    let zeros = g.floats("zeros", &[CHANNELS as i64], &[0.0; CHANNELS]);
    let h = g.op("InstanceNormalization", &[&h, &ones, &zeros], vec![]);
    let tokens = g.op("Transpose", &[&h], vec![ints("perm", &[0, 2, 1])]);
    let qkv = Qkv { q: tokens.clone(), k: tokens.clone(), v: tokens };
    let h = g.attention(&qkv, Heads { count: 2, channels: CHANNELS }, None);
    let h = g.gelu(&h);
    let y = g.op("Softmax", &[&h], vec![int("axis", -1)]);
    g.output("y", &y, &[Side::Fixed(1), Side::Fixed(SIDE * SIDE), Side::Fixed(CHANNELS)]);
    g.finish("probe")
}
