//! How many pictures of a job take their steps together, in one call of the UNet a step.

use super::device::DeviceKind;
use super::loaded::Loaded;
use super::mode::available_memory;
use crate::task::Request;

/// Latent cells in one call up to which the CPU gains. Two guided pictures of 192² are that many: from
/// one to two of them the demo model gains 9 %, from one to four of 128² 18 %, SD 1.5 7 %; beyond, the
/// gains end (ARCHITECTURE.md has the measurements).
const CPU_CELLS: usize = 2304;

/// Latent cells in one call up to which other devices are given more: four guided pictures of 512².
/// They have cores that one picture leaves idle; not measured, since this was written without one.
const DEVICE_CELLS: usize = 32_768;

/// Memory that the intermediate values of SD 1.5's UNet take, in bytes a latent cell: measured at 128,
/// 256 and 512 pixels a side with 1 to 8 latents in a call.
const BYTES_PER_CELL: u64 = 32 << 10;

/// How many pictures of `request` take their steps together.
pub(super) fn choose(request: &Request, loaded: &Loaded) -> u32 {
    let cell = loaded.checkpoint().vae_config.downscale().max(1);
    let cells = request.extent.area() / (cell * cell);
    let guided = request.cfg_scale > 1.0;
    let rows = cells * if guided { 2 } else { 1 };
    let fast = match loaded.device().kind {
        DeviceKind::Cpu => CPU_CELLS,
        _ => DEVICE_CELLS,
    };
    // A ControlNet computes about half as much as the UNet, and its residuals stay.
    let controls = request.controls.iter().filter(|control| control.weight != 0.0).count() as u64;
    let per_cell = BYTES_PER_CELL + BYTES_PER_CELL / 2 * controls;
    let room = available_memory().map_or(usize::MAX, |bytes| (bytes / 2 / per_cell) as usize);
    (fast.min(room) / rows.max(1)).clamp(1, request.number_results as usize) as u32
}
