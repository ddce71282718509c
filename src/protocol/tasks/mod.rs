//! The tasks of the API beside `imageInference`, as requests and as results.
//!
//! Requests are read strictly: exact types, documented ranges, nothing unknown. Results keep what is not
//! documented. Newer names of tasks are written; older ones, and fields inside `inputs`, are read as well.

mod account;
mod background;
mod caption;
mod connection;
mod delivery;
mod enhance;
mod field;
mod masking;
mod past;
mod preprocess;
mod read;
mod search;
#[cfg(test)]
mod tests;
mod upload;
mod upscale;

pub use account::{AccountDetails, AccountManagement, AccountOperation};
pub use background::{BackgroundSettings, RemoveBackground};
pub use caption::{Caption, CaptionResult};
pub use connection::{Authenticated, Authentication, Ping, Pong};
pub use delivery::{Delivery, Inputs, MadeImage, TextDelivery};
pub use enhance::{EnhancedPrompt, PromptEnhance};
pub use masking::{Detection, ImageMasking, MaskResult};
pub use past::{GetResponse, GetTaskDetails, TaskDetails};
pub use preprocess::{ControlNetPreprocess, GuideResult, PreprocessSettings};
pub use read::NeighbourTask;
pub use search::{FoundModel, ModelSearch, ModelSearchResult};
pub use upload::{ImageUpload, UploadedImage};
pub use upscale::{Upscale, UpscaleSettings};

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::task::{Problem, Task};

/// A task of any type that is known here.
#[derive(Clone, Debug, PartialEq)]
pub enum AnyTask {
    /// Make pictures.
    ImageInference(Box<Task>),
    /// Open the connection.
    Authentication(Authentication),
    /// Keep the connection.
    Ping(Ping),
    /// What came of an earlier task so far.
    GetResponse(GetResponse),
    /// Request and response of an earlier task.
    GetTaskDetails(GetTaskDetails),
    /// Leave a picture with the server.
    ImageUpload(ImageUpload),
    /// A guide for a `ControlNet`.
    ControlNetPreprocess(Box<ControlNetPreprocess>),
    /// A mask of what is found in a picture.
    ImageMasking(Box<ImageMasking>),
    /// A larger version of a picture.
    Upscale(Box<Upscale>),
    /// A picture without its background.
    RemoveBackground(Box<RemoveBackground>),
    /// What a picture shows, in words.
    Caption(Box<Caption>),
    /// A prompt in more words.
    PromptEnhance(Box<PromptEnhance>),
    /// Which models there are.
    ModelSearch(Box<ModelSearch>),
    /// What is known of the account.
    AccountManagement(Box<AccountManagement>),
}

/// Calls `$with` with every neighbouring task: variant, and how its value is boxed.
macro_rules! neighbours {
    ($with:ident) => {
        $with! {
            Authentication: (|task| task),
            Ping: (|task| task),
            GetResponse: (|task| task),
            GetTaskDetails: (|task| task),
            ImageUpload: (|task| task),
            ControlNetPreprocess: Box::new,
            ImageMasking: Box::new,
            Upscale: Box::new,
            RemoveBackground: Box::new,
            Caption: Box::new,
            PromptEnhance: Box::new,
            ModelSearch: Box::new,
            AccountManagement: Box::new,
        }
    };
}

/// The type of tasks that make pictures.
const IMAGE_INFERENCE: &str = "imageInference";

impl AnyTask {
    /// Reads one task of any type.
    ///
    /// # Errors
    /// Everything that is wrong with it, each saying which task it belongs to.
    pub fn from_json(json: &Value) -> Result<Self, Vec<Problem>> {
        let Value::Object(members) = json else {
            let message = "A task must be a JSON object in { }.";
            return Err(vec![Problem::new("invalidRequest", message)]);
        };
        let name = match members.get("taskType") {
            Some(Value::String(name)) => name.as_str(),
            other => return Err(vec![read::no_type(other, members)]),
        };
        macro_rules! by_name {
            ($($variant:ident: $boxed:expr,)+) => {
                match name {
                    IMAGE_INFERENCE => Task::from_json(json).map(Box::new).map(Self::ImageInference),
                    $(name if $variant::has_name(name) => read::task::<$variant>(members)
                        .map($boxed).map(Self::$variant),)+
                    unknown => Err(vec![read::unknown_type(unknown, members, &Self::names())]),
                }
            };
        }
        neighbours!(by_name)
    }

    /// The task as it is sent.
    ///
    /// # Errors
    /// When a number in it is none that JSON can write.
    pub fn to_json(&self) -> serde_json::Result<Value> {
        macro_rules! written {
            ($($variant:ident: $boxed:expr,)+) => {
                match self {
                    Self::ImageInference(task) => serde_json::to_value(task),
                    $(Self::$variant(task) => read::written::<$variant>(task),)+
                }
            };
        }
        neighbours!(written)
    }

    /// `taskType`, by its newer name.
    #[must_use]
    pub const fn task_type(&self) -> &'static str {
        macro_rules! name {
            ($($variant:ident: $boxed:expr,)+) => {
                match self {
                    Self::ImageInference(_) => IMAGE_INFERENCE,
                    $(Self::$variant(_) => $variant::NAME,)+
                }
            };
        }
        neighbours!(name)
    }

    /// `taskUUID`; none for those that need none, or when it is no UUID.
    #[must_use]
    pub fn task_uuid(&self) -> Option<Uuid> {
        match self {
            Self::ImageInference(task) => Uuid::try_parse(task.task_uuid.as_deref()?).ok(),
            Self::Authentication(_) | Self::Ping(_) => None,
            Self::GetResponse(task) => Some(task.task_uuid),
            Self::GetTaskDetails(task) => Some(task.task_uuid),
            Self::ImageUpload(task) => Some(task.task_uuid),
            Self::ControlNetPreprocess(task) => Some(task.task_uuid),
            Self::ImageMasking(task) => Some(task.task_uuid),
            Self::Upscale(task) => Some(task.task_uuid),
            Self::RemoveBackground(task) => Some(task.task_uuid),
            Self::Caption(task) => Some(task.task_uuid),
            Self::PromptEnhance(task) => Some(task.task_uuid),
            Self::ModelSearch(task) => Some(task.task_uuid),
            Self::AccountManagement(task) => Some(task.task_uuid),
        }
    }

    /// Whether tasks of that type, by its newer or an older name, are paid for: they say so with
    /// `includeCost`, which those that cost nothing do not take. Types that are not known here are
    /// taken for paid, but for the two of the document that store files.
    #[must_use]
    pub fn is_paid(task_type: &str) -> bool {
        macro_rules! has_cost {
            ($($variant:ident: $boxed:expr,)+) => {
                match task_type {
                    $(name if $variant::has_name(name) => read::has_field::<$variant>("includeCost"),)+
                    name => !["modelUpload", "mediaStorage"].contains(&name),
                }
            };
        }
        neighbours!(has_cost)
    }

    /// The newer names of all types.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        macro_rules! all {
            ($($variant:ident: $boxed:expr,)+) => {
                vec![IMAGE_INFERENCE, $($variant::NAME,)+]
            };
        }
        neighbours!(all)
    }
}

/// Fields that are not documented.
pub type Extra = Map<String, Value>;
