//! The local engine: a provider over ONNX Runtime.
//!
//! Turns a request into pictures: opens the checkpoint, writes its graphs, runs them, samples and
//! decodes. `session` is the only file that runs ONNX Runtime; nothing here knows a window.

mod annotate;
mod control;
mod deep_cache;
mod device;
mod doctor;
mod embeddings;
mod error;
mod forecast;
mod image_encoder;
mod image_prompt;
mod loaded;
mod local;
mod lora;
mod mode;
mod preview;
mod replacements;
mod runtime;
mod safety;
mod sampling_loop;
mod session;
mod start;
mod text;
mod together;
mod vae;
mod workbench;

pub use annotate::LocalGuides;
pub use device::offered_devices;
pub use doctor::{Report, diagnose};
pub use error::EngineError;
pub use forecast::Forecast;
pub use image_encoder::{EncoderMissing, companion_missing};
pub use loaded::Part;
pub use local::{LocalEngine, Settings};
pub use mode::Mode;
pub use runtime::{Runtime, RuntimeError, SearchPath};
pub use safety::{Classifier, ClassifierFile, ClassifierMissing, ClassifierPath};
pub use session::{Input, Interrupt, Network, SessionError};
pub use workbench::Workbench;
