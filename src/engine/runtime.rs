//! Finds ONNX Runtime and loads it, once in a process.

use std::error::Error as _;
use std::ffi::CStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ort::environment::Environment;
use ort::ortsys;

/// The library's usual names, the plain one first.
const NAMES: &[&str] = if cfg!(windows) {
    &["onnxruntime.dll"]
} else if cfg!(target_os = "macos") {
    &["libonnxruntime.dylib", "libonnxruntime.1.dylib", "libonnxruntime.1.31.1.dylib"]
} else {
    &["libonnxruntime.so", "libonnxruntime.so.1", "libonnxruntime.so.1.31.1"]
};

/// ONNX Runtime allows one environment in a process, ever.
static ENVIRONMENT: OnceLock<Environment> = OnceLock::new();

/// A place where the library was looked for and why it was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// The file or folder.
    pub path: PathBuf,
    /// What was wrong.
    pub why: String,
}

/// ONNX Runtime cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "ONNX Runtime was not found. Set ORT_DYLIB_PATH to a libonnxruntime of version 1.24 or newer, \
     or put one into {}; `latelier doctor` shows where it was looked for", user_folder.display()
)]
pub struct RuntimeError {
    /// The folder that users are told of.
    pub user_folder: PathBuf,
    /// Every place, in order.
    pub tried: Vec<Tried>,
}

impl RuntimeError {
    /// One line a place, for the log and the doctor.
    #[must_use]
    pub fn details(&self) -> String {
        let lines: Vec<String> = self
            .tried
            .iter()
            .map(|tried| format!("{}: {}", tried.path.display(), tried.why))
            .collect();
        lines.join("\n")
    }
}

/// Where to look, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchPath {
    user_folder: PathBuf,
    files: Vec<PathBuf>,
}

impl SearchPath {
    /// `ORT_DYLIB_PATH`, beside the executable, `user_folder`, and the copy the build fetched.
    /// A path in `ORT_DYLIB_PATH` is a decision: nothing else is tried then.
    #[must_use]
    pub fn usual(user_folder: &Path) -> Self {
        if let Some(path) = std::env::var_os("ORT_DYLIB_PATH").filter(|path| !path.is_empty()) {
            return Self { user_folder: user_folder.to_owned(), files: vec![path.into()] };
        }
        let beside = std::env::current_exe().ok().and_then(|exe| Some(exe.parent()?.to_owned()));
        let mut files = Vec::new();
        for folder in beside.iter().map(PathBuf::as_path).chain([user_folder]) {
            files.extend(NAMES.iter().map(|name| folder.join(name)));
        }
        files.extend(option_env!("LATELIER_BUILT_WITH_ORT").map(PathBuf::from));
        Self { user_folder: user_folder.to_owned(), files }
    }
}

/// A loaded ONNX Runtime.
#[derive(Clone)]
pub struct Runtime {
    pub(super) environment: &'static Environment,
    library: PathBuf,
}

impl Runtime {
    /// Loads the first library of `search` that works.
    ///
    /// # Errors
    /// When none does; the error names each place and why.
    pub fn find(search: &SearchPath) -> Result<Self, RuntimeError> {
        static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
        if let (Some(environment), Some(library)) = (ENVIRONMENT.get(), LIBRARY.get()) {
            return Ok(Self { environment, library: library.clone() });
        }
        let mut tried = Vec::new();
        for path in &search.files {
            match load(path) {
                Ok(environment) => {
                    let environment = ENVIRONMENT.get_or_init(|| environment);
                    let library = LIBRARY.get_or_init(|| path.clone()).clone();
                    return Ok(Self { environment, library });
                }
                Err(why) => tried.push(Tried { path: path.clone(), why }),
            }
        }
        Err(RuntimeError { user_folder: search.user_folder.clone(), tried })
    }

    /// The file that was loaded.
    #[must_use]
    pub fn library(&self) -> &Path {
        &self.library
    }

    /// The library's version, `1.31.1`.
    #[must_use]
    pub fn version(&self) -> String {
        version(&self.library).unwrap_or_else(|| "of unknown version".to_owned())
    }

    /// The execution providers that the library was built with; having one does not mean that a
    /// device for it is there.
    #[must_use]
    pub fn providers(&self) -> Vec<String> {
        available_providers().unwrap_or_default()
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("library", &self.library).finish_non_exhaustive()
    }
}

fn load(path: &Path) -> Result<Environment, String> {
    if !path.is_file() {
        return Err("no such file".to_owned());
    }
    let builder = ort::init_from(path).map_err(|error| match &error {
        ort::LoadDynamicError::Dlopen { error, .. } => {
            error.source().map_or_else(|| error.to_string(), ToString::to_string)
        }
        other => other.to_string(),
    })?;
    builder.with_name("latelier").with_telemetry(false).build().map_err(|error| error.to_string())
}

/// Asks the library at `path`, which is loaded already, for its version; `ort` keeps it to itself.
#[expect(unsafe_code, reason = "the version is only in ONNX Runtime's C interface")]
fn version(path: &Path) -> Option<String> {
    type Base = unsafe extern "C" fn() -> *const ort::sys::OrtApiBase;
    // SAFETY: the library was loaded before by `ort`, so its initialisers have run.
    let library = unsafe { libloading::Library::new(path) }.ok()?;
    // SAFETY: every ONNX Runtime exports this function with this signature; `ort` called it, too.
    let base: libloading::Symbol<'_, Base> = unsafe { library.get(b"OrtGetApiBase") }.ok()?;
    // SAFETY: the base is a static of the library, and the version a C string inside it.
    let text = unsafe { CStr::from_ptr(((*base()).GetVersionString)()) };
    Some(text.to_string_lossy().into_owned())
}

/// `ort` has no safe call for the list.
#[expect(unsafe_code, reason = "the list is only in ONNX Runtime's C interface")]
fn available_providers() -> ort::Result<Vec<String>> {
    let mut list = std::ptr::null_mut();
    let mut length = 0;
    // SAFETY: both are out-parameters; on success `list` points at `length` C strings, which stay
    // until they are released below.
    ortsys![unsafe GetAvailableProviders(&raw mut list, &raw mut length)?];
    let names = (0..usize::try_from(length).unwrap_or(0))
        .map(|index| {
            // SAFETY: `index` is below `length`, and every entry is a C string.
            unsafe { CStr::from_ptr(*list.add(index)) }.to_string_lossy().into_owned()
        })
        .collect();
    // SAFETY: `list` came from the call above and is not used any more.
    ortsys![unsafe ReleaseAvailableProviders(list, length)?];
    Ok(names)
}
