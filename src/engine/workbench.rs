//! Single networks of a model, held as the engine holds them, under a stopwatch.

use super::device::{Chosen, DeviceKind};
use super::loaded::{Environment, Loaded, Part};
use super::session::{Interrupt, Network};
use super::{EngineError, Mode, Runtime};
use crate::task::{ModelCard, Weighted};
use crate::weights::Checkpoint;

/// A model on the CPU whose networks are run one by one.
pub struct Workbench {
    loaded: Loaded,
    interrupt: Interrupt,
}

impl Workbench {
    /// Opens the model of `card`; `threads` are those of the CPU kernels.
    ///
    /// # Errors
    /// When the model cannot be read.
    pub fn open(runtime: Runtime, card: &ModelCard, threads: usize) -> Result<Self, EngineError> {
        let interrupt = Interrupt::new(&runtime)?;
        let device = Chosen { kind: DeviceKind::Cpu, passed_over: Vec::new() };
        let loaded = Loaded::open(Environment { runtime, device, threads }, card)?;
        Ok(Self { loaded, interrupt })
    }

    /// The model.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        self.loaded.checkpoint()
    }

    /// Sets the LoRAs of the next runs; reads their files.
    ///
    /// # Errors
    /// When one cannot be read or was made for another model.
    pub fn wear(&mut self, loras: &[Weighted]) -> Result<(), EngineError> {
        self.loaded.wear(loras, &self.interrupt)
    }

    /// The network `part`, loaded in `mode` and wearing the LoRAs, and what interrupts it.
    ///
    /// # Errors
    /// When the model lacks a tensor or memory does not suffice.
    pub fn network(
        &mut self,
        part: Part,
        mode: Mode,
    ) -> Result<(&mut Network, &Interrupt), EngineError> {
        let network = self.loaded.network(part, mode, &self.interrupt)?;
        Ok((network, &self.interrupt))
    }
}
