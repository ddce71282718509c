//! What the engine finds on this machine, for `latelier doctor`.

use std::path::PathBuf;

use super::device::{choose, run_probe};
use super::runtime::{Runtime, RuntimeError, SearchPath};

/// Findings about the runtime and its devices.
#[derive(Clone, Debug)]
pub struct Report {
    /// The library that was loaded.
    pub library: PathBuf,
    /// Its version.
    pub version: String,
    /// Providers it was built with.
    pub providers: Vec<String>,
    /// The device that sessions run on.
    pub device: String,
    /// Devices that were passed over, with reasons.
    pub passed_over: Vec<String>,
    /// Whether a session really ran on the device.
    pub works: Result<(), String>,
}

/// Loads ONNX Runtime, picks the device and runs a small network on it.
///
/// # Errors
/// When ONNX Runtime is not there; the error names every place that was looked at.
pub fn diagnose(search: &SearchPath, device: Option<&str>) -> Result<Report, RuntimeError> {
    let runtime = Runtime::find(search)?;
    let chosen = choose(&runtime, device);
    Ok(Report {
        library: runtime.library().to_owned(),
        version: runtime.version(),
        providers: runtime.providers(),
        device: chosen.name(),
        works: run_probe(&runtime, chosen.kind).map(|_| ()),
        passed_over: chosen.passed_over,
    })
}
