//! Weights that take the place of the checkpoint's own in a session.

use std::collections::BTreeMap;
use std::sync::Arc;

use half::slice::HalfFloatSliceExt as _;
use half::{bf16, f16};
use ort::value::{DynValue, Tensor};

use super::session::{SessionError, fault};
use crate::graph::WeightSlot;
use crate::weights::TensorType;

/// Values by the name of their slot.
#[derive(Default)]
pub(super) struct Replacements {
    values: BTreeMap<String, Arc<DynValue>>,
}

/// The numbers of one weight, in the format its session expects.
pub(super) struct Replacement {
    name: String,
    value: Arc<DynValue>,
}

impl Replacement {
    /// `numbers` for `slot`, rounded to its format.
    pub(super) fn new(slot: &WeightSlot, numbers: Vec<f32>) -> Result<Self, SessionError> {
        let dims = slot.dims.clone();
        let value = match slot.dtype {
            TensorType::F32 => Tensor::from_array((dims, numbers)).map(Tensor::into_dyn),
            TensorType::F16 => {
                let mut halves = vec![f16::ZERO; numbers.len()];
                halves.convert_from_f32_slice(&numbers);
                Tensor::from_array((dims, halves)).map(Tensor::into_dyn)
            }
            TensorType::Bf16 => {
                let mut halves = vec![bf16::ZERO; numbers.len()];
                halves.convert_from_f32_slice(&numbers);
                Tensor::from_array((dims, halves)).map(Tensor::into_dyn)
            }
        };
        let value = value.map_err(|error| fault("changing weights", &error))?;
        Ok(Self { name: slot.name.clone(), value: Arc::new(value) })
    }
}

impl Replacements {
    /// Puts one in, in place of an earlier one of the same slot.
    pub(super) fn put(&mut self, Replacement { name, value }: Replacement) {
        self.values.insert(name, value);
    }

    /// What was put in for `slot`, to be used by another session as well.
    pub(super) fn get(&self, slot: &WeightSlot) -> Option<Replacement> {
        let value = Arc::clone(self.values.get(&slot.name)?);
        Some(Replacement { name: slot.name.clone(), value })
    }

    /// Lets the checkpoint's own weight be used again.
    pub(super) fn remove(&mut self, slot: &WeightSlot) {
        self.values.remove(&slot.name);
    }

    /// Names and values.
    pub(super) fn values(&self) -> impl Iterator<Item = (&str, &DynValue)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value.as_ref()))
    }

    /// Names and values, given away.
    pub(super) fn into_values(self) -> impl Iterator<Item = (String, Arc<DynValue>)> {
        self.values.into_iter()
    }
}
