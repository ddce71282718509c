//! Who may import whom. The table is the architecture; this test keeps it true.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A room and the rooms it may name.
const ROOMS: &[(&str, &[&str])] = &[
    ("pixels", &[]),
    ("sampling", &[]),
    ("prompt", &[]),
    ("task", &["pixels", "sampling", "prompt"]),
    ("metadata", &["task", "pixels"]),
    ("protocol", &["task", "pixels"]),
    ("jobs", &["task", "pixels"]),
    ("weights", &["task"]),
    ("graph", &["weights"]),
    ("engine", &["graph", "weights", "sampling", "prompt", "task", "jobs", "pixels"]),
    ("library", &["protocol", "weights", "metadata", "jobs", "task", "prompt", "pixels"]),
    ("remote", &["protocol", "task", "jobs", "pixels"]),
    ("server", &["protocol", "library", "task", "jobs", "pixels"]),
    ("settings", &["library", "state", "task"]),
    ("state", &["library", "jobs", "task", "pixels", "prompt"]),
    ("ui", &["state", "library", "jobs", "task", "pixels", "prompt"]),
    (
        "app",
        &["ui", "state", "settings", "library", "metadata", "jobs", "task", "pixels", "prompt"],
    ),
    (
        "cli",
        &[
            "app", "engine", "graph", "weights", "library", "metadata", "protocol", "remote",
            "server", "jobs", "task", "pixels",
        ],
    ),
];

/// A dependency and the only rooms that may name it.
const CRATES: &[(&str, &[&str])] = &[
    ("eframe", &["ui", "app"]),
    ("egui", &["ui", "app"]),
    ("ort", &["engine"]),
    ("ndarray", &["engine", "weights", "sampling", "prompt", "cli"]),
    ("prost", &["graph"]),
    // In `sampling` and `prompt` only their goldens, which tests read.
    ("safetensors", &["weights", "sampling", "prompt"]),
    ("tokenizers", &["prompt"]),
    ("image", &["pixels"]),
    ("webp", &["pixels"]),
    ("exif", &["pixels"]),
    ("flate2", &["pixels"]),
    ("zip", &["weights"]),
    ("clap", &["cli"]),
    ("reqwest", &["library", "remote", "server"]),
    ("httpdate", &["remote"]),
    ("rustls", &["library", "remote", "server"]),
    ("tokio", &["library", "remote", "server", "cli"]),
    ("axum", &["server"]),
    ("hyper", &["server"]),
    ("hyper_util", &["server"]),
    // In `cli` only the load that a server is measured under.
    ("tokio_tungstenite", &["remote", "cli"]),
    ("keyring", &["library"]),
    ("zeroize", &["protocol", "library", "server"]),
    ("rusqlite", &["library"]),
];

#[test]
fn rooms_import_only_what_they_may() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut offences = Vec::new();
    for file in rust_files(&src) {
        let inside = file.strip_prefix(&src).unwrap();
        let room =
            inside.iter().next().unwrap().to_string_lossy().trim_end_matches(".rs").to_owned();
        let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| *name == room) else {
            assert!(["lib", "main"].contains(&room.as_str()), "{room} is not in the table");
            continue;
        };
        let text = fs::read_to_string(&file).unwrap();
        // What only tests read may use what only tests need.
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        for named in words_after(text, "crate::") {
            if named != room && !allowed.contains(&named.as_str()) {
                offences.push(format!("{} names crate::{named}", inside.display()));
            }
        }
        for (dependency, homes) in CRATES {
            if names(text, dependency) && !homes.contains(&room.as_str()) {
                offences.push(format!("{} names {dependency}", inside.display()));
            }
        }
    }
    assert!(offences.is_empty(), "{offences:#?}");
}

/// Whether `text` names the crate: as the start of a path, or imported whole.
fn names(text: &str, dependency: &str) -> bool {
    let starts_word =
        |at: usize| !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
    let path = format!("{dependency}::");
    text.match_indices(&path).any(|(at, _)| starts_word(at))
        || [";", " as "].iter().any(|end| text.contains(&format!("use {dependency}{end}")))
}

fn words_after(text: &str, prefix: &str) -> BTreeSet<String> {
    text.match_indices(prefix)
        .map(|(at, _)| {
            text[at + prefix.len()..]
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect()
        })
        .collect()
}

fn rust_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}
