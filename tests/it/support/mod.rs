//! What several subjects share: a home folder, goldens, comparing, the program as a process.

mod window;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use latelier::engine::{Runtime, SearchPath};
use latelier::library::{Home, Library};
use latelier::pixels::{Extent, FileFormat, Picture, encode};
use ndarray::ArrayD;
use serde_json::Value;

pub(crate) use window::Window;

/// A file of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A golden made by the scripts in `tests/goldens`.
pub(crate) fn golden(path: &str) -> PathBuf {
    repository("tests/goldens").join(path)
}

/// A home folder for this test binary, with the demo model unpacked.
pub(crate) fn home() -> &'static Home {
    static HOME: OnceLock<Home> = OnceLock::new();
    HOME.get_or_init(|| {
        let home = Home::at(Path::new(env!("CARGO_TARGET_TMPDIR")).join("home"));
        Library::open(&home, &[]).unwrap();
        home
    })
}

/// Names the folder for what a killed test leaves behind.
pub(crate) const SCRATCH: &str = "LATELIER_TEST_SCRATCH";

/// A fresh folder that goes away with the value.
pub(crate) fn scratch() -> tempfile::TempDir {
    let parent = std::env::var_os(SCRATCH).unwrap_or(env!("CARGO_TARGET_TMPDIR").into());
    tempfile::tempdir_in(parent).unwrap()
}

/// ONNX Runtime, found as the program finds it.
pub(crate) fn runtime() -> Runtime {
    Runtime::find(&SearchPath::usual(&home().runtime_dir())).unwrap()
}

/// Every tensor of a golden `.safetensors` file as f32.
pub(crate) fn tensors(path: &str) -> BTreeMap<String, ArrayD<f32>> {
    let bytes = fs::read(golden(path)).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let read = |view: &safetensors::tensor::TensorView<'_>| -> Vec<f32> {
        let data = view.data();
        match view.dtype() {
            safetensors::Dtype::F32 => {
                data.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
            }
            safetensors::Dtype::F16 => data
                .chunks_exact(2)
                .map(|b| half::f16::from_le_bytes(b.try_into().unwrap()).to_f32())
                .collect(),
            safetensors::Dtype::I32 => data
                .chunks_exact(4)
                .map(|b| i32::from_le_bytes(b.try_into().unwrap()) as f32)
                .collect(),
            safetensors::Dtype::U8 => data.iter().map(|&b| f32::from(b)).collect(),
            other => panic!("{other:?}"),
        }
    };
    (file.iter())
        .map(|(name, view)| {
            let array = ArrayD::from_shape_vec(view.shape().to_vec(), read(&view)).unwrap();
            (name.to_owned(), array)
        })
        .collect()
}

/// Largest absolute difference, in parts of the largest expected value.
pub(crate) fn relative_error(found: &ArrayD<f32>, expected: &ArrayD<f32>) -> f32 {
    assert_eq!(found.shape(), expected.shape());
    let largest = expected.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
    assert!(largest > 0.0, "a golden of zeros proves nothing");
    let far = (found.iter().zip(expected))
        .map(|(a, b)| if a.is_finite() { (a - b).abs() } else { f32::INFINITY })
        .fold(0.0, f32::max);
    far / largest
}

/// How far two pictures are apart: the largest and the mean difference of their channels.
pub(crate) fn difference(found: &Path, expected: &Path) -> (u8, f64) {
    let found = latelier::library::read_picture(found).unwrap();
    let expected = latelier::library::read_picture(expected).unwrap();
    assert_eq!(found.extent(), expected.extent());
    let pairs = || found.rgba().iter().zip(expected.rgba()).map(|(a, b)| a.abs_diff(*b));
    let colours = found.extent().area() * 3;
    (pairs().max().unwrap(), pairs().map(f64::from).sum::<f64>() / colours as f64)
}

/// A PNG file that says it has that size and holds no pixels.
pub(crate) fn png_of_size(width: u32, height: u32) -> Vec<u8> {
    let one = Picture::from_fn(Extent::new(1, 1), |_, _| [9, 9, 9, 255]);
    let mut bytes = encode(&one, FileFormat::Png, "{}").unwrap();
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let check = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&check.to_be_bytes());
    bytes
}

/// The checksum of PNG chunks (PNG specification, annex D), bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

/// Holds a picture against its golden: at most 2/255 anywhere, 0.25/255 in the mean.
#[track_caller]
pub(crate) fn assert_same_picture(name: &str, found: &Path, expected: &Path) {
    let (most, mean) = difference(found, expected);
    assert!(most <= 2 && mean <= 0.25, "{name}: {most}/255 at most, {mean:.4}/255 in the mean");
}

/// What the program answered.
pub(crate) struct Answered {
    pub(crate) code: i32,
    pub(crate) json: Value,
    pub(crate) stderr: String,
}

impl Answered {
    /// The codes of the answer's errors.
    pub(crate) fn error_codes(&self) -> Vec<&str> {
        let errors = self.json["errors"].as_array().map_or(&[][..], Vec::as_slice);
        errors.iter().map(|error| error["code"].as_str().unwrap()).collect()
    }

    /// The pictures it wrote, in order.
    pub(crate) fn pictures(&self) -> Vec<PathBuf> {
        let data = self.json["data"].as_array().unwrap();
        data.iter()
            .map(|image| {
                image["imageURL"].as_str().unwrap().strip_prefix("file://").unwrap().into()
            })
            .collect()
    }
}

/// The program, its files in the shared home.
pub(crate) fn latelier() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_latelier"));
    command.env("LATELIER_HOME", home().root()).env_remove("LATELIER_DEVICE");
    command
}

/// Runs `latelier run -` over `tasks` with further arguments.
pub(crate) fn run_tasks(tasks: &Value, arguments: &[&str]) -> Answered {
    run_text(&tasks.to_string(), latelier().args(["run", "-"]).args(arguments))
}

/// Runs `command`, which reads tasks from standard input, over `text`.
pub(crate) fn run_text(text: &str, command: &mut Command) -> Answered {
    use std::io::Write as _;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    answered(&child.wait_with_output().unwrap())
}

/// Reads the answer of a finished `latelier run`.
pub(crate) fn answered(output: &Output) -> Answered {
    let stdout = String::from_utf8(output.stdout.clone()).unwrap();
    let stderr = String::from_utf8(output.stderr.clone()).unwrap();
    let json = serde_json::from_str(&stdout)
        .unwrap_or_else(|error| panic!("{error}\nstdout: {stdout}\nstderr: {stderr}"));
    Answered { code: output.status.code().unwrap(), json, stderr }
}

/// A small task of the demo model, to be changed by the test.
pub(crate) fn demo_task() -> Value {
    serde_json::json!({
        "taskType": "imageInference",
        "taskUUID": uuid::Uuid::new_v4().to_string(),
        "positivePrompt": "a red apple",
        "model": "local:demo@1",
        "width": 128,
        "height": 128,
        "steps": 2,
        "seed": 7,
        "outputFormat": "PNG"
    })
}

/// Copies the demo model without its record, so that it is called after its folder.
pub(crate) fn copy_demo_model(to: &Path) {
    copy_folder(&repository("assets/models/demo"), to);
    fs::remove_file(to.join("latelier.json")).unwrap();
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}
