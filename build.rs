//! Makes the pinned ONNX Runtime available, so that a first `cargo run` needs nothing by hand.
//!
//! The library comes through the ordinary Python package client (`pip download`), is checked
//! against its SHA-256 and kept in the user's cache folder, outside `target`. Nothing here fails
//! the build: without the library the program starts and says what to do.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

/// The version of the package and of the library.
const VERSION: &str = "1.31.1";

/// Longest wait for the package client.
const DEADLINE: Duration = Duration::from_mins(10);

/// One platform's package.
struct Package {
    /// `pip`'s platform tag.
    tag: &'static str,
    /// The library inside the package, below `onnxruntime/capi`.
    library: &'static str,
    /// SHA-256 of the package, which `pip` checks.
    wheel_sha256: &'static str,
    /// SHA-256 of the library where it is known; the package's covers it otherwise.
    library_sha256: Option<&'static str>,
}

fn package() -> Option<Package> {
    let os = std::env::var("CARGO_CFG_TARGET_OS").ok()?;
    let arch = std::env::var("CARGO_CFG_TARGET_ARCH").ok()?;
    let (tag, library, wheel_sha256, library_sha256) = match (os.as_str(), arch.as_str()) {
        ("linux", "x86_64") => (
            "manylinux_2_28_x86_64",
            "libonnxruntime.so.1.31.1",
            "74a6a52994616c4d18b33db1e13c226333a70a6ba07480a5cab9c2a50dff1430",
            Some("fc44112fbe06d7d689c57e11d3862031f64711007e4ee020f8eed5185fd2c1d3"),
        ),
        ("linux", "aarch64") => (
            "manylinux_2_28_aarch64",
            "libonnxruntime.so.1.31.1",
            "dcaedc50333876f3829ab966b242147f0e548229e29c36fe44622ecf748c25ee",
            None,
        ),
        ("windows", "x86_64") => (
            "win_amd64",
            "onnxruntime.dll",
            "0558f29d5f6ac09957390c9c5495931485ee8ae7f0ce781ccee86a0ae5c2348b",
            None,
        ),
        ("windows", "aarch64") => (
            "win_arm64",
            "onnxruntime.dll",
            "075147c2e2430b4b29c436bffa78537b902a6ed58ed66f99ae3c6795e2081cb5",
            None,
        ),
        ("macos", "aarch64") => (
            "macosx_14_0_arm64",
            "libonnxruntime.1.31.1.dylib",
            "e4ad067d36e2220218e085d7223283b2ee1bc73d887e811fd14d21cf901a11ee",
            None,
        ),
        _ => return None,
    };
    Some(Package { tag, library, wheel_sha256, library_sha256 })
}

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=ORT_DYLIB_PATH");
    let cached = package().and_then(|package| {
        let cached = cache_folder()?.join(format!("onnxruntime-{VERSION}")).join(package.library);
        Some((package, cached))
    });
    let Some((package, cached)) = cached else {
        return warn("no ONNX Runtime package is known for this platform; set ORT_DYLIB_PATH");
    };
    println!("cargo:rustc-env=LATELIER_BUILT_WITH_ORT={}", cached.display());
    // Looked at again while it is missing, so that a build without a network heals later.
    println!("cargo:rerun-if-changed={}", cached.display());
    if std::env::var_os("ORT_DYLIB_PATH").is_some() || is_right(&cached, &package) {
        return;
    }
    if let Err(why) = fetch(&package, &cached) {
        warn(&format!(
            "ONNX Runtime {VERSION} could not be fetched ({why}); Latelier will start and say \
             what to do"
        ));
    }
}

fn warn(message: &str) {
    println!("cargo:warning={message}");
}

/// The user's cache folder, by each system's custom.
fn cache_folder() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let folder = variable("XDG_CACHE_HOME")
        .or_else(|| variable("LOCALAPPDATA"))
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(variable("HOME")?).join(".cache")))?;
    Some(folder.join("latelier"))
}

fn is_right(library: &Path, package: &Package) -> bool {
    let Ok(bytes) = fs::read(library) else { return false };
    package.library_sha256.is_none_or(|expected| hex(&Sha256::digest(&bytes)) == expected)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        write!(text, "{byte:02x}").ok();
        text
    })
}

/// Downloads the package, takes the library out and puts it into the cache under its final name.
fn fetch(package: &Package, cached: &Path) -> Result<(), String> {
    let folder = cached.parent().ok_or("the cache has no folder")?;
    let work = folder.join(format!("fetching-{}", std::process::id()));
    let text = |error: io::Error| error.to_string();
    fs::create_dir_all(&work).map_err(text)?;
    let result = download(package, &work).and_then(|library| {
        if !is_right(&library, package) {
            return Err("its checksum is wrong".to_owned());
        }
        fs::rename(&library, cached).map_err(text)
    });
    // Best effort: what stays is a few files in a cache folder.
    fs::remove_dir_all(&work).ok();
    result
}

fn download(package: &Package, work: &Path) -> Result<PathBuf, String> {
    let wanted = work.join("wanted.txt");
    let line = format!("onnxruntime=={VERSION} --hash=sha256:{}\n", package.wheel_sha256);
    fs::write(&wanted, line).map_err(|error| error.to_string())?;
    let python = ["python3", "python", "py"]
        .into_iter()
        .find(|python| run(Command::new(python).args(["-m", "pip", "--version"])).is_ok())
        .ok_or("no Python with pip was found")?;
    run(Command::new(python)
        .args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check"])
        .args(["--require-hashes", "--no-deps", "--only-binary=:all:", "--python-version", "3.13"])
        .args(["--platform", package.tag, "--dest"])
        .arg(work)
        .arg("-r")
        .arg(&wanted))?;
    let wheel = fs::read_dir(work)
        .map_err(|error| error.to_string())?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .ok_or("the package client left no package")?;
    run(Command::new(python).args(["-m", "zipfile", "-e"]).arg(&wheel).arg(work))?;
    Ok(work.join("onnxruntime/capi").join(package.library))
}

/// Runs a command quietly and waits for it, but not for ever.
fn run(command: &mut Command) -> Result<(), String> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| error.to_string())?;
    let started = Instant::now();
    loop {
        match child.try_wait().map_err(|error| error.to_string())? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(format!("the package client ended with {status}")),
            None if started.elapsed() > DEADLINE => {
                // The process may have ended meanwhile; either way it is gone.
                child.kill().ok();
                child.wait().ok();
                return Err("the package client took too long".to_owned());
            }
            None => sleep(Duration::from_millis(50)),
        }
    }
}
