//! Dresses a loaded network in the LoRAs of the stack.
//!
//! On the CPU a changed weight is fed at each run, so that a session outlives every change of the
//! stack. Other devices take weights as constants: there a change makes the session anew.

use std::collections::BTreeSet;

use super::{Loaded, Part};
use crate::engine::device::DeviceKind;
use crate::engine::lora::{Outfit, Tailor};
use crate::engine::replacements::{Replacement, Replacements};
use crate::engine::session::{Interrupt, Network};
use crate::engine::{EngineError, Mode};
use crate::graph::{Emitted, Replaceable, Way, WeightSlot};
use crate::task::Weighted;
use crate::weights::{Component, TargetPart};

/// A network in memory.
pub(super) struct Held {
    pub(super) mode: Mode,
    pub(super) network: Network,
    wardrobe: Wardrobe,
}

/// What of a network's weights can change, and what has.
struct Wardrobe {
    way: Way,
    slots: Vec<WeightSlot>,
    /// The tensors that it is made of.
    tensors: BTreeSet<String>,
    /// The tensors that the stack changed when the network was loaded.
    asked: BTreeSet<String>,
    /// `None` before anything was fed.
    worn: Option<Outfit>,
}

impl Held {
    /// What it is fed in the place of `slot`, if anything.
    fn weight(&self, slot: &WeightSlot) -> Option<Replacement> {
        let same = |own: &&WeightSlot| own.name == slot.name && own.dtype == slot.dtype;
        let own = self.wardrobe.slots.iter().find(same).filter(|own| own.dims == slot.dims)?;
        self.network.replaced.get(own)
    }
}

impl Part {
    /// The network as LoRAs call it.
    const fn target(self) -> Option<TargetPart> {
        match self {
            Self::Unet | Self::OuterUnet => Some(TargetPart::Unet),
            Self::TextEncoder => Some(TargetPart::TextEncoder),
            Self::VaeDecoder | Self::VaeEncoder => None,
        }
    }
}

impl Loaded {
    /// Sets the LoRAs that the next runs are made with. Reads files; changes no weight yet.
    ///
    /// # Errors
    /// When a LoRA cannot be read, was made for another model, or `interrupt` was used.
    pub(in crate::engine) fn wear(
        &mut self,
        loras: &[Weighted],
        interrupt: &Interrupt,
    ) -> Result<(), EngineError> {
        let before = self.stack.outfit().clone();
        self.stack.set(loras, &self.checkpoint, interrupt)?;
        if !self.stack.outfit().is_same(&before, TargetPart::TextEncoder) {
            self.encodings.forget();
        }
        Ok(())
    }

    /// Which weights of `part` can be replaced when it is loaded in `mode`.
    ///
    /// Low-memory mode packs nothing, so that every layer can be open. Fast mode packs the kernels of
    /// convolutions, which gains a fifth of their time; the matrices of linear layers gain nothing that
    /// could be measured. What the stack changes is open in any case.
    pub(super) fn replaceable(&self, part: Part, device: DeviceKind, mode: Mode) -> Replaceable {
        let Some(target) = part.target() else { return Replaceable::default() };
        let also = self.stack.outfit().tensors(target).into_iter().map(ToOwned::to_owned).collect();
        match (device, mode) {
            (DeviceKind::Cpu, Mode::Fast) => {
                Replaceable { way: Way::InputAsF32, linear: true, kernels: false, also }
            }
            (DeviceKind::Cpu, Mode::LowMemory) => {
                Replaceable { way: Way::Input, linear: true, kernels: true, also }
            }
            _ => Replaceable { way: Way::Constant, linear: false, kernels: false, also },
        }
    }

    /// Whether the stack can be worn by what is `held` of `part`.
    pub(super) fn can_wear(&self, part: Part, held: &Held) -> bool {
        let Some(target) = part.target() else { return true };
        let Wardrobe { way, slots, tensors, asked, worn } = &held.wardrobe;
        let outfit = self.stack.outfit();
        match way {
            Way::Constant => worn.as_ref().is_some_and(|worn| worn.is_same(outfit, target)),
            Way::Input | Way::InputAsF32 => {
                // Neither more nor less than it needs: what is open is computed by other kernels,
                // and the same task must give the same picture whatever was worn before.
                let special = |tensor: &str| {
                    let open = slots.iter().any(|slot| slot.tensor == tensor && !slot.by_name);
                    tensors.contains(tensor) && !open
                };
                let mut wanted = outfit.tensors(target);
                wanted.retain(|tensor| special(tensor));
                let asked = asked.iter().map(String::as_str).filter(|tensor| special(tensor));
                wanted.into_iter().eq(asked)
            }
        }
    }

    /// The weights that a session of `emitted` has to be made with.
    pub(super) fn constants(
        &self,
        part: Part,
        device: DeviceKind,
        emitted: &Emitted,
        interrupt: &Interrupt,
    ) -> Result<Replacements, EngineError> {
        let mut constants = Replacements::default();
        if device != DeviceKind::Cpu
            && let Some(tailor) = self.tailor(part)
        {
            let slots: Vec<&WeightSlot> = emitted.slots.iter().collect();
            tailor.each(&slots, interrupt, |weight| constants.put(weight))?;
        }
        Ok(constants)
    }

    /// Keeps a session that has just been made of `emitted`.
    pub(super) fn hold(&self, part: Part, source: (Mode, Network), emitted: Emitted) -> Held {
        let (mode, network) = source;
        let device = self.environment.device.kind;
        let asked = self.replaceable(part, device, mode).also;
        let constant = device != DeviceKind::Cpu;
        let (way, worn) = match mode {
            _ if constant => {
                let worn = part.target().map(|target| self.stack.outfit().only(target));
                (Way::Constant, Some(worn.unwrap_or_default()))
            }
            Mode::Fast => (Way::InputAsF32, None),
            Mode::LowMemory => (Way::Input, None),
        };
        let Emitted { slots, tensors, .. } = emitted;
        Held { mode, network, wardrobe: Wardrobe { way, slots, tensors, asked, worn } }
    }

    /// Computes the weights that the stack changes, unless `part` wears it already.
    pub(super) fn dress(&mut self, part: Part, interrupt: &Interrupt) -> Result<(), EngineError> {
        let Some(target) = part.target() else { return Ok(()) };
        let Some(mut held) = self.networks[part as usize].take() else { return Ok(()) };
        let dressed = self.change(part, target, &mut held, interrupt);
        if dressed.is_err() {
            // Half dressed is not dressed; the session itself has cost too much to be thrown away.
            held.network.replaced = Replacements::default();
            held.wardrobe.worn = None;
        }
        self.networks[part as usize] = Some(held);
        dressed
    }

    fn change(
        &self,
        part: Part,
        target: TargetPart,
        held: &mut Held,
        interrupt: &Interrupt,
    ) -> Result<(), EngineError> {
        let outfit = self.stack.outfit();
        let worn = held.wardrobe.worn.take();
        if worn.as_ref().is_some_and(|worn| worn.is_same(outfit, target)) {
            held.wardrobe.worn = worn;
            return Ok(());
        }
        let twin = self.twin(part, target);
        let started = std::time::Instant::now();
        let old = worn.as_ref().map(|worn| worn.tensors(target)).unwrap_or_default();
        let new = outfit.tensors(target);
        let mut slots = Vec::new();
        for slot in &held.wardrobe.slots {
            let changes = new.contains(slot.tensor.as_str());
            let leaves = old.contains(slot.tensor.as_str());
            if changes || (slot.required && (leaves || worn.is_none())) {
                match twin.and_then(|twin| twin.weight(slot)) {
                    Some(weight) => held.network.replaced.put(weight),
                    None => slots.push(slot),
                }
            } else if leaves {
                held.network.replaced.remove(slot);
            }
        }
        if let Some(tailor) = self.tailor(part) {
            let replaced = &mut held.network.replaced;
            tailor.each(&slots, interrupt, |weight| replaced.put(weight))?;
        }
        tracing::debug!(
            part = part.name(),
            weights = slots.len(),
            loras = new.len(),
            seconds = started.elapsed().as_secs_f64(),
            "dressed"
        );
        held.wardrobe.worn = Some(outfit.only(target));
        Ok(())
    }

    /// The whole UNet for its outer layers, where it wears the stack already: both take the same
    /// weights, which are then computed and held once.
    fn twin(&self, part: Part, target: TargetPart) -> Option<&Held> {
        let whole =
            self.networks[Part::Unet as usize].as_ref().filter(|_| part == Part::OuterUnet)?;
        let worn = whole.wardrobe.worn.as_ref()?;
        worn.is_same(self.stack.outfit(), target).then_some(whole)
    }

    fn tailor(&self, part: Part) -> Option<Tailor<'_>> {
        let target = part.target()?;
        let component: &Component = match target {
            TargetPart::Unet => &self.checkpoint.unet,
            TargetPart::TextEncoder => &self.checkpoint.text_encoder,
        };
        let threads = self.environment.threads;
        Some(Tailor { component, part: target, outfit: self.stack.outfit(), threads })
    }
}
