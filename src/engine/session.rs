//! One network in an ONNX Runtime session. The only file that runs ONNX Runtime.

mod ports;

use std::sync::{Arc, Mutex, PoisonError};

use ndarray::{ArrayD, ArrayViewD};
use ort::ep;
use ort::session::builder::{GraphOptimizationLevel, LoadCanceler, SessionBuilder};
use ort::session::{NoSelectedOutputs, RunOptions, Session, SessionInputValue};
use ort::value::{DynValue, Tensor};

use super::device::DeviceKind;
use super::replacements::Replacements;
use super::{Mode, Runtime};
use crate::graph::Emitted;

pub(super) use ports::Port;

/// A session could not be made or run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// Somebody asked to stop.
    #[error("stopped")]
    Interrupted,

    /// Not enough memory.
    #[error("out of memory while {doing}: {message}")]
    OutOfMemory {
        /// What was being done.
        doing: String,
        /// ONNX Runtime's words.
        message: String,
    },

    /// Anything else.
    #[error("ONNX Runtime failed while {doing}: {message}")]
    Runtime {
        /// What was being done.
        doing: String,
        /// ONNX Runtime's words.
        message: String,
    },
}

/// Ends loading and running of every session it is given to. Clones end the same.
#[derive(Clone)]
pub struct Interrupt {
    run: Arc<RunOptions<NoSelectedOutputs>>,
    load: Arc<Mutex<Load>>,
}

#[derive(Default)]
struct Load {
    ended: bool,
    canceler: Option<LoadCanceler>,
}

impl Interrupt {
    /// A fresh one, for one job; asks for the runtime because there is none without it.
    ///
    /// # Errors
    /// When ONNX Runtime is out of memory.
    pub fn new(_loaded: &Runtime) -> Result<Self, SessionError> {
        let run = RunOptions::new().map_err(|error| fault("starting", &error))?;
        Ok(Self { run: Arc::new(run), load: Arc::default() })
    }

    /// Ends what runs now, within one operator, and refuses everything after.
    pub fn interrupt(&self) {
        let mut load = self.load.lock().unwrap_or_else(PoisonError::into_inner);
        load.ended = true;
        // Neither call can do more than fail; the flag above ends the job in any case.
        if let Some(canceler) = &load.canceler {
            canceler.cancel().ok();
        }
        self.run.terminate().ok();
    }

    /// Whether somebody asked.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.load.lock().unwrap_or_else(PoisonError::into_inner).ended
    }
}

/// How to hold and run a network.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placement {
    pub(super) device: DeviceKind,
    pub(super) mode: Mode,
    /// Threads of the CPU kernels.
    pub(super) threads: usize,
    /// Refuse to leave anything to the CPU; to find out where a network really runs.
    pub(super) strict: bool,
}

/// One input of a network.
#[derive(Debug)]
pub enum Input<'a> {
    /// Numbers.
    Floats(ArrayViewD<'a, f32>),
    /// Token ids.
    Integers(ArrayViewD<'a, i64>),
}

/// A network that is ready to run.
pub struct Network {
    session: Session,
    name: &'static str,
    /// Weights that take the place of the checkpoint's own.
    pub(super) replaced: Replacements,
}

impl Network {
    /// Makes a session of `emitted` on the CPU: for benchmarks and for tests of single networks.
    ///
    /// # Errors
    /// When memory does not suffice or the weights' file has changed meanwhile.
    pub fn on_cpu(
        runtime: &Runtime,
        emitted: &Emitted,
        mode: Mode,
        threads: usize,
        interrupt: &Interrupt,
    ) -> Result<Self, SessionError> {
        let placement = Placement { device: DeviceKind::Cpu, mode, threads, strict: false };
        Self::open(runtime, "network", emitted, placement, interrupt)
    }

    /// Makes a session of `emitted`; `name` is for messages.
    pub(super) fn open(
        runtime: &Runtime,
        name: &'static str,
        emitted: &Emitted,
        placement: Placement,
        interrupt: &Interrupt,
    ) -> Result<Self, SessionError> {
        let source = (name, emitted);
        Self::open_with(runtime, source, Replacements::default(), placement, interrupt)
    }

    /// The same with other constants in place of some of the checkpoint's weights.
    pub(super) fn open_with(
        runtime: &Runtime,
        (name, emitted): (&'static str, &Emitted),
        constants: Replacements,
        placement: Placement,
        interrupt: &Interrupt,
    ) -> Result<Self, SessionError> {
        let doing = format!("loading the {name}");
        let fail = |error: &ort::Error| fault(&doing, error);
        let mut builder = configured(runtime, emitted, placement).map_err(|error| fail(&error))?;
        for (name, value) in constants.into_values() {
            let added = builder.with_initializer(name, value).map_err(ort::Error::from);
            builder = added.map_err(|error| fail(&error))?;
        }
        {
            let mut load = interrupt.load.lock().unwrap_or_else(PoisonError::into_inner);
            if load.ended {
                return Err(SessionError::Interrupted);
            }
            load.canceler = Some(builder.canceler());
        }
        let session = builder.commit_from_memory(&emitted.model);
        interrupt.load.lock().unwrap_or_else(PoisonError::into_inner).canceler = None;
        match session {
            Ok(session) => Ok(Self { session, name, replaced: Replacements::default() }),
            Err(_) if interrupt.is_interrupted() => Err(SessionError::Interrupted),
            Err(error) => Err(fail(&error)),
        }
    }

    /// Whether the network has an input of that name.
    #[must_use]
    pub fn takes(&self, name: &str) -> bool {
        self.session.inputs().iter().any(|input| input.name() == name)
    }

    /// Runs the network; gives its first output.
    ///
    /// # Errors
    /// When ONNX Runtime fails, or [`SessionError::Interrupted`] once `interrupt` was used.
    pub fn run(
        &mut self,
        inputs: Vec<(&str, Input<'_>)>,
        interrupt: &Interrupt,
    ) -> Result<ArrayD<f32>, SessionError> {
        self.run_for(1, inputs, interrupt).map(|mut outputs| outputs.swap_remove(0))
    }

    /// Runs the network; gives its first `count` outputs in order.
    ///
    /// # Errors
    /// When ONNX Runtime fails, or [`SessionError::Interrupted`] once `interrupt` was used.
    pub fn run_for(
        &mut self,
        count: usize,
        inputs: Vec<(&str, Input<'_>)>,
        interrupt: &Interrupt,
    ) -> Result<Vec<ArrayD<f32>>, SessionError> {
        let doing = format!("running the {}", self.name);
        if interrupt.is_interrupted() {
            return Err(SessionError::Interrupted);
        }
        let fail = |error: &ort::Error| {
            if interrupt.is_interrupted() {
                SessionError::Interrupted
            } else {
                fault(&doing, error)
            }
        };
        let mut values: Vec<(&str, SessionInputValue<'_>)> =
            self.replaced.values().map(|(name, value)| (name, value.into())).collect();
        for (name, input) in inputs {
            values.push((name, owned(input).map_err(|error| fail(&error))?.into()));
        }
        let outputs =
            self.session.run_with_options(values, &*interrupt.run).map_err(|error| fail(&error))?;
        (0..count)
            .map(|index| {
                let missing = || SessionError::Runtime {
                    doing: doing.clone(),
                    message: format!("it has no output number {index}"),
                };
                let output = outputs.values().nth(index).ok_or_else(missing)?;
                let view = output.try_extract_array::<f32>();
                view.map(|view| view.to_owned()).map_err(|error| fail(&error))
            })
            .collect()
    }
}

fn owned(input: Input<'_>) -> ort::Result<DynValue> {
    Ok(match input {
        Input::Floats(view) => Tensor::from_array(view.to_owned())?.into_dyn(),
        Input::Integers(view) => Tensor::from_array(view.to_owned())?.into_dyn(),
    })
}

fn configured(
    runtime: &Runtime,
    emitted: &Emitted,
    placement: Placement,
) -> ort::Result<SessionBuilder> {
    let mut builder = Session::builder(runtime.environment)?
        .with_intra_threads(placement.threads)?
        .with_intra_op_spinning(false)?;
    if !emitted.folder.as_os_str().is_empty() {
        builder = builder.with_config_entry(
            "session.model_external_initializers_file_folder_path",
            emitted.folder.to_string_lossy(),
        )?;
    }
    if placement.strict {
        builder = builder.with_disable_cpu_fallback()?;
    }
    if placement.mode == Mode::LowMemory {
        // Without folding the casts stay in the graph; folding cannot be kept off at level All.
        builder = builder
            .with_prepacking(false)?
            .with_optimization_level(GraphOptimizationLevel::Level2)?
            .with_disabled_optimizers("ConstantFolding")?;
    }
    let provider = match placement.device {
        DeviceKind::Cpu => {
            let arena = placement.mode == Mode::Fast;
            return Ok(builder.with_execution_providers([ep::CPU::default()
                .with_arena_allocator(arena)
                .build()])?);
        }
        DeviceKind::OpenVino => ep::OpenVINO::default().with_device_type("CPU").build(),
        DeviceKind::WebGpu => ep::WebGPU::default().build(),
        DeviceKind::Cuda => ep::CUDA::default().build(),
        DeviceKind::DirectMl => ep::DirectML::default().build(),
        DeviceKind::CoreMl => ep::CoreML::default().build(),
    };
    Ok(builder.with_execution_providers([provider.error_on_failure()])?)
}

/// ONNX Runtime has no error code for memory; its messages tell.
pub(super) fn fault(doing: &str, error: &ort::Error) -> SessionError {
    let message = error.to_string();
    let doing = doing.to_owned();
    let starved = ["bad_alloc", "Failed to allocate memory", "out of memory", "OUTOFMEMORY"];
    if starved.iter().any(|sign| message.contains(sign)) {
        SessionError::OutOfMemory { doing, message }
    } else {
        SessionError::Runtime { doing, message }
    }
}

/// Gives freed memory back to the system. glibc keeps blocks of the size of packed weights.
pub(super) fn release_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        #[expect(unsafe_code, reason = "malloc_trim is a C function")]
        // SAFETY: takes no pointer and may be called at any time.
        unsafe {
            libc::malloc_trim(0);
        }
    }
}
