//! Guides that networks draw: ONNX exports of the annotators that ControlNets were trained with.
//!
//! An export is known by the type it is asked for and by the names and shapes of what it takes and
//! gives; nobody has to describe it. Runs on the CPU: a guide is one call.
//!
//! | type | takes, as `[1, 3, H, W]` | gives |
//! |---|---|---|
//! | depth | `ImageNet`'s normalisation | `[1, H, W]` or `[1, 1, H, W]`, larger is nearer |
//! | normalbae | `ImageNet`'s normalisation | `[1, 3 or 4, H, W]`, the last if several: −1–1 |
//! | lineart | 0–1 | `[1, 1, H, W]`, 1 is paper |
//! | `lineart_anime` | −1–1 | `[1, 1, H, W]`, 1 is paper, −1 ink |
//! | softedge | 0–1, blue first | `[1, 1, H, W]`, 1 is an edge (`PiDiNet`) |
//! | softedge | 0–255 | five `[1, 1, h, w]`, logits (HED) |
//! | seg | `ImageNet`'s normalisation | `[1, 150, h, w]`, logits of ADE20K's classes |
//! | openpose | `ImageNet`'s normalisation, fixed size | `simcc_x`, `simcc_y`: `[1, K, W]`, K 17, 26 or 133 |
//! | mlsd | −1–1 and a channel of ones, so four | `[1, 5 or more, h, w]`: centres, displacements |

mod answer;
mod form;
mod palette;
mod pose;
mod segments;

use std::path::Path;

use ndarray::ArrayD;

use self::answer::Answer;
use self::form::Form;
use super::Mode;
use super::device::DeviceKind;
use super::runtime::{Runtime, RuntimeError, SearchPath};
use super::session::{Input, Interrupt, Network, Placement, SessionError};
use crate::jobs::{Cancel, Failure, FailureKind, GuideMaker, GuideOrder};
use crate::pixels::{Extent, Picture, Stopped};
use crate::task::{Preprocess, Preprocessor};

/// The parameter that names the type.
const PARAMETER: &str = "preProcessorType";

/// Makes guides on this machine.
#[derive(Clone, Debug)]
pub struct LocalGuides {
    /// Where ONNX Runtime is looked for; not asked for guides that a rule makes.
    pub search: SearchPath,
    /// Threads of the CPU kernels.
    pub threads: usize,
}

impl GuideMaker for LocalGuides {
    fn make(&self, order: &GuideOrder<'_>, cancel: &Cancel) -> Result<Picture, Failure> {
        let source = order.preprocess.source(order.picture);
        if let Some(path) = order.annotator {
            let drawn = self.annotated(&order.preprocess, path, &source, cancel);
            return drawn.map_err(|error| error.into_failure(path));
        }
        let Some(rule) = order.preprocess.rule() else {
            return Err(Failure {
                kind: FailureKind::Missing(PARAMETER),
                headline: format!("{} is drawn by a network", order.preprocess.preprocessor),
                details: String::new(),
            });
        };
        source.guide(rule, &|| cancel.is_cancelled()).map_err(|Stopped| stopped())
    }
}

impl LocalGuides {
    /// What the network at `path` draws of `picture`.
    fn annotated(
        &self,
        preprocess: &Preprocess,
        path: &Path,
        picture: &Picture,
        cancel: &Cancel,
    ) -> Result<Picture, AnnotateError> {
        let runtime = Runtime::find(&self.search)?;
        let interrupt = Interrupt::new(&runtime)?;
        let on_cancel = interrupt.clone();
        cancel.on_cancel(move || on_cancel.interrupt());
        let placement = Placement {
            device: DeviceKind::Cpu,
            mode: Mode::Fast,
            threads: self.threads,
            strict: false,
        };
        let network = Network::open_file(&runtime, "annotator", path, placement, &interrupt)?;
        let form = Form::of(&network, preprocess.preprocessor)?;
        let mut annotator = Annotator { network, form, interrupt };
        let (sent, outputs) = annotator.run(picture)?;
        let answer = Answer { sent, outputs, extent: picture.extent() };
        answer.read(preprocess, &|| cancel.is_cancelled())
    }
}

/// A network whose form is known.
struct Annotator {
    network: Network,
    form: Form,
    interrupt: Interrupt,
}

impl Annotator {
    /// Shows it `picture`: the size it was shown at, and what it gives.
    fn run(&mut self, picture: &Picture) -> Result<(Extent, Vec<ArrayD<f32>>), AnnotateError> {
        let mut refused = None;
        for extent in self.form.sizes(picture.extent()) {
            let values = self.form.values(picture, extent);
            let inputs = vec![(self.form.input.as_str(), Input::Floats(values.view().into_dyn()))];
            match self.network.run_for(self.form.outputs, inputs, &self.interrupt) {
                Ok(outputs) => return Ok((extent, outputs)),
                // Some open sizes have to be multiples of 14, others of 32; no file says so.
                Err(error @ SessionError::Runtime { .. }) => refused = Some(error),
                Err(error) => return Err(error.into()),
            }
        }
        Err(refused.unwrap_or(SessionError::Interrupted).into())
    }
}

/// Why there is no guide.
#[derive(Debug, thiserror::Error)]
enum AnnotateError {
    #[error(transparent)]
    RuntimeMissing(#[from] RuntimeError),

    #[error(transparent)]
    Session(#[from] SessionError),

    /// The file is a network, but none of those above.
    #[error("the annotator is not of a known form: {0}")]
    Form(String),

    #[error("the annotator gave values that are not numbers")]
    NotNumbers,

    #[error(transparent)]
    Stopped(#[from] Stopped),
}

impl AnnotateError {
    /// The failure as the user meets it; `path` is the annotator's.
    fn into_failure(self, path: &Path) -> Failure {
        let details = match &self {
            Self::RuntimeMissing(error) => error.details(),
            other => format!("{other:?}"),
        };
        let at_path = |text: String| format!("{text}: {}", path.display());
        let (kind, headline) = match self {
            Self::Stopped(_) | Self::Session(SessionError::Interrupted) => return stopped(),
            Self::RuntimeMissing(error) => (FailureKind::RuntimeMissing, error.to_string()),
            Self::Session(SessionError::OutOfMemory { .. }) => (
                FailureKind::OutOfMemory,
                at_path("Not enough memory for the annotator; make the picture smaller".to_owned()),
            ),
            Self::Session(SessionError::Runtime { message, .. }) => {
                let message = message.trim_end().trim_end_matches('.');
                (
                    FailureKind::Model,
                    at_path(format!(
                        "The annotator cannot be used ({message}); export or download it again"
                    )),
                )
            }
            Self::Form(_) | Self::NotNumbers => (FailureKind::Model, at_path(self.to_string())),
        };
        Failure { kind, headline, details }
    }
}

fn stopped() -> Failure {
    Failure { kind: FailureKind::Other, headline: "stopped".to_owned(), details: String::new() }
}

/// A form error for an annotator of that type, with what it should be.
fn unknown(preprocessor: Preprocessor, why: &str) -> AnnotateError {
    AnnotateError::Form(format!("{why} ({preprocessor})"))
}
