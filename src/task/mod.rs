//! Tasks: what is asked for, exactly as the API documents it, and whether it can be done.
//!
//! Pure: knows pictures and the names of samplers, no engine, no network, no window.
//!
//! | file | holds |
//! |---|---|
//! | `wire` | [`Task`], the `imageInference` object, and the objects inside it |
//! | `parameters` | [`PARAMETERS`]: type, range, default, label and help of each parameter |
//! | `architectures` | [`Architecture`]: which family takes which parameter |
//! | `schedulers` | [`SCHEDULERS`]: every documented name and its sampler |
//! | `air`, `model` | the identifier of a model, and what is known of one |
//! | `read` | JSON → tasks: [`Task::from_json`], [`read_tasks`] |
//! | `resolve` | task → [`Request`]: [`resolve()`]; `given`, `shape`, `check` and `rules` do its parts |
//! | `stacks` | the further models of a request: LoRAs, embeddings, guides |
//! | `portability` | what becomes of each field on each engine: [`portability()`] |
//! | `preprocess` | [`Preprocess`], what `controlNetPreprocess` asks for beside the picture |
//! | `problem`, `several` | [`Problem`], the API's error object; [`Problems`], a bounded list of them |
//! | `answer` | [`Answer`], the API's result object |
//!
//! To add a parameter: a field in `wire`, a row in `parameters`; the compiler and the laws in
//! `tests` ask for the rest.

mod air;
mod answer;
mod architectures;
mod check;
mod given;
mod model;
mod nearest;
mod parameters;
mod portability;
mod preprocess;
mod problem;
mod read;
mod request;
mod resolve;
mod rules;
mod schedulers;
mod several;
mod shape;
mod stacks;
mod wire;

#[cfg(test)]
mod tests;

pub use air::{Air, AirError};
pub use answer::{Answer, DeliveredImage, ImageResult};
pub use architectures::Architecture;
pub use model::{Catalog, ModelCard, ModelDefaults, ModelKind};
pub use parameters::{DefaultValue, Kind, Local, PARAMETERS, ParameterRow};
pub use portability::{FieldReport, Surroundings, Verdict, portability};
pub use preprocess::Preprocess;
pub use problem::{ParameterName, Problem};
pub use read::read_tasks;
pub use request::{DEFAULT_STRENGTH, Request, StartFrom, steps_at_strength};
pub use resolve::{BLANK_PROMPT, EngineKind, resolve};
pub use schedulers::{SCHEDULERS, SchedulerRow};
pub use several::{MOST_PROBLEMS, Problems};
pub use stacks::{Control, DeepCache, ImagePrompt, Weighted, Window};
pub use wire::{
    AcceleratorOptions, AcePlusPlus, AceType, AdvancedFeatures, ControlMode, ControlNet,
    DeliveryMethod, Embedding, ImageRef, ImageRefError, IpAdapter, Lora, Outpaint, OutputFormat,
    OutputType, Preprocessor, PromptWeighting, PuLid, Refiner, Task, TaskType,
};
