//! Numbers made by the scripts in `tests/goldens/sampling` with torch and diffusers, read for the tests.

use std::collections::BTreeMap;
use std::path::PathBuf;

use safetensors::SafeTensors;

use super::{Sampler, SchedulerConfig, SigmaSpacing};

fn path(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/goldens/sampling").join(file)
}

/// One table of numbers: rows of equal length.
pub(super) struct Table {
    values: Vec<f32>,
    width: usize,
}

impl Table {
    pub(super) fn rows(&self) -> std::slice::ChunksExact<'_, f32> {
        self.values.chunks_exact(self.width)
    }
}

/// The tables of a golden file, by name.
pub(super) fn read(file: &str) -> BTreeMap<String, Table> {
    let bytes = std::fs::read(path(file)).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let table = |tensor: safetensors::tensor::TensorView<'_>| Table {
        values: tensor.data().as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
        width: *tensor.shape().last().unwrap(),
    };
    tensors.iter().map(|(name, tensor)| (name.to_owned(), table(tensor))).collect()
}

/// The configurations of `configs.json`, by name.
pub(super) fn configs() -> BTreeMap<String, SchedulerConfig> {
    let text = std::fs::read_to_string(path("configs.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Configuration, sampler and spacing that a table is named after.
pub(super) fn parse(name: &str) -> (&str, Sampler, SigmaSpacing) {
    let parts: Vec<&str> = name.split('/').collect();
    let sampler = Sampler::ALL.iter().find(|sampler| format!("{sampler:?}") == parts[1]);
    let spacing = SigmaSpacing::ALL.iter().find(|spacing| format!("{spacing:?}") == parts[2]);
    (parts[0], *sampler.unwrap(), *spacing.unwrap())
}
