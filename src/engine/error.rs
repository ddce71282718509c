//! What can go wrong in the engine, and how the user is told.

use std::borrow::Cow;

use super::image_encoder::EncoderMissing;
use super::runtime::RuntimeError;
use super::safety::ClassifierMissing;
use super::session::SessionError;
use crate::graph::GraphError;
use crate::jobs::{Failure, FailureKind};
use crate::prompt::TokenizerError;
use crate::sampling::ScheduleError;
use crate::weights::WeightsError;

/// Why a job failed.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// ONNX Runtime is not there.
    #[error(transparent)]
    RuntimeMissing(#[from] RuntimeError),

    /// The task asks for a check whose network is not there.
    #[error(transparent)]
    ClassifierMissing(#[from] ClassifierMissing),

    /// The task asks for an IP-Adapter whose image encoder is not there.
    #[error(transparent)]
    EncoderMissing(#[from] EncoderMissing),

    /// The checkpoint cannot be read.
    #[error(transparent)]
    Weights(#[from] WeightsError),

    /// The checkpoint does not fit its config.
    #[error(transparent)]
    Graph(#[from] GraphError),

    /// The tokenizer's files are damaged.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),

    /// The model's scheduler config asks for something unknown.
    #[error("the model's scheduler config cannot be used: {0}")]
    Schedule(#[from] ScheduleError),

    /// `resolve` lets no such request through to this engine.
    #[error("the scheduler `{0}` is not on the local engine yet")]
    SchedulerNotHere(&'static str),

    /// A session failed.
    #[error(transparent)]
    Session(#[from] SessionError),

    /// The network's answer is not numbers.
    #[error("the {part} gave values that are not numbers at step {step}")]
    NotNumbers {
        /// Which network.
        part: &'static str,
        /// Which step, from 1.
        step: usize,
    },

    /// A picture or a prompt of the task cannot be used.
    #[error("what {parameter} holds cannot be used: {why}")]
    Input {
        /// The parameter that holds it.
        parameter: Cow<'static, str>,
        /// Why.
        why: String,
    },

    /// The result could not be kept.
    #[error("{0}")]
    Keep(Failure),
}

impl EngineError {
    /// What stands at `parameter` (`seedImage`, `lora[0].model`) cannot be used.
    pub(super) fn input(parameter: impl Into<Cow<'static, str>>, why: impl Into<String>) -> Self {
        Self::Input { parameter: parameter.into(), why: why.into() }
    }

    /// The failure as the user meets it.
    #[must_use]
    pub fn into_failure(self) -> Failure {
        let details = match &self {
            Self::RuntimeMissing(error) => error.details(),
            Self::ClassifierMissing(error) => error.details(),
            Self::EncoderMissing(error) => error.details(),
            other => format!("{other:?}"),
        };
        let (kind, headline) = match self {
            Self::Keep(failure) => return failure,
            Self::RuntimeMissing(error) => (FailureKind::RuntimeMissing, error.to_string()),
            Self::ClassifierMissing(error) => {
                (FailureKind::Missing("checkNSFW"), error.to_string())
            }
            Self::EncoderMissing(error) => (FailureKind::Missing("ipAdapters"), error.to_string()),
            Self::Weights(error) => (FailureKind::Model, error.to_string()),
            Self::Graph(error @ GraphError::Read { .. }) => (FailureKind::Model, error.to_string()),
            Self::Graph(error) => {
                (FailureKind::Model, format!("the checkpoint does not fit its config: {error}"))
            }
            Self::Tokenizer(error) => (FailureKind::Model, error.to_string()),
            Self::Input { ref parameter, .. } => {
                (FailureKind::Input(parameter.clone()), self.to_string())
            }
            Self::SchedulerNotHere(_) => (FailureKind::Other, self.to_string()),
            Self::Schedule(_) => (FailureKind::Model, self.to_string()),
            Self::Session(SessionError::OutOfMemory { doing, .. }) => (
                FailureKind::OutOfMemory,
                format!(
                    "Not enough memory while {doing}. Choose a smaller size or close other programs"
                ),
            ),
            Self::Session(error) => (FailureKind::Other, error.to_string()),
            Self::NotNumbers { .. } => (
                FailureKind::Model,
                format!(
                    "{self}; lower the weights of LoRAs and ControlNets or choose another scheduler. \
                     Without them, the checkpoint is damaged: get it again"
                ),
            ),
        };
        Failure { kind, headline: sentence(&headline), details }
    }
}

/// With a capital at the beginning, as people read it.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
