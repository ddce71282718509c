//! Which device does the work: offered ones are tried on a small network and held against the CPU.

use std::fmt;

use ndarray::{Array4, ArrayD};

use super::session::{Input, Interrupt, Network, Placement, SessionError};
use super::{Mode, Runtime};
use crate::graph::{Dialect, probe};

/// An execution provider that this engine knows how to drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum DeviceKind {
    Cuda,
    DirectMl,
    CoreMl,
    WebGpu,
    OpenVino,
    Cpu,
}

/// Largest difference from the CPU's answer that a device may show on the probe, whose outputs
/// are softmax weights below 1. Leaves room for bf16 and f16 arithmetic.
const TOLERANCE: f32 = 1e-3;

impl DeviceKind {
    /// In order of preference; the CPU is always there.
    const ALL: [Self; 6] =
        [Self::Cuda, Self::DirectMl, Self::CoreMl, Self::WebGpu, Self::OpenVino, Self::Cpu];

    /// ONNX Runtime's name.
    const fn provider(self) -> &'static str {
        match self {
            Self::Cuda => "CUDAExecutionProvider",
            Self::DirectMl => "DmlExecutionProvider",
            Self::CoreMl => "CoreMLExecutionProvider",
            Self::WebGpu => "WebGpuExecutionProvider",
            Self::OpenVino => "OpenVINOExecutionProvider",
            Self::Cpu => "CPUExecutionProvider",
        }
    }

    /// The operators it is given.
    pub(super) const fn dialect(self) -> Dialect {
        match self {
            Self::Cpu => Dialect::Cpu,
            Self::OpenVino => Dialect::OpenVino,
            Self::Cuda | Self::DirectMl | Self::CoreMl | Self::WebGpu => Dialect::Portable,
        }
    }

    /// What `LATELIER_DEVICE` calls it.
    const fn key(self) -> &'static str {
        match self {
            Self::Cuda => "cuda",
            Self::DirectMl => "directml",
            Self::CoreMl => "coreml",
            Self::WebGpu => "webgpu",
            Self::OpenVino => "openvino",
            Self::Cpu => "cpu",
        }
    }
}

impl fmt::Display for DeviceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cuda => "CUDA",
            Self::DirectMl => "DirectML",
            Self::CoreMl => "Core ML",
            Self::WebGpu => "WebGPU",
            Self::OpenVino => "OpenVINO",
            Self::Cpu => "CPU",
        })
    }
}

/// Devices that `runtime` was built with and this engine can drive, by key and name, the best first.
/// None of them is tried.
#[must_use]
pub fn offered_devices(runtime: &Runtime) -> Vec<(&'static str, String)> {
    let offered = runtime.providers();
    let known = DeviceKind::ALL.iter();
    let known = known.filter(|kind| offered.iter().any(|name| name == kind.provider()));
    known.map(|kind| (kind.key(), kind.to_string())).collect()
}

/// The device that was chosen and what became of better ones.
#[derive(Clone, Debug)]
pub(super) struct Chosen {
    pub(super) kind: DeviceKind,
    /// Each device that was passed over, with the reason.
    pub(super) passed_over: Vec<String>,
}

impl Chosen {
    /// The device's name.
    pub(super) fn name(&self) -> String {
        self.kind.to_string()
    }
}

/// Tries the devices that `runtime` offers, best first. `wanted` (one of `cuda`, `directml`,
/// `coreml`, `webgpu`, `openvino`, `cpu`) restricts the choice to that one and the CPU.
pub(super) fn choose(runtime: &Runtime, wanted: Option<&str>) -> Chosen {
    let offered = runtime.providers();
    let mut passed_over = Vec::new();
    let mut reference = None;
    for kind in DeviceKind::ALL {
        let asked = wanted.is_none_or(|wanted| wanted.eq_ignore_ascii_case(kind.key()));
        if kind == DeviceKind::Cpu || !asked {
            continue;
        }
        if !offered.iter().any(|name| name == kind.provider()) {
            if wanted.is_some() {
                passed_over.push(format!("{kind}: this ONNX Runtime was built without it"));
            }
            continue;
        }
        let expected = reference.get_or_insert_with(|| run_probe(runtime, DeviceKind::Cpu));
        match (run_probe(runtime, kind), &*expected) {
            (Err(error), _) => passed_over.push(format!("{kind}: {error}")),
            (_, Err(error)) => {
                passed_over.push(format!("{kind}: the CPU cannot check it: {error}"));
            }
            (Ok(found), Ok(expected)) => match farthest(&found, expected) {
                far if far <= TOLERANCE => return Chosen { kind, passed_over },
                far => passed_over.push(format!("{kind}: computes wrongly (off by {far})")),
            },
        }
    }
    if let Some(wanted) = wanted
        && !DeviceKind::ALL.iter().any(|kind| wanted.eq_ignore_ascii_case(kind.key()))
    {
        passed_over.push(format!("LATELIER_DEVICE names no device: `{wanted}`"));
    }
    Chosen { kind: DeviceKind::Cpu, passed_over }
}

/// Runs the probe on `kind` alone, nothing left to the CPU.
pub(super) fn run_probe(runtime: &Runtime, kind: DeviceKind) -> Result<ArrayD<f32>, String> {
    let emitted = probe(kind.dialect()).map_err(|error| error.to_string())?;
    let text = |error: SessionError| error.to_string();
    let interrupt = Interrupt::new(runtime).map_err(text)?;
    let placement =
        Placement { device: kind, mode: Mode::Fast, threads: 1, strict: kind != DeviceKind::Cpu };
    let mut network =
        Network::open(runtime, "device probe", &emitted, placement, &interrupt).map_err(text)?;
    let x = Array4::from_shape_fn((1, 64, 16, 16), |(_, c, y, x)| {
        ((c * 31 + y * 17 + x * 7) % 23) as f32 / 23.0 - 0.5
    });
    network.run(vec![("x", Input::Floats(x.view().into_dyn()))], &interrupt).map_err(text)
}

fn farthest(found: &ArrayD<f32>, expected: &ArrayD<f32>) -> f32 {
    if found.shape() != expected.shape() {
        return f32::INFINITY;
    }
    // A NaN must not pass: `max` would drop it.
    (found.iter().zip(expected))
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, |far, next| if next.is_nan() { f32::INFINITY } else { far.max(next) })
}
