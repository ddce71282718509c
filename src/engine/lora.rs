//! LoRAs at work: which weights a stack changes, computed once for each change of the stack.
//!
//! The changed weights are the checkpoint's plus every LoRA's product, always summed from the
//! checkpoint's own: they depend on the stack and not on what it was before. ARCHITECTURE.md has
//! the measurements against low-rank branches in the graph.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::SystemTime;

use super::EngineError;
use super::replacements::Replacement;
use super::session::{Interrupt, SessionError, release_freed_memory};
use crate::graph::{GraphError, WeightSlot};
use crate::task::Weighted;
use crate::weights::{
    Checkpoint, Component, LoadedLora, LoraFile, Target, TargetPart, WeightsError, add_deltas,
};

/// A LoRA in memory and the file it was read from.
struct Known {
    path: PathBuf,
    stamp: Stamp,
    lora: Arc<LoadedLora>,
}

impl Known {
    /// Whether both are the same LoRA in memory.
    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.lora, &other.lora)
    }
}

/// What tells that a file has not changed: when it was written, and its length.
pub(super) type Stamp = (Option<SystemTime>, u64);

/// The LoRAs that a model is to wear; those it wears are kept in memory.
#[derive(Default)]
pub(super) struct Stack {
    known: Vec<Known>,
    outfit: Outfit,
}

/// LoRAs and their weights, in the task's order, without those of weight 0.
#[derive(Clone, Default)]
pub(super) struct Outfit {
    loras: Vec<(Arc<LoadedLora>, f32)>,
}

impl Stack {
    /// Reads what of `loras` is not in memory yet and lets the rest go.
    ///
    /// # Errors
    /// When a file cannot be read, is damaged, was made for another model, or `interrupt` was used.
    pub(super) fn set(
        &mut self,
        loras: &[Weighted],
        checkpoint: &Checkpoint,
        interrupt: &Interrupt,
    ) -> Result<(), EngineError> {
        let mut kept = Vec::new();
        let mut outfit = Outfit::default();
        for (index, Weighted { model, weight }) in loras.iter().enumerate() {
            let fail = |why: String| EngineError::input(format!("lora[{index}].model"), why);
            let stamp = stamp(&model.path).map_err(|error| fail(error.to_string()))?;
            let same = |known: &Known| known.path == model.path && known.stamp == stamp;
            let held = kept.iter().chain(&self.known).find(|known| same(known));
            let lora = if let Some(known) = held {
                Arc::clone(&known.lora)
            } else {
                let file = LoraFile::open(&model.path, checkpoint);
                let file = file.map_err(|error| fail(error.to_string()))?;
                tell_of_unmatched(&file);
                let stop = || interrupt.is_interrupted();
                Arc::new(file.load(&stop).map_err(|error| fail(error.to_string()))?)
            };
            kept.push(Known { path: model.path.clone(), stamp, lora: Arc::clone(&lora) });
            if *weight != 0.0 {
                outfit.loras.push((lora, *weight));
            }
        }
        let lets_go = self.known.iter().any(|old| !kept.iter().any(|new| new.is(old)));
        (self.known, self.outfit) = (kept, outfit);
        if lets_go {
            release_freed_memory();
        }
        Ok(())
    }

    /// What the model is to wear.
    pub(super) const fn outfit(&self) -> &Outfit {
        &self.outfit
    }
}

pub(super) fn stamp(path: &Path) -> Result<Stamp, WeightsError> {
    let read = |source| WeightsError::Read { path: path.to_owned(), source };
    let metadata = std::fs::metadata(path).map_err(read)?;
    Ok((metadata.modified().ok(), metadata.len()))
}

fn tell_of_unmatched(file: &LoraFile) {
    if let Some(first) = file.unmatched.first() {
        tracing::warn!(
            "{} tensors of {} fit nothing in this model and are left out, `latelier models info` lists \
             them; the first is {}",
            file.unmatched.len(),
            file.path.display(),
            first
        );
    }
}

impl Outfit {
    /// Whether both change `part` in the same way.
    pub(super) fn is_same(&self, other: &Self, part: TargetPart) -> bool {
        let (ours, theirs) = (self.of(part), other.of(part));
        ours.len() == theirs.len()
            && ours.iter().zip(&theirs).all(|((ours, weight), (theirs, other))| {
                Arc::ptr_eq(ours, theirs) && weight.to_bits() == other.to_bits()
            })
    }

    /// What of it changes `part`.
    pub(super) fn only(&self, part: TargetPart) -> Self {
        let loras = self.of(part).into_iter().map(|(lora, weight)| (Arc::clone(lora), weight));
        Self { loras: loras.collect() }
    }

    /// The LoRAs that change `part`.
    fn of(&self, part: TargetPart) -> Vec<(&Arc<LoadedLora>, f32)> {
        let touches = |lora: &LoadedLora| lora.deltas.keys().any(|target| target.part == part);
        let loras = self.loras.iter().filter(|(lora, _)| touches(lora));
        loras.map(|(lora, weight)| (lora, *weight)).collect()
    }

    /// The tensors of `part` that change.
    pub(super) fn tensors(&self, part: TargetPart) -> BTreeSet<&str> {
        let targets = self.loras.iter().flat_map(|(lora, _)| lora.deltas.keys());
        targets.filter(|target| target.part == part).map(|target| target.tensor.as_str()).collect()
    }
}

/// Weights of one network to compute.
pub(super) struct Tailor<'a> {
    pub(super) component: &'a Component,
    pub(super) part: TargetPart,
    pub(super) outfit: &'a Outfit,
    pub(super) threads: usize,
}

impl Tailor<'_> {
    /// Computes the weight of every slot of `slots` and gives it to `done`, on several threads and in no order.
    ///
    /// # Errors
    /// When the checkpoint cannot be read any more, memory does not suffice, or `interrupt` was used.
    pub(super) fn each(
        &self,
        slots: &[&WeightSlot],
        interrupt: &Interrupt,
        mut done: impl FnMut(Replacement),
    ) -> Result<(), EngineError> {
        let next = AtomicUsize::new(0);
        let (sender, receiver) = sync_channel(self.threads);
        std::thread::scope(|scope| {
            for number in 0..self.threads.clamp(1, slots.len().max(1)) {
                let (next, sender) = (&next, sender.clone());
                let work = move || self.work(slots, next, interrupt, &sender);
                let name = format!("weights-{number}");
                let started = std::thread::Builder::new().name(name).spawn_scoped(scope, work);
                started.map_err(|error| SessionError::Runtime {
                    doing: "changing weights".to_owned(),
                    message: error.to_string(),
                })?;
            }
            drop(sender);
            // The first error ends the loop; the threads end because nobody hears them.
            receiver.into_iter().try_for_each(|made| made.map(&mut done))
        })
    }

    /// Takes one slot after the other until none is left.
    fn work(
        &self,
        slots: &[&WeightSlot],
        next: &AtomicUsize,
        interrupt: &Interrupt,
        sender: &SyncSender<Result<Replacement, EngineError>>,
    ) {
        let mut file = None;
        while let Some(slot) = slots.get(next.fetch_add(1, Ordering::Relaxed)) {
            let made = if interrupt.is_interrupted() {
                Err(SessionError::Interrupted.into())
            } else {
                self.weight(slot, &mut file)
            };
            if sender.send(made).is_err() {
                break;
            }
        }
    }

    /// The weight of `slot`: the checkpoint's, changed.
    fn weight(
        &self,
        slot: &WeightSlot,
        open: &mut Option<(PathBuf, File)>,
    ) -> Result<Replacement, EngineError> {
        let missing = || GraphError::MissingTensor {
            name: slot.tensor.clone(),
            component: self.component.name,
            path: self.component.path.clone(),
        };
        let tensor = self.component.tensors.get(&slot.tensor).ok_or_else(missing)?;
        let read = |source| GraphError::Read { path: tensor.file.clone(), source };
        let file = match open {
            Some((path, file)) if *path == tensor.file => file,
            other => {
                let file = File::open(&tensor.file).map_err(read)?;
                &mut other.insert((tensor.file.clone(), file)).1
            }
        };
        let mut numbers = tensor.rows(&slot.rows, slot.row).read_f32(file).map_err(read)?;
        let target = Target { part: self.part, tensor: slot.tensor.clone() };
        let deltas: Vec<_> = (self.outfit.loras.iter())
            .filter_map(|(lora, weight)| Some((*weight, lora.deltas.get(&target)?)))
            .collect();
        if !deltas.is_empty() {
            let shape: Vec<usize> = tensor.shape.iter().map(|&side| side as usize).collect();
            add_deltas(&mut numbers, &shape, &deltas, slot.rows.clone());
        }
        Ok(Replacement::new(slot, numbers)?)
    }
}
