//! How a session holds its weights.

use std::path::PathBuf;

use super::Forecast;
use super::loaded::{Loaded, Part};
use crate::task::Request;
use crate::weights::Checkpoint;

/// Two ways to hold a network's weights, measured in the benchmarks of this crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Everything ONNX Runtime can do ahead: weights as f32, packed for its kernels. Fastest
    /// steps; memory of twice an f16 file, and seconds to get ready.
    Fast,
    /// Weights stay in the file's pages and are cast where they are used: ready at once, memory
    /// of the activations.
    LowMemory,
}

impl Mode {
    /// `fast` or `low-memory`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::LowMemory => "low-memory",
        }
    }
}

/// Denoising steps from which packing the weights pays. Measured on SD 1.5 (f16) at 512 × 512 with
/// two threads, whole runs, fast against low memory: 1 step 39.4 s to 34.7 s, 4 steps 71.3 s to
/// 70.8 s, 20 steps 258 s to 299 s.
const PACKING_PAYS: u32 = 5;

/// The mode for `request` on what is `loaded`. A UNet that is packed already stays so; then only what
/// comes on top of it has to fit.
pub(super) fn choose_on(request: &Request, loaded: &Loaded, models: &[PathBuf]) -> Mode {
    if loaded.held(Part::Unet) != Some(Mode::Fast) {
        return choose(request, loaded.checkpoint(), models);
    }
    let further = Forecast::further(request, loaded, models);
    let fits = further == 0 || available_memory().is_none_or(|available| further < available);
    if fits { Mode::Fast } else { Mode::LowMemory }
}

/// The mode for `request` when nothing is loaded: packing pays for many steps, if memory suffices.
pub(super) fn choose(request: &Request, checkpoint: &Checkpoint, models: &[PathBuf]) -> Mode {
    let Forecast { peak, available, .. } =
        Forecast::in_mode(request, checkpoint, (Mode::Fast, models));
    let fits = available.is_none_or(|available| peak < available);
    // Not counting `number_results`: the modes round differently in the last bit, and picture k of
    // several must equal a single run at its seed.
    let pays = request.steps >= PACKING_PAYS;
    if fits && pays { Mode::Fast } else { Mode::LowMemory }
}

/// Memory that programs can still get, in bytes; `None` where the system does not say.
pub(super) fn available_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}
